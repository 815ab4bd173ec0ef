//! Compiling, pruning, defaulting and validating, case by case.
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn schema(document: Value) -> StructuralSchema {
    StructuralSchema::compile(&document).unwrap()
}

fn spec(properties: Value) -> StructuralSchema {
    schema(json!({"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}))
}

fn faults(schema: &StructuralSchema, value: Value) -> Vec<String> {
    schema.validate(&value).iter().map(|error| error.to_string()).collect()
}

#[test]
fn unknown_fields_are_pruned_and_named() {
    let schema = schema(json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "known": {"type": "string"},
            "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "integer"}}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"tight": {"type": "object"}}},
            "any": {"x-kubernetes-preserve-unknown-fields": true},
            "loose": {"type": "object", "additionalProperties": true},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": true, "properties": {"spec": {"type": "object"}}},
        }},
    }}));
    let mut value = json!({
        "apiVersion": "v1", "kind": "X", "metadata": {"name": "x", "labels": {"a": "b"}}, "extra": 1,
        "spec": {
            "known": "x", "unknown": {"a": 1},
            "list": [{"a": "x"}, {"a": "y", "b": "z"}],
            "map": {"k": {"a": 1, "b": 2}},
            "free": {"anything": [1], "tight": {"gone": 1}},
            "any": {"x": {"y": 1}}, "loose": {"x": {"y": 1}},
            "embedded": {"apiVersion": "v1", "kind": "Y", "metadata": {"name": "y"}, "spec": {"gone": 1}, "gone": 2},
        },
    });
    let unknown = schema.prune(&mut value);
    assert_eq!(
        value,
        json!({
            "apiVersion": "v1", "kind": "X", "metadata": {"name": "x", "labels": {"a": "b"}},
            "spec": {
                "known": "x", "list": [{"a": "x"}, {"a": "y"}], "map": {"k": {"a": 1}}, "free": {"anything": [1], "tight": {}},
                "any": {"x": {"y": 1}}, "loose": {"x": {"y": 1}},
                "embedded": {"apiVersion": "v1", "kind": "Y", "metadata": {"name": "y"}, "spec": {}},
            },
        })
    );
    let mut paths = unknown.0;
    paths.sort();
    assert_eq!(
        paths,
        [
            "extra",
            "spec.embedded.gone",
            "spec.embedded.spec.gone",
            "spec.free.tight.gone",
            "spec.list[1].b",
            "spec.map.k.b",
            "spec.unknown"
        ]
    );
    assert_eq!(schema.prune(&mut value), Unknown::default());
}

#[test]
fn the_default_schema_takes_everything() {
    let mut value = json!({"anything": {"goes": [1]}});
    let schema = <StructuralSchema as Default>::default();
    assert_eq!(schema.prune(&mut value), Unknown::default());
    assert_eq!(schema.validate(&value), []);
}

#[test]
fn nulls_go_where_none_may_stand() {
    let schema = spec(json!({
        "plain": {"type": "string"},
        "nullable": {"type": "string", "nullable": true},
        "defaulted": {"type": "string", "default": "d"},
        "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }));
    let mut value = json!({"spec": {
        "plain": null, "nullable": null, "defaulted": null, "list": [{"x": null}], "map": {"a": null, "b": "c"},
        "free": {"any": null},
    }});
    schema.drop_nulls(&mut value);
    assert_eq!(
        value,
        json!({"spec": {"nullable": null, "defaulted": null, "list": [{}], "map": {"b": "c"}, "free": {"any": null}}})
    );
}

#[test]
fn defaults_fill_what_is_absent() {
    let schema = spec(json!({
        "replicas": {"type": "integer", "default": 1},
        "mode": {"type": "string", "default": "auto", "nullable": true},
        "nested": {"type": "object", "default": {}, "properties": {"deep": {"type": "string", "default": "d"}}},
        "ports": {"type": "array", "items": {"type": "object", "properties": {"protocol": {"type": "string", "default": "TCP"}}}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"type": "integer", "default": 5}}}},
    }));
    for (value, expect) in [
        (json!({}), json!({})),
        (json!({"spec": {}}), json!({"spec": {"replicas": 1, "mode": "auto", "nested": {"deep": "d"}}})),
        (
            json!({"spec": {"replicas": null, "mode": null, "nested": {"deep": "x"}, "ports": [{}, {"protocol": "UDP"}], "map": {"k": {}}}}),
            json!({"spec": {"replicas": 1, "mode": null, "nested": {"deep": "x"}, "ports": [{"protocol": "TCP"}, {"protocol": "UDP"}], "map": {"k": {"x": 5}}}}),
        ),
        (json!({"spec": "odd"}), json!({"spec": "odd"})),
    ] {
        let mut result = value.clone();
        schema.default(&mut result);
        assert_eq!(result, expect, "{value}");
        let once = result.clone();
        schema.default(&mut result);
        assert_eq!(result, once, "defaulting again changes nothing");
    }
}

