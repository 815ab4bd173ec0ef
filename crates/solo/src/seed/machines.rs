//! Machines that are there from the start (`--vms`), for benches and demonstrations.

use serde_json::json;

use super::create_all;
use crate::{
    client::{Client, ClientError},
    kinds,
};

pub(super) async fn seed(client: &Client, count: u32) -> Result<(), ClientError> {
    let machines = (1..=count).map(|number| {
        let name = format!("vm-{number:04}");
        json!({
            "metadata": {
                "name": name, "namespace": "default",
                "labels": {"harvesterhci.io/creator": "harvester", "harvesterhci.io/os": "ubuntu"},
                "annotations": {"network.harvesterhci.io/ips": "[]"},
            },
            "spec": {
                "runStrategy": "RerunOnFailure",
                "template": {
                    "metadata": {"labels": {"harvesterhci.io/vmName": name}},
                    "spec": {
                        "domain": {
                            "cpu": {"cores": 2, "sockets": 1, "threads": 1},
                            "resources": {"limits": {"cpu": "2", "memory": "4Gi"}},
                            "devices": {
                                "disks": [{"name": "disk-0", "bootOrder": 1, "disk": {"bus": "virtio"}}],
                                "interfaces": [{"name": "default", "masquerade": {}, "model": "virtio"}],
                            },
                        },
                        "evictionStrategy": "LiveMigrateIfPossible",
                        "networks": [{"name": "default", "pod": {}}],
                        "terminationGracePeriodSeconds": 120,
                        "volumes": [{"name": "disk-0", "containerDisk": {"image": "demo/disk:v1"}}],
                    },
                },
            },
        })
    });
    let machines = machines.collect();
    create_all(client, &kinds::MACHINES, machines).await
}
