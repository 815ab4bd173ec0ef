//! Lists that are sets or maps (`x-kubernetes-list-type`): no doubles, and which item was which before a change.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{
    MAX_FINDINGS, Path,
    node::{ListType, Node},
};
use crate::FieldError;

/// The items of a list before a change, by what identifies them.
pub(super) struct Correlated<'a> {
    keys: &'a [String],
    items: HashMap<String, &'a Value>,
}

impl<'a> Correlated<'a> {
    /// Only the items of maps can be told apart; those of other lists have no partner.
    pub(super) fn new(node: &'a Node, old: Option<&'a Value>) -> Self {
        let old = old.and_then(Value::as_array).filter(|_| node.list_type == ListType::Map);
        let keys = node.map_keys.as_slice();
        let items =
            old.into_iter().flatten().filter_map(|item| Some((identity(keys, item)?, item))).collect();
        Correlated { keys, items }
    }

    /// What an item was before.
    pub(super) fn partner(&self, item: &Value) -> Option<&'a Value> {
        if self.items.is_empty() {
            return None;
        }
        self.items.get(&identity(self.keys, item)?).copied()
    }
}

/// What tells an item of a map from others; `None` if it is no object.
pub(crate) fn identity(keys: &[String], item: &Value) -> Option<String> {
    let map = item.as_object()?;
    let values: Vec<Option<&Value>> = keys.iter().map(|key| map.get(key)).collect();
    serde_json::to_string(&values).ok()
}

/// Checks that sets and maps hold everything once.
pub(super) fn validate(node: &Node, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    if errors.len() >= MAX_FINDINGS || !node.has_sets {
        return;
    }
    match value {
        Value::Array(items) => {
            match node.list_type {
                ListType::Atomic => {}
                ListType::Set => doubles(items, Value::clone, path, errors),
                ListType::Map => validate_map(node, items, path, errors),
            }
            if let Some(schema) = &node.items {
                for (index, item) in items.iter().enumerate() {
                    validate(schema, item, &Path::Index(path, index), errors);
                }
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                if let Some(schema) = node.properties.get(key) {
                    validate(schema, value, &Path::Key(path, key), errors);
                } else if let Some(schema) = node.property(key) {
                    validate(schema, value, &Path::MapKey(path, key), errors);
                }
            }
        }
        _ => {}
    }
}

fn validate_map(node: &Node, items: &[Value], path: &Path<'_>, errors: &mut Vec<FieldError>) {
    if let Some((index, item)) =
        items.iter().enumerate().find(|(_, item)| !item.is_object() && !item.is_null())
    {
        let detail = "must be an object for an array of list-type map";
        return errors.push(FieldError::invalid(Path::Index(path, index).to_string(), item.clone(), detail));
    }
    let keys = |item: &Value| {
        let present = node.map_keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
        Value::Object(present.collect::<Map<_, _>>())
    };
    doubles(items, keys, path, errors);
}

/// Reports the second of equal items; further ones say nothing new.
fn doubles(
    items: &[Value],
    identity: impl Fn(&Value) -> Value,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    let mut seen = HashSet::new();
    let mut told = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let identity = identity(item);
        let text = identity.to_string();
        if !seen.insert(text.clone()) && told.insert(text) && errors.len() < MAX_FINDINGS {
            errors.push(FieldError::duplicate(Path::Index(path, index).to_string(), identity));
        }
    }
}
