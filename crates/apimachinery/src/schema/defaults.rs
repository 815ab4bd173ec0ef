//! Defaults: filling them in, and whether they fit their own schemas.

use serde_json::Value;

use super::{Path, embedded, node::Node, prune, rules, validate};
use crate::FieldError;

/// Drops nulls that may not be there and have no default.
pub(super) fn drop_nulls(node: &Node, value: &mut Value) {
    match value {
        Value::Array(items) => {
            let Some(schema) = &node.items else { return };
            for item in items {
                drop_nulls(schema, item);
            }
        }
        Value::Object(map) => {
            map.retain(|key, value| {
                let may_stay = |schema: &Node| schema.nullable || schema.default.is_some();
                !value.is_null() || node.property(key).is_none_or(may_stay)
            });
            for (key, value) in map {
                if let Some(schema) = node.property(key) {
                    drop_nulls(schema, value);
                }
            }
        }
        _ => {}
    }
}

/// Fills in what is absent.
pub(super) fn fill(node: &Node, value: &mut Value) {
    match value {
        Value::Array(items) => {
            let Some(schema) = &node.items else { return };
            for item in items {
                fill(schema, item);
            }
        }
        Value::Object(map) => {
            for (key, schema) in &node.properties {
                let Some(wanted) = &schema.default else { continue };
                // A null where none may stand counts as absent.
                if map.get(key).is_none_or(|present| present.is_null() && !schema.nullable) {
                    map.insert(key.clone(), wanted.clone());
                }
            }
            for (key, value) in map {
                if let Some(schema) = node.property(key) {
                    fill(schema, value);
                }
            }
        }
        _ => {}
    }
}

/// Checks every default of a schema at `path`.
pub(super) fn validate(node: &Node, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(default) = &node.default {
        let field = format!("{path}.default");
        let mut pruned = default.clone();
        prune(node, &mut pruned, node.embedded_resource, &Path::Root, &mut Vec::new());
        if pruned != *default {
            errors.push(FieldError::invalid(field.as_str(), default.clone(), "must not have unknown fields"));
        }
        let mut found = validate::check(node, default, None);
        embedded::validate(node, default, &Path::Root, &mut found);
        if found.is_empty() {
            found.extend(rules::enforce_default(node, default));
        }
        errors.extend(found.into_iter().map(|error| error.under(&field)));
    }
    if let Some(items) = &node.items {
        validate(items, &format!("{path}.items"), errors);
    }
    for (name, property) in &node.properties {
        validate(property, &format!("{path}.properties[{name}]"), errors);
    }
}
