//! What KubeVirt's and Harvester's webhooks find wrong with a machine.

use std::collections::BTreeSet;

use grange_apimachinery::{Object, Status, quantity::Quantity, status::FieldCause};
use serde_json::Value;

use super::Errors;
use crate::machines::wanted_claims::CLAIM_TEMPLATES;

const RESERVED_MEMORY: &str = "harvesterhci.io/reservedMemory";

/// Refuses a machine that could not run as it says.
pub(crate) fn check_machine(machine: &Object) -> Result<(), Status> {
    let mut errors = Errors::default();
    let spec = machine.get(&["spec", "template", "spec"]).cloned().unwrap_or_default();
    check_disks(&spec, &mut errors);
    check_interfaces(&spec, &mut errors);
    if let Some(text) = machine.annotation(CLAIM_TEMPLATES)
        && serde_json::from_str::<Vec<Value>>(text).is_err()
    {
        errors.invalid(format!("metadata.annotations[{CLAIM_TEMPLATES}]"), "must be a JSON list of claims");
    }
    check_reserved_memory(machine, &spec, &mut errors);
    errors.into_result("kubevirt.io", "VirtualMachine", machine.name())
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str()).collect()
}

fn check_disks(spec: &Value, errors: &mut Errors) {
    const DISKS: &str = "spec.template.spec.domain.devices.disks";
    let volumes: BTreeSet<_> = names(&spec["volumes"]).into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut orders = BTreeSet::new();
    let disks = spec.pointer("/domain/devices/disks").and_then(Value::as_array);
    for (index, disk) in disks.into_iter().flatten().enumerate() {
        let name = disk["name"].as_str().unwrap_or("");
        if !volumes.contains(name) {
            errors.invalid(format!("{DISKS}[{index}].name"), format!("no volume is called '{name}'"));
        }
        if !seen.insert(name) {
            errors.add(FieldCause::FieldValueDuplicate, format!("{DISKS}[{index}].name"), name);
        }
        match disk["bootOrder"].as_i64() {
            Some(order) if order < 1 => {
                errors.invalid(format!("{DISKS}[{index}].bootOrder"), "must be greater than 0");
            }
            Some(order) if !orders.insert(order) => {
                let why = format!("boot order {order} is taken by another disk");
                errors.invalid(format!("{DISKS}[{index}].bootOrder"), why);
            }
            _ => {}
        }
    }
}

fn check_interfaces(spec: &Value, errors: &mut Errors) {
    const INTERFACES: &str = "spec.template.spec.domain.devices.interfaces";
    let networks: BTreeSet<_> = names(&spec["networks"]).into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    let interfaces = spec.pointer("/domain/devices/interfaces").and_then(Value::as_array);
    for (index, interface) in interfaces.into_iter().flatten().enumerate() {
        let name = interface["name"].as_str().unwrap_or("");
        if !networks.contains(name) {
            errors.invalid(format!("{INTERFACES}[{index}].name"), format!("no network is called '{name}'"));
        }
        if !seen.insert(name) {
            errors.add(FieldCause::FieldValueDuplicate, format!("{INTERFACES}[{index}].name"), name);
        }
        let Some(mac) = interface["macAddress"].as_str().filter(|mac| !mac.is_empty()) else { continue };
        let field = format!("{INTERFACES}[{index}].macAddress");
        if !is_mac(mac) {
            errors.invalid(field, format!("'{mac}' is no hardware address"));
        } else if !addresses.insert(mac.to_lowercase()) {
            errors.add(FieldCause::FieldValueDuplicate, field, mac);
        }
    }
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<_> = text.split([':', '-']).collect();
    parts.len() == 6 && parts.iter().all(|part| part.len() == 2 && u8::from_str_radix(part, 16).is_ok())
}

fn check_reserved_memory(machine: &Object, spec: &Value, errors: &mut Errors) {
    let Some(text) = machine.annotation(RESERVED_MEMORY).filter(|text| !text.is_empty()) else { return };
    let field = format!("metadata.annotations[{RESERVED_MEMORY}]");
    let limit = spec.pointer("/domain/resources/limits/memory").and_then(Value::as_str);
    match (text.parse::<Quantity>(), limit.and_then(|limit| limit.parse::<Quantity>().ok())) {
        (Err(error), _) => errors.invalid(field, error),
        (Ok(reserved), _) if reserved < Quantity::of(0) => errors.invalid(field, "must not be negative"),
        (Ok(reserved), Some(limit)) if reserved >= limit => {
            errors.invalid(field, "reserved memory must be less than the machine's memory");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::machines::checks::tests::{fields, object};

    #[test]
    fn machines_are_refused_at_the_field_at_fault() {
        let machine = |disks: Value, interfaces: Value, annotations: Value| {
            object(json!({
                "metadata": {"name": "a", "annotations": annotations},
                "spec": {"template": {"spec": {
                    "volumes": [{"name": "disk-0"}, {"name": "disk-1"}], "networks": [{"name": "default"}, {"name": "nic-1"}],
                    "domain": {
                        "resources": {"limits": {"memory": "1Gi"}},
                        "devices": {"disks": disks, "interfaces": interfaces},
                    },
                }}},
            }))
        };
        let disks = "spec.template.spec.domain.devices.disks";
        let interfaces = "spec.template.spec.domain.devices.interfaces";
        let none = || json!([]);
        for (given, expected) in [
            (
                machine(json!([{"name": "disk-0", "bootOrder": 1}]), json!([{"name": "default"}]), json!({})),
                vec![],
            ),
            (machine(json!([{"name": "disk-9"}]), none(), json!({})), vec![format!("{disks}[0].name")]),
            (
                machine(json!([{"name": "disk-0"}, {"name": "disk-0"}]), none(), json!({})),
                vec![format!("{disks}[1].name")],
            ),
            (
                machine(
                    json!([{"name": "disk-0", "bootOrder": 1}, {"name": "disk-1", "bootOrder": 1}]),
                    none(),
                    json!({}),
                ),
                vec![format!("{disks}[1].bootOrder")],
            ),
            (
                machine(none(), json!([{"name": "default", "macAddress": "52:54:00:zz:00:01"}]), json!({})),
                vec![format!("{interfaces}[0].macAddress")],
            ),
            (
                machine(
                    none(),
                    json!([
                        {"name": "default", "macAddress": "52:54:00:00:00:0a"},
                        {"name": "nic-1", "macAddress": "52:54:00:00:00:0A"},
                    ]),
                    json!({}),
                ),
                vec![format!("{interfaces}[1].macAddress")],
            ),
            (
                machine(none(), none(), json!({CLAIM_TEMPLATES: "[{"})),
                vec![format!("metadata.annotations[{CLAIM_TEMPLATES}]")],
            ),
            (
                machine(none(), none(), json!({RESERVED_MEMORY: "2Gi"})),
                vec![format!("metadata.annotations[{RESERVED_MEMORY}]")],
            ),
            (machine(none(), none(), json!({RESERVED_MEMORY: "256Mi"})), vec![]),
        ] {
            assert_eq!(fields(check_machine(&given)), expected, "{}", Value::Object(given.0.clone()));
        }
    }
}
