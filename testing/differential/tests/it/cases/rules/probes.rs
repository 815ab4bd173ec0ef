//! Rules about values of all types, and about their change.
use serde_json::{Value, json};

use super::{Probe, with_rules};

pub(super) fn all() -> Vec<Probe> {
    let mut all = messages();
    all.extend(types());
    all.extend(failures());
    all.extend(transitions());
    all.extend(structures());
    all
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

fn text() -> Value {
    json!({"type": "string", "maxLength": 10})
}

fn integer() -> Value {
    json!({"type": "integer"})
}

/// How a broken rule is told.
fn messages() -> Vec<Probe> {
    let fields = || {
        object(json!({
            "a": integer(), "m": {"type": "object", "maxProperties": 3, "additionalProperties": text()},
            "i": object(json!({"x.y": integer(), "deep": {"type": "object", "maxProperties": 3, "additionalProperties": text()}})),
        }))
    };
    let mut found = Vec::new();
    for (name, rule) in [
        ("default", json!({"rule": " self.a > 5 "})),
        ("message", json!({"rule": "self.a > 5", "message": " too small "})),
        ("forbidden", json!({"rule": "self.a > 5", "message": "m", "reason": "FieldValueForbidden"})),
        ("required", json!({"rule": "self.a > 5", "message": "m", "reason": "FieldValueRequired"})),
        ("duplicate", json!({"rule": "self.a > 5", "message": "m", "reason": "FieldValueDuplicate"})),
        ("invalid", json!({"rule": "self.a > 5", "reason": "FieldValueInvalid"})),
        ("expression", json!({"rule": "self.a > 5", "messageExpression": "'a is %d'.format([self.a])"})),
        (
            "expression fails",
            json!({"rule": "self.a > 5", "message": "m", "messageExpression": "string(1 / (self.a - 1))"}),
        ),
        ("expression empty", json!({"rule": "self.a > 5", "messageExpression": "'  '"})),
        ("expression breaks", json!({"rule": "self.a > 5", "messageExpression": "'a\\nb'"})),
        ("expression spaces", json!({"rule": "self.a > 5", "messageExpression": "' a '"})),
        ("path", json!({"rule": "self.a > 5", "message": "m", "fieldPath": ".a"})),
        ("path key", json!({"rule": "self.a > 5", "message": "m", "fieldPath": ".m['k']"})),
        ("path dotted key", json!({"rule": "self.a > 5", "message": "m", "fieldPath": ".m['k.l']"})),
        ("path dotted field", json!({"rule": "self.a > 5", "message": "m", "fieldPath": ".i['x.y']"})),
        ("path deep", json!({"rule": "self.a > 5", "message": "m", "fieldPath": ".i.deep.z"})),
        ("lines", json!({"rule": "self.a > 5 &&\n self.a < 9", "message": "m"})),
    ] {
        let schema = with_rules(fields(), &[rule]);
        found.push(Probe::new(format!("message {name}"), schema, &[json!({"a": 1})]));
    }
    for (name, schema, value) in [
        ("integer", integer(), json!(1)),
        ("text", text(), json!("a\"b")),
        ("number", json!({"type": "number"}), json!(1.5)),
        ("boolean", json!({"type": "boolean"}), json!(true)),
        ("list", json!({"type": "array", "maxItems": 3, "items": integer()}), json!([1])),
        (
            "map",
            json!({"type": "object", "maxProperties": 3, "additionalProperties": integer()}),
            json!({"a": 1}),
        ),
        ("int or string", json!({"x-kubernetes-int-or-string": true}), json!("a")),
    ] {
        for reason in ["FieldValueInvalid", "FieldValueDuplicate"] {
            let rule = json!({"rule": "false", "message": "m", "reason": reason});
            let name = format!("value {name} {reason}");
            found.push(Probe::new(name, with_rules(schema.clone(), &[rule]), std::slice::from_ref(&value)));
        }
    }
    found
}

/// What values of a schema are to rules: each rule is fulfilled, its negation is not.
fn types() -> Vec<Probe> {
    let list =
        |kind: &str| json!({"type": "array", "maxItems": 5, "x-kubernetes-list-type": kind, "items": text()});
    let pairs = || {
        let item = json!({"type": "object", "required": ["k"], "properties": {"k": text(), "v": integer()}});
        json!({"type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item})
    };
    let mut found = Vec::new();
    for (name, schema, rule, value) in [
        (
            "byte",
            json!({"type": "string", "format": "byte", "maxLength": 20}),
            "self == b'hello'",
            json!("aGVsbG8="),
        ),
        (
            "date",
            json!({"type": "string", "format": "date"}),
            "self == timestamp('2024-02-29T00:00:00Z')",
            json!("2024-02-29"),
        ),
        (
            "date-time",
            json!({"type": "string", "format": "date-time"}),
            "self.getHours() == 10 && self < timestamp('2024-03-01T00:00:00Z')",
            json!("2024-02-29T12:00:00+02:00"),
        ),
        (
            "duration",
            json!({"type": "string", "format": "duration"}),
            "self == duration('90m')",
            json!("1h30m"),
        ),
        ("days", json!({"type": "string", "format": "duration"}), "self == duration('48h')", json!("2 days")),
        ("number", json!({"type": "number"}), "self == 2.0", json!(2)),
        ("int32", json!({"type": "integer", "format": "int32"}), "self + 1 == 6", json!(5)),
        (
            "int or string int",
            json!({"x-kubernetes-int-or-string": true}),
            "type(self) == int && self < 100",
            json!(80),
        ),
        (
            "int or string text",
            json!({"x-kubernetes-int-or-string": true}),
            "type(self) == string && self == 'http'",
            json!("http"),
        ),
        ("int or string wrong", json!({"x-kubernetes-int-or-string": true}), "self < 100", json!("http")),
        (
            "reserved",
            object(json!({"namespace": text(), "in": text()})),
            "self.__namespace__ == 'n' && self.__in__ == 'i'",
            json!({"namespace": "n", "in": "i"}),
        ),
        (
            "dashes",
            object(json!({"a-b": integer(), "c.d": integer(), "e/f": integer(), "g__h": integer()})),
            "self.a__dash__b + self.c__dot__d + self.e__slash__f + self.g__underscores__h == 10",
            json!({"a-b": 1, "c.d": 2, "e/f": 3, "g__h": 4}),
        ),
        (
            "has",
            object(json!({"a": text(), "n": {"type": "string", "nullable": true, "maxLength": 5}})),
            "!has(self.a) && !has(self.n)",
            json!({"n": null}),
        ),
        (
            "set",
            object(json!({"a": list("set"), "b": list("set")})),
            "self.a == self.b && self.a + ['z'] == ['z', 'x', 'y']",
            json!({"a": ["x", "y"], "b": ["y", "x"]}),
        ),
        (
            "atomic",
            object(json!({"a": list("atomic"), "b": list("atomic")})),
            "self.a != self.b && self.a + self.b == ['x', 'y', 'y', 'x']",
            json!({"a": ["x", "y"], "b": ["y", "x"]}),
        ),
        (
            "list map",
            pairs(),
            "self.exists(p, p.k == 'b' && p.v == 2) && self == self",
            json!([{"k": "a", "v": 1}, {"k": "b", "v": 2}]),
        ),
        (
            "map keys",
            json!({"type": "object", "maxProperties": 5, "additionalProperties": text()}),
            "self['a.b/c'] == 'd' && 'a.b/c' in self && self.all(k, k.size() > 1)",
            json!({"a.b/c": "d"}),
        ),
        (
            "map values",
            json!({"type": "object", "maxProperties": 5, "additionalProperties": integer()}),
            "self.all(k, v, v > 0) && size(self) == 2",
            json!({"a": 1, "b": 2}),
        ),
        (
            "preserved",
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"a": integer()}}),
            "self.a == 1 && self == self",
            json!({"a": 1, "other": {"b": 2}}),
        ),
        (
            "nested",
            object(json!({"a": object(json!({"b": object(json!({"c": integer()}))}))})),
            "has(self.a.b.c) && self.a.b.c == 1",
            json!({"a": {"b": {"c": 1}}}),
        ),
        ("enum", json!({"type": "string", "enum": ["a", "b"]}), "self in ['a', 'c']", json!("a")),
        (
            "embedded",
            json!({"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true}),
            "self.kind == 'K' && self.apiVersion == 'v1' && self.metadata.name == 'n'",
            json!({"apiVersion": "v1", "kind": "K", "metadata": {"name": "n", "labels": {"a": "b"}}}),
        ),
    ] {
        for (how, rule) in [("holds", rule.to_owned()), ("broken", format!("!({rule})"))] {
            let schema = with_rules(schema.clone(), &[json!({"rule": rule})]);
            found.push(Probe::new(format!("type {name} {how}"), schema, std::slice::from_ref(&value)));
        }
    }
    found
}

/// What goes wrong while a rule is evaluated.
fn failures() -> Vec<Probe> {
    let map = || json!({"type": "object", "maxProperties": 5, "additionalProperties": integer()});
    let list = || json!({"type": "array", "maxItems": 5, "items": integer()});
    let fields = || object(json!({"a": integer(), "b": integer()}));
    [
        ("no such key", map(), "self['b'] == 1", json!({"a": 1})),
        ("no such field", fields(), "self.b == 1", json!({"a": 1})),
        ("no such field inside", object(json!({"a": fields()})), "self.a.b == 1", json!({})),
        ("index", list(), "self[5] == 1", json!([1])),
        ("negative index", list(), "self[-1] == 1", json!([1])),
        ("division", fields(), "1 / self.a == 1", json!({"a": 0})),
        ("modulus", fields(), "1 % self.a == 1", json!({"a": 0})),
        ("overflow", fields(), "self.a * self.a > 0", json!({"a": 4_000_000_000_i64})),
        ("not a number", text(), "int(self) == 1", json!("x")),
        ("not a quantity", text(), "quantity(self).isInteger()", json!("x")),
        ("not an address", text(), "ip(self).isLoopback()", json!("x")),
        ("not a network", text(), "cidr(self).prefixLength() == 1", json!("x")),
        ("not a network mask", text(), "cidr(self).prefixLength() == 1", json!("1.2.3.4/33")),
        ("not a version", text(), "semver(self).major() == 1", json!("x.y")),
        ("short version", text(), "semver(self).major() == 1", json!("1.2")),
        ("bad substring", text(), "self.substring(9) == ''", json!("ab")),
        ("bad range", text(), "self.substring(2, 1) == ''", json!("abc")),
        ("bad character", text(), "self.charAt(9) == ''", json!("ab")),
        ("empty minimum", list(), "self.min() == 1", json!([])),
        ("none", text(), "optional.none().value() == self", json!("a")),
        ("decided anyway", fields(), "self.b == 1 || self.a == 1", json!({"a": 1})),
        ("undecided", fields(), "self.b == 1 && self.a == 1", json!({"a": 1})),
        ("overload", json!({"x-kubernetes-int-or-string": true}), "self + 1 == 2", json!("a")),
        ("duration text", text(), "duration(self) == duration('1s')", json!("x")),
        ("timestamp text", text(), "timestamp(self) == timestamp('2024-01-01T00:00:00Z')", json!("x")),
        ("bad slice", list(), "self.slice(1, 9).size() == 1", json!([1, 2])),
        ("duplicate key", list(), "self.transformMapEntry(i, v, {'k': v}).size() == 1", json!([1, 2])),
        ("bad url", text(), "url(self).getHost() == ''", json!("x")),
    ]
    .into_iter()
    .map(|(name, schema, rule, value)| {
        let schema = with_rules(schema, &[json!({"rule": rule}), json!({"rule": "true"})]);
        Probe::new(format!("failure {name}"), schema, &[value])
    })
    .collect()
}

/// Rules about a change.
fn transitions() -> Vec<Probe> {
    let fixed = || json!({"rule": "self == oldSelf", "message": "never changes"});
    let pairs = |value: Value| {
        let item = json!({"type": "object", "required": ["k"], "properties": {"k": text(), "v": value}});
        json!({"type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item})
    };
    let optional = || {
        json!({
            "rule": "oldSelf.hasValue() ? self >= oldSelf.value() : self > 1", "optionalOldSelf": true,
            "messageExpression": "'was %s'.format([oldSelf.hasValue() ? string(oldSelf.value()) : 'nothing'])",
        })
    };
    let map = |value: Value| json!({"type": "object", "maxProperties": 5, "additionalProperties": value});
    vec![
        Probe::new("transition value", with_rules(text(), &[fixed()]), &[json!("a"), json!("a"), json!("b")]),
        Probe::new(
            "transition object",
            with_rules(object(json!({"a": integer()})), &[fixed()]),
            &[json!({"a": 1}), json!({"a": 2})],
        ),
        Probe::new(
            "transition list",
            with_rules(json!({"type": "array", "maxItems": 5, "items": integer()}), &[fixed()]),
            &[json!([1, 2]), json!([2, 1]), json!([1, 2])],
        ),
        Probe::new(
            "transition field",
            object(json!({"a": with_rules(integer(), &[fixed()])})),
            &[json!({}), json!({"a": 1}), json!({"a": 2}), json!({})],
        ),
        Probe::new(
            "transition map",
            map(with_rules(integer(), &[fixed()])),
            &[json!({"a": 1}), json!({"a": 2}), json!({"b": 2})],
        ),
        Probe::new(
            "transition pairs",
            pairs(with_rules(integer(), &[fixed()])),
            &[
                json!([{"k": "a", "v": 1}, {"k": "b", "v": 2}]),
                json!([{"k": "b", "v": 2}, {"k": "a", "v": 5}]),
                json!([{"k": "c", "v": 1}]),
            ],
        ),
        Probe::new("transition optional first", with_rules(integer(), &[optional()]), &[json!(1)]),
        Probe::new(
            "transition optional",
            with_rules(integer(), &[optional()]),
            &[json!(5), json!(4), json!(6)],
        ),
        Probe::new(
            "transition optional pairs",
            pairs(with_rules(integer(), &[optional()])),
            &[
                json!([{"k": "a", "v": 5}]),
                json!([{"k": "a", "v": 4}, {"k": "b", "v": 1}]),
                json!([{"k": "b", "v": 2}]),
            ],
        ),
        Probe::new(
            "transition and other",
            with_rules(integer(), &[fixed(), json!({"rule": "self < 10", "message": "small"})]),
            &[json!(1), json!(20)],
        ),
        Probe::new(
            "transition old field",
            with_rules(
                object(json!({"a": integer(), "b": integer()})),
                &[json!({"rule": "has(oldSelf.a) == has(self.a)", "message": "a comes or goes"})],
            ),
            &[json!({"a": 1}), json!({"b": 1}), json!({"a": 2})],
        ),
        Probe::new(
            "transition atomic map",
            json!({"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": with_rules(integer(), &[json!({"rule": "self > 0", "message": "positive"})])}}),
            &[json!({"a": 1}), json!({"a": 0})],
        ),
        Probe::new(
            "transition unchanged rule",
            with_rules(integer(), &[json!({"rule": "self > oldSelf", "message": "must grow"})]),
            &[json!(1), json!(1), json!(2)],
        ),
    ]
}

/// Where rules stand, and in which order they are told.
fn structures() -> Vec<Probe> {
    let positive = || with_rules(integer(), &[json!({"rule": "self > 0", "message": "positive"})]);
    let list = |items: Value| json!({"type": "array", "maxItems": 5, "items": items});
    let map = |values: Value| json!({"type": "object", "maxProperties": 5, "additionalProperties": values});
    let outer = |schema: Value| with_rules(schema, &[json!({"rule": "size(self) < 1", "message": "outer"})]);
    vec![
        Probe::new("place items", list(positive()), &[json!([1, 0, -1])]),
        Probe::new("place values", map(positive()), &[json!({"a.b": 0})]),
        Probe::new("place items of values", map(list(positive())), &[json!({"k": [1, 0]})]),
        Probe::new(
            "place fields of items",
            list(object(json!({"a": positive()}))),
            &[json!([{"a": 1}, {"a": 0}])],
        ),
        Probe::new("place outer first", outer(list(positive())), &[json!([0])]),
        Probe::new(
            "place several",
            with_rules(
                integer(),
                &[
                    json!({"rule": "self > 1", "message": "one"}),
                    json!({"rule": "self > 2", "message": "two"}),
                    json!({"rule": "self > -1", "message": "three"}),
                ],
            ),
            &[json!(0)],
        ),
        Probe::new(
            "place null",
            json!({"type": "integer", "nullable": true, "x-kubernetes-validations": [{"rule": "self > 0"}]}),
            &[Value::Null],
        ),
        Probe::new(
            "place null items",
            list(
                json!({"type": "integer", "nullable": true, "x-kubernetes-validations": [{"rule": "self > 0"}]}),
            ),
            &[json!([null, 0])],
        ),
        Probe::new(
            "place dashed field",
            object(json!({"a-b": positive(), "ü": positive()})),
            &[json!({"a-b": 0, "ü": 1})],
        ),
        Probe::new(
            "place defaulted",
            object(
                json!({"a": {"type": "integer", "default": 5, "x-kubernetes-validations": [{"rule": "self > 4"}]}}),
            ),
            &[json!({})],
        ),
    ]
}
