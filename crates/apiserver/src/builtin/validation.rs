//! What Kubernetes checks of its own kinds beside metadata: the causes, their fields and their sentences are its own.
//!
//! Kubernetes validates the metadata of a changed object several times over, once by the rules of all kinds and again by
//! those of the kind, and lists each cause as often; clients that count causes see the same here.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use grange_apimachinery::{
    FieldError, Object, Value,
    name::{
        MAX_SUBDOMAIN_BYTES, NameRule, validate_core_finalizers, validate_finalizer, validate_metadata,
        validate_metadata_update,
    },
};

use crate::limits::MAX_DATA_BYTES;

const FINALIZERS: &str = "metadata.finalizers";
const DATA_KEY_RULE: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const FROZEN: &str = "field is immutable when `immutable` is set";

/// What the core group checks of new metadata beside the rules for all kinds.
pub(crate) fn core_metadata(new: &Object) -> Vec<FieldError> {
    validate_core_finalizers(new.get(&["metadata", "finalizers"]), FINALIZERS)
}

/// What the core group checks of changed metadata beside the rules for all kinds.
pub(crate) fn core_metadata_update(old: &Object, new: &Object) -> Vec<FieldError> {
    let mut errors = validate_metadata_update(old, new);
    errors.extend(core_metadata(new));
    errors
}

/// The metadata of a changed namespaced object of the core group, by the rules for new ones.
pub(crate) fn core_metadata_again(new: &Object) -> Vec<FieldError> {
    let mut errors = validate_metadata(new, NameRule::Subdomain, true);
    errors.extend(core_metadata(new));
    errors
}

pub(super) fn service_account(old: Option<&Object>, new: &Object) -> Vec<FieldError> {
    let Some(old) = old else { return core_metadata(new) };
    let mut errors = core_metadata_update(old, new);
    errors.extend(core_metadata_again(new));
    errors
}

pub(super) fn config_map(old: Option<&Object>, new: &Object) -> Vec<FieldError> {
    let mut errors = match old {
        None => core_metadata(new),
        Some(old) => {
            let mut errors = core_metadata_update(old, new);
            errors.extend(frozen(old, new));
            errors.extend(core_metadata_again(new));
            errors
        }
    };
    let mut size_bytes = 0;
    let binary = |key: &str| new.get(&["binaryData", key]).is_some();
    for (key, value) in entries(new, "data") {
        errors.extend(data_key("data", key));
        if binary(key) {
            let field = format!("data[{key}]");
            errors.push(FieldError::invalid(field, key, "duplicate of key present in binaryData"));
        }
        size_bytes += value.len();
    }
    for (key, value) in entries(new, "binaryData") {
        errors.extend(data_key("binaryData", key));
        size_bytes += decoded(value).len();
    }
    if size_bytes > MAX_DATA_BYTES {
        errors.push(FieldError::too_long("", MAX_DATA_BYTES));
    }
    errors
}

pub(super) fn secret(old: Option<&Object>, new: &Object) -> Vec<FieldError> {
    let mut errors = match old {
        None => core_metadata(new),
        Some(old) => {
            let mut errors = core_metadata_update(old, new);
            if old.text(&["type"]) != new.text(&["type"]) {
                errors.push(FieldError::invalid("type", new.text(&["type"]), "field is immutable"));
            }
            errors.extend(frozen(old, new));
            errors.extend(core_metadata_again(new));
            errors
        }
    };
    let mut size_bytes = 0;
    for (key, value) in entries(new, "data") {
        errors.extend(data_key("data", key));
        size_bytes += decoded(value).len();
    }
    if size_bytes > MAX_DATA_BYTES {
        errors.push(FieldError::too_long("data", MAX_DATA_BYTES));
    }
    errors.extend(typed_secret(new));
    errors
}

