//! An import that is stuck says why, on the management Cluster, within seconds of anybody knowing it.

use std::time::Duration;

use anyhow::{Result, ensure};
use grange_harness::{Api, Process, Server, Solo, agent, free_port, import, wait};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::import::Pair;

/// How soon a cause that is known to anybody is on the object.
const TOLD_WITHIN: Duration = Duration::from_secs(10);
const PODS: &str = "/api/v1/namespaces/cattle-system/pods";

/// A server and a stand-in cluster that know nothing of each other but a registration.
struct Strangers {
    server: Server,
    cluster: Solo,
    imported: import::Imported,
    folder: TempDir,
}

impl Strangers {
    async fn start() -> Result<Strangers> {
        let folder = tempfile::tempdir()?;
        let server = Server::start(folder.path(), free_port()?, &[]).await?;
        let cluster = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
        let imported = import::create(&server.api, "paddock").await?;
        Ok(Strangers { server, cluster, imported, folder })
    }

    async fn stuck(&self, kind: &str, reason: &str) -> Result<String> {
        stuck(&self.server.api, &self.imported.id, kind, reason).await
    }

    /// An agent beside the cluster, with any pin.
    fn agent(&self, name: &str, checksum: &str) -> Result<Process> {
        let (api, kubeconfig) = (&self.server.api, &self.cluster.kubeconfig);
        agent::start_with_checksum(name, self.folder.path(), api, &self.imported, kubeconfig, checksum)
    }

    async fn pinned(&self) -> Result<String> {
        agent::pinned_ca(&agent::manifest(&self.server.api, &self.imported).await?)
    }
}

async fn condition(server: &Api, id: &str, kind: &str) -> Result<Value> {
    let cluster = server.get(&format!("{}/{id}", import::MANAGEMENT_CLUSTERS)).await?;
    let conditions = cluster["status"]["conditions"].as_array().cloned().unwrap_or_default();
    Ok(conditions.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default())
}

