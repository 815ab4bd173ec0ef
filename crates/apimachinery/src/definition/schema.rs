//! What kube-apiserver checks of every schema in a definition, beyond its being structural.

use serde_json::{Map, Value};

use super::{path, structural};
use crate::{FieldError, schema::StructuralSchema};

/// A schema as JSON.
pub(super) type Document = Map<String, Value>;

/// Fields that may stand at the root of a schema whose kind has a status of its own, with Go's names for them.
const ROOT_FIELDS: &[(&str, &str)] = &[
    ("description", "Description"),
    ("type", "Type"),
    ("format", "Format"),
    ("title", "Title"),
    ("maximum", "Maximum"),
    ("exclusiveMaximum", "ExclusiveMaximum"),
    ("minimum", "Minimum"),
    ("exclusiveMinimum", "ExclusiveMinimum"),
    ("maxLength", "MaxLength"),
    ("minLength", "MinLength"),
    ("pattern", "Pattern"),
    ("maxItems", "MaxItems"),
    ("minItems", "MinItems"),
    ("uniqueItems", "UniqueItems"),
    ("multipleOf", "MultipleOf"),
    ("required", "Required"),
    ("items", "Items"),
    ("properties", "Properties"),
    ("externalDocs", "ExternalDocs"),
    ("example", "Example"),
    ("x-kubernetes-preserve-unknown-fields", "XPreserveUnknownFields"),
    ("x-kubernetes-validations", "XValidations"),
];

const TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];
const REASONS: &[&str] =
    &["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// Checks the schema of a version at `path`.
pub(super) fn validate(document: &Document, path: &str, has_status: bool, errors: &mut Vec<FieldError>) {
    let before = errors.len();
    if has_status {
        validate_root(document, path, errors);
    }
    if flag(document, "nullable") {
        errors.push(FieldError::forbidden(format!("{path}.nullable"), "nullable cannot be true at the root"));
    }
    let mut unsupported = None;
    match structural::unsupported(document) {
        Some(why) => unsupported = Some(FieldError::invalid(path, "", why)),
        None => errors.extend(structural::validate(document, path)),
    }
    let walk = Walk { no_defaults: None, inside_metadata: false };
    walk.schema(document, path, true, errors);
    if errors.len() == before {
        errors.extend(unsupported);
    }
    if errors.len() == before {
        validate_compiled(document, path, errors);
    }
}

/// What only the compiled schema tells: that it compiles, that its defaults fit it, and that its rules are good ones.
fn validate_compiled(document: &Document, path: &str, errors: &mut Vec<FieldError>) {
    let before = errors.len();
    match StructuralSchema::compile(&Value::Object(document.clone())) {
        Ok(schema) => {
            errors.extend(schema.validate_defaults(path));
            if errors.len() == before {
                errors.extend(schema.judge_rules(path));
            }
        }
        Err(mut error) => {
            // The compiler calls the root by the name of its field.
            let below = error.field.strip_prefix("openAPIV3Schema").unwrap_or_default();
            error.field = format!("{path}{below}");
            errors.push(error);
        }
    }
}

fn validate_root(document: &Document, path: &str, errors: &mut Vec<FieldError>) {
    let kind = text(document, "type");
    if !kind.is_empty() && kind != "object" {
        let detail = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        errors.push(FieldError::invalid(format!("{path}.type"), kind, detail));
        return;
    }
    if document.keys().any(|key| !ROOT_FIELDS.iter().any(|(known, _)| known == key)) {
        let names: Vec<&str> = ROOT_FIELDS.iter().map(|(_, name)| *name).collect();
        let detail = format!(
            "only [{}] fields are allowed at the root of the schema if the status subresource is enabled",
            names.join(" ")
        );
        errors.push(FieldError::invalid(path, Value::Object(document.clone()), detail));
    }
}

/// What holds where the walk is.
#[derive(Clone, Copy)]
struct Walk {
    /// Why defaults are forbidden here.
    no_defaults: Option<&'static str>,
    /// Inside the schema of `metadata`, `kind` or `apiVersion`.
    inside_metadata: bool,
}

impl Walk {
    fn schema(self, document: &Document, path: &str, is_root: bool, errors: &mut Vec<FieldError>) {
        self.forbidden(document, path, errors);
        if flag(document, "uniqueItems") {
            let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            errors.push(FieldError::forbidden(format!("{path}.uniqueItems"), detail));
        }
        self.additional(document, path, errors);
        for (name, property) in schemas_of(document, "properties") {
            let mut below = self;
            let is_metadata = matches!(name.as_str(), "metadata" | "kind" | "apiVersion");
            if is_metadata && (is_root || flag(document, "x-kubernetes-embedded-resource")) {
                below.inside_metadata = true;
                if is_root {
                    below.no_defaults = Some(match name.as_str() {
                        "metadata" => "in top-level metadata",
                        "kind" => "in top-level kind",
                        _ => "in top-level apiVersion",
                    });
                }
            }
            below.schema(property, &format!("{path}.properties[{name}]"), false, errors);
        }
        if let Some(Value::Object(inner)) = document.get("not") {
            self.schema(inner, &format!("{path}.not"), false, errors);
        }
        for key in ["allOf", "oneOf", "anyOf"] {
            for (index, inner) in list_of(document, key).enumerate() {
                self.schema(inner, &format!("{path}.{key}[{index}]"), false, errors);
            }
        }
        for (name, inner) in schemas_of(document, "definitions") {
            self.schema(inner, &format!("{path}.definitions[{name}]"), false, errors);
        }
        match document.get("items") {
            Some(Value::Object(inner)) => self.schema(inner, &format!("{path}.items"), false, errors),
            Some(Value::Array(_)) => {
                for (index, inner) in list_of(document, "items").enumerate() {
                    self.schema(inner, &format!("{path}.items[{index}]"), false, errors);
                }
            }
            _ => {}
        }
        for (name, inner) in schemas_of(document, "dependencies") {
            self.schema(inner, &format!("{path}.dependencies[{name}]"), false, errors);
        }
        validate_extensions(document, path, errors);
        validate_rules(document, path, errors);
    }

    /// What no schema of a definition may say.
    fn forbidden(self, document: &Document, path: &str, errors: &mut Vec<FieldError>) {
        let kind = text(document, "type");
        if !kind.is_empty() && !TYPES.contains(&kind) {
            errors.push(FieldError::not_supported(format!("{path}.type"), kind, TYPES));
        }
        let mut forbid = |key: &str, detail: &str| {
            errors.push(FieldError::forbidden(format!("{path}.{key}"), detail));
        };
        if let Some(reason) = self.no_defaults.filter(|_| document.contains_key("default")) {
            forbid("default", &format!("must not be set {reason}"));
        }
        for key in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
            if document.contains_key(key) {
                forbid(key, &format!("{key} is not supported"));
            }
        }
        if kind == "null" {
            forbid("type", "type cannot be set to null, use nullable as an alternative");
        }
        if document.get("items").is_some_and(|items| items.as_array().is_some_and(|items| !items.is_empty()))
        {
            forbid("items", "items must be a schema object and not an array");
        }
        if self.inside_metadata && flag(document, "x-kubernetes-embedded-resource") {
            forbid("x-kubernetes-embedded-resource", "must not be used inside of resource meta");
        }
    }

    fn additional(self, document: &Document, path: &str, errors: &mut Vec<FieldError>) {
        let Some(additional) = document.get("additionalProperties") else { return };
        let field = format!("{path}.additionalProperties");
        if document.contains_key("properties") && *additional != Value::Bool(true) {
            let detail = "additionalProperties and properties are mutual exclusive";
            errors.push(FieldError::forbidden(field.as_str(), detail));
        }
        if let Value::Object(inner) = additional {
            let mut below = self;
            if self.inside_metadata {
                below.no_defaults = Some("inside additionalProperties applying to object metadata");
            }
            below.schema(inner, &field, false, errors);
        }
    }
}

