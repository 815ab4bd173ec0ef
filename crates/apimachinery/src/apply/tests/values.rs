//! Values along their types: fields, differences, merges, removals.

use serde_json::{Value, json};

use super::{
    super::{FieldSet, Type, path, types, validate::Duplicates},
    kind, object,
};

fn fields(kind: &Type, value: Value) -> String {
    let set = kind.fields_of(&object(value).0).unwrap();
    set.paths().iter().map(|path| path::display(path)).collect::<Vec<_>>().join(" ").replace(".spec.", ".")
}

#[test]
fn fields_are_leaves_elements_and_keys_of_maps() {
    for (spec, expect) in [
        (json!({"text": "a", "number": 1, "flag": true, "either": "x"}), ".either .flag .number .text"),
        (json!({"labels": {"a": "1", "b": "2"}}), ".labels.a .labels.b"),
        (json!({"labels": {}}), ".labels"),
        (json!({"labels": null, "text": null}), ".labels .text"),
        (json!({"selector": {"a": "1"}}), ".selector"),
        (json!({"items": ["a", "b"]}), ".items"),
        (json!({"set": ["b", "a"]}), r#".set[="a"] .set[="b"]"#),
        (json!({"set": []}), ""),
        // An absent key counts as its default.
        (
            json!({"ports": [{"port": 80, "name": "x"}]}),
            r#".ports[port=80,protocol="TCP"] .ports[port=80,protocol="TCP"].name .ports[port=80,protocol="TCP"].port"#,
        ),
        // Without a schema maps are granular and lists atomic, and every key is owned.
        (json!({"any": {"a": {"b": [1]}, "c": {}}}), ".any.a .any.c .any.a.b"),
        (json!({"inner": {"a": "x"}}), ".inner.a"),
        (
            json!({"template": {"metadata": {"finalizers": ["x"], "labels": {"a": "b"}}, "data": {"k": 1}}}),
            r#".template.data .template.data.k .template.metadata.finalizers[="x"] .template.metadata.labels.a"#,
        ),
    ] {
        assert_eq!(fields(&kind(), json!({"spec": spec.clone()})), expect, "{spec}");
    }
}

#[test]
fn metadata_is_typed_in_every_kind() {
    let metadata = json!({"metadata": {
        "name": "x", "labels": {"a": "b"}, "finalizers": ["f"],
        "ownerReferences": [{"uid": "u", "name": "n", "kind": "K", "apiVersion": "v1"}],
    }});
    let expect =
        r#".metadata.name .metadata.finalizers[="f"] .metadata.labels.a .metadata.ownerReferences[uid="u"]"#;
    assert_eq!(fields(&kind(), metadata.clone()), expect);
    assert_eq!(fields(&Type::of_schema(&json!({"type": "object"})), metadata), expect);
}

#[test]
fn elements_that_cannot_be_told_apart_are_owned_as_one() {
    let value =
        json!({"spec": {"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}], "set": ["x", "x"]}});
    assert_eq!(fields(&kind(), value), r#".ports[port=1,protocol="TCP"] .set[="x"]"#);
}

fn compared(before: Value, after: Value) -> [String; 3] {
    let found =
        kind().compare(&object(json!({"spec": before})).0, &object(json!({"spec": after})).0).unwrap();
    [found.added, found.modified, found.removed].map(|set| {
        let paths: Vec<_> = set.paths().iter().map(|path| path::display(path)).collect();
        paths.join(" ").replace(".spec.", ".")
    })
}

#[test]
fn differences() {
    for (before, after, expect) in [
        (json!({"text": "a"}), json!({"text": "a"}), ["", "", ""]),
        (json!({"text": "a"}), json!({"text": "b", "number": 1}), [".number", ".text", ""]),
        (json!({"number": 1}), json!({"number": 1.0}), ["", "", ""]),
        (json!({"text": "a", "x": 1}), json!({"text": "a", "x": 1}), ["", "", ""]),
        (
            json!({"labels": {"a": "1", "b": "2"}}),
            json!({"labels": {"a": "9"}}),
            ["", ".labels.a", ".labels.b"],
        ),
        (json!({"labels": {"a": "1"}}), json!({}), ["", "", ".labels .labels.a"]),
        (json!({}), json!({"labels": {"a": "1"}}), [".labels .labels.a", "", ""]),
        (json!({}), json!({"labels": {}}), [".labels", "", ""]),
        (json!({"selector": {"a": "1"}}), json!({"selector": {"b": "1"}}), ["", ".selector", ""]),
        (json!({"items": ["a"]}), json!({"items": ["a", "b"]}), ["", ".items", ""]),
        (json!({"set": ["a", "b"]}), json!({"set": ["c", "b"]}), [r#".set[="c"]"#, "", r#".set[="a"]"#]),
        // The order of sets and keyed lists belongs to nobody.
        (json!({"set": ["a", "b"]}), json!({"set": ["b", "a"]}), ["", "", ""]),
        (
            json!({"ports": [{"port": 1, "name": "a"}]}),
            json!({"ports": [{"port": 1, "protocol": "TCP", "name": "b"}]}),
            [r#".ports[port=1,protocol="TCP"].protocol"#, r#".ports[port=1,protocol="TCP"].name"#, ""],
        ),
        // Duplicates come and go as one.
        (json!({"set": ["a"]}), json!({"set": ["a", "a"]}), [r#".set[="a"]"#, "", r#".set[="a"]"#]),
        // What was a map and becomes a scalar loses its keys.
        (json!({"any": {"a": {"b": 1}}}), json!({"any": {"a": 1}}), ["", ".any.a", ".any.a.b"]),
    ] {
        let spec = (before.clone(), after.clone());
        if before.get("x").is_some() {
            let unknown = kind().compare(
                &object(json!({"spec": before})).0,
                &object(json!({"spec": {"text": "a", "x": 2}})).0,
            );
            assert!(unknown.is_err(), "an undeclared field has no owner");
            continue;
        }
        assert_eq!(compared(before, after), expect, "{spec:?}");
    }
}

#[test]
fn merges() {
    for (live, config, expect) in [
        (json!({"text": "a", "number": 1}), json!({"text": "b"}), json!({"text": "b", "number": 1})),
        (
            json!({"labels": {"a": "1"}}),
            json!({"labels": {"b": "2"}}),
            json!({"labels": {"a": "1", "b": "2"}}),
        ),
        (json!({"selector": {"a": "1"}}), json!({"selector": {"b": "2"}}), json!({"selector": {"b": "2"}})),
        (json!({"items": ["a", "b"]}), json!({"items": ["c"]}), json!({"items": ["c"]})),
        // Sets: the configuration's order for what it names, the others stay where they were.
        (json!({"set": ["a", "b", "c"]}), json!({"set": ["c", "a"]}), json!({"set": ["b", "c", "a"]})),
        (json!({"set": ["a", "b"]}), json!({"set": ["x"]}), json!({"set": ["a", "b", "x"]})),
        (
            json!({"set": ["a", "b", "c"]}),
            json!({"set": ["a", "x", "c"]}),
            json!({"set": ["a", "b", "x", "c"]}),
        ),
        (json!({"set": []}), json!({"set": ["a"]}), json!({"set": ["a"]})),
        (
            json!({"ports": [{"port": 1, "name": "a", "names": ["x"]}]}),
            json!({"ports": [{"port": 2}, {"port": 1, "names": ["y"]}]}),
            json!({"ports": [{"port": 2}, {"port": 1, "name": "a", "names": ["x", "y"]}]}),
        ),
        // Another default key is another element.
        (
            json!({"ports": [{"port": 1, "protocol": "UDP"}]}),
            json!({"ports": [{"port": 1}]}),
            json!({"ports": [{"port": 1, "protocol": "UDP"}, {"port": 1}]}),
        ),
        (
            json!({"any": {"a": {"b": 1}, "l": [1]}}),
            json!({"any": {"a": {"c": 2}, "l": [2]}}),
            json!({"any": {"a": {"b": 1, "c": 2}, "l": [2]}}),
        ),
        (json!({"any": {"a": {"b": 1}}}), json!({"any": {"a": "x"}}), json!({"any": {"a": "x"}})),
        // Null replaces a scalar and leaves a map that holds something.
        (
            json!({"text": "a", "labels": {"a": "1"}}),
            json!({"text": null, "labels": null}),
            json!({"text": null, "labels": {"a": "1"}}),
        ),
        (json!({"labels": {}}), json!({"labels": null}), json!({"labels": null})),
        (json!({}), json!({"labels": {}}), json!({"labels": {}})),
    ] {
        let merged =
            kind().merge(&object(json!({"spec": live})).0, &object(json!({"spec": config})).0).unwrap();
        assert_eq!(Value::Object(merged), json!({"spec": expect}), "{live} + {config}");
    }
}

#[test]
fn removals() {
    let live = json!({"spec": {
        "text": "a", "labels": {"a": "1", "b": "2"}, "set": ["x", "y"],
        "ports": [{"port": 1, "name": "n", "names": ["q"]}, {"port": 2}], "inner": {"a": "x"},
    }});
    for (fields, field, expect) in [
        (json!({"f:text": {}}), "text", Value::Null),
        (json!({"f:labels": {"f:a": {}}}), "labels", json!({"b": "2"})),
        (json!({"f:labels": {"f:a": {}, "f:b": {}}}), "labels", Value::Null),
        (json!({"f:set": {r#"v:"x""#: {}}}), "set", json!(["y"])),
        (
            json!({"f:ports": {r#"k:{"port":1,"protocol":"TCP"}"#: {".": {}, "f:name": {}}}}),
            "ports",
            json!([{"port": 2}]),
        ),
        (
            json!({"f:ports": {r#"k:{"port":1,"protocol":"TCP"}"#: {"f:name": {}}}}),
            "ports",
            json!([{"port": 1, "names": ["q"]}, {"port": 2}]),
        ),
    ] {
        let set = FieldSet::from_value(&json!({"f:spec": fields})).unwrap();
        let left = Value::Object(kind().without(&object(live.clone()).0, &set));
        assert_eq!(left["spec"][field], expect, "{fields}");
    }
}

#[test]
fn configurations_must_fit_their_type() {
    for (spec, expect) in [
        (json!({"nothing": 1}), ".spec.nothing: field not declared in schema"),
        (json!({"text": 1}), ".spec.text: expected string, got &value.valueUnstructured{Value:1}"),
        (json!({"number": "x"}), ".spec.number: expected numeric (int or float), got string"),
        (json!({"flag": "yes"}), ".spec.flag: expected boolean, got &{yes}"),
        (json!({"labels": [1, "a"]}), ".spec.labels: expected map, got &{[1 a]}"),
        (json!({"items": {"a": 1}}), ".spec.items: expected list, got &{map[a:1]}"),
        (json!({"set": ["a", "a"]}), r#".spec.set: duplicate entries for key [="a"]"#),
        (
            json!({"ports": [{"name": "x", "protocol": null}, 1]}),
            ".spec.ports: element 1: associative list with keys may not have non-map elements",
        ),
        (
            json!({"set": [null]}),
            ".spec.set: element 0: associative list without keys has an element that's an explicit null",
        ),
        (
            json!({"items": ["a", 2]}),
            ".spec.items[1]: expected string, got &value.valueUnstructured{Value:2}",
        ),
        (
            json!({"text": 1, "flag": 1}),
            "errors:\n  .spec.flag: expected boolean, got &{1}\n  .spec.text: expected string, got &value.valueUnstructured{Value:1}",
        ),
    ] {
        let errors = kind().check(&object(json!({"spec": spec.clone()})).0, Duplicates::Refused).unwrap_err();
        assert_eq!(types::join(&errors), expect, "{spec}");
    }
    let fine = json!({"spec": {"set": ["a", "a"], "text": null, "labels": null, "any": {"x": [{}]}}});
    assert_eq!(kind().check(&object(fine).0, Duplicates::Allowed), Ok(()));
}
