//! Rules on objects, and rules that are refused.

use serde_json::{Value, json};

use super::*;
use crate::schema::StructuralSchema;

fn compiled(schema: &Value) -> StructuralSchema {
    StructuralSchema::compile(schema).unwrap()
}

/// The errors of a value, and what it is warned of, as texts.
fn verdict(schema: &Value, value: &Value, old: Option<&Value>) -> (Vec<String>, Vec<String>) {
    let schema = compiled(schema);
    assert_eq!(schema.judge_rules("x"), []);
    let Verdict { errors, warnings } = schema.enforce_rules(value, old, Effort::Full).unwrap();
    (errors.iter().map(ToString::to_string).collect(), warnings)
}

fn errors(schema: &Value, value: &Value, old: Option<&Value>) -> Vec<String> {
    verdict(schema, value, old).0
}

/// An object whose `spec` follows a schema.
fn spec(schema: Value) -> Value {
    json!({"type": "object", "properties": {"spec": schema}})
}

fn rules(mut schema: Value, rules: Value) -> Value {
    schema["x-kubernetes-validations"] = rules;
    schema
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

#[test]
fn messages_reasons_and_places() {
    let schema = |rule: Value| {
        let fields = object(json!({
            "a": {"type": "integer"}, "m": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 5}, "maxProperties": 5},
            "i": {"type": "object", "properties": {"x.y": {"type": "integer"}}},
        }));
        spec(rules(fields, json!([rule])))
    };
    let value = json!({"spec": {"a": 1}});
    for (rule, expect) in [
        (json!({"rule": " self.a > 1 "}), "spec: Invalid value: failed rule: self.a > 1"),
        (json!({"rule": "self.a > 1", "message": " too small "}), "spec: Invalid value: too small"),
        (
            json!({"rule": "self.a > 1", "reason": "FieldValueForbidden"}),
            "spec: Forbidden: failed rule: self.a > 1",
        ),
        (
            json!({"rule": "self.a > 1", "message": "m", "reason": "FieldValueRequired"}),
            "spec: Required value: m",
        ),
        (json!({"rule": "self.a > 1", "reason": "FieldValueDuplicate"}), "spec: Duplicate value"),
        (
            json!({"rule": "self.a > 1", "messageExpression": "'is %d'.format([self.a])"}),
            "spec: Invalid value: is 1",
        ),
        (
            json!({"rule": "self.a > 1", "message": "m", "messageExpression": "string(1 / 0)"}),
            "spec: Invalid value: m",
        ),
        (
            json!({"rule": "self.a > 1", "messageExpression": "'a\\nb'"}),
            "spec: Invalid value: failed rule: self.a > 1",
        ),
        (
            json!({"rule": "self.a > 1", "messageExpression": "'  '"}),
            "spec: Invalid value: failed rule: self.a > 1",
        ),
        (json!({"rule": "self.a > 1", "message": "m", "fieldPath": ".a"}), "spec.a: Invalid value: m"),
        (
            json!({"rule": "self.a > 1", "message": "m", "fieldPath": ".m['k.1']"}),
            "spec.m[k.1]: Invalid value: m",
        ),
        (
            json!({"rule": "self.a > 1", "message": "m", "fieldPath": ".i['x.y']"}),
            "spec.i.x.y: Invalid value: m",
        ),
        (
            json!({"rule": "self.a / 0 == 1", "message": "m"}),
            "spec: Invalid value: \"object\": division by zero evaluating rule: m",
        ),
        (
            json!({"rule": "self.i.x__dot__y == 1"}),
            "spec: Invalid value: \"object\": no such key: i evaluating rule: self.i.x__dot__y == 1",
        ),
    ] {
        assert_eq!(errors(&schema(rule.clone()), &value, None), [expect], "{rule}");
    }
}

