//! The control plane is a real one: what only a real Kubernetes does, it does.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use grange_testing_kubernetes::{Cluster, Options, USER_NAME};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// How long anything that a controller does may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long between two looks whether it is done.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Names the version that was built.
const GO_MODULE: &str = include_str!("../../../kubernetes/go.mod");

#[tokio::test]
async fn a_whole_cluster_works() -> Result<()> {
    let Some(options) = Options::from_environment() else { return Ok(()) };
    let cluster = Cluster::start(options).await?;

    let version = cluster.kubectl(&["version", "-o", "json"]).await?;
    let version: Value = serde_json::from_str(&version).context("reading kubectl's versions")?;
    for side in ["clientVersion", "serverVersion"] {
        let version = version[side]["gitVersion"].as_str().context("a version")?;
        assert!(
            GO_MODULE.contains(&format!("k8s.io/kubernetes {version}\n")),
            "{side} {version} is not what was built"
        );
    }

    // A namespace gets what the controllers put into every namespace.
    cluster.kubectl(&["create", "namespace", "tests"]).await?;
    wait_until("the namespace has its account", async || {
        cluster.kubectl(&["-n", "tests", "get", "serviceaccount", "default"]).await.is_ok()
    })
    .await?;
    wait_until("the namespace has the authority", async || {
        cluster.kubectl(&["-n", "tests", "get", "configmap", "kube-root-ca.crt"]).await.is_ok()
    })
    .await?;

    // The token of a ServiceAccount is good for being that ServiceAccount.
    let token = cluster.kubectl(&["-n", "tests", "create", "token", "default"]).await?;
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let url = format!("{}/apis/authentication.k8s.io/v1/selfsubjectreviews", cluster.url());
    let answer: Value = cluster.client(token.trim())?.post(url).json(&review).send().await?.json().await?;
    assert_eq!(answer["status"]["userInfo"]["username"], "system:serviceaccount:tests:default");

    // So is the token of a Secret, which only the controller manager fills.
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "token", "namespace": "tests",
            "annotations": {"kubernetes.io/service-account.name": "default"}},
    });
    let admin = cluster.client(cluster.admin_token())?;
    let secrets = format!("{}/api/v1/namespaces/tests/secrets", cluster.url());
    let created = admin.post(&secrets).json(&secret).send().await?;
    assert_eq!(created.status(), StatusCode::CREATED);
    wait_until("the Secret has its token", async || {
        let Ok(response) = admin.get(format!("{secrets}/token")).send().await else { return false };
        response.json::<Value>().await.is_ok_and(|secret| secret["data"]["token"].is_string())
    })
    .await?;

    collects_garbage(&cluster, &admin).await?;

    cluster.kubectl(&["delete", "namespace", "tests", "--timeout=60s"]).await?;
    Ok(())
}

/// What a deleted object owned disappears, though the owner is of the cluster
/// and what it owned is in a namespace: the import's removal rests on this.
async fn collects_garbage(cluster: &Cluster, admin: &reqwest::Client) -> Result<()> {
    cluster.kubectl(&["create", "clusterrole", "owner", "--verb=get", "--resource=pods"]).await?;
    let uid = cluster.kubectl(&["get", "clusterrole", "owner", "-o", "jsonpath={.metadata.uid}"]).await?;
    let owned = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "owned", "namespace": "tests", "ownerReferences": [{
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": "owner", "uid": uid,
        }]},
    });
    let config_maps = format!("{}/api/v1/namespaces/tests/configmaps", cluster.url());
    let created = admin.post(&config_maps).json(&owned).send().await?;
    assert_eq!(created.status(), StatusCode::CREATED);

    cluster.kubectl(&["delete", "clusterrole", "owner"]).await?;
    wait_until("what the ClusterRole owned is gone", async || {
        let answer = admin.get(format!("{config_maps}/owned")).send().await;
        answer.is_ok_and(|response| response.status() == StatusCode::NOT_FOUND)
    })
    .await
}

