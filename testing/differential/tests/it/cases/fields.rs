//! Unknown, duplicate and wrong fields; bodies of every form.
use grange_differential::{Case, Step};
use serde_json::{Value, json};

use super::{CONFIG_MAPS, KINDS, Kind, config_map, with};

/// A field of a kind that may be wrong in its own way.
fn own_fields(kind: Kind) -> Vec<(&'static str, Value)> {
    match kind.plural {
        "configmaps" => vec![
            ("data", json!({"a": "b"})),
            ("data", json!({"a b": "c"})),
            ("data", json!({"": "c"})),
            ("data", json!({"..": "c"})),
            ("data", json!({"a/b": "c"})),
            ("data", json!({"x".repeat(254): "c"})),
            ("data", json!({"a": 1})),
            ("data", json!({"a": null})),
            ("data", json!([])),
            ("data", json!("x")),
            ("binaryData", json!({"a": "YQ=="})),
            ("binaryData", json!({"a": "not base64!"})),
            ("immutable", json!(true)),
            ("immutable", json!("true")),
        ],
        "secrets" => vec![
            ("data", json!({"a": "YQ=="})),
            ("data", json!({"a": "?"})),
            ("data", json!({"a": ""})),
            ("data", json!({"a b": "YQ=="})),
            ("stringData", json!({"a": "b"})),
            ("stringData", json!({"a": 1})),
            ("type", json!("Opaque")),
            ("type", json!("")),
            ("type", json!("example.io/x")),
            ("type", json!("kubernetes.io/tls")),
            ("type", json!("kubernetes.io/dockerconfigjson")),
            ("type", json!("kubernetes.io/dockercfg")),
            ("type", json!("kubernetes.io/basic-auth")),
            ("type", json!("kubernetes.io/ssh-auth")),
            ("type", json!("kubernetes.io/service-account-token")),
            ("type", json!("bootstrap.kubernetes.io/token")),
            ("type", json!(5)),
            ("immutable", json!(true)),
        ],
        "serviceaccounts" => vec![
            ("secrets", json!([{"name": "a"}])),
            ("secrets", json!([{"nom": "a"}])),
            ("secrets", json!({})),
            ("imagePullSecrets", json!([{"name": "a"}, {"name": "a"}])),
            ("automountServiceAccountToken", json!(false)),
            ("automountServiceAccountToken", json!("no")),
        ],
        "leases" => vec![
            ("spec", json!({"holderIdentity": "a", "leaseDurationSeconds": 15})),
            ("spec", json!({"leaseDurationSeconds": 0})),
            ("spec", json!({"leaseDurationSeconds": -1})),
            ("spec", json!({"leaseDurationSeconds": 1.5})),
            ("spec", json!({"leaseTransitions": -1})),
            ("spec", json!({"holderIdentity": ""})),
            ("spec", json!({"renewTime": "2024-01-01T00:00:00.000000Z"})),
            ("spec", json!({"renewTime": "2024-01-01T00:00:00Z"})),
            ("spec", json!({"renewTime": "now"})),
            ("spec", json!({"strategy": "OldestEmulationVersion"})),
            ("spec", json!({"strategy": "x", "preferredHolder": "y"})),
            ("spec", json!({"preferredHolder": "y"})),
            ("spec", json!("x")),
        ],
        "roles" | "clusterroles" => vec![
            ("rules", json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])),
            ("rules", json!([{"apiGroups": [""], "resources": ["pods"], "verbs": []}])),
            ("rules", json!([{"apiGroups": [""], "resources": ["pods"]}])),
            ("rules", json!([{"resources": ["pods"], "verbs": ["get"]}])),
            ("rules", json!([{"apiGroups": [""], "verbs": ["get"]}])),
            ("rules", json!([{"nonResourceURLs": ["/x"], "verbs": ["get"]}])),
            ("rules", json!([{"nonResourceURLs": ["/x", "/y*"], "resources": ["pods"], "verbs": ["get"]}])),
            ("rules", json!([{}])),
            ("rules", json!([null])),
            ("rules", json!({})),
            ("rules", json!([{"apiGroups": "", "resources": ["pods"], "verbs": ["get"]}])),
            (
                "rules",
                json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "resourceNames": ["a"]}]),
            ),
            ("aggregationRule", json!({"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]})),
            ("aggregationRule", json!({"clusterRoleSelectors": []})),
            (
                "aggregationRule",
                json!({"clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "Odd"}]}]}),
            ),
            ("aggregationRule", json!({})),
        ],
        "rolebindings" => vec![
            ("subjects", json!([{"kind": "User", "name": "a", "apiGroup": "rbac.authorization.k8s.io"}])),
            ("subjects", json!([{"kind": "User", "name": "a"}])),
            ("subjects", json!([{"kind": "User", "name": ""}])),
            ("subjects", json!([{"kind": "Group", "name": "g"}])),
            ("subjects", json!([{"kind": "Group", "name": "g", "apiGroup": "x"}])),
            ("subjects", json!([{"kind": "ServiceAccount", "name": "s", "namespace": "n"}])),
            ("subjects", json!([{"kind": "ServiceAccount", "name": "s"}])),
            ("subjects", json!([{"kind": "ServiceAccount", "name": "S S", "namespace": "n"}])),
            (
                "subjects",
                json!([{"kind": "ServiceAccount", "name": "s", "namespace": "n", "apiGroup": "rbac.authorization.k8s.io"}]),
            ),
            ("subjects", json!([{"kind": "Robot", "name": "r"}])),
            ("subjects", json!([{}])),
            ("roleRef", json!({})),
            ("roleRef", json!(null)),
            ("roleRef", json!({"kind": "Role", "name": "r"})),
            ("roleRef", json!({"kind": "Rule", "name": "r", "apiGroup": "rbac.authorization.k8s.io"})),
            ("roleRef", json!({"kind": "ClusterRole", "name": "", "apiGroup": "rbac.authorization.k8s.io"})),
            (
                "roleRef",
                json!({"kind": "ClusterRole", "name": "a/b", "apiGroup": "rbac.authorization.k8s.io"}),
            ),
            ("roleRef", json!({"kind": "ClusterRole", "name": "view", "apiGroup": "x"})),
        ],
        _ => Vec::new(),
    }
}

/// Bodies that are no object of the kind.
fn odd_bodies() -> Vec<(&'static str, &'static str)> {
    vec![
        ("application/json", ""),
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", "null"),
        ("application/json", "5"),
        ("application/json", "\"text\""),
        ("application/json", "{}"),
        ("application/json", "{\"kind\":5}"),
        ("application/json", "{\"apiVersion\":\"v1\"}"),
        ("application/json", "{\"kind\":\"ConfigMap\"}"),
        ("application/json", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}"),
        (
            "application/json",
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}} trailing",
        ),
        (
            "application/json",
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"\\ud800\"}}",
        ),
        ("application/json", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        ("application/yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        ("application/yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: 1}\n"),
        ("application/yaml", "a: &a [1]\nb: *a\n"),
        ("application/yaml", ": : :"),
        ("text/plain", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}"),
        ("application/xml", "<a/>"),
        (
            "application/json; charset=utf-8",
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}",
        ),
        ("", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}"),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        for (index, (field, value)) in own_fields(*kind).into_iter().enumerate() {
            let object = with(kind.object("x"), &[field], value);
            cases.push(Case::new(
                format!("fields/{}/{field} {index}", kind.plural),
                vec![Step::post(kind.collection(), &object), Step::get(kind.path("x"))],
            ));
        }
        for mode in [
            "",
            "?fieldValidation=Ignore",
            "?fieldValidation=Warn",
            "?fieldValidation=Strict",
            "?fieldValidation=Odd",
        ] {
            let mut object = kind.object("x");
            object["spicy"] = json!(true);
            object["metadata"]["colour"] = json!({"deep": [1]});
            let name = kind.name("y");
            let api_version = kind.api_version();
            let text = format!(
                r#"{{"apiVersion":"{api_version}","kind":"{}","metadata":{{"name":"one","name":"{name}"}},"spicy":1,"spicy":2{}}}"#,
                object["kind"].as_str().unwrap_or_default(),
                if kind.plural == "rolebindings" {
                    r#","roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"}"#
                } else {
                    ""
                },
            );
            let collection = format!("{}{mode}", kind.collection());
            cases.push(Case::new(
                format!("fields/{}/unknown{mode}", kind.plural),
                vec![
                    Step::post(collection.clone(), &object),
                    Step::new("POST", collection.clone()).text("application/json", text.clone()),
                    Step::new("POST", collection).text("application/yaml", text),
                ],
            ));
        }
    }
    for (index, (content_type, body)) in odd_bodies().into_iter().enumerate() {
        let step = Step::new("POST", CONFIG_MAPS);
        let step = if content_type.is_empty() {
            step.text("application/json", body)
        } else {
            step.text(content_type, body)
        };
        cases.push(Case::new(format!("fields/body {index}"), vec![step]));
    }
    for accept in [
        "*/*",
        "application/json",
        "application/yaml",
        "text/html",
        "application/xml",
        "application/json;as=Odd;v=v1;g=meta.k8s.io",
        "application/xml, application/json;q=0.5",
        "application/*",
        "application/json;pretty=1",
    ] {
        cases.push(Case::new(
            format!("fields/accept {accept}"),
            vec![
                Step::post(CONFIG_MAPS, &config_map("a", &json!({"k": "v"}))).silent(),
                Step::get(format!("{CONFIG_MAPS}/a")).header("accept", accept),
                Step::get(CONFIG_MAPS.to_owned() + "?labelSelector=a%3Db").header("accept", accept),
                Step::get(format!("{CONFIG_MAPS}/missing")).header("accept", accept),
            ],
        ));
    }
    cases
}
