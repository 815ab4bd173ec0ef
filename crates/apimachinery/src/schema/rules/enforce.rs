//! Evaluating the rules of a schema on an object.

use serde_json::Value as Json;

use super::{MAX_OBJECT_COST, Reason, Rule, Rules};
use crate::{
    FieldError,
    cel::{Expense, Failure, MAX_EXPENSE, Value},
    schema::{
        MAX_FINDINGS, Path,
        lists::Correlated,
        node::{Additional, Kind, ListType, Node},
    },
    status::FieldCause,
};

/// Longest message that an expression may give, bytes.
const MAX_MESSAGE_BYTES: usize = 5 * 1024;
/// Where Kubernetes puts errors about the whole object.
const NOWHERE: &str = "<nil>";

/// How much may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Little: what takes longer is not finished.
    Little,
    /// As much as rules may cost.
    Full,
}

/// What may be spent with [`Effort::Little`]; about a millisecond.
const LITTLE: Expense = Expense { cost: 50_000, work: 200_000 };
/// What may be spent on an object.
const FULL: Expense = Expense { cost: MAX_OBJECT_COST, work: 20_000_000 };

/// What the rules say of an object.
#[derive(Debug, Default, PartialEq)]
pub struct Verdict {
    /// What is wrong.
    pub errors: Vec<FieldError>,
    /// What was as wrong before and did not change.
    pub warnings: Vec<String>,
}

/// Evaluates all rules; `None` if that is not done with little effort.
pub(in crate::schema) fn enforce(
    node: &Node,
    value: &Json,
    old: Option<&Json>,
    effort: Effort,
) -> Option<Verdict> {
    let mut court = Court::new(effort);
    let before = Before { here: old.map(|old| Pair { node, new: value, old }), around: None };
    court.visit(node, value, old, &Path::Root, before);
    (!court.unfinished).then_some(court.verdict)
}

/// Evaluates the rules of a default: it is its own past.
pub(in crate::schema) fn enforce_default(node: &Node, default: &Json) -> Vec<FieldError> {
    let mut court = Court::new(Effort::Full);
    court.visit(node, default, Some(default), &Path::Root, Before::default());
    let whole = |error: FieldError| match error.field.as_str() {
        NOWHERE => FieldError { field: String::new(), ..error },
        _ => error,
    };
    court.verdict.errors.into_iter().map(whole).collect()
}

struct Court {
    verdict: Verdict,
    budget: Expense,
    effort: Effort,
    /// Whether no further rules are evaluated.
    ended: bool,
    unfinished: bool,
}

/// A value and what it was before.
#[derive(Clone, Copy)]
struct Pair<'a> {
    node: &'a Node,
    new: &'a Json,
    old: &'a Json,
}

/// What is known of a value's past: its own, or that of the nearest value around it that has one.
#[derive(Clone, Copy, Default)]
struct Before<'a> {
    here: Option<Pair<'a>>,
    around: Option<Pair<'a>>,
}

impl<'a> Before<'a> {
    /// That of a field or a key.
    fn key(self, key: &str) -> Self {
        let Some(pair) = self.here else { return self };
        if self.around.is_none() && matches!(key, "apiVersion" | "kind") {
            // These change with the version an object is asked for in.
            return Before::default();
        }
        Before { here: pair.key(key), around: self.here }
    }

    /// That of an item.
    fn item(self, node: &'a Node, new: &'a Json, old: Option<&'a Json>) -> Self {
        if self.here.is_none() {
            return self;
        }
        Before { here: old.map(|old| Pair { node, new, old }), around: self.here }
    }

    /// Whether what breaks a rule was so before and did not change.
    fn is_unchanged(self) -> bool {
        self.here.or(self.around).is_some_and(Pair::is_same)
    }
}

