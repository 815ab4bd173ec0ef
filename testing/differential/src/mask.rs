//! What may differ between any two servers.
use std::collections::HashMap;

use serde_json::{Map, Value};

/// Names of objects that each side's controllers put into every namespace, each in its own time.
const FOREIGN: &[&str] = &["kube-root-ca.crt", "default"];

/// Masks the answers of one side in one case. The same uid or revision of an object gets the same mask wherever it
/// shows again, so that "nothing was written" and "it is another object" are compared too.
#[derive(Default)]
pub(crate) struct Mask {
    uids: HashMap<String, usize>,
    revisions: HashMap<String, usize>,
    /// The case's namespace.
    namespace: String,
}

/// What the suite's generated names begin with.
const GENERATED_BASE: &str = "Bad Base-";

/// Whether a sentence is of a schema's checks: Kubernetes goes through the properties in any order.
fn is_of_schema(text: &str) -> bool {
    text.contains(" in body must be ")
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(index, letter)| match index {
            8 | 13 | 18 | 23 => letter == '-',
            _ => letter.is_ascii_hexdigit(),
        })
}

/// Masks the random letters of generated names.
fn mask_generated(text: &mut String) {
    let mut parts = text.split(GENERATED_BASE);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let random = part.chars().take_while(char::is_ascii_alphanumeric).count();
        masked.push_str(GENERATED_BASE);
        masked.push_str(if random == 0 { "" } else { "<random>" });
        masked.push_str(&part[random..]);
    }
    *text = masked;
}

fn label(seen: &mut HashMap<String, usize>, what: &str, value: &str) -> String {
    let next = seen.len() + 1;
    format!("<{what} {}>", seen.entry(value.to_owned()).or_insert(next))
}

impl Mask {
    /// For a case in `namespace`.
    pub(crate) fn new(namespace: &str) -> Self {
        Mask { namespace: namespace.to_owned(), ..Mask::default() }
    }

    /// Masks an answer in place.
    pub(crate) fn answer(&mut self, value: &mut Value) {
        self.value(value, "");
    }

    fn value(&mut self, value: &mut Value, parent: &str) {
        match value {
            Value::Object(map) => self.object(map, parent),
            Value::Array(items) => {
                if parent == "items" || parent == "rows" {
                    items.retain(|item| !is_foreign(item));
                }
                for item in items.iter_mut() {
                    self.value(item, parent);
                }
                if parent == "managedFields" {
                    // Entries of one operation are in the order of their times, of which only whole seconds are kept: two
                    // that are a moment apart may be told apart on one side and not on the other.
                    for entries in items.chunk_by_mut(|one, next| one["operation"] == next["operation"]) {
                        entries.sort_by_key(Value::to_string);
                    }
                }
                let has_no_place = |cause: &Value| {
                    cause["reason"] == "FieldManagerConflict"
                        || cause["message"].as_str().is_some_and(is_of_schema)
                };
                if matches!(parent, "resourceRules" | "nonResourceRules") || items.iter().any(has_no_place) {
                    // Kubernetes collects them from maps, in any order.
                    items.sort_by_key(Value::to_string);
                }
            }
            Value::String(text) if parent == "cells" && is_age(text) => "<age>".clone_into(text),
            Value::String(text) if parent == "cells" && grange_apimachinery::time::parse(text).is_some() => {
                "<time>".clone_into(text);
            }
            Value::String(text) => self.text(text),
            _ => {}
        }
    }

    fn object(&mut self, map: &mut Map<String, Value>, parent: &str) {
        // Owned elements of lists are named by their keys: `k:{"uid":"…"}`.
        if map.keys().any(|key| key.starts_with("k:")) {
            let named = std::mem::take(map).into_iter().map(|(mut key, value)| {
                self.text(&mut key);
                (key, value)
            });
            *map = named.collect();
        }
        let is_list = map.contains_key("items") || map.contains_key("rows");
        for (key, value) in map {
            if let Value::String(text) = value {
                match key.as_str() {
                    "uid" if text.ends_with("-uid") => {}
                    "uid" if !text.is_empty() => *text = label(&mut self.uids, "uid", text),
                    "resourceVersion" if parent == "metadata" && !text.is_empty() => {
                        *text = label(&mut self.revisions, "revision", text);
                    }
                    "creationTimestamp"
                    | "deletionTimestamp"
                    | "time"
                    | "lastTransitionTime"
                    | "expirationTimestamp" => {
                        *text = format!("<{key}>");
                    }
                    // Some kinds are named like their uids.
                    "name" if is_uuid(text) => *text = "<uuid>".into(),
                    "name" | "message" | "field" if text.contains(GENERATED_BASE) => mask_generated(text),
                    "message" if is_of_schema(text) && text.contains("is invalid: [") => {
                        let mut parts: Vec<&str> = text.split([',', '[', ']']).map(str::trim).collect();
                        parts.sort_unstable();
                        *text = parts.join("\n");
                    }
                    "token" if text.len() > 100 => "<token>".clone_into(text),
                    "continue" if !text.is_empty() => "<continue>".clone_into(text),
                    _ => self.text(text),
                }
            } else if key == "metadata" && is_list {
                // The revision of a list is whatever else the server has written.
                if let Some(revision) = value.get_mut("resourceVersion") {
                    *revision = "<list's revision>".into();
                }
                if let Some(Value::String(text)) = value.get_mut("continue")
                    && !text.is_empty()
                {
                    "<continue>".clone_into(text);
                }
            } else {
                self.value(value, key);
            }
        }
    }

    /// Takes uids, revisions and the namespace out of sentences.
    fn text(&self, text: &mut String) {
        if !self.namespace.is_empty() && text.contains(&self.namespace) {
            *text = text.replace(&self.namespace, "<namespace>");
        }
        for (uid, number) in &self.uids {
            if text.contains(uid.as_str()) {
                *text = text.replace(uid.as_str(), &format!("<uid {number}>"));
            }
        }
        if text.chars().any(|c| c.is_ascii_digit()) {
            for (revision, number) in &self.revisions {
                let quoted = format!("({revision})");
                if text == revision {
                    *text = format!("<revision {number}>");
                } else if text.contains(&quoted) {
                    *text = text.replace(&quoted, &format!("(<revision {number}>)"));
                }
            }
        }
    }
}

/// Whether a cell is the age of something that the suite has made.
fn is_age(text: &str) -> bool {
    let digits = text.trim_end_matches('s');
    digits.len() + 1 == text.len() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_foreign(item: &Value) -> bool {
    let name =
        |object: &Value| object["metadata"]["name"].as_str().is_some_and(|name| FOREIGN.contains(&name));
    name(item)
        || name(&item["object"])
        || item["cells"][0].as_str().is_some_and(|name| FOREIGN.contains(&name))
}
