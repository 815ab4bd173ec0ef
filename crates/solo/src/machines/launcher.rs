//! The Pod that stands for an instance's process, where people look for its state and its log.

use grange_apimachinery::{Object, time};
use serde_json::{Map, Value, json};

use super::instance::Node;
use crate::client::Key;

/// The name follows from the instance, so that the Pod is found without searching.
pub(super) fn key(instance: &Object) -> Key {
    let suffix: String = instance.uid().chars().filter(char::is_ascii_alphanumeric).take(5).collect();
    // Names are at most 253 characters; the console and KubeVirt cut them the same way.
    let name: String = instance.name().chars().take(230).collect();
    Key::new(instance.namespace(), &format!("virt-launcher-{name}-{suffix}"))
}

/// The Pod of an instance.
pub(super) fn pod(instance: &Object, node: &Node) -> Object {
    let key = key(instance);
    let mut labels: Map<String, Value> =
        instance.get(&["metadata", "labels"]).and_then(Value::as_object).cloned().unwrap_or_default();
    for (label, value) in [
        ("kubevirt.io", "virt-launcher"),
        ("kubevirt.io/created-by", instance.uid()),
        ("vm.kubevirt.io/name", instance.name()),
        ("kubevirt.io/nodeName", &node.name),
    ] {
        labels.insert(label.into(), value.into());
    }
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": key.name, "namespace": key.namespace, "labels": labels,
            "annotations": {"kubevirt.io/domain": instance.name()},
            "ownerReferences": [{
                "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": instance.name(),
                "uid": instance.uid(), "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "nodeName": node.name, "restartPolicy": "Never", "automountServiceAccountToken": false,
            "containers": [{"name": "compute", "image": "registry.suse.com/harvester-beta/virt-launcher:1.5.2"}],
        },
    });
    match pod {
        Value::Object(map) => Object(map),
        _ => Object::default(),
    }
}

/// The status of the Pod: waiting until the node starts it, then running.
pub(super) fn status(running: bool, node: &Node, address: &str) -> Value {
    let now = time::now();
    let status = if running { "True" } else { "False" };
    let condition =
        |kind: &str, status: &str| json!({"type": kind, "status": status, "lastTransitionTime": now});
    let state = if running {
        json!({"running": {"startedAt": now}})
    } else {
        json!({"waiting": {"reason": "ContainerCreating"}})
    };
    json!({
        "phase": if running { "Running" } else { "Pending" },
        "hostIP": node.address, "podIP": address, "podIPs": [{"ip": address}], "startTime": now,
        "qosClass": "Burstable",
        "conditions": [
            condition("PodScheduled", "True"), condition("Initialized", "True"),
            condition("ContainersReady", status), condition("Ready", status),
        ],
        "containerStatuses": [{
            "name": "compute", "image": "registry.suse.com/harvester-beta/virt-launcher:1.5.2", "imageID": "",
            "ready": running, "started": running, "restartCount": 0, "state": state, "lastState": {},
        }],
    })
}
