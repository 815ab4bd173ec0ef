//! What instance is made of a machine.

use grange_apimachinery::Object;
use serde_json::{Map, Value, json};

use super::instance::FINALIZER;

/// JSON map from interface to hardware address, kept from the first run.
pub(super) const MAC_ADDRESSES: &str = "harvesterhci.io/mac-address";

/// Whether the machine has been changed since this instance was made of it. Hardware addresses are chosen later.
pub(super) fn differs_from(machine: &Object, instance: &Object) -> bool {
    let spec = |object: &Object, path: &[&str]| {
        let mut spec = object.get(path).cloned().unwrap_or_default();
        let interfaces = spec.pointer_mut("/domain/devices/interfaces").and_then(Value::as_array_mut);
        for interface in interfaces.into_iter().flatten().filter_map(Value::as_object_mut) {
            interface.remove("macAddress");
        }
        spec
    };
    spec(machine, &["spec", "template", "spec"]) != spec(instance, &["spec"])
}

/// The instance to be.
pub(super) fn instance_of(machine: &Object) -> Object {
    let template = machine.get(&["spec", "template"]).cloned().unwrap_or_default();
    let mut annotations = template["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.insert("kubevirt.io/vm-generation".into(), machine.generation().to_string().into());
    let mut labels = template["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    if let Some(os) = machine.label("harvesterhci.io/os") {
        labels.entry("harvesterhci.io/os").or_insert_with(|| os.into());
    }
    let mut spec = template["spec"].clone();
    let kept: Value = machine
        .annotation(MAC_ADDRESSES)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let interfaces = spec.pointer_mut("/domain/devices/interfaces").and_then(Value::as_array_mut);
    for interface in interfaces.into_iter().flatten() {
        let mac = interface["name"].as_str().and_then(|name| kept[name].as_str());
        if let (Some(mac), true) = (mac, interface["macAddress"].as_str().is_none_or(str::is_empty)) {
            interface["macAddress"] = mac.into();
        }
    }
    let mut map = Map::new();
    map.insert("apiVersion".into(), "kubevirt.io/v1".into());
    map.insert("kind".into(), "VirtualMachineInstance".into());
    map.insert(
        "metadata".into(),
        json!({
            "name": machine.name(), "namespace": machine.namespace(),
            "labels": labels, "annotations": annotations, "finalizers": [FINALIZER],
            "ownerReferences": [{
                "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": machine.name(),
                "uid": machine.uid(), "controller": true, "blockOwnerDeletion": true,
            }],
        }),
    );
    map.insert("spec".into(), spec);
    Object(map)
}
