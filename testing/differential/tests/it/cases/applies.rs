//! Server-side apply: who owns what, conflicts, what goes away, and how it meets updates.
use grange_differential::{Case, Step};
use serde_json::{Value, json};

use super::{CONFIG_MAPS, KINDS, with};

fn map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data})
}

fn apply(manager: &str, object: &Value) -> Step {
    Step::apply(format!("{CONFIG_MAPS}/x?fieldManager={manager}"), object)
}

fn forced(manager: &str, object: &Value) -> Step {
    Step::apply(format!("{CONFIG_MAPS}/x?force=true&fieldManager={manager}"), object)
}

/// Sequences of steps on one config map; after each the object is looked at.
fn stories() -> Vec<(&'static str, Vec<Step>)> {
    let path = format!("{CONFIG_MAPS}/x");
    let update =
        |manager: &str, data: Value| Step::put(format!("{CONFIG_MAPS}/x?fieldManager={manager}"), &map(data));
    let merge = |manager: &str, patch: Value| {
        Step::merge_patch(format!("{CONFIG_MAPS}/x?fieldManager={manager}"), &patch)
    };
    let labels = |labels: Value| with(map(json!({"a": "1"})), &["metadata", "labels"], labels);
    let held = |finalizers: Value| with(map(json!({})), &["metadata", "finalizers"], finalizers);
    vec![
        ("creates", vec![apply("ada", &map(json!({"a": "1"})))]),
        (
            "twice the same",
            vec![apply("ada", &map(json!({"a": "1"}))), apply("ada", &map(json!({"a": "1"})))],
        ),
        (
            "drops what it no longer names",
            vec![apply("ada", &map(json!({"a": "1", "b": "2"}))), apply("ada", &map(json!({"a": "1"})))],
        ),
        (
            "keeps what another owns",
            vec![
                apply("ada", &map(json!({"a": "1", "b": "2"}))),
                apply("bob", &map(json!({"b": "2"}))),
                apply("ada", &map(json!({"a": "1"}))),
                apply("bob", &map(json!({}))),
            ],
        ),
        ("conflict", vec![apply("ada", &map(json!({"a": "1"}))), apply("bob", &map(json!({"a": "2"})))]),
        (
            "two conflicts",
            vec![
                apply("ada", &map(json!({"a": "1", "b": "1"}))),
                apply("bob", &map(json!({"a": "2", "b": "2"}))),
            ],
        ),
        (
            "forced",
            vec![
                apply("ada", &map(json!({"a": "1"}))),
                forced("bob", &map(json!({"a": "2"}))),
                apply("ada", &map(json!({"a": "1"}))),
            ],
        ),
        ("shared", vec![apply("ada", &map(json!({"a": "1"}))), apply("bob", &map(json!({"a": "1"})))]),
        (
            "after an update",
            vec![
                Step::post(format!("{CONFIG_MAPS}?fieldManager=eve"), &map(json!({"a": "1", "b": "2"}))),
                apply("ada", &map(json!({"a": "3"}))),
                forced("ada", &map(json!({"a": "3"}))),
                apply("ada", &map(json!({}))),
            ],
        ),
        (
            "an update takes over",
            vec![
                apply("ada", &map(json!({"a": "1", "b": "2"}))),
                update("eve", json!({"a": "9"})),
                apply("ada", &map(json!({"a": "1"}))),
            ],
        ),
        (
            "a patch takes over",
            vec![
                apply("ada", &map(json!({"a": "1", "b": "2"}))),
                merge("eve", json!({"data": {"a": "9", "c": "3"}})),
                apply("ada", &map(json!({"b": "2"}))),
            ],
        ),
        (
            "a patch that changes nothing",
            vec![apply("ada", &map(json!({"a": "1"}))), merge("eve", json!({"data": {"a": "1"}}))],
        ),
        (
            "the same manager updates and applies",
            vec![
                apply("ada", &map(json!({"a": "1"}))),
                update("ada", json!({"a": "2"})),
                apply("ada", &map(json!({"a": "1"}))),
            ],
        ),
        (
            "labels",
            vec![
                apply("ada", &labels(json!({"x": "1", "y": "2"}))),
                apply("bob", &labels(json!({"z": "3"}))),
                apply("ada", &labels(json!({"y": "2"}))),
                apply("ada", &map(json!({}))),
            ],
        ),
        (
            "labels that two managers share, emptied",
            vec![
                apply("bob", &labels(json!({"a": ""}))),
                apply("ada", &labels(json!({}))),
                apply("bob", &labels(json!({}))),
                apply("ada", &labels(json!({}))),
                forced("bob", &labels(json!({}))),
                apply("ada", &map(json!({"a": "1"}))),
                apply("bob", &map(json!({"a": "1"}))),
            ],
        ),
        (
            "data that two managers share, emptied",
            vec![
                apply("bob", &map(json!({"a": "1"}))),
                apply("ada", &map(json!({}))),
                apply("bob", &map(json!({}))),
                apply("ada", &map(json!({}))),
            ],
        ),
        (
            "finalizers are a set",
            vec![
                apply("ada", &held(json!(["example.io/a", "example.io/b"]))),
                apply("bob", &held(json!(["example.io/b", "example.io/c"]))),
                apply("ada", &held(json!(["example.io/a"]))),
                Step::merge_patch(path.clone(), &json!({"metadata": {"finalizers": null}})),
            ],
        ),
        (
            "managers forgotten",
            vec![
                apply("ada", &map(json!({"a": "1"}))),
                Step::merge_patch(path.clone(), &json!({"metadata": {"managedFields": [{}]}})),
                apply("bob", &map(json!({"a": "2"}))),
            ],
        ),
        (
            "managers forgotten by an empty list",
            vec![
                apply("ada", &map(json!({"a": "1"}))),
                Step::json_patch(
                    path.clone(),
                    &json!([{"op": "replace", "path": "/metadata/managedFields", "value": []}]),
                ),
                apply("bob", &map(json!({"a": "2"}))),
            ],
        ),
        (
            "managers made up",
            vec![
                apply("ada", &map(json!({"a": "1"}))),
                Step::merge_patch(
                    path.clone(),
                    &json!({"metadata": {"managedFields": [{"manager": "x", "operation": "Odd"}]}}),
                ),
                Step::merge_patch(
                    path.clone(),
                    &json!({"metadata": {"managedFields": [
                {"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV2", "fieldsV1": {}}]}}),
                ),
            ],
        ),
        (
            "dry run",
            vec![
                Step::apply(format!("{CONFIG_MAPS}/x?fieldManager=ada&dryRun=All"), &map(json!({"a": "1"}))),
                apply("ada", &map(json!({"a": "1"}))),
                Step::apply(
                    format!("{CONFIG_MAPS}/x?fieldManager=bob&force=true&dryRun=All"),
                    &map(json!({"a": "2"})),
                ),
            ],
        ),
        ("no manager", vec![Step::apply(path.clone(), &map(json!({})))]),
        (
            "force without apply",
            vec![
                apply("ada", &map(json!({"a": "1"}))),
                Step::merge_patch(format!("{CONFIG_MAPS}/x?force=true"), &json!({})),
            ],
        ),
        ("another name", vec![apply("ada", &with(map(json!({})), &["metadata", "name"], json!("y")))]),
        ("no name", vec![apply("ada", &json!({"apiVersion": "v1", "kind": "ConfigMap"}))]),
        ("another kind", vec![apply("ada", &with(map(json!({})), &["kind"], json!("Secret")))]),
        ("no kind", vec![apply("ada", &json!({"metadata": {"name": "x"}}))]),
        (
            "another namespace",
            vec![apply("ada", &with(map(json!({})), &["metadata", "namespace"], json!("other")))],
        ),
        (
            "managed fields sent",
            vec![apply(
                "ada",
                &with(
                    map(json!({})),
                    &["metadata", "managedFields"],
                    json!([{"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}]),
                ),
            )],
        ),
        ("an unknown field", vec![apply("ada", &with(map(json!({})), &["spicy"], json!(true)))]),
        ("a wrong type", vec![apply("ada", &map(json!({"a": 1})))]),
        ("a null", vec![apply("ada", &map(json!({"a": "1"}))), apply("ada", &map(json!({"a": null})))]),
        (
            "an old revision",
            vec![
                apply("ada", &map(json!({"a": "1"}))),
                apply("ada", &map(json!({"a": "2"}))),
                apply(
                    "ada",
                    &with(map(json!({"a": "3"})), &["metadata", "resourceVersion"], json!("{rv:1}")),
                ),
            ],
        ),
        (
            "another uid",
            vec![
                apply("ada", &map(json!({"a": "1"}))),
                apply("ada", &with(map(json!({"a": "3"})), &["metadata", "uid"], json!("other"))),
            ],
        ),
        (
            "an empty body",
            vec![
                Step::new("PATCH", format!("{CONFIG_MAPS}/x?fieldManager=ada"))
                    .text("application/apply-patch+yaml", ""),
            ],
        ),
        (
            "a list",
            vec![
                Step::new("PATCH", format!("{CONFIG_MAPS}/x?fieldManager=ada"))
                    .text("application/apply-patch+yaml", "[]"),
            ],
        ),
        ("a long manager", vec![apply(&"m".repeat(129), &map(json!({})))]),
        (
            "by kubectl before",
            vec![
                Step::post(
                    format!("{CONFIG_MAPS}?fieldManager=kubectl-client-side-apply"),
                    &with(
                        map(json!({"a": "1", "b": "2"})),
                        &["metadata", "annotations"],
                        json!({"kubectl.kubernetes.io/last-applied-configuration":
                    map(json!({"a": "1", "b": "2"})).to_string()}),
                    ),
                ),
                apply("kubectl", &map(json!({"a": "1"}))),
            ],
        ),
        (
            "gone meanwhile",
            vec![
                apply("ada", &map(json!({"a": "1"}))),
                Step::delete(path.clone()),
                apply("ada", &map(json!({"a": "1"}))),
            ],
        ),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, steps) in stories() {
        let looked_at = steps.into_iter().flat_map(|step| [step, Step::get(format!("{CONFIG_MAPS}/x"))]);
        cases.push(Case::new(format!("applies/{name}"), looked_at.collect()));
    }
    for kind in KINDS {
        let path = format!("{}?fieldManager=ada", kind.path("x"));
        let object = with(kind.object("x"), &["metadata", "labels"], json!({"a": "b"}));
        cases.push(Case::new(
            format!("applies/kind {}", kind.plural),
            vec![
                Step::apply(path.clone(), &object),
                Step::apply(path.clone(), &with(object.clone(), &["metadata", "labels"], json!({"c": "d"}))),
                Step::apply(format!("{}?fieldManager=bob", kind.path("x")), &object),
                Step::apply(format!("{}/status?fieldManager=ada", kind.path("x")), &object),
                Step::get(kind.path("x")),
            ],
        ));
    }
    cases
}
