//! Instances: from Pending through Scheduling and Scheduled to Running, as long as the hypervisor runs them, and out.
//!
//! INVARIANT: an instance keeps [`FINALIZER`] until the hypervisor no longer knows it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use grange_apimachinery::{Object, time};
use grange_hypervisor::{Hypervisor, HypervisorError, Stop, VmId, VmPhase, VmStatus, simulated::Simulated};
use serde_json::{Value, json};

use super::{
    conditions::{self, Condition},
    launcher, spec, vm_id,
};
use crate::{
    client::{Client, ClientError, Key},
    deployments::differs,
    events::Recorder,
    kinds,
    pods::logs::LogBook,
    queue::{Outcome, Reconcile},
};

/// KubeVirt's own name for what keeps an instance until it has been stopped.
pub(super) const FINALIZER: &str = "foregroundDeleteVirtualMachine";
/// How long until something that an instance waits for is looked for again.
const WAIT_INTERVAL: Duration = Duration::from_millis(250);
/// The grace of an instance that names none.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Where instances run.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) address: String,
}

/// Why a look at an instance failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum InstanceError {
    /// The API.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The engine.
    #[error(transparent)]
    Hypervisor(#[from] HypervisorError),
}

/// The controller.
pub(super) struct Instances {
    client: Client,
    hypervisor: Arc<Simulated>,
    recorder: Arc<Recorder>,
    logs: Arc<LogBook>,
    node: Node,
    known: Mutex<HashMap<VmId, Key>>,
}

impl Instances {
    pub(super) fn new(
        client: Client,
        hypervisor: Arc<Simulated>,
        recorder: Arc<Recorder>,
        logs: Arc<LogBook>,
        node: Node,
    ) -> Self {
        Instances { client, hypervisor, recorder, logs, node, known: Mutex::new(HashMap::new()) }
    }

    /// The instance behind an id of the hypervisor.
    pub(super) fn key_of(&self, id: &VmId) -> Option<Key> {
        self.lock().get(id).cloned()
    }

    /// Every instance the hypervisor was told of.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VmId, Key>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets whatever the hypervisor knows under this name but for one id.
    async fn forget_others(&self, key: &Key, kept: Option<&VmId>) -> Result<(), InstanceError> {
        let others: Vec<VmId> = (self.lock().iter())
            .filter(|(id, known)| *known == key && Some(*id) != kept)
            .map(|(id, _)| id.clone())
            .collect();
        for id in others {
            self.hypervisor.undefine(&id).await?;
            self.lock().remove(&id);
        }
        Ok(())
    }

    async fn write(&self, instance: &Object, status: Value) -> Result<(), ClientError> {
        if differs(instance.get(&["status"]), &status) {
            self.client.patch_status(&kinds::INSTANCES, &Key::of(instance), &status).await?;
        }
        Ok(())
    }

    /// The status fields that say that a phase begins.
    fn phase(&self, instance: &Object, phase: &str) -> Value {
        let mut history = (instance.get(&["status", "phaseTransitionTimestamps"]))
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        history.push(json!({"phase": phase, "phaseTransitionTimestamp": time::now()}));
        json!({"phase": phase, "phaseTransitionTimestamps": history})
    }

    async fn begin(&self, instance: &Object) -> Result<Outcome, InstanceError> {
        let mut status = self.phase(instance, "Pending");
        let ready =
            Condition::new("Ready", false).because("GuestNotRunning", "Guest VM is not reported as running");
        status["conditions"] = conditions::list(None, vec![ready]);
        self.write(instance, status).await?;
        Ok(Outcome::Done)
    }

