//! Strict, bounded JSON reading.
//!
//! serde_json alone neither notices duplicate keys nor lets its depth limit be chosen; [`parse`] builds the same tree
//! and does both. Integers that fit 64 bits stay exact; everything else is a double, as in Kubernetes.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Deepest nesting accepted in a body.
pub const MAX_DEPTH: usize = 96;
/// Most duplicate keys reported of one document; more are dropped silently.
pub const MAX_DUPLICATES: usize = 64;

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    /// What is wrong, with line and column.
    pub message: String,
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        JsonError { message: error.to_string() }
    }
}

/// A parsed body and the paths of keys that occurred twice (the last one won).
#[derive(Debug, PartialEq)]
pub struct Parsed {
    /// The tree.
    pub value: Value,
    /// Duplicate field paths in Kubernetes' form, such as `spec.replicas`.
    pub duplicates: Vec<String>,
}

/// Parses one JSON document (trailing garbage refused), noting duplicate keys, refusing more than [`MAX_DEPTH`] levels.
pub fn parse(bytes: &[u8]) -> Result<Parsed, JsonError> {
    let mut notes = Notes::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Tree { notes: &mut notes, depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Parsed { value, duplicates: notes.duplicates })
}

/// Reads one value of any self-describing format as a tree, with the rules of [`parse`].
pub(crate) fn read_tree<'de, D: Deserializer<'de>>(
    deserializer: D,
    duplicates: &mut Vec<String>,
) -> Result<Value, D::Error> {
    let mut notes = Notes::default();
    let value = Tree { notes: &mut notes, depth: 0 }.deserialize(deserializer)?;
    duplicates.append(&mut notes.duplicates);
    Ok(value)
}

/// Where the walk is, and what it noticed.
#[derive(Default)]
struct Notes {
    path: String,
    duplicates: Vec<String>,
}

impl Notes {
    fn note_duplicate(&mut self) {
        if self.duplicates.len() < MAX_DUPLICATES && !self.duplicates.contains(&self.path) {
            self.duplicates.push(self.path.clone());
        }
    }
}

struct Tree<'notes> {
    notes: &'notes mut Notes,
    depth: usize,
}

impl Tree<'_> {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        match self.depth {
            MAX_DEPTH => Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels"))),
            depth => Ok(depth + 1),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that JSON cannot express"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let length = self.notes.path.len();
        let mut items = Vec::new();
        loop {
            use fmt::Write as _;
            // Writing to a String cannot fail.
            let _ = write!(self.notes.path, "[{}]", items.len());
            let item = list.next_element_seed(Tree { notes: self.notes, depth })?;
            self.notes.path.truncate(length);
            match item {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let length = self.notes.path.len();
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if length > 0 {
                self.notes.path.push('.');
            }
            self.notes.path.push_str(&key);
            if map.contains_key(&key) {
                self.notes.note_duplicate();
            }
            let value = entries.next_value_seed(Tree { notes: self.notes, depth })?;
            self.notes.path.truncate(length);
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn duplicates_are_reported_with_their_paths_and_the_last_wins() {
        let parsed =
            parse(br#"{"a":1,"spec":{"template":{"x":1,"x":2}},"items":[{},{"y":0,"y":1,"y":2}],"a":3}"#)
                .unwrap();
        assert_eq!(parsed.duplicates, ["spec.template.x", "items[1].y", "a"]);
        assert_eq!(parsed.value, json!({"a":3,"spec":{"template":{"x":2}},"items":[{},{"y":2}]}));
    }

    /// Otherwise what is stored would change each time it is read and written.
    #[test]
    fn numbers_are_read_to_the_last_digit() {
        for text in ["4.107053004264875e+265", "6.14682579597544e+276", "-1.9491899431481476e+45", "0.1"] {
            assert_eq!(parse(text.as_bytes()).unwrap().value.to_string(), text);
        }
    }

    #[test]
    fn only_one_document_is_accepted() {
        for bad in
            ["", " ", "{} {}", "{}x", "{\"a\":}", "{\"a\":1,}", "[1", "nul", "\"\u{1}\"", "{1:2}", "1e999"]
        {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        let message = parse(b"{\n \"a\": tru }").unwrap_err().message;
        assert!(message.ends_with("at line 2 column 10"), "{message}");
    }

    #[test]
    fn numbers_stay_exact() {
        let text = r#"[9223372036854775807,-9223372036854775808,18446744073709551615,0.1,-0.0,1e3]"#;
        assert_eq!(
            parse(text.as_bytes()).unwrap().value.to_string(),
            "[9223372036854775807,-9223372036854775808,18446744073709551615,0.1,-0.0,1000.0]"
        );
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        let message = parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err().message;
        assert!(message.starts_with("nested deeper than 96 levels"), "{message}");
        assert!(parse("{\"a\":".repeat(100_000).as_bytes()).is_err());
    }
}
