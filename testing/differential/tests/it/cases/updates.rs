//! PUT: optimistic locking, immutable fields, names and uids.
use grange_differential::{Case, Step};
use serde_json::{Value, json};

use super::{CONFIG_MAPS, KINDS, config_map, with};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        let object = kind.object("x");
        let path = kind.path("x");
        let changed = with(object.clone(), &["metadata", "labels"], json!({"a": "b"}));
        let case = |what: &str, steps: Vec<Step>| {
            let mut all = vec![Step::post(kind.collection(), &object)];
            all.extend(steps);
            all.push(Step::get(path.clone()));
            Case::new(format!("updates/{}/{what}", kind.plural), all)
        };
        let metadata = |field: &str, value: Value| with(changed.clone(), &["metadata", field], value);
        cases.extend([
            case("unconditional", vec![Step::put(path.clone(), &changed)]),
            case("nothing changed", vec![Step::put(path.clone(), &object), Step::put(path.clone(), &object)]),
            case(
                "present revision",
                vec![Step::put(path.clone(), &metadata("resourceVersion", json!("{rv:1}")))],
            ),
            case(
                "old revision",
                vec![
                    Step::put(path.clone(), &changed),
                    Step::put(
                        path.clone(),
                        &with(
                            metadata("resourceVersion", json!("{rv:1}")),
                            &["metadata", "labels"],
                            json!({}),
                        ),
                    ),
                ],
            ),
            case("odd revision", vec![Step::put(path.clone(), &metadata("resourceVersion", json!("odd")))]),
            case(
                "future revision",
                vec![Step::put(path.clone(), &metadata("resourceVersion", json!("99999999")))],
            ),
            case(
                "another uid",
                vec![Step::put(
                    path.clone(),
                    &metadata("uid", json!("1b9d3f52-0000-4000-8000-000000000000")),
                )],
            ),
            case("same uid", vec![Step::put(path.clone(), &metadata("uid", json!("{uid:1}")))]),
            case("another name", vec![Step::put(path.clone(), &metadata("name", json!("other")))]),
            case("no name", vec![Step::put(path.clone(), &metadata("name", json!("")))]),
            case("another namespace", vec![Step::put(path.clone(), &metadata("namespace", json!("other")))]),
            case(
                "new creationTimestamp",
                vec![Step::put(path.clone(), &metadata("creationTimestamp", json!("2020-01-01T00:00:00Z")))],
            ),
            case("a generation", vec![Step::put(path.clone(), &metadata("generation", json!(70)))]),
            case(
                "a deletionTimestamp",
                vec![Step::put(path.clone(), &metadata("deletionTimestamp", json!("2020-01-01T00:00:00Z")))],
            ),
            case("generateName", vec![Step::put(path.clone(), &metadata("generateName", json!("x-")))]),
            case("bad label", vec![Step::put(path.clone(), &metadata("labels", json!({"a b": ""})))]),
            case(
                "finalizers",
                vec![
                    Step::put(path.clone(), &metadata("finalizers", json!(["example.io/a"]))),
                    Step::put(path.clone(), &metadata("finalizers", json!([]))),
                ],
            ),
            case("dry run", vec![Step::put(format!("{path}?dryRun=All"), &changed)]),
            case(
                "missing",
                vec![Step::put(
                    kind.path("missing"),
                    &with(changed.clone(), &["metadata", "name"], json!(kind.name("missing"))),
                )],
            ),
            case(
                "another kind",
                vec![Step::put(path.clone(), &with(changed.clone(), &["kind"], json!("Pod")))],
            ),
            case(
                "status",
                vec![Step::put(format!("{path}/status"), &changed), Step::get(format!("{path}/status"))],
            ),
            case(
                "no such subresource",
                vec![Step::get(format!("{path}/odd")), Step::put(format!("{path}/odd"), &changed)],
            ),
            case(
                "strict unknown",
                vec![Step::put(
                    format!("{path}?fieldValidation=Strict"),
                    &with(changed.clone(), &["odd"], json!(1)),
                )],
            ),
            case("POST on a name", vec![Step::post(path.clone(), &changed)]),
            case("PUT on the collection", vec![Step::put(kind.collection(), &changed)]),
        ]);
    }
    cases.extend(immutable());
    cases.extend(namespaces());
    cases
}

