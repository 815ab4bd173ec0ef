//! Kubernetes' strategic merge patch.

use serde_json::Value;

use crate::patch::PatchError;

/// Applies a strategic merge patch with the merge keys of the built-in kind `kind` ($patch, $setElementOrder, $deleteFromPrimitiveList, $retainKeys).
pub fn strategic_merge_patch(kind: &str, target: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let _ = (kind, target, patch);
    todo!()
}
