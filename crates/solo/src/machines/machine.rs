//! Machines: whether there is to be an instance, and a status that says how it goes.

use std::time::Duration;

use grange_apimachinery::Object;
use serde_json::{Map, Value, json};

use super::{
    conditions::{self, Condition},
    draft::{MAC_ADDRESSES, differs_from, instance_of},
    wanted_claims,
};
use crate::{
    client::{Client, ClientError, Key},
    deployments::differs,
    events::Recorder,
    kinds,
    queue::{Outcome, Reconcile},
    strategies::MACHINE_FINALIZER,
};

/// Claims that go with the machine, separated by commas.
const REMOVED_CLAIMS: &str = "harvesterhci.io/removedPersistentVolumeClaims";
/// How long until a machine that needs another look gets it.
const RECHECK_DELAY: Duration = Duration::from_millis(200);

/// The controller.
pub(super) struct Machines {
    client: Client,
    recorder: std::sync::Arc<Recorder>,
}

/// What becomes of the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Keep,
    Start,
    Stop,
}

impl Machines {
    pub(super) fn new(client: Client, recorder: std::sync::Arc<Recorder>) -> Self {
        Machines { client, recorder }
    }

    async fn delete(&self, machine: &Object, instance: Option<&Object>) -> Result<Outcome, ClientError> {
        if let Some(instance) = instance {
            self.client.delete(&kinds::INSTANCES, &Key::of(instance), Some(instance.uid())).await?;
            let status = json!({"printableStatus": "Terminating"});
            if differs(machine.get(&["status"]), &status) {
                self.client.patch_status(&kinds::MACHINES, &Key::of(machine), &status).await?;
            }
            return Ok(Outcome::Done);
        }
        for claim in machine.annotation(REMOVED_CLAIMS).unwrap_or("").split(',').map(str::trim) {
            if !claim.is_empty() {
                self.client.delete(&kinds::CLAIMS, &Key::new(machine.namespace(), claim), None).await?;
            }
        }
        let others: Vec<_> =
            machine.finalizers().into_iter().filter(|name| *name != MACHINE_FINALIZER).collect();
        if others.len() < machine.finalizers().len() {
            let patch = json!({"metadata": {"finalizers": others}});
            match self.client.patch(&kinds::MACHINES, &Key::of(machine), "", &patch).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(Outcome::Done)
    }

    async fn start(&self, machine: &Object) -> Result<(), ClientError> {
        self.client.create_if_absent(&kinds::INSTANCES, &instance_of(machine)).await?;
        let text = format!(
            "Started the virtual machine by creating the new virtual machine instance {}",
            machine.name()
        );
        self.recorder.record(machine, false, "SuccessfulCreate", &text, "virtualmachine-controller").await;
        Ok(())
    }

    async fn stop(&self, machine: &Object, instance: &Object) -> Result<(), ClientError> {
        self.client.delete(&kinds::INSTANCES, &Key::of(instance), Some(instance.uid())).await?;
        let text = format!(
            "Stopped the virtual machine by deleting the virtual machine instance {}",
            instance.uid()
        );
        self.recorder.record(machine, false, "SuccessfulDelete", &text, "virtualmachine-controller").await;
        Ok(())
    }

    /// Keeps the hardware addresses of the first run for later ones.
    async fn keep_addresses(&self, machine: &Object, instance: &Object) -> Result<(), ClientError> {
        let mut addresses = Map::new();
        for interface in
            instance.get(&["status", "interfaces"]).and_then(Value::as_array).into_iter().flatten()
        {
            if let (Some(name), Some(mac)) = (interface["name"].as_str(), interface["mac"].as_str()) {
                addresses.insert(name.to_owned(), mac.into());
            }
        }
        let text = Value::from(addresses).to_string();
        if text == "{}" || machine.annotation(MAC_ADDRESSES) == Some(&text) {
            return Ok(());
        }
        let patch = json!({"metadata": {"annotations": {MAC_ADDRESSES: text}}});
        self.client.patch(&kinds::MACHINES, &Key::of(machine), "", &patch).await.map(drop)
    }
}

impl Reconcile for Machines {
    type Key = Key;
    type Error = ClientError;
    const NAME: &'static str = "machines";

