//! Real clients, each held to the same suite against our server and against a real kube-apiserver: what passes here and
//! fails there is a wrong test, the other way round a fault of ours.

mod kube_programs;
mod rust;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use grange_harness::{Process, Server, Solo, free_port};
use grange_testing_kubernetes::{Cluster, Options};
use kube::{Client, Config, config::KubeConfigOptions};
use tempfile::TempDir;

/// How long anything may take that a client waits for.
const LIMIT: Duration = Duration::from_secs(120);
/// The stand-in cluster's name.
const SOLO: &str = "solo";

/// A server to run clients against.
struct Target {
    side: Side,
    port: u16,
    folder: TempDir,
}

enum Side {
    /// `grange server`; `None` while it is being started anew.
    Server(Option<Server>),
    /// `grange solo`: the same API server, with service-account tokens.
    Solo(Option<Solo>),
    /// A real control plane.
    Kubernetes(Box<Cluster>),
}

impl Target {
    /// The management API.
    async fn server() -> Result<Self> {
        let (folder, port) = (tempfile::tempdir()?, free_port()?);
        let server = Server::start(folder.path(), port, &[]).await?;
        Ok(Target { side: Side::Server(Some(server)), port, folder })
    }

    /// The stand-in cluster.
    async fn solo() -> Result<Self> {
        let (folder, port) = (tempfile::tempdir()?, free_port()?);
        let solo = Solo::start(folder.path(), SOLO, port, &[]).await?;
        Ok(Target { side: Side::Solo(Some(solo)), port, folder })
    }

    /// A real cluster; `None` (said aloud) where it is not built.
    async fn kubernetes() -> Result<Option<Self>> {
        let Some(options) = Options::from_environment() else { return Ok(None) };
        let cluster = Cluster::start(options).await?;
        Ok(Some(Target { side: Side::Kubernetes(Box::new(cluster)), port: 0, folder: tempfile::tempdir()? }))
    }

    /// The administrator's kubeconfig.
    fn kubeconfig(&self) -> PathBuf {
        match &self.side {
            Side::Server(_) => Server::kubeconfig_file(self.folder.path()),
            Side::Solo(_) => self.folder.path().join(format!("{SOLO}.kubeconfig")),
            Side::Kubernetes(cluster) => cluster.kubeconfig().to_owned(),
        }
    }

    /// Ends the API server without warning and starts it on what it had stored, at the same address.
    async fn restart(&mut self) -> Result<()> {
        let (folder, port) = (self.folder.path(), self.port);
        match &mut self.side {
            Side::Server(running) => {
                if let Some(server) = running.take() {
                    killed(server.process).await?;
                }
                *running = Some(Server::start(folder, port, &[]).await?);
            }
            Side::Solo(running) => {
                if let Some(solo) = running.take() {
                    killed(solo.process).await?;
                }
                *running = Some(Solo::start(folder, SOLO, port, &[]).await?);
            }
            Side::Kubernetes(cluster) => cluster.restart_api_server().await?,
        }
        Ok(())
    }

    /// A kube-rs client with a kubeconfig.
    async fn client(&self, kubeconfig: &Path) -> Result<Client> {
        let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Client::try_from(config)?)
    }
}

async fn killed(mut process: Process) -> Result<()> {
    process.signal("KILL")?;
    process.ended(LIMIT).await?;
    Ok(())
}
