//! The in-memory, multi-version index and the ring of recent events, which every engine of one process shares.
//!
//! An engine decides what is durable; this is what reads and watches see. [`History::current`] answers preconditions,
//! [`History::publish`] makes durable events visible, in order. Old versions and tombstones stay until they are
//! compacted, so that a list at an older revision is exact. A watch is a cursor: it holds no queue and reads the ring
//! in bounded batches.
//!
//! Revisions may have gaps (see the crate's head); several events may share one, when another program wrote several
//! keys in one transaction of the engine.
//!
//! INVARIANT: one publisher at a time, and no event left out; every lock is held for bounded work and never across an
//! await.

mod chain;
mod ring;
mod state;
mod waiting;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use crate::{Entry, Event, ListPage, ListRequest, Precondition, Revision, StoreError, Watch};

use self::{state::State, waiting::Waiting, watch::HistoryWatch};

/// The largest value an engine takes: etcd's limit for a request, less what a transaction needs beside the value, so that
/// what fits here fits there.
pub const VALUE_LIMIT_BYTES: usize = 1_572_864 - (16 << 10);
/// The longest key an engine takes; Kubernetes names and namespaces stay far below it.
pub const KEY_LIMIT_BYTES: usize = 2_048;
/// How many events one batch of a watch carries at most.
pub const BATCH_LIMIT_EVENTS: usize = 1_000;
/// How many events a watch looks at under one lock while it searches for its prefix.
pub const SCAN_LIMIT_EVENTS: usize = 16_384;
/// How many old versions one lock releases.
pub const PRUNE_LIMIT_VERSIONS: usize = 1_024;

/// How much history stays in memory. Passing a limit forgets the oldest; it never refuses a write.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Events that watches can resume from.
    pub ring_events: usize,
    /// Bytes of those events.
    pub ring_bytes: usize,
    /// Superseded versions that lists at an older revision can see.
    pub old_versions: usize,
    /// Bytes of those versions.
    pub old_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { ring_events: 65_536, ring_bytes: 64 << 20, old_versions: 131_072, old_bytes: 128 << 20 }
    }
}

/// One stored version as an engine reads it back at start-up, or is told of it later.
#[derive(Clone, Debug)]
pub struct Record {
    /// The key.
    pub key: Arc<str>,
    /// The value; `None` is a deletion.
    pub value: Option<Bytes>,
    /// When the key came into being.
    pub create_revision: Revision,
    /// When this version was written.
    pub mod_revision: Revision,
}

/// What [`History::prune`] did.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// The revisions whose versions nothing can see any more.
    pub revisions: Vec<Revision>,
    /// Whether nothing is left to prune.
    pub done: bool,
}

/// The shared history. See the module's documentation.
#[derive(Debug)]
pub struct History {
    state: RwLock<State>,
    newest: tokio::sync::watch::Sender<Revision>,
    waiting: Arc<Waiting>,
}

impl History {
    /// An empty history, before the first write.
    pub fn new(limits: Limits) -> Self {
        Self::wrap(State::new(limits, Revision(0)))
    }

