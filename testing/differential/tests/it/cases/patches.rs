//! JSON patches, merge patches, strategic merge patches.
use grange_differential::{Case, Step};
use serde_json::{Value, json};

use super::{CONFIG_MAPS, config_map};

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles";
const ACCOUNTS: &str = "/api/v1/namespaces/{ns}/serviceaccounts";

fn base() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "x", "labels": {"a": "b", "c/d": "e"}, "annotations": {"k": "v"}, "finalizers": ["example.io/keep"]},
        "data": {"one": "1", "two": "2"},
    })
}

fn json_patches() -> Vec<Value> {
    let operation = |op: &str, path: &str, value: Value| json!([{"op": op, "path": path, "value": value}]);
    vec![
        operation("add", "/data/three", json!("3")),
        operation("add", "/data/one", json!("9")),
        operation("add", "/metadata/labels/c~1d", json!("f")),
        operation("add", "/data/til~0de", json!("no key of data")),
        operation("add", "/metadata/annotations/a~1b", json!("u")),
        operation("add", "/metadata/finalizers/-", json!("example.io/b")),
        operation("add", "/metadata/finalizers/0", json!("example.io/b")),
        operation("add", "/metadata/finalizers/1", json!("example.io/b")),
        operation("add", "/metadata/finalizers/2", json!("example.io/b")),
        operation("add", "/metadata/finalizers/-1", json!("example.io/b")),
        operation("add", "/metadata/finalizers/01", json!("example.io/b")),
        operation("add", "/metadata/finalizers/x", json!("example.io/b")),
        operation("add", "/nothing/here", json!("x")),
        operation("add", "", json!({})),
        operation("add", "data", json!({})),
        operation("add", "/metadata/ownerReferences", json!([])),
        operation("replace", "/data/one", json!("9")),
        operation("replace", "/data/missing", json!("9")),
        operation("replace", "/data", json!({"only": "this"})),
        operation("replace", "/data", json!(5)),
        operation("replace", "/data/one", json!(5)),
        operation("replace", "/metadata/name", json!("other")),
        operation("replace", "/metadata/uid", json!("other")),
        operation("replace", "/metadata/resourceVersion", json!("1")),
        operation("replace", "/metadata/resourceVersion", json!("{rv:1}")),
        operation("replace", "/kind", json!("Secret")),
        operation("replace", "/apiVersion", json!("v2")),
        operation("remove", "/data/one", json!(null)),
        operation("remove", "/data/missing", json!(null)),
        operation("remove", "/metadata/labels", json!(null)),
        operation("remove", "/metadata/finalizers/0", json!(null)),
        operation("remove", "/metadata/finalizers/7", json!(null)),
        operation("test", "/data/one", json!("1")),
        operation("test", "/data/one", json!("2")),
        operation("test", "/data/missing", json!(null)),
        operation("test", "/data/missing", json!("x")),
        operation("test", "/metadata/labels", json!({"c/d": "e", "a": "b"})),
        operation("odd", "/data/one", json!("1")),
        json!([{"op": "move", "from": "/data/one", "path": "/data/moved"}]),
        json!([{"op": "move", "from": "/data/missing", "path": "/data/moved"}]),
        json!([{"op": "move", "from": "/data", "path": "/data/inside"}]),
        json!([{"op": "copy", "from": "/data/one", "path": "/data/copied"}]),
        json!([{"op": "copy", "from": "/data/missing", "path": "/data/copied"}]),
        json!([{"op": "copy", "path": "/data/copied"}]),
        json!([{"op": "add", "path": "/data/novalue"}]),
        json!([{"path": "/data/noop", "value": "x"}]),
        json!([{"op": "test", "path": "/data/one", "value": "1"}, {"op": "replace", "path": "/data/one", "value": "tested"}]),
        json!([{"op": "replace", "path": "/data/one", "value": "lost"}, {"op": "test", "path": "/data/two", "value": "wrong"}]),
        json!([]),
        json!({}),
        json!("text"),
        json!(null),
        json!([5]),
        json!([{"op": "remove", "path": "/data/~2bad"}]),
    ]
}

fn merge_patches() -> Vec<Value> {
    vec![
        json!({}),
        json!({"data": {"one": "9"}}),
        json!({"data": {"one": null}}),
        json!({"data": {"missing": null}}),
        json!({"data": null}),
        json!({"data": {}}),
        json!({"data": "text"}),
        json!({"data": {"one": 1}}),
        json!({"data": {"one": {"deep": null}}}),
        json!({"metadata": null}),
        json!({"metadata": {"name": "other"}}),
        json!({"metadata": {"name": null}}),
        json!({"metadata": {"uid": "other"}}),
        json!({"metadata": {"resourceVersion": "1"}}),
        json!({"metadata": {"resourceVersion": "{rv:1}", "labels": {"a": "z"}}}),
        json!({"metadata": {"labels": {"bad key": "x"}}}),
        json!({"metadata": {"labels": {"a": null}}}),
        json!({"metadata": {"finalizers": []}}),
        json!({"metadata": {"finalizers": null}}),
        json!({"metadata": {"generation": 12}}),
        json!({"metadata": {"creationTimestamp": null}}),
        json!({"metadata": {"namespace": "other"}}),
        json!({"kind": "Secret"}),
        json!({"kind": null}),
        json!({"apiVersion": null}),
        json!({"unknown": {"field": 1}}),
        json!({"status": {"a": 1}}),
        json!([]),
        json!("text"),
        json!(null),
        json!(5),
    ]
}

