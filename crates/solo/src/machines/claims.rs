//! Claims are bound within a second: each gets a volume of its own, which goes when the claim goes.

use std::time::Duration;

use grange_apimachinery::Object;
use serde_json::{Value, json};

use crate::{
    client::{Client, ClientError, Header, Key},
    kinds,
    queue::{Outcome, Reconcile},
};

/// What makes volumes of a Harvester.
const PROVISIONER: &str = "driver.longhorn.io";
/// The class of a claim that names none.
const DEFAULT_CLASS: &str = "harvester-longhorn";
/// Keeps a claim that an instance mounts.
const PROTECTION_FINALIZER: &str = "kubernetes.io/pvc-protection";
/// How long until it is looked again whether a claim may go.
const RECHECK_DELAY: Duration = Duration::from_secs(1);

/// A claim: with its uid, because its volume is called after that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClaimKey {
    key: Key,
    uid: String,
}

impl ClaimKey {
    pub(super) fn of(header: &Header) -> Self {
        ClaimKey { key: header.key(), uid: header.metadata.uid.clone() }
    }
}

impl std::fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.key.fmt(f)
    }
}

/// The controller.
pub(super) struct Claims {
    client: Client,
}

impl Claims {
    pub(super) fn new(client: Client) -> Self {
        Claims { client }
    }

    async fn bind(&self, claim: &Object) -> Result<(), ClientError> {
        let volume = format!("pvc-{}", claim.uid());
        let class = match claim.text(&["spec", "storageClassName"]) {
            "" => DEFAULT_CLASS,
            class => class,
        };
        let size =
            claim.get(&["spec", "resources", "requests", "storage"]).cloned().unwrap_or_else(|| json!("1Gi"));
        let modes = claim.get(&["spec", "accessModes"]).cloned().unwrap_or_else(|| json!(["ReadWriteOnce"]));
        let mode = claim.get(&["spec", "volumeMode"]).cloned().unwrap_or_else(|| json!("Filesystem"));
        let object = json!({
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {
                "name": volume, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
            },
            "spec": {
                "accessModes": modes, "capacity": {"storage": size}, "volumeMode": mode,
                "storageClassName": class, "persistentVolumeReclaimPolicy": "Delete",
                "claimRef": {
                    "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": claim.name(),
                    "namespace": claim.namespace(), "uid": claim.uid(),
                },
                "csi": {"driver": PROVISIONER, "volumeHandle": volume},
            },
        });
        if let Value::Object(map) = object {
            self.client.create_if_absent(&kinds::VOLUMES, &Object(map)).await?;
            let status = json!({"phase": "Bound"});
            self.client.patch_status(&kinds::VOLUMES, &Key::new("", &volume), &status).await?;
        }
        let key = Key::of(claim);
        let mut finalizers: Vec<Value> = claim.finalizers().into_iter().map(Value::from).collect();
        if !claim.finalizers().contains(&PROTECTION_FINALIZER) {
            finalizers.push(PROTECTION_FINALIZER.into());
        }
        let patch = json!({
            "metadata": {
                "finalizers": finalizers,
                "annotations": {
                    "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
                    "volume.kubernetes.io/storage-provisioner": PROVISIONER,
                },
            },
            "spec": {"volumeName": volume, "storageClassName": class, "volumeMode": mode},
        });
        self.client.patch(&kinds::CLAIMS, &key, "", &patch).await?;
        let status = json!({"phase": "Bound", "accessModes": modes, "capacity": {"storage": size}});
        self.client.patch_status(&kinds::CLAIMS, &key, &status).await?;
        Ok(())
    }

    /// Grows the volume of a claim that asks for more.
    async fn grow(&self, claim: &Object) -> Result<(), ClientError> {
        let Some(size) = claim.get(&["spec", "resources", "requests", "storage"]) else { return Ok(()) };
        let volume = Key::new("", claim.text(&["spec", "volumeName"]));
        let patch = json!({"spec": {"capacity": {"storage": size}}});
        self.client.patch(&kinds::VOLUMES, &volume, "", &patch).await?;
        let status = json!({"capacity": {"storage": size}});
        self.client.patch_status(&kinds::CLAIMS, &Key::of(claim), &status).await.map(drop)
    }

    async fn is_mounted(&self, claim: &Object) -> Result<bool, ClientError> {
        let instances = self.client.list(&kinds::INSTANCES, claim.namespace(), "").await?;
        Ok(instances
            .iter()
            .any(|instance| super::spec::claims(instance).iter().any(|name| name == claim.name())))
    }
}

impl Reconcile for Claims {
    type Key = ClaimKey;
    type Error = ClientError;
    const NAME: &'static str = "claims";

    async fn reconcile(&self, key: &ClaimKey) -> Result<Outcome, ClientError> {
        let claim = self.client.get(&kinds::CLAIMS, &key.key).await?;
        let Some(claim) = claim.filter(|claim| claim.uid() == key.uid) else {
            let volume = Key::new("", &format!("pvc-{}", key.uid));
            self.client.delete(&kinds::VOLUMES, &volume, None).await?;
            return Ok(Outcome::Done);
        };
        if claim.is_terminating() {
            if !claim.finalizers().contains(&PROTECTION_FINALIZER) {
                return Ok(Outcome::Done);
            }
            if self.is_mounted(&claim).await? {
                return Ok(Outcome::Again(RECHECK_DELAY));
            }
            let others: Vec<_> =
                claim.finalizers().into_iter().filter(|name| *name != PROTECTION_FINALIZER).collect();
            let patch = json!({"metadata": {"finalizers": others}});
            self.client.patch(&kinds::CLAIMS, &key.key, "", &patch).await?;
            return Ok(Outcome::Done);
        }
        if claim.text(&["status", "phase"]) != "Bound" {
            self.bind(&claim).await?;
        } else if claim.get(&["spec", "resources", "requests", "storage"])
            != claim.get(&["status", "capacity", "storage"])
        {
            self.grow(&claim).await?;
        }
        Ok(Outcome::Done)
    }
}
