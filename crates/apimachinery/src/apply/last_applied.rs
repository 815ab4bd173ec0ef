//! From kubectl's client-side apply to server-side apply: what its annotation says was applied counts as kubectl's own.

use serde_json::Value;

use super::{FieldSet, Type, validate::Duplicates};
use crate::{Object, json};

/// The manager that the annotation belongs to.
pub(super) const MANAGER: &str = "kubectl";
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
const PATH: &[&str] = &["metadata", "annotations", ANNOTATION];
/// Most bytes of all annotations together.
const MAX_ANNOTATIONS_BYTES: usize = 256 * 1024;

/// The fields that the annotation applied and that still have those values; `None` if there is no such annotation.
pub(super) fn fields(kind: &Type, live: &Object) -> Option<FieldSet> {
    let text = live.text(PATH);
    if text.is_empty() {
        return None;
    }
    let Ok(json::Parsed { value: Value::Object(applied), .. }) = json::parse(text.as_bytes()) else {
        return None;
    };
    if applied.get("apiVersion") != live.0.get("apiVersion") {
        return None;
    }
    kind.check(&live.0, Duplicates::Refused).ok()?;
    kind.check(&applied, Duplicates::Refused).ok()?;
    let differing = kind.compare(&applied, &live.0).ok()?;
    let fields = kind.fields_of(&applied).ok()?;
    Some(fields.difference(&differing.modified).difference(&differing.added).difference(&differing.removed))
}

/// Brings the annotation up to date, where there is one.
pub(super) fn refresh(object: &mut Object, config: &Object) {
    if object.text(PATH).is_empty() {
        return;
    }
    let mut config = config.clone();
    config.remove(PATH);
    // As Go's encoder writes it, with its escapes for HTML and its newline.
    let mut text = Value::Object(config.0).to_string();
    for (character, escape) in [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ] {
        text = text.replace(character, escape);
    }
    text.push('\n');
    object.set(PATH, text);
    let annotations = object.get(&["metadata", "annotations"]).and_then(Value::as_object);
    let size_bytes: usize = annotations
        .into_iter()
        .flatten()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if size_bytes > MAX_ANNOTATIONS_BYTES {
        object.remove(PATH);
    }
}
