//! The storage seam: revisioned keys with compare-and-set, lists at a revision, resumable watches, compaction.
//!
//! Knows nothing of Kubernetes. Engines implement [`Store`]; [`history`] is the in-memory index and event ring they
//! share, [`memory`] the engine that is nothing else. For tests (feature `conformance`), `model` is the reference model
//! and `conformance` the suite that every engine passes.
//!
//! INVARIANT: revisions rise with every write, over all keys; a write is visible to reads and watches only after it is
//! durable; a read sees every write that was acknowledged before it began, whoever made it; a watch neither skips nor
//! repeats a revision.
//!
//! They rise by one where the store is the only writer of its engine. In an etcd other programs may write beside it,
//! and every such write takes a revision: nobody may conclude from a gap that something was missed. What tells is
//! [`Batch::revision`].

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod history;
pub mod memory;
#[cfg(feature = "conformance")]
pub mod model;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

/// A point in the store's history. 0 is before the first write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One key's value at one revision. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Arc<str>,
    /// The value.
    pub value: Bytes,
    /// When the key came into being.
    pub create_revision: Revision,
    /// When this value was written.
    pub mod_revision: Revision,
}

/// What must hold for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// The key does not exist.
    Absent,
    /// The key exists, whatever its revision.
    Present,
    /// The key's present value was written at this revision.
    ModRevision(Revision),
}

/// What happened to a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The new value; for a deletion the last value, with `mod_revision` = the deletion's revision.
    pub entry: Entry,
    /// The value before, unless the key was created.
    pub previous: Option<Entry>,
    /// Whether the key was deleted.
    pub deleted: bool,
}

/// Consecutive events of a watch.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The events under the watched prefix, revisions rising; may be empty (progress only).
    pub events: Vec<Event>,
    /// Every event up to this revision has been delivered.
    pub revision: Revision,
}

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct ListRequest<'a> {
    /// Only keys that begin so.
    pub prefix: &'a str,
    /// Only keys strictly after this one.
    pub start_after: Option<&'a str>,
    /// At most so many; 0 is no limit.
    pub limit: usize,
    /// As of this revision; `None` is now.
    pub revision: Option<Revision>,
    /// Whether to count what follows the page, which takes as long as reading it.
    pub count: bool,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct ListPage {
    /// The entries in key order.
    pub entries: Vec<Entry>,
    /// The revision they are consistent at.
    pub revision: Revision,
    /// How many keys with the prefix follow the last entry; if that was not to be counted, 1 when there are any.
    pub remaining: u64,
}

/// Why a store call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The precondition does not hold; nothing was written.
    #[error("precondition failed on {key}")]
    PreconditionFailed {
        /// The key.
        key: String,
        /// What is there now.
        current: Option<Entry>,
    },
    /// The revision is older than what is kept.
    #[error("revision {requested} is compacted; the oldest kept is {oldest}")]
    Compacted {
        /// What was asked for.
        requested: Revision,
        /// The oldest revision that can be listed or watched after.
        oldest: Revision,
    },
    /// The revision is yet to come.
    #[error("revision {requested} is in the future; the newest is {newest}")]
    Future {
        /// What was asked for.
        requested: Revision,
        /// The newest revision.
        newest: Revision,
    },
    /// The value is larger than the engine takes.
    #[error("value of {size_bytes} bytes exceeds the limit of {limit_bytes}")]
    TooLarge {
        /// The value's size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The disk is full or read-only; reads go on.
    #[error("no space to write: {0}")]
    NoSpace(String),
    /// The engine cannot be reached or was stopped; a retry may work.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// Anything else.
    #[error("store failure: {0}")]
    Internal(String),
}

/// A revisioned key-value store.
pub trait Store: Send + Sync + 'static {
    /// The value of a key now.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, StoreError>>;
    /// A consistent page of keys.
    fn list<'a>(&'a self, request: ListRequest<'a>) -> BoxFuture<'a, Result<ListPage, StoreError>>;
    /// Writes a key; the entry is durable when this returns.
    fn put<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Entry, StoreError>>;
    /// Deletes a key; returns the last value with `mod_revision` = the deletion's revision. A missing key is `PreconditionFailed` with `current: None`.
    fn delete<'a>(
        &'a self,
        key: &'a str,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Entry, StoreError>>;
    /// Every event under `prefix` after `after`.
    fn watch<'a>(
        &'a self,
        prefix: &'a str,
        after: Revision,
    ) -> BoxFuture<'a, Result<Box<dyn Watch>, StoreError>>;
    /// The newest revision.
    fn revision(&self) -> BoxFuture<'_, Result<Revision, StoreError>>;
    /// Forgets history before `before`; present values stay.
    fn compact(&self, before: Revision) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// A running watch. It holds no queue: a slow reader that falls out of the kept history gets [`StoreError::Compacted`].
pub trait Watch: Send + 'static {
    /// Waits until something happened after the last batch. A write elsewhere in the store is progress, and may be told of
    /// a moment later.
    fn next(&mut self) -> BoxFuture<'_, Result<Batch, StoreError>>;
}
