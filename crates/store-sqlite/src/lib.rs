//! The embedded engine: SQLite as the log and the recovery image, the shared in-memory history for every read and watch.
//!
//! One thread owns the database and commits in groups ([`SqliteStore`] hands it requests through a bounded queue);
//! reads and watches never touch the disk. One process at a time may open a database.
//!
//! INVARIANT: what was acknowledged survives `kill -9` and the loss of power; what failed left nothing.
//!
//! Start reading at `writer.rs`.

mod compactor;
mod config;
mod database;
mod lock;
mod writer;

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use grange_store::{
    Entry, ListPage, ListRequest, Precondition, Revision, Store, StoreError, Watch,
    history::{Change, History, Limits, check_size},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

pub use self::config::{KEEP_AGE, KEEP_REVISIONS, OpenError, SqliteConfig};
use self::{
    database::Database,
    lock::Lock,
    writer::{Request, Writer},
};

/// How many requests may wait for the writer; more wait for a place, without memory of their own in the queue.
pub const QUEUE_LIMIT: usize = 1_024;

/// The embedded store. Share it in an [`Arc`]; dropping it finishes what was begun and closes the database.
#[derive(Debug)]
pub struct SqliteStore {
    history: Arc<History>,
    places: Arc<Semaphore>,
    /// `None` only while it is dropped.
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens or makes the database and reads it into memory. Blocks for as long as that takes: tens of milliseconds for
    /// ten thousand objects.
    ///
    /// # Errors
    /// See [`OpenError`]; every message names the file.
    pub fn open(config: SqliteConfig) -> Result<Self, OpenError> {
        let lock = Lock::take(&config.path)?;
        let database = Database::open(&config)?;
        // The writer keeps these two limits itself, because it must delete the rows as well.
        let unbounded = Limits { old_versions: usize::MAX, old_bytes: usize::MAX, ..config.history };
        let history = Arc::new(database.load(&config.path, unbounded)?);
        let (sender, receiver) = mpsc::channel();
        let writer = Writer::new(&config, database, Arc::clone(&history), receiver, lock);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::Io { path: config.path.clone(), source })?;
        Ok(SqliteStore {
            history,
            places: Arc::new(Semaphore::new(QUEUE_LIMIT)),
            requests: Some(sender),
            writer: Some(thread),
        })
    }

    /// What reads and watches see, for figures about it.
    pub fn history(&self) -> &History {
        &self.history
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>, OwnedSemaphorePermit) -> Request,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| stopped())?;
        let (answer, answered) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(stopped)?;
        requests.send(request(answer, place)).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    async fn change(
        &self,
        key: &str,
        change: Change,
        precondition: Precondition,
    ) -> Result<Entry, StoreError> {
        let key = key.to_owned();
        self.ask(|answer, place| Request::Change { key, change, precondition, answer, place }).await
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer had panicked");
        }
    }
}

impl Store for SqliteStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, StoreError>> {
        Box::pin(ready(Ok(self.history.current(key))))
    }

    fn list<'a>(&'a self, request: ListRequest<'a>) -> BoxFuture<'a, Result<ListPage, StoreError>> {
        Box::pin(ready(self.history.list(&request)))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Entry, StoreError>> {
        Box::pin(async move {
            check_size(key, value.len())?;
            self.change(key, Change::Put(value), precondition).await
        })
    }

    fn delete<'a>(
        &'a self,
        key: &'a str,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Entry, StoreError>> {
        Box::pin(async move {
            check_size(key, 0)?;
            self.change(key, Change::Delete, precondition).await
        })
    }

    fn watch<'a>(
        &'a self,
        prefix: &'a str,
        after: Revision,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, StoreError>> {
        Box::pin(ready(self.history.watch(prefix, after)))
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(ready(Ok(self.history.revision())))
    }

    fn compact(&self, before: Revision) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ask(move |answer, place| Request::Compact { before, answer, place }))
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the store has stopped".to_owned())
}
