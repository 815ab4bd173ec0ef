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
            r#"spec.x: Invalid value: "number": spec.x in body must be of type integer: "number""#,
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
            "spec.x: Invalid value: 5.0: spec.x in body should be less than 5",
        ),
        (
            json!({"type": "integer", "multipleOf": 5}),
            json!(6),
            "spec.x: Invalid value: 6: spec.x in body should be a multiple of 5",
        ),
        (
            json!({"type": "array", "maxItems": 1}),
            json!([1, 2]),
            "spec.x: Too many: 2: must have at most 1 items",
        ),
        (
            json!({"type": "array", "minItems": 1}),
            json!([]),
            "spec.x: Invalid value: []: spec.x in body should have at least 1 items",
        ),
        (
            json!({"type": "array", "items": {"type": "object", "required": ["a"]}}),
            json!([{"a": 1}, {}]),
            "spec.x[1].a: Required value",
        ),
        (
            json!({"type": "object", "minProperties": 1}),
            json!({}),
            "spec.x: Invalid value: {}: spec.x in body should have at least 1 properties",
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
            r#"spec.x: Invalid value: "": "spec.x" must validate at least one schema (anyOf)"#,
        ),
        (
            json!({"type": "integer", "oneOf": [{"minimum": 5}, {"minimum": 7}]}),
            json!(3),
            r#"spec.x: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found none valid"#,
        ),
        (
            json!({"type": "integer", "oneOf": [{"minimum": 5}, {"minimum": 7}]}),
            json!(8),
            r#"spec.x: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives"#,
        ),
        (
            json!({"type": "integer", "not": {"minimum": 5}}),
            json!(8),
            r#"spec.x: Invalid value: "": "spec.x" must not validate the schema (not)"#,
        ),
        (
            json!({"type": "integer", "allOf": [{"minimum": 5}]}),
            json!(3),
            "spec.x: Invalid value: 3: spec.x in body should be greater than or equal to 5",
        ),
    ] {
        assert_eq!(faults(&spec(json!({ "x": rule })), json!({"spec": {"x": value}})), [expect], "{rule}");
    }
    let required = schema(json!({"type": "object", "required": ["spec"]}));
    assert_eq!(faults(&required, json!({})), ["spec: Required value"]);
    assert_eq!(
        faults(&required, json!(5)),
        [r#": Invalid value: "integer": body must be of type object: "integer""#]
    );
}

#[test]
fn what_fits_passes() {
    for (rule, value) in [
        (json!({"type": "integer"}), json!(5.0)),
        (json!({"type": "number"}), json!(5)),
        (json!({"type": "integer", "format": "int32"}), json!(5_000_000_000_i64)),
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
        (json!({"allOf": [{}, {"minLength": -1}]}), "openAPIV3Schema.allOf[1].minLength"),
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
