//! The running part: watches feed the queue, workers reconcile, connections are followed.
use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use grange_settings::Settings;
use grange_tunnel::Registry;
use kube::Client;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Directory, Error, addresses, connections,
    duty::Peers,
    error::chain,
    management,
    manifest::Parameters,
    observation::Observations,
    provisioning,
    queue::{Key, Queue},
    tokens::TokenIndex,
    watches,
};

/// Reconciles at work at a time; a removal may hold its place for ten seconds.
const MAX_CONCURRENT: usize = 128;
/// The first wait after a failed reconcile; it doubles from failure to failure.
const FIRST_RETRY: Duration = Duration::from_millis(200);
/// The longest wait after a failed reconcile.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// What the service needs.
#[derive(Clone)]
pub struct Config {
    /// Acts as one of the server's own controllers (`system:` user in `system:masters`).
    pub client: Client,
    /// The live sessions.
    pub registry: Registry,
    /// The clusters there are; shared with the hooks.
    pub directory: Directory,
    /// Where the address is that clusters reach the server at.
    pub settings: Settings,
    /// Lower-case hex SHA-256 of the server's CA certificates; empty when its certificate is publicly valid.
    pub ca_checksum: String,
    /// Repository and tag of the agent's image, which the server itself serves.
    pub agent_image: String,
    /// Those that share its state; `None` when it is the only server.
    pub peers: Option<Peers>,
}

/// The long-running part; [`Service::run`] until shutdown.
pub struct Service(Arc<Context>);

/// The cheap cloneable handle: serves manifests and, as [`grange_tunnel::SessionAuthority`], admits agents.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Context>);

/// What all parts share.
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) queue: Queue,
    pub(crate) observations: Observations,
    pub(crate) tokens: TokenIndex,
    pub(crate) started: Instant,
}

impl Context {
    pub(crate) fn client(&self) -> Client {
        self.config.client.clone()
    }

    pub(crate) fn manifest_parameters<'a>(
        &'a self,
        id: &'a str,
        spec: &'a grange_resources::management::ClusterSpec,
    ) -> Parameters<'a> {
        Parameters {
            cluster: id,
            server_url: self.config.settings.server_url().as_str().to_owned(),
            ca_checksum: &self.config.ca_checksum,
            image: self.agent_image(spec),
            agent_env: &spec.agent_env_vars,
            customization: spec.cluster_agent_deployment_customization.as_ref(),
        }
    }

    /// Whether this server sees to what no server's tunnel decides.
    pub(crate) fn leads(&self) -> bool {
        self.config.peers.as_ref().is_none_or(Peers::leads)
    }

    /// The image of a cluster's agent.
    pub(crate) fn agent_image(&self, spec: &grange_resources::management::ClusterSpec) -> String {
        match spec.agent_image_override.as_deref() {
            Some(image) if !image.is_empty() => image.to_owned(),
            _ => format!("{}/{}", self.config.settings.server_url().authority(), self.config.agent_image),
        }
    }

    /// Drops what is known of a cluster that is gone.
    pub(crate) fn forget(&self, id: &str) {
        self.observations.forget(id);
        self.config.directory.remove(id);
        self.config.registry.forget(id);
    }

    async fn reconcile(&self, key: &Key) -> Result<Option<Duration>, Error> {
        match key {
            Key::Provisioning { namespace, name } => provisioning::reconcile(self, namespace, name).await,
            Key::Management(id) => management::reconcile(self, id).await,
        }
    }
}

impl Service {
    /// Builds the service and its handle. Nothing runs yet, but the handle answers.
    pub fn new(config: Config) -> (Service, Handle) {
        let context = Arc::new(Context {
            config,
            queue: Queue::default(),
            observations: Observations::default(),
            tokens: TokenIndex::default(),
            started: Instant::now(),
        });
        (Service(context.clone()), Handle(context))
    }

    /// Runs until `shutdown`. Sessions are left alone: whoever owns the registry ends them.
    pub async fn run(self, shutdown: CancellationToken) {
        let context = self.0;
        let running = async {
            management::create_standard_namespaces(&context).await;
            tokio::join!(
                follow(&context),
                connections::run(&context),
                addresses::run(&context),
                work(&context)
            );
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = running => {}
        }
    }
}

/// Follows the objects; from the start again when clusters of other servers may be this one's now.
async fn follow(context: &Context) {
    let Some(mut peers) = context.config.peers.clone() else { return watches::run(context).await };
    loop {
        tokio::select! {
            () = watches::run(context) => {}
            () = peers.changed() => {}
        }
    }
}

/// Takes keys from the queue and reconciles them, each on its own.
async fn work(context: &Arc<Context>) {
    let mut at_work = FuturesUnordered::new();
    let mut failures: HashMap<Key, u32> = HashMap::new();
    loop {
        tokio::select! {
            key = context.queue.next(), if at_work.len() < MAX_CONCURRENT => {
                let own = context.clone();
                // A task of its own, so that one that panics takes nobody along.
                let task = tokio::spawn({
                    let key = key.clone();
                    async move { own.reconcile(&key).await }
                });
                at_work.push(async move {
                    let guard = AbortOnDrop(task);
                    (key, guard.wait().await)
                });
            }
            Some((key, result)) = at_work.next() => {
                context.queue.done(&key);
                match result {
                    Ok(again) => {
                        failures.remove(&key);
                        if let Some(delay) = again {
                            add_later(context, key, delay);
                        }
                    }
                    Err(error) => {
                        let count = failures.entry(key.clone()).or_default();
                        let delay = FIRST_RETRY.saturating_mul(1 << (*count).min(16)).min(LAST_RETRY);
                        *count = count.saturating_add(1);
                        tracing::warn!(cluster = %key, error = chain(&error), retry_ms = delay.as_millis(), "reconcile failed");
                        add_later(context, key, delay);
                    }
                }
            }
        }
    }
}

fn add_later(context: &Arc<Context>, key: Key, delay: Duration) {
    let context = Arc::downgrade(context);
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        if let Some(context) = context.upgrade() {
            context.queue.add(key);
        }
    });
}

/// Ends the task when the service ends.
struct AbortOnDrop(tokio::task::JoinHandle<Result<Option<Duration>, Error>>);

impl AbortOnDrop {
    async fn wait(mut self) -> Result<Option<Duration>, Error> {
        match (&mut self.0).await {
            Ok(result) => result,
            Err(error) => Err(Error::State(format!("the reconcile broke off: {error}"))),
        }
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
