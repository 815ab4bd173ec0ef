//! The same description in OpenAPI's second version ("Swagger"), all groups in one document.
//!
//! Older clients build on it: kubectl before 1.27 validates, explains and looks for dry run with it, and will not create
//! anything without. It knows neither `nullable` nor `oneOf`, and those clients refuse what a schema does not name, so
//! that it says less than the third version where saying it would make them refuse what the server takes.
use std::collections::HashSet;

use grange_apimachinery::Value;
use serde_json::{Map, json};

use super::{path_of, schema_name};
use crate::registry::{Endpoint, Registry};

/// What means the same in both versions and stays as it is.
const KEPT: &[&str] = &[
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "title",
    "type",
    "uniqueItems",
];
const METHODS: &[&str] = &["delete", "get", "patch", "post", "put"];
const ANSWERS: &[&str] = &["application/json", "application/yaml"];

/// The document of everything that is served.
pub(crate) fn document(registry: &Registry, version: &str) -> Value {
    let (mut paths, mut definitions) = (Map::new(), Map::new());
    for group in std::iter::once("").chain(registry.groups()) {
        for group_version in registry.versions(group) {
            let Some(mut third) = super::document(registry, &path_of(group, group_version), version) else {
                continue;
            };
            let builtin: HashSet<String> = registry
                .endpoints_of(group, group_version)
                .into_iter()
                .filter(|endpoint| matches!(endpoint, Endpoint::Stored(served) if served.builtin))
                .map(|endpoint| schema_name(endpoint.resource()))
                .collect();
            if let Value::Object(schemas) = third["components"]["schemas"].take() {
                let schemas = schemas.into_iter().map(|(name, value)| {
                    let made = schema(&value, builtin.contains(&name));
                    (name, made)
                });
                definitions.extend(schemas);
            }
            if let Value::Object(items) = third["paths"].take() {
                paths.extend(items.into_iter().map(|(name, value)| (name, path_item(&value))));
            }
        }
    }
    json!({
        "swagger": "2.0", "info": {"title": "Kubernetes", "version": version},
        "paths": paths, "definitions": definitions,
    })
}

fn reference(reference: &str) -> String {
    reference.replacen("#/components/schemas/", "#/definitions/", 1)
}

/// A schema; of `builtin` kinds null means absent, as Go reads it, and needs no saying.
fn schema(third: &Value, builtin: bool) -> Value {
    let mut made = Map::new();
    let single = third["allOf"].as_array().filter(|all| all.len() == 1).map(|all| &all[0]["$ref"]);
    if let Some(target) = single.unwrap_or(&third["$ref"]).as_str() {
        made.insert("$ref".into(), reference(target).into());
        made.extend(third.get("description").map(|text| ("description".to_owned(), text.clone())));
        return Value::Object(made);
    }
    let extensions = third.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-"));
    made.extend(extensions.map(|(name, value)| (name.clone(), value.clone())));
    // Null, or either of two types, can only be said by saying nothing.
    if (third["nullable"] == true && !builtin) || third["x-kubernetes-int-or-string"] == true {
        made.extend(third.get("description").map(|text| ("description".to_owned(), text.clone())));
        return Value::Object(made);
    }
    for name in KEPT {
        made.extend(third.get(name).map(|value| ((*name).to_owned(), value.clone())));
    }
    if third["x-kubernetes-preserve-unknown-fields"] == true {
        made.remove("required");
        return Value::Object(made);
    }
    if let Some(properties) = third["properties"].as_object() {
        let properties: Map<_, _> =
            properties.iter().map(|(name, value)| (name.clone(), schema(value, builtin))).collect();
        made.insert("properties".into(), properties.into());
    }
    if third["items"].is_object() {
        made.insert("items".into(), schema(&third["items"], builtin));
    }
    match &third["additionalProperties"] {
        Value::Null => {}
        Value::Object(_) => {
            made.insert("additionalProperties".into(), schema(&third["additionalProperties"], builtin));
        }
        other => {
            made.insert("additionalProperties".into(), other.clone());
        }
    }
    Value::Object(made)
}

