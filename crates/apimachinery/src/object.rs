//! A Kubernetes object as JSON, and its stored form.
//!
//! INVARIANT: the stored form is canonical JSON whose first keys are `apiVersion`, `kind`, `metadata`, in this
//! order, and which never holds `metadata.resourceVersion`: the revision is known only when the write commits, so
//! it is spliced in when the object is rendered. Lists and watches therefore concatenate stored bytes and never
//! build a value tree.

use bytes::Bytes;
use serde_json::{Map, Value};

/// A whole object as a JSON tree; for writes and single objects, never for lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(pub Map<String, Value>);

/// One entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    /// The owner's API version.
    pub api_version: String,
    /// The owner's kind.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner's uid.
    pub uid: String,
    /// Whether the owner is the managing controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// Whether foreground deletion of the owner waits for this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

impl Object {
    /// `apiVersion`, or `""`.
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"])
    }
    /// `kind`, or `""`.
    pub fn kind(&self) -> &str {
        self.text(&["kind"])
    }
    /// `metadata.name`, or `""`.
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }
    /// `metadata.namespace`, or `""`.
    pub fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }
    /// `metadata.uid`, or `""`.
    pub fn uid(&self) -> &str {
        self.text(&["metadata", "uid"])
    }
    /// `metadata.resourceVersion`, or `""`.
    pub fn resource_version(&self) -> &str {
        self.text(&["metadata", "resourceVersion"])
    }
    /// `metadata.generation`, or 0.
    pub fn generation(&self) -> i64 {
        self.get(&["metadata", "generation"]).and_then(Value::as_i64).unwrap_or(0)
    }
    /// Whether `metadata.deletionTimestamp` is set.
    pub fn is_terminating(&self) -> bool {
        !self.text(&["metadata", "deletionTimestamp"]).is_empty()
    }
    /// The label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.get(&["metadata", "labels", key]).and_then(Value::as_str)
    }
    /// The annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.get(&["metadata", "annotations", key]).and_then(Value::as_str)
    }
    /// The finalizers.
    pub fn finalizers(&self) -> Vec<&str> {
        self.get(&["metadata", "finalizers"])
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }
    /// The owner references that parse.
    pub fn owner_references(&self) -> Vec<OwnerReference> {
        self.get(&["metadata", "ownerReferences"])
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(|item| serde_json::from_value(item.clone()).ok()).collect())
            .unwrap_or_default()
    }
    /// The value at a path of keys.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, key| value.get(*key))
    }
    /// The string at a path, or `""`.
    pub fn text(&self, path: &[&str]) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or("")
    }
    /// Sets the value at a path, making objects on the way; a non-object on the way is replaced.
    pub fn set(&mut self, path: &[&str], value: impl Into<Value>) {
        let Some((last, parents)) = path.split_last() else { return };
        let mut map = &mut self.0;
        for key in parents {
            let slot = map.entry(*key).or_insert_with(|| Value::Object(Map::new()));
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            let Value::Object(next) = slot else { return };
            map = next;
        }
        map.insert((*last).to_owned(), value.into());
    }
    /// Removes and returns the value at a path.
    pub fn remove(&mut self, path: &[&str]) -> Option<Value> {
        let (last, parents) = path.split_last()?;
        let mut map = &mut self.0;
        for key in parents {
            map = map.get_mut(*key)?.as_object_mut()?;
        }
        map.remove(*last)
    }
    /// The stored form (see the module's invariant).
    pub fn to_stored(&self) -> Bytes {
        todo!()
    }
    /// Reads the stored form back and sets `metadata.resourceVersion`.
    pub fn from_stored(stored: &[u8], revision: u64) -> Result<Object, crate::json::JsonError> {
        let _ = (stored, revision);
        todo!()
    }
    /// The wire form of this tree (its own `resourceVersion` included).
    pub fn to_bytes(&self) -> Bytes {
        Bytes::from(serde_json::to_vec(&self.0).unwrap_or_default())
    }
}

/// Appends the wire form of a stored object: its bytes with `"resourceVersion":"<revision>"` spliced into metadata.
pub fn render_stored(stored: &[u8], revision: u64, out: &mut Vec<u8>) {
    let _ = (stored, revision, out);
    todo!()
}

/// The bytes around the splice point of a stored object, for writing without a copy: `head`, then
/// `"resourceVersion":"N"` (with a comma when metadata is not empty), then `tail`.
pub fn split_stored(stored: &Bytes) -> (Bytes, Bytes) {
    let _ = stored;
    todo!()
}

/// What selectors, garbage collection and tables need of a stored object, borrowed from its bytes, without a tree.
#[derive(Debug, Default, serde::Deserialize)]
pub struct StoredHeader<'a> {
    /// The metadata.
    #[serde(borrow, default)]
    pub metadata: HeaderMetadata<'a>,
}

/// The metadata of a [`StoredHeader`].
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderMetadata<'a> {
    /// The object's name.
    #[serde(borrow)]
    pub name: std::borrow::Cow<'a, str>,
    /// The object's namespace, or `""`.
    #[serde(borrow)]
    pub namespace: std::borrow::Cow<'a, str>,
    /// The object's uid.
    #[serde(borrow)]
    pub uid: std::borrow::Cow<'a, str>,
    /// The object's labels.
    #[serde(borrow)]
    pub labels: std::collections::BTreeMap<std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>>,
    /// When the object was asked to go.
    #[serde(borrow)]
    pub deletion_timestamp: Option<std::borrow::Cow<'a, str>>,
    /// Who owns the object.
    pub owner_references: Vec<OwnerReference>,
    /// What keeps the object.
    #[serde(borrow)]
    pub finalizers: Vec<std::borrow::Cow<'a, str>>,
}

impl<'a> StoredHeader<'a> {
    /// Reads the header of a stored object.
    pub fn parse(stored: &'a [u8]) -> Result<Self, crate::json::JsonError> {
        let _ = stored;
        todo!()
    }
}

/// The value of a dotted field path (`metadata.name`, `status.phase`, `spec.nodeName`) of a stored object as text
/// (strings bare, numbers and booleans as written, absent as `""`), read without building a tree.
pub fn stored_field(stored: &[u8], path: &str) -> String {
    let _ = (stored, path);
    todo!()
}
