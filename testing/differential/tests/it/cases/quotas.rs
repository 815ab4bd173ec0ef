//! Quotas and limit ranges: what they may say, and what they let in.
use grange_differential::{Case, Step};
use serde_json::{Value, json};

use super::{CONFIG_MAPS, config_map};

const QUOTAS: &str = "/api/v1/namespaces/{ns}/resourcequotas";
const RANGES: &str = "/api/v1/namespaces/{ns}/limitranges";
const SECRETS: &str = "/api/v1/namespaces/{ns}/secrets";

fn quota(spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": spec})
}

fn range(item: &Value) -> Value {
    let limits = if item.is_array() { item.clone() } else { json!([item]) };
    json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "r"}, "spec": {"limits": limits}})
}

fn secret(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}})
}

/// What a quota may say.
fn specs() -> Vec<Value> {
    let hard = |name: &str, amount: Value| json!({"hard": {name: amount}});
    let scoped = |scope: &str, name: &str| json!({"scopes": [scope], "hard": {name: "1"}});
    let selected = |requirement: Value| json!({"scopeSelector": {"matchExpressions": [requirement]}, "hard": {"pods": 1}});
    let mut specs = vec![
        json!({}),
        json!({"hard": {}}),
        hard("pods", json!(4)),
        hard("pods", json!("4")),
        hard("pods", json!("0")),
        hard("pods", json!("-1")),
        hard("pods", json!("1500m")),
        hard("pods", json!("1k")),
        hard("pods", json!("1024")),
        hard("pods", json!("")),
        hard("requests.storage", json!("10Gi")),
        hard("requests.storage", json!("10240Mi")),
        hard("requests.storage", json!("1.5Gi")),
        hard("requests.cpu", json!("0.1")),
        hard("limits.memory", json!("1e3")),
        hard("cpu", json!("100m")),
        hard("count/widgets.example.com", json!(1)),
        hard("count/configmaps", json!("2.5")),
        hard("requests.example.com/gpu", json!("2")),
        hard("requests.example.com/gpu", json!("2500m")),
        hard("example.com/gpu", json!("2500m")),
        hard("fast.storageclass.storage.k8s.io/requests.storage", json!("1Ti")),
        hard("hugepages-2Mi", json!("1Gi")),
        hard("requests.hugepages-2Mi", json!("1Gi")),
        hard("storage", json!("1Gi")),
        hard("widgets", json!(1)),
        hard("Pods", json!(1)),
        hard("a b", json!(1)),
        hard("", json!(1)),
        hard("x/y/z", json!(1)),
        json!({"scopes": ["Odd"], "hard": {"pods": 1}}),
        json!({"scopes": ["BestEffort", "NotBestEffort"], "hard": {"pods": 1}}),
        json!({"scopes": ["Terminating", "NotTerminating"], "hard": {"pods": 1}}),
        json!({"scopes": ["BestEffort"], "hard": {"pods": 1, "cpu": 1, "memory": "1Gi"}}),
        json!({"scopes": []}),
        json!({"odd": 1}),
    ];
    for scope in ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass"] {
        specs.extend(["pods", "cpu", "configmaps", "requests.storage"].map(|name| scoped(scope, name)));
    }
    specs.extend(
        ["pods", "requests.storage", "persistentvolumeclaims"]
            .map(|name| scoped("VolumeAttributesClass", name)),
    );
    for (scope, operator, values) in [
        ("PriorityClass", "In", json!(["high"])),
        ("PriorityClass", "In", json!([])),
        ("PriorityClass", "NotIn", Value::Null),
        ("PriorityClass", "Exists", json!(["high"])),
        ("PriorityClass", "DoesNotExist", json!([])),
        ("PriorityClass", "Odd", json!(["high"])),
        ("BestEffort", "Exists", Value::Null),
        ("BestEffort", "In", json!(["x"])),
        ("CrossNamespacePodAffinity", "DoesNotExist", Value::Null),
        ("Odd", "Exists", Value::Null),
    ] {
        specs.push(selected(json!({"scopeName": scope, "operator": operator, "values": values})));
    }
    specs
}

/// What a limit range may say.
fn items() -> Vec<Value> {
    let container = |more: Value| {
        let mut item = json!({"type": "Container"});
        item.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        item
    };
    vec![
        json!([{"type": "Container"}, {"type": "Pod"}]),
        json!([{"type": "Container"}, {"type": "Container"}]),
        json!({"type": "Odd"}),
        json!({"type": "example.com/odd"}),
        json!({"type": ""}),
        json!({}),
        json!({"type": "Pod", "default": {"cpu": "1"}}),
        json!({"type": "Pod", "defaultRequest": {"cpu": "1"}}),
        json!({"type": "Pod", "max": {"cpu": "2"}, "min": {"cpu": "500m"}, "maxLimitRequestRatio": {"cpu": "4"}}),
        json!({"type": "Pod", "max": {"storage": "2"}}),
        json!({"type": "PersistentVolumeClaim"}),
        json!({"type": "PersistentVolumeClaim", "max": {"cpu": "1"}}),
        json!({"type": "PersistentVolumeClaim", "max": {"storage": "10Gi"}}),
        json!({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}, "min": {"storage": "2Gi"}}),
        container(json!({"max": {"cpu": "2", "memory": "1Gi"}})),
        container(json!({"min": {"cpu": "2"}})),
        container(json!({"min": {"cpu": "2"}, "max": {"cpu": "1"}})),
        container(json!({"default": {"cpu": "2"}})),
        container(json!({"default": {"cpu": "2"}, "max": {"cpu": "1"}})),
        container(json!({"default": {"cpu": "1"}, "min": {"cpu": "2"}})),
        container(json!({"defaultRequest": {"cpu": "2"}, "default": {"cpu": "1"}})),
        container(json!({"defaultRequest": {"cpu": "2"}, "max": {"cpu": "1"}})),
        container(json!({"defaultRequest": {"cpu": "1"}, "min": {"cpu": "2"}})),
        container(json!({"maxLimitRequestRatio": {"cpu": "500m"}})),
        container(json!({"maxLimitRequestRatio": {"cpu": "3"}, "min": {"cpu": "1"}, "max": {"cpu": "2"}})),
        container(json!({"default": {"example.com/gpu": "2"}, "defaultRequest": {"example.com/gpu": "1"}})),
        container(json!({"default": {"hugepages-2Mi": "2Gi"}, "defaultRequest": {"hugepages-2Mi": "1Gi"}})),
        container(json!({"max": {"requests.example.com/gpu": "1"}})),
        container(json!({"max": {"storage": "1"}})),
        container(json!({"max": {"pods": "1"}})),
        container(json!({"max": {"odd": "1"}})),
        container(json!({"max": {"a b": "1"}})),
        container(json!({"max": {"cpu": "one"}})),
        container(json!({"max": {"cpu": 1.5}})),
        container(json!({"odd": true})),
    ]
}

