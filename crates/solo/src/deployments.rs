//! Deployments: as many Pods of the present template as are wanted, and a status that says how far along that is.
//!
//! Pods belong to their Deployment directly; a cluster of one node that keeps no history of revisions has no use for
//! ReplicaSets in between. Garbage collection takes the Pods when the Deployment goes.

use grange_apimachinery::{Object, time};
use rand::RngExt as _;
use serde_json::{Map, Value, json};

use crate::{
    client::{Client, ClientError, Key},
    kinds,
    pods::{RUNNER_FINALIZER, image, is_agent_image, status::is_ready},
    queue::{Outcome, Reconcile},
};

/// Tells the Pods of one template from those of another.
const TEMPLATE_LABEL: &str = "pod-template-hash";
/// Most Pods of one Deployment, whatever it wants.
const MAX_REPLICAS: usize = 100;
/// Kubernetes' alphabet for random names.
pub(crate) const NAME_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The controller.
pub(crate) struct Deployments {
    client: Client,
    node_name: String,
}

impl Deployments {
    pub(crate) fn new(client: Client, node_name: String) -> Self {
        Deployments { client, node_name }
    }

    async fn adjust(&self, deployment: &Object, pods: &Pods) -> Result<bool, ClientError> {
        let wanted = replicas(deployment);
        let recreate = deployment.text(&["spec", "strategy", "type"]) == "Recreate";
        let mut changed = false;
        let blocked = recreate && (!pods.old.is_empty() || pods.terminating > 0);
        if !blocked {
            for _ in pods.current.len()..wanted {
                self.client.create(&kinds::PODS, &self.pod(deployment, &pods.hash)).await?;
                changed = true;
            }
        }
        let mut surplus: Vec<&Object> = pods.current.iter().collect();
        surplus.sort_by_key(|pod| (!is_ready(pod), pod.text(&["metadata", "creationTimestamp"]).to_owned()));
        let surplus = surplus.into_iter().skip(wanted);
        // Old Pods go once the new ones do their work, or at once where both must not run together.
        let replaced = recreate || pods.current.iter().filter(|pod| is_ready(pod)).count() >= wanted;
        let old = pods.old.iter().filter(|pod| replaced || !is_ready(pod));
        for pod in surplus.chain(old) {
            self.client.delete(&kinds::PODS, &Key::of(pod), Some(pod.uid())).await?;
            changed = true;
        }
        Ok(changed)
    }

    fn pod(&self, deployment: &Object, hash: &str) -> Object {
        let template = deployment.get(&["spec", "template"]).cloned().unwrap_or_default();
        let mut labels = template["metadata"]["labels"].as_object().cloned().unwrap_or_default();
        labels.insert(TEMPLATE_LABEL.into(), hash.into());
        let mut spec = template["spec"].clone();
        spec["nodeName"] = self.node_name.clone().into();
        let name = format!("{}-{hash}-{}", deployment.name(), random_name(5));
        let mut metadata = json!({
            "name": name, "namespace": deployment.namespace(), "labels": labels,
            "ownerReferences": [{
                "apiVersion": deployment.api_version(), "kind": deployment.kind(), "name": deployment.name(),
                "uid": deployment.uid(), "controller": true, "blockOwnerDeletion": true,
            }],
        });
        if let Some(annotations) = template["metadata"]["annotations"].as_object() {
            metadata["annotations"] = annotations.clone().into();
        }
        let mut map = Map::new();
        map.insert("apiVersion".into(), "v1".into());
        map.insert("kind".into(), "Pod".into());
        map.insert("metadata".into(), metadata);
        map.insert("spec".into(), spec);
        map.insert("status".into(), json!({"phase": "Pending"}));
        let mut pod = Object(map);
        if is_agent_image(image(&pod)) {
            pod.set(&["metadata", "finalizers"], json!([RUNNER_FINALIZER]));
        }
        pod
    }
}

impl Reconcile for Deployments {
    type Key = Key;
    type Error = ClientError;
    const NAME: &'static str = "deployments";

    async fn reconcile(&self, key: &Key) -> Result<Outcome, ClientError> {
        let Some(deployment) = self.client.get(&kinds::DEPLOYMENTS, key).await? else {
            return Ok(Outcome::Done);
        };
        if deployment.is_terminating() {
            return Ok(Outcome::Done);
        }
        let pods = Pods::of(&self.client, &deployment).await?;
        if self.adjust(&deployment, &pods).await? {
            // The Pods' own events lead back here; the status is written from what is then there.
            let pods = Pods::of(&self.client, &deployment).await?;
            self.report(&deployment, &pods).await?;
        } else {
            self.report(&deployment, &pods).await?;
        }
        Ok(Outcome::Done)
    }
}

