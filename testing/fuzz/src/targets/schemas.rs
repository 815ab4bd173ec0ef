//! Structural schemas and values for them; patterns.

use grange_apimachinery::schema::{Effort, MAX_FINDINGS, StructuralSchema, Unknown};
use serde_json::{Map, Value, json};

use super::LARGE;
use crate::{Source, Target, mutate, trees};

pub(super) fn targets() -> Vec<Target> {
    vec![
        Target::new("schemas", LARGE, schema_and_values, check_schema),
        Target::new("patterns", LARGE, pattern_and_text, check_pattern),
    ]
}

/// A schema of an object.
pub(super) fn root(source: &mut Source, depth: usize) -> Value {
    let mut root = json!({"type": "object"});
    root["properties"] = properties(source, depth);
    if source.one_in(4) {
        root["x-kubernetes-preserve-unknown-fields"] = true.into();
    }
    root
}

/// Any schema.
pub(super) fn schema(source: &mut Source, depth: usize) -> Value {
    let mut schema = match source.below(if depth == 0 { 4 } else { 7 }) {
        0 => text_schema(source),
        1 => number_schema(source),
        2 => json!({"type": "boolean"}),
        3 => json!({"x-kubernetes-int-or-string": true}),
        4 => {
            let items = self::schema(source, depth - 1);
            json!({
                "type": "array", "items": items,
                "maxItems": source.below(9), "uniqueItems": source.one_in(9),
                "x-kubernetes-list-type": source.pick(&["atomic", "set", "map"]),
                "x-kubernetes-list-map-keys": ["name"],
            })
        }
        5 => json!({"type": "object", "additionalProperties": self::schema(source, depth - 1)}),
        _ => {
            json!({
                "type": "object", "properties": properties(source, depth - 1),
                "required": source.list(2, mutate::word),
                "x-kubernetes-map-type": source.pick(&["granular", "atomic"]),
            })
        }
    };
    if source.one_in(5) {
        schema["nullable"] = true.into();
    }
    if source.one_in(4) {
        schema["default"] = fitting(source, &schema, depth);
    }
    if source.one_in(8) {
        let key = source.pick(&["allOf", "anyOf", "oneOf"]);
        schema[key] = source.list(3, text_schema).into();
    }
    if source.one_in(12) {
        schema["not"] = text_schema(source);
    }
    if source.one_in(12) {
        schema = trees::changed(source, &schema);
    }
    schema
}

fn properties(source: &mut Source, depth: usize) -> Value {
    let properties = source.list(5, |source| (mutate::word(source), schema(source, depth)));
    Value::Object(properties.into_iter().collect())
}

fn text_schema(source: &mut Source) -> Value {
    let formats =
        &["", "date-time", "byte", "ipv4", "uuid", "duration", "email", "hostname", "cidr", "password", "no"];
    json!({
        "type": "string",
        "format": source.pick(formats),
        "pattern": if source.one_in(2) { pattern(source) } else { String::new() },
        "minLength": source.below(3),
        "maxLength": source.below(40),
    })
}

fn number_schema(source: &mut Source) -> Value {
    let mut schema = json!({
        "type": source.pick(&["integer", "number"]),
        "format": source.pick(&["", "int32", "int64", "double"]),
        "exclusiveMinimum": source.one_in(4),
    });
    for key in ["minimum", "maximum", "multipleOf"] {
        if source.one_in(3) {
            schema[key] = trees::scalar(source);
        }
    }
    if source.one_in(4) {
        schema["enum"] = source.list(3, trees::scalar).into();
    }
    schema
}

/// A value that mostly fits a schema.
pub(super) fn fitting(source: &mut Source, schema: &Value, depth: usize) -> Value {
    if depth == 0 || source.one_in(10) {
        return trees::value(source, 1);
    }
    match schema["type"].as_str() {
        Some("string") => text(source).into(),
        Some("integer") => (source.number() as i64).into(),
        Some("number") => (source.below(100) as f64 / 4.0).into(),
        Some("boolean") => source.one_in(2).into(),
        Some("array") => source.list(4, |source| fitting(source, &schema["items"], depth - 1)).into(),
        Some("object") => {
            let mut object = Map::new();
            for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
                if !source.one_in(3) {
                    object.insert(key.clone(), fitting(source, inner, depth - 1));
                }
            }
            if schema["additionalProperties"].is_object() {
                let inner = &schema["additionalProperties"];
                object.extend(
                    source.list(3, |source| (mutate::word(source), fitting(source, inner, depth - 1))),
                );
            }
            if source.one_in(5) {
                object.insert(mutate::word(source), trees::scalar(source));
            }
            object.into()
        }
        _ => trees::scalar(source),
    }
}

/// Texts that are of a format, or nearly.
fn text(source: &mut Source) -> String {
    let texts = &[
        "",
        "a",
        "2026-11-29",
        "2026-11-29T01:02:03Z",
        "10.0.0.1",
        "fe80::1",
        "::ffff:1.2.3.4",
        "10.0.0.0/8",
        "1h30m",
        "a@example.com",
        "example.com",
        "aGVsbG8=",
        "123e4567-e89b-12d3-a456-426614174000",
        "#fff",
        "4111111111111111",
        "12:34:56",
        "P1D",
        "00:11:22:33:44:55",
        "978-3-16-148410-0",
        "rgb(1,2,3)",
        "1 week",
        "http://a/b?c",
    ];
    let valid = source.pick(texts).to_owned();
    mutate::text(source, valid)
}

