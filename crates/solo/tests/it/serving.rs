//! What a cluster serves from the first moment, and what it keeps.

use std::os::unix::fs::PermissionsExt as _;

use grange_solo::{Config, Error, HypervisorChoice, Service};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Solo, condition, config};

const HARVESTER: &str = "/apis/harvesterhci.io/v1beta1";

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_what_every_harvester_has() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();

    assert_eq!(cluster.get("/version").await["gitVersion"], "v1.33.5+rke2r1");
    let version = cluster.get(&format!("{HARVESTER}/settings/server-version")).await;
    assert_eq!(version["value"], "v1.6.1");
    let registration = cluster.get(&format!("{HARVESTER}/settings/cluster-registration-url")).await;
    assert_eq!(registration["default"], r#"{"url":"","insecureSkipTLSVerify":false}"#);
    assert!(registration["metadata"]["annotations"]["harvesterhci.io/hash"].is_null());

    let namespaces = cluster.names("/api/v1/namespaces").await;
    for namespace in ["default", "kube-system", "harvester-system", "harvester-public", "cattle-system"] {
        assert!(namespaces.iter().any(|name| name == namespace), "{namespace} in {namespaces:?}");
    }
    let node = cluster.get("/api/v1/nodes/lab").await;
    assert_eq!(condition(&node, "Ready"), "True");
    assert_eq!(node["metadata"]["labels"]["harvesterhci.io/managed"], "true");
    assert_eq!(cluster.names("/apis/metrics.k8s.io/v1beta1/nodes").await, ["lab"]);
    let definitions = cluster.names("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").await;
    assert!(definitions.contains(&"virtualmachines.kubevirt.io".to_owned()));
    assert!(definitions.contains(&"settings.harvesterhci.io".to_owned()));
    assert_eq!(cluster.names("/apis/network.harvesterhci.io/v1beta1/clusternetworks").await, ["mgmt"]);
    let templates =
        cluster.names(&format!("{HARVESTER}/namespaces/harvester-public/virtualmachinetemplates")).await;
    assert_eq!(templates.len(), 4);
    let kubevirt = "/apis/kubevirt.io/v1/namespaces/harvester-system/kubevirts/kubevirt";
    assert_eq!(cluster.get(kubevirt).await["status"]["phase"], "Deployed");
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_names_the_kinds_and_their_actions() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let kinds = solo.cluster().get("/apis/kubevirt.io/v1").await;
    let machines = (kinds["resources"].as_array().unwrap().iter())
        .find(|resource| resource["name"] == "virtualmachines")
        .unwrap();
    assert_eq!(machines["shortNames"], json!(["vm", "vms"]));
    assert_eq!(machines["namespaced"], true);
    let actions = solo.cluster().get("/apis/subresources.kubevirt.io/v1").await;
    let names: Vec<_> = actions["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["name"].as_str().unwrap())
        .collect();
    for name in ["virtualmachines/start", "virtualmachines/stop", "virtualmachineinstances/pause"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_admins_token_opens_it() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    assert_eq!(cluster.anonymous("/readyz").await, 200);
    assert!([401, 403].contains(&cluster.anonymous("/api/v1/secrets").await));
    let mut other = cluster.clone();
    other.token = "wrong".into();
    assert_eq!(other.send("GET", "/api/v1/namespaces", None).await.0, 401);
    let path = directory.path().join("kubeconfig");
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_state_the_token_and_what_users_changed() {
    let directory = tempfile::tempdir().unwrap();
    let setting = format!("{HARVESTER}/settings/overcommit-config");
    let solo = Solo::start(config(&directory)).await;
    let token = solo.cluster().token.clone();
    solo.cluster().patch(&setting, json!({"value": "{\"cpu\":100}"})).await;
    let namespace = json!({"metadata": {"name": "mine"}});
    let made = solo.cluster().create("/api/v1/namespaces", namespace).await;
    solo.stop().await;

    let solo = Solo::start(config(&directory)).await;
    assert_eq!(solo.cluster().token, token);
    assert_eq!(solo.cluster().get(&setting).await["value"], "{\"cpu\":100}");
    let kept = solo.cluster().get("/api/v1/namespaces/mine").await;
    assert_eq!(kept["metadata"]["uid"], made["metadata"]["uid"]);
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_has_one_user() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let (second, _handle) = Service::new(config(&directory)).unwrap();
    let refused = second.run(CancellationToken::new()).await.unwrap_err();
    assert!(matches!(refused, Error::InUse(_)), "{refused}");
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clusters_share_a_process() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(Config { clusters: 3, vms: 2, ..config(&directory) }).await;
    assert_eq!(solo.clusters.len(), 3);
    for (index, cluster) in solo.clusters.iter().enumerate() {
        assert_eq!(cluster.names("/api/v1/nodes").await, [format!("lab-{}", index + 1)]);
        let path = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines/vm-0002";
        cluster.until(path, |machine| machine["status"]["printableStatus"] == "Running").await;
    }
    let mut stranger = solo.clusters[0].clone();
    stranger.token = solo.clusters[1].token.clone();
    assert_eq!(stranger.send("GET", "/api/v1/nodes", None).await.0, 401);
    solo.stop().await;
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_touched() {
    let wrong = [
        Config { clusters: 0, ..Config::default() },
        Config { clusters: 5000, ..Config::default() },
        Config { vms: 1_000_000, ..Config::default() },
        Config { name: "Not A Name".into(), ..Config::default() },
        Config { hypervisor: HypervisorChoice::Kvm, ..Config::default() },
    ];
    for config in wrong {
        assert!(Service::new(config.clone()).is_err(), "{config:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seeded_roles_let_people_do_what_a_harvester_lets_them() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    let review = |user: &str, group: &str, verb: &str, group_name: &str, resource: &str, name: &str| {
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
            "user": user, "groups": [group],
            "resourceAttributes": {"verb": verb, "group": group_name, "resource": resource, "name": name},
        }})
    };
    for (verb, group, resource, name, expected) in [
        ("get", "harvesterhci.io", "settings", "server-version", true),
        ("get", "harvesterhci.io", "settings", "cluster-registration-url", false),
        ("list", "network.harvesterhci.io", "clusternetworks", "", true),
        ("list", "", "nodes", "", false),
        ("list", "kubevirt.io", "virtualmachines", "", false),
    ] {
        let body = review("jane", "system:authenticated", verb, group, resource, name);
        let (_, answer) =
            cluster.send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", Some(body)).await;
        assert_eq!(answer["status"]["allowed"], expected, "{verb} {resource} {name}: {answer}");
    }
    let view = "/apis/rbac.authorization.k8s.io/v1/clusterroles/view";
    cluster.until(view, |role| role["rules"].to_string().contains("virtualmachineimages")).await;
    solo.stop().await;
}