/// Checks Kubernetes' own keywords.
fn validate_extensions(document: &Document, path: &str, errors: &mut Vec<FieldError>) {
    if document.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        let field = format!("{path}.x-kubernetes-preserve-unknown-fields");
        errors.push(FieldError::invalid(field, false, "must be true or undefined"));
    }
    let kind = text(document, "type");
    if let Some(map_type) = document.get("x-kubernetes-map-type").and_then(Value::as_str) {
        if kind != "object" {
            errors.push(must_have_type(kind, "object", "x-kubernetes-map-type", path));
        }
        if !matches!(map_type, "atomic" | "granular") {
            let field = format!("{path}.x-kubernetes-map-type");
            errors.push(FieldError::not_supported(field, map_type, &["atomic", "granular"]));
        }
    }
    let list_type = document.get("x-kubernetes-list-type").and_then(Value::as_str);
    let items = document.get("items").and_then(Value::as_object);
    if let Some(list_type) = list_type {
        if kind != "array" {
            errors.push(must_have_type(kind, "array", "x-kubernetes-list-type", path));
        } else if let Some(items) = items.filter(|_| list_type == "set") {
            validate_set_items(items, path, errors);
        }
        if !matches!(list_type, "atomic" | "set" | "map") {
            let field = format!("{path}.x-kubernetes-list-type");
            errors.push(FieldError::not_supported(field, list_type, &["atomic", "set", "map"]));
        }
    }
    validate_map_keys(document, list_type, items, path, errors);
}

fn must_have_type(kind: &str, wanted: &str, keyword: &str, path: &str) -> FieldError {
    let (field, detail) = (format!("{path}.type"), format!("must be {wanted} if {keyword} is specified"));
    match kind {
        "" => FieldError::required(field, detail),
        kind => FieldError::invalid(field, kind, detail),
    }
}

/// Items of a set are compared as wholes.
fn validate_set_items(items: &Document, path: &str, errors: &mut Vec<FieldError>) {
    let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
    let value = |key: &str| items.get(key).cloned().unwrap_or(Value::Null);
    match text(items, "type") {
        "array" if !matches!(text(items, "x-kubernetes-list-type"), "" | "atomic") => {
            let field = format!("{path}.items.x-kubernetes-list-type");
            errors.push(FieldError::invalid(field, value("x-kubernetes-list-type"), detail));
        }
        "object" if text(items, "x-kubernetes-map-type") != "atomic" => {
            let field = format!("{path}.items.x-kubernetes-map-type");
            errors.push(FieldError::invalid(field, value("x-kubernetes-list-type"), detail));
        }
        _ => {}
    }
}

fn validate_map_keys(
    document: &Document,
    list_type: Option<&str>,
    items: Option<&Document>,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let keys: Vec<&str> = texts(document, "x-kubernetes-list-map-keys");
    if !keys.is_empty() && list_type != Some("map") {
        let field = format!("{path}.x-kubernetes-list-type");
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        errors.push(match list_type {
            None => FieldError::required(field, detail),
            Some(other) => FieldError::invalid(field, other, detail),
        });
    }
    if list_type == Some("map") {
        if keys.is_empty() {
            let field = format!("{path}.x-kubernetes-list-map-keys");
            errors.push(FieldError::required(field, "must not be empty if x-kubernetes-list-type is map"));
        }
        match (document.get("items"), items) {
            (_, Some(items)) => validate_key_properties(document, items, &keys, path, errors),
            (None, None) => errors.push(FieldError::required(
                format!("{path}.items"),
                "must have a schema if x-kubernetes-list-type is map",
            )),
            (Some(other), None) => errors.push(FieldError::invalid(
                format!("{path}.items"),
                other.clone(),
                "must only have a single schema if x-kubernetes-list-type is map",
            )),
        }
    }
    let (Some(list_type @ ("set" | "map")), Some(items)) = (list_type, items) else { return };
    if flag(items, "nullable") {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
        errors.push(FieldError::forbidden(format!("{path}.items.nullable"), detail));
    }
    if list_type == "map" {
        let required = texts(items, "required");
        for key in keys {
            let Some(property) = property(items, key) else { continue };
            let field = format!("{path}.items.properties[{key}]");
            if !required.contains(&key) && !property.contains_key("default") {
                let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                errors.push(FieldError::required(format!("{field}.default"), detail));
            }
            if flag(property, "nullable") {
                let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                errors.push(FieldError::forbidden(format!("{field}.nullable"), detail));
            }
        }
    }
}

fn validate_key_properties(
    document: &Document,
    items: &Document,
    keys: &[&str],
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let kind = text(items, "type");
    if kind != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        errors.push(FieldError::invalid(format!("{path}.items.type"), kind, detail));
        return;
    }
    let all = || document.get("x-kubernetes-list-map-keys").cloned().unwrap_or(Value::Null);
    let field = format!("{path}.x-kubernetes-list-map-keys");
    for (index, key) in keys.iter().enumerate() {
        match property(items, key) {
            Some(property) if matches!(text(property, "type"), "array" | "object") => {
                let field = format!("{path}.items.properties[{key}].type");
                let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                errors.push(FieldError::invalid(field, kind, detail));
            }
            Some(_) => {}
            None => {
                let detail = "entries must all be names of item properties";
                errors.push(FieldError::invalid(field.as_str(), all(), detail));
            }
        }
        if keys[..index].contains(key) {
            errors.push(FieldError::invalid(field.as_str(), all(), "must not contain duplicate entries"));
        }
    }
}

