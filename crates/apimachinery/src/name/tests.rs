//! Kubernetes' naming rules, case by case.
use super::*;
use serde_json::json;

fn object(value: Value) -> Object {
    match value {
        Value::Object(map) => Object(map),
        other => panic!("not an object: {other}"),
    }
}

fn faults(metadata: Value) -> Vec<String> {
    validate_metadata(&object(json!({ "metadata": metadata })), NameRule::Subdomain, true)
        .iter()
        .map(|error| error.to_string())
        .collect()
}

fn with(extra: Value) -> Vec<String> {
    let mut metadata = json!({"name": "a", "namespace": "b"});
    crate::patch::merge_patch(&mut metadata, &extra);
    faults(metadata)
}

#[test]
fn names_follow_the_rule_of_their_resource() {
    use NameRule::{Label, PathSegment, Rfc1035Label, Subdomain};
    let long_label = "a".repeat(63);
    let long_subdomain = [long_label.as_str(); 4].join(".")[..253].to_owned();
    for (rule, name) in [
        (Subdomain, "a"),
        (Subdomain, "a.b-c.0"),
        (Subdomain, &long_subdomain),
        (Label, "0-a"),
        (Label, &long_label),
        (Rfc1035Label, "a-0"),
        (PathSegment, "system:admin"),
        (PathSegment, "Über uns"),
        (PathSegment, "..."),
    ] {
        assert_eq!(validate_name(rule, name), Ok(()), "{rule:?} {name}");
    }
    for (rule, name, message) in [
        (Subdomain, "A", SUBDOMAIN_RULE),
        (Subdomain, "a..b", SUBDOMAIN_RULE),
        (Subdomain, "-a", SUBDOMAIN_RULE),
        (Subdomain, "a-", SUBDOMAIN_RULE),
        (Subdomain, "a_b", SUBDOMAIN_RULE),
        (Subdomain, "", SUBDOMAIN_RULE),
        (Subdomain, "a.", SUBDOMAIN_RULE),
        (Subdomain, "ä", SUBDOMAIN_RULE),
        (Subdomain, "a\n", SUBDOMAIN_RULE),
        (Subdomain, &"a".repeat(254), "must be no more than 253 characters"),
        (Label, "a.b", "must not contain dots"),
        (Label, "-", LABEL_RULE),
        (Label, &"a".repeat(64), "must be no more than 63 characters"),
        (Rfc1035Label, "0a", RFC1035_RULE),
        (PathSegment, ".", "may not be '.'"),
        (PathSegment, "..", "may not be '..'"),
        (PathSegment, "a/b", "may not contain '/'"),
        (PathSegment, "a%b", "may not contain '%'"),
    ] {
        assert_eq!(validate_name(rule, name), Err(message.to_owned()), "{rule:?} {name}");
    }
}

#[test]
fn the_message_names_field_value_and_rule() {
    let namespace = object(json!({"metadata": {"name": "X"}}));
    let errors = validate_metadata(&namespace, NameRule::Label, false);
    assert_eq!(
        crate::Status::invalid("", "Namespace", "X", errors).message,
        r#"Namespace "X" is invalid: metadata.name: Invalid value: "X": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"#
    );
}

#[test]
fn names_and_namespaces_are_required_or_forbidden_by_scope() {
    assert_eq!(
        faults(json!({})),
        [
            "metadata.name: Required value: name or generateName is required",
            "metadata.namespace: Required value"
        ]
    );
    assert_eq!(faults(json!({"name": "a", "namespace": "b", "generateName": "a.b-"})), [""; 0]);
    assert_eq!(faults(json!({"name": "a", "namespace": "b", "generateName": "_"})).len(), 1);
    assert_eq!(faults(json!({"name": "a", "namespace": "b.c"})).len(), 1);
    assert_eq!(with(json!({"name": 5}))[0], "metadata.name: Invalid value: 5: must be of type string");
    let cluster = object(json!({"metadata": {"name": "a", "namespace": "b"}}));
    let errors = validate_metadata(&cluster, NameRule::Subdomain, false);
    assert_eq!(errors[0].to_string(), "metadata.namespace: Forbidden: not allowed on this type");
}

