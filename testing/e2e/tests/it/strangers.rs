//! Whoever has no credential, a wrong one, or one for something else stays outside and learns nothing.

use std::time::Duration;

use anyhow::{Context, Result};
use grange_harness::{Kubeconfig, Process, Server, Solo, free_port, import, wait};
use serde_json::json;

use crate::import::Pair;

#[tokio::test]
async fn strangers_and_wrong_tokens_are_refused() -> Result<()> {
    let pair = Pair::start().await?;
    let (gate, remote) = (&pair.server.api, &pair.through_the_gateway());
    for (api, path) in [(gate, "/api/v1/namespaces"), (remote, "/api/v1/nodes"), (gate, "/v3/clusters")] {
        for token in ["", "token-aaaaa:wrong", "garbage"] {
            let answer = api.with_token(token).try_get(path).await?;
            assert_eq!(answer.code, 401, "{path} with {token:?}: {}", answer.text);
        }
    }
    let unknown = gate.try_get("/k8s/clusters/c-m-bbbbbbbb/api/v1/nodes").await?;
    assert!([403, 404].contains(&unknown.code), "{}", unknown.text);
    Ok(())
}

#[tokio::test]
async fn a_wrong_manifest_address_never_yields_a_manifest() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let imported = import::create(&server.api, "paddock").await?;
    let other = import::create(&server.api, "meadow").await?;
    let stranger = server.api.with_token("");
    let good = imported.manifest_url.strip_prefix(server.api.base()).expect("a URL of this server");
    let manifest = stranger.try_get(good).await?;
    assert_eq!(manifest.code, 200, "{}", manifest.text);
    assert!(!manifest.text.contains("kind: Namespace"), "the namespace is not ours to bring or to take");

    let wrong = [
        good.replace(&imported.id, &other.id),
        format!("/v3/import/{}_{}.yaml", "b".repeat(54), imported.id),
        good.replace(&imported.id, "c-m-zzzzzzzz"),
    ];
    let mut answers = Vec::new();
    for path in &wrong {
        let answer = stranger.try_get(path).await?;
        assert!((400..500).contains(&answer.code), "{path}: {}", answer.code);
        answers.push((answer.code, answer.text));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "a stranger must not learn which part was wrong: {answers:?}");
    Ok(())
}

#[tokio::test]
async fn a_token_used_from_another_cluster_is_refused() -> Result<()> {
    let pair = Pair::start().await?;
    let thief = Solo::start(pair.folder.path(), "thief", free_port()?, &[]).await?;
    let file = pair.imported.manifest_url.rsplit('/').next().expect("a file name");
    let token = file.split('_').next().expect("a token");
    let kubeconfig = thief.kubeconfig.display().to_string();
    let checksum = checksum(&pair).await?;
    let arguments = [
        "agent",
        "--server-url",
        pair.server.api.base(),
        "--token",
        token,
        "--kubeconfig",
        &kubeconfig,
        "--ca-checksum",
        &checksum,
    ];
    let agent = Process::start("thief-agent", pair.folder.path(), &arguments.map(str::to_owned))?;
    wait::until("the agent to be told no", Duration::from_secs(30), async || {
        Ok(agent.log().contains("cluster_mismatch").then_some(()))
    })
    .await?;
    let before = pair.cluster.api.get("/api/v1/namespaces/kube-system").await?;
    let seen = pair.through_the_gateway().get("/api/v1/namespaces/kube-system").await?;
    assert_eq!(
        before["metadata"]["uid"], seen["metadata"]["uid"],
        "requests still reach the cluster that was imported"
    );
    Ok(())
}

/// The checksum of the server's CA as its manifest pins it.
async fn checksum(pair: &Pair) -> Result<String> {
    let deployment = "/apis/apps/v1/namespaces/cattle-system/deployments/cattle-cluster-agent";
    let deployment = pair.cluster.api.get(deployment).await?;
    let variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let variable =
        variables.iter().find(|variable| variable["name"] == "CATTLE_CA_CHECKSUM").expect("a pinned CA");
    Ok(variable["value"].as_str().expect("a checksum").to_owned())
}

#[tokio::test]
async fn a_token_for_one_cluster_opens_no_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let own = import::create(&server.api, "paddock").await?;
    let other = import::create(&server.api, "meadow").await?;
    let path = format!("/v3/clusters/{}?action=generateKubeconfig", own.id);
    let answer = server.api.create(&path, &json!({})).await?;
    let kubeconfig = Kubeconfig::parse(answer["config"].as_str().context("a kubeconfig")?)?;
    let name = kubeconfig.token.split(':').next().context("a token's name")?;
    let bound = server.api.with_token(&kubeconfig.token);
    assert_eq!(bound.try_get("/v3/clusters").await?.code, 200, "so far it is its person's");

    let token = format!("/apis/management.cattle.io/v3/tokens/{name}");
    server.api.merge_patch(&token, &json!({"clusterName": own.id})).await?;
    wait::until("the token to be bound", Duration::from_secs(30), async || {
        Ok((bound.try_get("/v3/clusters").await?.code == 401).then_some(()))
    })
    .await?;
    let reached = bound.try_get(&format!("/k8s/clusters/{}/api/v1/nodes", own.id)).await?;
    assert_eq!(reached.code, 503, "its own, which is not connected: {}", reached.text);
    for path in [
        format!("/k8s/clusters/{}/api/v1/nodes", other.id),
        "/k8s/clusters/local/api/v1/namespaces".to_owned(),
        format!("/k8s/clusters/{}x/api", own.id),
        "/api/v1/namespaces".to_owned(),
        "/v3/users?me=true".to_owned(),
    ] {
        let answer = bound.try_get(&path).await?;
        assert_eq!(answer.code, 401, "{path}: {}", answer.text);
    }
    Ok(())
}