/// Checks the form of `x-kubernetes-validations`.
fn validate_rules(document: &Document, path: &str, errors: &mut Vec<FieldError>) {
    let rules = document.get("x-kubernetes-validations").and_then(Value::as_array);
    for (index, rule) in rules.into_iter().flatten().filter_map(Value::as_object).enumerate() {
        let path = format!("{path}.x-kubernetes-validations[{index}]");
        let has_breaks = |text: &str| text.contains(['\n', '\r']);
        let (expression, message) = (text(rule, "rule"), text(rule, "message"));
        let (message_expression, field_path) = (text(rule, "messageExpression"), text(rule, "fieldPath"));
        let required = |key: &str, detail: &str| FieldError::required(format!("{path}.{key}"), detail);
        if expression.trim().is_empty() {
            errors.push(required("rule", "rule is not specified"));
        } else if !message.is_empty() && message.trim().is_empty() {
            errors.push(FieldError::invalid(
                format!("{path}.message"),
                message,
                "must be non-empty if specified",
            ));
        } else if has_breaks(message.trim()) {
            errors.push(FieldError::invalid(
                format!("{path}.message"),
                message,
                "must not contain line breaks",
            ));
        } else if has_breaks(expression.trim()) && message.trim().is_empty() {
            errors.push(required("message", "message must be specified if rule contains line breaks"));
        }
        if !message_expression.is_empty() && message_expression.trim().is_empty() {
            errors.push(required("messageExpression", "messageExpression must be non-empty if specified"));
        }
        if let Some(reason) =
            rule.get("reason").and_then(Value::as_str).filter(|reason| !REASONS.contains(reason))
        {
            errors.push(FieldError::not_supported(format!("{path}.reason"), reason, REASONS));
        }
        let mut bad_path = |detail: &str| {
            errors.push(FieldError::invalid(format!("{path}.fieldPath"), field_path, detail));
        };
        if !field_path.is_empty() {
            if field_path.trim().is_empty() {
                bad_path("must be non-empty if specified");
            }
            if has_breaks(field_path) {
                bad_path("must not contain line breaks");
            }
            if path::follow(field_path, document, true).is_err() {
                bad_path("must be a valid path");
            }
        }
    }
}

/// Whether a schema, or one inside it, is such.
pub(super) fn any(document: &Document, is: &mut dyn FnMut(&Document) -> bool) -> bool {
    let mut below: Vec<&Document> = Vec::new();
    for key in ["properties", "patternProperties", "definitions", "dependencies"] {
        below.extend(schemas_of(document, key).map(|(_, inner)| inner));
    }
    for key in ["allOf", "anyOf", "oneOf", "items"] {
        below.extend(list_of(document, key));
    }
    for key in ["items", "not", "additionalProperties", "additionalItems"] {
        below.extend(document.get(key).and_then(Value::as_object));
    }
    is(document) || below.into_iter().any(|inner| any(inner, is))
}

pub(super) fn text<'a>(document: &'a Document, key: &str) -> &'a str {
    document.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn flag(document: &Document, key: &str) -> bool {
    document.get(key) == Some(&Value::Bool(true))
}

fn texts<'a>(document: &'a Document, key: &str) -> Vec<&'a str> {
    document.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The schemas in a map.
pub(super) fn schemas_of<'a>(
    document: &'a Document,
    key: &str,
) -> impl Iterator<Item = (&'a String, &'a Document)> {
    let map = document.get(key).and_then(Value::as_object);
    map.into_iter().flatten().filter_map(|(name, inner)| Some((name, inner.as_object()?)))
}

/// The schemas in a list.
pub(super) fn list_of<'a>(document: &'a Document, key: &str) -> impl Iterator<Item = &'a Document> {
    let list = document.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}

pub(super) fn property<'a>(document: &'a Document, name: &str) -> Option<&'a Document> {
    document.get("properties")?.get(name)?.as_object()
}
