//! `/v3/clusters`: the way of clients that speak Norman.
use reqwest::Method;
use serde_json::json;

use crate::support::{Gate, send, until};

#[tokio::test]
async fn a_cluster_is_created_shown_reached_and_deleted() {
    let gate = Gate::start().await;
    let form = json!({
        "type": "cluster", "name": "paddock", "description": "the first one",
        "labels": {"provider.cattle.io": "harvester"}, "agentEnvVars": [],
    });
    let created = gate.post("/v3/clusters", &form).await;
    assert_eq!(created.code, 201, "{}", created.text);
    let cluster = created.json();
    let id = cluster["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("c-") && id.len() == 7, "{id}");
    assert_eq!((&cluster["type"], &cluster["name"]), (&json!("cluster"), &json!("paddock")));
    assert_eq!(cluster["creatorId"], *gate.admin_id);

    let twin = gate.post("/v3/clusters", &json!({"name": "PADDOCK"})).await;
    assert_eq!(twin.code, 422, "{}", twin.text);
    assert!(gate.post("/v3/clusters", &json!({})).await.json()["message"].as_str().unwrap().contains("name"));

    let list = gate.get("/v3/clusters?name=paddock").await.json();
    assert_eq!((&list["type"], &list["data"][0]["id"]), (&json!("collection"), &json!(id)));

    let token = until("the registration token", async || {
        let answer = gate.get(&format!("/v3/clusterRegistrationTokens/{id}:default-token")).await;
        (answer.code == 200).then(|| answer.json())
    })
    .await;
    assert_eq!(token["clusterId"], *id);
    let url = token["manifestUrl"].as_str().unwrap();
    let path = url.strip_prefix(&gate.base).unwrap();
    let manifest = gate.stranger(path).await;
    assert_eq!(manifest.code, 200, "{}", manifest.text);
    assert!(manifest.text.contains("cattle-cluster-agent"), "{}", manifest.text);
    assert_eq!(manifest.headers["content-type"], "text/plain; charset=utf-8");

    let action = format!("/v3/clusters/{id}?action=generateKubeconfig");
    let config = gate.post(&action, &json!({})).await.json();
    assert_eq!(config["type"], "generateKubeconfigOutput");
    let text = config["config"].as_str().unwrap();
    assert!(text.contains(&format!("{}/k8s/clusters/{id}", gate.base)), "{text}");
    assert!(text.contains("token: \"kubeconfig-"), "{text}");

    let deleted =
        send(gate.request(Method::DELETE, &format!("/v3/clusters/{id}")).bearer_auth(&gate.admin)).await;
    assert_eq!((deleted.code, &deleted.json()["state"]), (200, &json!("removing")));
    until("the cluster to be gone", async || {
        (gate.get(&format!("/v3/clusters/{id}")).await.code == 404).then_some(())
    })
    .await;
    assert_eq!(gate.stranger(path).await.code, 400, "its address is dead");
}

#[tokio::test]
async fn wrong_manifest_addresses_get_one_sentence_that_says_nothing() {
    let gate = Gate::start().await;
    let created = gate.post("/v3/clusters", &json!({"name": "paddock"})).await.json();
    let id = created["id"].as_str().unwrap();
    let wrong = "b".repeat(54);
    let known = gate.stranger(&format!("/v3/import/{wrong}_{id}.yaml")).await;
    let unknown = gate.stranger(&format!("/v3/import/{wrong}_c-zzzzz.yaml")).await;
    assert_eq!((known.code, &known.text), (unknown.code, &unknown.text));
    assert_eq!(known.code, 400);
    assert!(!known.text.contains('{') && known.text.lines().count() == 1, "{}", known.text);
    assert_eq!(gate.stranger(&format!("/v3/import/{wrong}_{id}.txt")).await.code, 404);
}

#[tokio::test]
async fn signs_of_a_stuck_import_reach_its_conditions() {
    let gate = Gate::start().await;
    let created = gate.post("/v3/clusters", &json!({"name": "paddock"})).await.json();
    let id = created["id"].as_str().unwrap().to_owned();
    let stuck = async |kind: &str, reason: &str| {
        until(&format!("{kind} to be stuck for {reason}"), async || {
            let cluster = gate.get(&format!("/v3/clusters/{id}")).await.json();
            let conditions = cluster["conditions"].as_array().cloned().unwrap_or_default();
            conditions
                .into_iter()
                .find(|condition| condition["type"] == kind && condition["reason"] == reason)
        })
        .await
    };
    // A client that trusts nobody breaks off as a Harvester does that verifies.
    until("the cluster to wait", async || {
        let token = gate.get(&format!("/v3/clusterRegistrationTokens/{id}:default-token")).await;
        (token.code == 200).then_some(())
    })
    .await;
    let distrustful = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
    assert!(distrustful.get(format!("{}/ping", gate.base)).send().await.is_err());
    let condition = stuck("ManifestFetched", "CertificateNotTrusted").await;
    assert!(condition["message"].as_str().unwrap().contains("127.0.0.1"), "{condition}");

    let token = gate.get(&format!("/v3/clusterRegistrationTokens/{id}:default-token")).await.json();
    let path = token["manifestUrl"].as_str().unwrap().strip_prefix(&gate.base).unwrap().to_owned();
    assert_eq!(gate.stranger(&path).await.code, 200);
    let image = gate.stranger("/v2/grange/agent/manifests/test").await;
    assert_eq!((image.code, &image.json()["errors"][0]["code"]), (404, &json!("NAME_UNKNOWN")));
    let condition = stuck("AgentStarted", "ImageNotFound").await;
    assert!(condition["message"].as_str().unwrap().contains("grange/agent:test"), "{condition}");
}
