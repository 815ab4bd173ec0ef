//! Kubernetes' rules for names, labels, annotations, finalizers and owner references, with its field paths and messages.

use std::{cmp::Ordering, collections::BTreeSet};

use serde_json::Value;

use crate::{FieldError, Object, object::OwnerReference};

/// Which rule a resource's names follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// RFC 1123 subdomain (most kinds).
    Subdomain,
    /// RFC 1123 label (namespaces).
    Label,
    /// RFC 1035 label (services).
    Rfc1035Label,
    /// Any path segment (RBAC kinds).
    PathSegment,
}

/// Longest name that `generateName` may start with; the random suffix has 5 characters.
pub const MAX_GENERATED_NAME_BASE: usize = 58;
/// Total size of all annotations, bytes.
pub const MAX_ANNOTATIONS_SIZE_BYTES: usize = 256 * 1024;
/// Longest RFC 1123 subdomain, bytes.
pub const MAX_SUBDOMAIN_BYTES: usize = 253;
/// Longest RFC 1123 or RFC 1035 label, label value, and name part of a qualified name, bytes.
pub const MAX_LABEL_BYTES: usize = 63;

const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const RFC1035_RULE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// The garbage collector's two finalizers, which exclude each other.
const ORPHAN_FINALIZER: &str = "orphan";
const FOREGROUND_FINALIZER: &str = "foregroundDeletion";

/// Checks everything in `metadata` that holds for every kind: name, namespace, labels, annotations, finalizers, owners.
pub fn validate_metadata(object: &Object, rule: NameRule, namespaced: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let (name, namespace) = (object.name(), object.namespace());
    for field in ["name", "generateName", "namespace"] {
        if let Some(value) =
            object.get(&["metadata", field]).filter(|value| !value.is_null() && !value.is_string())
        {
            errors.push(must_be(value, &format!("metadata.{field}"), "string"));
        }
    }
    let prefix = object.text(&["metadata", "generateName"]);
    if !prefix.is_empty() {
        invalid(&mut errors, "metadata.generateName", prefix, name_faults(rule, prefix, true));
    }
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        invalid(&mut errors, "metadata.name", name, name_faults(rule, name, false));
    }
    match (namespaced, namespace) {
        (true, "") => errors.push(FieldError::required("metadata.namespace", "")),
        (true, _) => {
            invalid(
                &mut errors,
                "metadata.namespace",
                namespace,
                name_faults(NameRule::Label, namespace, false),
            );
        }
        (false, "") => {}
        (false, _) => errors.push(FieldError::forbidden("metadata.namespace", "not allowed on this type")),
    }
    if object.generation() < 0 {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("metadata.generation", object.generation(), detail));
    }
    validate_labels(object.get(&["metadata", "labels"]), "metadata.labels", &mut errors);
    validate_annotations(object.get(&["metadata", "annotations"]), &mut errors);
    validate_owner_references(object.get(&["metadata", "ownerReferences"]), &mut errors);
    validate_finalizers(object.get(&["metadata", "finalizers"]), &mut errors);
    errors
}

/// The finalizers that are no qualified names: Kubernetes' own.
const STANDARD_FINALIZERS: &[&str] = &["kubernetes", ORPHAN_FINALIZER, FOREGROUND_FINALIZER];

/// Checks what the core group demands of finalizers beside the rule for all: one without a domain must be a standard one.
/// `field` is the path of the list, `metadata.finalizers` or `spec.finalizers`.
pub fn validate_core_finalizers(finalizers: Option<&Value>, field: &str) -> Vec<FieldError> {
    let names = finalizers.and_then(Value::as_array).into_iter().flatten().enumerate();
    names
        .filter_map(|(index, name)| Some((index, name.as_str()?)))
        .filter(|(_, name)| !name.contains('/') && !STANDARD_FINALIZERS.contains(name))
        .map(|(index, name)| {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            FieldError::invalid(format!("{field}[{index}]"), name, detail)
        })
        .collect()
}

/// Checks that a finalizer is a qualified name, wherever the list of it stands.
pub fn validate_finalizer(name: &str, field: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    invalid(&mut errors, field, name, qualified_name_faults(name));
    errors
}