#[test]
fn every_level_has_rules() {
    let schema = json!({
        "type": "object",
        "x-kubernetes-validations": [{"rule": "self.metadata.name == 'good'", "message": "name"}, {"rule": "self.kind == 'K' && self.apiVersion == 'v'"}],
        "properties": {
            "metadata": {"type": "object"},
            "list": {"type": "array", "maxItems": 5, "items": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "message": "positive"}]}},
            "map": {"type": "object", "maxProperties": 5, "additionalProperties": {"type": "string", "maxLength": 9, "x-kubernetes-validations": [{"rule": "self != 'x'", "message": "not x"}]}},
            "embedded": {
                "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
                "x-kubernetes-validations": [{"rule": "self.metadata.name.startsWith('e') && self.kind == 'E'", "message": "embedded"}],
            },
            "null": {"type": "string", "nullable": true, "x-kubernetes-validations": [{"rule": "self == 'never'"}]},
        },
    });
    let value = json!({
        "apiVersion": "v", "kind": "K", "metadata": {"name": "bad", "labels": {"a": "b"}},
        "list": [1, 0, -1], "map": {"k": "x", "l": "y"}, "null": null,
        "embedded": {"apiVersion": "v", "kind": "E", "metadata": {"name": "f"}},
    });
    assert_eq!(
        errors(&schema, &value, None),
        [
            "<nil>: Invalid value: name",
            "embedded: Invalid value: embedded",
            "list[1]: Invalid value: 0: positive",
            "list[2]: Invalid value: -1: positive",
            "map[k]: Invalid value: \"x\": not x",
        ]
    );
}

#[test]
fn transitions_need_a_past() {
    let schema = json!({
        "type": "object",
        "properties": {
            "fixed": {"type": "string", "maxLength": 9, "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed"}]},
            "grows": {"type": "integer", "x-kubernetes-validations": [{"rule": "!oldSelf.hasValue() || self >= oldSelf.value()", "optionalOldSelf": true, "messageExpression": "'was %d'.format([oldSelf.orValue(0)])"}]},
            "list": {
                "type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"], "properties": {
                    "name": {"type": "string", "maxLength": 9},
                    "v": {"type": "integer", "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "shrinks"}]},
                }},
            },
        },
    });
    let old = json!({"fixed": "a", "grows": 5, "list": [{"name": "a", "v": 5}, {"name": "b", "v": 1}]});
    for (new, expect) in [
        (json!({"fixed": "a", "grows": 6}), vec![]),
        (json!({"fixed": "b"}), vec!["fixed: Invalid value: \"b\": fixed"]),
        (json!({"grows": 4}), vec!["grows: Invalid value: 4: was 5"]),
        (
            json!({"list": [{"name": "b", "v": 2}, {"name": "a", "v": 4}]}),
            vec!["list[1].v: Invalid value: 4: shrinks"],
        ),
        (json!({"list": [{"name": "c", "v": 0}]}), vec![]),
    ] {
        assert_eq!(errors(&schema, &new, Some(&old)), expect, "{new}");
        assert_eq!(errors(&schema, &new, None), Vec::<String>::new(), "{new}");
    }
    assert_eq!(errors(&schema, &json!({"fixed": "b", "grows": 1}), Some(&json!({}))), Vec::<String>::new());
}

#[test]
fn what_did_not_change_is_warned_of() {
    let limited = json!([{"rule": "self.size() < 2", "message": "long"}]);
    let schema = spec(object(json!({
        "a": rules(json!({"type": "string", "maxLength": 9}), limited.clone()),
        "b": rules(json!({"type": "string", "maxLength": 9}), limited.clone()),
        "atomic": {"type": "array", "maxItems": 5, "items": rules(json!({"type": "string", "maxLength": 9}), limited)},
    })));
    let old = json!({"spec": {"a": "aa", "b": "b", "atomic": ["xx"]}});
    let new = json!({"spec": {"a": "aa", "b": "bb", "atomic": ["xx"]}});
    assert_eq!(
        verdict(&schema, &new, Some(&old)),
        (
            vec!["spec.b: Invalid value: \"bb\": long".to_owned()],
            vec![
                "spec.a: Invalid value: \"aa\": long".to_owned(),
                "spec.atomic[0]: Invalid value: \"xx\": long".to_owned()
            ],
        )
    );
    // An atomic list has no past but its own.
    let new = json!({"spec": {"a": "aa", "b": "b", "atomic": ["xx", "y"]}});
    assert_eq!(errors(&schema, &new, Some(&old)), ["spec.atomic[0]: Invalid value: \"xx\": long"]);
    // A rule about a change looks at the change, even at none.
    let schema =
        spec(rules(json!({"type": "integer"}), json!([{"rule": "self > oldSelf", "message": "must grow"}])));
    assert_eq!(
        errors(&schema, &json!({"spec": 1}), Some(&json!({"spec": 1}))),
        ["spec: Invalid value: 1: must grow"]
    );
}

