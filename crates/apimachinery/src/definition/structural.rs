//! What makes a schema structural: every value has a type that does not depend on other rules, and rules inside
//! `allOf`, `anyOf`, `oneOf` and `not` only restrict what is declared outside of them.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::schema::{Document, flag, list_of, property, schemas_of, text};
use crate::FieldError;

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// The one place where types may stand under `anyOf`.
static INT_OR_STRING: LazyLock<Value> = LazyLock::new(|| json!([{"type": "integer"}, {"type": "string"}]));

/// Why a schema cannot be looked at as a structural one at all.
pub(super) fn unsupported(document: &Document) -> Option<String> {
    for (key, name) in [
        ("id", "id"),
        ("$schema", "schema"),
        ("$ref", "$ref"),
        ("patternProperties", "patternProperties"),
        ("dependencies", "dependencies"),
        ("additionalItems", "additionalItems"),
        ("definitions", "definitions"),
    ] {
        if document.contains_key(key) {
            return Some(format!("OpenAPIV3Schema '{name}' is not supported"));
        }
    }
    if document.get("items").and_then(Value::as_array).is_some_and(|items| !items.is_empty()) {
        return Some("OpenAPIV3Schema 'items' must be a schema, but is an array".into());
    }
    if document.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        return Some(
            "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined".into(),
        );
    }
    let mut below: Vec<&Document> = ["not", "items", "additionalProperties"]
        .iter()
        .filter_map(|key| document.get(*key).and_then(Value::as_object))
        .collect();
    for key in ["allOf", "anyOf", "oneOf"] {
        below.extend(list_of(document, key));
    }
    below.extend(schemas_of(document, "properties").map(|(_, inner)| inner));
    below.into_iter().find_map(unsupported)
}

/// Checks a schema; errors are sorted, as Kubernetes sorts them.
pub(super) fn validate(document: &Document, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    invariants(document, Level::Root, path, &mut errors);
    completeness(document, Some(document), path, path, &mut errors);
    errors.sort_by_cached_key(FieldError::to_string);
    errors
}

fn invariants(document: &Document, level: Level, path: &str, errors: &mut Vec<FieldError>) {
    let kind = text(document, "type");
    let embedded = flag(document, "x-kubernetes-embedded-resource");
    let preserves = flag(document, "x-kubernetes-preserve-unknown-fields");
    let int_or_string = flag(document, "x-kubernetes-int-or-string");
    match document.get("items") {
        Some(Value::Object(items)) => invariants(items, Level::Item, &format!("{path}.items"), errors),
        _ if kind == "array" => {
            errors.push(FieldError::required(format!("{path}.items"), "must be specified"));
        }
        _ => {}
    }
    for (name, inner) in schemas_of(document, "properties") {
        invariants(inner, Level::Field, &format!("{path}.properties[{name}]"), errors);
    }
    if let Some(additional) = document.get("additionalProperties") {
        let field = format!("{path}.additionalProperties");
        if level == Level::Root {
            errors.push(FieldError::forbidden(field.as_str(), "must not be used at the root"));
        }
        if let Value::Object(inner) = additional {
            invariants(inner, Level::Field, &field, errors);
        }
        if embedded {
            let detail = "must not be used if x-kubernetes-embedded-resource is set";
            errors.push(FieldError::forbidden(field, detail));
        }
    }
    for (key, set) in
        [("x-kubernetes-preserve-unknown-fields", preserves), ("x-kubernetes-embedded-resource", embedded)]
    {
        if int_or_string && set {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            errors.push(FieldError::invalid(format!("{path}.{key}"), true, detail));
        }
    }
    let is_pattern = |document: &Document| document.get("anyOf") == Some(&INT_OR_STRING);
    let skip_any = is_pattern(document);
    let skip_first_all = list_of(document, "allOf").next().is_some_and(is_pattern);
    value_rules(document, skip_any, skip_first_all, path, errors);
    let type_path = format!("{path}.type");
    if embedded && kind != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(match kind {
            "" => FieldError::required(type_path.as_str(), detail),
            kind => FieldError::invalid(type_path.as_str(), kind, detail),
        });
    } else if kind.is_empty() && !int_or_string && !preserves {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(type_path.as_str(), detail));
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.push(FieldError::invalid(type_path, kind, "must be object at the root"));
    }
    metadata(document, level, embedded, path, errors);
    if embedded && !preserves && !document.contains_key("properties") {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        errors.push(FieldError::required(format!("{path}.properties"), detail));
    }
}