    /// Waits for what the instance needs, then makes its Pod.
    async fn schedule(&self, instance: &Object) -> Result<Outcome, InstanceError> {
        if let Some(waiting) = self.missing(instance).await? {
            let status = json!({"conditions": conditions::list(instance.get(&["status", "conditions"]), vec![
                Condition::new("Ready", false)
                    .because("GuestNotRunning", "Guest VM is not reported as running"),
                waiting,
            ])});
            self.write(instance, status).await?;
            return Ok(Outcome::Again(WAIT_INTERVAL));
        }
        self.client.create_if_absent(&kinds::PODS, &launcher::pod(instance, &self.node)).await?;
        let mut status = self.phase(instance, "Scheduling");
        status["conditions"] = conditions::list(
            instance.get(&["status", "conditions"]),
            vec![
                Condition::new("Ready", false)
                    .because("GuestNotRunning", "Guest VM is not reported as running"),
            ],
        );
        self.write(instance, status).await?;
        Ok(Outcome::Done)
    }

    /// The condition that says what the instance still waits for.
    async fn missing(&self, instance: &Object) -> Result<Option<Condition>, ClientError> {
        let namespace = instance.namespace();
        for claim in spec::claims(instance) {
            let Some(found) = self.client.get(&kinds::CLAIMS, &Key::new(namespace, &claim)).await? else {
                return Ok(Some(Condition::new("Synchronized", false).because(
                    "FailedPvcNotFound",
                    format!("PVC {namespace}/{claim} does not exist, waiting for it to appear"),
                )));
            };
            if found.text(&["status", "phase"]) != "Bound" {
                return Ok(Some(
                    Condition::new("Provisioning", true)
                        .because("PVCNotReady", format!("PVC {namespace}/{claim} is not bound yet")),
                ));
            }
        }
        for secret in spec::secrets(instance) {
            if self.client.get(&kinds::SECRETS, &Key::new(namespace, &secret)).await?.is_none() {
                return Ok(Some(Condition::new("Synchronized", false).because(
                    "FailedCreate",
                    format!(
                        "secret {namespace}/{secret} of cloud-init does not exist, waiting for it to appear"
                    ),
                )));
            }
        }
        Ok(None)
    }

    /// Plays the node: the Pod starts, and the instance is where it is.
    async fn place(&self, instance: &Object) -> Result<Outcome, InstanceError> {
        let key = launcher::key(instance);
        let Some(pod) = self.client.get(&kinds::PODS, &key).await? else {
            self.client.create_if_absent(&kinds::PODS, &launcher::pod(instance, &self.node)).await?;
            return Ok(Outcome::Again(WAIT_INTERVAL));
        };
        if pod.text(&["status", "phase"]) != "Running" {
            let status = launcher::status(true, &self.node, &self.node.address);
            self.client.patch_status(&kinds::PODS, &key, &status).await?;
        }
        let mut patch = json!({"status": self.phase(instance, "Scheduled")});
        patch["metadata"] = json!({"labels": {"kubevirt.io/nodeName": self.node.name}});
        patch["status"]["nodeName"] = self.node.name.clone().into();
        patch["status"]["activePods"] = json!({ pod.uid(): self.node.name });
        patch["status"]["launcherContainerImageVersion"] =
            "registry.suse.com/harvester-beta/virt-launcher:1.5.2".into();
        self.client.patch(&kinds::INSTANCES, &Key::of(instance), "", &patch).await?;
        Ok(Outcome::Done)
    }

    /// Hands the instance to the hypervisor.
    async fn launch(&self, instance: &Object, id: &VmId) -> Result<Outcome, InstanceError> {
        self.lock().insert(id.clone(), Key::of(instance));
        let status = self.hypervisor.status(id).await?;
        match status.map(|status| status.phase) {
            Some(VmPhase::Running | VmPhase::Paused) => return self.started(instance, id).await,
            Some(VmPhase::Starting) => return Ok(Outcome::Done),
            _ => {}
        }
        self.hypervisor.define(id, spec::of(instance)).await?;
        self.hypervisor.start(id).await?;
        self.logs.append(&pod_uid(instance), "starting the machine (simulated: no guest runs)");
        Ok(Outcome::Done)
    }

