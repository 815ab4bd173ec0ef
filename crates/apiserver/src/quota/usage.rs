//! What an object takes of what a quota may limit, by the names that quotas use.
use std::collections::BTreeMap;

use grange_apimachinery::{Object, Value, quantity::Amount};

use super::pod;

/// Amounts by name.
pub(super) type Usage = BTreeMap<String, Amount>;

/// The name by which claims of a storage class are limited ends with this and what is limited.
const BY_STORAGE_CLASS: &str = ".storageclass.storage.k8s.io/";
const CLAIMS: &str = "persistentvolumeclaims";
const STORAGE: &str = "requests.storage";
/// Kinds that were counted by their plain name before every kind could be counted.
const COUNTED_BY_NAME: [&str; 4] = ["configmaps", "replicationcontrollers", "resourcequotas", "secrets"];

/// `count/configmaps`, `count/virtualmachines.kubevirt.io`.
pub(super) fn count_name(group: &str, plural: &str) -> String {
    if group.is_empty() { format!("count/{plural}") } else { format!("count/{plural}.{group}") }
}

/// Whether more than the number of a kind's objects is limited, so that a change of one may matter.
pub(super) fn is_measured(group: &str, plural: &str) -> bool {
    group.is_empty() && matches!(plural, "pods" | "services" | CLAIMS)
}

/// Whether objects of a kind may use what a quota limits by this name.
pub(super) fn counts_as(group: &str, plural: &str, name: &str) -> bool {
    if let Some(counted) = name.strip_prefix("count/") {
        return match counted.strip_prefix(plural) {
            Some("") => group.is_empty(),
            Some(rest) => rest.strip_prefix('.').is_some_and(|rest| !group.is_empty() && rest == group),
            None => false,
        };
    }
    if !group.is_empty() {
        return false;
    }
    match plural {
        "pods" => pod::counts_as(name),
        "services" => matches!(name, "services" | "services.nodeports" | "services.loadbalancers"),
        CLAIMS => match name.split_once(BY_STORAGE_CLASS) {
            Some((_, what)) => matches!(what, CLAIMS | STORAGE),
            None => matches!(name, CLAIMS | STORAGE),
        },
        _ => name == plural && COUNTED_BY_NAME.contains(&name),
    }
}

/// What an object uses.
pub(super) fn usage(group: &str, plural: &str, object: &Object) -> Usage {
    let one = Amount::of(1);
    let mut used = Usage::from([(count_name(group, plural), one)]);
    if !group.is_empty() {
        return used;
    }
    match plural {
        "pods" => pod::measure(object, &mut used),
        "services" => service(object, &mut used),
        CLAIMS => claim(object, &mut used),
        _ if COUNTED_BY_NAME.contains(&plural) => {
            used.insert(plural.to_owned(), one);
        }
        _ => {}
    }
    used
}

fn service(object: &Object, used: &mut Usage) {
    let ports = object.get(&["spec", "ports"]).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let count = |ports: usize| Amount::of(i64::try_from(ports).unwrap_or(i64::MAX));
    let chosen = || ports.iter().filter(|port| port["nodePort"].as_i64().unwrap_or(0) != 0).count();
    // Node ports are given out later: what counts is the wish.
    let (node_ports, balancers) = match object.text(&["spec", "type"]) {
        "NodePort" => (ports.len(), 0),
        "LoadBalancer" => {
            let given = object.get(&["spec", "allocateLoadBalancerNodePorts"]) != Some(&Value::Bool(false));
            (if given { ports.len() } else { chosen() }, 1)
        }
        _ => (0, 0),
    };
    used.insert("services".into(), Amount::of(1));
    used.insert("services.nodeports".into(), count(node_ports));
    used.insert("services.loadbalancers".into(), Amount::of(balancers));
}

/// The storage class that a claim names, in the field or in the annotation of old.
fn storage_class(object: &Object) -> &str {
    match object.annotation("volume.beta.kubernetes.io/storage-class") {
        Some(class) => class,
        None => object.text(&["spec", "storageClassName"]),
    }
}

