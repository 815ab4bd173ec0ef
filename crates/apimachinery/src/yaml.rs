//! Bounded YAML reading: aliases cannot blow up, depth and size are limited.
//!
//! YAML 1.2 scalars: `yes` and `on` are text, as in JSON they would have to be.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, Options};

use crate::json::{self, JsonError, MAX_DEPTH, Parsed, read_tree};

/// Most bytes of a stream.
pub const MAX_YAML_BYTES: usize = 8 * 1024 * 1024;
/// Most nodes (scalars, lists and maps), aliases counted each time they are used.
pub const MAX_NODES: usize = 250_000;
/// Most documents in a stream.
pub const MAX_DOCUMENTS: usize = 1024;

/// Parses one YAML document as JSON, with budgets against "billion laughs".
pub fn parse(bytes: &[u8]) -> Result<Parsed, JsonError> {
    // Programs write JSON, which is YAML too and read many times faster; whatever is wrong with it is told as of YAML.
    if bytes.trim_ascii_start().first() == Some(&b'{')
        && let Ok(parsed) = json::parse(bytes)
        && parsed.duplicates.is_empty()
    {
        return Ok(parsed);
    }
    let mut duplicates = Vec::new();
    let value = serde_saphyr::with_deserializer_from_str_with_options(
        text(bytes)?,
        options(DuplicateKeyPolicy::PassThrough),
        |deserializer| read_tree(deserializer, &mut duplicates),
    )?;
    Ok(Parsed { value, duplicates })
}

/// Parses a multi-document stream (`---`); empty documents are skipped. Duplicate keys are refused.
pub fn parse_all(bytes: &[u8]) -> Result<Vec<Value>, JsonError> {
    struct Document(Value);
    impl<'de> Deserialize<'de> for Document {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            read_tree(deserializer, &mut Vec::new()).map(Document)
        }
    }
    let options = options(DuplicateKeyPolicy::Error);
    let documents: Vec<Document> = serde_saphyr::from_multiple_with_options(text(bytes)?, options)?;
    Ok(documents.into_iter().map(|document| document.0).filter(|value| !value.is_null()).collect())
}

/// Writes one document. Long texts stay on their line: commands and addresses are copied from it.
pub fn to_string(value: &Value) -> String {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: MAX_YAML_BYTES };
    // A tree of strings, numbers and booleans always serializes.
    serde_saphyr::to_string_with_options(value, options).unwrap_or_default()
}

impl From<serde_saphyr::Error> for JsonError {
    fn from(error: serde_saphyr::Error) -> Self {
        JsonError { message: error.to_string() }
    }
}

fn text(bytes: &[u8]) -> Result<&str, JsonError> {
    if bytes.len() > MAX_YAML_BYTES {
        return Err(JsonError { message: format!("a YAML stream may have at most {MAX_YAML_BYTES} bytes") });
    }
    std::str::from_utf8(bytes).map_err(|error| JsonError { message: format!("YAML must be UTF-8: {error}") })
}

fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    let mut options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_documents: MAX_DOCUMENTS,
            max_total_scalar_bytes: MAX_YAML_BYTES,
            max_recorded_anchor_bytes: MAX_YAML_BYTES,
            max_aliases: 1000,
            max_anchors: 1000,
        },
        duplicate_keys: duplicate_keys,
        strict_booleans: true,
        with_snippet: false,
    };
    options.alias_limits.max_total_replayed_events = MAX_NODES;
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_document_reads_as_json_would() {
        let text = "a: 1\nb: [x, \"5\", true, null, 1.5, ~]\nc:\n  d: |\n    two\n    lines\n  8080: port\nyes: no\nbig: 18446744073709551615\n";
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(
            parsed.value,
            json!({"a": 1, "b": ["x", "5", true, null, 1.5, null], "c": {"d": "two\nlines\n", "8080": "port"}, "yes": "no", "big": u64::MAX})
        );
        assert_eq!(parsed.duplicates, [""; 0]);
        assert_eq!(parse(br#"{"a": {"b": [1]}}"#).unwrap().value, json!({"a": {"b": [1]}}));
    }

    #[test]
    fn braces_begin_json_or_yaml() {
        let escaped = parse(br#" {"a": "\ud83d\ude00\/"}"#).unwrap();
        assert_eq!(escaped.value, json!({"a": "😀/"}));
        assert_eq!(parse(b"{a: 1, b: [x]}").unwrap().value, json!({"a": 1, "b": ["x"]}));
        let twice = parse(br#"{"a": {"b": 1, "b": 2}}"#).unwrap();
        assert_eq!((twice.value, twice.duplicates), (json!({"a": {"b": 2}}), vec!["a.b".to_owned()]));
        assert!(parse(br#"{"a": 1} {"b": 2}"#).is_err());
    }

    #[test]
    fn duplicates_are_reported_or_refused() {
        let parsed = parse(b"spec:\n  x: 1\n  x: 2\n").unwrap();
        assert_eq!((parsed.value, parsed.duplicates), (json!({"spec": {"x": 2}}), vec!["spec.x".to_owned()]));
        assert!(parse_all(b"a: 1\na: 2\n").is_err());
    }

    #[test]
    fn streams_skip_empty_documents() {
        let stream = b"# only a comment\n---\na: 1\n---\n---\nb: 2\n...\n";
        assert_eq!(parse_all(stream).unwrap(), [json!({"a": 1}), json!({"b": 2})]);
        assert_eq!(parse_all(b"").unwrap(), [json!(null); 0]);
        assert!(parse(b"a: 1\n---\nb: 2\n").is_err());
    }

    #[test]
    fn bombs_and_garbage_are_refused() {
        let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for level in 1..12 {
            let before = level - 1;
            let aliases = vec![format!("*a{before}"); 10].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        let indented: String = (0..2000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        for bad in [
            laughs.as_str(),
            &deep,
            &indented,
            "a: [",
            "a: b: c",
            "*unknown",
            "a: .nan",
            "a: !!binary \"?\"",
            "a: &x [*x]",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{}", &bad[..bad.len().min(60)]);
            assert!(parse_all(bad.as_bytes()).is_err(), "{}", &bad[..bad.len().min(60)]);
        }
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100].join(", "));
        assert!(parse(long.as_bytes()).is_err());
        assert!(parse(b"\xff\xfe").is_err());
        assert!(parse(&vec![b' '; MAX_YAML_BYTES + 1]).is_err());
    }

    #[test]
    fn long_texts_stay_on_their_line() {
        let long = "word ".repeat(100);
        assert!(to_string(&json!({"a": long.trim_end()})).contains(long.trim_end()));
        assert_eq!(to_string(&json!({"a": "one\ntwo\n"})), "a: |\n  one\n  two\n");
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1000_i32..1000).prop_map(|number| Value::from(f64::from(number) / 8.0)),
            "[ -~äß\n]{0,12}".prop_map(Value::from),
            prop::sample::select(vec![
                "yes",
                "no",
                "null",
                "~",
                "true",
                "1",
                "1e3",
                "0x1",
                "-",
                "2024-01-01",
                "=",
                "<<",
                "a: b",
                "#x"
            ])
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z0-9 ./:-]{0,6}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in tree()) {
            let text = to_string(&value);
            prop_assert_eq!(parse(text.as_bytes()).map_err(|error| error.message), Ok(Parsed { value, duplicates: Vec::new() }), "{}", text);
        }
    }
}
