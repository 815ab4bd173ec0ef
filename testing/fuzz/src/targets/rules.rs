//! Validation rules: expressions are read, checked against the schema, priced, and evaluated within a budget.

use grange_apimachinery::schema::{Effort, StructuralSchema};
use serde_json::{Value, json};

use super::LARGE;
use crate::{Source, Target, mutate, trees};

pub(super) fn targets() -> Vec<Target> {
    vec![Target::new("rules", LARGE, rule, check_rule)]
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Rule {
    rule: String,
    message: String,
    value: Value,
    old: Value,
}

fn rule(source: &mut Source) -> Rule {
    let valid = if source.one_in(30) { deep(source) } else { expression(source, 5) };
    let rule = if source.one_in(4) { mutate::text(source, valid) } else { valid };
    let message = format!("string({})", expression(source, 2));
    let value = value(source);
    let old = if source.one_in(2) { trees::changed(source, &value) } else { self::value(source) };
    Rule { rule, message, value, old }
}

/// Values for the fields that [`check_rule`] declares.
fn value(source: &mut Source) -> Value {
    let value = json!({
        "text": text(source),
        "number": source.number() as i64,
        "double": source.below(1000) as f64 / 8.0,
        "flag": source.one_in(2),
        "list": source.list(6, |source| source.below(9)),
        "texts": source.list(6, text),
        "map": trees::object(source, 0).keys().map(|key| (key.clone(), json!("x"))).collect::<serde_json::Map<_, _>>(),
        "items": source.list(4, |source| json!({"name": source.pick(&["a", "b", "c"]), "value": source.below(5)})),
        "port": if source.one_in(2) { json!(80) } else { json!("http") },
        "any": trees::value(source, 3),
        "time": "2026-11-29T01:02:03Z",
        "for": "1h",
    });
    if source.one_in(4) { trees::changed(source, &value) } else { value }
}

fn text(source: &mut Source) -> String {
    let texts = &[
        "",
        "a",
        "a,b,c",
        "1",
        "-1",
        "1.5Gi",
        "10.0.0.1",
        "fe80::1",
        "10.0.0.0/8",
        "https://u@a.b:1/c?d=e#f",
        "1.2.3-a+b",
        "2026-11-29T01:02:03Z",
        "1h2m3s",
        "true",
        "aGk=",
        "é😀",
        "%s %d",
    ];
    let text = source.pick(texts).to_owned();
    if source.one_in(4) { mutate::text(source, text) } else { text }
}

/// Nested beyond what the language allows.
fn deep(source: &mut Source) -> String {
    let depth = source.below(600);
    let (open, close) = *source.one_of(&[
        ("(", ")"),
        ("[", "]"),
        ("!", ""),
        ("-", ""),
        ("{1: ", "}"),
        ("size([", "])"),
        ("[1].all(x, ", ")"),
        ("true || ", ""),
        ("a.", ""),
        ("a ? b : ", ""),
        ("dyn(", ")"),
        ("\"\" + ", ""),
    ]);
    format!("{}self{}", open.repeat(depth), close.repeat(depth))
}

/// An expression that often type-checks: what its pieces are is not followed, only where they stand.
fn expression(source: &mut Source, depth: usize) -> String {
    if depth == 0 {
        return leaf(source);
    }
    let inner = depth - 1;
    match source.below(12) {
        0 => leaf(source),
        1 => format!("({} {} {})", expression(source, inner), operator(source), expression(source, inner)),
        2 => format!("!({})", expression(source, inner)),
        3 => format!(
            "({} ? {} : {})",
            expression(source, inner),
            expression(source, inner),
            expression(source, inner)
        ),
        4 => format!("[{}]", source.list(4, |source| expression(source, inner)).join(", ")),
        5 => format!("{{{}: {}}}", expression(source, inner), expression(source, inner)),
        6 => macro_call(source, inner),
        7 | 8 => method(source, inner),
        9 => function(source, inner),
        10 => format!("{}[{}]", expression(source, inner), expression(source, inner)),
        _ => format!("dyn({}) == {}", expression(source, inner), expression(source, inner)),
    }
}

fn leaf(source: &mut Source) -> String {
    let leaves = &[
        "self.text",
        "self.number",
        "self.double",
        "self.flag",
        "self.list",
        "self.texts",
        "self.map",
        "self.items",
        "self.port",
        "self.any",
        "self.time",
        "self.__for__",
        "self",
        "oldSelf",
        "oldSelf.text",
        "x",
        "y",
        "1",
        "0",
        "-1",
        "2u",
        "1.5",
        "-0.0",
        "1e308",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615u",
        "true",
        "null",
        "'a'",
        "b'\\xff'",
        "r'\\d+'",
        "''",
        "'''x'''",
        "\"\\u00e9\"",
        "duration('1h')",
        "optional.none()",
        "timestamp('2026-11-29T01:02:03Z')",
        "int",
        "type(1)",
        "self.items[0].name",
        "self.?text",
        "self.map[?'a']",
        "has(self.text)",
        "has(self.any.a)",
    ];
    if source.one_in(8) {
        return serde_json::to_string(&text(source)).unwrap_or_default();
    }
    source.pick(leaves).to_owned()
}

fn operator(source: &mut Source) -> &'static str {
    const OPERATORS: &[&str] = &["==", "!=", "<", "<=", ">", ">=", "&&", "||", "+", "-", "*", "/", "%", "in"];
    OPERATORS[source.below(OPERATORS.len())]
}

