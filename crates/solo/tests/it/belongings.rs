//! What belongs to machines, as people and the console see it: disks that come and go, images, keys, templates.

use serde_json::{Value, json};

use crate::support::{Cluster, Solo, condition, config, typed};

const MACHINES: &str = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines";
const MACHINE: &str = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines/web01";
const INSTANCE: &str = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/web01";
const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
const HARVESTER: &str = "/apis/harvesterhci.io/v1beta1/namespaces/default";
const CLAIM_TEMPLATES: &str = "harvesterhci.io/volumeClaimTemplates";

fn claims(size: &str) -> String {
    json!([{
        "metadata": {"name": "web01-disk-0", "annotations": {}},
        "spec": {"accessModes": ["ReadWriteMany"], "volumeMode": "Block", "resources": {"requests": {"storage": size}}},
    }])
    .to_string()
}

fn machine() -> Value {
    json!({
        "metadata": {"name": "web01", "annotations": {CLAIM_TEMPLATES: claims("10Gi")}},
        "spec": {
            "runStrategy": "RerunOnFailure",
            "template": {"spec": {
                "domain": {
                    "cpu": {"cores": 1}, "resources": {"limits": {"memory": "1Gi", "cpu": "1"}},
                    "devices": {
                        "disks": [{"name": "disk-0", "disk": {"bus": "virtio"}}],
                        "interfaces": [{"name": "default", "masquerade": {}}],
                    },
                },
                "networks": [{"name": "default", "pod": {}}],
                "volumes": [{"name": "disk-0", "persistentVolumeClaim": {"claimName": "web01-disk-0"}}],
            }},
        },
    })
}

async fn act(cluster: &Cluster, action: &str, options: Value) -> (u16, Value) {
    let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/web01/{action}");
    cluster.send("PUT", &path, Some(options)).await
}

