//! Structural schemas (the OpenAPI v3 subset of CRDs): prune, default, validate.
//!
//! A document is compiled once (`compile`); each of the three jobs is one walk of a value along the compiled tree.
//! INVARIANT: the compiled tree is at most [`MAX_SCHEMA_DEPTH`] deep and holds no references, so every walk's recursion is
//! bounded, whatever the value.

mod compile;
mod defaults;
mod embedded;
pub(crate) mod formats;
pub(crate) mod lists;
mod node;
pub(crate) mod readings;
mod rules;
mod validate;

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::FieldError;
use node::{Additional, Node};

pub(crate) use compile::MAX_PATTERN_SIZE_BYTES;
pub use rules::{Effort, MAX_OBJECT_COST, MAX_RULES, Verdict};
pub use validate::MAX_VALIDATION_STEPS;

/// Deepest nesting of a schema; its subschemas (`items`, `properties`, `allOf`, …) count one each.
pub const MAX_SCHEMA_DEPTH: usize = 64;
/// Most unknown fields and most errors reported of one value.
pub const MAX_FINDINGS: usize = 64;

/// Whether values of a type are checked against a format.
pub fn is_known_format(kind: &str, format: &str) -> bool {
    formats::Format::parse(kind, format).is_some()
}

/// A compiled structural schema, cheap to clone; the default accepts every object.
#[derive(Clone)]
pub struct StructuralSchema {
    root: Arc<Node>,
    document: Arc<Value>,
}

/// What pruning found: paths of fields the schema does not know.
#[derive(Debug, Default, PartialEq)]
pub struct Unknown(pub Vec<String>);

impl StructuralSchema {
    /// Compiles an `openAPIV3Schema` document; the error names the path at fault.
    pub fn compile(document: &Value) -> Result<Self, FieldError> {
        let root = compile::compile(document)?;
        Ok(StructuralSchema { root: Arc::new(root), document: Arc::new(document.clone()) })
    }
    /// Removes unknown fields (never `apiVersion`, `kind`, `metadata` at the root) and says which.
    pub fn prune(&self, value: &mut Value) -> Unknown {
        let mut unknown = Vec::new();
        prune(&self.root, value, true, &Path::Root, &mut unknown);
        Unknown(unknown)
    }
    /// Drops nulls where none may stand and no default is there to take their place, as the reading of a request does;
    /// an applied configuration keeps them, and is then refused.
    pub fn drop_nulls(&self, value: &mut Value) {
        defaults::drop_nulls(&self.root, value);
    }
    /// Fills in defaults.
    pub fn default(&self, value: &mut Value) {
        defaults::fill(&self.root, value);
    }
    /// Checks a new value: types, enums, patterns, bounds, required fields, embedded objects, sets.
    pub fn validate(&self, value: &Value) -> Vec<FieldError> {
        self.check(value, None)
    }
    /// Checks a changed value; what did not change may be as wrong as it was.
    pub fn validate_change(&self, value: &Value, old: &Value) -> Vec<FieldError> {
        self.check(value, Some(old))
    }
    fn check(&self, value: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = validate::check(&self.root, value, old);
        embedded::validate(&self.root, value, &Path::Root, &mut errors);
        let sets = |value| {
            let mut errors = Vec::new();
            lists::validate(&self.root, value, &Path::Root, &mut errors);
            errors
        };
        if old.is_none_or(|old| sets(old).is_empty()) {
            errors.extend(sets(value));
        }
        errors
    }
    /// Checks that every default fits its own schema; the fields stand under `path`.
    pub fn validate_defaults(&self, path: &str) -> Vec<FieldError> {
        let mut errors = Vec::new();
        defaults::validate(&self.root, path, &mut errors);
        errors
    }
    /// What the validation rules say of a value that is otherwise good, and of its change from what it was; `None` if
    /// little effort is not enough to find out.
    pub fn enforce_rules(&self, value: &Value, old: Option<&Value>, effort: Effort) -> Option<Verdict> {
        rules::enforce(&self.root, value, old, effort)
    }
    /// Whether there are validation rules.
    pub fn has_rules(&self) -> bool {
        self.root.has_rules
    }
    /// Checks the validation rules themselves; the schema's fields stand under `path`.
    pub fn judge_rules(&self, path: &str) -> Vec<FieldError> {
        rules::judge(&self.root, &self.document, path)
    }
    /// The document it was compiled from (for OpenAPI).
    pub fn document(&self) -> &Value {
        &self.document
    }
}

impl Default for StructuralSchema {
    fn default() -> Self {
        let root = Node { preserve_unknown: true, ..Node::default() };
        let document = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        StructuralSchema { root: Arc::new(root), document: Arc::new(document) }
    }
}

impl fmt::Debug for StructuralSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("StructuralSchema").field(&self.document).finish()
    }
}

/// Where a walk is; text is made of it only when there is something to report.
pub enum Path<'a> {
    /// The value itself.
    Root,
    /// A field.
    Key(&'a Path<'a>, &'a str),
    /// A key of a map, where those are told from fields.
    MapKey(&'a Path<'a>, &'a str),
    /// An element of a list.
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(Path::Root, key) => formatter.write_str(key),
            Path::Key(parent, key) => write!(formatter, "{parent}.{key}"),
            Path::MapKey(parent, key) => write!(formatter, "{parent}[{key}]"),
            Path::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

fn prune(node: &Node, value: &mut Value, is_resource: bool, path: &Path<'_>, unknown: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            let Some(schema) = &node.items else { return };
            for (index, item) in items.iter_mut().enumerate() {
                prune(schema, item, schema.embedded_resource, &Path::Index(path, index), unknown);
            }
        }
        Value::Object(map) => map.retain(|key, value| {
            let path = Path::Key(path, key);
            if is_resource && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
                // Metadata has rules of its own, whatever the schema says.
                return true;
            }
            if let Some(schema) = node.property(key) {
                prune(schema, value, schema.embedded_resource, &path, unknown);
                return true;
            }
            let keep = node.preserve_unknown || matches!(node.additional, Additional::Anything);
            if !keep && unknown.len() < MAX_FINDINGS {
                unknown.push(path.to_string());
            }
            keep
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
