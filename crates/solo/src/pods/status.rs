//! The status of a Pod of one container, as a node reports it.

use grange_apimachinery::Object;
use serde_json::{Value, json};

use super::Node;

/// How the container is.
#[derive(Clone, Debug, Default)]
pub(super) struct Container {
    /// `{"running": …}`, `{"waiting": …}` or `{"terminated": …}`.
    pub(super) state: Value,
    /// How its last run ended.
    pub(super) last_state: Value,
    /// How often it was started anew.
    pub(super) restart_count: u32,
}

/// The whole status.
pub(super) fn of(pod: &Object, node: &Node, container: &Container, now: &str) -> Value {
    let running = !container.state["running"].is_null();
    let before = pod.get(&["status", "conditions"]).and_then(Value::as_array);
    let condition = |kind: &str, holds: bool, reason: Option<&str>| {
        let status = if holds { "True" } else { "False" };
        let since = before
            .and_then(|list| list.iter().find(|entry| entry["type"] == kind && entry["status"] == status))
            .and_then(|entry| entry["lastTransitionTime"].as_str())
            .unwrap_or(now);
        let mut condition =
            json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
        if let Some(reason) = reason {
            let name = &pod.get(&["spec", "containers"]).map_or(Value::Null, |list| list[0]["name"].clone());
            condition["reason"] = reason.into();
            condition["message"] =
                format!("containers with unready status: [{}]", name.as_str().unwrap_or("")).into();
        }
        condition
    };
    let unready = (!running).then_some("ContainersNotReady");
    let spec = pod.get(&["spec", "containers"]).map_or(Value::Null, |list| list[0].clone());
    let started = pod.get(&["status", "startTime"]).cloned().unwrap_or_else(|| now.into());
    let has_run = running || !container.last_state.is_null() || container.restart_count > 0;
    let address = has_run.then(|| node.address.clone());
    json!({
        "phase": if has_run { "Running" } else { "Pending" },
        "qosClass": "BestEffort",
        "hostIP": node.address,
        "podIP": address,
        "podIPs": address.map(|address| json!([{"ip": address}])),
        "startTime": started,
        "conditions": [
            condition("PodScheduled", true, None),
            condition("Initialized", true, None),
            condition("ContainersReady", running, unready),
            condition("Ready", running, unready),
        ],
        "containerStatuses": [{
            "name": spec["name"], "image": spec["image"],
            "imageID": if has_run { spec["image"].clone() } else { json!("") },
            "containerID": if has_run { json!(format!("grange://{}", pod.uid())) } else { json!("") },
            "ready": running, "started": running,
            "restartCount": container.restart_count,
            "state": container.state,
            "lastState": if container.last_state.is_null() { json!({}) } else { container.last_state.clone() },
        }],
    })
}

/// Whether a Pod is ready.
pub(crate) fn is_ready(pod: &Object) -> bool {
    pod.get(&["status", "conditions"])
        .and_then(Value::as_array)
        .is_some_and(|list| list.iter().any(|entry| entry["type"] == "Ready" && entry["status"] == "True"))
}
