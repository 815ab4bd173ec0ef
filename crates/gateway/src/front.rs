//! The parts behind the front and what they share.
use std::{net::IpAddr, sync::Arc, time::Instant};

use futures::future::BoxFuture;
use grange_settings::{ServerUrl, Settings};
use grange_tunnel::{Registry, SessionAuthority};
use tokio::sync::{Mutex, watch};

use crate::{CaBundle, Config, Streams, metrics::Metrics, proxy::Proxy};

/// What the gateway asks of the part that imports clusters.
pub trait ImportGate: Send + Sync + 'static {
    /// The whole manifest behind `/v3/import/<file>`; `remote` and `user_agent` say who fetches it.
    fn manifest<'a>(
        &'a self,
        file: &'a str,
        remote: IpAddr,
        user_agent: &'a str,
    ) -> BoxFuture<'a, Result<bytes::Bytes, ManifestRefusal>>;
    /// Who decides which agents may come in.
    fn session_authority(&self) -> Arc<dyn SessionAuthority>;
    /// What an agent says that cannot come in.
    fn trouble<'a>(&'a self, report: &'a [u8], remote: IpAddr) -> BoxFuture<'a, Result<(), ManifestRefusal>>;
    /// Somebody ended a TLS handshake because of our certificate.
    fn certificate_refused(&self, remote: IpAddr, alert: &str);
    /// Somebody asked for an image that is not here.
    fn image_refused(&self, remote: IpAddr, image: &str);
}

/// Why there is no manifest. The sentence reaches the administrator of the cluster that asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct ManifestRefusal {
    /// The HTTP status.
    pub status: u16,
    /// One sentence; strangers get the same one whatever is wrong with token or cluster.
    pub sentence: String,
}

impl ImportGate for grange_clusters::Handle {
    fn manifest<'a>(
        &'a self,
        file: &'a str,
        remote: IpAddr,
        user_agent: &'a str,
    ) -> BoxFuture<'a, Result<bytes::Bytes, ManifestRefusal>> {
        Box::pin(async move {
            let manifest = grange_clusters::Handle::manifest(self, file, remote, user_agent).await;
            manifest.map_err(|error| ManifestRefusal { status: error.status, sentence: error.sentence })
        })
    }
    fn session_authority(&self) -> Arc<dyn SessionAuthority> {
        Arc::new(self.clone())
    }
    fn trouble<'a>(&'a self, report: &'a [u8], remote: IpAddr) -> BoxFuture<'a, Result<(), ManifestRefusal>> {
        Box::pin(async move {
            let told = grange_clusters::Handle::trouble(self, report, remote).await;
            told.map_err(|error| ManifestRefusal { status: error.status, sentence: error.sentence })
        })
    }
    fn certificate_refused(&self, remote: IpAddr, alert: &str) {
        grange_clusters::Handle::certificate_refused(self, remote, alert);
    }
    fn image_refused(&self, remote: IpAddr, image: &str) {
        grange_clusters::Handle::image_refused(self, remote, image);
    }
}

/// The parts behind the front.
pub struct Parts {
    /// What is set.
    pub settings: Settings,
    /// Who is who.
    pub identity: grange_identity::Handle,
    /// The management API.
    pub apiserver: grange_apiserver::Handle,
    /// Importing clusters.
    pub imports: Arc<dyn ImportGate>,
    /// Live tunnels.
    pub registry: Registry,
    /// Whether everything is up.
    pub ready: watch::Receiver<bool>,
}

/// Everything a request may need.
pub(crate) struct Front {
    pub(crate) config: Config,
    pub(crate) ca: CaBundle,
    pub(crate) parts: Parts,
    pub(crate) proxy: Proxy,
    pub(crate) streams: Streams,
    pub(crate) metrics: Metrics,
    pub(crate) started: Instant,
    /// Held while the display name of a new cluster is compared with the others.
    pub(crate) cluster_names: Mutex<()>,
    /// Cancelled when tunnels have to end because the server stops.
    pub(crate) tunnels: tokio_util::sync::CancellationToken,
}

impl Front {
    /// The address people and clusters reach the server by now.
    pub(crate) fn server_url(&self) -> Arc<ServerUrl> {
        self.parts.settings.server_url()
    }
}
