//! Names, labels, annotations, owners, finalizers: every kind, good and bad.
use grange_differential::{Case, Step};
use serde_json::{Value, json};

use super::{KINDS, Kind, with};

fn names() -> Vec<String> {
    let long = |length: usize| "a".repeat(length);
    let mut names: Vec<String> = [
        "a",
        "a-b",
        "a.b",
        "0",
        "a--b",
        "A",
        "a_b",
        "a b",
        "-a",
        "a-",
        ".a",
        "a.",
        "a..b",
        "a/b",
        "ä",
        "a:b",
        "system:x",
        "%",
        "..",
        ".",
        "a.-b",
        "UPPER.case",
        "x@y",
        "a\nb",
        "\u{0}",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend([long(63), long(64), long(253), long(254), format!("{}.{}", long(100), long(152))]);
    names
}

fn labels() -> Vec<Value> {
    let long = |length: usize| "a".repeat(length);
    vec![
        json!({"a": "b"}),
        json!({"": "b"}),
        json!({"a": ""}),
        json!({"a": "b c"}),
        json!({"-a": "b"}),
        json!({"a/b": "c"}),
        json!({"a/b/c": "d"}),
        json!({"/a": "d"}),
        json!({"a/": "d"}),
        json!({"A.B/c": "d"}),
        json!({"a": "-"}),
        json!({"a": "a.b_c-d"}),
        json!({"a": "é"}),
        json!({long(63): "x"}),
        json!({long(64): "x"}),
        json!({"x": long(63)}),
        json!({"x": long(64)}),
        json!({format!("{}/x", long(253)): "x"}),
        json!({format!("{}/x", long(254)): "x"}),
        json!({"a b": "c d"}),
        json!({"a": null}),
        json!({"a": 1}),
        json!("a"),
        json!(null),
    ]
}

fn annotations() -> Vec<Value> {
    vec![
        json!({"a": "any text\nat all ä"}),
        json!({"": "b"}),
        json!({"a b": "c"}),
        json!({"A/b": "c"}),
        json!({"a/B": "c"}),
        json!({"a/b/c": "c"}),
        json!({"a": "x".repeat(256 * 1024 - 1)}),
        json!({"a": "x".repeat(256 * 1024)}),
        json!({"a": true}),
        json!({"a".repeat(64): "x"}),
    ]
}

fn owners() -> Vec<Value> {
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "1b9d3f52-0000-4000-8000-000000000000"});
    let without = |field: &str| {
        let mut owner = owner.clone();
        owner.as_object_mut().expect("an object").remove(field);
        owner
    };
    vec![
        json!([owner]),
        json!([without("apiVersion")]),
        json!([without("kind")]),
        json!([without("name")]),
        json!([without("uid")]),
        json!([with(owner.clone(), &["apiVersion"], json!("a/b/c"))]),
        json!([
            with(owner.clone(), &["controller"], json!(true)),
            with(owner.clone(), &["controller"], json!(true))
        ]),
        json!([with(owner.clone(), &["controller"], json!(true)), with(owner.clone(), &["uid"], json!("x"))]),
        json!([with(owner.clone(), &["kind"], json!("Event"))]),
        json!([with(owner.clone(), &["blockOwnerDeletion"], json!("yes"))]),
        json!([owner, owner]),
        json!({}),
        json!("x"),
    ]
}

fn finalizers() -> Vec<Value> {
    vec![
        json!(["example.io/a"]),
        json!(["a"]),
        json!(["foregroundDeletion"]),
        json!(["orphan"]),
        json!(["orphan", "foregroundDeletion"]),
        json!(["a b/c"]),
        json!(["a/b/c"]),
        json!([""]),
        json!(["kubernetes"]),
        json!([1]),
        json!("x"),
        json!(["example.io/a", "example.io/a"]),
    ]
}

fn create(kind: Kind, what: &str, object: &Value) -> Case {
    Case::new(format!("metadata/{}/{what}", kind.plural), vec![Step::post(kind.collection(), object)])
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        let good = kind.object("x");
        for (index, name) in names().iter().enumerate() {
            cases.push(create(
                *kind,
                &format!("name {index}"),
                &with(good.clone(), &["metadata", "name"], json!(name)),
            ));
        }
        for (field, values) in [
            ("labels", labels()),
            ("annotations", annotations()),
            ("ownerReferences", owners()),
            ("finalizers", finalizers()),
        ] {
            for (index, value) in values.into_iter().enumerate() {
                let what = format!("{field} {index}");
                cases.push(create(*kind, &what, &with(good.clone(), &["metadata", field], value)));
            }
        }
        for (what, path, value) in [
            ("a resourceVersion", "resourceVersion", json!("1")),
            ("a uid", "uid", json!("1b9d3f52-0000-4000-8000-000000000000")),
            ("a creationTimestamp", "creationTimestamp", json!("2020-01-01T00:00:00Z")),
            ("a bad creationTimestamp", "creationTimestamp", json!("yesterday")),
            ("a deletionTimestamp", "deletionTimestamp", json!("2020-01-01T00:00:00Z")),
            ("a generation", "generation", json!(7)),
            ("a negative generation", "generation", json!(-7)),
            ("a selfLink", "selfLink", json!("/x")),
            ("another namespace", "namespace", json!("elsewhere")),
            ("a namespace out of rule", "namespace", json!("No Such")),
            ("no name", "name", json!("")),
            ("a number for a name", "name", json!(5)),
            ("null for a name", "name", json!(null)),
            ("an unknown field", "colour", json!("red")),
        ] {
            cases.push(create(*kind, what, &with(good.clone(), &["metadata", path], value)));
        }
        let no_name = with(good.clone(), &["metadata"], json!({"generateName": "Bad Base-"}));
        cases.push(create(*kind, "a bad generateName", &no_name));
        cases.push(create(*kind, "metadata null", &with(good.clone(), &["metadata"], json!(null))));
        cases.push(create(*kind, "metadata a list", &with(good.clone(), &["metadata"], json!([]))));
        cases.push(create(*kind, "no kind", &with(good.clone(), &["kind"], json!(""))));
        cases.push(create(*kind, "another kind", &with(good.clone(), &["kind"], json!("Pod"))));
        cases.push(create(*kind, "no apiVersion", &with(good.clone(), &["apiVersion"], json!(""))));
        cases.push(create(*kind, "another version", &with(good.clone(), &["apiVersion"], json!("v9"))));
        cases.push(create(*kind, "another group", &with(good.clone(), &["apiVersion"], json!("x.io/v1"))));
        cases.push(Case::new(
            format!("metadata/{}/twice", kind.plural),
            vec![
                Step::post(kind.collection(), &good),
                Step::post(kind.collection(), &good),
                Step::get(kind.path("x")),
                Step::get(kind.path("missing")),
                Step::delete(kind.path("x")),
                Step::get(kind.path("x")),
                Step::delete(kind.path("x")),
            ],
        ));
        cases.push(Case::new(
            format!("metadata/{}/dry run", kind.plural),
            vec![
                Step::post(format!("{}?dryRun=All", kind.collection()), &good),
                Step::get(kind.path("x")),
                Step::post(format!("{}?dryRun=Some", kind.collection()), &good),
                Step::post(format!("{}?dryRun=All&dryRun=All", kind.collection()), &good),
            ],
        ));
    }
    cases
}