    /// A history read back from an engine: `records` in rising revision, all there are above `floor`.
    ///
    /// # Errors
    /// [`StoreError::Internal`] when the records are out of order or pass `newest`.
    pub fn restore(
        limits: Limits,
        floor: Revision,
        newest: Revision,
        records: impl Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<Self, StoreError> {
        State::restore(limits, floor, newest, records).map(Self::wrap)
    }

    fn wrap(state: State) -> Self {
        let newest = tokio::sync::watch::Sender::new(state.newest());
        History { state: RwLock::new(state), newest, waiting: Arc::default() }
    }

    /// The newest revision.
    pub fn revision(&self) -> Revision {
        self.read().newest()
    }

    /// The oldest revision that can be listed.
    pub fn floor(&self) -> Revision {
        self.read().floor()
    }

    /// How many superseded versions are kept.
    pub fn old_versions(&self) -> usize {
        self.read().old_versions()
    }

    /// How many bytes those versions hold.
    pub fn old_bytes(&self) -> usize {
        self.read().old_bytes()
    }

    /// How many keys are indexed, deleted but uncompacted ones included.
    pub fn keys(&self) -> usize {
        self.read().keys()
    }

    /// A key's present entry.
    pub fn current(&self, key: &str) -> Option<Entry> {
        self.read().current(key)
    }

    /// A consistent page of keys; costs in proportion to the page, plus counting what remains.
    ///
    /// # Errors
    /// [`StoreError::Compacted`] and [`StoreError::Future`].
    pub fn list(&self, request: &ListRequest<'_>) -> Result<ListPage, StoreError> {
        self.read().list(request)
    }

    /// Makes durable events visible to reads and watches, all at once.
    ///
    /// Only the engine's one writer may call it, with revisions that follow on from [`History::revision`].
    pub fn publish(&self, events: Vec<Event>) {
        let keys: Vec<Arc<str>> = events.iter().map(|event| Arc::clone(&event.entry.key)).collect();
        let newest = {
            let mut state = self.write();
            for event in events {
                state.apply(event);
            }
            state.newest()
        };
        self.newest.send_replace(newest);
        self.waiting.wake(keys.iter().map(|key| &**key));
    }

    /// Makes durable writes visible that another process may have made: what was there before each is looked up here.
    /// Everything up to `reached` has been told with them. The deletion of a key that is not there is nothing.
    ///
    /// As with [`History::publish`], there is one caller, and revisions follow on.
    pub fn follow(&self, records: Vec<Record>, reached: Revision) {
        let keys: Vec<Arc<str>> = records.iter().map(|record| Arc::clone(&record.key)).collect();
        let newest = {
            let mut state = self.write();
            for record in records {
                state.follow(record);
            }
            state.advance(reached);
            state.newest()
        };
        self.newest.send_replace(newest);
        self.waiting.wake(keys.iter().map(|key| &**key));
    }

    /// Starts over from what an engine read back, after a stretch of history was missed: every watch that has not seen
    /// everything up to `floor` gets [`StoreError::Compacted`].
    ///
    /// # Errors
    /// As [`History::restore`]; the history is as it was.
    pub fn replace(
        &self,
        floor: Revision,
        newest: Revision,
        records: impl Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<(), StoreError> {
        let limits = self.read().limits();
        let state = State::restore(limits, floor, newest, records)?;
        let before = std::mem::replace(&mut *self.write(), state);
        // Outside the lock: this may be much.
        drop(before);
        self.newest.send_replace(newest);
        self.waiting.wake_all();
        Ok(())
    }

    /// Waits until everything up to `revision` is visible.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the engine stops meanwhile.
    pub async fn reached(&self, revision: Revision) -> Result<(), StoreError> {
        let mut newest = self.newest.subscribe();
        loop {
            newest.mark_unchanged();
            {
                let state = self.read();
                if state.newest() >= revision {
                    return Ok(());
                }
                state.check_open()?;
            }
            if newest.changed().await.is_err() {
                return Err(StoreError::Unavailable("the store has stopped".to_owned()));
            }
        }
    }

    /// A watch of the events under `prefix` after `after`.
    ///
    /// # Errors
    /// [`StoreError::Compacted`] and [`StoreError::Future`].
    pub fn watch(self: &Arc<Self>, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.read().check_watch(after)?;
        Ok(Box::new(HistoryWatch::new(Arc::clone(self), prefix, after)))
    }

    /// Raises the floor: from now on, no list or watch reaches before `before`. Memory is released by [`History::prune`].
    ///
    /// # Errors
    /// [`StoreError::Future`] when `before` has not been written yet.
    pub fn raise_floor(&self, before: Revision) -> Result<(), StoreError> {
        self.write().raise_floor(before)
    }

    /// Releases at most [`PRUNE_LIMIT_VERSIONS`] steps of what lies below the floor.
    pub fn prune(&self) -> Pruned {
        self.write().prune(PRUNE_LIMIT_VERSIONS)
    }

    /// Ends every watch with [`StoreError::Unavailable`]; the engine has stopped.
    pub fn close(&self) {
        self.write().close();
        self.newest.send_modify(|_| {});
        self.waiting.wake_all();
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("invariant: nothing panics while it holds the history")
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("invariant: nothing panics while it holds the history")
    }
}

/// Refuses keys and values that are too large, whatever the engine.
///
/// # Errors
/// [`StoreError::TooLarge`] for the value, [`StoreError::Internal`] for a key that is empty or too long (callers
/// validate names long before).
pub fn check_size(key: &str, value_bytes: usize) -> Result<(), StoreError> {
    if key.is_empty() || key.len() > KEY_LIMIT_BYTES {
        return Err(StoreError::Internal(format!(
            "key of {} bytes; keys have 1 to {KEY_LIMIT_BYTES} bytes",
            key.len()
        )));
    }
    if value_bytes > VALUE_LIMIT_BYTES {
        return Err(StoreError::TooLarge { size_bytes: value_bytes, limit_bytes: VALUE_LIMIT_BYTES });
    }
    Ok(())
}

/// What a caller wants written. The pure half of an engine: [`Change::decide`] turns it into the event to store.
#[derive(Clone, Debug)]
pub enum Change {
    /// Write this value.
    Put(Bytes),
    /// Delete the key.
    Delete,
}

impl Change {
    /// The event that the change amounts to at `revision`, given what is there now.
    ///
    /// # Errors
    /// [`StoreError::PreconditionFailed`]; deleting a missing key is one, whatever the precondition.
    pub fn decide(
        self,
        key: &str,
        precondition: Precondition,
        current: Option<Entry>,
        revision: Revision,
    ) -> Result<Event, StoreError> {
        let holds = match (precondition, &current) {
            (Precondition::None, _) | (Precondition::Absent, None) | (Precondition::Present, Some(_)) => true,
            (Precondition::ModRevision(expected), Some(entry)) => entry.mod_revision == expected,
            _ => false,
        };
        let (value, deleted) = match (self, &current) {
            (Change::Put(value), _) if holds => (value, false),
            (Change::Delete, Some(entry)) if holds => (entry.value.clone(), true),
            _ => return Err(StoreError::PreconditionFailed { key: key.to_owned(), current }),
        };
        let entry = Entry {
            key: current.as_ref().map_or_else(|| Arc::from(key), |entry| Arc::clone(&entry.key)),
            value,
            create_revision: current.as_ref().map_or(revision, |entry| entry.create_revision),
            mod_revision: revision,
        };
        Ok(Event { entry, previous: current, deleted })
    }
}