fn schema_and_values(source: &mut Source) -> (Value, Value, Value) {
    let schema = if source.one_in(20) { deep_schema(source) } else { root(source, 4) };
    let value = fitting(source, &schema, 6);
    let other = if source.one_in(2) { trees::changed(source, &value) } else { fitting(source, &schema, 6) };
    (schema, value, other)
}

fn deep_schema(source: &mut Source) -> Value {
    let mut schema = text_schema(source);
    for _ in 0..source.below(120) {
        schema = match source.below(3) {
            0 => json!({"type": "array", "items": schema}),
            1 => json!({"type": "object", "additionalProperties": schema}),
            _ => json!({"type": "object", "allOf": [schema]}),
        };
    }
    schema
}

fn check_schema((document, value, old): &(Value, Value, Value)) {
    let Ok(schema) = StructuralSchema::compile(document) else { return };
    assert_eq!(schema.document(), document);
    schema.validate_defaults("spec");
    let mut settled = value.clone();
    let unknown = schema.prune(&mut settled);
    assert!(unknown.0.len() <= MAX_FINDINGS);
    schema.drop_nulls(&mut settled);
    let without_nulls = settled.clone();
    schema.drop_nulls(&mut settled);
    assert_eq!(settled, without_nulls, "dropping nulls settles");
    schema.default(&mut settled);
    let once = settled.clone();
    // Definitions with defaults that do not fit are refused, but, as in Kubernetes, not below additionalProperties.
    if schema.validate_defaults("spec").is_empty() && !has_unchecked_default(document, false) {
        assert_eq!(schema.prune(&mut settled), Unknown::default(), "pruning settles");
        schema.default(&mut settled);
        assert_eq!(settled, once, "defaulting settles");
    }
    let errors = schema.validate(&once);
    assert_eq!(schema.validate(&once), errors, "validating changes nothing");
    schema.validate_change(&once, old);
    assert!(
        schema.validate_change(&once, &once).len() <= errors.len(),
        "what did not change is no more wrong"
    );
    schema.enforce_rules(&once, Some(old), Effort::Full);
}

fn has_unchecked_default(document: &Value, is_unchecked: bool) -> bool {
    match document {
        Value::Array(list) => list.iter().any(|inner| has_unchecked_default(inner, is_unchecked)),
        Value::Object(map) => map.iter().any(|(key, inner)| {
            (is_unchecked && key == "default")
                || has_unchecked_default(inner, is_unchecked || key == "additionalProperties")
        }),
        _ => false,
    }
}

/// A pattern of many constructs.
fn pattern(source: &mut Source) -> String {
    let atoms = &[
        "a",
        ".",
        "\\d",
        "\\w",
        "\\s",
        "\\D",
        "\\W",
        "\\S",
        "\\b",
        "\\B",
        "\\pL",
        "\\p{Greek}",
        "\\x{41}",
        "\\Q.\\E",
        "[a-z]",
        "[^a]",
        "[[:alpha:]]",
        "[]a]",
        "[a&&b]",
        "[\\d-x]",
        "(?i)",
        "(?:a)",
        "(?P<n>a)",
        "(?<n>a)",
        "(a|b)",
        "^",
        "$",
        "\\A",
        "\\z",
        "\\Z",
        "\\1",
        "(?=a)",
        "[[a]",
        "[a--b]",
        "\\C",
        "\\07",
        "é",
        "[^\\W]",
        "[\\b]",
    ];
    let counts =
        &["", "", "", "*", "+", "?", "*?", "{2}", "{2,}", "{0,9}", "{1000}", "{1001}", "{9,1}", "**"];
    let pieces = source.list(8, |source| format!("{}{}", source.pick(atoms), source.pick(counts)));
    let valid = pieces.concat();
    if source.one_in(3) { mutate::text(source, valid) } else { valid }
}

fn pattern_and_text(source: &mut Source) -> (String, String) {
    let text = source
        .list(9, |source| source.pick(&["a", "b", "1", " ", "é", "٣", "_", "\n", ".", "-", "Α"]))
        .concat();
    (pattern(source), text)
}

/// A schema and a rule read a pattern alike.
fn check_pattern((pattern, text): &(String, String)) {
    if pattern.is_empty() {
        return;
    }
    let quoted = serde_json::to_string(pattern).unwrap_or_default();
    let by_schema = json!({"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}});
    let by_rule = json!({"type": "object", "properties": {"a": {"type": "string", "maxLength": 99,
        "x-kubernetes-validations": [{"rule": format!("self.matches({quoted})")}]}}});
    let value = json!({ "a": text });
    let Ok(by_schema) = StructuralSchema::compile(&by_schema) else { return };
    let by_rule = StructuralSchema::compile(&by_rule).expect("rules are judged later");
    // Rules allow smaller patterns.
    if by_rule.judge_rules("spec").is_empty() {
        let verdict = by_rule.enforce_rules(&value, None, Effort::Full).expect("all the effort there is");
        let refused = verdict.errors.iter().any(|error| error.to_string().contains("failed rule"));
        let failed = verdict.errors.len() > usize::from(refused);
        assert!(failed || refused != by_schema.validate(&value).is_empty(), "{:?}", verdict.errors);
    }
}
