//! Definitions good and bad, case by case.
use serde_json::json;

use super::*;

fn object(value: Value) -> Object {
    let Value::Object(map) = value else { panic!("not an object") };
    Object(map)
}

/// A definition that is fine, with a change.
fn with(change: impl FnOnce(&mut Value)) -> Object {
    let mut definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.io"},
        "spec": {
            "group": "example.io", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {
                    "size": {"type": "integer"}, "color": {"type": "string"},
                }}},
            }}}],
        },
    });
    change(&mut definition);
    let mut object = object(definition);
    decode(&mut object, &mut Vec::new()).unwrap();
    reset_status(&mut object);
    object
}

fn with_schema(schema: Value) -> Object {
    with(|definition| definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema)
}

fn with_field(schema: Value) -> Object {
    with_schema(json!({"type": "object", "properties": {"x": schema}}))
}

#[track_caller]
fn check(object: &Object, expect: &[&str]) {
    let found: Vec<String> = validate_new(object).iter().map(FieldError::to_string).collect();
    assert_eq!(found, expect);
}

#[test]
fn reading_fills_in_and_drops_as_go_does() {
    let mut definition = object(json!({
        "metadata": {"name": "widgets.example.io"},
        "spec": {
            "group": "example.io", "scope": "Cluster", "extra": 1,
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": [], "categories": ["all"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "deprecated": false,
                "schema": {"openAPIV3Schema": {
                    "type": "object", "nullable": false, "description": "", "unknown": true, "minLength": 0,
                    "properties": {"a": {"type": "string", "default": "", "odd": 1}, "b": {"items": {"swallowed": 1}}},
                }},
            }],
            "conversion": null,
        },
    }));
    let mut unknown = Vec::new();
    decode(&mut definition, &mut unknown).unwrap();
    unknown.sort();
    assert_eq!(
        unknown,
        [
            "spec.extra",
            "spec.versions[0].schema.openAPIV3Schema.properties.a.odd",
            "spec.versions[0].schema.openAPIV3Schema.unknown",
        ]
    );
    assert_eq!(
        Value::Object(definition.0),
        json!({
            "metadata": {"name": "widgets.example.io"},
            "spec": {
                "group": "example.io", "scope": "Cluster", "conversion": {"strategy": "None"},
                "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList",
                          "categories": ["all"]},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {
                        "type": "object", "minLength": 0,
                        "properties": {"a": {"type": "string", "default": ""}, "b": {"items": {}}},
                    }},
                }],
            },
            "status": {"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": ["v1"]},
        })
    );
}

#[test]
fn wrong_types_are_told_in_go_words() {
    for (spec, expect) in [
        (
            json!({"group": 5}),
            "json: cannot unmarshal number into Go struct field CustomResourceDefinitionSpec.spec.group of type string",
        ),
        (
            json!({"versions": {}}),
            "json: cannot unmarshal object into Go struct field CustomResourceDefinitionSpec.spec.versions of type []v1.CustomResourceDefinitionVersion",
        ),
        (
            json!({"versions": [{"served": "yes"}]}),
            "json: cannot unmarshal string into Go struct field CustomResourceDefinitionVersion.spec.versions.served of type bool",
        ),
        (
            json!({"versions": [{"schema": {"openAPIV3Schema": {"additionalProperties": 5}}}]}),
            "boolean or JSON schema expected",
        ),
        (
            json!({"versions": [{"schema": {"openAPIV3Schema": {"maxLength": 1.5}}}]}),
            "json: cannot unmarshal number 1.5 into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.maxLength of type int64",
        ),
    ] {
        let mut definition = object(json!({"spec": spec}));
        assert_eq!(decode(&mut definition, &mut Vec::new()).unwrap_err(), expect);
    }
}

