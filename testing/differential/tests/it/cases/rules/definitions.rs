//! Rules that a definition is refused for, or accepted with.
use grange_differential::{Case, Step};
use serde_json::{Value, json};

use super::{DEFINITIONS, definition, with_rules};

fn schema(spec: Value) -> Value {
    json!({"type": "object", "properties": {"spec": spec}})
}

/// The fields that rules speak of.
fn fields() -> Value {
    let text = json!({"type": "string", "maxLength": 10});
    json!({"type": "object", "properties": {
        "a": {"type": "integer"}, "s": text, "n": {"type": "number"}, "f": {"type": "boolean"},
        "list": {"type": "array", "maxItems": 5, "items": text},
        "map": {"type": "object", "maxProperties": 5, "additionalProperties": {"type": "integer"}},
        "any": {"x-kubernetes-preserve-unknown-fields": true},
        "either": {"x-kubernetes-int-or-string": true},
        "when": {"type": "string", "format": "date-time"},
        "namespace": text,
    }})
}

/// Rules of `spec` that do not compile, or do.
const RULES: &[&str] = &[
    "self.b == 1",
    "size(self) == 0",
    "self.map == self",
    "self.list.exists_one(x, x)",
    "self.list.filter(x, x).size() > 0",
    "'%f'.format([1]) == ''",
    "'%d %d'.format([1]) == ''",
    "'%s'.format([1, 2]) == ''",
    "'%q'.format([1]) == ''",
    "'%x'.format([1.5]) == ''",
    "'%s'.format([self.when, self.list, self.map]) == ''",
    "'%s'.format(self.list) == ''",
    "self.any == 1",
    "self.a == 'x'",
    "self.a == 1.0",
    "self.a == null",
    "self.a",
    "self.s",
    "self.a + 'x' == 'x'",
    "self.a && true",
    "true && self.a",
    "self.a ? true : false",
    "self.f ? 1 : 'x'",
    "unknown == 1",
    "request.name == ''",
    "object.a == 1",
    "self.s.nothing() == 1",
    "nothing(self.a) == 1",
    "self.s.startsWith(1)",
    "self.s.contains('a', 'b')",
    "size(self.a) == 1",
    "self.a.all(x, x > 0)",
    "self.list.all(1, true)",
    "self.list.all(x, x > 0)",
    "self.list.all(x, x)",
    "self.list[0] == 1",
    "self.list['a'] == 'a'",
    "self.list.a == 'a'",
    "self.map[1] == 1",
    "self.map.a == 'x'",
    "self.s.matches('[')",
    "self.s.matches('(?=a)')",
    "duration('x') == duration('1s')",
    "timestamp('x') < self.when",
    "self.when == '2024'",
    "has(self)",
    "has(self.b)",
    "has(self.list[0])",
    "[1, 'a'].size() == 2",
    "{'a': 1, 'b': 'x'}.size() == 2",
    "{'a': 1, 2: 3}.size() == 2",
    "self.namespace == 'a'",
    "self.__namespace__ == 'a'",
    "self.either == 1 && self.either == 'a'",
    "oldSelf.b == 1",
    "oldSelf.a == self.a",
    "self == oldSelf",
    "self.?a.orValue('x') == 'x'",
    "self.?b.hasValue()",
    "self.a.hasValue()",
    "optional.of(1) == 1",
    "quantity(self.a).isInteger()",
    "quantity(self.s) > quantity('1')",
    "ip(self.s) == 'x'",
    "cidr(self.s).containsIP(1)",
    "type(self.a) == int",
    "self.a in self.list",
    "self.s in self.map",
    "self.list == self.map",
    "self.n > self.a",
    "self.f > true",
    "self.list > self.list",
    "-self.s == 'a'",
    "!self.a",
    "self.list.sortBy(x, self.list).size() == 1",
    "self.list.map(x, x.size()).sum() > 3",
    "cel.bind(x, self.a, x > 1)",
    "math.greatest(1, 2) == 2",
    "base64.encode(b'a') == 'YQ=='",
    "self.metadata.name == 'a'",
    "'%d'.format([self.s]) == ''",
    "'%s %d'.format(['a', 1]) == ''",
    "true",
    "  true  ",
    "self.a > 1 // a comment",
];

/// Rules that are no expressions; why is told in other words.
const NO_EXPRESSIONS: &[&str] = &[
    "self.a ==",
    "(self.a == 1",
    "self.a = 1",
    "self..a == 1",
    "'open",
    "a b",
    "@",
    "self.in == 1",
    "for == 1",
    "[1,,2] == []",
];

