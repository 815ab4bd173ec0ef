//! Brings a set of objects into the cluster as wrangler does: not by server-side apply but by create or three-way
//! merge, with an annotation that keeps what was applied last, and with pruning within the kinds it still has.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use grange_apimachinery::Object;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    client::{Client, ClientError, Key, Name},
    kinds::Kind,
};

/// Names the set an object belongs to.
const ID_ANNOTATION: &str = "objectset.rio.cattle.io/id";
/// Holds the object as it was applied last, zipped.
pub(super) const APPLIED_ANNOTATION: &str = "objectset.rio.cattle.io/applied";
/// Marks the objects of a set.
const HASH_LABEL: &str = "objectset.rio.cattle.io/hash";
/// The set's id.
const SET_ID: &str = "cluster-registration";
/// The hash that wrangler computes of that id; the same on every Harvester.
const SET_HASH: &str = "5aad1a050dcd69e80fd3fab11655a0521958c07a";
/// Largest object read back from [`APPLIED_ANNOTATION`].
const MAX_APPLIED_SIZE_BYTES: u64 = 4 << 20;

/// Why a set was not applied, or not wholly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// The group is known, the kind is not: nothing was applied.
    #[error("failed to discover client for {0}")]
    UnknownKind(String),
    /// The cluster refused something; the rest was applied.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Applies the objects and prunes what the set had before of the same kinds in the same namespaces.
pub(super) async fn apply(client: &Client, objects: Vec<Object>) -> Result<(), ApplyError> {
    let mut first_error = None;
    let mut groups: BTreeMap<(usize, String, String), (Kind, Vec<Object>)> = BTreeMap::new();
    for mut object in objects {
        let kind = match discover(client, object.api_version(), object.kind()).await {
            Ok(kind) => kind,
            Err(ApplyError::Client(error)) => {
                first_error.get_or_insert(error);
                continue;
            }
            Err(unknown) => return Err(unknown),
        };
        if !kind.namespaced {
            object.remove(&["metadata", "namespace"]);
        } else if object.namespace().is_empty() {
            object.set(&["metadata", "namespace"], "default");
        }
        let group = (rank(&kind.kind), kind.api_version(), kind.kind.to_string());
        groups.entry(group).or_insert_with(|| (kind, Vec::new())).1.push(object);
    }
    for (kind, objects) in groups.into_values() {
        if let Err(error) = apply_kind(client, &kind, objects).await {
            first_error.get_or_insert(error);
        }
    }
    first_error.map_or(Ok(()), |error| Err(error.into()))
}

async fn apply_kind(client: &Client, kind: &Kind, objects: Vec<Object>) -> Result<(), ClientError> {
    let mut result = Ok(());
    let mut wanted = BTreeSet::new();
    let mut namespaces = BTreeSet::new();
    for object in objects {
        let key = Key::of(&object);
        namespaces.insert(key.namespace.clone());
        if let Err(error) = apply_object(client, kind, &key, object).await {
            tracing::debug!(kind = %kind.kind, %key, %error, "could not be applied");
            result = result.and(Err(error));
        }
        wanted.insert(key);
    }
    for present in client.list(kind, "", &format!("{HASH_LABEL}={SET_HASH}")).await? {
        let key = Key::of(&present);
        if namespaces.contains(&key.namespace) && !wanted.contains(&key) {
            client.delete(kind, &key, Some(present.uid())).await?;
        }
    }
    result
}

async fn apply_object(
    client: &Client,
    kind: &Kind,
    key: &Key,
    mut object: Object,
) -> Result<(), ClientError> {
    mark(&mut object);
    let Some(current) = client.get(kind, key).await? else {
        return client.create(kind, &object).await.map(drop);
    };
    let original = current.annotation(APPLIED_ANNOTATION).and_then(unzip).unwrap_or_default();
    match three_way(&original, &Value::Object(object.0), &Value::Object(current.0)) {
        Some(patch) => client.patch(kind, key, "", &patch).await.map(drop),
        None => Ok(()),
    }
}

/// Writes the set's marks into an object.
fn mark(object: &mut Object) {
    object.set(&["metadata", "annotations", ID_ANNOTATION], SET_ID);
    object.set(&["metadata", "labels", HASH_LABEL], SET_HASH);
    let applied = zip(&object.0);
    object.set(&["metadata", "annotations", APPLIED_ANNOTATION], applied);
}

/// wrangler's order whatever the manifest's; kinds not named here come last.
fn rank(kind: &str) -> usize {
    const ORDER: [&str; 12] = [
        "CustomResourceDefinition",
        "ClusterRole",
        "Namespace",
        "ServiceAccount",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Secret",
        "ConfigMap",
        "Deployment",
        "DaemonSet",
        "Service",
    ];
    ORDER.iter().position(|name| *name == kind).unwrap_or(ORDER.len())
}