#[test]
fn good_definitions_pass() {
    check(&with(|_| {}), &[]);
    check(
        &with_field(
            json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ),
        &[],
    );
    check(
        &with_field(json!({"x-kubernetes-int-or-string": true,
            "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"pattern": "^1"}]})),
        &[],
    );
    check(
        &with_field(json!({"type": "object", "x-kubernetes-embedded-resource": true,
            "x-kubernetes-preserve-unknown-fields": true})),
        &[],
    );
    check(
        &with_field(
            json!({"type": "object", "additionalProperties": {"type": "string"}, "default": {"a": "b"}}),
        ),
        &[],
    );
    check(
        &with_field(
            json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}),
        ),
        &[],
    );
    check(
        &with(|definition| {
            let mut second = definition["spec"]["versions"][0].clone();
            second["name"] = "v2alpha1".into();
            second["storage"] = false.into();
            second["selectableFields"] = json!([{"jsonPath": ".spec.color"}]);
            second["subresources"] = json!({"status": {}, "scale": {
                "specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size", "labelSelectorPath": ".status.selector"}});
            definition["spec"]["versions"].as_array_mut().unwrap().push(second);
        }),
        &[
            "spec.versions[1].selectableFields: Invalid value: \"\": may only be set when `version.schema.openAPIV3Schema` is not included",
        ],
    );
}

#[test]
fn names_and_versions_are_checked() {
    let rfc1035 = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    check(
        &with(|definition| definition["metadata"]["name"] = "others.example.io".into()),
        &["metadata.name: Invalid value: \"others.example.io\": must be spec.names.plural+\".\"+spec.group"],
    );
    check(
        &with(|definition| {
            definition["spec"]["group"] = "example".into();
            definition["metadata"]["name"] = "widgets.example".into();
        }),
        &["spec.group: Invalid value: \"example\": should be a domain with at least one dot"],
    );
    check(
        &with(|definition| definition["spec"]["scope"] = "World".into()),
        &["spec.scope: Unsupported value: \"World\": supported values: \"Cluster\", \"Namespaced\""],
    );
    check(
        &with(|definition| definition["spec"]["names"]["kind"] = "Wid get".into()),
        &[
            &format!("spec.names.singular: Invalid value: \"wid get\": {rfc1035}"),
            &format!(
                "spec.names.kind: Invalid value: \"Wid get\": may have mixed case, but should otherwise match: {rfc1035}"
            ),
            &format!(
                "spec.names.listKind: Invalid value: \"Wid getList\": may have mixed case, but should otherwise match: {rfc1035}"
            ),
        ],
    );
    check(
        &with(|definition| definition["spec"]["names"]["listKind"] = "Widget".into()),
        &["spec.names.listKind: Invalid value: \"Widget\": kind and listKind may not be the same"],
    );
    check(
        &with(|definition| definition["spec"]["versions"][0]["name"] = "V1".into()),
        &[
            &format!("spec.versions[0].name: Invalid value: \"V1\": {rfc1035}"),
            &format!("spec.version: Invalid value: \"V1\": {rfc1035}"),
        ],
    );
    let storage = with(|definition| definition["spec"]["versions"][0]["storage"] = false.into());
    let texts: Vec<String> = validate_new(&storage).iter().map(FieldError::to_string).collect();
    assert!(texts[0].ends_with("must have exactly one version marked as storage version"), "{texts:?}");
    assert_eq!(texts[1], "status.storedVersions: Invalid value: null: must have at least one stored version");
    check(
        &with(|definition| definition["spec"]["versions"][0]["schema"] = Value::Null),
        &["spec.versions[0].schema.openAPIV3Schema: Required value"],
    );
    check(
        &with(|definition| definition["spec"]["versions"][0]["deprecationWarning"] = "old".into()),
        &[
            "spec.versions[0].deprecationWarning: Invalid value: \"old\": can only be set for deprecated versions",
        ],
    );
    check(
        &with(|definition| definition["spec"]["preserveUnknownFields"] = true.into()),
        &[
            "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
        ],
    );
    check(
        &with(|definition| {
            definition["spec"]["group"] = "apps.k8s.io".into();
            definition["metadata"]["name"] = "widgets.apps.k8s.io".into();
        }),
        &[
            "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111",
        ],
    );
    let webhook = with(|definition| {
        definition["spec"]["conversion"] = json!({"strategy": "Webhook", "webhook": {
            "clientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v1"]}});
    });
    let texts: Vec<String> = validate_new(&webhook).iter().map(FieldError::to_string).collect();
    assert!(texts[0].starts_with("spec.conversion.strategy: Forbidden: this server converts"), "{texts:?}");
}

#[test]
fn columns_scale_and_selectable_fields_are_checked() {
    check(
        &with(|definition| {
            let version = &mut definition["spec"]["versions"][0];
            version["additionalPrinterColumns"] =
                json!([{"name": "", "type": "text", "format": "x", "jsonPath": "spec"}]);
            version["subresources"] = json!({"scale": {
                "specReplicasPath": ".status.x", "statusReplicasPath": "", "labelSelectorPath": "x"}});
            version["selectableFields"] = json!([
                {"jsonPath": ".spec.color"}, {"jsonPath": ".spec.none"}, {"jsonPath": ".spec"}, {"jsonPath": ".spec.color"},
                {"jsonPath": ""}, {"jsonPath": ".spec['color']"},
            ]);
        }),
        &[
            "spec.subresources.scale.specReplicasPath: Invalid value: \".status.x\": should be a json path under .spec",
            "spec.subresources.scale.statusReplicasPath: Required value",
            "spec.subresources.scale.labelSelectorPath: Invalid value: \"x\": must be a simple json path starting with .",
            "spec.additionalPrinterColumns[0].name: Required value",
            "spec.additionalPrinterColumns[0].type: Invalid value: \"text\": must be one of boolean,date,integer,number,string",
            "spec.additionalPrinterColumns[0].format: Invalid value: \"x\": must be one of byte,date,date-time,double,float,int32,int64,password",
            "spec.additionalPrinterColumns[0].JSONPath: Invalid value: \"spec\": must be a simple json path starting with .",
            "spec.selectableFields[1].jsonPath: Invalid value: \".spec.none\": is an invalid path: does not refer to a valid field",
            "spec.selectableFields[2].jsonPath: Invalid value: \".spec\": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
            "spec.selectableFields[3].jsonPath: Duplicate value: \".spec.color\"",
            "spec.selectableFields[4].jsonPath: Required value",
            "spec.selectableFields[5].jsonPath: Invalid value: \".spec['color']\": is an invalid path: array notation is not allowed",
        ],
    );
}

