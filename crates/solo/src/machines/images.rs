//! Images: a simulated import. Nothing is downloaded, and the status says so; a URL is not even looked up.

use std::time::Duration;

use grange_apimachinery::{Object, time};
use serde_json::{Value, json};

use crate::{
    client::{Client, ClientError, Key},
    kinds,
    queue::{Outcome, Reconcile},
};

/// How long one step of the import takes.
const STEP_INTERVAL: Duration = Duration::from_millis(150);
/// How far one step gets, per cent.
const STEP_PROGRESS: i64 = 20;
/// What a simulated image measures, bytes.
const SIMULATED_SIZE_BYTES: u64 = 659_816_448;
const SIMULATED_VIRTUAL_SIZE_BYTES: u64 = 2_361_393_152;
/// What an imported image's status says.
const MESSAGE: &str = "simulated: nothing was downloaded";

/// The controller.
pub(super) struct Images {
    client: Client,
}

impl Images {
    pub(super) fn new(client: Client) -> Self {
        Images { client }
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
            return Ok(Outcome::Done);
        };
        // An image that is uploaded waits for its bytes, which this cluster does not take yet.
        if image.is_terminating() || image.text(&["spec", "sourceType"]) == "upload" {
            return Ok(Outcome::Done);
        }
        match image.get(&["status", "progress"]).and_then(Value::as_i64) {
            None => self.initialize(&image).await,
            Some(progress) if progress < 100 => self.advance(&image, progress + STEP_PROGRESS).await,
            Some(_) => Ok(Outcome::Done),
        }
    }
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