/// A quota that is in force on both sides, and requests. What a quota limits is known a moment after it was written: it
/// is when the kind is refused that nothing may be made of.
fn in_force(what: &str, mut hard: Value, mut used: Value, steps: Vec<Step>) -> Case {
    const LEASES: &str = "count/leases.coordination.k8s.io";
    hard[LEASES] = json!("0");
    used[LEASES] = json!("0");
    let mut object = quota(&json!({"hard": hard}));
    let mut all = vec![Step::post(QUOTAS, &object).silent()];
    object["status"] = json!({"hard": hard, "used": used});
    all.push(Step::new("PUT", format!("{QUOTAS}/q/status")).json(&object).silent());
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a"}});
    let leases = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases?dryRun=All";
    all.push(Step::post(leases, &lease).until(403));
    all.extend(steps);
    Case::new(format!("quotas/in force/{what}"), all)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, spec) in specs().iter().enumerate() {
        let strict = format!("{QUOTAS}?fieldValidation=Strict&dryRun=All");
        cases.push(Case::new(format!("quotas/spec/{index} {spec}"), vec![Step::post(strict, &quota(spec))]));
    }
    for (index, item) in items().iter().enumerate() {
        let strict = format!("{RANGES}?fieldValidation=Strict&dryRun=All");
        cases.push(Case::new(
            format!("quotas/range/{index} {item}"),
            vec![
                Step::post(strict, &range(item)),
                Step::post(RANGES, &range(item)),
                Step::get(format!("{RANGES}/r")),
            ],
        ));
    }
    let apply = |name: &str| {
        Step::new("PATCH", format!("{SECRETS}/{name}?fieldManager=a"))
            .text("application/apply-patch+yaml", secret(name).to_string())
    };
    cases.extend([
        in_force("secrets", json!({"secrets": "2"}), json!({"secrets": "0"}), vec![
            Step::post(SECRETS, &secret("a")),
            Step::post(SECRETS, &secret("b")),
            Step::post(SECRETS, &secret("c")),
            Step::post(format!("{SECRETS}?dryRun=All"), &secret("c")),
            Step::post(SECRETS, &secret("a")),
            apply("c"),
            Step::new("PUT", format!("{SECRETS}/a")).json(&secret("a")),
            Step::delete(format!("{SECRETS}/a")).silent(),
            Step::post(SECRETS, &secret("c")).until(201),
            Step::post(SECRETS, &secret("d")),
        ]),
        in_force("counts", json!({"count/secrets": "1", "count/leases.coordination.k8s.io": 0}),
            json!({"count/secrets": "0", "count/leases.coordination.k8s.io": "0"}), vec![
            Step::post(SECRETS, &secret("a")),
            Step::post(SECRETS, &secret("b")),
            Step::post("/apis/coordination.k8s.io/v1/namespaces/{ns}/leases",
                &json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a"}})),
            Step::post(CONFIG_MAPS, &config_map("a", &json!({}))),
        ]),
        in_force("two names", json!({"count/secrets": "0", "secrets": "0", "pods": "5"}),
            json!({"count/secrets": "0", "secrets": "0", "pods": "0"}), vec![
            Step::post(SECRETS, &secret("a")),
            Step::post(format!("{SECRETS}?fieldManager=x"),
                &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"generateName": "a"}, "type": 5})),
        ]),
        in_force("a dry run is not charged", json!({"secrets": "1"}), json!({"secrets": "0"}), vec![
            Step::post(format!("{SECRETS}?dryRun=All"), &secret("a")),
            Step::post(SECRETS, &secret("b")),
            Step::post(SECRETS, &secret("c")),
        ]),
        in_force("quotas themselves", json!({"resourcequotas": "1"}), json!({"resourcequotas": "1"}), vec![
            Step::post(QUOTAS, &json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "more"}})),
        ]),
        in_force("a scope that cannot be changed", json!({"pods": "1"}), json!({"pods": "0"}), vec![
            Step::new("PUT", format!("{QUOTAS}/q")).json(&quota(&json!({"scopes": ["BestEffort"], "hard": {"pods": "1"}}))),
        ]),
    ]);
    cases
}
