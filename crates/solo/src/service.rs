//! The long-running part: every cluster of this process, its listeners, the admin's kubeconfig.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Config, CredentialsError, MAX_CLUSTERS, MAX_MACHINES,
    cluster::{self, Cluster},
    credentials::{create_private_directory, write_private},
    kubeconfig,
};

/// The file that says that a process uses the data directory.
const LOCK_FILE: &str = "solo.lock";
/// How long processes of Pods and open requests may take to end at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(40);

/// Why the clusters cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value of the configuration is out of its range.
    #[error("{0}")]
    Config(String),
    /// The engine asked for is not there; exit with [`crate::EXIT_CODE_NOT_IN_THIS_BUILD`].
    #[error(transparent)]
    Hypervisor(#[from] grange_hypervisor::NotInThisBuild),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses the data directory.
    #[error("the data directory {0} is in use by another process")]
    InUse(PathBuf),
    /// A file could not be read or written.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The state could not be opened.
    #[error("cannot open the state: {0}")]
    Store(String),
    /// The cluster's own API refused its seed objects.
    #[error("cannot make the cluster's first objects: {0}")]
    Seed(String),
}

/// Where a cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterAddress {
    /// Its name, and that of its context in the kubeconfig.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Tells when the clusters answer.
#[derive(Clone)]
pub struct Handle {
    ready: watch::Receiver<Option<Arc<[ClusterAddress]>>>,
}

impl Handle {
    /// Waits until every cluster has its seed objects and the kubeconfig is written; `None` if that will never be.
    pub async fn ready(&self) -> Option<Arc<[ClusterAddress]>> {
        let mut ready = self.ready.clone();
        ready.wait_for(Option::is_some).await.ok()?.clone()
    }
}

/// The service.
pub struct Service {
    config: Config,
    ready: watch::Sender<Option<Arc<[ClusterAddress]>>>,
}

impl Service {
    /// A service for this configuration; nothing is touched yet.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Hypervisor`].
    pub fn new(config: Config) -> Result<(Service, Handle), Error> {
        if config.clusters == 0 || config.clusters > MAX_CLUSTERS {
            return Err(Error::Config(format!("--clusters must be from 1 to {MAX_CLUSTERS}")));
        }
        if config.vms > MAX_MACHINES {
            return Err(Error::Config(format!("--vms must be at most {MAX_MACHINES}")));
        }
        if let Err(why) = grange_apimachinery::name::dns1123_label(&config.name) {
            return Err(Error::Config(format!("--name {:?}: {why}", config.name)));
        }
        if let (_, Some(notice)) = config.hypervisor.resolve()? {
            tracing::info!("{notice}");
        }
        let (ready, receiver) = watch::channel(None);
        Ok((Service { config, ready }, Handle { ready: receiver }))
    }

    /// Runs until `shutdown`, then ends what it started.
    ///
    /// # Errors
    /// When a cluster cannot be brought up; nothing is left running then.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        // Whatever the reason for leaving, everything started here is told to end.
        let parts = Parts {
            controllers: TaskTracker::new(),
            servers: TaskTracker::new(),
            stop_controllers: shutdown.child_token(),
            stop_servers: CancellationToken::new(),
        };
        let _stop_guard = parts.stop_servers.clone().drop_guard();
        let result = self.bring_up(&parts).await;
        if result.is_ok() {
            shutdown.cancelled().await;
        }
        // The API goes last: the agent's process asks it whether its Deployment is still there.
        parts.stop_controllers.cancel();
        end(&parts.controllers).await;
        parts.stop_servers.cancel();
        end(&parts.servers).await;
        result.map(drop)
    }

    async fn bring_up(&self, parts: &Parts) -> Result<fs::File, Error> {
        let config = &self.config;
        create_private_directory(&config.data_dir)?;
        let lock = lock(config)?;
        let mut clusters = Vec::new();
        for index in 0..config.clusters {
            let listener = listen(config, index).await?;
            clusters.push(self.start_cluster(index, listener, parts).await?);
        }
        let entries: Vec<_> = (clusters.iter())
            .map(|cluster| kubeconfig::Entry {
                name: &cluster.name,
                server: format!("https://{}", reachable(cluster.address)),
                authority_pem: &cluster.credentials.authority_pem,
                token: &cluster.credentials.admin_token,
            })
            .collect();
        let default_path = config.data_dir.join("admin.kubeconfig");
        let path = config.kubeconfig_out.as_ref().unwrap_or(&default_path);
        write_private(path, kubeconfig::render(&entries).as_bytes())?;
        for cluster in &clusters {
            tracing::info!(name = %cluster.name, address = %cluster.address, "the cluster is ready");
        }
        let addresses = (clusters.into_iter())
            .map(|cluster| ClusterAddress { name: cluster.name, address: cluster.address })
            .collect();
        self.ready.send_replace(Some(addresses));
        Ok(lock)
    }

    async fn start_cluster(
        &self,
        index: u32,
        listener: TcpListener,
        parts: &Parts,
    ) -> Result<Cluster, Error> {
        let config = &self.config;
        let address =
            listener.local_addr().map_err(|source| Error::Listen { address: config.listen, source })?;
        let single = config.clusters == 1;
        let name = if single { config.name.clone() } else { format!("{}-{}", config.name, index + 1) };
        let data_dir = if single { config.data_dir.clone() } else { config.data_dir.join(&name) };
        let agent_program = match &config.agent_program {
            Some(path) => path.clone(),
            None => std::env::current_exe()
                .map_err(|error| Error::Config(format!("cannot find this program: {error}")))?,
        };
        let options = cluster::Options {
            name,
            data_dir,
            durable: single,
            reachable: reachable(address),
            seed: u64::from(index),
            harvester_version: config.harvester_version.clone(),
            machines: config.vms,
            api_delay: Duration::from_millis(config.api_delay_ms),
            agent_program,
        };
        cluster::start(options, listener, parts).await
    }
}

/// What runs in this process, in the order in which it ends.
pub(crate) struct Parts {
    pub(crate) controllers: TaskTracker,
    pub(crate) servers: TaskTracker,
    pub(crate) stop_controllers: CancellationToken,
    pub(crate) stop_servers: CancellationToken,
}

async fn end(tasks: &TaskTracker) {
    tasks.close();
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, tasks.wait()).await.is_err() {
        tracing::warn!("some parts took too long to end and are abandoned");
    }
}

async fn listen(config: &Config, index: u32) -> Result<TcpListener, Error> {
    let mut address = config.listen;
    if address.port() != 0 {
        let port = u16::try_from(u32::from(address.port()) + index)
            .map_err(|_| Error::Config("not enough ports after that of --listen".into()))?;
        address.set_port(port);
    }
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

/// An address one can connect to: a wildcard becomes the local machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}

/// Takes the data directory for this process; given back when the file is closed.
fn lock(config: &Config) -> Result<fs::File, Error> {
    let path = config.data_dir.join(LOCK_FILE);
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| CredentialsError::File { path, source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse(config.data_dir.clone())),
        Err(fs::TryLockError::Error(source)) => {
            Err(CredentialsError::File { path: config.data_dir.clone(), source }.into())
        }
    }
}