#[test]
fn faults_are_told_in_kubernetes_words() {
    for (rule, value, expect) in [
        (
            json!({"type": "integer"}),
            json!("x"),
            r#"spec.x: Invalid value: "string": spec.x in body must be of type integer: "string""#,
        ),
        (
            json!({"type": "integer"}),
            json!(1.5),
            r#"spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"; <nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.x"#,
        ),
        (
            json!({"type": "string"}),
            json!(null),
            r#"spec.x: Invalid value: "null": spec.x in body must be of type string: "null""#,
        ),
        (
            json!({"type": "string", "enum": ["a", "b"]}),
            json!("c"),
            r#"spec.x: Unsupported value: "c": supported values: "a", "b""#,
        ),
        (
            json!({"type": "string", "pattern": "^a+$"}),
            json!("b"),
            r#"spec.x: Invalid value: "b": spec.x in body should match '^a+$'"#,
        ),
        (
            json!({"type": "string", "minLength": 2}),
            json!("ä"),
            r#"spec.x: Invalid value: "ä": spec.x in body should be at least 2 chars long"#,
        ),
        (
            json!({"type": "string", "maxLength": 2}),
            json!("abc"),
            "spec.x: Too long: may not be more than 2 bytes",
        ),
        (
            json!({"type": "string", "format": "date-time"}),
            json!("now"),
            r#"spec.x: Invalid value: "now": spec.x in body must be of type date-time: "now""#,
        ),
        (
            json!({"type": "integer", "minimum": 1}),
            json!(0),
            "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1",
        ),
        (
            json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true}),
            json!(0),
            "spec.x: Invalid value: 0: spec.x in body should be greater than 0",
        ),
        (
            json!({"type": "integer", "maximum": 5}),
            json!(6),
            "spec.x: Invalid value: 6: spec.x in body should be less than or equal to 5",
        ),
        (
            json!({"type": "number", "maximum": 5, "exclusiveMaximum": true}),
            json!(5.0),
            "spec.x: Invalid value: 5: spec.x in body should be less than 5",
        ),
        (
            json!({"type": "integer", "multipleOf": 5}),
            json!(6),
            "spec.x: Invalid value: 6: spec.x in body should be a multiple of 5",
        ),
        (
            json!({"type": "array", "maxItems": 1}),
            json!([1, 2]),
            "spec.x: Too many: 2: must have at most 1 item",
        ),
        (
            json!({"type": "array", "minItems": 1}),
            json!([]),
            "spec.x: Invalid value: 0: spec.x in body should have at least 1 items",
        ),
        (
            json!({"type": "array", "items": {"type": "object", "required": ["a"]}}),
            json!([{"a": 1}, {}]),
            "spec.x[1].a: Required value",
        ),
        (
            json!({"type": "object", "minProperties": 1}),
            json!({}),
            "spec.x: Invalid value: 0: spec.x in body should have at least 1 properties",
        ),
        (
            json!({"type": "object", "maxProperties": 0}),
            json!({"a": 1}),
            "spec.x: Too many: 1: must have at most 0 items",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"a.b": 1}),
            r#"spec.x.a.b: Invalid value: "integer": spec.x.a.b in body must be of type string: "integer""#,
        ),
        (
            json!({"x-kubernetes-int-or-string": true}),
            json!(true),
            r#"spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean""#,
        ),
        (
            json!({"type": "integer", "anyOf": [{"minimum": 5}, {"maximum": 1}]}),
            json!(3),
            r#"<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf); spec.x: Invalid value: 3: spec.x in body should be greater than or equal to 5"#,
        ),
        (
            json!({"type": "integer", "oneOf": [{"minimum": 5}, {"minimum": 7}]}),
            json!(3),
            r#"<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found none valid; spec.x: Invalid value: 3: spec.x in body should be greater than or equal to 5"#,
        ),
        (
            json!({"type": "integer", "oneOf": [{"minimum": 5}, {"minimum": 7}]}),
            json!(8),
            r#"<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives"#,
        ),
        (
            json!({"type": "integer", "not": {"minimum": 5}}),
            json!(8),
            r#"<nil>: Invalid value: "": "spec.x" must not validate the schema (not)"#,
        ),
        (
            json!({"type": "integer", "allOf": [{"minimum": 5}]}),
            json!(3),
            r#"spec.x: Invalid value: 3: spec.x in body should be greater than or equal to 5; <nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf). None validated"#,
        ),
        (
            json!({"type": "integer", "format": "int32"}),
            json!(5_000_000_000_i64),
            r#"<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.x"#,
        ),
        (
            json!({"type": "integer", "format": "int32"}),
            json!(true),
            r#"spec.x: Invalid value: "": spec.x in body must be of type int32: """#,
        ),
        (
            json!({"type": "integer"}),
            json!(1e30),
            r#"spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"; <nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.x"#,
        ),
        (
            json!({"type": "integer", "minimum": 1.5}),
            json!(3),
            r#"<nil>: Invalid value: "": Minimum boundary value must be of type integer (default format) in spec.x"#,
        ),
        (
            json!({"type": "number", "minimum": 2_000_000}),
            json!(1.5),
            "spec.x: Invalid value: 1.5: spec.x in body should be greater than or equal to 2e+06",
        ),
        (
            json!({"type": "number", "multipleOf": 0.5}),
            json!(3),
            "spec.x: Invalid value: 0: factor MultipleOf declared for spec.x must be positive: 0",
        ),
        (
            json!({"type": "string", "nullable": true, "enum": ["a", null]}),
            json!(null),
            r#"spec.x: Unsupported value: null: supported values: "a", "null""#,
        ),
        (
            json!({"type": "integer", "enum": [1, 2]}),
            json!("x"),
            r#"spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"; spec.x: Unsupported value: "x": supported values: "1", "2""#,
        ),
        (
            json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}),
            json!(["a", "b", "a", "a"]),
            r#"spec.x[2]: Duplicate value: "a""#,
        ),
        (
            json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n", "p"], "items": {"type": "object"}}),
            json!([{"n": 1, "p": 2, "x": 1}, {"n": 1, "p": 3}, {"n": 1, "p": 2, "x": 2}, {"n": 1}, {"n": 1}]),
            r#"spec.x[2]: Duplicate value: {"n":1,"p":2}; spec.x[4]: Duplicate value: {"n":1}"#,
        ),
        (
            json!({"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true}),
            json!({"kind": "a b", "metadata": {"labels": {"a": "b c"}}}),
            r#"spec.x.apiVersion: Required value; spec.x.kind: Invalid value: "a b": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?'); spec.x.metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"#,
        ),
    ] {
        let found = faults(&spec(json!({ "x": rule })), json!({"spec": {"x": value}})).join("; ");
        assert_eq!(found, expect, "{rule}");
    }
    let required = schema(json!({"type": "object", "required": ["spec"]}));
    assert_eq!(faults(&required, json!({})), ["spec: Required value"]);
    assert_eq!(
        faults(&required, json!(5)),
        [r#": Invalid value: "integer":  in body must be of type object: "integer""#]
    );
}

#[test]
fn what_did_not_change_may_be_as_wrong_as_it_was() {
    let schema = spec(json!({
        "short": {"type": "string", "maxLength": 1}, "count": {"type": "integer", "maximum": 1},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        "list": {"type": "array", "items": {"type": "integer"}},
        "named": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"],
            "items": {"type": "object", "required": ["v"], "properties": {"n": {"type": "string"}, "v": {"type": "integer", "maximum": 1}}}},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    }));
    let old = json!({"spec": {
        "short": "too long", "count": 5, "map": {"a": "x", "b": 1}, "list": ["x"],
        "named": [{"n": "a", "v": 5}, {"n": "b"}, {"n": "c", "v": 1}], "set": ["a", "a"],
    }});
    for (change, expect) in [
        (json!({}), &[][..]),
        (json!({"count": 1}), &[]),
        (
            json!({"count": 6}),
            &["spec.count: Invalid value: 6: spec.count in body should be less than or equal to 1"],
        ),
        (json!({"map": {"a": "x", "b": 2}}), &[]),
        (
            json!({"list": ["x", 1]}),
            &[
                r#"spec.list[0]: Invalid value: "string": spec.list[0] in body must be of type integer: "string""#,
            ],
        ),
        (json!({"named": [{"n": "b"}, {"n": "a", "v": 5}]}), &[]),
        (
            json!({"named": [{"n": "a", "v": 6}]}),
            &["spec.named[0].v: Invalid value: 6: spec.named[0].v in body should be less than or equal to 1"],
        ),
        (json!({"set": ["a", "a", "b", "b"]}), &[]),
    ] {
        let mut new = old.clone();
        for (key, value) in change.as_object().unwrap() {
            new["spec"][key] = value.clone();
        }
        let found: Vec<String> =
            schema.validate_change(&new, &old).iter().map(FieldError::to_string).collect();
        assert_eq!(found, expect, "{change}");
    }
    assert!(schema.validate(&old).len() > 5);
}

