//! Storage classes, snapshot classes, networks, KubeVirt's own object, add-ons.

use serde_json::{Value, json};

use super::{create, holds};
use crate::{
    client::{Client, ClientError, Name},
    kinds::{self, Kind},
};

fn kind(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Kind {
    Kind {
        group: Name::Borrowed(group),
        version: Name::Borrowed(version),
        kind: Name::Borrowed(kind),
        plural: Name::Borrowed(plural),
        namespaced: matches!(kind, "KubeVirt" | "Addon"),
        status: matches!(kind, "KubeVirt" | "Addon"),
    }
}

pub(super) async fn seed(client: &Client) -> Result<(), ClientError> {
    for class in [
        storage_class("harvester-longhorn", true, "1"),
        storage_class("longhorn", false, "1"),
        storage_class("vmstate-persistence", false, "1"),
    ] {
        create(client, &kinds::STORAGE_CLASSES, class).await?;
    }
    let csi_driver = kind("storage.k8s.io", "v1", "CSIDriver", "csidrivers");
    let driver = json!({
        "metadata": {"name": "driver.longhorn.io"},
        "spec": {"attachRequired": true, "podInfoOnMount": true, "volumeLifecycleModes": ["Persistent"]},
    });
    create(client, &csi_driver, driver).await?;
    let snapshot_class =
        kind("snapshot.storage.k8s.io", "v1", "VolumeSnapshotClass", "volumesnapshotclasses");
    for (name, flavour) in [("longhorn-snapshot", "snap"), ("longhorn", "bak")] {
        let class = json!({
            "metadata": {"name": name}, "driver": "driver.longhorn.io", "deletionPolicy": "Delete",
            "parameters": {"type": flavour},
        });
        create(client, &snapshot_class, class).await?;
    }
    let network = kind("network.harvesterhci.io", "v1beta1", "ClusterNetwork", "clusternetworks");
    let mgmt = json!({"metadata": {"name": "mgmt"}, "status": {"conditions": [holds("ready")]}});
    create(client, &network, mgmt).await?;
    let monitor = kind("network.harvesterhci.io", "v1beta1", "LinkMonitor", "linkmonitors");
    let nic = json!({"metadata": {"name": "nic"}, "spec": {"targetLinkRule": {"typeRule": "device"}}});
    create(client, &monitor, nic).await?;
    create(client, &kind("kubevirt.io", "v1", "KubeVirt", "kubevirts"), kubevirt()).await?;
    let addon = kind("harvesterhci.io", "v1beta1", "Addon", "addons");
    for (name, namespace, chart) in ADDONS {
        let object = json!({
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "repo": "http://harvester-cluster-repo.cattle-system.svc/charts", "chart": chart,
                "version": "", "enabled": false, "valuesContent": "",
            },
            "status": {"status": "AddonDisabled"},
        });
        create(client, &addon, object).await?;
    }
    Ok(())
}

const ADDONS: [(&str, &str, &str); 7] = [
    ("rancher-monitoring", "cattle-monitoring-system", "rancher-monitoring"),
    ("rancher-logging", "cattle-logging-system", "rancher-logging"),
    ("pcidevices-controller", "harvester-system", "harvester-pcidevices-controller"),
    ("vm-import-controller", "harvester-system", "harvester-vm-import-controller"),
    ("harvester-seeder", "harvester-system", "harvester-seeder"),
    ("nvidia-driver-toolkit", "harvester-system", "nvidia-driver-runtime"),
    ("kubeovn-operator", "harvester-system", "kubeovn-operator-crd"),
];

fn storage_class(name: &str, default: bool, replicas: &str) -> Value {
    let mut annotations = json!({"storageclass.kubernetes.io/is-default-class": default.to_string()});
    if name != "longhorn" {
        annotations["harvesterhci.io/is-reserved-storageclass"] = "true".into();
    }
    json!({
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": "driver.longhorn.io",
        "parameters": {"migratable": "true", "numberOfReplicas": replicas, "staleReplicaTimeout": "30"},
        "reclaimPolicy": "Delete", "allowVolumeExpansion": true, "volumeBindingMode": "Immediate",
    })
}

fn kubevirt() -> Value {
    let condition = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason, "message": "All components are ready."});
    json!({
        "metadata": {"name": "kubevirt", "namespace": "harvester-system"},
        "spec": {"configuration": {
            "vmStateStorageClass": "vmstate-persistence", "vmRolloutStrategy": "LiveUpdate",
            "developerConfiguration": {"featureGates": [
                "LiveMigration", "HotplugVolumes", "HostDevices", "GPU", "CPUManager", "VMPersistentState",
                "VMLiveUpdateFeatures", "ExpandDisks",
            ]},
        }},
        "status": {
            "phase": "Deployed",
            "conditions": [
                condition("Available", "True", "AllComponentsReady"),
                condition("Progressing", "False", "AllComponentsReady"),
                condition("Degraded", "False", "AllComponentsReady"),
                condition("Created", "True", "AllResourcesCreated"),
            ],
            "operatorVersion": "1.5.2", "targetKubeVirtVersion": "1.5.2", "observedKubeVirtVersion": "1.5.2",
        },
    })
}