fn claim(object: &Object, used: &mut Usage) {
    let amount = |path: &[&str]| -> Option<Amount> {
        let amount: Amount = object.text(path).parse().ok()?;
        // Storage is counted in whole bytes.
        let whole = grange_apimachinery::quantity::Quantity(amount.quantity.value().checked_mul(1000)?);
        Some(Amount { quantity: whole, ..amount })
    };
    let wanted = amount(&["spec", "resources", "requests", "storage"]);
    let given = amount(&["status", "allocatedResources", "storage"]);
    // A claim that was made smaller before it grew still has what it was given.
    let storage = wanted.map(|wanted| match given {
        Some(given) if given.quantity > wanted.quantity => given,
        _ => wanted,
    });
    let class = storage_class(object);
    let mut insert = |what: &str, amount: Amount| {
        used.insert(what.to_owned(), amount);
        if !class.is_empty() {
            used.insert(format!("{class}{BY_STORAGE_CLASS}{what}"), amount);
        }
    };
    insert(CLAIMS, Amount::of(1));
    if let Some(storage) = storage {
        insert(STORAGE, storage);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(group: &str, plural: &str, object: Value) -> Vec<String> {
        let Value::Object(map) = object else { panic!("an object") };
        usage(group, plural, &Object(map)).iter().map(|(name, amount)| format!("{name}={amount}")).collect()
    }

    #[test]
    fn objects_count_by_their_names() {
        assert_eq!(shown("", "configmaps", json!({})), ["configmaps=1", "count/configmaps=1"]);
        assert_eq!(
            shown("kubevirt.io", "virtualmachines", json!({})),
            ["count/virtualmachines.kubevirt.io=1"]
        );
        for (group, plural, name, expected) in [
            ("", "configmaps", "configmaps", true),
            ("", "configmaps", "count/configmaps", true),
            ("", "configmaps", "secrets", false),
            ("", "events", "events", false),
            ("", "events", "count/events", true),
            ("apps", "deployments", "count/deployments.apps", true),
            ("apps", "deployments", "count/deployments", false),
            ("", "pods", "requests.cpu", true),
            ("", "pods", "requests.storage", false),
            ("", "persistentvolumeclaims", "fast.storageclass.storage.k8s.io/requests.storage", true),
            ("", "persistentvolumeclaims", "fast.storageclass.storage.k8s.io/pods", false),
            ("x.io", "configmaps", "configmaps", false),
        ] {
            assert_eq!(counts_as(group, plural, name), expected, "{plural}.{group} {name}");
        }
    }

    #[test]
    fn claims_count_by_class_too() {
        let claim = json!({"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}},
                           "status": {"allocatedResources": {"storage": "12Gi"}}});
        assert_eq!(
            shown("", "persistentvolumeclaims", claim),
            [
                "count/persistentvolumeclaims=1",
                "fast.storageclass.storage.k8s.io/persistentvolumeclaims=1",
                "fast.storageclass.storage.k8s.io/requests.storage=12Gi",
                "persistentvolumeclaims=1",
                "requests.storage=12Gi",
            ]
        );
    }

    #[test]
    fn services_count_the_ports_they_will_have() {
        let ports = json!([{"port": 80}, {"port": 443, "nodePort": 30443}]);
        for (spec, node_ports, balancers) in [
            (json!({"ports": ports}), 0, 0),
            (json!({"ports": ports, "type": "NodePort"}), 2, 0),
            (json!({"ports": ports, "type": "LoadBalancer"}), 2, 1),
            (json!({"ports": ports, "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false}), 1, 1),
        ] {
            let used = shown("", "services", json!({"spec": spec}));
            let expected = [
                "count/services=1".to_owned(),
                "services=1".to_owned(),
                format!("services.loadbalancers={balancers}"),
                format!("services.nodeports={node_ports}"),
            ];
            assert_eq!(used, expected, "{spec}");
        }
    }
}
