//! What Kubernetes checks of roles and bindings.
use grange_apimachinery::{
    FieldError, Object, Value,
    name::{NameRule, dns1123_subdomain, validate_labels, validate_metadata, validate_name},
    selector::LabelSelector,
};
use serde_json::json;

use super::GROUP;
use crate::{
    builtin::validation::{core_metadata, core_metadata_update},
    requirement,
};

fn strings(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

fn list<'a>(object: &'a Object, path: &[&str]) -> impl Iterator<Item = (usize, &'a Value)> {
    object.get(path).and_then(Value::as_array).into_iter().flatten().enumerate()
}

/// The metadata of a role or binding beside what is checked of every kind.
fn metadata(old: Option<&Object>, new: &Object, namespaced: bool) -> Vec<FieldError> {
    let again = old.map(|_| validate_metadata(new, NameRule::PathSegment, namespaced));
    let mut errors = again.unwrap_or_default();
    errors.extend(core_metadata(new));
    errors
}

/// A role, or (not `namespaced`) a cluster role.
pub(super) fn role(old: Option<&Object>, new: &Object, namespaced: bool) -> Vec<FieldError> {
    let mut errors = metadata(old, new, namespaced);
    for (index, rule) in list(new, &["rules"]) {
        errors.extend(policy_rule(rule, &format!("rules[{index}]"), namespaced));
    }
    if new.0.contains_key("aggregationRule") {
        const SELECTORS: &str = "aggregationRule.clusterRoleSelectors";
        let path = ["aggregationRule", "clusterRoleSelectors"];
        if list(new, &path).next().is_none() {
            let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            errors.push(FieldError::required(SELECTORS, detail));
        }
        for (index, selector) in list(new, &path) {
            errors.extend(label_selector(selector, &format!("{SELECTORS}[{index}]")));
        }
    }
    errors.extend(old.map(|old| core_metadata_update(old, new)).unwrap_or_default());
    errors
}

fn policy_rule(rule: &Value, field: &str, namespaced: bool) -> Vec<FieldError> {
    let at = |name: &str| format!("{field}.{name}");
    let mut errors = Vec::new();
    let mut required = |name: &str, detail: &str| {
        if strings(&rule[name]) == 0 {
            errors.push(FieldError::required(at(name), detail));
        }
    };
    required("verbs", "verbs must contain at least one value");
    let paths = &rule["nonResourceURLs"];
    if strings(paths) == 0 {
        required("apiGroups", "resource rules must supply at least one api group");
        required("resources", "resource rules must supply at least one resource");
        return errors;
    }
    let mut refuse =
        |detail: &str| errors.push(FieldError::invalid(at("nonResourceURLs"), paths.clone(), detail));
    if namespaced {
        refuse("namespaced rules cannot apply to non-resource URLs");
    }
    if ["apiGroups", "resources", "resourceNames"].iter().any(|name| strings(&rule[*name]) > 0) {
        refuse("rules cannot apply to both regular resources and non-resource URLs");
    }
    errors
}

fn label_selector(selector: &Value, field: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    validate_labels(selector.get("matchLabels"), &format!("{field}.matchLabels"), &mut errors);
    let expressions = selector["matchExpressions"].as_array();
    for (index, expression) in expressions.into_iter().flatten().enumerate() {
        let field = format!("{field}.matchExpressions[{index}]");
        let values = expression["values"].as_array().map(Vec::as_slice).unwrap_or_default();
        let operator = expression["operator"].as_str().unwrap_or_default();
        errors.extend(requirement::presence(operator, values, &format!("{field}.values")));
        if !["In", "NotIn", "Exists", "DoesNotExist"].contains(&operator) {
            let field = format!("{field}.operator");
            errors.push(FieldError::invalid(field, operator, "not a valid selector operator"));
        }
        errors.extend(requirement::label(expression["key"].as_str().unwrap_or_default(), values, &field));
    }
    if LabelSelector::from_value(selector).is_err() {
        errors.push(FieldError::invalid(field, Value::Null, "invalid label selector."));
    }
    errors
}

/// A role binding, or (not `namespaced`) a cluster role binding.
pub(super) fn binding(old: Option<&Object>, new: &Object, namespaced: bool) -> Vec<FieldError> {
    let mut errors = metadata(old, new, namespaced);
    let (group, kind, name) =
        (new.text(&["roleRef", "apiGroup"]), new.text(&["roleRef", "kind"]), new.text(&["roleRef", "name"]));
    if group != GROUP {
        errors.push(FieldError::not_supported("roleRef.apiGroup", group, &[GROUP]));
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&kind) {
        errors.push(FieldError::not_supported("roleRef.kind", kind, kinds));
    }
    match name {
        "" => errors.push(FieldError::required("roleRef.name", "")),
        name => {
            let fault = validate_name(NameRule::PathSegment, name).err();
            errors.extend(fault.map(|fault| FieldError::invalid("roleRef.name", name, fault)));
        }
    }
    for (index, item) in list(new, &["subjects"]) {
        errors.extend(subject(item, &format!("subjects[{index}]"), namespaced));
    }
    if let Some(old) = old {
        errors.extend(core_metadata_update(old, new));
        if old.0.get("roleRef") != new.0.get("roleRef") {
            let wanted = json!({"APIGroup": group, "Kind": kind, "Name": name});
            errors.push(FieldError::invalid("roleRef", wanted, "cannot change roleRef"));
        }
    }
    errors
}

fn subject(subject: &Value, field: &str, namespaced: bool) -> Vec<FieldError> {
    let at = |name: &str| format!("{field}.{name}");
    let text = |name: &str| subject[name].as_str().unwrap_or_default();
    let mut errors = Vec::new();
    let (kind, name, group) = (text("kind"), text("name"), text("apiGroup"));
    if name.is_empty() {
        errors.push(FieldError::required(at("name"), ""));
    }
    match kind {
        "ServiceAccount" => {
            let fault = if name.is_empty() { None } else { dns1123_subdomain(name).err() };
            errors.extend(fault.map(|fault| FieldError::invalid(at("name"), name, fault)));
            if !group.is_empty() {
                errors.push(FieldError::not_supported(at("apiGroup"), group, &[""]));
            }
            if !namespaced && text("namespace").is_empty() {
                errors.push(FieldError::required(at("namespace"), ""));
            }
        }
        "User" | "Group" => {
            if group != GROUP {
                errors.push(FieldError::not_supported(at("apiGroup"), group, &[GROUP]));
            }
        }
        other => {
            let kinds = ["ServiceAccount", "User", "Group"];
            errors.push(FieldError::not_supported(at("kind"), other, &kinds));
        }
    }
    errors
}
