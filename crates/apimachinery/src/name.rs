//! Kubernetes' rules for names, labels, annotations, finalizers and owner references, with its field paths and messages.
use crate::{FieldError, Object};

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

/// Checks everything in `metadata` that holds for every kind: name, namespace, labels, annotations, finalizers, owners.
pub fn validate_metadata(object: &Object, rule: NameRule, namespaced: bool) -> Vec<FieldError> {
    let _ = (object, rule, namespaced);
    todo!()
}
/// Checks what must not change between two versions: name, namespace, uid, creationTimestamp, deletionTimestamp; finalizers once terminating.
pub fn validate_metadata_update(old: &Object, new: &Object) -> Vec<FieldError> {
    let _ = (old, new);
    todo!()
}
/// The message if `value` breaks the RFC 1123 subdomain rule.
pub fn dns1123_subdomain(value: &str) -> Result<(), String> {
    let _ = value;
    todo!()
}
/// The message if `value` breaks the RFC 1123 label rule.
pub fn dns1123_label(value: &str) -> Result<(), String> {
    let _ = value;
    todo!()
}
