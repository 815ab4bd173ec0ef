//! Field sets and their serialized form.

use serde_json::{Value, json};

use super::super::{FieldSet, PathElement, path};

fn set(value: Value) -> FieldSet {
    FieldSet::from_value(&value).unwrap()
}

fn shown(set: &FieldSet) -> Vec<String> {
    set.paths().iter().map(|path| path::display(path)).collect()
}

#[test]
fn fields_v1_is_read_and_written() {
    for value in [
        json!({}),
        json!({"f:spec": {"f:a": {}, "f:b": {".": {}, "f:c": {}}}}),
        json!({"f:spec": {"f:ports": {".": {}, r#"k:{"port":80,"protocol":"TCP"}"#: {".": {}, "f:name": {}}}}}),
        json!({"f:set": {r#"v:"x""#: {}, "v:1": {}, "v:true": {}, "v:1.5": {}}, "f:list": {"i:0": {}, "i:12": {}}}),
        json!({"f:a.b/c:d": {}, "f:": {}}),
    ] {
        assert_eq!(set(value.clone()).to_value(), value);
    }
}

#[test]
fn what_cannot_be_read_is_refused_and_what_is_new_is_skipped() {
    for bad in [
        json!([]),
        json!({"f": {}}),
        json!({"spec": {}}),
        json!({"i:x": {}}),
        json!({"v:": {}}),
        json!({"k:[]": {}}),
        json!({"f:a": 1}),
    ] {
        assert!(FieldSet::from_value(&bad).is_err(), "{bad}");
    }
    assert_eq!(set(json!({"f:a": {}, "z:new": {"f:b": {}}})), set(json!({"f:a": {}})));
    // A field with nothing but unknown steps is itself what is left of it.
    assert_eq!(set(json!({"f:a": {"z:new": {}}})), set(json!({"f:a": {}})));
}

#[test]
fn paths_come_in_kubernetes_order() {
    let all = set(json!({
        "f:b": {},
        "f:a": {
            ".": {}, "f:z": {}, r#"k:{"port":443}"#: {}, r#"k:{"port":80}"#: {"f:name": {}, ".": {}},
            "v:10": {}, "v:9": {}, r#"v:"t""#: {}, "v:true": {}, "v:null": {}, "i:10": {}, "i:9": {},
        },
    }));
    assert_eq!(
        shown(&all),
        [
            ".a",
            ".b",
            ".a.z",
            ".a[port=80]",
            ".a[port=443]",
            ".a[=9]",
            ".a[=10]",
            r#".a[="t"]"#,
            ".a[=true]",
            ".a[=null]",
            ".a[9]",
            ".a[10]",
            ".a[port=80].name",
        ]
    );
}

#[test]
fn numbers_are_the_same_however_they_are_written() {
    assert_eq!(set(json!({"v:1.0": {}})), set(json!({"v:1": {}})));
    assert_eq!(set(json!({"v:1.0": {}})).to_value(), json!({"v:1": {}}));
    let both = [set(json!({r#"k:{"a":2.0}"#: {}})), set(json!({r#"k:{"a":2}"#: {}}))];
    assert_eq!(both[0].union(&both[1]).paths().len(), 1);
}

#[test]
fn algebra() {
    let own = set(json!({"f:a": {".": {}, "f:x": {}, "f:y": {}}, "f:b": {}, "f:c": {"f:z": {}}}));
    for (other, union, intersection, difference, recursive) in [
        (json!({}), ".a .b .a.x .a.y .c.z", "", ".a .b .a.x .a.y .c.z", ".a .b .a.x .a.y .c.z"),
        // A parent alone takes itself; recursively it takes what is below it.
        (json!({"f:a": {}}), ".a .b .a.x .a.y .c.z", ".a", ".b .a.x .a.y .c.z", ".b .c.z"),
        (json!({"f:c": {}}), ".a .b .c .a.x .a.y .c.z", "", ".a .b .a.x .a.y .c.z", ".a .b .a.x .a.y"),
        // A child takes nothing of its parent.
        (json!({"f:a": {"f:x": {}}}), ".a .b .a.x .a.y .c.z", ".a.x", ".a .b .a.y .c.z", ".a .b .a.y .c.z"),
        (
            json!({"f:b": {"f:q": {}}}),
            ".a .b .a.x .a.y .b.q .c.z",
            "",
            ".a .b .a.x .a.y .c.z",
            ".a .b .a.x .a.y .c.z",
        ),
    ] {
        let other = set(other);
        assert_eq!(shown(&own.union(&other)).join(" "), union);
        assert_eq!(shown(&own.intersection(&other)).join(" "), intersection);
        assert_eq!(shown(&own.difference(&other)).join(" "), difference);
        assert_eq!(shown(&own.recursive_difference(&other)).join(" "), recursive);
    }
}

#[test]
fn membership() {
    let fields = FieldSet::of_fields(&[&["a", "b"], &["c"]]);
    let path = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| PathElement::Field((*name).to_owned())).collect()
    };
    for (names, expect) in
        [(&["a", "b"][..], true), (&["c"], true), (&["a"], false), (&["a", "b", "c"], false), (&[], false)]
    {
        assert_eq!(fields.has(&path(names)), expect, "{names:?}");
    }
}