    async fn reconcile(&self, key: &Key) -> Result<Outcome, ClientError> {
        let Some(machine) = self.client.get(&kinds::MACHINES, key).await? else { return Ok(Outcome::Done) };
        let instance = self.client.get(&kinds::INSTANCES, key).await?;
        if machine.is_terminating() {
            return self.delete(&machine, instance.as_ref()).await;
        }
        wanted_claims::make(&self.client, &machine).await?;
        let requests = requests(&machine);
        let decision = decide(&machine, instance.as_ref(), &requests);
        match (decision, &instance) {
            (Decision::Start, _) => self.start(&machine).await?,
            (Decision::Stop, Some(instance)) if !instance.is_terminating() => {
                self.stop(&machine, instance).await?;
            }
            _ => {}
        }
        if let Some(instance) = &instance {
            self.keep_addresses(&machine, instance).await?;
        }
        let reruns = strategy(&machine) == "RerunOnFailure";
        let left = left_requests(requests, instance.as_ref(), decision, reruns);
        let status = status(&machine, instance.as_ref(), decision, left);
        if differs(machine.get(&["status"]), &status) {
            // Only onto what was looked at: a request that came meanwhile must not be lost.
            let patch = json!({
                "metadata": {"resourceVersion": machine.resource_version()}, "status": status,
            });
            self.client.patch(&kinds::MACHINES, key, "status", &patch).await?;
        }
        // An instance that was just made or deleted tells of itself; this is for when its news came too early.
        Ok(if decision == Decision::Keep { Outcome::Done } else { Outcome::Again(RECHECK_DELAY) })
    }
}

/// The strategy in force; `running` is its older form.
pub(super) fn strategy(machine: &Object) -> &str {
    match machine.text(&["spec", "runStrategy"]) {
        "" if machine.get(&["spec", "running"]) == Some(&Value::Bool(true)) => "Always",
        "" => "Halted",
        strategy => strategy,
    }
}

/// Whether an instance has ended by itself.
pub(super) fn is_final(instance: &Object) -> bool {
    matches!(instance.text(&["status", "phase"]), "Succeeded" | "Failed")
}

fn requests(machine: &Object) -> Vec<Value> {
    machine.get(&["status", "stateChangeRequests"]).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn decide(machine: &Object, instance: Option<&Object>, requests: &[Value]) -> Decision {
    let strategy = strategy(machine);
    let asked_to_start = requests.first().is_some_and(|request| request["action"] == "Start");
    let Some(instance) = instance else {
        let stopping = requests.first().is_some_and(|request| request["action"] == "Stop");
        let asked =
            asked_to_start || (stopping && requests.iter().any(|request| request["action"] == "Start"));
        // A strategy that is new here starts the machine; one that was in force already does not start it again
        // after it was stopped.
        let strategy_is_new = machine.text(&["status", "runStrategy"]) != strategy;
        let start = match strategy {
            "Always" => true,
            "RerunOnFailure" | "Once" => asked || strategy_is_new,
            "Manual" => asked,
            _ => false,
        };
        return if start { Decision::Start } else { Decision::Keep };
    };
    let asked_to_stop = requests
        .first()
        .is_some_and(|request| request["action"] == "Stop" && request["uid"] == instance.uid());
    if strategy == "Halted" || asked_to_stop || is_final(instance) { Decision::Stop } else { Decision::Keep }
}

/// The requests that are still to be served.
fn left_requests(
    mut requests: Vec<Value>,
    instance: Option<&Object>,
    decision: Decision,
    reruns: bool,
) -> Value {
    match instance {
        None => {
            if requests.first().is_some_and(|request| request["action"] == "Stop") {
                requests.remove(0);
            }
            if decision == Decision::Start && requests.first().is_some_and(|r| r["action"] == "Start") {
                requests.remove(0);
            }
        }
        Some(instance) => {
            // A stop meant for an instance of old, or a start of what runs, is moot.
            requests.retain(|request| request["action"] != "Stop" || request["uid"] == instance.uid());
            if requests.first().is_some_and(|request| request["action"] == "Start") && !is_final(instance) {
                requests.remove(0);
            }
            let failed = instance.text(&["status", "phase"]) == "Failed";
            if reruns && failed && !requests.iter().any(|request| request["action"] == "Start") {
                // The next instance is asked for while the failed one still says why.
                requests.push(json!({"action": "Stop", "uid": instance.uid()}));
                requests.push(json!({"action": "Start"}));
            }
        }
    }
    if requests.is_empty() { Value::Null } else { requests.into() }
}

fn status(machine: &Object, instance: Option<&Object>, decision: Decision, requests: Value) -> Value {
    let before = machine.get(&["status", "conditions"]);
    let mut wanted = Vec::new();
    let ready = instance.is_some_and(|instance| holds(instance, "Ready"));
    wanted.push(match instance {
        None => Condition::new("Ready", false).because("VMINotExists", "VMI does not exist"),
        Some(_) if ready => Condition::new("Ready", true),
        Some(_) => {
            Condition::new("Ready", false).because("GuestNotRunning", "Guest VM is not reported as running")
        }
    });
    for kind in ["LiveMigratable", "Paused", "AgentConnected"] {
        let present = instance.and_then(|instance| condition(instance, kind));
        if let Some(present) = present {
            let mut copy = Condition::new(kind, present["status"] == "True");
            copy.reason = match present["reason"].as_str() {
                Some("NotMigratable") => Some("NotMigratable"),
                Some("PausedByUser") => Some("PausedByUser"),
                _ => None,
            };
            copy.message = present["message"].as_str().map(str::to_owned);
            wanted.push(copy);
        }
    }
    if instance.is_some_and(|instance| !is_final(instance) && differs_from(machine, instance)) {
        let why = "a non-live-updatable field was changed in the template spec";
        wanted.push(Condition::new("RestartRequired", true).because("RestartRequired", why));
    }
    json!({
        "created": instance.map(|_| true),
        "ready": ready.then_some(true),
        "printableStatus": printable(machine, instance, decision),
        "runStrategy": strategy(machine),
        "observedGeneration": machine.generation(),
        "desiredGeneration": machine.generation(),
        "stateChangeRequests": requests,
        "conditions": conditions::list(before, wanted),
    })
}

fn printable(machine: &Object, instance: Option<&Object>, decision: Decision) -> &'static str {
    if machine.is_terminating() {
        return "Terminating";
    }
    let Some(instance) = instance else {
        return if decision == Decision::Start { "Starting" } else { "Stopped" };
    };
    if instance.is_terminating() || (decision == Decision::Stop && !is_final(instance)) {
        return "Stopping";
    }
    match instance.text(&["status", "phase"]) {
        "Running" if condition(instance, "Paused").is_some() => "Paused",
        "Running" => "Running",
        "Succeeded" | "Failed" => "Stopped",
        _ => {
            let waits_for = |kind: &str, reason: &str| {
                condition(instance, kind).is_some_and(|condition| condition["reason"] == reason)
            };
            if waits_for("Synchronized", "FailedPvcNotFound") {
                "ErrorPvcNotFound"
            } else if waits_for("Provisioning", "PVCNotReady") {
                "WaitingForVolumeBinding"
            } else {
                "Starting"
            }
        }
    }
}

fn condition<'a>(instance: &'a Object, kind: &str) -> Option<&'a Value> {
    let list = instance.get(&["status", "conditions"])?.as_array()?;
    list.iter().find(|condition| condition["type"] == kind)
}

