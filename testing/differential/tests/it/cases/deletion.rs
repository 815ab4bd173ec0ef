//! Deletion: options, preconditions, finalizers, collections, owners.
use grange_differential::{Case, Step};
use serde_json::{Value, json};

use super::{CONFIG_MAPS, KINDS, config_map, with};

fn options(fields: Value) -> Value {
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
    for (key, value) in fields.as_object().into_iter().flatten() {
        options[key] = value.clone();
    }
    options
}

pub(crate) fn cases() -> Vec<Case> {
    let path = format!("{CONFIG_MAPS}/x");
    let object = config_map("x", &json!({"a": "b"}));
    let held = with(object.clone(), &["metadata", "finalizers"], json!(["example.io/hold"]));
    let mut cases = Vec::new();
    let bodies = [
        json!({}),
        json!({"preconditions": {"uid": "{uid:1}"}}),
        json!({"preconditions": {"uid": "other"}}),
        json!({"preconditions": {"resourceVersion": "{rv:1}"}}),
        json!({"preconditions": {"resourceVersion": "1"}}),
        json!({"preconditions": {"uid": "{uid:1}", "resourceVersion": "{rv:1}"}}),
        json!({"propagationPolicy": "Foreground"}),
        json!({"propagationPolicy": "Background"}),
        json!({"propagationPolicy": "Orphan"}),
        json!({"propagationPolicy": "Odd"}),
        json!({"orphanDependents": true}),
        json!({"orphanDependents": false}),
        json!({"orphanDependents": true, "propagationPolicy": "Orphan"}),
        json!({"gracePeriodSeconds": 0}),
        json!({"gracePeriodSeconds": 30}),
        json!({"gracePeriodSeconds": -1}),
        json!({"gracePeriodSeconds": "x"}),
        json!({"dryRun": ["All"]}),
        json!({"dryRun": ["Some"]}),
        json!({"dryRun": "All"}),
        json!({"kind": "Odd"}),
        json!({"apiVersion": "odd/v1"}),
        json!({"unknown": 1}),
    ];
    for (index, body) in bodies.iter().enumerate() {
        for (what, object) in [("free", &object), ("held", &held)] {
            cases.push(Case::new(
                format!("deletion/options {index} {what}"),
                vec![
                    Step::post(CONFIG_MAPS, object),
                    Step::delete(path.clone()).json(&options(body.clone())),
                    Step::get(path.clone()).silent(),
                ],
            ));
        }
    }
    for (index, query) in [
        "propagationPolicy=Foreground",
        "propagationPolicy=Odd",
        "gracePeriodSeconds=x",
        "gracePeriodSeconds=5",
        "dryRun=All",
        "dryRun=x",
        "orphanDependents=true",
        "orphanDependents=true&propagationPolicy=Orphan",
        "unknown=1",
    ]
    .iter()
    .enumerate()
    {
        cases.push(Case::new(
            format!("deletion/query {index}"),
            vec![
                Step::post(CONFIG_MAPS, &held),
                Step::delete(format!("{path}?{query}")),
                Step::delete(format!("{path}?{query}"))
                    .json(&options(json!({"propagationPolicy": "Background"}))),
            ],
        ));
    }
    for (index, (content_type, body)) in [
        ("application/json", "{"),
        ("application/json", "[]"),
        ("text/plain", "x"),
        ("application/yaml", "kind: DeleteOptions\napiVersion: v1\n"),
        ("application/json", "null"),
    ]
    .into_iter()
    .enumerate()
    {
        cases.push(Case::new(
            format!("deletion/body {index}"),
            vec![
                Step::post(CONFIG_MAPS, &object).silent(),
                Step::delete(path.clone()).text(content_type, body),
            ],
        ));
    }
    cases.push(Case::new(
        "deletion/finalizers",
        vec![
            Step::post(CONFIG_MAPS, &held),
            Step::delete(path.clone()),
            Step::delete(path.clone()),
            Step::get(path.clone()),
            Step::merge_patch(path.clone(), &json!({"data": {"a": "c"}})),
            Step::merge_patch(
                path.clone(),
                &json!({"metadata": {"finalizers": ["example.io/hold", "example.io/new"]}}),
            ),
            Step::merge_patch(path.clone(), &json!({"metadata": {"deletionTimestamp": null}})),
            Step::post(CONFIG_MAPS, &object),
            Step::merge_patch(path.clone(), &json!({"metadata": {"finalizers": null}})),
            Step::get(path.clone()),
        ],
    ));
    cases.push(Case::new("deletion/foreground with a dependent", vec![
        Step::post(CONFIG_MAPS, &object),
        Step::post(CONFIG_MAPS, &with(config_map("d", &json!({})), &["metadata", "ownerReferences"],
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "{uid:1}", "blockOwnerDeletion": true}]))),
        Step::delete(format!("{path}?propagationPolicy=Foreground")),
        Step::get(path.clone()).until(404),
        Step::get(format!("{CONFIG_MAPS}/d")).until(404),
    ]));
    cases.push(Case::new(
        "deletion/background with a dependent",
        vec![
            Step::post(CONFIG_MAPS, &object),
            Step::post(
                CONFIG_MAPS,
                &with(
                    config_map("d", &json!({})),
                    &["metadata", "ownerReferences"],
                    json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "{uid:1}"}]),
                ),
            ),
            Step::delete(path.clone()),
            Step::get(path.clone()),
            Step::get(format!("{CONFIG_MAPS}/d")).until(404),
        ],
    ));
    cases.push(Case::new("deletion/an owner that never was", vec![
        Step::post(CONFIG_MAPS, &with(config_map("d", &json!({})), &["metadata", "ownerReferences"],
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "1b9d3f52-0000-4000-8000-000000000000"}]))),
        Step::get(format!("{CONFIG_MAPS}/d")).until(404),
    ]));
    cases.push(Case::new(
        "deletion/namespace",
        vec![
            Step::post(CONFIG_MAPS, &object),
            Step::delete("/api/v1/namespaces/{ns}").silent(),
            Step::get("/api/v1/namespaces/{ns}").until(404),
            Step::get(path.clone()),
            Step::get(CONFIG_MAPS),
        ],
    ));
    cases.push(Case::new(
        "deletion/namespace held",
        vec![
            Step::post(CONFIG_MAPS, &held),
            Step::delete("/api/v1/namespaces/{ns}"),
            Step::post(CONFIG_MAPS, &config_map("late", &json!({}))),
            Step::delete("/api/v1/namespaces/{ns}").silent(),
            Step::merge_patch(path, &json!({"metadata": {"finalizers": null}})).silent(),
            Step::get("/api/v1/namespaces/{ns}").until(404),
        ],
    ));
    for kind in KINDS {
        let labelled = |name: &str| {
            with(kind.object(name), &["metadata", "labels"], json!({"app": "{ns}", "one": name}))
        };
        cases.push(Case::new(
            format!("deletion/collection/{}", kind.plural),
            vec![
                Step::post(kind.collection(), &labelled("a")).silent(),
                Step::post(kind.collection(), &labelled("b")).silent(),
                Step::post(kind.collection(), &labelled("c")).silent(),
                Step::delete(format!("{}?labelSelector=app%3D{{ns}}&dryRun=All", kind.collection())).silent(),
                Step::get(format!("{}?labelSelector=app%3D{{ns}}", kind.collection())),
                Step::delete(format!("{}?labelSelector=one%3Db,app%3D{{ns}}", kind.collection())).silent(),
                Step::get(format!("{}?labelSelector=app%3D{{ns}}", kind.collection())),
                Step::delete(format!("{}?fieldSelector=odd%3Db", kind.collection())),
                Step::delete(format!("{}?labelSelector=%3D", kind.collection())),
                Step::delete(format!("{}?labelSelector=app%3D{{ns}}", kind.collection())).silent(),
                Step::get(format!("{}?labelSelector=app%3D{{ns}}", kind.collection())),
            ],
        ));
    }
    cases
}
