//! What pods use: the resources that their containers request and may take at most.
use std::collections::{BTreeMap, BTreeSet};

use grange_apimachinery::{Object, Value, quantity::Amount, time};
use jiff::{SignedDuration, Timestamp};

use super::{Usage, add, amounts};

/// The names under which quotas limit what pods use.
const NAMES: [&str; 10] = [
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "pods",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
/// What a quota limits of these every container must say.
const REQUIRED: [&str; 6] =
    ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];
/// What quotas limit by requests and by limits.
const COMPUTE: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
const HUGE_PAGES: &str = "hugepages-";

/// Whether pods may use what a quota limits by this name.
pub(super) fn counts_as(name: &str) -> bool {
    let request = name.strip_prefix("requests.");
    NAMES.contains(&name)
        || name.starts_with(HUGE_PAGES)
        || request.is_some_and(|of| of.starts_with(HUGE_PAGES) || is_extended(of))
}

/// Whether a resource is of somebody else than Kubernetes.
pub(super) fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/")
}

/// The containers of a pod: those that start it up, or those that run.
pub(super) fn containers<'a>(pod: &'a Object, field: &str) -> impl Iterator<Item = &'a Value> {
    pod.get(&["spec", field]).and_then(Value::as_array).into_iter().flatten()
}

/// What a container says of its `requests` or its `limits`.
pub(super) fn stated(container: &Value, side: &str) -> Usage {
    amounts(container["resources"].get(side))
}

fn raise(sum: &mut Usage, other: &Usage) {
    for (name, amount) in other {
        let most: &mut Amount = sum.entry(name.clone()).or_insert(*amount);
        if most.quantity < amount.quantity {
            *most = *amount;
        }
    }
}

/// What a pod takes at most at any time, of its containers' `requests` or `limits`: those that run are there together,
/// those that start it up one after the other, beside those of them that stay.
pub(super) fn total(pod: &Object, side: &str) -> Usage {
    let mut sum = Usage::new();
    for container in containers(pod, "containers") {
        add(&mut sum, &stated(container, side));
    }
    let (mut staying, mut starting) = (Usage::new(), Usage::new());
    for container in containers(pod, "initContainers") {
        let mut now = stated(container, side);
        if container["restartPolicy"] == "Always" {
            add(&mut sum, &now);
            add(&mut staying, &now);
            now = staying.clone();
        } else {
            add(&mut now, &staying);
        }
        raise(&mut starting, &now);
    }
    raise(&mut sum, &starting);
    // What is said of the pod as a whole goes before the sum.
    let whole = amounts(pod.get(&["spec", "resources", side]));
    sum.extend(
        whole
            .into_iter()
            .filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory") || name.starts_with(HUGE_PAGES)),
    );
    sum
}

/// What quotas are charged for `requests` and `limits`.
fn charged(requests: &Usage, limits: &Usage) -> Usage {
    let mut used = Usage::new();
    for name in COMPUTE {
        if let Some(request) = requests.get(name) {
            used.insert(name.to_owned(), *request);
            used.insert(format!("requests.{name}"), *request);
        }
        if let Some(limit) = limits.get(name) {
            used.insert(format!("limits.{name}"), *limit);
        }
    }
    for (name, request) in requests {
        if name.starts_with(HUGE_PAGES) {
            used.insert(name.clone(), *request);
        }
        if name.starts_with(HUGE_PAGES) || is_extended(name) {
            used.insert(format!("requests.{name}"), *request);
        }
    }
    used
}

/// What a pod uses beside its place among the objects; nothing once it is over.
pub(super) fn measure(pod: &Object, used: &mut Usage) {
    if is_over(pod, Timestamp::now()) {
        return;
    }
    let (requests, mut limits) = (with_overhead(pod, "requests"), total(pod, "limits"));
    let overhead = amounts(pod.get(&["spec", "overhead"]));
    // What has no limit has none with what running it costs.
    for (name, more) in overhead {
        if let Some(limit) = limits.get_mut(&name) {
            *limit = limit.plus(more);
        }
    }
    used.insert("pods".into(), Amount::of(1));
    used.extend(charged(&requests, &limits));
}