#[test]
fn values_are_what_their_schemas_say() {
    let schema = |rule: &str| {
        let fields = object(json!({
            "byte": {"type": "string", "format": "byte", "maxLength": 20}, "date": {"type": "string", "format": "date"},
            "time": {"type": "string", "format": "date-time"}, "span": {"type": "string", "format": "duration"},
            "number": {"type": "number"}, "port": {"x-kubernetes-int-or-string": true, "maxLength": 9},
            "name": {"x-kubernetes-int-or-string": true, "maxLength": 9}, "none": {"type": "string", "nullable": true, "maxLength": 9},
            "namespace": {"type": "string", "maxLength": 9}, "a-b": {"type": "integer"}, "c__d": {"type": "integer"}, "e/f.g": {"type": "integer"},
            "set": {"type": "array", "maxItems": 5, "x-kubernetes-list-type": "set", "items": {"type": "string", "maxLength": 9}},
            "other": {"type": "array", "maxItems": 5, "x-kubernetes-list-type": "set", "items": {"type": "string", "maxLength": 9}},
            "pairs": {"type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": object(json!({"k": {"type": "string", "maxLength": 9}, "v": {"type": "integer"}}))},
            "labels": {"type": "object", "maxProperties": 5, "additionalProperties": {"type": "string", "maxLength": 9}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        }));
        spec(rules(fields, json!([{"rule": rule, "message": "broken"}])))
    };
    let value = json!({"spec": {
        "byte": "aGVsbG8=", "date": "2024-02-29", "time": "2024-02-29T12:00:00Z", "span": "1h30m", "number": 2, "port": 80,
        "name": "http", "none": null, "namespace": "n", "a-b": 1, "c__d": 2, "e/f.g": 3, "set": ["a", "b"], "other": ["b", "a"],
        "pairs": [{"k": "a", "v": 1}, {"k": "b", "v": 2}],
        "labels": {"a.b/c": "d"}, "free": {"x": 1},
    }});
    for rule in [
        "self.byte == b'hello'",
        "self.date == timestamp('2024-02-29T00:00:00Z') && self.time.getHours() == 12 && self.span == duration('90m')",
        "self.number == 2.0 && type(self.port) == int && self.port < 100 && type(self.name) == string && self.name == 'http'",
        "!has(self.none) && has(self.date)",
        "self.__namespace__ == 'n' && self.a__dash__b == 1 && self.c__underscores__d == 2 && self.e__slash__f__dot__g == 3",
        "self.set == self.other && self.set + ['b', 'c'] == ['c', 'b', 'a']",
        "(self.pairs + self.pairs).map(p, p.v) == [1, 2] && self.pairs.exists(p, p.k == 'b')",
        "self.labels['a.b/c'] == 'd' && 'a.b/c' in self.labels && self.labels.all(k, k.size() > 1)",
        "has(self.free) && self.?none.orValue('gone') == 'gone'",
    ] {
        assert_eq!(errors(&schema(rule), &value, None), Vec::<String>::new(), "{rule}");
    }
}

#[test]
fn wrong_rules_are_refused() {
    let judged = |schema: &Value| -> Vec<String> {
        compiled(schema).judge_rules("s").iter().map(ToString::to_string).collect()
    };
    let fields = json!({"a": {"type": "integer"}, "any": {"x-kubernetes-preserve-unknown-fields": true}});
    for (rule, expect) in [
        ("self.b == 1", "undefined field 'b'"),
        ("self.any == 1", "undefined field 'any'"),
        ("self.a == 'x'", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("self.a", "cel expression must evaluate to a bool"),
        ("self.a ==", "Syntax error"),
        ("request.name == ''", "undeclared reference to 'request'"),
    ] {
        let found = judged(&rules(object(fields.clone()), json!([{"rule": rule}])));
        assert!(found.len() == 1 && found[0].contains(expect), "{rule}: {found:?}");
        assert!(found[0].starts_with("s.x-kubernetes-validations[0].rule: Invalid value: "), "{found:?}");
    }
    for (rule, expect) in [
        (json!({"rule": "true", "messageExpression": "1"}), "messageExpression must evaluate to a string"),
        (
            json!({"rule": "true", "messageExpression": "self.b"}),
            "messageExpression compilation failed: ERROR",
        ),
        (json!({"rule": "true", "optionalOldSelf": true}), "may not be set if oldSelf is not used in rule"),
    ] {
        let found = judged(&rules(object(fields.clone()), json!([rule])));
        assert!(found.len() == 1 && found[0].contains(expect), "{rule}: {found:?}");
    }
    for kind in ["set", "atomic"] {
        let items = rules(json!({"type": "string", "maxLength": 5}), json!([{"rule": "self == oldSelf"}]));
        let list = json!({"type": "array", "maxItems": 5, "x-kubernetes-list-type": kind, "items": items});
        assert_eq!(
            judged(&spec(list)),
            [
                "s.properties[spec].items.x-kubernetes-validations[0].rule: Invalid value: \"self == oldSelf\": oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[spec]"
            ]
        );
    }
}

#[test]
fn rules_that_can_cost_too_much_are_refused() {
    let list = |limit: Option<u64>| {
        let items = json!({"type": "string", "maxLength": limit});
        json!({"type": "array", "items": items, "maxItems": limit})
    };
    let nested = json!([{"rule": "self.all(a, self.all(b, a == b))"}]);
    let judged = |limit| compiled(&spec(rules(list(limit), nested.clone()))).judge_rules("s");
    assert_eq!(judged(Some(50)), []);
    let found: Vec<String> = judged(None).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    let hint = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";
    assert_eq!(
        found[0],
        format!(
            "s.properties[spec].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x {hint}"
        )
    );
    let many: Vec<Value> = (0..=MAX_RULES).map(|_| json!({"rule": "true"})).collect();
    let error = StructuralSchema::compile(&rules(object(json!({})), many.into())).unwrap_err();
    assert!(error.to_string().contains("at most 1024 rules"), "{error}");
}

#[test]
fn work_is_bounded_and_put_aside() {
    let items = json!({"type": "integer"});
    let list = rules(
        json!({"type": "array", "items": items}),
        json!([{"rule": "self.all(a, self.all(b, a + b >= 0))"}, {"rule": "false", "message": "never said"}]),
    );
    let schema = compiled(&spec(list));
    let value = json!({"spec": (0..2000).collect::<Vec<_>>()});
    assert_eq!(schema.enforce_rules(&value, None, Effort::Little), None);
    let verdict = schema.enforce_rules(&value, None, Effort::Full).unwrap();
    let told: Vec<String> = verdict.errors.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("no further validation rules will be run due to call cost exceeds limit for rule"),
        "{told:?}"
    );
    let small = json!({"spec": [1, 2]});
    let told = schema.enforce_rules(&small, None, Effort::Little).unwrap().errors;
    assert_eq!(told.len(), 1);

    // Each item costs a little, all of them more than an object may.
    let item = rules(
        json!({"type": "string"}),
        json!([{"rule": "self.matches('^(a|b)*c?(a|b)*$')", "message": "m"}]),
    );
    let schema = compiled(&spec(json!({"type": "array", "items": item})));
    let value = json!({"spec": vec!["a".repeat(50_000); 60]});
    let told = schema.enforce_rules(&value, None, Effort::Full).unwrap().errors;
    assert_eq!(told.len(), 0);
    let value = json!({"spec": vec!["a".repeat(50_000); 500]});
    let told = schema.enforce_rules(&value, None, Effort::Full).unwrap().errors;
    assert_eq!(told.len(), 1);
    assert!(told[0].to_string().contains("running out of cost budget"), "{told:?}");
}

#[test]
fn findings_are_bounded() {
    let item = rules(json!({"type": "integer"}), json!([{"rule": "self > 0"}]));
    let schema = compiled(&spec(json!({"type": "array", "items": item})));
    let value = json!({"spec": vec![0; 10_000]});
    assert_eq!(schema.enforce_rules(&value, None, Effort::Full).unwrap().errors.len(), 64);
    let verdict = schema.enforce_rules(&value, Some(&value), Effort::Full).unwrap();
    assert_eq!((verdict.errors.len(), verdict.warnings.len()), (0, 64));
}
