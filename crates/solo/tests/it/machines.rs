//! Machines over their whole life, as people and the console see them.

use serde_json::{Value, json};

use crate::support::{Cluster, Solo, condition, config, typed};

const MACHINES: &str = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines";
const MACHINE: &str = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines/web01";
const INSTANCE: &str = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/web01";
const CLAIM: &str = "/api/v1/namespaces/default/persistentvolumeclaims/web01-disk-0";

fn machine(strategy: &str) -> Value {
    let claims = json!([{
        "metadata": {"name": "web01-disk-0", "annotations": {"harvesterhci.io/imageId": "default/image-1"}},
        "spec": {"accessModes": ["ReadWriteMany"], "volumeMode": "Block",
                 "resources": {"requests": {"storage": "10Gi"}}},
    }]);
    json!({
        "metadata": {
            "name": "web01", "annotations": {"harvesterhci.io/volumeClaimTemplates": claims.to_string()},
            "labels": {"harvesterhci.io/os": "debian"},
        },
        "spec": {
            "runStrategy": strategy,
            "template": {
                "metadata": {"labels": {"harvesterhci.io/vmName": "web01"}},
                "spec": {
                    "domain": {
                        "cpu": {"cores": 2}, "resources": {"limits": {"memory": "4Gi", "cpu": "2"}},
                        "devices": {
                            "disks": [{"name": "disk-0", "disk": {"bus": "virtio"}}],
                            "interfaces": [{"name": "default", "masquerade": {}}],
                        },
                    },
                    "networks": [{"name": "default", "pod": {}}],
                    "volumes": [{"name": "disk-0", "persistentVolumeClaim": {"claimName": "web01-disk-0"}}],
                },
            },
        },
    })
}

async fn act(cluster: &Cluster, action: &str) -> u16 {
    let kind = match action {
        "start" | "stop" | "restart" => "virtualmachines",
        _ => "virtualmachineinstances",
    };
    let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/default/{kind}/web01/{action}");
    cluster.send("PUT", &path, Some(json!({}))).await.0
}