fn immutable() -> Vec<Case> {
    let maps = format!("{CONFIG_MAPS}/x");
    let secrets = "/api/v1/namespaces/{ns}/secrets";
    let secret = |kind: &str, data: &Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "type": kind, "data": data});
    let frozen = with(config_map("x", &json!({"a": "b"})), &["immutable"], json!(true));
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings";
    let binding = |role: &str, kind: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "x"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}})
    };
    vec![
        Case::new(
            "updates/immutable config map",
            vec![
                Step::post(CONFIG_MAPS, &frozen),
                Step::put(maps.clone(), &with(frozen.clone(), &["data", "a"], json!("c"))),
                Step::put(maps.clone(), &with(frozen.clone(), &["immutable"], json!(false))),
                Step::put(maps.clone(), &with(frozen.clone(), &["binaryData"], json!({"b": "YQ=="}))),
                Step::put(maps.clone(), &with(frozen, &["metadata", "labels"], json!({"a": "b"}))),
                Step::merge_patch(maps.clone(), &json!({"data": {"b": "c"}})),
                Step::delete(maps),
            ],
        ),
        Case::new(
            "updates/secret type",
            vec![
                Step::post(secrets, &secret("Opaque", &json!({"a": "YQ=="}))),
                Step::put(format!("{secrets}/x"), &secret("example.io/x", &json!({"a": "YQ=="}))),
                Step::put(format!("{secrets}/x"), &secret("", &json!({"a": "Yg=="}))),
                Step::merge_patch(format!("{secrets}/x"), &json!({"stringData": {"b": "c"}})),
                Step::merge_patch(format!("{secrets}/x"), &json!({"type": null})),
            ],
        ),
        Case::new(
            "updates/role reference",
            vec![
                Step::post(rbac, &binding("a", "Role")),
                Step::put(format!("{rbac}/x"), &binding("b", "Role")),
                Step::put(format!("{rbac}/x"), &binding("a", "ClusterRole")),
                Step::put(format!("{rbac}/x"), &binding("a", "Role")),
            ],
        ),
    ]
}

fn namespaces() -> Vec<Case> {
    let path = "/api/v1/namespaces/{ns}";
    let namespace = |metadata: Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
    let mut cases = vec![
        Case::new(
            "updates/namespace labels",
            vec![
                Step::get(path),
                Step::merge_patch(path, &json!({"metadata": {"labels": {"a": "b"}}})),
                Step::merge_patch(
                    path,
                    &json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "other"}}}),
                ),
                Step::merge_patch(path, &json!({"metadata": {"labels": null}})),
                Step::get(format!("{path}/status")),
                Step::merge_patch(format!("{path}/status"), &json!({"status": {"phase": "Odd"}})),
                Step::merge_patch(path, &json!({"spec": {"finalizers": []}})),
                Step::merge_patch(path, &json!({"spec": {"finalizers": ["odd"]}})),
                Step::put(
                    format!("{path}/finalize"),
                    &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "{ns}"}, "spec": {"finalizers": ["kubernetes", "example.io/x"]}}),
                ),
            ],
        ),
        Case::new(
            "updates/namespace missing",
            vec![
                Step::post("/api/v1/namespaces/no-such/configmaps", &config_map("a", &json!({}))),
                Step::get("/api/v1/namespaces/no-such/configmaps/a"),
                Step::get("/api/v1/namespaces/no-such/configmaps"),
                Step::get("/api/v1/namespaces/no-such"),
                Step::delete("/api/v1/namespaces/no-such"),
                Step::post("/api/v1/namespaces/No_Such/configmaps", &config_map("a", &json!({}))),
            ],
        ),
    ];
    for (index, name) in
        ["A", "a.b", "a_b", "", "-", "a-", "{ns}", "default", "kube-system"].iter().enumerate()
    {
        cases.push(Case::new(
            format!("updates/namespace name {index}"),
            vec![Step::post("/api/v1/namespaces", &namespace(json!({"name": name})))],
        ));
    }
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        cases.push(Case::new(
            format!("updates/namespace protected {name}"),
            vec![Step::delete(format!("/api/v1/namespaces/{name}?dryRun=All"))],
        ));
    }
    cases
}
