//! What the cluster fills in or refuses when particular kinds are written: the defaults that clients of a real
//! cluster count on.

use std::sync::Arc;

use grange_apimachinery::{FieldError, Object, Status, status::FieldCause};
use grange_apiserver::{Strategy, UserInfo};
use serde_json::{Map, Value, json};

use crate::machines;

/// The strategy of a kind that has one.
pub(crate) fn of(group: &str, kind: &str) -> Option<Arc<dyn Strategy>> {
    match (group, kind) {
        ("apps", "Deployment") => Some(Arc::new(Deployments)),
        ("", "Service") => Some(Arc::new(Services)),
        ("", "Pod") => Some(Arc::new(Pods)),
        ("kubevirt.io", "VirtualMachine") => Some(Arc::new(Machines)),
        ("kubevirt.io", "VirtualMachineInstanceMigration") => Some(Arc::new(Migrations)),
        _ => machines::checks::strategy(group, kind),
    }
}

struct Deployments;

impl Strategy for Deployments {
    fn prepare_create(&self, _user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        default_deployment(object);
        check_deployment(object)
    }
    fn prepare_update(&self, _user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        default_deployment(new);
        check_deployment(new)?;
        if old.get(&["spec", "selector"]) != new.get(&["spec", "selector"]) {
            return Err(invalid("apps", "Deployment", new, "spec.selector", "field is immutable"));
        }
        Ok(())
    }
}