/// The Pods of a Deployment.
struct Pods {
    hash: String,
    current: Vec<Object>,
    old: Vec<Object>,
    terminating: usize,
}

impl Pods {
    async fn of(client: &Client, deployment: &Object) -> Result<Pods, ClientError> {
        let template = deployment.get(&["spec", "template"]).cloned().unwrap_or_default();
        let mut pods =
            Pods { hash: template_hash(&template), current: Vec::new(), old: Vec::new(), terminating: 0 };
        for pod in client.list(&kinds::PODS, deployment.namespace(), TEMPLATE_LABEL).await? {
            if !pod.owner_references().iter().any(|owner| owner.uid == deployment.uid()) {
                continue;
            }
            if pod.is_terminating() {
                pods.terminating += 1;
            } else if pod.label(TEMPLATE_LABEL) == Some(&pods.hash) {
                pods.current.push(pod);
            } else {
                pods.old.push(pod);
            }
        }
        Ok(pods)
    }
}

impl Deployments {
    async fn report(&self, deployment: &Object, pods: &Pods) -> Result<(), ClientError> {
        let wanted = replicas(deployment);
        let ready_current = pods.current.iter().filter(|pod| is_ready(pod)).count();
        let ready = ready_current + pods.old.iter().filter(|pod| is_ready(pod)).count();
        let all = pods.current.len() + pods.old.len();
        let available = if ready >= wanted {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.".to_owned())
        } else {
            let text = "Deployment does not have minimum availability.".to_owned();
            ("False", "MinimumReplicasUnavailable", text)
        };
        let set = format!("{}-{}", deployment.name(), pods.hash);
        let progressing = if ready_current >= wanted && pods.old.is_empty() {
            let text = format!("ReplicaSet \"{set}\" has successfully progressed.");
            ("True", "NewReplicaSetAvailable", text)
        } else {
            ("True", "ReplicaSetUpdated", format!("ReplicaSet \"{set}\" is progressing."))
        };
        let number = |count: usize| if count == 0 { Value::Null } else { json!(count) };
        let status = json!({
            "observedGeneration": deployment.generation(),
            "replicas": number(all),
            "updatedReplicas": number(pods.current.len()),
            "readyReplicas": number(ready),
            "availableReplicas": number(ready),
            "unavailableReplicas": number(wanted.saturating_sub(ready)),
            "conditions": [
                condition(deployment, "Available", &available),
                condition(deployment, "Progressing", &progressing),
            ],
        });
        if differs(deployment.get(&["status"]), &status) {
            self.client.patch_status(&kinds::DEPLOYMENTS, &Key::of(deployment), &status).await?;
        }
        Ok(())
    }
}

fn condition(
    deployment: &Object,
    kind: &str,
    (status, reason, message): &(&'static str, &'static str, String),
) -> Value {
    let present = (deployment.get(&["status", "conditions"]).and_then(Value::as_array))
        .and_then(|list| list.iter().find(|condition| condition["type"] == kind));
    if let Some(present) = present
        && present["status"] == *status
        && present["reason"] == *reason
        && present["message"] == *message
    {
        return present.clone();
    }
    let now = time::now();
    let since = (present.filter(|present| present["status"] == *status))
        .and_then(|present| present["lastTransitionTime"].as_str())
        .unwrap_or(&now);
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastUpdateTime": now, "lastTransitionTime": since,
    })
}

/// Whether a merge patch of these fields would change anything.
pub(crate) fn differs(present: Option<&Value>, wanted: &Value) -> bool {
    let Some(wanted) = wanted.as_object() else { return present != Some(wanted) };
    wanted.iter().any(|(field, value)| {
        let there = present.and_then(|present| present.get(field));
        match there {
            Some(there) => there != value,
            None => !value.is_null(),
        }
    })
}

fn replicas(deployment: &Object) -> usize {
    let wanted = deployment.get(&["spec", "replicas"]).and_then(Value::as_u64).unwrap_or(1);
    usize::try_from(wanted).unwrap_or(MAX_REPLICAS).min(MAX_REPLICAS)
}

/// Ten characters that change with the template.
fn template_hash(template: &Value) -> String {
    let mut hash = (template.to_string().bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut out = String::new();
    for _ in 0..10 {
        out.push(char::from(NAME_ALPHABET[(hash % NAME_ALPHABET.len() as u64) as usize]));
        hash = (hash / NAME_ALPHABET.len() as u64) ^ hash.rotate_left(17);
    }
    out
}

/// Random characters as Kubernetes puts behind names.
pub(crate) fn random_name(length: usize) -> String {
    let mut random = rand::rng();
    (0..length).map(|_| char::from(NAME_ALPHABET[random.random_range(0..NAME_ALPHABET.len())])).collect()
}