fn holds(instance: &Object, kind: &str) -> bool {
    condition(instance, kind).is_some_and(|condition| condition["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        let Value::Object(map) = value else { unreachable!() };
        Object(map)
    }
    fn machine(strategy: &str, status: Value) -> Object {
        object(json!({"metadata": {"name": "a"}, "spec": {"runStrategy": strategy}, "status": status}))
    }
    fn instance(phase: &str) -> Object {
        object(json!({"metadata": {"name": "a", "uid": "u"}, "status": {"phase": phase}}))
    }

    #[test]
    fn strategies_decide_over_instances() {
        let start = json!([{"action": "Start"}]);
        let stop = json!([{"action": "Stop", "uid": "u"}]);
        for (strategy, known, phase, requests, expected) in [
            ("Always", "", None, &json!([]), Decision::Start),
            ("Always", "Always", Some("Running"), &json!([]), Decision::Keep),
            ("Always", "Always", Some("Succeeded"), &json!([]), Decision::Stop),
            ("Always", "Always", Some("Running"), &stop, Decision::Stop),
            ("RerunOnFailure", "", None, &json!([]), Decision::Start),
            ("RerunOnFailure", "Halted", None, &json!([]), Decision::Start),
            ("RerunOnFailure", "RerunOnFailure", None, &json!([]), Decision::Keep),
            ("RerunOnFailure", "RerunOnFailure", None, &start, Decision::Start),
            ("RerunOnFailure", "RerunOnFailure", Some("Failed"), &json!([]), Decision::Stop),
            ("Manual", "", None, &json!([]), Decision::Keep),
            ("Manual", "Manual", None, &start, Decision::Start),
            ("Halted", "Always", Some("Running"), &json!([]), Decision::Stop),
            ("Halted", "", None, &json!([]), Decision::Keep),
        ] {
            let machine = machine(strategy, json!({"runStrategy": known}));
            let instance = phase.map(instance);
            let found = decide(&machine, instance.as_ref(), requests.as_array().unwrap());
            assert_eq!(found, expected, "{strategy} after {known:?}, {phase:?}, {requests}");
        }
    }

    #[test]
    fn a_restart_is_a_stop_and_then_a_start() {
        let requests = vec![json!({"action": "Stop", "uid": "u"}), json!({"action": "Start"})];
        let running = instance("Running");
        let left = left_requests(requests.clone(), Some(&running), Decision::Stop, true);
        assert_eq!(left.as_array().unwrap().len(), 2);
        let machine = machine("Manual", json!({"runStrategy": "Manual"}));
        assert_eq!(decide(&machine, None, &requests), Decision::Start);
        assert_eq!(left_requests(requests, None, Decision::Start, true), Value::Null);
    }

    #[test]
    fn a_failed_instance_asks_for_the_next() {
        let left = left_requests(Vec::new(), Some(&instance("Failed")), Decision::Stop, true);
        assert_eq!(left[1]["action"], "Start");
        assert_eq!(
            left_requests(Vec::new(), Some(&instance("Succeeded")), Decision::Stop, true),
            Value::Null
        );
    }
}
