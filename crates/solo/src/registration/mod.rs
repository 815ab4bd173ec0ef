//! The setting `cluster-registration-url`: fetch what it names, apply it, say how it went.
//!
//! Every detail here was watched on a real Harvester manager; where it looks odd (an empty value ends as not
//! configured, an HTML page as configured) it is so there, and an importing manager must live with it. The parts:
//! [`value`] reads the setting, [`go_url`] and [`fetch`] get the manifest as Go's HTTP client does, [`manifest`]
//! reads it, [`apply`] brings it into the cluster as wrangler's "desired set" does.

use std::sync::Arc;

use grange_apimachinery::{Object, time};
use serde_json::{Value, json};
use sha2::{Digest, Sha224};

use crate::{
    client::{Client, ClientError, Key},
    kinds,
    queue::{Outcome, Reconcile},
};

mod apply;
pub(crate) mod fetch;
mod go_url;
mod manifest;
#[cfg(test)]
mod recorded;
mod value;

use fetch::Fetcher;
use value::Wanted;

/// The setting's name.
pub(crate) const SETTING: &str = "cluster-registration-url";
/// Says which value was dealt with last: SHA-224 of it, in hexadecimal.
pub(crate) const HASH_ANNOTATION: &str = "harvesterhci.io/hash";
/// Field manager of what the setting applies.
pub(crate) const FIELD_MANAGER: &str = "harvester";
/// What a reset deletes: the agent's Deployment, and nothing else.
const AGENT_DEPLOYMENT: (&str, &str) = ("cattle-system", "cattle-cluster-agent");

/// Why the setting is not configured; the text is what the admin reads.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistrationError {
    /// The manifest could not be had.
    #[error(transparent)]
    Fetch(#[from] fetch::FetchError),
    /// The manifest could not be applied, or not wholly.
    #[error(transparent)]
    Apply(#[from] apply::ApplyError),
    /// The cluster's own API failed.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// The controller.
pub(crate) struct Registration {
    client: Client,
    fetcher: Arc<Fetcher>,
}

impl Registration {
    pub(crate) fn new(client: Client, fetcher: Arc<Fetcher>) -> Self {
        Registration { client, fetcher }
    }

    async fn carry_out(&self, wanted: &Wanted) -> Result<(), RegistrationError> {
        match wanted {
            Wanted::Nothing | Wanted::NothingByJson => {
                tracing::info!("resetting cluster registration, removing the cluster agent if there is one");
                let (namespace, name) = AGENT_DEPLOYMENT;
                self.client.delete(&kinds::DEPLOYMENTS, &Key::new(namespace, name), None).await?;
            }
            Wanted::Manifest { url, insecure_skip_tls_verify } => {
                tracing::info!("syncing cluster registration");
                let body = self.fetcher.get(url, *insecure_skip_tls_verify).await?;
                apply::apply(&self.client, manifest::objects(&body)).await?;
            }
        }
        Ok(())
    }
}

impl Reconcile for Registration {
    type Key = Key;
    type Error = RegistrationError;
    const NAME: &'static str = "cluster-registration";

    async fn reconcile(&self, key: &Key) -> Result<Outcome, RegistrationError> {
        let Some(setting) = self.client.get(&kinds::SETTINGS, key).await? else { return Ok(Outcome::Done) };
        let value = setting.text(&["value"]);
        let hash = hash(value);
        let known = setting.annotation(HASH_ANNOTATION);
        // A value that was never set is not a reset.
        if known == Some(&hash) || (known.is_none() && value.is_empty()) {
            return Ok(Outcome::Done);
        }
        let wanted = Wanted::of(value);
        let result = self.carry_out(&wanted).await;
        let patch = match &result {
            Ok(()) => {
                let configured = wanted != Wanted::Nothing;
                let mut patch = json!({"metadata": {"annotations": {HASH_ANNOTATION: hash}}});
                if let Some(conditions) = with_configured(&setting, configured, None) {
                    patch["status"] = json!({ "conditions": conditions });
                }
                Some(patch)
            }
            Err(error) => with_configured(&setting, false, Some(&error.to_string()))
                .map(|conditions| json!({"status": {"conditions": conditions}})),
        };
        if let Some(patch) = patch {
            self.client.patch(&kinds::SETTINGS, key, "", &patch).await?;
        }
        result.map(|()| Outcome::Done)
    }
}

/// Host and port of the manager that the setting names, if it names one.
pub(crate) async fn manager(client: &Client) -> Result<Option<String>, ClientError> {
    let Some(setting) = client.get(&kinds::SETTINGS, &Key::new("", SETTING)).await? else { return Ok(None) };
    Ok(match Wanted::of(setting.text(&["value"])) {
        Wanted::Manifest { url, .. } => authority(&url).map(str::to_owned),
        _ => None,
    })
}

fn authority(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())
}

/// What the hash annotation holds for a value.
pub(crate) fn hash(value: &str) -> String {
    hex(&Sha224::digest(value.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The conditions with `configured` set so; `None` if it is so already. A condition that does not change keeps its
/// time, and so does not tell when the last fetch was.
fn with_configured(setting: &Object, configured: bool, message: Option<&str>) -> Option<Vec<Value>> {
    let mut conditions =
        setting.get(&["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let status = if configured { "True" } else { "False" };
    let position = conditions.iter().position(|condition| condition["type"] == "configured");
    if let Some(present) = position.map(|index| &conditions[index])
        && present["status"] == status
        && present["message"].as_str() == message
    {
        return None;
    }
    let mut condition = json!({"type": "configured", "status": status, "lastUpdateTime": time::now()});
    if let Some(message) = message {
        condition["message"] = message.into();
    }
    match position {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
    Some(conditions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_a_harvester() {
        assert_eq!(hash(""), "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f");
        assert_eq!(
            hash("http://127.0.0.1:9080/v3/import/plain.yaml"),
            "a50e3da4d8997e462e0ab7c7735ed40f9854c9fdc94996b64aa618cc"
        );
    }

    #[test]
    fn a_condition_keeps_its_time_while_it_stays() {
        let mut setting = Object::default();
        let conditions = with_configured(&setting, true, None).unwrap();
        assert!(conditions[0].get("message").is_none());
        setting.set(&["status", "conditions"], conditions);
        assert_eq!(with_configured(&setting, true, None), None);
        assert_eq!(with_configured(&setting, false, Some("x")).unwrap()[0]["message"], "x");
        assert!(with_configured(&setting, false, None).is_some());
    }
}
