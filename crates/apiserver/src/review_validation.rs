//! What an access review must hold, as Kubernetes checks it.
use std::sync::LazyLock;

use grange_apimachinery::{FieldError, Object, Status, Value};
use serde_json::{Map, json};

use crate::{decode, requirement, typed};

static SPEC: LazyLock<Value> = LazyLock::new(|| {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": text});
    let selector = json!({"type": "object", "properties": {
        "rawSelector": text,
        "requirements": {"type": "array", "items": {"type": "object", "properties": {
            "key": text, "operator": text, "values": texts,
        }}},
    }});
    json!({"type": "object", "properties": {"status": {"x-kubernetes-preserve-unknown-fields": true},
        "spec": {"type": "object", "properties": {
            "resourceAttributes": {"type": "object", "properties": {
                "namespace": text, "verb": text, "group": text, "version": text, "resource": text, "subresource": text,
                "name": text, "fieldSelector": selector, "labelSelector": selector,
            }},
            "nonResourceAttributes": {"type": "object", "properties": {"path": text, "verb": text}},
            "user": text, "uid": text, "groups": texts, "namespace": text, "token": text, "audiences": texts,
            "extra": {"type": "object", "additionalProperties": texts},
        }},
    }})
});

/// Gives a review's fields their types.
pub(crate) fn decode(kind: &str, object: &mut Object) -> Result<(), Status> {
    let mut unknown = Vec::new();
    typed::decode_metadata(object, &mut unknown)
        .and_then(|()| typed::decode_fields(&SPEC, object, &mut unknown))
        .map_err(|why| decode::cannot_be_handled(kind, "v1", &why))
}

/// Which review it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked<'a> {
    /// What the asker may.
    Oneself,
    /// What somebody may.
    Somebody,
    /// What somebody may in this namespace.
    SomebodyIn(&'a str),
}

/// Refuses a review that does not say exactly what is asked; Kubernetes names no kind in this refusal.
pub(crate) fn check(object: &Object, asked: Asked<'_>) -> Result<(), Status> {
    let resource = object.get(&["spec", "resourceAttributes"]);
    let path = object.get(&["spec", "nonResourceAttributes"]);
    let shown = |path: Option<&Value>| {
        path.map_or(Value::Null, |path| {
            let text = |field: &str| path[field].as_str().unwrap_or_default().to_owned();
            json!({"Path": text("path"), "Verb": text("verb")})
        })
    };
    let mut errors = Vec::new();
    if resource.is_some() && path.is_some() {
        let detail = "cannot be specified in combination with resourceAttributes";
        errors.push(FieldError::invalid("spec.nonResourceAttributes", shown(path), detail));
    }
    if resource.is_none() && path.is_none() {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        errors.push(FieldError::invalid("spec.resourceAttributes", Value::Null, detail));
    }
    let nobody = object.text(&["spec", "user"]).is_empty() && object.get(&["spec", "groups"]).is_none();
    if asked != Asked::Oneself && nobody {
        errors.push(FieldError::invalid("spec.user", "", "at least one of user or group must be specified"));
    }
    for (field, labels) in [("fieldSelector", false), ("labelSelector", true)] {
        if let Some(selector) = resource.and_then(|resource| resource.get(field)) {
            errors.extend(check_selector(selector, &format!("spec.resourceAttributes.{field}"), labels));
        }
    }
    let mut metadata = object.get(&["metadata"]).and_then(Value::as_object).cloned().unwrap_or_default();
    metadata.remove("managedFields");
    if let Asked::SomebodyIn(namespace) = asked {
        metadata.remove("namespace");
        errors.extend(must_be_empty(metadata, "must be empty except for namespace"));
        if let Some(resource) = resource {
            let wanted = resource["namespace"].as_str().unwrap_or_default();
            if wanted != namespace {
                let field = "spec.resourceAttributes.namespace";
                errors.push(FieldError::invalid(field, wanted, "must match metadata.namespace"));
            }
        }
        if path.is_some() {
            let detail = "disallowed on this kind of request";
            errors.push(FieldError::invalid("spec.nonResourceAttributes", shown(path), detail));
        }
    } else {
        errors.extend(must_be_empty(metadata, "must be empty"));
    }
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid("authorization.k8s.io", "", "", errors)) }
}

fn must_be_empty(metadata: Map<String, Value>, detail: &str) -> Option<FieldError> {
    (!metadata.is_empty()).then(|| FieldError::invalid("metadata", Value::Object(metadata), detail))
}

fn check_selector(selector: &Value, field: &str, labels: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let raw = selector["rawSelector"].as_str().unwrap_or_default();
    let requirements = selector["requirements"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !raw.is_empty() && !requirements.is_empty() {
        let detail = "may not specified at the same time as requirements";
        errors.push(FieldError::invalid(format!("{field}.rawSelector"), raw, detail));
    }
    if raw.is_empty() && requirements.is_empty() {
        let detail = format!("when {field} is specified, requirements or rawSelector is required");
        errors.push(FieldError::required(format!("{field}.requirements"), detail));
    }
    for (index, requirement) in requirements.iter().enumerate() {
        errors.extend(check_requirement(requirement, &format!("{field}.requirements[{index}]"), labels));
    }
    errors
}

/// Unknown operators are let through: a newer client may know more of them than this server.
fn check_requirement(requirement: &Value, field: &str, labels: bool) -> Vec<FieldError> {
    let at = |name: &str| format!("{field}.{name}");
    let key = requirement["key"].as_str().unwrap_or_default();
    let values = requirement["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut errors = Vec::new();
    if !labels && key.is_empty() {
        errors.push(FieldError::required(at("key"), "must be specified"));
    }
    let operator = requirement["operator"].as_str().unwrap_or_default();
    errors.extend(requirement::presence(operator, values, &at("values")));
    if labels {
        errors.extend(requirement::label(key, values, field));
    }
    errors
}
