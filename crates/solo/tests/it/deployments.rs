//! Grange's own agent as a Deployment: run, watched, logged, ended; other images wait for ever.

use std::{os::unix::fs::PermissionsExt as _, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Solo, condition, config};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/cattle-system/deployments";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/cattle-system/deployments/agent";
const PODS: &str = "/api/v1/namespaces/cattle-system/pods";

/// A program that plays the agent.
fn program(directory: &TempDir, script: &str) -> Option<PathBuf> {
    let path = directory.path().join("agent.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some(path)
}

fn deployment(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "agent"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "agent"}},
            "template": {
                "metadata": {"labels": {"app": "agent"}},
                "spec": {
                    "terminationGracePeriodSeconds": 5,
                    "containers": [{
                        "name": "agent", "image": image,
                        "env": [
                            {"name": "GREETING", "value": "hello"},
                            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                            {"name": "BOTH", "value": "$(GREETING) $(POD)"},
                        ],
                        "volumeMounts": [{"name": "credentials", "mountPath": "/cattle-credentials"}],
                    }],
                    "volumes": [{"name": "credentials", "secret": {"secretName": "join"}}],
                },
            },
        },
    })
}

async fn start(directory: &TempDir, script: &str) -> Solo {
    let mut config = config(directory);
    config.agent_program = program(directory, script);
    let solo = Solo::start(config).await;
    let secret = json!({"metadata": {"name": "join"}, "stringData": {"token": "secret-token"}});
    solo.cluster().create("/api/v1/namespaces/cattle-system/secrets", secret).await;
    solo
}

async fn log(solo: &Solo, pod: &str) -> String {
    let response = solo.cluster().request("GET", &format!("{PODS}/{pod}/log")).send().await.unwrap();
    response.text().await.unwrap()
}

async fn running_pod(solo: &Solo) -> String {
    let list = solo
        .cluster()
        .until(PODS, |list| {
            list["items"].as_array().into_iter().flatten().any(|pod| condition(pod, "Ready") == "True")
        })
        .await;
    (list["items"].as_array().unwrap().iter())
        .find(|pod| condition(pod, "Ready") == "True")
        .and_then(|pod| pod["metadata"]["name"].as_str())
        .unwrap()
        .to_owned()
}

