//! The import flow as users know it from Rancher, step by step over the public API.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{Api, wait};

/// Where provisioning Clusters live.
pub const CLUSTERS: &str = "/apis/provisioning.cattle.io/v1/namespaces/fleet-default/clusters";
/// Where management Clusters live.
pub const MANAGEMENT_CLUSTERS: &str = "/apis/management.cattle.io/v3/clusters";
/// The setting a Harvester joins by.
pub const REGISTRATION_SETTING: &str = "/apis/harvesterhci.io/v1beta1/settings/cluster-registration-url";

/// How long an import may take in a test.
pub const READY_LIMIT: Duration = Duration::from_secs(60);

/// An object created for an import.
pub struct Imported {
    /// The provisioning Cluster's name.
    pub name: String,
    /// The cluster's id, `c-m-xxxxxxxx`.
    pub id: String,
    /// The address its manifest is fetched from.
    pub manifest_url: String,
}

impl Imported {
    /// The join token in the manifest's address.
    pub fn token(&self) -> Result<&str> {
        let file = self.manifest_url.rsplit('/').next();
        let token = file.and_then(|file| file.strip_suffix(&format!("_{}.yaml", self.id)));
        token.with_context(|| format!("no token in {}", self.manifest_url))
    }
}

/// Creates the Cluster and its registration token; nothing happens in the cluster itself yet.
pub async fn create(server: &Api, name: &str) -> Result<Imported> {
    let cluster = json!({
        "apiVersion": "provisioning.cattle.io/v1", "kind": "Cluster",
        "metadata": {
            "namespace": "fleet-default", "name": name,
            "labels": {"provider.cattle.io": "harvester"},
            "annotations": {"field.cattle.io/description": format!("the cluster {name}")},
        },
        "spec": {"agentEnvVars": []},
    });
    server.create(CLUSTERS, &cluster).await?;
    let id = wait::until("status.clusterName", READY_LIMIT, async || {
        let cluster = server.get(&format!("{CLUSTERS}/{name}")).await?;
        Ok(cluster["status"]["clusterName"].as_str().map(str::to_owned))
    })
    .await?;
    let token = json!({
        "apiVersion": "management.cattle.io/v3", "kind": "ClusterRegistrationToken",
        "metadata": {"namespace": id, "name": "default-token"},
        "spec": {"clusterName": id},
    });
    let tokens = format!("/apis/management.cattle.io/v3/namespaces/{id}/clusterregistrationtokens");
    let token = wait::until("the namespace of the cluster", READY_LIMIT, async || {
        let answer = server.send(server.request(reqwest::Method::POST, &tokens).json(&token)).await?;
        if answer.code == 404 { Ok(None) } else { answer.success().map(Some) }
    })
    .await?;
    let manifest_url =
        token["status"]["manifestUrl"].as_str().context("the token has no status.manifestUrl")?;
    Ok(Imported { name: name.to_owned(), id, manifest_url: manifest_url.to_owned() })
}

/// Tells the stand-in where to register; `""` resets.
pub async fn register(cluster: &Api, value: &str) -> Result<Value> {
    cluster.merge_patch(REGISTRATION_SETTING, &json!({"value": value})).await
}

/// Waits until the management Cluster is Ready; on failure the error shows its conditions.
pub async fn ready(server: &Api, id: &str) -> Result<Value> {
    wait::until(&format!("cluster {id} to be Ready"), READY_LIMIT, async || {
        let cluster = server.get(&format!("{MANAGEMENT_CLUSTERS}/{id}")).await?;
        if condition(&cluster, "Ready") == Some("True") {
            return Ok(Some(cluster));
        }
        anyhow::bail!("its conditions are {}", cluster["status"]["conditions"])
    })
    .await
}

/// The status of a condition.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)?["status"].as_str()
}
