//! A Kubernetes object as JSON, and its stored form.
//!
//! INVARIANT: the stored form is canonical JSON whose first keys are `apiVersion`, `kind`, `metadata`, in this
//! order, and which never holds `metadata.resourceVersion`: the revision is known only when the write commits, so
//! it is spliced in when the object is rendered. Lists and watches therefore concatenate stored bytes and never
//! build a value tree. [`StoredHeader`] and [`stored_field`] read what selectors and tables need straight from the bytes.

use std::io::Write as _;

use bytes::Bytes;
use serde_json::{Map, Value};

pub use crate::header::{HeaderMetadata, StoredHeader, stored_field};

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
    /// The stored form (see the module's invariant). `apiVersion` and `kind` are kept only when they are strings, and
    /// `metadata` is always written, as an object: what is stored always has its splice point.
    pub fn to_stored(&self) -> Bytes {
        let mut out = Vec::with_capacity(1024);
        out.push(b'{');
        for key in ["apiVersion", "kind"] {
            if let Some(value @ Value::String(_)) = self.0.get(key) {
                write_member(&mut out, key, value);
                out.push(b',');
            }
        }
        out.extend_from_slice(METADATA_OPENING);
        let mut separator = false;
        for (key, value) in self.0.get("metadata").and_then(Value::as_object).into_iter().flatten() {
            if key != "resourceVersion" {
                if separator {
                    out.push(b',');
                }
                separator = true;
                write_member(&mut out, key, value);
            }
        }
        out.push(b'}');
        for (key, value) in &self.0 {
            if !matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
                out.push(b',');
                write_member(&mut out, key, value);
            }
        }
        out.push(b'}');
        Bytes::from(out)
    }
    /// Reads the stored form back and sets `metadata.resourceVersion`.
    pub fn from_stored(stored: &[u8], revision: u64) -> Result<Object, crate::json::JsonError> {
        let mut object = Object(serde_json::from_slice(stored)?);
        object.set(&["metadata", "resourceVersion"], revision.to_string());
        Ok(object)
    }
    /// The wire form of this tree (its own `resourceVersion` included).
    pub fn to_bytes(&self) -> Bytes {
        Bytes::from(serde_json::to_vec(&self.0).unwrap_or_default())
    }
}

/// Appends the wire form of a stored object: its bytes with `"resourceVersion":"<revision>"` spliced into metadata.
pub fn render_stored(stored: &[u8], revision: u64, out: &mut Vec<u8>) {
    let (head, tail) = stored.split_at(splice_point(stored));
    out.reserve(stored.len() + 48);
    out.extend_from_slice(head);
    write_revision(revision, tail, out);
    out.extend_from_slice(tail);
}

/// The bytes around the splice point of a stored object, for writing without a copy: `head`, then what
/// [`write_revision`] writes (`"resourceVersion":"N"`, with a comma when metadata is not empty), then `tail`.
pub fn split_stored(stored: &Bytes) -> (Bytes, Bytes) {
    let at = splice_point(stored);
    (stored.slice(..at), stored.slice(at..))
}

/// Appends the member that goes between the two halves of [`split_stored`].
pub fn write_revision(revision: u64, tail: &[u8], out: &mut Vec<u8>) {
    let comma = if tail.first() == Some(&b'}') { "" } else { "," };
    // Writing to a Vec cannot fail.
    let _ = write!(out, "\"resourceVersion\":\"{revision}\"{comma}");
}

/// What stands before the splice point.
///
/// INVARIANT: in canonical JSON these bytes cannot occur inside a string (its quotes are escaped), and only
/// `apiVersion` and `kind`, both strings, stand before `metadata`; so their first occurrence is the object's own.
const METADATA_OPENING: &[u8] = b"\"metadata\":{";

/// Where `resourceVersion` is spliced in: right behind the brace that opens `metadata`. Bytes that hold no metadata
/// break the module's invariant; they are left whole in the head.
pub(crate) fn splice_point(stored: &[u8]) -> usize {
    memchr::memmem::find(stored, METADATA_OPENING).map_or(stored.len(), |at| at + METADATA_OPENING.len())
}

fn write_member(out: &mut Vec<u8>, key: &str, value: &Value) {
    // Writing trees of strings, numbers and booleans to a Vec cannot fail.
    let _ = serde_json::to_writer(&mut *out, key);
    out.push(b':');
    let _ = serde_json::to_writer(&mut *out, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Object {
        match value {
            Value::Object(map) => Object(map),
            other => panic!("not an object: {other}"),
        }
    }

    fn check(value: Value, stored: &str, rendered: &str) {
        let bytes = object(value).to_stored();
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), stored);
        let mut out = Vec::new();
        render_stored(&bytes, 7, &mut out);
        assert_eq!(std::str::from_utf8(&out).unwrap(), rendered);
        let (head, tail) = split_stored(&bytes);
        let mut joined = head.to_vec();
        write_revision(7, &tail, &mut joined);
        joined.extend_from_slice(&tail);
        assert_eq!(joined, out);
        assert_eq!(
            Value::Object(Object::from_stored(&bytes, 7).unwrap().0),
            serde_json::from_slice::<Value>(&out).unwrap()
        );
    }

    #[test]
    fn the_stored_form_starts_with_type_and_metadata_and_holds_no_revision() {
        check(
            json!({"zone": 1, "kind": "Pod", "apiVersion": "v1", "data": {"metadata": {"x": 1}},
                "metadata": {"name": "a", "resourceVersion": "99"}}),
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"data":{"metadata":{"x":1}},"zone":1}"#,
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"resourceVersion":"7","name":"a"},"data":{"metadata":{"x":1}},"zone":1}"#,
        );
    }

    #[test]
    fn empty_missing_and_hostile_parts_keep_the_splice_point() {
        check(json!({}), r#"{"metadata":{}}"#, r#"{"metadata":{"resourceVersion":"7"}}"#);
        check(json!({"metadata": null}), r#"{"metadata":{}}"#, r#"{"metadata":{"resourceVersion":"7"}}"#);
        check(
            json!({"kind": "\"metadata\":{", "apiVersion": {"metadata": {}}}),
            r#"{"kind":"\"metadata\":{","metadata":{}}"#,
            r#"{"kind":"\"metadata\":{","metadata":{"resourceVersion":"7"}}"#,
        );
    }

    #[test]
    fn paths_are_set_read_and_removed() {
        let mut object = object(json!({"metadata": "nonsense"}));
        object.set(&["metadata", "labels", "a.b/c"], "d");
        assert_eq!(object.label("a.b/c"), Some("d"));
        assert_eq!(object.remove(&["metadata", "labels", "a.b/c"]), Some(json!("d")));
        assert_eq!(object.label("a.b/c"), None);
        assert_eq!(object.remove(&["metadata", "nothing", "here"]), None);
    }
}
