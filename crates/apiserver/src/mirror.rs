//! A few small kinds that decisions go by, kept in memory.
//!
//! INVARIANT: a write through this process is in the snapshot before the writer gets its answer ([`Mirror::observe`] is
//! called by the write path as well as by the watch; the higher revision wins).
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use grange_store::{Entry, ListRequest, Revision, Store, StoreError};

use crate::controller::keep_running;

/// What is kept of the objects. Cheap to clone: its maps share their values.
pub(crate) trait Snapshot: Clone + Default + Send + Sync + 'static {
    /// What the keys of the objects begin with.
    fn prefix() -> String;
    /// Takes in that an object was written, or deleted.
    fn apply(&mut self, entry: &Entry, deleted: bool);
}

/// A snapshot of the objects below a prefix.
pub(crate) struct Mirror<S> {
    snapshot: ArcSwap<S>,
    /// The revision last seen of each key, so that a late watch event never undoes a newer write.
    seen: Mutex<HashMap<Arc<str>, Revision>>,
}

impl<S: Snapshot> Default for Mirror<S> {
    fn default() -> Self {
        Mirror { snapshot: ArcSwap::default(), seen: Mutex::default() }
    }
}

impl<S: Snapshot> Mirror<S> {
    /// The objects as they are now.
    pub(crate) fn load(&self) -> arc_swap::Guard<Arc<S>> {
        self.snapshot.load()
    }
    /// Takes a write into the snapshot, unless something newer is there already.
    pub(crate) fn observe(&self, entry: &Entry, deleted: bool) {
        self.observe_all(std::iter::once((entry, deleted)));
    }
    fn observe_all<'a>(&self, writes: impl Iterator<Item = (&'a Entry, bool)>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = S::clone(&self.snapshot.load());
        for (entry, deleted) in writes {
            let last = seen.entry(entry.key.clone()).or_default();
            if *last < entry.mod_revision {
                *last = entry.mod_revision;
                snapshot.apply(entry, deleted);
            }
        }
        self.snapshot.store(Arc::new(snapshot));
    }
    /// Reads everything there is, once, before the watch takes over.
    pub(crate) async fn fill(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.read(store).await.map(drop)
    }
    /// Fills the snapshot and keeps it.
    pub(crate) async fn run(&self, store: &dyn Store) {
        keep_running(&format!("the cache of {}", S::prefix()), || self.follow(store)).await;
    }
    /// Forgets deleted keys that no late event can bring back: the watch has passed them.
    fn forget_deleted(&self, entry: &Entry) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(&entry.key) == Some(&entry.mod_revision) {
            seen.remove(&entry.key);
        }
    }
    /// Takes in everything there is, and that the rest is not; the revision at which that is so.
    async fn read(&self, store: &dyn Store) -> Result<Revision, StoreError> {
        let prefix = S::prefix();
        let page = store.list(ListRequest { prefix: &prefix, ..ListRequest::default() }).await?;
        let stale: Vec<Entry> = {
            let present: HashSet<&str> = page.entries.iter().map(|entry| &*entry.key).collect();
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.iter()
                .filter(|(key, revision)| **revision <= page.revision && !present.contains(&***key))
                .map(|(key, _)| Entry {
                    key: key.clone(),
                    value: Default::default(),
                    create_revision: page.revision,
                    mod_revision: page.revision,
                })
                .collect()
        };
        let present = page.entries.iter().map(|entry| (entry, false));
        self.observe_all(present.chain(stale.iter().map(|entry| (entry, true))));
        Ok(page.revision)
    }
    async fn follow(&self, store: &dyn Store) -> Result<(), StoreError> {
        let revision = self.read(store).await?;
        let mut watch = store.watch(&S::prefix(), revision).await?;
        loop {
            let batch = watch.next().await?;
            if batch.events.is_empty() {
                continue;
            }
            self.observe_all(batch.events.iter().map(|event| (&event.entry, event.deleted)));
            for event in batch.events.iter().filter(|event| event.deleted) {
                self.forget_deleted(&event.entry);
            }
        }
    }
}
