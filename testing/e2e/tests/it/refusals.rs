//! Wrong input gets a clear error that names the thing at fault, and nothing is half done.

use std::{process::Command, time::Duration};

use anyhow::Result;
use grange_harness::{Process, Server, Solo, binary, free_port, import, inventory, wait};
use reqwest::Method;
use serde_json::{Value, json};

use crate::import::Pair;

#[tokio::test]
async fn every_refused_call_is_a_status_that_names_the_fault() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let before = inventory(&server.api).await?;
    let cluster = |metadata: Value, spec: Value| {
        json!({"apiVersion": "provisioning.cattle.io/v1", "kind": "Cluster", "metadata": metadata, "spec": spec}).to_string()
    };
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}).to_string();
    let json = "application/json";
    let cases: Vec<(&str, &str, String, u16, &str)> = vec![
        ("not JSON", json, "{".into(), 400, ""),
        ("wrong content type", "text/csv", "a,b".into(), 415, "application/json"),
        ("name out of rule", json, cluster(json!({"name": "Upper_Case"}), json!({})), 422, "metadata.name"),
        (
            "label out of rule",
            json,
            cluster(json!({"name": "a", "labels": {"a b": "c"}}), json!({})),
            422,
            "metadata.labels",
        ),
        (
            "wrong type",
            json,
            cluster(json!({"name": "a"}), json!({"agentEnvVars": 5})),
            422,
            "spec.agentEnvVars",
        ),
        ("oversized", json, format!("{{\"a\":\"{}\"}}", "x".repeat(4 << 20)), 413, ""),
        ("another kind", json, secret, 400, ""),
    ];
    for (what, kind, body, code, names) in cases {
        let request =
            server.api.request(Method::POST, import::CLUSTERS).header("content-type", kind).body(body);
        let answer = server.api.send(request).await?;
        assert_eq!(answer.code, code, "{what}: {}", answer.text);
        assert_eq!(answer.json()["kind"], "Status", "{what}: {}", answer.text);
        assert!(answer.text.contains(names), "{what} does not name {names}: {}", answer.text);
    }
    for path in ["/api//v1/secrets", "/k8s/clusters/%2e%2e/api", "/k8s/clusters/a%2fb/api"] {
        let answer = server.api.try_get(path).await?;
        assert!((400..500).contains(&answer.code), "{path}: {} {}", answer.code, answer.text);
    }
    assert_eq!(before, inventory(&server.api).await?, "a refused call must leave nothing");
    Ok(())
}

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
async fn a_second_server_on_the_same_folder_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let data = folder.path().join("server");
    let second = Command::new(binary()?)
        .args(["server", "--data-dir", &data.display().to_string(), "--listen", "127.0.0.1:0"])
        .args(["--server-url", "https://127.0.0.1:1"])
        .output()?;
    assert!(!second.status.success());
    let message = String::from_utf8_lossy(&second.stderr);
    assert!(message.contains(&data.display().to_string()), "the message must name the folder: {message}");
    assert_eq!(server.api.try_get("/readyz").await?.code, 200, "the first one goes on");
    Ok(())
}
