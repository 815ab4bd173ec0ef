//! The agent as a long-running part.

use std::{sync::Arc, time::Duration};

use grange_tunnel::AgentKey;
use grange_wire::{Lane, TroubleCode};
use tokio::{
    sync::{Notify, OnceCell},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Mode, control,
    forward::Chain,
    identity::{Identity, IdentityError},
    kubernetes::{Client, Pool},
    lane::{Backoff, Shared, keep},
    ownership, parent,
    server::Connector,
    trouble::Troubles,
};

/// How long a stop may take when the agent's Deployment has to be looked at; below a pod's 30 s.
const FAREWELL_LIMIT: Duration = Duration::from_secs(20);
/// Failures in a row after which the server is told: what the import brings comes one after the other.
const TELLING_FAILURES: u32 = 4;
/// Between two looks when the apiserver does not answer.
const FAREWELL_RETRY: Duration = Duration::from_millis(500);

/// Why an agent ended when nobody told it to.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No randomness for the agent's name.
    #[error("the system's random generator failed")]
    Random,
}

/// How an agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to stop.
    Stopped,
    /// It removed everything the import brought.
    Removed,
}

/// The agent.
pub struct Service {
    config: Config,
}

impl Service {
    /// An agent that does nothing yet.
    pub fn new(config: Config) -> Self {
        Service { config }
    }

    /// Runs until `shutdown` or until the server has the import removed.
    pub async fn run(self, shutdown: CancellationToken) -> Result<Ending, ServiceError> {
        // A failing random generator would show later in less clear ways.
        AgentKey::generate().map_err(|_| ServiceError::Random)?;
        let config = self.config;
        let mode = config.mode;
        let pool = Pool::new(config.access.clone());
        let client = Client::new(pool.clone());
        tracing::info!(server = %config.server, apiserver = ?config.access, "agent starting");
        let uninstalled = CancellationToken::new();
        let running = run_lanes(config, pool, client.clone(), uninstalled.clone());
        tokio::select! {
            () = running => {}
            () = uninstalled.cancelled() => return Ok(Ending::Removed),
            () = shutdown.cancelled() => {}
            () = parent::gone() => {
                tracing::warn!("the process that started the agent is gone; ending");
                return Ok(Ending::Stopped);
            }
        }
        tracing::info!("agent stopping");
        if mode == Mode::InCluster && take_leave(&client).await {
            return Ok(Ending::Removed);
        }
        Ok(Ending::Stopped)
    }
}

async fn run_lanes(config: Config, pool: Pool, client: Client, uninstalled: CancellationToken) {
    let connector = Connector::new(config.server.clone(), config.ca_checksum.clone(), config.proxy.clone());
    let connector = Arc::new(connector);
    let troubles = Troubles::new(connector.clone(), config.token.clone());
    let identity = know_thyself(&client, config.mode, &troubles).await;
    let facts = control::facts(&client).await;
    let instance = format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
    let shared = Arc::new(Shared {
        config,
        connector,
        troubles,
        identity,
        client,
        pool,
        instance,
        facts,
        uninstalled,
        adoption: OnceCell::new(),
        bulk_wanted: Notify::new(),
    });
    // Boxed: the two lanes live as long as the agent, side by side, in this one task's memory otherwise.
    let lanes = Lane::ALL.map(|lane| Box::pin(keep(shared.clone(), lane)));
    futures::future::join_all(lanes).await;
}

/// Reads or makes the agent's identity, however long the apiserver takes to be there.
async fn know_thyself(client: &Client, mode: Mode, troubles: &Troubles) -> Identity {
    let mut backoff = Backoff::default();
    let mut failures = 0;
    loop {
        match Identity::load(client, mode).await {
            Ok(identity) => return identity,
            Err(error) => {
                let wait = backoff.next_wait();
                let retry_ms = wait.as_millis() as u64;
                failures += 1;
                if failures >= TELLING_FAILURES {
                    troubles.note(TroubleCode::ClusterApi, &error);
                }
                match error {
                    IdentityError::NoOwner => tracing::info!(%error, retry_ms, "waiting for the import"),
                    error => tracing::warn!(error = %Chain(&error), retry_ms, "the cluster is not reachable"),
                }
                sleep(wait).await;
            }
        }
    }
}

/// When a pod is stopped because its Deployment was deleted (a Harvester's reset does just that), takes the rest of
/// the import along. Whether it did.
async fn take_leave(client: &Client) -> bool {
    let looking = async {
        loop {
            match ownership::is_deployment_gone(client).await {
                Ok(gone) => return gone,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "cannot see whether the agent's Deployment still exists");
                    sleep(FAREWELL_RETRY).await;
                }
            }
        }
    };
    let leaving = async {
        if !looking.await {
            return false;
        }
        match ownership::remove(client).await {
            Ok(removal) => {
                tracing::info!(removed = ?removal.removed, "the Deployment is gone; removed the rest of the import");
                true
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the Deployment is gone, but the rest could not be removed");
                false
            }
        }
    };
    timeout(FAREWELL_LIMIT, leaving).await.unwrap_or(false)
}