    async fn started(&self, instance: &Object, id: &VmId) -> Result<Outcome, InstanceError> {
        let Some(vm) = self.hypervisor.status(id).await? else { return Ok(Outcome::Again(WAIT_INTERVAL)) };
        let mut status = self.phase(instance, "Running");
        merge(&mut status, running_status(instance, &vm));
        merge(&mut status, fixed_status(instance));
        self.write(instance, status).await?;
        self.logs.append(&pod_uid(instance), "the machine runs");
        let text = "VirtualMachineInstance started.";
        self.recorder.record(instance, false, "Started", text, "virt-handler").await;
        Ok(Outcome::Done)
    }

    /// Keeps a running instance's status true.
    async fn follow(&self, instance: &Object, id: &VmId) -> Result<Outcome, InstanceError> {
        self.lock().insert(id.clone(), Key::of(instance));
        let vm = match self.hypervisor.status(id).await? {
            Some(vm) => vm,
            None => {
                // It ran before this process did.
                self.hypervisor.adopt(id, spec::of(instance)).await?;
                return Ok(Outcome::Done);
            }
        };
        let end = match vm.phase {
            VmPhase::Off => Some("Succeeded"),
            VmPhase::Failed => Some("Failed"),
            _ => None,
        };
        let Some(phase) = end else {
            self.write(instance, running_status(instance, &vm)).await?;
            return Ok(Outcome::Done);
        };
        let mut status = self.phase(instance, phase);
        status["conditions"] = conditions::list(
            instance.get(&["status", "conditions"]),
            vec![
                Condition::new("Ready", false).because("PodTerminating", "virt-launcher pod is terminating"),
            ],
        );
        status["interfaces"] = Value::Null;
        status["guestOSInfo"] = Value::Null;
        self.write(instance, status).await?;
        let text = "The VirtualMachineInstance was shut down.";
        self.recorder.record(instance, false, "Stopped", text, "virt-handler").await;
        Ok(Outcome::Done)
    }

