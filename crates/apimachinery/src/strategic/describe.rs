//! The same table as extensions of schemas, which is where server-side apply and clients read it.

use serde_json::{Map, Value, json};

use super::shapes::{self, Field, Shape};

/// Adds to the schema of the built-in kind `kind` which of its lists and objects merge, and how. What the schema does not
/// have is added where it lets anything stand.
pub fn describe(kind: &str, document: &mut Value) {
    let shape = shapes::of_kind(kind);
    for (name, field) in shape.fields {
        // Metadata is the same in every kind, and described with it.
        if *name != "metadata" {
            describe_field(document, name, field);
        }
    }
}

fn describe_object(document: &mut Value, shape: &Shape) {
    if shape.atomic {
        set(document, "x-kubernetes-map-type", "atomic".into());
    }
    for (name, field) in shape.fields {
        describe_field(document, name, field);
    }
}

fn describe_field(document: &mut Value, name: &str, field: &Field) {
    let anything = || json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let Value::Object(document) = document else { return };
    let properties = document.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(properties) = properties else { return };
    if let Field::Object(shape) = field {
        return describe_object(properties.entry(name).or_insert_with(anything), shape);
    }
    let list = properties.entry(name).or_insert_with(|| json!({"type": "array"}));
    set(list, "x-kubernetes-patch-strategy", "merge".into());
    let mut keys = Vec::new();
    match field {
        Field::Set => set(list, "x-kubernetes-list-type", "set".into()),
        Field::PatchOnly(..) => set(list, "x-kubernetes-list-type", "atomic".into()),
        Field::List(key, _) => keys.push((*key, None)),
        Field::Keyed(key, more, _) => {
            keys.push((*key, None));
            keys.extend_from_slice(more);
        }
        Field::Object(_) => {}
    }
    if !keys.is_empty() {
        set(list, "x-kubernetes-list-type", "map".into());
        let names: Vec<_> = keys.iter().map(|(name, _)| *name).collect();
        set(list, "x-kubernetes-list-map-keys", names.into());
    }
    let Some((key, shape)) = field.merge() else { return };
    let Value::Object(list) = list else { return };
    if key.is_empty() {
        list.entry("items").or_insert_with(|| json!({"type": "string"}));
        return;
    }
    list.insert("x-kubernetes-patch-merge-key".into(), key.into());
    let items = list.entry("items").or_insert_with(anything);
    describe_object(items, shape);
    for (name, default) in keys {
        let Some(default) = default else { continue };
        if let Value::Object(items) = items {
            let properties = items.entry("properties").or_insert_with(|| Value::Object(Map::new()));
            if properties[name].is_null() {
                properties[name] = json!({"type": "string", "default": default});
            } else {
                set(&mut properties[name], "default", default.into());
            }
        }
    }
}

fn set(document: &mut Value, key: &str, value: Value) {
    if let Value::Object(document) = document {
        document.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_learns_which_lists_are_keyed() {
        let mut service = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        describe("Service", &mut service);
        let spec = &service["properties"]["spec"]["properties"];
        assert_eq!(spec["selector"]["x-kubernetes-map-type"], "atomic");
        assert_eq!(spec["ports"]["x-kubernetes-list-type"], "map");
        assert_eq!(spec["ports"]["x-kubernetes-list-map-keys"], json!(["port", "protocol"]));
        assert_eq!(spec["ports"]["x-kubernetes-patch-merge-key"], "port");
        assert_eq!(spec["ports"]["items"]["properties"]["protocol"]["default"], "TCP");
        assert!(service["properties"].get("metadata").is_none());
    }

    #[test]
    fn what_a_schema_says_already_stays() {
        let mut account = json!({"type": "object", "properties": {
            "secrets": {"type": "array", "description": "d", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
        }});
        describe("ServiceAccount", &mut account);
        let secrets = &account["properties"]["secrets"];
        assert_eq!(secrets["description"], "d");
        assert_eq!(secrets["items"]["properties"]["name"]["type"], "string");
        assert_eq!(secrets["items"]["x-kubernetes-map-type"], "atomic");
        assert_eq!(secrets["x-kubernetes-list-map-keys"], json!(["name"]));
    }

    #[test]
    fn a_kind_that_is_not_built_in_learns_nothing() {
        let mut document = json!({"type": "object"});
        describe("Widget", &mut document);
        assert_eq!(document, json!({"type": "object"}));
    }
}
