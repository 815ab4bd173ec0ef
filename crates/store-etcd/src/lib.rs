//! The engine for several servers: one etcd is the state, every server holds all of it in memory.
//!
//! Reads and watches are served from the shared in-memory [`History`], which one etcd watch keeps up (`follower`).
//! Before a read of the present is answered, a majority of etcd's members is asked for its revision and the history
//! waits until it has it (`shared`): so no server ever tells old state as new. Writes are transactions conditional on
//! revisions (`write`). Old history is dropped by one of the servers (`upkeep`).
//!
//! When etcd cannot be reached, calls fail with [`StoreError::Unavailable`], which names the member and the cause, and
//! watches wait; when it is back everything goes on. A watch that missed something gets [`StoreError::Compacted`].
//!
//! Not here: how etcd's messages look (`wire`), who is asked (`client`).

mod client;
mod config;
mod failure;
mod follower;
mod format;
mod keys;
mod load;
mod shared;
mod upkeep;
mod wire;
mod write;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use grange_store::{
    Entry, ListPage, ListRequest, Precondition, Revision, Store, StoreError, Watch,
    history::{Change, History, check_size},
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    client::{Client, Repeat},
    failure::Failure,
    keys::Keys,
    shared::{READER_LIMIT, Shared, answer_readers},
};

pub use crate::config::{
    COMPACTION_INTERVAL, Credentials, ENDPOINT_LIMIT, EtcdConfig, Hidden, KEEP_AGE, KEEP_REVISIONS,
    KEY_PREFIX, OPEN_DEADLINE, OpenError, Tls,
};

/// The pause between two attempts to open.
const OPEN_RETRY: Duration = Duration::from_secs(1);

/// A store in etcd. Dropping it ends its tasks and its watches; what it holds stays in etcd.
pub struct EtcdStore {
    shared: Arc<Shared>,
    _running: DropGuard,
}

impl std::fmt::Debug for EtcdStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EtcdStore").field("endpoints", &self.shared.client.addresses()).finish()
    }
}

impl EtcdStore {
    /// Connects, checks what is there, and reads it into memory.
    ///
    /// # Errors
    /// See [`OpenError`]; an etcd that cannot be reached is waited for until `open_deadline`.
    pub async fn open(config: EtcdConfig) -> Result<Self, OpenError> {
        let deadline = Instant::now() + config.open_deadline;
        let client = Client::new(&config)?;
        let keys = loop {
            match prepare(&client, &config).await {
                Ok(prepared) => break prepared?,
                Err(failure) if failure.is_of_member() && Instant::now() < deadline => {
                    tracing::warn!(%failure, "waiting for etcd");
                    tokio::time::sleep(OPEN_RETRY).await;
                }
                Err(failure) => return Err(failed(&client, failure.into())),
            }
        };
        let begin = keys.revision(0);
        let history = History::restore(config.history, begin, begin, std::iter::empty())
            .map_err(|error| failed(&client, error))?;
        let (readers, questions) = mpsc::channel(READER_LIMIT);
        let shared = Arc::new(Shared::new(client, keys, Arc::new(history), readers));
        let stop = CancellationToken::new();
        let store = EtcdStore { shared: Arc::clone(&shared), _running: stop.clone().drop_guard() };
        tokio::spawn(run(Arc::clone(&shared), questions, config.compaction_interval, stop));
        loop {
            match shared.confirm().await {
                Ok(()) => return Ok(store),
                Err(StoreError::Unavailable(_)) if Instant::now() < deadline => {
                    tokio::time::sleep(OPEN_RETRY).await;
                }
                Err(error) => return Err(failed(&shared.client, error)),
            }
        }
    }

    /// What reads and watches see, for figures about it.
    pub fn history(&self) -> &History {
        &self.shared.history
    }
}

/// The store's tasks, until it is dropped.
async fn run(
    shared: Arc<Shared>,
    questions: mpsc::Receiver<shared::Answer>,
    compaction_interval: Option<Duration>,
    stop: CancellationToken,
) {
    let work = async {
        tokio::join!(
            follower::run(&shared),
            answer_readers(&shared, questions),
            upkeep::run(&shared, compaction_interval)
        )
    };
    tokio::select! {
        () = stop.cancelled() => {}
        _ = work => {}
    }
    shared.history.close();
}

/// Checks that this is an etcd we can use, and what it holds.
async fn prepare(client: &Client, config: &EtcdConfig) -> Result<Result<Keys, OpenError>, Failure> {
    let status: wire::StatusResponse = client.call(wire::STATUS, wire::Empty {}, Repeat::Harmless).await?;
    if !format::is_recent_enough(&status.version) {
        let endpoints = client.addresses();
        return Ok(Err(OpenError::TooOld { endpoints, version: status.version }));
    }
    format::read_or_write(client, &config.key_prefix, config.origin).await
}

fn failed(client: &Client, source: StoreError) -> OpenError {
    OpenError::Failed { endpoints: client.addresses(), source: Box::new(source), hint: client.hint() }
}

impl Store for EtcdStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        Box::pin(async move {
            self.shared.confirm().await?;
            Ok(self.shared.history.current(key))
        })
    }

    fn list<'a>(&'a self, request: ListRequest<'a>) -> BoxFuture<'a, Result<ListPage, StoreError>> {
        Box::pin(async move {
            // What was once so stays so: a list at a revision that is known here needs nobody.
            if request.revision.is_none_or(|revision| revision > self.shared.history.revision()) {
                self.shared.confirm().await?;
            }
            self.shared.history.list(&request)
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Entry, StoreError>> {
        Box::pin(async move {
            check_size(key, value.len())?;
            write::write(&self.shared, key, Change::Put(value), precondition).await
        })
    }

    fn delete<'a>(
        &'a self,
        key: &'a str,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Entry, StoreError>> {
        Box::pin(async move {
            check_size(key, 0)?;
            write::write(&self.shared, key, Change::Delete, precondition).await
        })
    }

    fn watch<'a>(
        &'a self,
        prefix: &'a str,
        after: Revision,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, StoreError>> {
        Box::pin(async move {
            if after > self.shared.history.revision() {
                self.shared.confirm().await?;
            }
            self.shared.history.watch(prefix, after)
        })
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(async move {
            self.shared.confirm().await?;
            Ok(self.shared.history.revision())
        })
    }

    fn compact(&self, before: Revision) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let Shared { client, keys, history, .. } = &*self.shared;
            self.shared.confirm().await?;
            // The memory first: it says whether there is such a revision.
            history.raise_floor(before)?;
            let request = wire::CompactRequest { revision: keys.etcd(before) };
            match client.call::<_, wire::Empty>(wire::COMPACT, request, Repeat::Harmless).await {
                Ok(_) | Err(Failure::Compacted) => Ok(()),
                Err(failure) => Err(failure.into()),
            }
        })
    }
}