#[test]
fn validation_has_a_limit() {
    let options: Vec<Value> = (0..1000).map(Value::from).collect();
    let schema = spec(json!({"list": {"type": "array", "items": {"type": "integer", "enum": options}}}));
    let items: Vec<Value> = std::iter::repeat_n(json!(999), 100_000).collect();
    let found = schema.validate(&json!({"spec": {"list": items}}));
    assert_eq!(found.len(), 1);
    assert!(found[0].to_string().ends_with("takes more than 20000000 steps"), "{}", found[0]);
}

#[test]
fn what_fits_passes() {
    for (rule, value) in [
        (json!({"type": "integer"}), json!(5.0)),
        (json!({"type": "number"}), json!(5)),
        (json!({"type": "integer", "format": "int32"}), json!(2_147_483_647)),
        (json!({"type": "integer", "enum": [1]}), json!(1.0)),
        (json!({"type": "string", "nullable": true, "minLength": 3}), json!(null)),
        (json!({"x-kubernetes-int-or-string": true}), json!("50%")),
        (
            json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
            json!(5),
        ),
        (json!({"type": "string", "format": "date-time"}), json!("2024-01-01T00:00:00.5+01:00")),
        (json!({"type": "string", "format": "byte"}), json!("YWI=")),
        (json!({"type": "number", "multipleOf": 0.1}), json!(0.3)),
        (json!({"type": "integer", "maximum": 9223372036854775807_i64}), json!(9223372036854775807_i64)),
        (json!({"x-kubernetes-preserve-unknown-fields": true}), json!([{"a": null}])),
        (json!({}), json!([{"a": null}])),
        (json!({"type": "string", "enum": ["a"], "format": "no-such-format"}), json!("a")),
    ] {
        assert_eq!(faults(&spec(json!({ "x": rule })), json!({"spec": {"x": value}})), [""; 0], "{rule}");
    }
}