/// Finds a kind by asking the cluster, as a client does.
pub(super) async fn discover(client: &Client, api_version: &str, kind: &str) -> Result<Kind, ApplyError> {
    #[derive(Deserialize)]
    struct List {
        resources: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        name: String,
        kind: String,
        namespaced: bool,
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{api_version}") };
    let list: List = client.get_path(&path).await.map_err(|error| match error {
        ClientError::Api { code: 404, reason, .. } => ClientError::Api {
            code: 404,
            reason,
            message: "the server could not find the requested resource".into(),
        },
        other => other,
    })?;
    let entry = (list.resources.into_iter())
        .find(|entry| entry.kind == kind && !entry.name.contains('/'))
        .ok_or_else(|| ApplyError::UnknownKind(format!("{group}/{version}, Kind={kind}")))?;
    Ok(Kind {
        group: Name::Owned(group.to_owned()),
        version: Name::Owned(version.to_owned()),
        kind: Name::Owned(kind.to_owned()),
        plural: Name::Owned(entry.name),
        namespaced: entry.namespaced,
        status: false,
    })
}

/// The merge patch that leads from `current` to what is wanted: what `modified` has and `current` has not, and the
/// end of what was in `original` and no longer is in `modified`. `None` when there is nothing to do.
fn three_way(original: &Value, modified: &Value, current: &Value) -> Option<Value> {
    let (Value::Object(wanted), Value::Object(present)) = (modified, current) else {
        return (!covers(current, modified)).then(|| modified.clone());
    };
    let empty = Map::new();
    let before = original.as_object().unwrap_or(&empty);
    let mut patch = Map::new();
    for (key, value) in wanted {
        match present.get(key) {
            None if value.is_null() => {}
            None => {
                patch.insert(key.clone(), value.clone());
            }
            Some(there) => {
                let change = three_way(before.get(key).unwrap_or(&Value::Null), value, there);
                patch.extend(change.map(|change| (key.clone(), change)));
            }
        }
    }
    for key in before.keys() {
        if !wanted.contains_key(key) && present.contains_key(key) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Whether `current` holds everything `wanted` says: lists of the same length whose items do. The server fills in
/// defaults inside list items, which are no reason to write.
fn covers(current: &Value, wanted: &Value) -> bool {
    match (current, wanted) {
        (Value::Object(current), Value::Object(wanted)) => wanted.iter().all(|(key, value)| {
            value.is_null() || current.get(key).is_some_and(|there| covers(there, value))
        }),
        (Value::Array(current), Value::Array(wanted)) => {
            current.len() == wanted.len()
                && current.iter().zip(wanted).all(|(there, value)| covers(there, value))
        }
        _ => current == wanted,
    }
}

/// JSON with sorted keys and a line break at its end, zipped, in base64 without padding.
fn zip(object: &Map<String, Value>) -> String {
    let sorted: BTreeMap<&String, Value> =
        object.iter().map(|(key, value)| (key, sort_keys(value))).collect();
    let mut text = json!(sorted).to_string();
    text.push('\n');
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let zipped = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    STANDARD_NO_PAD.encode(zipped.expect("invariant: writing to memory does not fail"))
}

fn sort_keys(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, Value> =
                map.iter().map(|(key, value)| (key, sort_keys(value))).collect();
            Value::Object(sorted.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(items) => items.iter().map(sort_keys).collect(),
        other => other.clone(),
    }
}

pub(super) fn unzip(text: &str) -> Option<Value> {
    let zipped = STANDARD_NO_PAD.decode(text).ok()?;
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(zipped.as_slice())
        .take(MAX_APPLIED_SIZE_BYTES)
        .read_to_end(&mut plain)
        .ok()?;
    serde_json::from_slice(&plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_applied_can_be_read_back() {
        let Value::Object(map) = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "a"}})
        else {
            unreachable!()
        };
        let mut object = Object(map);
        mark(&mut object);
        let applied = unzip(object.annotation(APPLIED_ANNOTATION).unwrap()).unwrap();
        assert_eq!(
            applied.to_string(),
            concat!(
                r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"annotations":"#,
                r#"{"objectset.rio.cattle.io/id":"cluster-registration"},"labels":"#,
                r#"{"objectset.rio.cattle.io/hash":"5aad1a050dcd69e80fd3fab11655a0521958c07a"},"name":"a"}}"#
            )
        );
    }

    #[test]
    fn a_harvesters_own_annotation_can_be_read() {
        let recorded = "H4sIAAAAAAAA/3zNQU7DMBCF4bu8dRpskEubQ7Bk/2JP6UBiV54BCVW5O0oPwPIt/u/dwZu+SzdtFRN+IgZ8aS2Y8MZV7MYsGLCKs9CJ6Q7W2pyurdo+2/wp2U187NrGTPdFRm1Puht5+TaXfujyoeb9UWEbsHCW5d/8SrtiQiJLZEih5HI8yylcysuFc4zHlBjSczynUw6v3NHKVfbPh3GwX3NZsW1/AQAA//+BY1AE4wAAAA";
        assert_eq!(unzip(recorded).unwrap()["metadata"]["name"], "cattle-system");
    }

    #[test]
    fn only_what_differs_is_patched() {
        for (original, modified, current, expected) in [
            (json!({}), json!({"a": 1}), json!({"a": 1, "b": 2}), None),
            (json!({}), json!({"a": 1}), json!({"b": 2}), Some(json!({"a": 1}))),
            (json!({"a": 1, "b": 2}), json!({"a": 1}), json!({"a": 1, "b": 2}), Some(json!({"b": null}))),
            (json!({"b": 2}), json!({"a": 1}), json!({"a": 1}), None),
            (
                json!({"l": [{"n": 1}]}),
                json!({"l": [{"n": 1}]}),
                json!({"l": [{"n": 1, "default": true}]}),
                None,
            ),
            (
                json!({"d": {"t": "x"}}),
                json!({"d": {"t": "x"}}),
                json!({"d": {"t": "edited", "u": 1}}),
                Some(json!({"d": {"t": "x"}})),
            ),
            (json!({}), json!({"l": [1]}), json!({"l": [1, 2]}), Some(json!({"l": [1]}))),
        ] {
            assert_eq!(three_way(&original, &modified, &current), expected, "{modified} over {current}");
        }
    }
}