impl<'a> Pair<'a> {
    fn key(self, key: &str) -> Option<Pair<'a>> {
        let node = self.node.property(key)?;
        Some(Pair { node, new: self.new.get(key)?, old: self.old.get(key)? })
    }

    /// What no schema is about is never the same, as Kubernetes has it.
    fn is_same(self) -> bool {
        match (self.new, self.old) {
            (Json::Object(new), Json::Object(old)) => {
                new.len() == old.len() && new.keys().all(|key| self.key(key).is_some_and(Pair::is_same))
            }
            (Json::Array(new), Json::Array(old)) if self.node.list_type == ListType::Map => {
                let Some(node) = &self.node.items else { return new == old };
                let before = Correlated::new(self.node, Some(self.old));
                let is_same = |new| before.partner(new).is_some_and(|old| Pair { node, new, old }.is_same());
                new.len() == old.len() && new.iter().all(is_same)
            }
            (new, old) => new == old,
        }
    }
}

impl Court {
    fn new(effort: Effort) -> Self {
        let budget = match effort {
            Effort::Little => LITTLE,
            Effort::Full => FULL,
        };
        Court { verdict: Verdict::default(), budget, effort, ended: false, unfinished: false }
    }

    fn visit(&mut self, node: &Node, value: &Json, old: Option<&Json>, path: &Path<'_>, before: Before<'_>) {
        if !node.has_rules || self.ended || value.is_null() {
            return;
        }
        if let Some(rules) = &node.rules {
            self.rules(node, rules, value, old.filter(|old| !old.is_null()), path, before);
        }
        match value {
            Json::Array(items) => {
                let Some(schema) = &node.items else { return };
                let partners = Correlated::new(node, old);
                for (index, item) in items.iter().enumerate() {
                    let old = partners.partner(item);
                    let before = before.item(schema, item, old);
                    self.visit(schema, item, old, &Path::Index(path, index), before);
                }
            }
            Json::Object(map) => {
                for (key, value) in map {
                    let old = old.and_then(|old| old.get(key));
                    if let Some(schema) = node.properties.get(key) {
                        self.visit(schema, value, old, &Path::Key(path, key), before.key(key));
                    } else if let Additional::Schema(schema) = &node.additional {
                        self.visit(schema, value, old, &Path::MapKey(path, key), before.key(key));
                    }
                }
            }
            _ => {}
        }
    }

    fn rules(
        &mut self,
        node: &Node,
        rules: &Rules,
        value: &Json,
        old: Option<&Json>,
        path: &Path<'_>,
        before: Before<'_>,
    ) {
        let Some(declared) = &rules.declared else { return };
        let type_name = node.kind.map_or("", Kind::as_str);
        let at = place(path);
        let invalid = |detail: String| FieldError::invalid(at.as_str(), type_name, detail);
        let own = Value::read(value, declared);
        let old_value = old.map(|old| Value::read(old, declared));
        for rule in &rules.list {
            if self.ended || self.verdict.errors.len() >= MAX_FINDINGS {
                return;
            }
            let program = match &rule.program {
                None => continue,
                Some(Err(why)) => {
                    self.verdict.errors.push(invalid(format!("rule compile error: {why}")));
                    continue;
                }
                Some(Ok(program)) => program,
            };
            let optional = rule.takes_optional_old();
            if program.uses_old() && old.is_none() && !optional {
                continue;
            }
            let given = values(&own, old_value.as_ref(), optional);
            let (result, cost) = match &given {
                Ok((own, old)) => program.evaluate(own, old.as_ref(), self.limit()),
                Err(failure) => (Err(failure.clone()), Expense { cost: 0, work: 0 }),
            };
            if !self.pay(cost) {
                let why = "validation failed due to running out of cost budget, no further validation rules will be run";
                return self.end(invalid(why.to_owned()));
            }
            let name = rule.name();
            match result {
                Ok(Value::Bool(true)) => continue,
                Ok(_) => {}
                Err(Failure::OverLimit) => {
                    return self.end(invalid(format!(
                        "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: {name}"
                    )));
                }
                Err(Failure::Error(why)) if why.starts_with("no such overload") => {
                    let error = invalid(format!(
                        "'{why}': call arguments did not match a supported operator, function or macro signature for rule: {name}"
                    ));
                    self.verdict.errors.push(error);
                    continue;
                }
                Err(Failure::Error(why)) => {
                    self.verdict.errors.push(invalid(format!("{why} evaluating rule: {name}")));
                    continue;
                }
            }
            let message = match given.as_ref().ok().and_then(|(own, old)| {
                let program = rule.message_program.as_ref()?.as_ref().ok()?;
                Some(program.evaluate(own, old.as_ref(), self.limit()))
            }) {
                None => rule.default_message(),
                Some((result, cost)) => {
                    let over = |what: &str| FieldError::invalid(told_at(rule, path), type_name, what);
                    if !self.pay(cost) {
                        return self.end(over("messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run"));
                    }
                    match result {
                        Err(Failure::OverLimit) => {
                            return self.end(over(&format!(
                                "no further validation rules will be run due to call cost exceeds limit for messageExpression: {}",
                                crate::status::quote(&rule.message_expression)
                            )));
                        }
                        result => told(&result).unwrap_or_else(|| rule.default_message()),
                    }
                }
            };
            let error = broken(rule, told_at(rule, path), node, value, message);
            if !program.uses_old() && before.is_unchanged() {
                if self.verdict.warnings.len() < MAX_FINDINGS {
                    self.verdict.warnings.push(error.to_string());
                }
            } else {
                self.verdict.errors.push(error);
            }
        }
    }

