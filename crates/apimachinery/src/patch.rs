//! JSON patch (RFC 6902), merge patch (RFC 7396) and Kubernetes' strategic merge patch for the built-in kinds, all bounded.
use serde_json::Value;

/// Most operations accepted in one JSON patch (kube-apiserver's own limit).
pub const MAX_JSON_PATCH_OPERATIONS: usize = 10_000;

/// Why a patch was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PatchError {
    /// The patch document itself is malformed (400).
    #[error("{0}")]
    Malformed(String),
    /// A `test` failed or a path does not exist (422, as in kube-apiserver).
    #[error("{0}")]
    NotApplicable(String),
    /// Too many operations or too large a result (413).
    #[error("{0}")]
    TooLarge(String),
}

/// Applies a JSON patch.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let _ = (target, patch);
    todo!()
}
/// Applies a merge patch.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(map) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            map.remove(key);
        } else {
            merge_patch(map.entry(key).or_insert(Value::Null), change);
        }
    }
}
/// Applies a strategic merge patch with the merge keys of the built-in kind `kind` ($patch, $setElementOrder, $deleteFromPrimitiveList, $retainKeys).
pub fn strategic_merge_patch(kind: &str, target: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let _ = (kind, target, patch);
    todo!()
}
