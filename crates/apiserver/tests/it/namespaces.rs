//! Namespaces: what they come with, what they refuse, how they go.
use grange_apiserver::Config;
use serde_json::json;

use crate::support::{names, start, start_with};

fn namespace(name: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn map(name: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}

#[tokio::test]
async fn the_usual_ones_are_there() {
    let server = start().await;
    let list = server.get("/api/v1/namespaces").await.ok();
    assert_eq!(names(&list), ["default", "kube-node-lease", "kube-public", "kube-system"]);
    let default = &list["items"][0];
    assert_eq!(default["metadata"]["labels"]["kubernetes.io/metadata.name"], "default");
    assert_eq!(default["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(default["status"]["phase"], "Active");
    server.delete("/api/v1/namespaces/default").await.fails(
        403,
        "Forbidden",
        "namespaces \"default\" is forbidden: this namespace may not be deleted",
    );
}

#[tokio::test]
async fn a_namespace_is_furnished() {
    let server = start_with(|config: &mut Config| config.ca_pem = Some("PEM".into())).await;
    server.post("/api/v1/namespaces", namespace("ns")).await.ok();
    let account = "/api/v1/namespaces/ns/serviceaccounts/default";
    let root = "/api/v1/namespaces/ns/configmaps/kube-root-ca.crt";
    server.until(account, |answer| answer.code == 200).await;
    let root = server.until(root, |answer| answer.code == 200).await;
    assert_eq!(root.json()["data"]["ca.crt"], "PEM");
    server.delete(account).await.ok();
    server.until(account, |answer| answer.code == 200).await;
}

#[tokio::test]
async fn objects_need_a_living_namespace() {
    let server = start().await;
    let maps = "/api/v1/namespaces/ns/configmaps";
    server.post(maps, map("a")).await.fails(404, "NotFound", "namespaces \"ns\" not found");
    server.post("/api/v1/namespaces", namespace("ns")).await.ok();
    let mut held = map("held");
    held["metadata"]["finalizers"] = json!(["example.io/hold"]);
    server.post(maps, held).await.ok();
    server.post(maps, map("free")).await.ok();
    let terminating = server.delete("/api/v1/namespaces/ns").await.ok();
    assert_eq!(terminating["status"]["phase"], "Terminating");
    let refused = server.post(maps, map("b")).await;
    refused.fails(
        403,
        "Forbidden",
        "configmaps \"b\" is forbidden: unable to create new content in namespace ns because it is being terminated",
    );
    let cause = &refused.json()["details"]["causes"][0];
    assert_eq!(cause["reason"], "NamespaceTerminating");
    assert_eq!(cause["message"], "namespace ns is being terminated");
    assert_eq!(cause["field"], "metadata.namespace");
    server.until_gone(&format!("{maps}/free")).await;
    let held_up = server
        .until("/api/v1/namespaces/ns", |answer| !answer.json()["status"]["conditions"].is_null())
        .await;
    assert_eq!(held_up.json()["status"]["conditions"][0]["type"], "NamespaceContentRemaining");
    server.merge(&format!("{maps}/held"), json!({"metadata": {"finalizers": []}})).await.ok();
    server.until_gone("/api/v1/namespaces/ns").await;
    server.post("/api/v1/namespaces", namespace("ns")).await.ok();
    assert_eq!(
        names(&server.get(maps).await.ok()).iter().filter(|name| **name != "kube-root-ca.crt").count(),
        0
    );
}

#[tokio::test]
async fn a_namespace_can_be_finalized_by_others() {
    let server = start().await;
    server.post("/api/v1/namespaces", namespace("ns")).await.ok();
    let path = "/api/v1/namespaces/ns";
    server.merge(path, json!({"spec": {"finalizers": []}})).await.ok();
    assert_eq!(
        server.get(path).await.ok()["spec"]["finalizers"],
        json!(["kubernetes"]),
        "only /finalize changes them"
    );
    server.merge(path, json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "x"}}})).await.ok();
    assert_eq!(server.get(path).await.ok()["metadata"]["labels"]["kubernetes.io/metadata.name"], "ns");
    server.delete(path).await.ok();
    server.until_gone(path).await;
}