#[test]
fn label_keys_and_values_are_checked() {
    let long = "a".repeat(64);
    for (key, value) in [("a", ""), ("a.b/C_d.e-f", "A.b-c_d"), ("kubernetes.io/metadata.name", "x")] {
        assert_eq!(with(json!({"labels": {key: value}})), [""; 0]);
    }
    for (key, value, expect) in [
        ("", "x", "name part must be non-empty"),
        ("/a", "x", "prefix part must be non-empty"),
        ("A.b/c", "x", "prefix part a lowercase RFC 1123 subdomain"),
        ("a/b/c", "x", "a valid label key must consist of"),
        ("a b", "x", "name part must consist of"),
        (&long, "x", "name part must be no more than 63 bytes"),
        ("a", "-b", "a valid label must be"),
        ("a", "b c", "a valid label must be"),
        ("a", &long, "must be no more than 63 bytes"),
    ] {
        let found = with(json!({"labels": {key: value}}));
        assert!(
            found[0].starts_with("metadata.labels: Invalid value: ") && found[0].contains(expect),
            "{found:?}"
        );
    }
    assert_eq!(
        with(json!({"labels": {"a": 1}})),
        ["metadata.labels[a]: Invalid value: 1: must be of type string"]
    );
    assert_eq!(with(json!({"labels": []})), ["metadata.labels: Invalid value: []: must be of type object"]);
}

#[test]
fn annotations_are_bounded_and_their_keys_checked() {
    assert_eq!(with(json!({"annotations": {"Field.Cattle.io/x": "any\nthing ä"}})), [""; 0]);
    assert_eq!(with(json!({"annotations": {"a b": ""}})).len(), 1);
    let fits = "x".repeat(MAX_ANNOTATIONS_SIZE_BYTES - 1);
    assert_eq!(with(json!({"annotations": {"a": fits}})), [""; 0]);
    assert_eq!(
        with(json!({"annotations": {"a": fits + "x"}})),
        ["metadata.annotations: Too long: may not be more than 262144 bytes"]
    );
}

#[test]
fn finalizers_and_owners_are_checked() {
    assert_eq!(with(json!({"finalizers": ["kubernetes", "a.b/c"]})), [""; 0]);
    assert_eq!(with(json!({"finalizers": ["a b"]})).len(), 1);
    assert_eq!(
        with(json!({"finalizers": ["orphan", "foregroundDeletion"]})),
        [
            r#"metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set"#
        ]
    );
    let owner = |name: &str, controller: bool| json!({"apiVersion": "a/v1", "kind": "K", "name": name, "uid": "u", "controller": controller});
    assert_eq!(with(json!({"ownerReferences": [owner("a", true), owner("b", false)]})), [""; 0]);
    let two = with(json!({"ownerReferences": [owner("a", true), owner("b", true)]}));
    assert!(two[0].ends_with(r#"Found "true" in references for K/a and K/b"#), "{two:?}");
    assert_eq!(
        with(json!({"ownerReferences": [{}]})),
        [
            r#"metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty"#,
            r#"metadata.ownerReferences.kind: Invalid value: "": must not be empty"#,
            r#"metadata.ownerReferences.name: Invalid value: "": must not be empty"#,
            r#"metadata.ownerReferences.uid: Invalid value: "": must not be empty"#,
        ]
    );
}

#[test]
fn an_update_keeps_identity_and_adds_no_finalizer_to_what_goes() {
    let old =
        object(json!({"metadata": {"name": "a", "uid": "u", "finalizers": ["x"], "creationTimestamp": "t",
        "deletionTimestamp": "d"}}));
    let check = |metadata: Value| -> Vec<String> {
        validate_metadata_update(&old, &object(json!({ "metadata": metadata })))
            .iter()
            .map(|error| error.to_string())
            .collect()
    };
    assert_eq!(check(json!({"name": "a"})), [""; 0]);
    assert_eq!(check(json!({"name": "b"})), [r#"metadata.name: Invalid value: "b": field is immutable"#]);
    assert_eq!(check(json!({"name": "a", "uid": "v"})).len(), 1);
    assert_eq!(check(json!({"name": "a", "namespace": "n"})).len(), 1);
    assert_eq!(check(json!({"name": "a", "creationTimestamp": "u", "deletionTimestamp": "e"})).len(), 2);
    assert_eq!(check(json!({"name": "a", "finalizers": []})), [""; 0]);
    assert_eq!(
        check(json!({"name": "a", "finalizers": ["z", "x", "y"]})),
        [
            r#"metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"y", "z"}"#
        ]
    );
}