    /// What the next evaluation may take. Kubernetes finds out afterwards that the object's budget is spent.
    fn limit(&self) -> Expense {
        let cost = match self.effort {
            Effort::Little => MAX_EXPENSE.cost.min(self.budget.cost),
            Effort::Full => MAX_EXPENSE.cost,
        };
        Expense { cost, work: MAX_EXPENSE.work.min(self.budget.work) }
    }

    /// Takes an expense from the budget; `false` if its cost is more than there is.
    fn pay(&mut self, spent: Expense) -> bool {
        self.budget.work = self.budget.work.saturating_sub(spent.work);
        match self.budget.cost.checked_sub(spent.cost) {
            Some(rest) => {
                self.budget.cost = rest;
                true
            }
            None => false,
        }
    }

    fn end(&mut self, error: FieldError) {
        self.ended = true;
        self.unfinished = self.effort == Effort::Little;
        self.verdict.errors.push(error);
    }
}

/// What `self` and `oldSelf` are to a rule.
fn values<'a>(
    own: &Result<Value<'a>, Failure>,
    old: Option<&Result<Value<'a>, Failure>>,
    optional: bool,
) -> Result<(Value<'a>, Option<Value<'a>>), Failure> {
    let old = old.cloned().transpose()?;
    let old = if optional { Some(Value::optional(old)) } else { old };
    Ok((own.clone()?, old))
}

/// A place; Kubernetes has none for the object itself.
fn place(path: &Path<'_>) -> String {
    match path {
        Path::Root => NOWHERE.to_owned(),
        path => path.to_string(),
    }
}

/// Where an error is told.
fn told_at(rule: &Rule, path: &Path<'_>) -> String {
    match (&rule.field_path, path) {
        (None, path) => place(path),
        (Some(below), Path::Root) => below.clone(),
        (Some(below), path) => format!("{path}.{below}"),
    }
}

/// The message that an expression gave, if it is one.
fn told(result: &Result<Value<'_>, Failure>) -> Option<String> {
    let Ok(Value::String(text)) = result else { return None };
    let text = text.trim();
    let is_message = !text.is_empty() && text.len() <= MAX_MESSAGE_BYTES && !text.contains('\n');
    is_message.then(|| text.to_owned())
}

fn broken(rule: &Rule, field: String, node: &Node, value: &Json, message: String) -> FieldError {
    let shows_value = !matches!(node.kind, Some(Kind::Object | Kind::Array));
    match rule.reason {
        Reason::Forbidden => FieldError::forbidden(field, message),
        Reason::Required => FieldError::required(field, message),
        Reason::Duplicate if shows_value => FieldError::duplicate(field, value.clone()),
        Reason::Invalid if shows_value => FieldError::invalid(field, value.clone(), message),
        // Of what is large only the place is told.
        Reason::Duplicate => {
            FieldError { field, cause: FieldCause::FieldValueDuplicate, value: None, detail: String::new() }
        }
        Reason::Invalid => {
            FieldError { field, cause: FieldCause::FieldValueInvalid, value: None, detail: message }
        }
    }
}