/// Checks what must not change between two versions: name, namespace, uid, creationTimestamp, deletionTimestamp;
/// finalizers once terminating; and labels, annotations and owners once more, as Kubernetes does. A field that `new` leaves out counts as unchanged: the server owns these fields and
/// fills them in.
pub fn validate_metadata_update(old: &Object, new: &Object) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if old.is_terminating() {
        let before = old.finalizers();
        let added: Vec<String> = new
            .finalizers()
            .into_iter()
            .filter(|finalizer| !before.contains(finalizer))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(crate::status::quote)
            .collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", detail));
        }
    }
    for field in
        ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
    {
        let before = old.get(&["metadata", field]).unwrap_or(&Value::Null);
        match new.get(&["metadata", field]) {
            None | Some(Value::Null) => {}
            Some(after) if after == before => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(after) => {
                errors.push(FieldError::invalid(
                    format!("metadata.{field}"),
                    after.clone(),
                    "field is immutable",
                ));
            }
        }
    }
    validate_labels(new.get(&["metadata", "labels"]), "metadata.labels", &mut errors);
    validate_annotations(new.get(&["metadata", "annotations"]), &mut errors);
    validate_owner_references(new.get(&["metadata", "ownerReferences"]), &mut errors);
    errors
}

/// The message if `value` breaks the RFC 1123 subdomain rule.
pub fn dns1123_subdomain(value: &str) -> Result<(), String> {
    first(name_faults(NameRule::Subdomain, value, false))
}
/// The message if `value` breaks the RFC 1123 label rule.
pub fn dns1123_label(value: &str) -> Result<(), String> {
    first(name_faults(NameRule::Label, value, false))
}
/// The messages, joined by commas, if `value` breaks the RFC 1035 label rule.
pub fn dns1035_label(value: &str) -> Result<(), String> {
    match name_faults(NameRule::Rfc1035Label, value, false) {
        faults if faults.is_empty() => Ok(()),
        faults => Err(faults.join(",")),
    }
}
/// The message if `name` breaks the rule of its resource.
pub fn validate_name(rule: NameRule, name: &str) -> Result<(), String> {
    first(name_faults(rule, name, false))
}
/// The message if `key` is not a qualified name (`name` or `dns.prefix/name`), as label keys and finalizers must be.
pub fn qualified_name(key: &str) -> Result<(), String> {
    first(qualified_name_faults(key))
}
/// Everything that keeps `key`, which stands at the path `field`, from being a qualified name.
pub fn validate_qualified_name(key: &str, field: &str, errors: &mut Vec<FieldError>) {
    invalid(errors, field, key, qualified_name_faults(key));
}
/// The message if `value` cannot be a label's value.
pub fn label_value(value: &str) -> Result<(), String> {
    first(label_value_faults(value))
}
/// Checks a map of labels that stands at the path `field` (of metadata, or of a selector or template in a spec).
pub fn validate_labels(labels: Option<&Value>, field: &str, errors: &mut Vec<FieldError>) {
    for (key, value) in string_map(labels, field, errors) {
        invalid(errors, field, key, qualified_name_faults(key));
        invalid(errors, field, value, label_value_faults(value));
    }
}

/// Compares API versions by how much they promise: `v2` above `v1` above `v1beta2` above `v1alpha1` above anything else.
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    match (parse_version(left), parse_version(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        // Names that are no versions: in the order of the alphabet, the first is preferred.
        (None, None) => right.cmp(left),
    }
}

/// Stage (2 released, 1 beta, 0 alpha), major, minor.
fn parse_version(version: &str) -> Option<(u8, u64, u64)> {
    let number = |text: &str| {
        let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        canonical.then(|| text.parse().ok()).flatten()
    };
    let rest = version.strip_prefix('v')?;
    for (stage, word) in [(1, "beta"), (0, "alpha")] {
        if let Some((major, minor)) = rest.split_once(word) {
            let minor = if minor.is_empty() { 0 } else { number(minor)? };
            return Some((stage, number(major)?, minor));
        }
    }
    Some((2, number(rest)?, 0))
}

fn validate_annotations(annotations: Option<&Value>, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "metadata.annotations";
    let mut size_bytes = 0;
    for (key, value) in string_map(annotations, FIELD, errors) {
        size_bytes += key.len() + value.len();
        invalid(errors, FIELD, key, qualified_name_faults(&key.to_lowercase()));
    }
    if size_bytes > MAX_ANNOTATIONS_SIZE_BYTES {
        errors.push(FieldError::too_long(FIELD, MAX_ANNOTATIONS_SIZE_BYTES));
    }
}

