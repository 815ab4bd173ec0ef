//! Reads a manifest as a Harvester does: documents between lines that begin with `---`; whatever is not a Kubernetes
//! object is passed over in silence.

use grange_apimachinery::{Object, yaml};
use serde_json::Value;

/// Most documents read of one manifest.
const MAX_DOCUMENTS: usize = 10_000;

/// The objects of a manifest, in its order.
pub(super) fn objects(body: &[u8]) -> Vec<Object> {
    let text = String::from_utf8_lossy(body);
    documents(&text).into_iter().take(MAX_DOCUMENTS).filter_map(|document| object(&document)).collect()
}

fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.starts_with("---") {
            documents.push(String::new());
        } else if let Some(last) = documents.last_mut() {
            last.push_str(line);
        }
    }
    documents
}

fn object(document: &str) -> Option<Object> {
    let trimmed = document.trim_start();
    let value = if trimmed.starts_with('{') {
        // Of several JSON documents without `---` between them a Harvester takes the first and drops the others.
        serde_json::Deserializer::from_str(trimmed).into_iter::<Value>().next()?.ok()?
    } else {
        yaml::parse(document.as_bytes()).ok()?.value
    };
    match value {
        Value::Object(map)
            if map.get("kind").and_then(Value::as_str).is_some_and(|kind| !kind.is_empty()) =>
        {
            Some(Object(map))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(body: &str) -> Vec<String> {
        objects(body.as_bytes()).iter().map(|object| object.kind().to_owned()).collect()
    }

    #[test]
    fn documents_are_read_and_everything_else_is_passed_over() {
        for (body, expected) in [
            ("", &[][..]),
            ("complete garbage :::: {{{", &[]),
            ("<!DOCTYPE html><html><body>log in</body></html>", &[]),
            ("---\napiVersion: v1\nkind: A\n---\n# nothing\n---\nkind: B\n", &["A", "B"]),
            ("{\"kind\":\"A\"}\n{\"kind\":\"B\"}\n", &["A"]),
            ("{\"kind\":\"A\"}\n---\n{\"kind\":\"B\"}\n", &["A", "B"]),
            ("apiVersion: v1\nname: no kind\n", &[]),
        ] {
            assert_eq!(kinds(body), expected, "{body}");
        }
    }
}