#[test]
fn schemas_must_be_structural() {
    let x = "spec.validation.openAPIV3Schema.properties[x]";
    for (schema, expect) in [
        (json!({}), vec![format!("{x}.type: Required value: must not be empty for specified object fields")]),
        (json!({"type": "array"}), vec![format!("{x}.items: Required value: must be specified")]),
        (
            json!({"type": "array", "items": {}}),
            vec![format!("{x}.items.type: Required value: must not be empty for specified array items")],
        ),
        (
            json!({"type": "string", "anyOf": [{"type": "string"}]}),
            vec![format!("{x}.anyOf[0].type: Forbidden: must be empty to be structural")],
        ),
        (
            json!({"type": "object", "oneOf": [{"required": ["a"]}, {"properties": {"b": {"minLength": 1}}}]}),
            vec![],
        ),
        (
            json!({"type": "object", "x-kubernetes-embedded-resource": true}),
            vec![format!(
                "{x}.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
            )],
        ),
        (
            json!({"x-kubernetes-int-or-string": true, "x-kubernetes-preserve-unknown-fields": true}),
            vec![format!(
                "{x}.x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true"
            )],
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}}),
            vec![format!(
                "{x}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"
            )],
        ),
        (
            json!({"type": "array", "uniqueItems": true, "items": {"type": "string"}}),
            vec![format!(
                "{x}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            )],
        ),
        (
            json!({"type": "whatever"}),
            vec![format!(
                "{x}.type: Unsupported value: \"whatever\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\""
            )],
        ),
        (
            json!({"type": "object", "$ref": "#/x"}),
            vec![format!("{x}.$ref: Forbidden: $ref is not supported")],
        ),
        (
            json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}),
            vec![format!(
                "{x}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"
            )],
        ),
        (
            json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"}),
            vec![format!(
                "{x}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set"
            )],
        ),
        (
            json!({"type": "string", "x-kubernetes-map-type": "odd"}),
            vec![
                format!(
                    "{x}.type: Invalid value: \"string\": must be object if x-kubernetes-map-type is specified"
                ),
                format!(
                    "{x}.x-kubernetes-map-type: Unsupported value: \"odd\": supported values: \"atomic\", \"granular\""
                ),
            ],
        ),
        (
            json!({"type": "object", "x-kubernetes-validations": [{"rule": ""}, {"rule": "a\nb"}, {"rule": "true", "reason": "X", "fieldPath": ".y"}]}),
            vec![
                format!("{x}.x-kubernetes-validations[0].rule: Required value: rule is not specified"),
                format!(
                    "{x}.x-kubernetes-validations[1].message: Required value: message must be specified if rule contains line breaks"
                ),
                format!(
                    "{x}.x-kubernetes-validations[2].reason: Unsupported value: \"X\": supported values: \"FieldValueDuplicate\", \"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\""
                ),
                format!(
                    "{x}.x-kubernetes-validations[2].fieldPath: Invalid value: \".y\": must be a valid path"
                ),
            ],
        ),
    ] {
        let expect: Vec<&str> = expect.iter().map(String::as_str).collect();
        check(&with_field(schema), &expect);
    }
}

