//! An engine without a disk: the history alone. It serves simulated clusters, by the hundred in one process; "durable"
//! here means: for as long as the process lives.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::{BoxFuture, ready};

use crate::{
    Entry, ListPage, ListRequest, Precondition, Revision, Store, StoreError, Watch,
    history::{Change, History, Limits, check_size},
};

/// A store in memory. Cheap to clone; clones share the content.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    history: Arc<History>,
    /// Held from the look at the precondition until the event is published: one writer at a time.
    writer: Arc<Mutex<()>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl MemoryStore {
    /// An empty store that keeps history within `limits`.
    pub fn new(limits: Limits) -> Self {
        MemoryStore { history: Arc::new(History::new(limits)), writer: Arc::default() }
    }

    /// What reads and watches see, for figures about it.
    pub fn history(&self) -> &History {
        &self.history
    }

    fn write(&self, key: &str, change: Change, precondition: Precondition) -> Result<Entry, StoreError> {
        let size_bytes = match &change {
            Change::Put(value) => value.len(),
            Change::Delete => 0,
        };
        check_size(key, size_bytes)?;
        let _writing = self.writer.lock().expect("invariant: no writer panics");
        let current = self.history.current(key);
        let revision = Revision(self.history.revision().0 + 1);
        let event = change.decide(key, precondition, current, revision)?;
        let entry = event.entry.clone();
        self.history.publish(vec![event]);
        Ok(entry)
    }
}

impl Store for MemoryStore {
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
        Box::pin(async move { self.write(key, Change::Put(value), precondition) })
    }

    fn delete<'a>(
        &'a self,
        key: &'a str,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Entry, StoreError>> {
        Box::pin(async move { self.write(key, Change::Delete, precondition) })
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
        Box::pin(async move {
            self.history.raise_floor(before)?;
            while !self.history.prune().done {}
            Ok(())
        })
    }
}