async fn status(cluster: &Cluster, wanted: &str) -> Value {
    cluster.until(MACHINE, |machine| machine["status"]["printableStatus"] == wanted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_starts_is_acted_on_and_goes() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    cluster.create(MACHINES, machine("RerunOnFailure")).await;
    let running = status(cluster, "Running").await;
    assert_eq!(running["status"]["ready"], true);
    assert_eq!(condition(&running, "Ready"), "True");

    let instance = cluster.until(INSTANCE, |instance| condition(instance, "AgentConnected") == "True").await;
    let phases: Vec<_> = (instance["status"]["phaseTransitionTimestamps"].as_array().unwrap().iter())
        .map(|entry| entry["phase"].as_str().unwrap())
        .collect();
    assert_eq!(phases, ["Pending", "Scheduling", "Scheduled", "Running"]);
    assert_eq!(instance["status"]["nodeName"], "lab");
    assert_eq!(instance["metadata"]["labels"]["kubevirt.io/nodeName"], "lab");
    assert_eq!(instance["status"]["guestOSInfo"]["id"], "debian");
    assert!(instance["status"]["interfaces"][0]["ipAddress"].as_str().unwrap().starts_with("10.52."));
    let mac = instance["status"]["interfaces"][0]["mac"].clone();
    let last = instance["status"]["conditions"].as_array().unwrap().last().unwrap();
    assert_eq!(last["type"], "AgentConnected");
    let pods = cluster.get("/api/v1/namespaces/default/pods?labelSelector=kubevirt.io%3Dvirt-launcher").await;
    let pod = &pods["items"][0];
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(instance["status"]["activePods"][pod["metadata"]["uid"].as_str().unwrap()], "lab");
    let claim = cluster.get(CLAIM).await;
    assert_eq!(claim["status"]["phase"], "Bound");
    assert_eq!(claim["metadata"]["annotations"]["harvesterhci.io/imageId"], "default/image-1");

    assert_eq!(act(cluster, "start").await, 409);
    assert_eq!(act(cluster, "pause").await, 202);
    status(cluster, "Paused").await;
    assert_eq!(act(cluster, "pause").await, 409);
    assert_eq!(act(cluster, "unpause").await, 202);
    status(cluster, "Running").await;
    assert_eq!(act(cluster, "softreboot").await, 202);

    let uid = instance["metadata"]["uid"].clone();
    assert_eq!(act(cluster, "restart").await, 202);
    let second = cluster
        .until(INSTANCE, |instance| {
            instance["metadata"]["uid"] != uid && instance["status"]["phase"] == "Running"
        })
        .await;
    assert_eq!(second["status"]["interfaces"][0]["mac"], mac, "the address of the first run is kept");

    assert_eq!(act(cluster, "stop").await, 202);
    let stopped = status(cluster, "Stopped").await;
    assert_eq!(stopped["spec"]["runStrategy"], "RerunOnFailure");
    cluster.gone(INSTANCE).await;
    assert_eq!(act(cluster, "stop").await, 409);
    assert_eq!(act(cluster, "start").await, 202);
    status(cluster, "Running").await;

    assert_eq!(cluster.delete(MACHINE).await, 200);
    cluster.gone(MACHINE).await;
    cluster.gone(INSTANCE).await;
    cluster
        .until("/api/v1/namespaces/default/pods", |list| list["items"].as_array().unwrap().is_empty())
        .await;
    assert_eq!(cluster.get(CLAIM).await["status"]["phase"], "Bound", "its claims outlive a machine");
    let volume = claim["spec"]["volumeName"].as_str().unwrap();
    assert_eq!(cluster.delete(CLAIM).await, 200);
    cluster.gone(CLAIM).await;
    cluster.gone(&format!("/api/v1/persistentvolumes/{volume}")).await;
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strategies_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    cluster.create(MACHINES, machine("Halted")).await;
    status(cluster, "Stopped").await;
    assert_eq!(act(cluster, "pause").await, 404);
    // Started, a halted machine runs as a Harvester's would.
    assert_eq!(act(cluster, "start").await, 202);
    let running = status(cluster, "Running").await;
    assert_eq!(running["spec"]["runStrategy"], "RerunOnFailure");
    cluster.patch(MACHINE, json!({"spec": {"runStrategy": "Always"}})).await;
    assert_eq!(act(cluster, "stop").await, 202);
    let stopped = status(cluster, "Stopped").await;
    assert_eq!(stopped["spec"]["runStrategy"], "Halted");
    assert_eq!(stopped["metadata"]["annotations"]["harvesterhci.io/vmRunStrategy"], "Always");
    assert_eq!(act(cluster, "start").await, 202);
    let running = status(cluster, "Running").await;
    assert_eq!(running["spec"]["runStrategy"], "Always");
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_waits_for_a_claim_that_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    let mut waiting = machine("Always");
    waiting["metadata"]["annotations"] = json!({});
    cluster.create(MACHINES, waiting).await;
    status(cluster, "ErrorPvcNotFound").await;
    let claim = json!({
        "metadata": {"name": "web01-disk-0"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    cluster.create("/api/v1/namespaces/default/persistentvolumeclaims", claim).await;
    status(cluster, "Running").await;
    // A claim in use stays until its machine is gone.
    cluster.delete(CLAIM).await;
    assert!(!cluster.get(CLAIM).await["metadata"]["deletionTimestamp"].is_null());
    cluster.delete(MACHINE).await;
    cluster.gone(CLAIM).await;
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_outlive_a_restart_of_the_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    solo.cluster().create(MACHINES, machine("Always")).await;
    status(solo.cluster(), "Running").await;
    let uid = solo.cluster().get(INSTANCE).await["metadata"]["uid"].clone();
    solo.stop().await;
    let solo = Solo::start(config(&directory)).await;
    assert_eq!(solo.cluster().get(INSTANCE).await["metadata"]["uid"], uid);
    // It can be acted on: the engine has taken it over.
    let path = "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachineinstances/web01/pause";
    let start = tokio::time::Instant::now();
    while solo.cluster().send("PUT", path, None).await.0 != 202 {
        assert!(start.elapsed().as_secs() < 30);
        tokio::task::yield_now().await;
    }
    status(solo.cluster(), "Paused").await;
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_machines_and_migrations_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    let mut both = machine("Always");
    both["spec"]["running"] = true.into();
    let mut unknown = machine("Sometimes");
    unknown["metadata"]["name"] = "other".into();
    let no_template = json!({"metadata": {"name": "bare"}, "spec": {"runStrategy": "Always"}});
    for wrong in [both, unknown, no_template] {
        let (code, answer) = cluster.send("POST", MACHINES, Some(typed(MACHINES, wrong))).await;
        assert_eq!(code, 422, "{answer}");
    }
    let migration = json!({"metadata": {"name": "m"}, "spec": {"vmiName": "web01"}});
    let path = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancemigrations";
    assert_eq!(cluster.send("POST", path, Some(typed(path, migration))).await.0, 403);
    assert_eq!(act(cluster, "start").await, 404);
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_imported_and_say_that_it_is_simulated() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    let images = "/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages";
    let image = json!({
        "metadata": {"generateName": "image-"},
        "spec": {"displayName": "jammy.img", "sourceType": "download", "url": "https://images.test/jammy.img"},
    });
    let name = cluster.create(images, image).await["metadata"]["name"].as_str().unwrap().to_owned();
    let path = format!("{images}/{name}");
    let done = cluster.until(&path, |image| condition(image, "Imported") == "True").await;
    assert_eq!(done["status"]["progress"], 100);
    assert_eq!(done["metadata"]["labels"]["harvesterhci.io/imageDisplayName"], "jammy.img");
    assert!(done["status"]["conditions"].to_string().contains("simulated"));
    let class = done["status"]["storageClassName"].as_str().unwrap();
    let class = format!("/apis/storage.k8s.io/v1/storageclasses/{class}");
    cluster.get(&class).await;
    cluster.delete(&path).await;
    cluster.gone(&class).await;
    solo.stop().await;
}