pub(super) fn cases() -> Vec<Case> {
    let post = |schema: &Value| {
        Step::post(format!("{DEFINITIONS}?dryRun=All"), &definition("{ns}", "Refused", schema))
    };
    let mut cases = Vec::new();
    for (index, rule) in RULES.iter().chain(NO_EXPRESSIONS).enumerate() {
        let what = if index < RULES.len() { "rule" } else { "no expression" };
        let schema = schema(with_rules(fields(), &[json!({"rule": rule})]));
        cases.push(Case::new(format!("rules/definition {what} {index}"), vec![post(&schema)]));
    }
    for (name, rule) in [
        ("message not text", json!({"rule": "true", "messageExpression": "1"})),
        ("message does not compile", json!({"rule": "true", "messageExpression": "self.b"})),
        ("rule and message do not compile", json!({"rule": "self.b", "messageExpression": "self.b"})),
        ("optional without past", json!({"rule": "true", "optionalOldSelf": true})),
        ("not optional without past", json!({"rule": "true", "optionalOldSelf": false})),
        (
            "optional",
            json!({"rule": "!oldSelf.hasValue() || oldSelf.value() == self", "optionalOldSelf": true}),
        ),
        ("optional used plainly", json!({"rule": "oldSelf.a == self.a", "optionalOldSelf": true})),
        ("plain used optionally", json!({"rule": "oldSelf.hasValue()"})),
        (
            "all fields wrong",
            json!({"rule": "self.b", "message": "m", "reason": "FieldValueRequired", "fieldPath": ".a"}),
        ),
        ("several lines", json!({"rule": "self.a > 1 &&\n  self.b > 1", "message": "m"})),
        ("several faults", json!({"rule": "self.b == self.c"})),
        ("tabs", json!({"rule": "\tself.b == 1"})),
    ] {
        let schema = schema(with_rules(fields(), &[rule]));
        cases.push(Case::new(format!("rules/definition {name}"), vec![post(&schema)]));
    }
    let text = || json!({"type": "string", "maxLength": 5});
    let list = |kind: &str, items: Value| json!({"type": "array", "maxItems": 5, "x-kubernetes-list-type": kind, "items": items});
    let fixed = || with_rules(text(), &[json!({"rule": "self == oldSelf"})]);
    let wide = |rule: &str| {
        with_rules(json!({"type": "array", "items": {"type": "string"}}), &[json!({"rule": rule})])
    };
    for (name, spec) in [
        ("past in set", list("set", fixed())),
        ("past in atomic list", list("atomic", fixed())),
        ("past in plain list", json!({"type": "array", "maxItems": 5, "items": fixed()})),
        ("past deep in list", list("atomic", json!({"type": "object", "properties": {"a": fixed()}}))),
        (
            "past in atomic map",
            json!({"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": fixed()}}),
        ),
        ("past in map", json!({"type": "object", "maxProperties": 5, "additionalProperties": fixed()})),
        (
            "rules on items and list",
            with_rules(
                list("set", with_rules(text(), &[json!({"rule": "self.x"})])),
                &[json!({"rule": "self.y"})],
            ),
        ),
        (
            "rule on any",
            json!({"x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-validations": [{"rule": "true"}]}),
        ),
        (
            "rule on any object",
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-validations": [{"rule": "self.a == 1"}]}),
        ),
        ("costs linear", wide("self.all(x, x.startsWith('a'))")),
        ("costs squared", wide("self.all(x, self.exists(y, x == y))")),
        ("costs cubed", wide("self.all(x, self.all(y, self.all(z, x == z)))")),
        ("costs pattern", wide("self.all(x, x.matches('^[a-z]+$'))")),
        (
            "costs inside",
            json!({"type": "array", "items": with_rules(json!({"type": "string"}), &[json!({"rule": "self.matches('^[a-z]+$')"})])}),
        ),
        (
            "costs bounded",
            with_rules(
                json!({"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 20}}),
                &[json!({"rule": "self.all(x, self.exists_one(y, x == y))"})],
            ),
        ),
        ("costs contains", wide("self.all(x, x.contains('a'))")),
        ("costs split", wide("self.all(x, x.split(',').size() > 1)")),
        (
            "costs little",
            with_rules(
                json!({"type": "string"}),
                &[json!({"rule": "self.contains('a') && self.size() > 1"})],
            ),
        ),
        (
            "costs concatenation",
            with_rules(
                json!({"type": "string", "maxLength": 100}),
                &[json!({"rule": "(self + self + self).size() > 1"})],
            ),
        ),
        (
            "costs number text",
            with_rules(
                json!({"type": "integer"}),
                &[json!({"rule": "self > 1", "messageExpression": "'a' + string(self)"})],
            ),
        ),
    ] {
        cases.push(Case::new(format!("rules/definition {name}"), vec![post(&schema(spec))]));
    }
    cases.push(Case::new(
        "rules/definition root",
        vec![post(&with_rules(
            json!({"type": "object"}),
            &[
                json!({"rule": "self.metadata.name != '' && self.metadata.generateName != '' && self.kind == '' && self.apiVersion == ''"}),
                json!({"rule": "self.metadata.labels.size() > 0"}),
                json!({"rule": "self.spec.a == 1"}),
            ],
        ))],
    ));
    cases.push(Case::new(
        "rules/definition default breaks",
        vec![post(&schema(json!({"type": "object", "properties": {"a": {"type": "integer", "default": 1, "x-kubernetes-validations": [{"rule": "self > 1"}]}}})))],
    ));
    cases
}