#[test]
fn bad_documents_are_refused_with_their_path() {
    for (document, path) in [
        (json!(5), "openAPIV3Schema"),
        (json!({"type": "text"}), "openAPIV3Schema.type"),
        (
            json!({"type": "object", "properties": {"a": {"pattern": "("}}}),
            "openAPIV3Schema.properties[a].pattern",
        ),
        (json!({"properties": []}), "openAPIV3Schema.properties"),
        (json!({"items": {"required": "a"}}), "openAPIV3Schema.items.required"),
        (json!({"allOf": [{}, {"minLength": "x"}]}), "openAPIV3Schema.allOf[1].minLength"),
        (json!({"$ref": "#/x"}), "openAPIV3Schema.$ref"),
        (json!({"pattern": "(a{1000}){1000}"}), "openAPIV3Schema.pattern"),
    ] {
        assert_eq!(StructuralSchema::compile(&document).unwrap_err().field, path, "{document}");
    }
    let nested = (0..MAX_SCHEMA_DEPTH + 1).fold(json!({}), |inner, _| json!({ "items": inner }));
    assert!(StructuralSchema::compile(&nested).is_err());
}

#[test]
fn findings_are_bounded() {
    let schema = spec(json!({"list": {"type": "array", "items": {"type": "object", "required": ["a"]}}}));
    let items: Vec<Value> = (0..10_000).map(|index| json!({ "b": index })).collect();
    let mut value = json!({"spec": {"list": items}});
    assert_eq!(schema.validate(&value).len(), MAX_FINDINGS);
    assert_eq!(schema.prune(&mut value).0.len(), MAX_FINDINGS);
    assert_eq!(value["spec"]["list"][9_999], json!({}));
}

proptest! {
    #[test]
    fn walks_settle(value in crate::patch::tests::tree()) {
        let schema = schema(json!({"type": "object", "properties": {
            "a": {"type": "object", "default": {}, "properties": {"a": {"type": "integer", "default": 1}}},
            "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "string", "default": "x"}}}},
        }}));
        let mut value = value;
        schema.prune(&mut value);
        schema.default(&mut value);
        let settled = value.clone();
        prop_assert_eq!(schema.prune(&mut value), Unknown::default());
        schema.default(&mut value);
        prop_assert_eq!(value, settled);
    }
}
