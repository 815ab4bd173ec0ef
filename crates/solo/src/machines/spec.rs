//! What an instance's spec says to a hypervisor.

use grange_apimachinery::{Object, quantity::Quantity};
use grange_hypervisor::{DiskSpec, NicSpec, VmSpec};
use serde_json::Value;

/// Memory of an instance that names none, bytes.
const DEFAULT_MEMORY_BYTES: u64 = 1 << 30;

/// The hypervisor's spec of an instance.
pub(super) fn of(instance: &Object) -> VmSpec {
    let spec = instance.get(&["spec"]).cloned().unwrap_or_default();
    let domain = &spec["domain"];
    let (cores, sockets, threads) = topology(domain);
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let volumes = items(&spec["volumes"]);
    VmSpec {
        name: spec["hostname"].as_str().unwrap_or(instance.name()).to_owned(),
        cpus: cores * sockets * threads,
        memory_bytes: memory_bytes(domain),
        disks: items(&domain["devices"]["disks"])
            .iter()
            .filter_map(|disk| disk["name"].as_str())
            .map(|name| DiskSpec {
                name: name.to_owned(),
                source: volumes.iter().find(|volume| volume["name"] == name).map_or_else(String::new, source),
                size_bytes: 0,
            })
            .collect(),
        nics: items(&domain["devices"]["interfaces"])
            .iter()
            .map(|interface| NicSpec {
                name: interface["name"].as_str().unwrap_or("default").to_owned(),
                mac: interface["macAddress"].as_str().filter(|mac| !mac.is_empty()).map(str::to_owned),
            })
            .collect(),
        guest_os: instance.label("harvesterhci.io/os").unwrap_or("").to_owned(),
    }
}

/// Cores, sockets, threads.
pub(super) fn topology(domain: &Value) -> (u32, u32, u32) {
    let number = |field: &str| {
        let count = domain["cpu"][field].as_u64().unwrap_or(1).clamp(1, 1024);
        u32::try_from(count).unwrap_or(1)
    };
    (number("cores"), number("sockets"), number("threads"))
}

/// The memory the guest gets, as written.
pub(super) fn memory_text(domain: &Value) -> &str {
    let candidates = [
        &domain["memory"]["guest"],
        &domain["resources"]["limits"]["memory"],
        &domain["resources"]["requests"]["memory"],
    ];
    candidates.into_iter().find_map(Value::as_str).unwrap_or("1Gi")
}

fn memory_bytes(domain: &Value) -> u64 {
    memory_text(domain)
        .parse::<Quantity>()
        .ok()
        .and_then(|quantity| u64::try_from(quantity.value()).ok())
        .unwrap_or(DEFAULT_MEMORY_BYTES)
}

/// The claims an instance mounts.
pub(super) fn claims(instance: &Object) -> Vec<String> {
    volumes(instance)
        .filter_map(|volume| {
            let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
            claim.or(volume["dataVolume"]["name"].as_str()).map(str::to_owned)
        })
        .collect()
}

/// The Secrets an instance's cloud-init reads.
pub(super) fn secrets(instance: &Object) -> Vec<String> {
    volumes(instance)
        .flat_map(|volume| {
            ["cloudInitNoCloud", "cloudInitConfigDrive"].into_iter().flat_map(move |flavour| {
                ["secretRef", "networkDataSecretRef"]
                    .into_iter()
                    .filter_map(move |field| volume[flavour][field]["name"].as_str().map(str::to_owned))
            })
        })
        .collect()
}

fn volumes(instance: &Object) -> impl Iterator<Item = &Value> {
    instance.get(&["spec", "volumes"]).and_then(Value::as_array).into_iter().flatten()
}

fn source(volume: &Value) -> String {
    let text = |pointer: &str| volume.pointer(pointer).and_then(Value::as_str);
    if let Some(claim) = text("/persistentVolumeClaim/claimName") {
        return format!("claim:{claim}");
    }
    if let Some(image) = text("/containerDisk/image") {
        return format!("image:{image}");
    }
    (volume.as_object().into_iter().flatten())
        .find(|(key, _)| *key != "name")
        .map(|(key, _)| key.clone())
        .unwrap_or_default()
}