/// What the types of secrets that Kubernetes knows must hold.
fn typed_secret(secret: &Object) -> Vec<FieldError> {
    let value = |key: &str| secret.get(&["data", key]).and_then(Value::as_str);
    let missing = |key: &str| FieldError::required(format!("data[{key}]"), "");
    let required = |keys: &[&str]| -> Vec<FieldError> {
        keys.iter().filter(|key| value(key).is_none()).map(|key| missing(key)).collect()
    };
    let document = |key: &str| match value(key).map(decoded) {
        None => vec![missing(key)],
        Some(bytes) if serde_json::from_slice::<Option<serde_json::Map<String, Value>>>(&bytes).is_ok() => {
            Vec::new()
        }
        Some(_) => {
            let field = format!("data[{key}]");
            vec![FieldError::invalid(field, "<secret contents redacted>", "it is no JSON object")]
        }
    };
    match secret.text(&["type"]) {
        "kubernetes.io/service-account-token" => {
            const NAME: &str = "kubernetes.io/service-account.name";
            match secret.annotation(NAME).unwrap_or_default() {
                "" => vec![FieldError::required(format!("metadata.annotations[{NAME}]"), "")],
                _ => Vec::new(),
            }
        }
        "kubernetes.io/dockercfg" => document(".dockercfg"),
        "kubernetes.io/dockerconfigjson" => document(".dockerconfigjson"),
        "kubernetes.io/basic-auth" => {
            let both = ["username", "password"];
            let faults = required(&both);
            if faults.len() == both.len() { faults } else { Vec::new() }
        }
        "kubernetes.io/ssh-auth" => match value("ssh-privatekey").unwrap_or_default() {
            "" => vec![missing("ssh-privatekey")],
            _ => Vec::new(),
        },
        "kubernetes.io/tls" => required(&["tls.crt", "tls.key"]),
        _ => Vec::new(),
    }
}

fn entries<'a>(object: &'a Object, field: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let map = object.0.get(field).and_then(Value::as_object);
    map.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

/// Base64 was checked when the object was decoded.
fn decoded(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap_or_default()
}

fn frozen(old: &Object, new: &Object) -> Vec<FieldError> {
    let set = Some(&Value::Bool(true));
    if old.0.get("immutable") != set {
        return Vec::new();
    }
    let thawed = (new.0.get("immutable") != set).then_some("immutable");
    let changed = ["data", "binaryData"].into_iter().filter(|field| old.0.get(*field) != new.0.get(*field));
    thawed.into_iter().chain(changed).map(|field| FieldError::forbidden(field, FROZEN)).collect()
}

fn data_key(field: &str, key: &str) -> Vec<FieldError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut faults = Vec::new();
    if key.len() > MAX_SUBDOMAIN_BYTES {
        faults.push(format!("must be no more than {MAX_SUBDOMAIN_BYTES} characters"));
    }
    if key.is_empty() || !key.bytes().all(allowed) {
        faults.push(DATA_KEY_RULE.to_owned());
    } else if key == "." || key == ".." {
        faults.push(format!("must not be '{key}'"));
    } else if key.starts_with("..") {
        faults.push("must not start with '..'".to_owned());
    }
    faults.into_iter().map(|fault| FieldError::invalid(format!("{field}[{key}]"), key, fault)).collect()
}

pub(super) fn lease(old: Option<&Object>, new: &Object) -> Vec<FieldError> {
    let mut errors = old.map(|old| validate_metadata_update(old, new)).unwrap_or_default();
    let number = |field: &str| new.get(&["spec", field]).and_then(Value::as_i64);
    if let Some(seconds) = number("leaseDurationSeconds").filter(|seconds| *seconds <= 0) {
        errors.push(FieldError::invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
    }
    if let Some(count) = number("leaseTransitions").filter(|count| *count < 0) {
        errors.push(FieldError::invalid(
            "spec.leaseTransitions",
            count,
            "must be greater than or equal to 0",
        ));
    }
    errors
}

/// Namespaces; of a new one the finalizers are the server's own.
pub(crate) fn namespace(old: Option<&Object>, new: &Object) -> Vec<FieldError> {
    let Some(old) = old else { return core_metadata(new) };
    let mut errors = core_metadata_update(old, new);
    let wanted = if new.is_terminating() { "Terminating" } else { "Active" };
    let phase = new.text(&["status", "phase"]);
    if phase != wanted {
        let emptiness = if new.is_terminating() { "not empty" } else { "empty" };
        let detail = format!("may only be '{wanted}' if `deletionTimestamp` is {emptiness}");
        errors.push(FieldError::invalid("status.Phase", phase, detail));
    }
    let finalizers = new.get(&["spec", "finalizers"]);
    for (index, name) in finalizers.and_then(Value::as_array).into_iter().flatten().enumerate() {
        errors.extend(validate_finalizer(
            name.as_str().unwrap_or_default(),
            &format!("spec.finalizers[{index}]"),
        ));
    }
    errors.extend(validate_core_finalizers(finalizers, "spec.finalizers"));
    errors
}