fn validate_finalizers(finalizers: Option<&Value>, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "metadata.finalizers";
    let mut seen = Vec::new();
    for finalizer in list(finalizers, FIELD, errors) {
        match finalizer.as_str() {
            Some(text) => {
                invalid(errors, FIELD, text, qualified_name_faults(text));
                seen.push(text);
            }
            None => errors.push(must_be(finalizer, FIELD, "string")),
        }
    }
    if seen.contains(&ORPHAN_FINALIZER) && seen.contains(&FOREGROUND_FINALIZER) {
        let detail = format!("finalizer {ORPHAN_FINALIZER} and {FOREGROUND_FINALIZER} cannot be both set");
        errors.push(FieldError::invalid(FIELD, seen, detail));
    }
}

fn validate_owner_references(references: Option<&Value>, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "metadata.ownerReferences";
    let mut controller: Option<String> = None;
    for reference in list(references, FIELD, errors) {
        if !reference.is_object() {
            errors.push(must_be(reference, FIELD, "object"));
            continue;
        }
        let text = |key: &str| reference.get(key).and_then(Value::as_str).unwrap_or("");
        let api_version = text("apiVersion");
        // Kubernetes reads more than one slash as no version at all; a lone one, as in "/", stands for nothing.
        if api_version.is_empty() || api_version.ends_with('/') || api_version.matches('/').count() > 1 {
            let field = format!("{FIELD}.apiVersion");
            errors.push(FieldError::invalid(field, api_version, "version must not be empty"));
        }
        for key in ["kind", "name", "uid"] {
            if text(key).is_empty() {
                errors.push(FieldError::invalid(format!("{FIELD}.{key}"), "", "must not be empty"));
            }
        }
        if (api_version, text("kind")) == ("v1", "Event") {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid(FIELD, reference.clone(), detail));
        }
        for key in ["controller", "blockOwnerDeletion"] {
            if let Some(flag) = reference.get(key).filter(|flag| !flag.is_boolean() && !flag.is_null()) {
                errors.push(must_be(flag, &format!("{FIELD}.{key}"), "boolean"));
            }
        }
        if reference.get("controller").and_then(Value::as_bool) == Some(true) {
            let this = format!("{}/{}", text("kind"), text("name"));
            match &controller {
                Some(first) => {
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                    );
                    let mut error = FieldError::invalid(FIELD, Value::Null, detail);
                    // In Kubernetes' own order of the fields.
                    error.value = references.and_then(in_order);
                    errors.push(error);
                }
                None => controller = Some(this),
            }
        }
    }
}

fn in_order(references: &Value) -> Option<String> {
    let references: Vec<OwnerReference> = serde_json::from_value(references.clone()).ok()?;
    serde_json::to_string(&references).ok()
}

/// The string entries of a map; anything else is reported.
fn string_map<'a>(
    value: Option<&'a Value>,
    field: &str,
    errors: &mut Vec<FieldError>,
) -> Vec<(&'a str, &'a str)> {
    let mut entries = Vec::new();
    match value {
        None | Some(Value::Null) => {}
        Some(Value::Object(map)) => {
            for (key, value) in map {
                match value {
                    Value::String(text) => entries.push((key.as_str(), text.as_str())),
                    // Kubernetes decodes these into a Go map of strings, where null is the empty string.
                    Value::Null => entries.push((key.as_str(), "")),
                    other => errors.push(must_be(other, &format!("{field}[{key}]"), "string")),
                }
            }
        }
        Some(other) => errors.push(must_be(other, field, "object")),
    }
    entries
}

/// The items of a list; anything else is reported.
fn list<'a>(value: Option<&'a Value>, field: &str, errors: &mut Vec<FieldError>) -> &'a [Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items,
        Some(other) => {
            errors.push(must_be(other, field, "array"));
            &[]
        }
    }
}

fn must_be(value: &Value, field: &str, kind: &str) -> FieldError {
    FieldError::type_invalid(field, value.clone(), format!("must be of type {kind}"))
}

fn invalid(errors: &mut Vec<FieldError>, field: &str, value: &str, faults: Vec<String>) {
    errors.extend(faults.into_iter().map(|fault| FieldError::invalid(field, value, fault)));
}