fn path_item(third: &Value) -> Value {
    let mut made = Map::new();
    made.insert("parameters".into(), parameters(&third["parameters"]).into());
    for method in METHODS {
        made.extend(third.get(method).map(|value| ((*method).to_owned(), operation(value))));
    }
    Value::Object(made)
}

/// Parameters outside the body have their type beside their name here.
fn parameters(third: &Value) -> Vec<Value> {
    let all = third.as_array().into_iter().flatten();
    all.map(|parameter| {
        let mut made = parameter.clone();
        if let Value::Object(schema) = made["schema"].take()
            && let Some(made) = made.as_object_mut()
        {
            made.remove("schema");
            made.extend(schema);
        }
        made
    })
    .collect()
}

fn operation(third: &Value) -> Value {
    let mut parameters = parameters(&third["parameters"]);
    let mut made = Map::new();
    for (name, value) in third.as_object().into_iter().flatten() {
        if name.starts_with("x-") || matches!(name.as_str(), "operationId" | "tags" | "description") {
            made.insert(name.clone(), value.clone());
        }
    }
    if let Some(content) = third["requestBody"]["content"].as_object() {
        let taken: Vec<&String> = content.keys().collect();
        let body =
            content.values().next().map_or_else(|| json!({}), |content| schema(&content["schema"], true));
        made.insert("consumes".into(), json!(taken));
        parameters.insert(0, json!({"name": "body", "in": "body", "required": true, "schema": body}));
    }
    let answer = schema(&third["responses"]["200"]["content"]["application/json"]["schema"], true);
    made.insert("parameters".into(), parameters.into());
    made.insert("produces".into(), json!(ANSWERS));
    made.insert("responses".into(), json!({"200": {"description": "OK", "schema": answer}}));
    Value::Object(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_say_less_where_clients_would_refuse_more() {
        let check = |third: Value, second: Value| assert_eq!(schema(&third, false), second, "{third}");
        check(
            json!({"type": "string", "default": "a", "minLength": 1}),
            json!({"type": "string", "minLength": 1}),
        );
        check(
            json!({"allOf": [{"$ref": "#/components/schemas/A"}], "default": {}, "description": "d"}),
            json!({"$ref": "#/definitions/A", "description": "d"}),
        );
        check(json!({"type": "string", "nullable": true, "description": "d"}), json!({"description": "d"}));
        check(
            json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
            json!({"x-kubernetes-int-or-string": true}),
        );
        check(
            json!({"type": "object", "required": ["a"], "properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": true}),
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        );
        check(
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string", "default": ""}}}}}),
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}}}}),
        );
        check(
            json!({"type": "object", "additionalProperties": true}),
            json!({"type": "object", "additionalProperties": true}),
        );
    }

    #[test]
    fn null_is_nothing_to_built_in_kinds() {
        let third = json!({"type": "object", "properties": {"a": {"type": "string", "nullable": true}}});
        assert_eq!(schema(&third, true), json!({"type": "object", "properties": {"a": {"type": "string"}}}));
    }

    #[test]
    fn operations_take_their_body_as_a_parameter() {
        let third = json!({
            "operationId": "patchThing", "x-kubernetes-action": "patch",
            "parameters": [{"name": "dryRun", "in": "query", "schema": {"type": "string", "uniqueItems": true}}],
            "requestBody": {"required": true, "content": {"application/json-patch+json": {"schema": {"type": "object"}}}},
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}},
        });
        assert_eq!(
            operation(&third),
            json!({
                "operationId": "patchThing", "x-kubernetes-action": "patch",
                "consumes": ["application/json-patch+json"], "produces": ["application/json", "application/yaml"],
                "parameters": [
                    {"name": "body", "in": "body", "required": true, "schema": {"type": "object"}},
                    {"name": "dryRun", "in": "query", "type": "string", "uniqueItems": true},
                ],
                "responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/Thing"}}},
            })
        );
    }
}
