//! Serving the manifest to whoever has its address.
use std::net::IpAddr;

use bytes::Bytes;
use grange_resources::management::{Cluster, Contact};
use kube::Api;

use crate::{
    Error,
    error::chain,
    id, manifest,
    observation::{Event, contact},
    queue::Key,
    service::{Context, Handle},
};

/// Longest `User-Agent` that is shown.
const MAX_USER_AGENT_CHARACTERS: usize = 100;
/// How every browser begins to say what it is.
const BROWSER: &str = "Mozilla/";
/// Longest file name that is looked at.
const MAX_FILE_NAME_BYTES: usize = 512;

/// Why there is no manifest. The sentence is what a Harvester shows its admin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct ManifestError {
    /// The HTTP status.
    pub status: u16,
    /// One sentence, the same for an unknown cluster, a wrong token and the token of another cluster.
    pub sentence: String,
}

impl ManifestError {
    fn refused() -> Self {
        let sentence = "no cluster has this registration address: it was deleted, or the address is incomplete or \
                        out of date; copy manifestUrl from the cluster's ClusterRegistrationToken again";
        ManifestError { status: 400, sentence: sentence.to_owned() }
    }
}

impl Handle {
    /// The manifest behind `/v3/import/<file_name>`, rendered as a whole. `remote` and `user_agent` say who fetches it
    /// and are shown in condition `ManifestFetched`.
    ///
    /// # Errors
    /// 404 when the name does not end in `.yaml`, 400 when token and cluster do not belong together, 503 when the
    /// store cannot be read.
    pub async fn manifest(
        &self,
        file_name: &str,
        remote: IpAddr,
        user_agent: &str,
    ) -> Result<Bytes, ManifestError> {
        let Some(stem) = file_name.strip_suffix(".yaml") else {
            let sentence = "the address of a manifest ends in .yaml";
            return Err(ManifestError { status: 404, sentence: sentence.to_owned() });
        };
        let parts = stem.split_once('_').filter(|_| file_name.len() <= MAX_FILE_NAME_BYTES);
        let Some((token, cluster)) = parts.filter(|(_, cluster)| id::is_cluster_id(cluster)) else {
            return Err(ManifestError::refused());
        };
        match self.0.render_manifest(token, cluster).await {
            Ok(Rendering::Done(bytes)) => {
                self.0.note_fetch(cluster, remote, user_agent);
                Ok(bytes)
            }
            Ok(Rendering::WrongToken) => {
                tracing::info!(cluster, %remote, "manifest refused: wrong token");
                self.0.note(cluster, Event::ManifestRefused, contact(&remote.to_string()));
                Err(ManifestError::refused())
            }
            Ok(Rendering::NoCluster) => {
                tracing::info!(cluster, %remote, "manifest refused: unknown cluster");
                Err(ManifestError::refused())
            }
            Err(error) => {
                tracing::warn!(cluster, %remote, error = chain(&error), "manifest cannot be served");
                let sentence = "the server cannot read its store now; try again in a moment";
                Err(ManifestError { status: 503, sentence: sentence.to_owned() })
            }
        }
    }
}

/// What became of a request for a manifest. Whoever asked sees no difference between the last two.
enum Rendering {
    Done(Bytes),
    WrongToken,
    NoCluster,
}

impl Context {
    async fn render_manifest(&self, token: &str, id: &str) -> Result<Rendering, Error> {
        // Both are always asked, so that the time tells nothing about which of them failed.
        let clusters: Api<Cluster> = Api::all(self.client());
        let (is_valid, cluster) = tokio::join!(self.is_token_of(token, id), clusters.get_opt(id));
        let (is_valid, cluster) = (is_valid?, cluster?);
        let Some(cluster) = cluster.filter(|cluster| cluster.metadata.deletion_timestamp.is_none()) else {
            return Ok(Rendering::NoCluster);
        };
        if !is_valid {
            return Ok(Rendering::WrongToken);
        }
        let bytes = manifest::render(&self.manifest_parameters(id, &cluster.spec), token)?;
        Ok(Rendering::Done(bytes.into()))
    }

    fn note_fetch(&self, cluster: &str, remote: IpAddr, user_agent: &str) {
        let user_agent: String = user_agent
            .chars()
            .filter(|character| !character.is_control())
            .take(MAX_USER_AGENT_CHARACTERS)
            .collect();
        tracing::info!(cluster, %remote, user_agent, "manifest fetched");
        // Somebody who looks at the manifest in a browser installs nothing.
        if user_agent.contains(BROWSER) {
            return;
        }
        let detail = Some(user_agent).filter(|user_agent| !user_agent.is_empty());
        self.note(cluster, Event::ManifestFetched, Contact { detail, ..contact(&remote.to_string()) });
    }

    /// Notes an event, and looks at the cluster anew if it is one.
    pub(crate) fn note(&self, cluster: &str, event: Event, contact: Contact) {
        if self.observations.note(cluster, event, contact) {
            self.queue.add(Key::management(cluster));
        }
    }
}