/// `metadata`, `kind` and `apiVersion` have schemas of their own that a definition can hardly restrict.
fn metadata(document: &Document, level: Level, embedded: bool, path: &str, errors: &mut Vec<FieldError>) {
    let is_resource = level == Level::Root || embedded;
    let mut must_be = |name: &str, wanted: &str| {
        if let Some(inner) = property(document, name).filter(|_| is_resource)
            && text(inner, "type") != wanted
        {
            let field = format!("{path}.properties[{name}].type");
            errors.push(FieldError::invalid(field, text(inner, "type"), format!("must be {wanted}")));
        }
    };
    must_be("kind", "string");
    must_be("apiVersion", "string");
    must_be("metadata", "object");
    let Some(metadata) = property(document, "metadata").filter(|_| level == Level::Root) else { return };
    let only_names = metadata
        .get("properties")
        .and_then(Value::as_object)
        .is_none_or(|names| names.keys().all(|name| matches!(name.as_str(), "name" | "generateName")));
    let nothing_else = metadata.keys().all(|key| matches!(key.as_str(), "type" | "properties" | "default"));
    if !only_names || !nothing_else {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(FieldError::forbidden(format!("{path}.properties[metadata]"), detail));
    }
}

fn value_rules(
    document: &Document,
    skip_any: bool,
    skip_first_all: bool,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    if !skip_any {
        for (index, inner) in list_of(document, "anyOf").enumerate() {
            nested(inner, false, &format!("{path}.anyOf[{index}]"), errors);
        }
    }
    for (index, inner) in list_of(document, "allOf").enumerate() {
        nested(inner, skip_first_all && index == 0, &format!("{path}.allOf[{index}]"), errors);
    }
    for (index, inner) in list_of(document, "oneOf").enumerate() {
        nested(inner, false, &format!("{path}.oneOf[{index}]"), errors);
    }
    if let Some(Value::Object(inner)) = document.get("not") {
        nested(inner, false, &format!("{path}.not"), errors);
    }
    let pattern = text(document, "pattern");
    if !pattern.is_empty()
        && let Err(error) = crate::pattern::compile(pattern, crate::schema::MAX_PATTERN_SIZE_BYTES)
    {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        errors.push(FieldError::invalid(format!("{path}.pattern"), pattern, detail));
    }
}

/// A schema inside `allOf`, `anyOf`, `oneOf` or `not`: it may only restrict.
fn nested(document: &Document, skip_any: bool, path: &str, errors: &mut Vec<FieldError>) {
    value_rules(document, skip_any, false, path, errors);
    if let Some(Value::Object(items)) = document.get("items") {
        nested(items, false, &format!("{path}.items"), errors);
    }
    for (name, inner) in schemas_of(document, "properties") {
        nested(inner, false, &format!("{path}.properties[{name}]"), errors);
    }
    let mut forbid = |key: &str, state: &str| {
        let detail = format!("must be {state} to be structural");
        errors.push(FieldError::forbidden(format!("{path}.{key}"), detail));
    };
    for (key, state) in [
        ("type", "empty"),
        ("additionalProperties", "undefined"),
        ("default", "undefined"),
        ("title", "empty"),
        ("description", "empty"),
        ("nullable", "false"),
        ("x-kubernetes-preserve-unknown-fields", "false"),
        ("x-kubernetes-embedded-resource", "false"),
        ("x-kubernetes-int-or-string", "false"),
        ("x-kubernetes-list-map-keys", "empty"),
        ("x-kubernetes-list-type", "undefined"),
        ("x-kubernetes-map-type", "undefined"),
        ("x-kubernetes-validations", "empty"),
    ] {
        let says = document.get(key).is_some_and(|value| key != "additionalProperties" || *value != false);
        if says {
            forbid(key, state);
        }
    }
    if property(document, "metadata").is_some() {
        let field = format!("{path}.properties[metadata]");
        errors.push(FieldError::forbidden(field, "must not be specified in a nested context"));
    }
}

/// Whatever nested rules speak of must be declared outside of them. `rules` stands at `rules_path`, what declares its
/// values (`declared`) at `path`.
fn completeness(
    rules: &Document,
    declared: Option<&Document>,
    path: &str,
    rules_path: &str,
    errors: &mut Vec<FieldError>,
) {
    let Some(declared) = declared else {
        return errors.push(undeclared(path, rules_path));
    };
    if let Some(Value::Object(inner)) = rules.get("not") {
        nested_completeness(inner, Some(declared), path, &format!("{rules_path}.not"), errors);
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for (index, inner) in list_of(rules, key).enumerate() {
            let rules_path = format!("{rules_path}.{key}[{index}]");
            nested_completeness(inner, Some(declared), path, &rules_path, errors);
        }
    }
}

fn nested_completeness(
    rules: &Document,
    declared: Option<&Document>,
    path: &str,
    rules_path: &str,
    errors: &mut Vec<FieldError>,
) {
    let Some(outside) = declared else {
        return errors.push(undeclared(path, rules_path));
    };
    completeness(rules, declared, path, rules_path, errors);
    if let Some(Value::Object(items)) = rules.get("items") {
        let declared = outside.get("items").and_then(Value::as_object);
        nested_completeness(
            items,
            declared,
            &format!("{path}.items"),
            &format!("{rules_path}.items"),
            errors,
        );
    }
    for (name, inner) in schemas_of(rules, "properties") {
        let below = |path: &str| format!("{path}.properties[{name}]");
        nested_completeness(inner, property(outside, name), &below(path), &below(rules_path), errors);
    }
}

fn undeclared(path: &str, rules_path: &str) -> FieldError {
    FieldError::required(path, format!("because it is defined in {rules_path}"))
}