fn with_overhead(pod: &Object, side: &str) -> Usage {
    let mut sum = total(pod, side);
    add(&mut sum, &amounts(pod.get(&["spec", "overhead"])));
    sum
}

/// Whether a pod has ended, or should have by now.
fn is_over(pod: &Object, now: Timestamp) -> bool {
    if matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed") {
        return true;
    }
    let grace = pod.get(&["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64);
    let deleted = time::parse(pod.text(&["metadata", "deletionTimestamp"]));
    match (deleted, grace) {
        (Some(deleted), Some(grace)) => now > deleted + SignedDuration::from_secs(grace),
        _ => false,
    }
}

/// Checks that each container says what a quota limits.
pub(super) fn require(pod: &Object, restricted: &[&str]) -> Result<(), String> {
    let required: Vec<&str> = REQUIRED.into_iter().filter(|name| restricted.contains(name)).collect();
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in containers(pod, "containers").chain(containers(pod, "initContainers")) {
        let said = charged(&stated(container, "requests"), &stated(container, "limits"));
        for name in required.iter().filter(|name| !said.contains_key(**name)) {
            let container = container["name"].as_str().unwrap_or_default();
            missing.entry(name).or_default().insert(container);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(",");
    let parts = missing.into_iter().map(|(name, containers)| format!("{name} for: {}", list(containers)));
    Err(format!("must specify {}", parts.collect::<Vec<_>>().join("; ")))
}

/// Whether no container says anything of processors and memory.
pub(super) fn is_best_effort(pod: &Object) -> bool {
    let says = |usage: &Usage| {
        ["cpu", "memory"].iter().any(|name| usage.get(*name).is_some_and(|amount| amount.quantity.0 > 0))
    };
    let whole = |side| amounts(pod.get(&["spec", "resources", side]));
    !["requests", "limits"].into_iter().any(|side| {
        says(&whole(side))
            || containers(pod, "containers")
                .chain(containers(pod, "initContainers"))
                .any(|container| says(&stated(container, side)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(value: Value) -> Object {
        let Value::Object(map) = value else { panic!("an object") };
        Object(map)
    }

    fn container(name: &str, request: &str, limit: Option<&str>) -> Value {
        let mut container = json!({"name": name, "resources": {"requests": {"cpu": request}}});
        if let Some(limit) = limit {
            container["resources"]["limits"] = json!({"cpu": limit, "memory": "1Gi"});
        }
        container
    }

    fn shown(pod: &Object) -> Vec<String> {
        let mut used = Usage::new();
        measure(pod, &mut used);
        used.iter().map(|(name, amount)| format!("{name}={amount}")).collect()
    }

    #[test]
    fn a_pod_uses_what_runs_together() {
        let mut sidecar = container("sidecar", "50m", None);
        sidecar["restartPolicy"] = json!("Always");
        let object = pod(json!({"spec": {
            "containers": [container("a", "100m", Some("1")), container("b", "200m", None)],
            "initContainers": [sidecar, container("setup", "1", None)],
        }}));
        assert_eq!(
            shown(&object),
            ["cpu=1050m", "limits.cpu=1", "limits.memory=1Gi", "pods=1", "requests.cpu=1050m"]
        );
        let mut over = object.clone();
        over.set(&["status", "phase"], "Succeeded");
        assert!(shown(&over).is_empty());
    }

    #[test]
    fn what_a_quota_limits_must_be_said() {
        let object = pod(json!({"spec": {"containers": [
            {"name": "b"}, container("a", "1", None), container("c", "1", Some("2"))]}}));
        assert_eq!(
            require(&object, &["requests.cpu", "limits.memory", "pods"]).unwrap_err(),
            "must specify limits.memory for: a,b; requests.cpu for: b"
        );
        assert_eq!(require(&object, &["pods"]), Ok(()));
        assert!(!is_best_effort(&object));
        assert!(is_best_effort(&pod(json!({"spec": {"containers": [{"name": "b"}]}}))));
    }
}