fn strategic_on_map() -> Vec<Value> {
    vec![
        json!({"data": {"one": "9", "two": null}}),
        json!({"data": {"$patch": "replace", "only": "this"}}),
        json!({"data": {"$patch": "delete"}}),
        json!({"$patch": "delete"}),
        json!({"$patch": "replace", "metadata": {"name": "x"}}),
        json!({"$patch": "odd"}),
        json!({"data": {"$patch": "merge", "one": "9"}}),
        json!({"metadata": {"finalizers": ["example.io/b"]}}),
        json!({"metadata": {"finalizers": ["example.io/keep"]}}),
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.io/keep"]}}),
        json!({"metadata": {"$setElementOrder/finalizers": ["example.io/b", "example.io/keep"], "finalizers": ["example.io/b"]}}),
        json!({"metadata": {"$retainKeys": ["name"], "labels": {"z": "z"}}}),
        json!({"data": {"$retainKeys": ["one"], "one": "kept"}}),
        json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "{uid:1}"}]}}),
        json!({"metadata": {"ownerReferences": [{"name": "o"}]}}),
        json!({"unknown": 1}),
        json!([]),
        json!(null),
        json!({"metadata": {"labels": null}}),
        json!({"metadata": {"name": "other"}}),
    ]
}

fn strategic_on_account() -> Vec<Value> {
    vec![
        json!({"secrets": [{"name": "c"}]}),
        json!({"secrets": [{"name": "a", "namespace": "n"}]}),
        json!({"secrets": [{"name": "a", "$patch": "delete"}]}),
        json!({"secrets": [{"$patch": "replace"}, {"name": "only"}]}),
        json!({"secrets": [{"$patch": "delete"}]}),
        json!({"secrets": [{"namespace": "n"}]}),
        json!({"secrets": ["text"]}),
        json!({"secrets": []}),
        json!({"secrets": null}),
        json!({"$setElementOrder/secrets": [{"name": "b"}, {"name": "a"}], "secrets": [{"name": "b"}]}),
        json!({"$setElementOrder/secrets": [{"name": "b"}, {"name": "a"}]}),
        json!({"$setElementOrder/secrets": [{"name": "a"}], "secrets": [{"name": "b"}]}),
        json!({"imagePullSecrets": [{"name": "p"}]}),
        json!({"imagePullSecrets": [{"name": "q", "$patch": "delete"}]}),
        json!({"automountServiceAccountToken": false}),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let object = base();
    let path = format!("{CONFIG_MAPS}/x");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"},
        "secrets": [{"name": "a"}, {"name": "b"}], "imagePullSecrets": [{"name": "q"}]});
    let account_path = format!("{ACCOUNTS}/x");
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "x"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    let mut try_on = |area: &str,
                      collection: &str,
                      object: &Value,
                      path: &str,
                      make: fn(String, &Value) -> Step,
                      patches: Vec<Value>| {
        for (index, patch) in patches.iter().enumerate() {
            cases.push(Case::new(
                format!("patches/{area} {index}"),
                vec![Step::post(collection, object), make(path.to_owned(), patch), Step::get(path)],
            ));
            cases.push(Case::new(
                format!("patches/{area} {index} dry and strict"),
                vec![
                    Step::post(collection, object).silent(),
                    make(format!("{path}?dryRun=All&fieldValidation=Strict"), patch),
                ],
            ));
        }
    };
    try_on("json", CONFIG_MAPS, &object, &path, Step::json_patch, json_patches());
    try_on("merge", CONFIG_MAPS, &object, &path, Step::merge_patch, merge_patches());
    try_on("strategic", CONFIG_MAPS, &object, &path, Step::strategic_patch, strategic_on_map());
    try_on(
        "strategic account",
        ACCOUNTS,
        &account,
        &account_path,
        Step::strategic_patch,
        strategic_on_account(),
    );
    try_on(
        "strategic role",
        ROLES,
        &role,
        &format!("{ROLES}/x"),
        Step::strategic_patch,
        vec![
            json!({"rules": [{"apiGroups": [""], "resources": ["services"], "verbs": ["list"]}]}),
            json!({"rules": null}),
            json!({"rules": [{"verbs": []}]}),
        ],
    );
    for (index, content_type) in [
        "application/json",
        "text/plain",
        "application/merge-patch",
        "application/json-patch+json; charset=utf-8",
        "application/strategic-merge-patch+json;x=y",
        "application/odd+json",
    ]
    .into_iter()
    .enumerate()
    {
        cases.push(Case::new(
            format!("patches/content type {index}"),
            vec![
                Step::post(CONFIG_MAPS, &object).silent(),
                Step::new("PATCH", path.clone()).text(content_type, "{}"),
            ],
        ));
    }
    for (what, body) in [("empty", ""), ("broken", "{"), ("yaml", "data: {a: b}"), ("two", "{} {}")] {
        cases.push(Case::new(
            format!("patches/body {what}"),
            vec![
                Step::post(CONFIG_MAPS, &object).silent(),
                Step::new("PATCH", path.clone()).text("application/merge-patch+json", body),
                Step::new("PATCH", path.clone()).text("application/json-patch+json", body),
                Step::new("PATCH", path.clone()).text("application/strategic-merge-patch+json", body),
            ],
        ));
    }
    cases.push(Case::new(
        "patches/missing",
        vec![
            Step::merge_patch(path.clone(), &json!({"data": {"a": "b"}})),
            Step::json_patch(path.clone(), &json!([])),
            Step::strategic_patch(path.clone(), &json!({})),
            Step::merge_patch(CONFIG_MAPS, &json!({})),
        ],
    ));
    cases.push(Case::new(
        "patches/nothing changed",
        vec![
            Step::post(CONFIG_MAPS, &config_map("x", &json!({"a": "b"}))),
            Step::merge_patch(path.clone(), &json!({"data": {"a": "b"}})),
            Step::json_patch(path.clone(), &json!([{"op": "test", "path": "/data/a", "value": "b"}])),
            Step::get(path),
        ],
    ));
    cases
}