#[test]
fn the_root_of_a_schema_has_rules_of_its_own() {
    let root = "spec.validation.openAPIV3Schema";
    check(
        &with_schema(json!({"type": "string"})),
        &[&format!("{root}.type: Invalid value: \"string\": must be object at the root")],
    );
    check(
        &with_schema(json!({"type": "object", "nullable": true})),
        &[&format!("{root}.nullable: Forbidden: nullable cannot be true at the root")],
    );
    check(
        &with_schema(json!({"type": "object", "additionalProperties": {"type": "string"}})),
        &[&format!("{root}.additionalProperties: Forbidden: must not be used at the root")],
    );
    check(
        &with_schema(
            json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}}),
        ),
        &[&format!(
            "{root}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified"
        )],
    );
    check(
        &with_schema(
            json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}}}}}),
        ),
        &[],
    );
    check(
        &with_schema(json!({"type": "object", "anyOf": [{"properties": {"spec": {"required": ["a"]}}}]})),
        &[&format!(
            "{root}.properties[spec]: Required value: because it is defined in {root}.anyOf[0].properties[spec]"
        )],
    );
    let with_status = with(|definition| {
        definition["spec"]["versions"][0]["subresources"] = json!({"status": {}});
        definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["maxProperties"] = 5.into();
    });
    let text = validate_new(&with_status)[0].to_string();
    assert!(text.contains("only [Description Type Format"), "{text}");
}

#[test]
fn defaults_must_fit_their_schemas() {
    let x = "spec.validation.openAPIV3Schema.properties[x]";
    let texts = |schema: Value| {
        validate_new(&with_field(schema)).iter().map(FieldError::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(texts(json!({"type": "string", "default": "a", "enum": ["a"]})), "");
    let wrong = texts(json!({"type": "integer", "default": "a"}));
    assert!(wrong.starts_with(&format!("{x}.default: Invalid value: \"string\"")), "{wrong}");
    let unknown =
        texts(json!({"type": "object", "default": {"b": 1}, "properties": {"a": {"type": "string"}}}));
    assert_eq!(unknown, format!("{x}.default: Invalid value: {{\"b\":1}}: must not have unknown fields"));
    let metadata =
        with_schema(json!({"type": "object", "properties": {"kind": {"type": "string", "default": "X"}}}));
    check(
        &metadata,
        &[
            "spec.validation.openAPIV3Schema.properties[kind].default: Forbidden: must not be set in top-level kind",
        ],
    );
}

#[test]
fn what_is_stored_cannot_change() {
    let mut old = with(|_| {});
    let established = |object: &mut Object| {
        set_condition(
            object,
            &ConditionStatus {
                kind: Condition::Established,
                status: true,
                reason: "InitialNamesAccepted",
                message: String::new(),
            },
        );
    };
    let mut new = with(|definition| {
        definition["spec"]["scope"] = "Cluster".into();
        definition["spec"]["names"]["kind"] = "Gadget".into();
    });
    let texts = |new: &Object, old: &Object| {
        validate_change(new, old).iter().map(FieldError::to_string).collect::<Vec<_>>()
    };
    assert_eq!(texts(&new, &old), Vec::<String>::new());
    established(&mut old);
    assert_eq!(
        texts(&new, &old),
        [
            "spec.scope: Invalid value: \"Cluster\": field is immutable",
            "spec.names.kind: Invalid value: \"Gadget\": field is immutable",
        ]
    );
    new = with(|definition| definition["spec"]["versions"][0]["name"] = "v2".into());
    new.set(&["status", "storedVersions"], vec!["v1", "v2"]);
    assert!(texts(&new, &old)[0].starts_with(
        "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions; v1 was previously a storage version"
    ));
}

#[test]
fn names_are_given_once() {
    let definition =
        Definition::read(&with(|d| d["spec"]["names"]["shortNames"] = json!(["w", "wd"]))).unwrap();
    let (names, condition) = negotiate(&definition, &Names::default(), &Taken::default());
    assert_eq!((&names, condition.status, condition.reason), (&definition.names, true, "NoConflicts"));
    let mut taken = Taken::default();
    taken.add(&Names {
        plural: "others".into(),
        short_names: vec!["w".into()],
        kind: "Widget".into(),
        ..Names::default()
    });
    let (names, condition) = negotiate(&definition, &Names::default(), &taken);
    assert_eq!(names.plural, "widgets");
    assert_eq!((names.short_names.len(), names.kind.as_str()), (0, ""));
    assert_eq!(
        (condition.status, condition.reason, condition.message.as_str()),
        (false, "KindConflict", "\"Widget\" is already in use")
    );
    assert_eq!(negotiate(&definition, &definition.names.clone(), &taken).1.reason, "NoConflicts");
}

#[test]
fn conditions_keep_their_time() {
    let mut object = with(|_| {});
    let condition =
        |status| ConditionStatus { kind: Condition::Terminating, status, reason: "X", message: "x".into() };
    assert!(set_condition(&mut object, &condition(true)));
    assert!(!set_condition(&mut object, &condition(true)));
    assert!(condition_is_true(&object, Condition::Terminating));
    assert!(set_condition(&mut object, &condition(false)));
    assert!(!condition_is_true(&object, Condition::Terminating));
}
