//! One cluster: store, API server, listener, seed objects, controllers.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use futures::StreamExt as _;
use grange_apiserver::UserInfo;
use grange_hypervisor::simulated;
use grange_store::{Store, history::Limits, memory::MemoryStore};
use grange_store_sqlite::{SqliteConfig, SqliteStore};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    client::{Client, Key, OwnClient, Seen},
    credentials::{Credentials, create_private_directory},
    deployments::Deployments,
    events::Recorder,
    kinds::{self, Kind},
    listener::{self, Front},
    machines,
    pods::{
        Node, Runner,
        logs::{LogBook, PodLog},
    },
    queue::{self, Backoff, Queue, Reconcile},
    registration::{self, Registration, fetch},
    seed,
    service::{Error, Parts},
};

/// How often the node says that it is alive.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
/// The same where many clusters share a process.
const HEARTBEAT_INTERVAL_OF_MANY: Duration = Duration::from_secs(60);
/// Events kept; fewer where many clusters share a process.
const MAX_EVENTS: usize = 1000;
const MAX_EVENTS_OF_MANY: usize = 100;
/// History kept in memory for each of many clusters.
const LIMITS_OF_MANY: Limits =
    Limits { ring_events: 4096, ring_bytes: 2 << 20, old_versions: 2048, old_bytes: 1 << 20 };

/// How long the last users of the store may take, and how often they are looked for.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSE_INTERVAL: Duration = Duration::from_millis(5);

/// What to start.
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) data_dir: PathBuf,
    /// Whether state outlives the process.
    pub(crate) durable: bool,
    /// Where the API is reached.
    pub(crate) reachable: SocketAddr,
    /// For addresses of machines.
    pub(crate) seed: u64,
    pub(crate) harvester_version: String,
    pub(crate) machines: u32,
    pub(crate) api_delay: Duration,
    pub(crate) agent_program: PathBuf,
}

/// A cluster that runs.
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) credentials: Credentials,
}

/// Brings a cluster up; returns when it answers and has its seed objects.
pub(crate) async fn start(options: Options, listener: TcpListener, parts: &Parts) -> Result<Cluster, Error> {
    let credentials = Credentials::load_or_create(&options.data_dir.join("pki"))?;
    let store = open_store(&options)?;
    let own_client = OwnClient::default();
    let logs = Arc::new(LogBook::default());
    let hypervisor = Arc::new(simulated::Simulated::new(simulated::Config {
        seed: options.seed,
        ..simulated::Config::default()
    }));

    parts.servers.spawn(close(parts.stop_servers.clone(), own_client.clone(), store.clone()));
    let mut config = grange_apiserver::Config::new(store, credentials.authenticator());
    config.resources = kinds::resources();
    config.definitions = kinds::definitions().map_err(|error| Error::Seed(error.to_string()))?;
    config.version = "v1.33.5+rke2r1".into();
    config.service_account_key = Some(credentials.service_account_key.clone());
    config.ca_pem = Some(credentials.authority_pem.clone());
    config.subresources.push(Arc::new(PodLog { client: own_client.clone(), logs: logs.clone() }));
    config.subresources.extend(machines::subresources(&own_client, &hypervisor));
    let (service, api) = grange_apiserver::Service::new(config);
    parts.servers.spawn(service.run(parts.stop_servers.clone()));
    api.ready().await;

    let client_as = |field_manager| {
        let loopback = api.loopback(UserInfo::loopback());
        Client::new(kube::Client::new(loopback, "default"), field_manager)
    };
    let client = client_as("grange-solo");
    own_client.set(Some(client.clone()));
    let node =
        seed::node::facts(&options.name, &options.reachable.ip().to_string(), &options.harvester_version);
    let facts = seed::Facts {
        node: node.clone(),
        harvester_version: options.harvester_version.clone(),
        machines: options.machines,
    };
    seed::seed(&client, &facts).await.map_err(|error| Error::Seed(error.to_string()))?;

    let tls = credentials.server_config(&certificate_addresses(&options), &certificate_names(&options))?;
    let address =
        listener.local_addr().map_err(|source| Error::Listen { address: options.reachable, source })?;
    let front = Front { api: api.clone(), delay: options.api_delay };
    parts.servers.spawn(listener::serve(listener, tls, front, parts.stop_servers.clone()));

    let max_events = if options.durable { MAX_EVENTS } else { MAX_EVENTS_OF_MANY };
    let recorder = Arc::new(Recorder::new(client.clone(), max_events));
    if options.durable {
        recorder.adopt().await;
    }
    let controllers = Controllers {
        client: client.clone(),
        stop: parts.stop_controllers.clone(),
        tasks: &parts.controllers,
    };
    let fetcher = Arc::new(fetch::Fetcher::new(fetch::tcp(), fetch::system_authorities()));
    controllers.registration(client_as(registration::FIELD_MANAGER), fetcher.clone());
    controllers.deployments(&node.name);
    controllers.pods(&options, &credentials, api, recorder.clone(), logs.clone(), fetcher)?;
    machines::start(&controllers, hypervisor, recorder, logs, &node.name, &node.address);
    controllers.heartbeat(node, options.durable);
    Ok(Cluster { name: options.name, address, credentials })
}

