//! Documents as they arrive: JSON, YAML, streams of YAML.

use grange_apimachinery::{Value, json, yaml};

use super::LARGE;
use crate::{Bytes, Source, Target, mutate, trees};

pub(super) fn targets() -> Vec<Target> {
    let mut yaml = Target::new("yaml-documents", 2 * LARGE, yaml_document, check_yaml);
    yaml.weight = 4;
    vec![Target::new("json-documents", LARGE, json_document, check_json), yaml]
}

fn json_document(source: &mut Source) -> Bytes {
    let text = if source.one_in(10) {
        trees::deep(source).to_string()
    } else {
        let value = trees::value(source, 5);
        if source.one_in(2) { format!("{value:#}") } else { value.to_string() }
    };
    let text = mutate::text(source, text);
    Bytes(mutate::bytes(source, text.into_bytes()))
}

fn check_json(Bytes(bytes): &Bytes) {
    let Ok(parsed) = json::parse(bytes) else { return };
    assert!(parsed.duplicates.len() <= json::MAX_DUPLICATES);
    assert!(depth(&parsed.value) <= json::MAX_DEPTH, "the limit of depth");
    let written = parsed.value.to_string();
    let again = json::parse(written.as_bytes()).expect("what is written can be read");
    assert_eq!(again.value, parsed.value, "the round trip");
    assert!(again.duplicates.is_empty(), "what is written has no duplicates");
}

fn yaml_document(source: &mut Source) -> Bytes {
    let text = match source.below(40) {
        0 => aliases(source),
        1 => trees::deep(source).to_string(),
        2..12 => scalars(source),
        12..20 => {
            let documents = source.list(4, |source| yaml::to_string(&trees::value(source, 3)));
            documents.join("---\n")
        }
        _ => yaml::to_string(&trees::value(source, 4)),
    };
    let text = mutate::text(source, text);
    Bytes(mutate::bytes(source, text.into_bytes()))
}

/// What only YAML has.
fn scalars(source: &mut Source) -> String {
    let values = &[
        "yes",
        "on",
        "~",
        "0x1f",
        "0o17",
        "0b1",
        "1_000",
        ".inf",
        "-.INF",
        ".nan",
        "1e400",
        "-0",
        "012",
        "2026-11-29",
        "!!str 1",
        "!!int \"a\"",
        "!!binary aGk=",
        "!custom {}",
        "|\n  a\n  b",
        ">-\n  a\n  b",
        "|9\n a",
        "? a\n: b",
        "\"\\x41\\u00e9\\U0001F600\"",
        "'it''s'",
        "{a: 1, b}",
        "[1, 2",
        "- - - a",
        "<<: {a: 1}",
        "@a",
        "%YAML 1.2",
        "&a *a",
        "\"\\",
        "#",
        "a: b: c",
        "...",
        "---",
        "{? a}",
        "[a]: b",
        "{a: 1}: 2",
        "\t- a",
    ];
    let line = |source: &mut Source| match source.below(3) {
        0 => source.pick(values).to_owned(),
        1 => format!("{}: {}", mutate::word(source), source.pick(values)),
        _ => format!("- {}", source.pick(values)),
    };
    source.list(6, line).join("\n")
}

/// Aliases of aliases.
fn aliases(source: &mut Source) -> String {
    let width = source.range(1..=10);
    let mut text = String::from("a0: &a0 [x, x, x]\n");
    for level in 1..source.range(1..=12) {
        let uses = vec![format!("*a{}", level - 1); width].join(", ");
        text += &format!("a{level}: &a{level} [{uses}]\n");
    }
    text
}

fn check_yaml(Bytes(bytes): &Bytes) {
    if let Ok(parsed) = yaml::parse(bytes) {
        assert!(depth(&parsed.value) <= json::MAX_DEPTH, "the limit of depth");
        let written = yaml::to_string(&parsed.value);
        let again = yaml::parse(written.as_bytes()).unwrap_or_else(|error| panic!("{written:?}: {error}"));
        assert_eq!(again.value, parsed.value, "the round trip of {written:?}");
    }
    if let Ok(documents) = yaml::parse_all(bytes) {
        assert!(documents.len() <= yaml::MAX_DOCUMENTS);
    }
    // JSON is YAML, and the same in both.
    if let Ok(as_json) = json::parse(bytes)
        && let Ok(as_yaml) = yaml::parse(bytes)
        && as_json.value.is_object()
    {
        assert_eq!(as_json.value, as_yaml.value, "JSON read as YAML");
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
