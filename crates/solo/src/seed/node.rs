//! The cluster's one node: what it is made of, its object, its metrics.

use grange_apimachinery::time;
use serde_json::{Value, json};

use super::create;
use crate::{
    client::{Client, ClientError, Key},
    kinds,
};

/// What the node is.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Its name.
    pub(crate) name: String,
    /// Its address.
    pub(crate) address: String,
    /// Processors.
    pub(crate) cpus: usize,
    /// Memory, KiB.
    pub(crate) memory_kib: u64,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// The Harvester's version.
    pub(crate) harvester_version: String,
}

/// Kubernetes' own kubelet of that Harvester.
const KUBELET_VERSION: &str = "v1.33.5+rke2r1";
/// Most Pods of a node.
const MAX_PODS: &str = "200";

pub(super) async fn seed(client: &Client, facts: &Facts) -> Result<(), ClientError> {
    let yes = "true";
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let node = json!({
        "metadata": {
            "name": facts.name,
            "labels": {
                "beta.kubernetes.io/arch": arch,
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": arch,
                "kubernetes.io/os": "linux",
                "kubernetes.io/hostname": facts.name,
                "node-role.kubernetes.io/control-plane": yes,
                "node-role.kubernetes.io/etcd": yes,
                "node-role.kubernetes.io/master": yes,
                "harvesterhci.io/managed": yes,
                "network.harvesterhci.io/mgmt": yes,
                "kubevirt.io/schedulable": yes,
            },
            "annotations": {
                "management.cattle.io/pod-requests": r#"{"cpu":"0","memory":"0","pods":"0"}"#,
                "rke2.io/internal-ip": facts.address,
                "etcd.rke2.cattle.io/node-address": facts.address,
            },
        },
        "spec": {"podCIDR": "10.52.0.0/24", "podCIDRs": ["10.52.0.0/24"]},
        "status": status(facts, &Value::Null),
    });
    create(client, &kinds::NODES, node).await?;
    create(client, &kinds::NODE_METRICS, metrics(facts)).await
}

/// The node's status now; conditions keep the time of their last change.
fn status(facts: &Facts, before: &Value) -> Value {
    let now = time::now();
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        let since = (before["conditions"].as_array().into_iter().flatten())
            .find(|entry| entry["type"] == kind && entry["status"] == status)
            .and_then(|entry| entry["lastTransitionTime"].as_str())
            .unwrap_or(&now);
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": since,
        })
    };
    let resources = json!({
        "cpu": facts.cpus.to_string(), "memory": format!("{}Ki", facts.memory_kib), "pods": MAX_PODS,
        "ephemeral-storage": "500Gi", "devices.kubevirt.io/kvm": "1k",
    });
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    json!({
        "addresses": [
            {"type": "InternalIP", "address": facts.address},
            {"type": "Hostname", "address": facts.name},
        ],
        "capacity": resources, "allocatable": resources,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "nodeInfo": {
            "architecture": arch, "operatingSystem": "linux", "kernelVersion": facts.kernel,
            "osImage": format!("Harvester {}", facts.harvester_version),
            "kubeletVersion": KUBELET_VERSION, "kubeProxyVersion": KUBELET_VERSION,
            "containerRuntimeVersion": "containerd://2.0.5-k3s1",
            "machineID": facts.name, "systemUUID": facts.name, "bootID": facts.name,
        },
    })
}

/// What `kubectl top nodes` and the console's dashboards show. A simulated cluster uses a tenth of what it has.
fn metrics(facts: &Facts) -> Value {
    json!({
        "metadata": {"name": facts.name},
        "timestamp": time::now(), "window": "20s",
        "usage": {
            "cpu": format!("{}n", facts.cpus as u64 * 100_000_000),
            "memory": format!("{}Ki", facts.memory_kib / 10),
        },
    })
}

/// Says that the node is alive.
pub(crate) async fn beat(client: &Client, facts: &Facts) -> Result<(), ClientError> {
    let key = Key::new("", &facts.name);
    let Some(node) = client.get(&kinds::NODES, &key).await? else { return Ok(()) };
    let before = node.get(&["status"]).cloned().unwrap_or_default();
    client.patch_status(&kinds::NODES, &key, &status(facts, &before)).await?;
    client.patch(&kinds::NODE_METRICS, &key, "", &metrics(facts)).await?;
    Ok(())
}

/// Reads what this machine is made of; what cannot be read is assumed.
pub(crate) fn facts(name: &str, address: &str, harvester_version: &str) -> Facts {
    let memory_kib = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        })
        .unwrap_or(16 << 20);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "6.4.0".into());
    Facts {
        name: name.into(),
        address: address.into(),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        memory_kib,
        kernel: kernel.trim().into(),
        harvester_version: harvester_version.into(),
    }
}
