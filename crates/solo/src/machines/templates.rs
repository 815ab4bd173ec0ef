//! Templates of machines: each version gets a number and its template as owner, the first becomes the default.

use std::time::Duration;

use grange_apimachinery::{Object, time};
use serde_json::{Value, json};

use super::wanted_claims::claim_templates;
use crate::{
    client::{Client, ClientError, Key},
    deployments::differs,
    kinds,
    queue::{Outcome, Queue, Reconcile},
};

/// Finds the versions of a template.
const TEMPLATE_LABEL: &str = "template.harvesterhci.io/templateID";
/// Names the image that a claim is made from.
const IMAGE_ID: &str = "harvesterhci.io/imageId";
/// How long until images that a version waits for are looked at again.
const WAIT_INTERVAL: Duration = Duration::from_millis(500);

/// Finds the template of a version, whose watch tells only its name.
pub(super) struct Versions {
    client: Client,
    templates: Queue<Key>,
}

impl Versions {
    pub(super) fn new(client: Client, templates: Queue<Key>) -> Self {
        Versions { client, templates }
    }
}

impl Reconcile for Versions {
    type Key = Key;
    type Error = ClientError;
    const NAME: &'static str = "template versions";

    async fn reconcile(&self, key: &Key) -> Result<Outcome, ClientError> {
        let version = self.client.get(&kinds::TEMPLATE_VERSIONS, key).await?;
        let id = version.as_ref().map_or("", |version| version.text(&["spec", "templateId"]));
        if let Some((namespace, name)) = id.split_once('/') {
            self.templates.add(Key::new(namespace, name));
        }
        Ok(Outcome::Done)
    }
}

/// The controller of templates.
pub(super) struct Templates {
    client: Client,
}

impl Templates {
    pub(super) fn new(client: Client) -> Self {
        Templates { client }
    }

    /// Numbers what is new, oldest first; tells whether all are ready.
    async fn number(&self, template: &Object, versions: &mut [Object]) -> Result<bool, ClientError> {
        let mut latest = versions.iter().filter_map(version_number).max().unwrap_or(0);
        let mut all_ready = true;
        for version in versions {
            let number = version_number(version).unwrap_or_else(|| {
                latest += 1;
                latest
            });
            let ready = self.has_images(version).await?;
            all_ready &= ready;
            let since = |kind: &str, holds: bool| {
                let status = if holds { "True" } else { "False" };
                let present = (version.get(&["status", "conditions"]).and_then(Value::as_array))
                    .and_then(|list| list.iter().find(|condition| condition["type"] == kind));
                match present {
                    Some(present) if present["status"] == status => present.clone(),
                    _ => json!({"type": kind, "status": status, "lastUpdateTime": time::now()}),
                }
            };
            let conditions = json!([since("assigned", true), since("ready", ready)]);
            let status = json!({"version": number, "conditions": conditions});
            let owner = json!([{
                "apiVersion": "harvesterhci.io/v1beta1", "kind": "VirtualMachineTemplate",
                "name": template.name(), "uid": template.uid(),
            }]);
            let owned = version.owner_references().iter().any(|owner| owner.uid == template.uid());
            if owned && !differs(version.get(&["status"]), &status) {
                continue;
            }
            let patch = json!({
                "metadata": {"labels": {TEMPLATE_LABEL: template.name()}, "ownerReferences": owner},
                "status": status,
            });
            *version = self.client.patch(&kinds::TEMPLATE_VERSIONS, &Key::of(version), "", &patch).await?;
        }
        Ok(all_ready)
    }

    /// Whether every image that the version names has been imported.
    async fn has_images(&self, version: &Object) -> Result<bool, ClientError> {
        let annotations = version.get(&["spec", "vm", "metadata", "annotations"]);
        for template in claim_templates(annotations) {
            let id = template["metadata"]["annotations"][IMAGE_ID].as_str().unwrap_or_default();
            let Some((namespace, name)) = id.split_once('/') else { continue };
            let image = self.client.get(&kinds::IMAGES, &Key::new(namespace, name)).await?;
            let progress = image.and_then(|image| image.get(&["status", "progress"])?.as_i64());
            if progress != Some(100) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn settle(&self, template: &Object, versions: &[Object]) -> Result<(), ClientError> {
        let key = Key::of(template);
        let id = |version: &Object| format!("{}/{}", version.namespace(), version.name());
        let mut default = template.text(&["spec", "defaultVersionId"]).to_owned();
        if default.is_empty()
            && let Some(first) = versions.first()
        {
            default = id(first);
            let patch = json!({"spec": {"defaultVersionId": default}});
            self.client.patch(&kinds::TEMPLATES, &key, "", &patch).await?;
        }
        let number = versions.iter().find(|version| id(version) == default).and_then(version_number);
        let latest = versions.iter().filter_map(version_number).max();
        let status = json!({"defaultVersion": number, "latestVersion": latest});
        if differs(template.get(&["status"]), &status) {
            self.client.patch_status(&kinds::TEMPLATES, &key, &status).await?;
        }
        Ok(())
    }
}

fn version_number(version: &Object) -> Option<i64> {
    version.get(&["status", "version"])?.as_i64()
}

impl Reconcile for Templates {
    type Key = Key;
    type Error = ClientError;
    const NAME: &'static str = "templates";

    async fn reconcile(&self, key: &Key) -> Result<Outcome, ClientError> {
        let Some(template) = self.client.get(&kinds::TEMPLATES, key).await? else { return Ok(Outcome::Done) };
        if template.is_terminating() {
            return Ok(Outcome::Done);
        }
        let id = key.to_string();
        let mut versions = self.client.list(&kinds::TEMPLATE_VERSIONS, &key.namespace, "").await?;
        versions.retain(|version| version.text(&["spec", "templateId"]) == id && !version.is_terminating());
        versions.sort_by_key(|version| {
            (
                version_number(version).unwrap_or(i64::MAX),
                version.text(&["metadata", "creationTimestamp"]).to_owned(),
            )
        });
        let all_ready = self.number(&template, &mut versions).await?;
        self.settle(&template, &versions).await?;
        Ok(if all_ready { Outcome::Done } else { Outcome::Again(WAIT_INTERVAL) })
    }
}
