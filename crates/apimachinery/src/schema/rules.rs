//! Validation rules (`x-kubernetes-validations`): compiled with the schema, enforced on objects, judged when a definition
//! is written. Words, order and limits are kube-apiserver's.
//!
//! Start reading at [`Rules`]; `enforce` walks an object, `judge` a schema.

mod declare;
mod enforce;
mod judge;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::node::{Additional, Kind, Node};
use crate::{
    FieldError,
    cel::{CompileError, Declared, DeclaredKind, Program, Wanted},
    definition::path::{self, Step},
};

pub use enforce::{Effort, Verdict};
pub(super) use {
    enforce::{enforce, enforce_default},
    judge::judge,
};

/// Where a schema keeps its rules.
const KEY: &str = "x-kubernetes-validations";
/// Most rules of a schema, with all schemas in it.
pub const MAX_RULES: usize = 1024;
/// Most that the rules of an object may cost together, in Kubernetes' units.
pub const MAX_OBJECT_COST: u64 = 10_000_000;

/// The rules of one schema.
#[derive(Debug)]
pub(super) struct Rules {
    list: Vec<Rule>,
    /// What values are to the rules; `None` for values that rules cannot speak of.
    declared: Option<Arc<Declared>>,
    /// How often such a value can stand in an object; `None` if nothing bounds that but the object's size.
    occurrences: Option<u64>,
}

/// A rule.
#[derive(Debug)]
struct Rule {
    expression: String,
    message: String,
    message_expression: String,
    reason: Reason,
    /// Where its error is told, below the value.
    field_path: Option<String>,
    optional_old: Option<bool>,
    /// `None` before it is compiled; the error is what is wrong with it.
    program: Option<Result<Program, String>>,
    message_program: Option<Result<Program, String>>,
}

/// What kind of error a rule tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Invalid,
    Forbidden,
    Required,
    Duplicate,
}

impl Rule {
    fn read(rule: &Map<String, Value>, schema: &Map<String, Value>) -> Rule {
        let text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Rule {
            expression: text("rule"),
            message: text("message"),
            message_expression: text("messageExpression"),
            reason: match text("reason").as_str() {
                "FieldValueForbidden" => Reason::Forbidden,
                "FieldValueRequired" => Reason::Required,
                "FieldValueDuplicate" => Reason::Duplicate,
                _ => Reason::Invalid,
            },
            field_path: path::follow(&text("fieldPath"), schema, true)
                .ok()
                .and_then(|found| shown(&found.steps)),
            optional_old: rule.get("optionalOldSelf").and_then(Value::as_bool),
            program: None,
            message_program: None,
        }
    }

    fn takes_optional_old(&self) -> bool {
        self.optional_old == Some(true)
    }

    fn compile(&mut self, declared: &Arc<Declared>) {
        if self.expression.trim().is_empty() {
            return;
        }
        let optional = self.takes_optional_old();
        let compiled = Program::compile(&self.expression, declared, optional, Wanted::Bool);
        let is_sound = compiled.is_ok();
        self.program = Some(compiled.map_err(|error| match error {
            CompileError::Faults(faults) => format!("compilation failed: {faults}"),
            CompileError::Result => "cel expression must evaluate to a bool".to_owned(),
        }));
        if is_sound && !self.message_expression.is_empty() {
            let compiled = Program::compile(&self.message_expression, declared, optional, Wanted::String);
            self.message_program = Some(compiled.map_err(|error| match error {
                CompileError::Faults(faults) => format!("messageExpression compilation failed: {faults}"),
                CompileError::Result => "messageExpression must evaluate to a string".to_owned(),
            }));
        }
    }

    /// What names the rule in an error about its evaluation.
    fn name(&self) -> &str {
        let message = self.message.trim();
        if self.message.is_empty() { self.expression.trim() } else { message }
    }

    /// What a value is told that breaks the rule.
    fn default_message(&self) -> String {
        match self.message.is_empty() {
            true => format!("failed rule: {}", self.name()),
            false => self.message.trim().to_owned(),
        }
    }
}

/// A path as its text; `None` for no path.
fn shown(steps: &[Step]) -> Option<String> {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Key(key) => {
                text.push('[');
                text.push_str(key);
                text.push(']');
            }
        }
    }
    (!text.is_empty()).then_some(text)
}

/// The rules of a schema document, not compiled yet.
pub(super) fn read(schema: &Map<String, Value>) -> Option<Box<Rules>> {
    let rules = schema.get(KEY)?.as_array()?;
    let list: Vec<Rule> =
        rules.iter().filter_map(Value::as_object).map(|rule| Rule::read(rule, schema)).collect();
    (!list.is_empty()).then(|| Box::new(Rules { list, declared: None, occurrences: None }))
}

/// How many rules a schema has, with all schemas in it.
fn count(node: &Node) -> usize {
    let own = node.rules.as_ref().map_or(0, |rules| rules.list.len());
    let mut below: Vec<&Node> = node.properties.values().collect();
    below.extend(node.items.as_deref());
    if let Additional::Schema(schema) = &node.additional {
        below.push(schema);
    }
    own + below.into_iter().map(count).sum::<usize>()
}

/// Compiles the rules of a whole schema, which is called `name`.
pub(super) fn compile(root: &mut Node, name: &str) -> Result<(), FieldError> {
    if !root.has_rules {
        return Ok(());
    }
    let count = count(root);
    if count > MAX_RULES {
        let detail = format!("a schema may have at most {MAX_RULES} rules, not {count}");
        return Err(FieldError::forbidden(name, detail));
    }
    let declared = declare::declare(root, true);
    attach(root, &declared, Some(1));
    Ok(())
}

fn attach(node: &mut Node, declared: &Arc<Declared>, occurrences: Option<u64>) {
    if !node.has_rules {
        return;
    }
    if let Some(rules) = &mut node.rules {
        rules.occurrences = occurrences;
        if declared.is_exposed() {
            rules.declared = Some(declared.clone());
            rules.list.iter_mut().for_each(|rule| rule.compile(declared));
        }
    }
    let elements = match node.kind {
        Some(Kind::Array) => node.limits.max_items.map(|most| u64::try_from(most).unwrap_or(0)),
        Some(Kind::Object) if !matches!(node.additional, Additional::Nothing) => {
            node.limits.max_properties.map(|most| u64::try_from(most).unwrap_or(0))
        }
        _ => Some(1),
    };
    let inside = occurrences.zip(elements).map(|(outer, inner)| outer.saturating_mul(inner));
    // A value that rules cannot speak of has parts that they can: those are declared on their own.
    let fresh = |node: &Node| declare::declare(node, node.embedded_resource);
    if let Some(items) = &mut node.items {
        match &declared.kind {
            DeclaredKind::List(item, _) => attach(items, item, inside),
            _ => attach(items, &fresh(items), inside),
        }
    }
    if let Additional::Schema(schema) = &mut node.additional {
        match &declared.kind {
            DeclaredKind::Map(value) => attach(schema, value, inside),
            _ => attach(schema, &fresh(schema), inside),
        }
    }
    for (name, property) in &mut node.properties {
        match &declared.kind {
            DeclaredKind::Object(fields) if fields.contains_key(name) => {
                attach(property, &fields[name], inside);
            }
            _ => attach(property, &fresh(property), inside),
        }
    }
}

#[cfg(test)]
mod tests;
