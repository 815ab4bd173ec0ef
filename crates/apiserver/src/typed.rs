//! Reading a built-in kind as Kubernetes decodes it into a struct: every field has its type before anything is validated.
//!
//! A null stands for the type's zero value: it is dropped from an object, and becomes the zero value in a list or a map.
//! A value of another type is a decode error (400), where custom resources would be told by validation (422).
//! Recursion is as deep as the schema, which has no references.
use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use grange_apimachinery::{
    Object, Value,
    quantity::Amount,
    schema::{MAX_FINDINGS, Path},
    time,
};
use serde_json::{Map, json};

/// Marks a list that says something by being empty.
const KEEPS_EMPTY: &str = "x-keeps-empty";

/// The schema of `metadata`, which is the same for every kind.
static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let (text, texts) = (json!({"type": "string"}), json!({"type": "array", "items": {"type": "string"}}));
    let map = json!({"type": "object", "additionalProperties": text});
    let time = json!({"type": "string", "format": "date-time"});
    let (number, seconds) = (json!({"type": "integer"}), json!({"type": "integer", "nullable": true}));
    let flag = json!({"type": "boolean", "nullable": true});
    json!({"type": "object", "properties": {
        "name": text, "generateName": text, "namespace": text, "selfLink": text, "uid": text, "resourceVersion": text,
        "generation": number, "creationTimestamp": time, "deletionTimestamp": time,
        "deletionGracePeriodSeconds": seconds, "labels": map, "annotations": map, "finalizers": texts,
        "ownerReferences": {"type": "array", "items": {"type": "object", "properties": {
            "apiVersion": text, "kind": text, "name": text, "uid": text,
            "controller": flag, "blockOwnerDeletion": flag,
        }}},
        // An empty list of managers is a wish of its own: to forget who owns what.
        "managedFields": {"type": "array", KEEPS_EMPTY: true, "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
    }})
});

/// Gives the object's metadata its types and names the unknown fields that it drops; the error says what is wrong.
pub(crate) fn decode_metadata(object: &mut Object, unknown: &mut Vec<String>) -> Result<(), String> {
    let metadata = object.0.entry("metadata").or_insert(Value::Null);
    if metadata.is_null() {
        *metadata = Value::Object(Map::new());
    }
    walk(&METADATA, metadata, &Path::Key(&Path::Root, "metadata"), unknown)
}

/// Gives the rest of a built-in kind's fields their types.
pub(crate) fn decode_fields(
    schema: &Value,
    object: &mut Object,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    let metadata = object.0.remove("metadata");
    let result = fields(schema, &mut object.0, &Path::Root, unknown);
    object.0.extend(metadata.map(|metadata| ("metadata".to_owned(), metadata)));
    result
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What null means where a value must be.
fn zero(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("object") => json!({}),
        Some("array") => json!([]),
        Some("string") => json!(""),
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        _ => Value::Null,
    }
}

/// Whether Kubernetes leaves the value out when it writes the object: empty texts, lists and maps, zeros. A field that may
/// be null is a pointer there and keeps a zero, and one that has a default is always written.
fn is_omitted(schema: &Value, value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty() && schema[KEEPS_EMPTY] != true,
        Value::Object(map) => map.is_empty() && schema["additionalProperties"].is_object(),
        _ if schema["nullable"] == true || !schema["default"].is_null() => false,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(flag) => !flag,
        Value::Null => true,
    }
}

fn walk(schema: &Value, value: &mut Value, path: &Path<'_>, unknown: &mut Vec<String>) -> Result<(), String> {
    let fault =
        |value: &Value, wanted: &str| Err(format!("{path}: must be {wanted}, not {}", kind_of(value)));
    if schema["format"] == "quantity" {
        return quantity(value, path);
    }
    match (schema["type"].as_str().unwrap_or(""), value) {
        ("object", Value::Object(map)) => fields(schema, map, path, unknown),
        ("object", other) => fault(other, "an object"),
        ("array", Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                if item.is_null() {
                    *item = zero(&schema["items"]);
                }
                walk(&schema["items"], item, &Path::Index(path, index), unknown)?;
            }
            Ok(())
        }
        ("array", other) => fault(other, "a list"),
        ("string", Value::String(text)) => format(schema, text, path),
        ("string", other) => fault(other, "a string"),
        ("integer", value) => match value.as_i64() {
            Some(number) if schema["format"] != "int32" || i32::try_from(number).is_ok() => Ok(()),
            Some(number) => Err(format!("{path}: {number} does not fit 32 bits")),
            None => fault(value, "an integer"),
        },
        ("number", value) if !value.is_number() => fault(value, "a number"),
        ("boolean", value) if !value.is_boolean() => fault(value, "a boolean"),
        _ => Ok(()),
    }
}

fn fields(
    schema: &Value,
    map: &mut Map<String, Value>,
    path: &Path<'_>,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    let properties = &schema["properties"];
    let additional = &schema["additionalProperties"];
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true || additional == &Value::Bool(true);
    let is_root = matches!(path, Path::Root);
    let mut result = Ok(());
    map.retain(|key, value| {
        if is_root && matches!(key.as_str(), "apiVersion" | "kind") {
            return true;
        }
        let at = Path::Key(path, key);
        match properties.get(key) {
            _ if result.is_err() => {}
            Some(_) if value.is_null() => return false,
            Some(schema) => {
                result = walk(schema, value, &at, unknown);
                return !is_omitted(schema, value);
            }
            None if additional.is_object() => {
                if value.is_null() {
                    *value = zero(additional);
                }
                result = walk(additional, value, &at, unknown);
            }
            None if open => {}
            None => {
                if unknown.len() < MAX_FINDINGS {
                    unknown.push(at.to_string());
                }
                return false;
            }
        }
        true
    });
    result
}