async fn refused(cluster: &Cluster, path: &str, object: Value) -> Vec<String> {
    let (code, answer) = cluster.send("POST", path, Some(typed(path, object))).await;
    assert_eq!(code, 422, "{answer}");
    let causes = answer["details"]["causes"].as_array().cloned().unwrap_or_default();
    causes.iter().map(|cause| cause["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn disks_come_and_go_while_a_machine_runs() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    cluster.create(MACHINES, machine()).await;
    let data = json!({
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteMany"], "volumeMode": "Block", "resources": {"requests": {"storage": "5Gi"}}},
    });
    cluster.create(CLAIMS, data).await;
    cluster.until(INSTANCE, |instance| instance["status"]["phase"] == "Running").await;

    let volume = |name: &str, claim: &str| {
        json!({
            "name": name, "disk": {"disk": {"bus": "scsi"}},
            "volumeSource": {"persistentVolumeClaim": {"claimName": claim, "hotpluggable": true}},
        })
    };
    assert_eq!(act(cluster, "addvolume", json!({"name": "disk-1"})).await.0, 400, "it names no claim");
    assert_eq!(act(cluster, "addvolume", volume("disk-1", "missing")).await.0, 400);
    assert_eq!(act(cluster, "addvolume", volume("disk-0", "data")).await.0, 409, "the name is taken");
    assert_eq!(act(cluster, "addvolume", volume("disk-1", "data")).await.0, 202);
    let instance = cluster.get(INSTANCE).await;
    let added = instance["status"]["volumeStatus"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((added["name"].as_str(), added["phase"].as_str()), (Some("disk-1"), Some("Ready")));
    // What was plugged in needs no restart.
    let changed = cluster.until(MACHINE, |machine| condition(machine, "RestartRequired").is_empty()).await;
    assert_eq!(
        changed["spec"]["template"]["spec"]["volumes"][1]["persistentVolumeClaim"]["hotpluggable"],
        true
    );
    assert!(changed["metadata"]["annotations"][CLAIM_TEMPLATES].as_str().unwrap().contains("\"data\""));

    assert_eq!(
        act(cluster, "removevolume", json!({"name": "disk-0"})).await.0,
        409,
        "it is part of the machine"
    );
    assert_eq!(act(cluster, "removevolume", json!({"name": "disk-1"})).await.0, 202);
    assert_eq!(act(cluster, "removevolume", json!({"name": "disk-1"})).await.0, 409);
    let instance = cluster.get(INSTANCE).await;
    assert_eq!(instance["status"]["volumeStatus"].as_array().unwrap().len(), 1);
    assert_eq!(cluster.get(&format!("{CLAIMS}/data")).await["status"]["phase"], "Bound", "the volume stays");
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_machine_asks_for_a_restart_and_its_disks_grow() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    cluster.create(MACHINES, machine()).await;
    cluster.until(MACHINE, |machine| machine["status"]["printableStatus"] == "Running").await;
    assert_eq!(condition(&cluster.get(MACHINE).await, "RestartRequired"), "");
    let limits = json!({"limits": {"cpu": "1", "memory": "2Gi"}});
    let change = json!({"spec": {"template": {"spec": {"domain": {"resources": limits}}}}});
    cluster.patch(MACHINE, change).await;
    cluster.until(MACHINE, |machine| condition(machine, "RestartRequired") == "True").await;
    assert_eq!(act(cluster, "restart", json!({})).await.0, 202);
    let restarted = cluster.until(MACHINE, |machine| condition(machine, "RestartRequired").is_empty()).await;
    assert_eq!(restarted["spec"]["template"]["spec"]["domain"]["resources"]["limits"]["memory"], "2Gi");

    cluster.patch(MACHINE, json!({"metadata": {"annotations": {CLAIM_TEMPLATES: claims("12Gi")}}})).await;
    let claim = format!("{CLAIMS}/web01-disk-0");
    cluster.until(&claim, |claim| claim["status"]["capacity"]["storage"] == "12Gi").await;
    let shrink = json!({"spec": {"resources": {"requests": {"storage": "8Gi"}}}});
    let (code, answer) = cluster.send("PATCH", &claim, Some(shrink)).await;
    assert_eq!((code, answer["reason"].as_str()), (422, Some("Invalid")));
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_from_nowhere_is_tried_again_and_then_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    let images = format!("{HARVESTER}/virtualmachineimages");
    let image = json!({
        "metadata": {"name": "image-a"},
        "spec": {"displayName": "a.img", "sourceType": "download", "url": "https://images.invalid/a.img", "retry": 1},
    });
    cluster.create(&images, image).await;
    let path = format!("{images}/image-a");
    let failed = cluster.until(&path, |image| condition(image, "RetryLimitExceeded") == "True").await;
    assert_eq!(failed["status"]["failed"], 2);
    assert_eq!(condition(&failed, "Initialized"), "False");
    assert!(
        failed["status"]["conditions"][0]["message"].as_str().unwrap().ends_with("no such host"),
        "{failed}"
    );

    let fields =
        refused(cluster, &images, json!({"metadata": {"name": "b"}, "spec": {"sourceType": "download"}}))
            .await;
    assert_eq!(fields, ["spec.displayName", "spec.url"]);
    let change = json!({"spec": {"url": "https://images.test/a.img"}});
    assert_eq!(cluster.send("PATCH", &path, Some(change)).await.0, 422, "where it comes from is fixed");
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_checked_and_get_their_fingerprint() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    let keys = format!("{HARVESTER}/keypairs");
    let wrong = json!({"metadata": {"name": "wrong"}, "spec": {"publicKey": "hello"}});
    assert_eq!(refused(cluster, &keys, wrong).await, ["spec.publicKey"]);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHBgenu1tfiBHGI0UuVGN2592rJYcMhh/IvzG0XDmFlK alice@laptop";
    cluster.create(&keys, json!({"metadata": {"name": "alice"}, "spec": {"publicKey": key}})).await;
    let alice = cluster.until(&format!("{keys}/alice"), |key| condition(key, "validated") == "True").await;
    assert_eq!(alice["status"]["fingerPrint"], "0b:01:17:a1:a6:e5:0b:ae:da:6e:5f:eb:e1:e6:ab:67");
    solo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_templates_are_numbered_and_the_first_is_the_default() {
    let directory = tempfile::tempdir().unwrap();
    let solo = Solo::start(config(&directory)).await;
    let cluster = solo.cluster();
    let (templates, versions) = (
        format!("{HARVESTER}/virtualmachinetemplates"),
        format!("{HARVESTER}/virtualmachinetemplateversions"),
    );
    let version = |name: &str, template: &str| {
        let machine = machine();
        json!({
            "metadata": {"name": name},
            "spec": {"templateId": template, "vm": {"metadata": {}, "spec": machine["spec"]}},
        })
    };
    let elsewhere = refused(cluster, &versions, version("v", "other/web")).await;
    assert_eq!(elsewhere, ["spec.templateId"]);
    let template = json!({"metadata": {"name": "web"}, "spec": {"description": "", "defaultVersionId": ""}});
    cluster.create(&templates, template).await;
    cluster.create(&versions, version("web-a", "default/web")).await;
    let path = format!("{templates}/web");
    let first = cluster.until(&path, |template| template["status"]["defaultVersion"] == 1).await;
    assert_eq!(first["spec"]["defaultVersionId"], "default/web-a");
    cluster.create(&versions, version("web-b", "default/web")).await;
    let second = cluster.until(&path, |template| template["status"]["latestVersion"] == 2).await;
    assert_eq!(second["status"]["defaultVersion"], 1, "the default stays until somebody changes it");
    let newest = cluster.get(&format!("{versions}/web-b")).await;
    assert_eq!(newest["status"]["version"], 2);
    assert_eq!(newest["metadata"]["ownerReferences"][0]["name"], "web");
    assert_eq!(condition(&newest, "ready"), "True");
    let change = json!({"spec": {"description": "other"}});
    let code = cluster.send("PATCH", &format!("{versions}/web-b"), Some(change)).await.0;
    assert_eq!(code, 405, "a version does not change");
    cluster.patch(&path, json!({"spec": {"defaultVersionId": "default/web-b"}})).await;
    cluster.until(&path, |template| template["status"]["defaultVersion"] == 2).await;

    // Its versions go with it.
    cluster.delete(&path).await;
    cluster.gone(&format!("{versions}/web-a")).await;
    cluster.gone(&format!("{versions}/web-b")).await;
    solo.stop().await;
}
