//! Quotas: what a namespace may hold is counted, charged and freed; limit ranges.
use grange_apiserver::{Config, Resource, Scope};
use serde_json::{Value, json};

use crate::support::{Server, start, start_with, widgets};

const QUOTA: &str = "/api/v1/namespaces/default/resourcequotas/q";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
const PODS: &str = "/api/v1/namespaces/default/pods";

fn secret(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}})
}

fn claims_and_pods(config: &mut Config) {
    let of_core = |kind: &str, plural: &str| Resource::new("", "v1", kind, plural, Scope::Namespaced);
    config.resources =
        vec![widgets(), of_core("PersistentVolumeClaim", "persistentvolumeclaims"), of_core("Pod", "pods")];
}

fn claim(name: &str, storage: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
           "spec": {"resources": {"requests": {"storage": storage}}}})
}

async fn limit(server: &Server, hard: Value) {
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}});
    let path = QUOTA.trim_end_matches("/q");
    server.post(path, quota.clone()).await.ok();
    until(server, |status| status["hard"] == quota["spec"]["hard"]).await;
}

/// Waits until the quota's status is as wanted.
async fn until(server: &Server, holds: impl Fn(&Value) -> bool) {
    server.until(QUOTA, |quota| holds(&quota.ok()["status"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_get_no_more_than_there_may_be() {
    let server = start().await;
    limit(&server, json!({"secrets": "10", "count/secrets": "1k"})).await;
    let codes = futures::future::join_all((0..40).map(|number| {
        let server = &server;
        async move { server.post(SECRETS, secret(&format!("s-{number}"))).await.code }
    }))
    .await;
    assert_eq!(codes.iter().filter(|code| **code == 201).count(), 10, "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, 201 | 403)), "{codes:?}");
    until(&server, |status| status["used"] == json!({"secrets": "10", "count/secrets": "10"})).await;
    let refused = server.post(SECRETS, secret("more")).await;
    refused.fails(403, "Forbidden", "secrets \"more\" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=10, limited: secrets=10");

    // What goes makes room.
    let names: Vec<String> = server.get(SECRETS).await.ok()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|secret| secret["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    for name in names.iter().take(4) {
        server.delete(&format!("{SECRETS}/{name}")).await.ok();
    }
    until(&server, |status| status["used"]["secrets"] == "6").await;
    server.post(SECRETS, secret("more")).await.ok();
    until(&server, |status| status["used"]["secrets"] == "7").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_is_measured_and_a_growing_claim_is_charged() {
    let server = start_with(claims_and_pods).await;
    limit(&server, json!({"requests.storage": "10Gi", "persistentvolumeclaims": "5"})).await;
    server.post(CLAIMS, claim("a", "4Gi")).await.ok();
    server.post(CLAIMS, claim("b", "4Gi")).await.ok();
    server.post(CLAIMS, claim("c", "4Gi")).await.fails(
        403,
        "Forbidden",
        "exceeded quota: q, requested: requests.storage=4Gi, used: requests.storage=8Gi, limited: requests.storage=10Gi",
    );
    let grow = |storage: &str| json!({"spec": {"resources": {"requests": {"storage": storage}}}});
    let path = format!("{CLAIMS}/a");
    server.merge(&path, grow("9Gi")).await.fails(403, "Forbidden", "requested: requests.storage=5Gi");
    server.merge(&path, grow("6Gi")).await.ok();
    until(&server, |status| status["used"]["requests.storage"] == "10Gi").await;
    server.merge(&path, grow("1Gi")).await.ok();
    until(&server, |status| status["used"]["requests.storage"] == "5Gi").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_say_what_they_need_or_get_it() {
    let server = start_with(claims_and_pods).await;
    limit(&server, json!({"requests.cpu": "1", "pods": "10"})).await;
    let pod = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
                                  "spec": {"containers": [{"name": "main"}]}})
    };
    server.post(PODS, pod("a")).await.fails(
        403,
        "Forbidden",
        "failed quota: q: must specify requests.cpu for: main",
    );
    let range = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "r"},
        "spec": {"limits": [{"type": "Container", "default": {"cpu": "600m"}, "max": {"cpu": "800m"}}]}});
    server.post("/api/v1/namespaces/default/limitranges", range).await.ok();
    let made = server.post(PODS, pod("a")).await.ok();
    assert_eq!(
        made["spec"]["containers"][0]["resources"],
        json!({"requests": {"cpu": "600m"}, "limits": {"cpu": "600m"}})
    );
    server.post(PODS, pod("b")).await.fails(
        403,
        "Forbidden",
        "requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1",
    );
    let mut large = pod("c");
    large["spec"]["containers"][0]["resources"] =
        json!({"limits": {"cpu": "900m"}, "requests": {"cpu": "100m"}});
    server.post(PODS, large).await.fails(
        403,
        "Forbidden",
        "maximum cpu usage per Container is 800m, but limit is 900m",
    );
}