fn default_deployment(object: &mut Object) {
    let defaults = json!({
        "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    });
    let spec = object.0.entry("spec").or_insert_with(|| Value::Object(Map::new()));
    if spec["strategy"]["type"] == "Recreate" {
        fill(spec, &json!({"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}));
    } else {
        fill(spec, &defaults);
    }
    if let Some(pod_spec) = spec.pointer_mut("/template/spec") {
        default_pod_spec(pod_spec);
    }
}

fn check_deployment(object: &Object) -> Result<(), Status> {
    let wrong = |field, detail| Err(invalid("apps", "Deployment", object, field, detail));
    let Some(wanted) = object.get(&["spec", "selector", "matchLabels"]).and_then(Value::as_object) else {
        if object.get(&["spec", "selector"]).is_some() {
            return Ok(());
        }
        return wrong("spec.selector", "Required value");
    };
    let labels = object.get(&["spec", "template", "metadata", "labels"]);
    if wanted.iter().any(|(key, value)| labels.and_then(|labels| labels.get(key)) != Some(value)) {
        return wrong("spec.template.metadata.labels", "`selector` does not match template `labels`");
    }
    let containers = object.get(&["spec", "template", "spec", "containers"]).and_then(Value::as_array);
    if containers.is_none_or(Vec::is_empty) {
        return wrong("spec.template.spec.containers", "Required value");
    }
    Ok(())
}

struct Pods;

impl Strategy for Pods {
    fn prepare_create(&self, _user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        let spec = object.0.entry("spec").or_insert_with(|| Value::Object(Map::new()));
        default_pod_spec(spec);
        fill(spec, &json!({"serviceAccountName": "default", "enableServiceLinks": true}));
        Ok(())
    }
}

fn default_pod_spec(spec: &mut Value) {
    fill(
        spec,
        &json!({
            "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
            "securityContext": {}, "terminationGracePeriodSeconds": 30,
        }),
    );
    // The old name of the field, which clients still read.
    if let Some(name) = spec.get("serviceAccountName").cloned() {
        spec["serviceAccount"] = name;
    }
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        let latest = container["image"].as_str().is_some_and(|image| {
            let name = image.rsplit('/').next().unwrap_or(image);
            !name.contains([':', '@']) || name.ends_with(":latest")
        });
        fill(
            container,
            &json!({
                "imagePullPolicy": if latest { "Always" } else { "IfNotPresent" }, "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            }),
        );
    }
}

struct Services;

impl Strategy for Services {
    fn prepare_create(&self, _user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        // The service network of a Harvester is 10.53.0.0/16. Nothing listens there, so a clash does no harm.
        let hash = (object.namespace().bytes().chain(object.name().bytes()))
            .fold(5381_u32, |hash, byte| hash.wrapping_mul(33) ^ u32::from(byte));
        let address = format!("10.53.{}.{}", 1 + hash % 250, 1 + (hash >> 8) % 250);
        let spec = object.0.entry("spec").or_insert_with(|| Value::Object(Map::new()));
        fill(
            spec,
            &json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}),
        );
        if spec["type"] != "ExternalName" {
            fill(
                spec,
                &json!({"clusterIP": address, "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}),
            );
            spec["clusterIPs"] = json!([spec["clusterIP"]]);
        }
        for port in spec["ports"].as_array_mut().into_iter().flatten() {
            let target = port["port"].clone();
            fill(port, &json!({"protocol": "TCP", "targetPort": target}));
        }
        object.set(&["status", "loadBalancer"], json!({}));
        Ok(())
    }
    fn prepare_update(&self, _user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        for field in ["type", "clusterIP", "clusterIPs"] {
            if new.get(&["spec", field]).is_none()
                && let Some(value) = old.get(&["spec", field])
            {
                new.set(&["spec", field], value.clone());
            }
        }
        Ok(())
    }
}

/// The finalizer KubeVirt puts on machines.
pub(crate) const MACHINE_FINALIZER: &str = "kubevirt.io/virtualMachineControllerFinalize";

struct Machines;

impl Strategy for Machines {
    fn prepare_create(&self, _user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        check_machine(object)?;
        if !object.finalizers().contains(&MACHINE_FINALIZER) {
            let mut finalizers: Vec<Value> = object.finalizers().into_iter().map(Value::from).collect();
            finalizers.push(MACHINE_FINALIZER.into());
            object.set(&["metadata", "finalizers"], finalizers);
        }
        Ok(())
    }
    fn prepare_update(&self, _user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        check_machine(new)?;
        // What a Harvester's mutator does: remember how the machine ran, for the next start.
        let before = old.text(&["spec", "runStrategy"]);
        if !before.is_empty() && before != "Halted" && new.text(&["spec", "runStrategy"]) == "Halted" {
            new.set(&["metadata", "annotations", "harvesterhci.io/vmRunStrategy"], before.to_owned());
        }
        Ok(())
    }
}

fn check_machine(object: &Object) -> Result<(), Status> {
    let wrong = |field, detail| Err(invalid("kubevirt.io", "VirtualMachine", object, field, detail));
    if object.get(&["spec", "template"]).is_none_or(|template| !template.is_object()) {
        return wrong("spec.template", "missing virtual machine template.");
    }
    let running = object.get(&["spec", "running"]).is_some_and(|value| !value.is_null());
    match object.text(&["spec", "runStrategy"]) {
        "" if running => machines::checks::check_machine(object),
        "" => wrong("spec", "Running or RunStrategy must be specified"),
        _ if running => wrong("spec", "Running and RunStrategy are mutually exclusive"),
        "Always" | "Halted" | "Manual" | "RerunOnFailure" | "Once" => machines::checks::check_machine(object),
        other => wrong("spec.runStrategy", &format!("Invalid RunStrategy ({other})")),
    }
}

struct Migrations;

impl Strategy for Migrations {
    fn prepare_create(&self, _user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        let why = "a cluster of one node has nowhere to migrate a virtual machine to";
        Err(Status::forbidden("kubevirt.io", "virtualmachineinstancemigrations", object.name(), why))
    }
}

fn invalid(group: &str, kind: &str, object: &Object, field: &str, detail: &str) -> Status {
    let cause = if detail == "Required value" {
        FieldCause::FieldValueRequired
    } else {
        FieldCause::FieldValueInvalid
    };
    let error = FieldError { field: field.into(), cause, value: None, detail: detail.into() };
    Status::invalid(group, kind, object.name(), vec![error])
}

/// Sets the fields that are absent, down through objects.
fn fill(value: &mut Value, defaults: &Value) {
    match (value, defaults) {
        (Value::Object(map), Value::Object(defaults)) => {
            for (key, default) in defaults {
                match map.get_mut(key) {
                    Some(present) if present.is_object() && default.is_object() => fill(present, default),
                    Some(present) if present.is_null() => *present = default.clone(),
                    Some(_) => {}
                    None => {
                        map.insert(key.clone(), default.clone());
                    }
                }
            }
        }
        (value, defaults) if value.is_null() => *value = defaults.clone(),
        _ => {}
    }
}
