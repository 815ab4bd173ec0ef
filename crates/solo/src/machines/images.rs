//! Images: a simulated import. Nothing is downloaded, and the status says so; a URL is not even looked up, but one that
//! can never be is refused.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use grange_apimachinery::{Object, time};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    client::{Client, ClientError, Key},
    kinds,
    queue::{Outcome, Reconcile},
};

/// How long one step of the import takes.
const STEP_INTERVAL: Duration = Duration::from_millis(200);
/// How far one step gets, per cent.
const STEP_PROGRESS: i64 = 10;
/// How long until an image that failed is tried again; a Harvester takes ten seconds.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// How often an image is tried again that does not say.
const DEFAULT_RETRIES: i64 = 3;
/// Names in this domain never resolve (RFC 2606), so an image from there fails here as it would anywhere.
const UNKNOWN_DOMAIN: &str = ".invalid";
/// What a simulated image measures, bytes.
const SIMULATED_SIZE_BYTES: u64 = 659_816_448;
const SIMULATED_VIRTUAL_SIZE_BYTES: u64 = 2_361_393_152;
/// What an imported image's status says.
const MESSAGE: &str = "simulated: nothing was downloaded";

/// The controller.
pub(super) struct Images {
    client: Client,
    /// When an image's next step is due: its own writes wake the controller sooner than that.
    due: Mutex<HashMap<Key, Instant>>,
}

impl Images {
    pub(super) fn new(client: Client) -> Self {
        Images { client, due: Mutex::default() }
    }

    /// How long an image still has to wait.
    fn wait(&self, key: &Key) -> Option<Duration> {
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()?;
        due.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }

    /// Lets an image wait, or not any longer.
    fn pace(&self, key: &Key, outcome: Outcome) -> Outcome {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Outcome::Again(wait) => due.insert(key.clone(), Instant::now() + wait),
            Outcome::Done => due.remove(key),
        };
        outcome
    }

    /// The image's own storage class, from which volumes of it are made.
    async fn initialize(&self, image: &Object) -> Result<Outcome, ClientError> {
        let class = format!("longhorn-{}", image.name());
        let object = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": class},
            "provisioner": "driver.longhorn.io",
            "parameters": {
                "backingImage": format!("vmi-{}", image.uid()),
                "backingImageDataSourceType": image.text(&["spec", "sourceType"]),
                "migratable": "true", "numberOfReplicas": "1", "staleReplicaTimeout": "30",
            },
            "reclaimPolicy": "Delete", "allowVolumeExpansion": true, "volumeBindingMode": "Immediate",
        });
        if let Value::Object(map) = object {
            self.client.create_if_absent(&kinds::STORAGE_CLASSES, &Object(map)).await?;
        }
        let patch = json!({
            "metadata": {"labels": {"harvesterhci.io/imageDisplayName": image.text(&["spec", "displayName"])}},
            "status": {
                "storageClassName": class, "appliedUrl": image.text(&["spec", "url"]), "progress": 0,
                "size": SIMULATED_SIZE_BYTES,
                "conditions": [
                    condition("Initialized", "True", "Initialized", ""),
                    condition("Imported", "Unknown", "Importing", MESSAGE),
                ],
            },
        });
        self.client.patch(&kinds::IMAGES, &Key::of(image), "", &patch).await?;
        Ok(Outcome::Again(STEP_INTERVAL))
    }

    /// Notes a failure; after the last attempt it stands.
    async fn fail(&self, image: &Object, failed: i64, why: &str) -> Result<Outcome, ClientError> {
        let retries = image.get(&["spec", "retry"]).and_then(Value::as_i64).unwrap_or(DEFAULT_RETRIES);
        let is_last = failed > retries;
        let error = format!("failed due to error: {why}");
        let message =
            if failed == 1 { error } else { format!("retry attempted {}/{retries} {error}", failed - 1) };
        let mut conditions =
            vec![condition("RetryLimitExceeded", if is_last { "True" } else { "False" }, "", &message)];
        if is_last {
            conditions.push(condition("Initialized", "False", "", &message));
        }
        let status = json!({
            "failed": failed, "lastFailedTime": time::now(), "appliedUrl": image.text(&["spec", "url"]),
            "conditions": conditions,
        });
        self.client.patch_status(&kinds::IMAGES, &Key::of(image), &status).await?;
        Ok(if is_last { Outcome::Done } else { Outcome::Again(RETRY_INTERVAL) })
    }

    async fn step(&self, image: &Object) -> Result<Outcome, ClientError> {
        if let Some(host) = unknown_host(image) {
            if holds(image, "RetryLimitExceeded") {
                return Ok(Outcome::Done);
            }
            let failed = image.get(&["status", "failed"]).and_then(Value::as_i64).unwrap_or(0);
            return self.fail(image, failed + 1, &format!("lookup {host}: no such host")).await;
        }
        match image.get(&["status", "progress"]).and_then(Value::as_i64) {
            None => self.initialize(image).await,
            Some(progress) if progress < 100 => self.advance(image, progress + STEP_PROGRESS).await,
            Some(_) => Ok(Outcome::Done),
        }
    }

    async fn advance(&self, image: &Object, progress: i64) -> Result<Outcome, ClientError> {
        let key = Key::of(image);
        if progress < 100 {
            let status = json!({"progress": progress});
            self.client.patch_status(&kinds::IMAGES, &key, &status).await?;
            return Ok(Outcome::Again(STEP_INTERVAL));
        }
        let status = json!({
            "progress": 100, "size": SIMULATED_SIZE_BYTES, "virtualSize": SIMULATED_VIRTUAL_SIZE_BYTES,
            "conditions": [
                condition("Initialized", "True", "Initialized", ""),
                condition("Imported", "True", "Imported", MESSAGE),
                condition("RetryLimitExceeded", "False", "", ""),
            ],
        });
        self.client.patch_status(&kinds::IMAGES, &key, &status).await?;
        Ok(Outcome::Done)
    }
}

impl Reconcile for Images {
    type Key = Key;
    type Error = ClientError;
    const NAME: &'static str = "images";

    async fn reconcile(&self, key: &Key) -> Result<Outcome, ClientError> {
        let Some(image) = self.client.get(&kinds::IMAGES, key).await? else {
            let class = Key::new("", &format!("longhorn-{}", key.name));
            self.client.delete(&kinds::STORAGE_CLASSES, &class, None).await?;
            return Ok(self.pace(key, Outcome::Done));
        };
        // An image that is uploaded waits for its bytes, which this cluster does not take yet.
        if image.is_terminating() || image.text(&["spec", "sourceType"]) == "upload" {
            return Ok(Outcome::Done);
        }
        match self.wait(key) {
            Some(wait) => Ok(Outcome::Again(wait)),
            None => Ok(self.pace(key, self.step(&image).await?)),
        }
    }
}

/// The host of the image's address, if it is one that nobody can look up.
fn unknown_host(image: &Object) -> Option<String> {
    let uri: http::Uri = image.text(&["spec", "url"]).parse().ok()?;
    uri.host().filter(|host| host.ends_with(UNKNOWN_DOMAIN)).map(str::to_owned)
}

fn holds(image: &Object, kind: &str) -> bool {
    let conditions = image.get(&["status", "conditions"]).and_then(Value::as_array);
    conditions.is_some_and(|list| {
        list.iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
    })
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    let mut condition = json!({"type": kind, "status": status, "lastUpdateTime": time::now()});
    for (field, text) in [("reason", reason), ("message", message)] {
        if !text.is_empty() {
            condition[field] = text.into();
        }
    }
    condition
}