/// Waits until a condition is false for a reason; its message. `Ready` must say the same as long as nobody was ready.
async fn stuck(server: &Api, id: &str, kind: &str, reason: &str) -> Result<String> {
    let what = format!("{kind} of {id} to be False with reason {reason}");
    let found = wait::until(&what, TOLD_WITHIN, async || {
        let condition = condition(server, id, kind).await?;
        ensure!(condition["status"] == "False" && condition["reason"] == reason, "it is {condition}");
        Ok(Some(condition))
    })
    .await?;
    Ok(found["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled() -> Result<()> {
    let pair = Strangers::start().await?;
    let registry = pair.server.api.base().trim_start_matches("https://").to_owned();
    let image = format!("{registry}/grange/absent:1");
    let object = format!("{}/{}", import::MANAGEMENT_CLUSTERS, pair.imported.id);
    pair.server.api.merge_patch(&object, &json!({"spec": {"agentImageOverride": image}})).await?;
    import::register(&pair.cluster.api, &pair.imported.manifest_url).await?;
    let message = pair.stuck("AgentStarted", "ImageNotFound").await?;
    assert!(message.contains("grange/absent:1") && message.contains("agentImageOverride"), "{message}");
    assert_eq!(pair.stuck("Ready", "ImageNotFound").await?, message);
    let waiting = wait::until("the Pod to wait for its image", TOLD_WITHIN, async || {
        let pods = pair.cluster.api.get(PODS).await?;
        let waiting = pods["items"][0]["status"]["containerStatuses"][0]["state"]["waiting"].clone();
        Ok((waiting["reason"] == "ImagePullBackOff").then_some(waiting))
    })
    .await?;
    assert!(waiting["message"].as_str().is_some_and(|text| text.contains("grange/absent:1")), "{waiting}");

    // What the message says helps: another image, and the manifest fetched again.
    pair.server.api.merge_patch(&object, &json!({"spec": {"agentImageOverride": null}})).await?;
    import::register(&pair.cluster.api, &format!("{}?again", pair.imported.manifest_url)).await?;
    import::ready(&pair.server.api, &pair.imported.id).await?;
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_the_harvester_does_not_trust() -> Result<()> {
    let pair = Strangers::start().await?;
    let value = |insecure: bool| {
        json!({"url": pair.imported.manifest_url, "insecureSkipTLSVerify": insecure}).to_string()
    };
    import::register(&pair.cluster.api, &value(false)).await?;
    let message = pair.stuck("ManifestFetched", "CertificateNotTrusted").await?;
    assert!(message.contains("insecureSkipTLSVerify"), "{message}");
    import::register(&pair.cluster.api, &value(true)).await?;
    import::ready(&pair.server.api, &pair.imported.id).await?;
    Ok(())
}

#[tokio::test]
async fn a_ca_that_the_agent_was_not_told_to_pin() -> Result<()> {
    let mut pair = Strangers::start().await?;
    let right = pair.pinned().await?;
    let distrustful = pair.agent("distrustful", &"0".repeat(64))?;
    let message = pair.stuck("AgentEnrolled", "CaChecksumMismatch").await?;
    assert!(message.contains(&right) && message.contains("fetched again"), "{message}");
    drop(distrustful);

    // The object remembers it over a restart of the server.
    pair.server.process.signal("KILL")?;
    pair.server.process.ended(TOLD_WITHIN).await?;
    let port: u16 = pair.server.api.base().rsplit(':').next().expect("a port").parse()?;
    pair.server = Server::start(pair.folder.path(), port, &[]).await?;
    assert_eq!(pair.stuck("AgentEnrolled", "CaChecksumMismatch").await?, message);

    let _agent = pair.agent("right", &right)?;
    wait::until("the agent to be let in", import::READY_LIMIT, async || {
        let enrolled = condition(&pair.server.api, &pair.imported.id, "AgentEnrolled").await?;
        ensure!(enrolled["status"] == "True", "{enrolled}");
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
async fn an_agent_that_is_killed() -> Result<()> {
    let pair = Strangers::start().await?;
    let mut agent = pair.agent("agent", &pair.pinned().await?)?;
    wait::until("the agent to connect", import::READY_LIMIT, async || {
        let connected = condition(&pair.server.api, &pair.imported.id, "Connected").await?;
        Ok((connected["status"] == "True").then_some(()))
    })
    .await?;
    agent.signal("KILL")?;
    agent.ended(TOLD_WITHIN).await?;
    let message = pair.stuck("Connected", "Disconnected").await?;
    assert!(message.contains("not connected since 20"), "{message}");
    assert_eq!(pair.stuck("Ready", "Disconnected").await?, message);
    Ok(())
}

#[tokio::test]
async fn a_token_that_is_wrong_or_used() -> Result<()> {
    let pair = Strangers::start().await?;
    let wrong = pair.imported.manifest_url.replace(pair.imported.token()?, &"b".repeat(54));
    import::register(&pair.cluster.api, &wrong).await?;
    let message = pair.stuck("ManifestFetched", "ManifestTokenNotValid").await?;
    assert!(
        message.contains("127.0.0.1") && message.contains("Copy this cluster's registration"),
        "{message}"
    );

    // The right one, and then somebody else comes with it.
    import::register(&pair.cluster.api, &pair.imported.manifest_url).await?;
    import::ready(&pair.server.api, &pair.imported.id).await?;
    let thief = Solo::start(pair.folder.path(), "thief", free_port()?, &[]).await?;
    let (api, folder) = (&pair.server.api, pair.folder.path());
    let checksum = pair.pinned().await?;
    let _agent =
        agent::start_with_checksum("thief-agent", folder, api, &pair.imported, &thief.kubeconfig, &checksum)?;
    wait::until("the attempt to be told", TOLD_WITHIN, async || {
        let cluster = api.get(&format!("{}/{}", import::MANAGEMENT_CLUSTERS, pair.imported.id)).await?;
        let refused = &cluster["status"]["registration"]["agentRefused"];
        ensure!(refused["reason"] == "TokenUsedByOtherCluster", "{refused}");
        ensure!(import::condition(&cluster, "Ready") == Some("True"), "the cluster itself goes on");
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
async fn a_cluster_that_is_imported_already() -> Result<()> {
    let pair = Pair::start().await?;
    let second = import::create(&pair.server.api, "paddock-again").await?;
    import::register(&pair.cluster.api, &second.manifest_url).await?;
    let message = stuck(&pair.server.api, &second.id, "AgentEnrolled", "AlreadyImported").await?;
    assert!(!message.contains(&pair.imported.id), "it is not for everybody to know which: {message}");
    let registration = async |id: &str| -> Result<Value> {
        let cluster = pair.server.api.get(&format!("{}/{id}", import::MANAGEMENT_CLUSTERS)).await?;
        Ok(cluster["status"]["registration"].clone())
    };
    let identity = registration(&second.id).await?["agentRefused"]["identity"].clone();
    assert!(identity.is_string(), "{identity}");
    assert_eq!(registration(&pair.imported.id).await?["identity"], identity);
    Ok(())
}