/// At the end, waits until the store is closed, so that whoever comes next finds it free.
async fn close(stop: CancellationToken, own_client: OwnClient, store: Arc<dyn Store>) {
    stop.cancelled().await;
    own_client.set(None);
    let deadline = tokio::time::Instant::now() + CLOSE_TIMEOUT;
    while Arc::strong_count(&store) > 1 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(CLOSE_INTERVAL).await;
    }
    // As the last one here, this closes it before anybody is told that the end is reached.
    drop(store);
}

fn open_store(options: &Options) -> Result<Arc<dyn Store>, Error> {
    if !options.durable {
        return Ok(Arc::new(MemoryStore::new(LIMITS_OF_MANY)));
    }
    let config = SqliteConfig::new(options.data_dir.join("state.db"));
    match SqliteStore::open(config) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(Error::Store(error.to_string())),
    }
}

fn certificate_addresses(options: &Options) -> Vec<std::net::IpAddr> {
    let mut addresses: Vec<std::net::IpAddr> =
        vec![[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into(), [10, 53, 0, 1].into()];
    if !addresses.contains(&options.reachable.ip()) {
        addresses.push(options.reachable.ip());
    }
    addresses
}

fn certificate_names(options: &Options) -> Vec<String> {
    let mut names: Vec<String> =
        ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(str::to_owned).into();
    if !names.contains(&options.name) {
        names.push(options.name.clone());
    }
    names
}

/// Starts controllers of one cluster.
pub(crate) struct Controllers<'a> {
    pub(crate) client: Client,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: &'a TaskTracker,
}

impl Controllers<'_> {
    /// Runs something until shutdown.
    pub(crate) fn spawn(&self, part: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = part => {}
            }
        });
    }

    /// Runs a reconciler over a queue.
    pub(crate) fn reconcile<R: Reconcile>(&self, queue: Queue<R::Key>, reconciler: Arc<R>) {
        self.spawn(async move { queue::run(queue, Backoff::CONTROLLER, &*reconciler).await });
    }

    /// Hands everything that happens to a kind to `see`.
    pub(crate) fn watch(&self, kind: &'static Kind, see: impl Fn(Seen) + Send + Sync + 'static) {
        let events = self.client.watch(kind);
        self.spawn(events.for_each(move |seen| {
            see(seen);
            std::future::ready(())
        }));
    }

    /// Starts the controller of `cluster-registration-url`.
    pub(crate) fn registration(&self, client: Client, fetcher: Arc<fetch::Fetcher>) {
        let queue = Queue::new();
        let adder = queue.clone();
        self.watch(&kinds::SETTINGS, move |seen| {
            if seen.header().metadata.name == registration::SETTING {
                adder.add(seen.header().key());
            }
        });
        self.reconcile(queue, Arc::new(Registration::new(client, fetcher)));
    }

    fn deployments(&self, node_name: &str) {
        let queue = Queue::<Key>::new();
        let adder = queue.clone();
        self.watch(&kinds::DEPLOYMENTS, move |seen| adder.add(seen.header().key()));
        let adder = queue.clone();
        self.watch(&kinds::PODS, move |seen| {
            if let Some(owner) = seen.header().owner("Deployment") {
                adder.add(owner);
            }
        });
        self.reconcile(queue, Arc::new(Deployments::new(self.client.clone(), node_name.to_owned())));
    }

    fn pods(
        &self,
        options: &Options,
        credentials: &Credentials,
        api: grange_apiserver::Handle,
        recorder: Arc<Recorder>,
        logs: Arc<LogBook>,
        registries: Arc<fetch::Fetcher>,
    ) -> Result<(), Error> {
        let folder = options.data_dir.join("pods");
        // What a killed predecessor left: its processes ended with it.
        let _ = std::fs::remove_dir_all(&folder);
        create_private_directory(&folder)?;
        let node = Node {
            name: options.name.clone(),
            address: options.reachable.ip().to_string(),
            api_host: options.reachable.ip().to_string(),
            api_port: options.reachable.port(),
            authority_pem: credentials.authority_pem.clone(),
            agent_program: options.agent_program.clone(),
            registries,
            folder,
        };
        let queue = Queue::<Key>::new();
        let runner = Arc::new(Runner::new(
            self.client.clone(),
            api,
            recorder,
            logs,
            node,
            queue.clone(),
            self.stop.clone(),
        ));
        let (adder, known) = (queue.clone(), runner.clone());
        self.watch(&kinds::PODS, move |seen| adder.add(seen.header().key()));
        let adder = queue.clone();
        self.spawn(async move {
            // A watch that was opened anew does not tell what vanished meanwhile.
            let mut tick = tokio::time::interval(HEARTBEAT_INTERVAL);
            loop {
                tick.tick().await;
                known.known().into_iter().for_each(|key| adder.add(key));
            }
        });
        self.reconcile(queue, runner.clone());
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.cancelled().await;
            runner.ended().await;
        });
        Ok(())
    }

    fn heartbeat(&self, node: seed::node::Facts, durable: bool) {
        let client = self.client.clone();
        let interval = if durable { HEARTBEAT_INTERVAL } else { HEARTBEAT_INTERVAL_OF_MANY };
        self.spawn(async move {
            let mut tick = tokio::time::interval(interval);
            loop {
                tick.tick().await;
                if let Err(error) = seed::node::beat(&client, &node).await {
                    tracing::debug!(%error, "heartbeat");
                }
            }
        });
    }
}
