//! The agent between a server and a cluster, over real TLS on loopback.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod cluster;
mod forwarding;
mod lifecycle;
mod server;
mod trouble;
mod trust;

use std::{sync::Arc, time::Duration};

use grange_agent::{Config, Mode, Service, config::TokenSource, kubernetes::Access, server::ProxySettings};
use grange_wire::{JoinToken, Lane};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{cluster::FakeCluster, server::FakeServer};

/// Waits for a condition, at most ten seconds.
pub async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("the condition within ten seconds");
}

/// A server, a cluster, and a running agent between them.
pub struct Chain {
    pub server: FakeServer,
    pub cluster: FakeCluster,
    pub agent: Agent,
}

pub struct Agent {
    pub stop: CancellationToken,
    pub run: JoinHandle<grange_agent::service::Ending>,
    _account: TempDir,
}

impl Chain {
    /// Everything up and connected.
    pub async fn new() -> Chain {
        let server = FakeServer::start().await;
        let cluster = FakeCluster::start().await;
        cluster.import();
        let agent = start(&server, &cluster, Mode::InCluster);
        let chain = Chain { server, cluster, agent };
        chain.connected().await;
        chain
    }

    pub async fn connected(&self) {
        until(|| self.server.registry.sessions().len() == 1).await;
    }

    pub fn session(&self) -> grange_tunnel::Session {
        self.server.registry.session(server::CLUSTER, Lane::Interactive).expect("a session")
    }
}

pub fn config(server: &FakeServer, cluster: &FakeCluster, mode: Mode) -> (Config, TempDir) {
    let account = tempfile::tempdir().unwrap();
    std::fs::write(account.path().join("token"), format!("{}\n", cluster::AGENT_TOKEN)).unwrap();
    std::fs::write(account.path().join("ca.crt"), &cluster.ca_pem).unwrap();
    let config = Config {
        server: server.url(),
        ca_checksum: Some(server.checksum()),
        token: TokenSource::Fixed(JoinToken::new(server::TOKEN)),
        access: Access::service_account(&format!("https://{}", cluster.address), account.path()),
        proxy: ProxySettings::default(),
        mode,
    };
    (config, account)
}

pub fn start(server: &FakeServer, cluster: &FakeCluster, mode: Mode) -> Agent {
    let (config, account) = config(server, cluster, mode);
    let stop = CancellationToken::new();
    let service = Service::new(config);
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { service.run(stop).await.unwrap() }
    });
    Agent { stop, run, _account: account }
}

/// A certificate authority and a certificate for loopback.
pub fn certificates() -> (String, Arc<rustls::ServerConfig>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec![]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "test CA");
    let ca = parameters.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::new(parameters, key);
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".into(), "localhost".into()])
        .unwrap()
        .signed_by(&leaf_key, &issuer)
        .unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                rustls_pki_types::PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into()),
            )
            .unwrap();
    (ca.pem(), Arc::new(config))
}
