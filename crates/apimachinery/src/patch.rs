//! JSON patch (RFC 6902), merge patch (RFC 7396) and Kubernetes' strategic merge patch for the built-in kinds, all bounded.
//!
//! Nothing here knows an API: a patch is applied to a tree, the caller checks the result like any update.

use serde_json::{Map, Value};

pub use crate::{
    json_patch::json_patch,
    strategic::{describe, strategic_merge_patch},
};

/// Most operations accepted in one JSON patch (kube-apiserver's own limit).
pub const MAX_JSON_PATCH_OPERATIONS: usize = 10_000;
/// Most that the `copy` and `move` operations of one JSON patch may carry together, bytes of JSON.
pub const MAX_CARRIED_BYTES: usize = 8 * 1024 * 1024;

/// Why a patch was refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PatchError {
    /// The patch document itself is malformed (400).
    #[error("{0}")]
    Malformed(String),
    /// A `test` failed or a path does not exist (422, as in kube-apiserver).
    #[error("{0}")]
    NotApplicable(String),
    /// A strategic merge patch that contradicts itself or the lists it merges (500, as in kube-apiserver).
    #[error("{0}")]
    Contradictory(String),
    /// Too many operations or too large a result (413).
    #[error("{0}")]
    TooLarge(String),
}

/// Applies a merge patch. It recurses as deep as the patch, which [`crate::json::parse`] bounds.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn merge_patches_follow_the_rfc() {
        for (target, patch, expect) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": 1, "c": 2}}),
                json!({"a": {"b": null, "d": 3}}),
                json!({"a": {"c": 2, "d": 3}}),
            ),
            (json!({"a": [1, 2]}), json!({"a": [null]}), json!({"a": [null]})),
            (json!([1]), json!({"a": 1}), json!({"a": 1})),
            (json!({"a": 1}), json!(["x"]), json!(["x"])),
            (json!({"a": 1}), json!(null), json!(null)),
            (json!({}), json!({"a": {"b": {"c": null}}}), json!({"a": {"b": {}}})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        ] {
            let mut result = target.clone();
            merge_patch(&mut result, &patch);
            assert_eq!(result, expect, "{target} + {patch}");
        }
    }

    pub(crate) fn tree() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), (0..3).prop_map(Value::from), "[ab]{0,1}".prop_map(Value::from)];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_merge_patch_applied_twice_changes_nothing_more(target in tree(), patch in tree()) {
            let mut once = target;
            merge_patch(&mut once, &patch);
            let mut twice = once.clone();
            merge_patch(&mut twice, &patch);
            prop_assert_eq!(once, twice);
        }
    }
}