    async fn end(&self, instance: &Object, id: &VmId) -> Result<Outcome, InstanceError> {
        let vm = self.hypervisor.status(id).await?;
        match vm.map(|vm| vm.phase) {
            Some(VmPhase::Running | VmPhase::Paused | VmPhase::Starting) => {
                self.hypervisor.stop(id, Stop::Graceful(grace(instance))).await?;
                return Ok(Outcome::Done);
            }
            Some(VmPhase::Stopping) => return Ok(Outcome::Done),
            Some(VmPhase::Off | VmPhase::Failed) | None => {}
        }
        self.hypervisor.undefine(id).await?;
        self.lock().remove(id);
        self.logs.forget(&pod_uid(instance));
        self.client.delete(&kinds::PODS, &launcher::key(instance), None).await?;
        let others: Vec<_> = instance.finalizers().into_iter().filter(|name| *name != FINALIZER).collect();
        if others.len() < instance.finalizers().len() {
            let patch = json!({"metadata": {"finalizers": others}});
            match self.client.patch(&kinds::INSTANCES, &Key::of(instance), "", &patch).await {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(Outcome::Done)
    }
}

impl Reconcile for Instances {
    type Key = Key;
    type Error = InstanceError;
    const NAME: &'static str = "instances";

    async fn reconcile(&self, key: &Key) -> Result<Outcome, InstanceError> {
        let Some(instance) = self.client.get(&kinds::INSTANCES, key).await? else {
            self.forget_others(key, None).await?;
            return Ok(Outcome::Done);
        };
        let id = vm_id(instance.uid());
        self.forget_others(key, Some(&id)).await?;
        if instance.is_terminating() {
            return self.end(&instance, &id).await;
        }
        match instance.text(&["status", "phase"]) {
            "" => self.begin(&instance).await,
            "Pending" => self.schedule(&instance).await,
            "Scheduling" => self.place(&instance).await,
            "Scheduled" => self.launch(&instance, &id).await,
            "Running" => self.follow(&instance, &id).await,
            _ => Ok(Outcome::Done),
        }
    }
}

/// The status fields that follow from the hypervisor's.
fn running_status(instance: &Object, vm: &VmStatus) -> Value {
    let paused = vm.phase == VmPhase::Paused;
    let mut wanted = vec![
        Condition::new("Ready", !paused),
        Condition::new("LiveMigratable", false)
            .because("NotMigratable", "a cluster of one node has nowhere to migrate a virtual machine to"),
    ];
    if paused {
        wanted[0] = Condition::new("Ready", false).because("GuestNotRunning", "Guest VM is paused");
        wanted.push(Condition::new("Paused", true).because("PausedByUser", "VMI was paused by user"));
    }
    if vm.guest.is_some() {
        wanted.push(Condition::new("AgentConnected", true));
    }
    let interfaces: Vec<Value> = (vm.nics.iter())
        .map(|nic| {
            let mut interface = json!({
                "name": nic.name, "mac": nic.mac, "queueCount": 1, "linkState": "up", "podInterfaceName": "eth0",
                "infoSource": if vm.guest.is_some() { "domain, guest-agent" } else { "domain" },
            });
            if let Some(ip) = &nic.ip {
                interface["ipAddress"] = ip.clone().into();
                interface["ipAddresses"] = json!([ip]);
            }
            if let Some(name) = &nic.guest_name {
                interface["interfaceName"] = name.clone().into();
            }
            interface
        })
        .collect();
    let guest = vm.guest.as_ref().map(|guest| {
        json!({
            "id": guest.id, "name": guest.name, "prettyName": guest.pretty_name, "version": guest.version,
            "versionId": guest.version, "kernelRelease": guest.kernel_release, "kernelVersion": "#1 SMP",
            "machine": "x86_64", "hostname": guest.host_name,
        })
    });
    json!({
        "conditions": conditions::list(instance.get(&["status", "conditions"]), wanted),
        "interfaces": if interfaces.is_empty() { Value::Null } else { interfaces.into() },
        "guestOSInfo": guest,
    })
}

/// The status fields that do not change while an instance runs.
fn fixed_status(instance: &Object) -> Value {
    let spec = instance.get(&["spec"]).cloned().unwrap_or_default();
    let domain = &spec["domain"];
    let (cores, sockets, threads) = spec::topology(domain);
    let memory = spec::memory_text(domain);
    let volumes: Vec<Value> = (spec["volumes"].as_array().into_iter().flatten().enumerate())
        .map(|(index, volume)| {
            let letter = char::from(b'a' + u8::try_from(index % 26).unwrap_or(0));
            let mut status = json!({"name": volume["name"], "target": format!("vd{letter}")});
            if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
                status["persistentVolumeClaimInfo"] = json!({"claimName": claim, "volumeMode": "Block"});
            }
            status
        })
        .collect();
    json!({
        "machine": {"type": "pc-q35-9.1"},
        "currentCPUTopology": {"cores": cores, "sockets": sockets, "threads": threads},
        "memory": {"guestAtBoot": memory, "guestCurrent": memory, "guestRequested": memory},
        "migrationMethod": "LiveMigration", "qosClass": "Burstable", "runtimeUser": 107,
        "virtualMachineRevisionName": format!(
            "revision-start-vm-{}-{}",
            owner_uid(instance),
            instance.annotation("kubevirt.io/vm-generation").unwrap_or("1")
        ),
        "volumeStatus": if volumes.is_empty() { Value::Null } else { volumes.into() },
    })
}

fn owner_uid(instance: &Object) -> String {
    instance.owner_references().into_iter().next().map(|owner| owner.uid).unwrap_or_default()
}

/// The uid of the launcher Pod, under which the log is kept.
fn pod_uid(instance: &Object) -> String {
    (instance.get(&["status", "activePods"]).and_then(Value::as_object))
        .and_then(|pods| pods.keys().next().cloned())
        .unwrap_or_default()
}

fn grace(instance: &Object) -> Duration {
    let seconds = [&["metadata", "deletionGracePeriodSeconds"], &["spec", "terminationGracePeriodSeconds"]]
        .into_iter()
        .find_map(|path| instance.get(path).and_then(Value::as_u64).filter(|seconds| *seconds > 0));
    seconds.map_or(DEFAULT_GRACE, Duration::from_secs)
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
