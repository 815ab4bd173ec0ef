//! Volumes that come and go while a machine runs: KubeVirt's subresources addvolume and removevolume.

use futures::future::BoxFuture;
use grange_apimachinery::{Object, Status};
use grange_apiserver::{Body, authorization::Authorized, resource::Subresource};
use serde_json::{Value, json};

use super::{
    actions::{accepted, options, status},
    wanted_claims::{CLAIM_TEMPLATES, claim_templates},
};
use crate::{
    client::{Client, Key, OwnClient},
    kinds,
};

const DEVICES: [&str; 3] = ["domain", "devices", "disks"];

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Add,
    Remove,
}

pub(super) struct Handler {
    pub(super) direction: Direction,
    pub(super) client: OwnClient,
}

impl Subresource for Handler {
    fn names(&self) -> (&str, &str, &str, &str) {
        let name = if self.direction == Direction::Add { "addvolume" } else { "removevolume" };
        ("subresources.kubevirt.io", "v1", "virtualmachines", name)
    }
    fn kind(&self) -> &str {
        "VirtualMachine"
    }
    fn verbs(&self) -> &[&str] {
        &["update"]
    }
    fn handle<'a>(
        &'a self,
        authorized: &'a Authorized<'a>,
        request: http::Request<Body>,
    ) -> BoxFuture<'a, Result<http::Response<Body>, Status>> {
        let key = Key::new(authorized.attributes.namespace, authorized.attributes.name);
        Box::pin(async move {
            let options = options(request).await?;
            let client = &self.client.get()?;
            let machine = client
                .get(&kinds::MACHINES, &key)
                .await
                .map_err(status)?
                .ok_or_else(|| Status::not_found("kubevirt.io", "virtualmachine", &key.name))?;
            match self.direction {
                Direction::Add => add(client, &key, &machine, &options).await?,
                Direction::Remove => remove(client, &key, &machine, &options).await?,
            }
            Ok(accepted())
        })
    }
}

/// The list at a path below a spec.
fn list(spec: &Value, path: &[&str]) -> Vec<Value> {
    let value = path.iter().fold(spec, |value, step| &value[*step]);
    value.as_array().cloned().unwrap_or_default()
}

async fn add(client: &Client, key: &Key, machine: &Object, options: &Value) -> Result<(), Status> {
    let name = options["name"].as_str().unwrap_or_default();
    let claim_name = options.pointer("/volumeSource/persistentVolumeClaim/claimName").and_then(Value::as_str);
    let (Some(claim_name), false) = (claim_name, name.is_empty()) else {
        return Err(Status::bad_request("AddVolumeOptions requires name, disk and volumeSource to be set"));
    };
    let refused = |why: String| Status::conflict("kubevirt.io", "virtualmachine", &key.name, &why);
    let spec = machine.get(&["spec", "template", "spec"]).cloned().unwrap_or_default();
    let mut volumes = list(&spec, &["volumes"]);
    if volumes.iter().any(|volume| volume["name"] == name) {
        let why = format!("Unable to add volume [{name}] because volume with that name already exists");
        return Err(refused(why));
    }
    let claim = client.get(&kinds::CLAIMS, &Key::new(&key.namespace, claim_name)).await.map_err(status)?;
    let Some(claim) = claim else {
        return Err(Status::bad_request(format!("PVC {}/{claim_name} does not exist", key.namespace)));
    };
    let mut disks = list(&spec, &DEVICES);
    let mut disk = options["disk"].clone();
    disk["name"] = name.into();
    disks.push(disk);
    let source = json!({"claimName": claim_name, "hotpluggable": true});
    volumes.push(json!({"name": name, "persistentVolumeClaim": source}));
    let mut templates = claim_templates(machine.get(&["metadata", "annotations"]));
    templates.push(json!({
        "metadata": {"name": claim_name, "annotations": {}},
        "spec": {
            "accessModes": claim.get(&["spec", "accessModes"]), "volumeMode": claim.get(&["spec", "volumeMode"]),
            "storageClassName": claim.text(&["spec", "storageClassName"]),
            "resources": {"requests": claim.get(&["spec", "resources", "requests"])},
        },
    }));
    write(client, key, &disks, &volumes, &templates, Some(name)).await
}

async fn remove(client: &Client, key: &Key, machine: &Object, options: &Value) -> Result<(), Status> {
    let name = options["name"].as_str().unwrap_or_default();
    let spec = machine.get(&["spec", "template", "spec"]).cloned().unwrap_or_default();
    let mut volumes = list(&spec, &["volumes"]);
    let refused = |why: &str| Status::conflict("kubevirt.io", "virtualmachine", &key.name, why);
    let Some(at) = volumes.iter().position(|volume| volume["name"] == name) else {
        return Err(refused(&format!("Unable to remove volume [{name}] because it does not exist")));
    };
    let source = volumes[at]["persistentVolumeClaim"].clone();
    if source["hotpluggable"] != true {
        return Err(refused(&format!("Unable to remove volume [{name}] because it is not hotpluggable")));
    }
    volumes.remove(at);
    let mut disks = list(&spec, &DEVICES);
    disks.retain(|disk| disk["name"] != name);
    let mut templates = claim_templates(machine.get(&["metadata", "annotations"]));
    templates.retain(|template| template["metadata"]["name"] != source["claimName"]);
    write(client, key, &disks, &volumes, &templates, None).await
}

/// Puts the lists into the machine, and into what runs of it.
async fn write(
    client: &Client,
    key: &Key,
    disks: &[Value],
    volumes: &[Value],
    templates: &[Value],
    added: Option<&str>,
) -> Result<(), Status> {
    let spec = json!({"volumes": volumes, "domain": {"devices": {"disks": disks}}});
    let patch = json!({
        "metadata": {"annotations": {CLAIM_TEMPLATES: Value::from(templates).to_string()}},
        "spec": {"template": {"spec": spec}},
    });
    client.patch(&kinds::MACHINES, key, "", &patch).await.map_err(status)?;
    let Some(instance) = client.get(&kinds::INSTANCES, key).await.map_err(status)? else { return Ok(()) };
    let mut statuses = list(instance.get(&["status"]).unwrap_or(&Value::Null), &["volumeStatus"]);
    statuses.retain(|entry| volumes.iter().any(|volume| volume["name"] == entry["name"]));
    if let Some(name) = added {
        let letter = char::from(b'a' + u8::try_from(statuses.len() % 26).unwrap_or(0));
        statuses.push(json!({
            "name": name, "target": format!("sd{letter}"), "phase": "Ready", "reason": "VolumeReady",
            "message": "Successfully attach hotplugged volume to VM",
            "hotplugVolume": {"attachPodName": format!("hp-volume-{}", key.name)},
        }));
    }
    let patch = json!({"spec": spec, "status": {"volumeStatus": statuses}});
    match client.patch(&kinds::INSTANCES, key, "", &patch).await {
        Err(error) if !error.is_not_found() => Err(status(error)),
        _ => Ok(()),
    }
}
