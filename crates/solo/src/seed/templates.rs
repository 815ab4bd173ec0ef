//! The machine templates shipped in `harvester-public`.

use serde_json::{Value, json};

use super::{create, holds};
use crate::{
    client::{Client, ClientError, Name},
    kinds::Kind,
};

const NAMESPACE: &str = "harvester-public";

/// Name, what it is for, whether it boots from an ISO image, the system's memory and disk.
const TEMPLATES: [(&str, &str, bool, &str); 4] = [
    ("iso-image-base-template", "ISO image", true, "10Gi"),
    ("raw-image-base-template", "raw or qcow2 image", false, "10Gi"),
    ("windows-iso-image-base-template", "Windows ISO image", true, "32Gi"),
    ("windows-raw-image-base-template", "Windows raw or qcow2 image", false, "32Gi"),
];

pub(super) async fn seed(client: &Client) -> Result<(), ClientError> {
    let kind = |name: &'static str, plural: &'static str, status: bool| Kind {
        group: Name::Borrowed("harvesterhci.io"),
        version: Name::Borrowed("v1beta1"),
        kind: Name::Borrowed(name),
        plural: Name::Borrowed(plural),
        namespaced: true,
        status,
    };
    let templates = kind("VirtualMachineTemplate", "virtualmachinetemplates", true);
    let versions = kind("VirtualMachineTemplateVersion", "virtualmachinetemplateversions", false);
    for (name, purpose, iso, disk) in TEMPLATES {
        let version_name = format!("{name}-version");
        let template = json!({
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "description": format!("Template for a machine from a {purpose}"),
                "defaultVersionId": format!("{NAMESPACE}/{version_name}"),
            },
            "status": {"defaultVersion": 1, "latestVersion": 1},
        });
        create(client, &templates, template).await?;
        let version = json!({
            "metadata": {
                "name": version_name, "namespace": NAMESPACE,
                "labels": {"template.harvesterhci.io/templateID": name},
            },
            "spec": {
                "templateId": format!("{NAMESPACE}/{name}"), "description": "", "imageId": "",
                "keyPairIds": [], "vm": machine(iso, disk, name.starts_with("windows")),
            },
            "status": {"version": 1, "conditions": [holds("assigned"), holds("ready")]},
        });
        create(client, &versions, version).await?;
    }
    Ok(())
}

fn machine(iso: bool, disk: &str, windows: bool) -> Value {
    let claim = |name: &str, size: &str| {
        json!({
            "metadata": {"name": name, "annotations": {"harvesterhci.io/imageId": ""}},
            "spec": {
                "accessModes": ["ReadWriteMany"], "volumeMode": "Block",
                "resources": {"requests": {"storage": size}},
            },
        })
    };
    let mut claims = vec![claim("pvc-rootdisk", disk)];
    let mut disks = vec![json!({"name": "rootdisk", "bootOrder": 1, "disk": {"bus": "virtio"}})];
    let mut volumes =
        vec![json!({"name": "rootdisk", "persistentVolumeClaim": {"claimName": "pvc-rootdisk"}})];
    if iso {
        claims.insert(0, claim("pvc-cdrom-disk", "10Gi"));
        disks.insert(0, json!({"name": "cdrom-disk", "bootOrder": 2, "cdrom": {"bus": "sata"}}));
        let volume = json!({"name": "cdrom-disk", "persistentVolumeClaim": {"claimName": "pvc-cdrom-disk"}});
        volumes.insert(0, volume);
    }
    json!({
        "metadata": {
            "annotations": {"harvesterhci.io/volumeClaimTemplates": Value::from(claims).to_string()},
            "labels": {"harvesterhci.io/os": if windows { "windows" } else { "linux" }},
        },
        "spec": {
            "runStrategy": "RerunOnFailure",
            "template": {"spec": {
                "domain": {
                    "cpu": {"cores": 1}, "resources": {"limits": {"cpu": "1", "memory": "2Gi"}},
                    "devices": {"disks": disks, "interfaces": [{"name": "default", "masquerade": {}, "model": "virtio"}]},
                },
                "networks": [{"name": "default", "pod": {}}],
                "volumes": volumes,
            }},
        },
    })
}