/// A quantity may be a number, and is written in one form.
fn quantity(value: &mut Value, path: &Path<'_>) -> Result<(), String> {
    let text = match &*value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => return Err(format!("{path}: must be a quantity, not {}", kind_of(other))),
    };
    let amount: Amount = text.parse()?;
    *value = Value::String(amount.to_string());
    Ok(())
}

/// Checks what the format demands and brings the text into Kubernetes' own form.
fn format(schema: &Value, text: &mut String, path: &Path<'_>) -> Result<(), String> {
    match schema["format"].as_str() {
        Some("byte") => match STANDARD.decode(text.as_bytes()) {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("illegal base64 data in {path}")),
        },
        Some("date-time") => match time::parse(text) {
            Some(moment) if schema["x-kubernetes-micro-time"] == true => {
                // Kubernetes reads exactly six digits here, as it writes them.
                let digits = text
                    .split_once('.')
                    .map_or(0, |(_, fraction)| fraction.bytes().take_while(u8::is_ascii_digit).count());
                if digits != 6 {
                    return Err(format!("{path}: {text:?} is no time with microseconds"));
                }
                *text = time::rfc3339_micro(moment);
                Ok(())
            }
            Some(moment) => {
                *text = time::rfc3339(moment);
                Ok(())
            }
            None => Err(format!("{path}: {text:?} is no time as in RFC 3339")),
        },
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &Value, value: Value, expect: Result<(Value, &[&str]), &str>) {
        let Value::Object(map) = value.clone() else { panic!("not an object") };
        let (mut object, mut unknown) = (Object(map), Vec::new());
        let result = decode_fields(schema, &mut object, &mut unknown);
        match expect {
            Ok((expect, fields)) => {
                assert_eq!(result, Ok(()), "{value}");
                assert_eq!(Value::Object(object.0), expect, "{value}");
                assert_eq!(unknown, fields, "{value}");
            }
            Err(fault) => assert_eq!(result, Err(fault.to_owned()), "{value}"),
        }
    }

    #[test]
    fn nulls_are_zero_and_other_types_are_refused() {
        let schema = json!({"type": "object", "properties": {
            "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "count": {"type": "integer", "format": "int32"}, "flag": {"type": "boolean"},
            "data": {"type": "string", "format": "byte"}, "time": {"type": "string", "format": "date-time"},
            "exact": {"type": "string", "format": "date-time", "x-kubernetes-micro-time": true},
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "amounts": {"type": "object", "additionalProperties": {"type": "string", "format": "quantity"}},
        }});
        for (value, expect) in [
            (json!({"list": [null]}), json!({"list": [{}]})),
            (json!({"list": null, "count": null}), json!({})),
            (json!({"map": {"a": null}}), json!({"map": {"a": ""}})),
            (json!({"any": {"x": [1]}, "metadata": 5}), json!({"any": {"x": [1]}, "metadata": 5})),
            (json!({"time": "2024-01-01T01:00:00.5+01:00"}), json!({"time": "2024-01-01T00:00:00Z"})),
            (json!({"amounts": {"a": 5, "b": "2048Mi"}}), json!({"amounts": {"a": "5", "b": "2Gi"}})),
            (
                json!({"exact": "2024-01-01T01:00:00.500000+01:00"}),
                json!({"exact": "2024-01-01T00:00:00.500000Z"}),
            ),
        ] {
            check(&schema, value, Ok((expect, &[])));
        }
        check(
            &schema,
            json!({"odd": 1, "list": [{"b": 2}]}),
            Ok((json!({"list": [{}]}), &["list[0].b", "odd"])),
        );
        for (value, fault) in [
            (json!({"list": {}}), "list: must be a list, not object"),
            (json!({"list": ["a"]}), "list[0]: must be an object, not string"),
            (json!({"map": {"a": 1}}), "map.a: must be a string, not number"),
            (json!({"count": 1.5}), "count: must be an integer, not number"),
            (json!({"count": 3_000_000_000_i64}), "count: 3000000000 does not fit 32 bits"),
            (json!({"flag": "true"}), "flag: must be a boolean, not string"),
            (json!({"data": "?"}), "illegal base64 data in data"),
            (json!({"time": "now"}), "time: \"now\" is no time as in RFC 3339"),
            (
                json!({"exact": "2024-01-01T00:00:00Z"}),
                "exact: \"2024-01-01T00:00:00Z\" is no time with microseconds",
            ),
        ] {
            check(&schema, value, Err(fault));
        }
    }

    #[test]
    fn metadata_has_its_types() {
        for (metadata, expect) in [
            (json!(null), Ok(json!({}))),
            (json!({"labels": {"a": null}, "name": null}), Ok(json!({"labels": {"a": ""}}))),
            (
                json!({"ownerReferences": [{"name": "x", "odd": 1}]}),
                Ok(json!({"ownerReferences": [{"name": "x"}]})),
            ),
            (json!([]), Err("metadata: must be an object, not array")),
            (json!({"name": 5}), Err("metadata.name: must be a string, not number")),
            (json!({"labels": "a"}), Err("metadata.labels: must be an object, not string")),
            (
                json!({"creationTimestamp": "yesterday"}),
                Err("metadata.creationTimestamp: \"yesterday\" is no time as in RFC 3339"),
            ),
        ] {
            let mut object = Object::default();
            object.0.insert("metadata".into(), metadata);
            let result = decode_metadata(&mut object, &mut Vec::new()).map(|()| object.0["metadata"].clone());
            assert_eq!(result, expect.map_err(str::to_owned));
        }
    }
}