fn macro_call(source: &mut Source, depth: usize) -> String {
    let range = source.pick(&[
        "self.list",
        "self.texts",
        "self.items",
        "self.map",
        "self.any",
        "[1, 2, 3]",
        "lists.range(20)",
    ]);
    let (first, second) = (expression(source, depth), expression(source, depth));
    match source.below(9) {
        0 => format!("{range}.all(x, {first})"),
        1 => format!("{range}.exists(x, {first})"),
        2 => format!("{range}.exists_one(x, {first})"),
        3 => format!("{range}.map(x, {first})"),
        4 => format!("{range}.map(x, {first}, {second})"),
        5 => format!("{range}.filter(x, {first})"),
        6 => format!("{range}.sortBy(x, {first})"),
        7 => format!("{range}.transformMap(x, y, {first})"),
        _ => format!("{range}.all(x, y, {first})"),
    }
}

fn method(source: &mut Source, depth: usize) -> String {
    let plain = &[
        "size",
        "trim",
        "lowerAscii",
        "upperAscii",
        "reverse",
        "sum",
        "min",
        "max",
        "sort",
        "distinct",
        "flatten",
        "isSorted",
        "value",
        "hasValue",
        "orValue",
        "getFullYear",
        "getMonth",
        "getHours",
        "getSeconds",
        "getMilliseconds",
        "family",
        "isLoopback",
        "getScheme",
        "getHost",
        "getPort",
        "getQuery",
        "asInteger",
        "isInteger",
        "asApproximateFloat",
        "sign",
        "major",
        "minor",
        "patch",
        "ip",
        "prefixLength",
        "masked",
        "first",
        "last",
        "validate",
    ];
    let with = &[
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "find",
        "findAll",
        "split",
        "join",
        "indexOf",
        "lastIndexOf",
        "charAt",
        "substring",
        "replace",
        "format",
        "add",
        "sub",
        "isLessThan",
        "compareTo",
        "containsIP",
        "containsCIDR",
        "slice",
        "flatten",
        "orValue",
        "or",
        "getHours",
        "includes",
        "isGreaterThan",
    ];
    let target = expression(source, depth);
    if source.one_in(2) {
        return format!("{target}.{}()", source.pick(plain));
    }
    let arguments = source.list(3, |source| expression(source, depth)).join(", ");
    format!("{target}.{}({arguments})", source.pick(with))
}

fn function(source: &mut Source, depth: usize) -> String {
    let names = &[
        "size",
        "string",
        "int",
        "uint",
        "double",
        "bool",
        "bytes",
        "dyn",
        "type",
        "duration",
        "timestamp",
        "quantity",
        "isQuantity",
        "ip",
        "isIP",
        "cidr",
        "isCIDR",
        "url",
        "isURL",
        "semver",
        "isSemver",
        "lists.range",
        "optional.of",
        "optional.ofNonZeroValue",
        "sets.contains",
        "sets.equivalent",
        "sets.intersects",
        "matches",
        "format.named",
        "has",
        "ip.isCanonical",
        "math.greatest",
        "strings.quote",
        "base64.decode",
        "cel.bind",
    ];
    let arguments = source.list(3, |source| expression(source, depth)).join(", ");
    format!("{}({arguments})", source.pick(names))
}

fn check_rule(rule: &Rule) {
    let document = json!({
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 64},
            "number": {"type": "integer"},
            "double": {"type": "number"},
            "flag": {"type": "boolean"},
            "list": {"type": "array", "maxItems": 8, "items": {"type": "integer"}},
            "texts": {"type": "array", "maxItems": 8, "items": {"type": "string", "maxLength": 64}},
            "map": {"type": "object", "maxProperties": 8, "additionalProperties": {"type": "string", "maxLength": 9}},
            "items": {
                "type": "array", "maxItems": 8, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {
                    "name": {"type": "string", "maxLength": 9}, "value": {"type": "integer"},
                }},
            },
            "port": {"x-kubernetes-int-or-string": true},
            "any": {"x-kubernetes-preserve-unknown-fields": true},
            "time": {"type": "string", "format": "date-time"},
            "for": {"type": "string", "format": "duration"},
        },
        "x-kubernetes-validations": [{"rule": rule.rule, "messageExpression": rule.message}],
    });
    let schema = StructuralSchema::compile(&document).expect("rules are judged later");
    // Whatever the judgement: rules may have been stored before it was as strict.
    let judgement = schema.judge_rules("spec");
    for old in [None, Some(&rule.old)] {
        let verdict = schema.enforce_rules(&rule.value, old, Effort::Full).expect("all the effort there is");
        assert!(judgement.iter().all(|error| !error.to_string().is_empty()));
        assert_eq!(
            schema.enforce_rules(&rule.value, old, Effort::Full).as_ref(),
            Some(&verdict),
            "evaluating twice gives the same"
        );
        if let Some(quick) = schema.enforce_rules(&rule.value, old, Effort::Little) {
            assert_eq!(quick, verdict, "little effort finds the same, or nothing");
        }
    }
}