#[tokio::test]
async fn clusters_are_apart_and_decide_by_rbac() -> Result<()> {
    let Some(options) = Options::from_environment() else { return Ok(()) };
    let options = options.without_controller_manager();
    let (one, other) = tokio::try_join!(Cluster::start(options.clone()), Cluster::start(options))?;

    // What is made in one is not in the other.
    one.kubectl(&["create", "namespace", "here"]).await?;
    assert!(other.kubectl(&["get", "namespace", "here"]).await.is_err());

    // The credentials of one are worth nothing in the other.
    let foreign = other.client(one.admin_token())?.get(format!("{}/version", other.url())).send().await?;
    assert_eq!(foreign.status(), StatusCode::UNAUTHORIZED);
    let untrusted = one.client(one.admin_token())?.get(format!("{}/version", other.url())).send().await;
    assert!(untrusted.is_err(), "the authority of one cluster vouches for the other");

    // The ordinary user may do what was granted, and only that.
    let as_user = async |verb: &str| {
        let mut command = one.kubectl_command();
        command.arg("--kubeconfig").arg(one.user_kubeconfig()).args(["auth", "can-i", verb, "configmaps"]);
        command.output().await.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    assert_eq!(as_user("list").await?, "no");
    one.kubectl(&["create", "role", "reader", "--verb=list", "--resource=configmaps"]).await?;
    let user = format!("--user={USER_NAME}");
    one.kubectl(&["create", "rolebinding", "reader", "--role=reader", &user]).await?;
    assert_eq!(as_user("list").await?, "yes");
    assert_eq!(as_user("create").await?, "no");

    // The certificate is the administrator's too.
    let mut command = one.kubectl_command();
    command.arg("--kubeconfig").arg(one.certificate_kubeconfig()).args(["auth", "can-i", "*", "*"]);
    assert_eq!(String::from_utf8_lossy(&command.output().await?.stdout).trim(), "yes");
    Ok(())
}

#[tokio::test]
async fn nothing_stays_behind() -> Result<()> {
    let Some(options) = Options::from_environment() else { return Ok(()) };
    let cluster = Cluster::start(options.without_controller_manager()).await?;
    let folder = cluster.folder().to_owned();
    let processes: Vec<PathBuf> =
        cluster.process_ids().iter().map(|(_, id)| PathBuf::from(format!("/proc/{id}"))).collect();
    assert_eq!(processes.len(), 2);
    assert!(processes.iter().all(|process| process.exists()));

    drop(cluster);
    assert!(processes.iter().all(|process| !process.exists()), "a program outlives its cluster");
    assert!(!folder.exists(), "{} outlives its cluster", folder.display());
    Ok(())
}

/// What ends the programs when the test itself is killed.
#[tokio::test]
async fn a_program_ends_with_its_input() -> Result<()> {
    let Some(options) = Options::from_environment() else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let mut program = Command::new(options.binaries.join("kubernetes"))
        .args(["--until-stdin-closes", "etcd", "--listen-peer-urls=http://127.0.0.1:0"])
        .args(["--listen-client-urls=http://127.0.0.1:0", "--advertise-client-urls=http://127.0.0.1:0"])
        .arg("--data-dir")
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut log = BufReader::new(program.stderr.take().context("a pipe")?).lines();
    while !log.next_line().await?.context("etcd ended by itself")?.contains("ready to serve client requests")
    {
    }
    // Read on, or it would wait for that instead.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    assert!(program.try_wait()?.is_none());

    drop(program.stdin.take());
    tokio::time::timeout(DEADLINE, program.wait()).await.context("etcd outlives its input")??;
    Ok(())
}

#[tokio::test]
async fn a_failed_start_shows_the_log() -> Result<()> {
    let Some(options) = Options::from_environment() else { return Ok(()) };
    let mut options = options.without_controller_manager();
    options.api_server_flags.push("--no-such-flag".to_owned());
    let error = Cluster::start(options).await.expect_err("kube-apiserver took a flag that it does not know");
    let message = error.to_string();
    assert!(message.contains("kube-apiserver ended by itself"), "{message}");
    assert!(message.contains("unknown flag: --no-such-flag"), "{message}");
    Ok(())
}

/// Waits until `holds` does; `what` is for the message if it does not in time.
async fn wait_until(what: &str, holds: impl AsyncFn() -> bool) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        ensure!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