fn first(faults: Vec<String>) -> Result<(), String> {
    faults.into_iter().next().map_or(Ok(()), Err)
}

/// What is wrong with a name, or (`prefix`) with the beginning of one.
fn name_faults(rule: NameRule, name: &str, prefix: bool) -> Vec<String> {
    if rule == NameRule::PathSegment {
        return path_segment_faults(name, prefix);
    }
    // A generated name may end with a dash, since characters follow.
    let masked = match name.strip_suffix('-').filter(|stem| prefix && !stem.is_empty()) {
        Some(stem) => format!("{stem}a"),
        None => name.to_owned(),
    };
    let (longest, message) = match rule {
        NameRule::Label => (MAX_LABEL_BYTES, LABEL_RULE),
        NameRule::Rfc1035Label => (MAX_LABEL_BYTES, RFC1035_RULE),
        NameRule::Subdomain | NameRule::PathSegment => (MAX_SUBDOMAIN_BYTES, SUBDOMAIN_RULE),
    };
    let mut faults = Vec::new();
    if masked.len() > longest {
        faults.push(format!("must be no more than {longest} characters"));
    }
    let fits = match rule {
        NameRule::Label => is_dns_label(&masked),
        NameRule::Rfc1035Label => {
            is_dns_label(&masked) && masked.starts_with(|first: char| first.is_ascii_lowercase())
        }
        NameRule::Subdomain | NameRule::PathSegment => masked.split('.').all(is_dns_label),
    };
    if !fits {
        // What would be a good name but for its dots is told just that.
        let dots = rule == NameRule::Label && masked.contains('.') && masked.split('.').all(is_dns_label);
        faults.push(if dots { "must not contain dots".to_owned() } else { message.to_owned() });
    }
    faults
}

fn path_segment_faults(name: &str, prefix: bool) -> Vec<String> {
    if !prefix && (name == "." || name == "..") {
        return vec![format!("may not be '{name}'")];
    }
    ['/', '%']
        .iter()
        .filter(|forbidden| name.contains(**forbidden))
        .map(|forbidden| format!("may not contain '{forbidden}'"))
        .collect()
}

fn qualified_name_faults(key: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let name = match key.split_once('/') {
        None => key,
        Some((_, name)) if name.contains('/') => {
            return vec![format!(
                "a valid label key {NAME_PART_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
        Some(("", name)) => {
            faults.push("prefix part must be non-empty".to_owned());
            name
        }
        Some((prefix, name)) => {
            let prefix_faults = name_faults(NameRule::Subdomain, prefix, false);
            // Kubernetes counts the same bytes under two names.
            let told = |fault: String| format!("prefix part {}", fault.replace(" characters", " bytes"));
            faults.extend(prefix_faults.into_iter().map(
                |fault| match fault.starts_with("must be no more") {
                    true => told(fault),
                    false => format!("prefix part {fault}"),
                },
            ));
            name
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > MAX_LABEL_BYTES {
        faults.push(format!("name part {}", too_long(MAX_LABEL_BYTES)));
    }
    if !is_name_part(name) {
        faults.push(format!("name part {NAME_PART_RULE}"));
    }
    faults
}

fn label_value_faults(value: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if value.len() > MAX_LABEL_BYTES {
        faults.push(too_long(MAX_LABEL_BYTES));
    }
    if !value.is_empty() && !is_name_part(value) {
        faults.push(LABEL_VALUE_RULE.to_owned());
    }
    faults
}

fn too_long(limit_bytes: usize) -> String {
    format!("must be no more than {limit_bytes} bytes")
}

/// `[a-z0-9]([-a-z0-9]*[a-z0-9])?`
fn is_dns_label(text: &str) -> bool {
    framed(text, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit(), |byte| byte == b'-')
}

/// `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`
fn is_name_part(text: &str) -> bool {
    framed(text, |byte| byte.is_ascii_alphanumeric(), |byte| matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether the text starts and ends with an outer byte and holds only outer and inner ones.
fn framed(text: &str, outer: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    match text.as_bytes() {
        [] => false,
        [first, .., last] if !outer(*first) || !outer(*last) => false,
        bytes => bytes.iter().all(|byte| outer(*byte) || (bytes.len() > 1 && inner(*byte))),
    }
}

#[cfg(test)]
mod tests;
