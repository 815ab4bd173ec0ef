//! Objects inside objects (`x-kubernetes-embedded-resource`): they have a version, a kind, and metadata like any other.

use serde_json::{Map, Value};

use super::{MAX_FINDINGS, Path, node::Node};
use crate::{
    FieldError, Object,
    name::{self, NameRule, validate_metadata},
};

/// Checks the embedded objects in a value.
pub(super) fn validate(node: &Node, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    if errors.len() >= MAX_FINDINGS {
        return;
    }
    match value {
        Value::Array(items) => {
            let Some(schema) = &node.items else { return };
            for (index, item) in items.iter().enumerate() {
                validate(schema, item, &Path::Index(path, index), errors);
            }
        }
        Value::Object(map) => {
            if node.embedded_resource {
                validate_embedded(map, path, errors);
            }
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

fn validate_embedded(map: &Map<String, Value>, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let at = |key: &str| Path::Key(path, key).to_string();
    for key in ["apiVersion", "kind"] {
        match map.get(key) {
            None => errors.push(FieldError::required(at(key), "")),
            Some(Value::String(text)) if text.is_empty() => {
                errors.push(FieldError::invalid(at(key), "", "must not be empty"));
            }
            Some(Value::String(text)) => {
                let fault = if key == "kind" { kind_fault(text) } else { version_fault(text) };
                errors.extend(fault.map(|fault| FieldError::invalid(at(key), text.as_str(), fault)));
            }
            Some(other) => errors.push(FieldError::invalid(at(key), other.clone(), "must be a string")),
        }
    }
    let Some(metadata @ Value::Object(_)) = map.get("metadata") else {
        let wrong = map.get("metadata").filter(|metadata| !metadata.is_null());
        errors.extend(
            wrong.map(|wrong| FieldError::invalid(at("metadata"), wrong.clone(), "must be an object")),
        );
        return;
    };
    let mut object = Object::default();
    object.0.insert("metadata".into(), metadata.clone());
    if object.name().is_empty() {
        // An embedded object need not have a name.
        object.set(&["metadata", "name"], "unnamed");
    }
    let namespaced = !object.namespace().is_empty();
    let found = validate_metadata(&object, NameRule::PathSegment, namespaced);
    errors.extend(found.into_iter().map(|error| error.under(&path.to_string())));
}

fn kind_fault(kind: &str) -> Option<String> {
    let fault = name::dns1035_label(&kind.to_lowercase()).err()?;
    Some(format!("may have mixed case, but should otherwise match: {fault}"))
}

fn version_fault(api_version: &str) -> Option<String> {
    (api_version.matches('/').count() > 1).then(|| format!("unexpected GroupVersion string: {api_version}"))
}
