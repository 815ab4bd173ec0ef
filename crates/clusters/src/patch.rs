//! The two kinds of writes to our own clusters: status, and the end of the finalizer.
use std::fmt::Debug;

use grange_resources::names;
use kube::{
    Api, Resource,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    Error,
    error::{is_conflict, is_not_found},
};

/// Writes the fields of status that differ, and nothing when none does.
pub(crate) async fn write_status<K, S>(api: &Api<K>, name: &str, old: &S, new: &S) -> Result<(), Error>
where
    K: Clone + DeserializeOwned + Debug,
    S: Serialize,
{
    let patch = difference(&to_map(old)?, &to_map(new)?);
    if patch.is_empty() {
        return Ok(());
    }
    match api.patch_status(name, &PatchParams::default(), &Patch::Merge(json!({ "status": patch }))).await {
        Ok(_) => Ok(()),
        // Deleted meanwhile: there is nobody left to tell.
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Takes our finalizer off, unless somebody else changed the object meanwhile; then its watch brings us back.
pub(crate) async fn remove_finalizer<K>(api: &Api<K>, object: &K) -> Result<(), Error>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let metadata = object.meta();
    let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == names::CLUSTER_FINALIZER) {
        return Ok(());
    }
    let left: Vec<&String> =
        finalizers.iter().filter(|finalizer| *finalizer != names::CLUSTER_FINALIZER).collect();
    let patch = json!({ "metadata": { "finalizers": left, "resourceVersion": metadata.resource_version } });
    let name = metadata.name.as_deref().unwrap_or_default();
    match api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) || is_conflict(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn to_map<S: Serialize>(status: &S) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(status) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(Error::State("status is no object".to_owned())),
    }
}

/// A merge patch from `old` to `new`.
fn difference(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(before), after) if before == after => {}
            (Some(Value::Object(before)), Value::Object(after)) => {
                patch.insert(key.clone(), Value::Object(difference(before, after)));
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_written() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let old = map(json!({ "a": 1, "b": [1], "gone": true, "sums": { "cpu": "8", "pods": "110" } }));
        let new = map(json!({ "a": 1, "b": [2], "c": "new", "sums": { "cpu": "9" } }));
        assert_eq!(
            difference(&old, &new),
            map(json!({ "b": [2], "c": "new", "gone": null, "sums": { "cpu": "9", "pods": null } }))
        );
        assert!(difference(&old, &old).is_empty());
    }
}