const REPORT: &str = r#"
echo "argument $1"; echo "env $BOTH $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT"
echo "credential $(cat $GRANGE_CREDENTIALS_DIR/token)"
echo "account $(cat $GRANGE_SERVICE_ACCOUNT_DIR/namespace) $(wc -c < $GRANGE_SERVICE_ACCOUNT_DIR/token)"
grep -q BEGIN $GRANGE_SERVICE_ACCOUNT_DIR/ca.crt && echo "authority there"
echo "pipe $GRANGE_PARENT_PIPE"
trap 'echo "told to end"; exit 0' TERM
echo ready
while :; do sleep 0.05; done"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_runs_with_its_environment_and_mounts_and_ends_with_its_deployment() {
    let directory = tempfile::tempdir().unwrap();
    let solo = start(&directory, REPORT).await;
    let cluster = solo.cluster();
    cluster.create(DEPLOYMENTS, deployment("127.0.0.1:5000/grange/agent:v1")).await;
    let ready = cluster.until(DEPLOYMENT, |deployment| deployment["status"]["readyReplicas"] == 1).await;
    assert_eq!(condition(&ready, "Available"), "True");
    let pod = running_pod(&solo).await;
    let path = format!("{PODS}/{pod}/log");
    cluster.until(&path, |text| text.as_str().is_some_and(|text| text.contains("ready"))).await;
    let text = log(&solo, &pod).await;
    let address = cluster.server.trim_start_matches("https://");
    for expected in [
        "argument agent".to_owned(),
        format!("env hello {pod} {address}"),
        "credential secret-token".to_owned(),
        "account cattle-system".to_owned(),
        "authority there".to_owned(),
        "pipe stdin".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected:?} in {text}");
    }
    let tail =
        cluster.request("GET", &format!("{path}?tailLines=1")).send().await.unwrap().text().await.unwrap();
    assert_eq!(tail, "ready\n");
    let follow = cluster.request("GET", &format!("{path}?follow=true&tailLines=1")).send().await.unwrap();

    assert_eq!(cluster.delete(DEPLOYMENT).await, 200);
    cluster.gone(&format!("{PODS}/{pod}")).await;
    assert_eq!(follow.text().await.unwrap(), "ready\ntold to end\n");
    assert_eq!(cluster.names(PODS).await, Vec::<String>::new());
    let folders = std::fs::read_dir(solo.directory.join("pods")).unwrap().count();
    assert_eq!(folders, 0, "nothing of the pod is left on disk");
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_fails_is_started_anew_and_then_backed_off() {
    let directory = tempfile::tempdir().unwrap();
    let solo = start(&directory, "echo failing; exit 3").await;
    let cluster = solo.cluster();
    cluster.create(DEPLOYMENTS, deployment("grange/agent")).await;
    let list = cluster
        .until(PODS, |list| {
            list["items"][0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
                == "CrashLoopBackOff"
        })
        .await;
    let status = &list["items"][0]["status"]["containerStatuses"][0];
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 3);
    assert!(status["restartCount"].as_u64().is_some_and(|count| count >= 1), "{status}");
    let pod = list["items"][0]["metadata"]["name"].as_str().unwrap();
    // By now it may have been started once more.
    let text = log(&solo, pod).await;
    assert!(text.starts_with("failing\nfailing\n"), "{text}");
    cluster.until(DEPLOYMENT, |deployment| condition(deployment, "Available") == "False").await;
    // A back-off does not hold up the end.
    cluster.delete(DEPLOYMENT).await;
    cluster.gone(&format!("{PODS}/{pod}")).await;
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scaling_and_a_new_template_replace_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let solo = start(&directory, REPORT).await;
    let cluster = solo.cluster();
    cluster.create(DEPLOYMENTS, deployment("grange/agent:v1")).await;
    let first = running_pod(&solo).await;
    let template = json!({"spec": {"template": {"metadata": {"annotations": {"changed": "yes"}}}}});
    cluster.patch(DEPLOYMENT, template).await;
    cluster.gone(&format!("{PODS}/{first}")).await;
    let second = running_pod(&solo).await;
    assert_ne!(first, second);
    cluster.patch(DEPLOYMENT, json!({"spec": {"replicas": 0}})).await;
    cluster.gone(&format!("{PODS}/{second}")).await;
    cluster.until(DEPLOYMENT, |deployment| deployment["status"]["readyReplicas"].is_null()).await;
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_obey_is_killed_after_its_grace() {
    let directory = tempfile::tempdir().unwrap();
    let solo = start(&directory, "trap '' TERM; echo up; while :; do sleep 0.05; done").await;
    let cluster = solo.cluster();
    let mut stubborn = deployment("grange/agent");
    stubborn["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1.into();
    cluster.create(DEPLOYMENTS, stubborn).await;
    let pod = running_pod(&solo).await;
    cluster.delete(DEPLOYMENT).await;
    cluster.gone(&format!("{PODS}/{pod}")).await;
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_images_are_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let solo = start(&directory, "exit 0").await;
    let cluster = solo.cluster();
    cluster.create(DEPLOYMENTS, deployment("rancher/rancher-agent:v2.9")).await;
    let list = cluster
        .until(PODS, |list| {
            list["items"][0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
                == "ImagePullBackOff"
        })
        .await;
    assert_eq!(list["items"][0]["status"]["phase"], "Pending");
    let pod = list["items"][0]["metadata"]["name"].as_str().unwrap();
    let (code, answer) = cluster.send("GET", &format!("{PODS}/{pod}/log"), None).await;
    assert_eq!(code, 400, "{answer}");
    cluster.delete(DEPLOYMENT).await;
    cluster.gone(&format!("{PODS}/{pod}")).await;
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_cluster_starts_the_agent_again() {
    let directory = tempfile::tempdir().unwrap();
    let solo = start(&directory, REPORT).await;
    solo.cluster().create(DEPLOYMENTS, deployment("grange/agent")).await;
    let pod = running_pod(&solo).await;
    solo.stop().await;
    let mut config = config(&directory);
    config.agent_program = program(&directory, REPORT);
    let solo = Solo::start(config).await;
    let path = format!("{PODS}/{pod}");
    let again =
        solo.cluster().until(&path, |pod| pod["status"]["containerStatuses"][0]["restartCount"] == 1).await;
    assert_eq!(again["status"]["phase"], "Running");
    solo.stop().await;
}
