//! The versions of one key, newest last.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Entry, Event, Revision};

/// One value, or the mark that the key was deleted.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// `None` is a tombstone.
    value: Option<Bytes>,
    create_revision: Revision,
    pub(super) mod_revision: Revision,
}

impl Version {
    pub(super) fn of_event(event: &Event) -> Self {
        Version {
            value: (!event.deleted).then(|| event.entry.value.clone()),
            create_revision: event.entry.create_revision,
            mod_revision: event.entry.mod_revision,
        }
    }

    pub(super) fn entry(&self, key: &Arc<str>) -> Option<Entry> {
        self.value.as_ref().map(|value| Entry {
            key: Arc::clone(key),
            value: value.clone(),
            create_revision: self.create_revision,
            mod_revision: self.mod_revision,
        })
    }

    pub(super) fn is_tombstone(&self) -> bool {
        self.value.is_none()
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.value.as_ref().map_or(0, Bytes::len)
    }
}

/// A key's newest version and, until compaction, the ones before it.
#[derive(Debug)]
pub(super) struct Chain {
    newest: Version,
    /// Oldest first; empty (and unallocated) for most keys.
    older: Vec<Version>,
}

impl Chain {
    pub(super) fn new(version: Version) -> Self {
        Chain { newest: version, older: Vec::new() }
    }

    pub(super) fn newest(&self) -> &Version {
        &self.newest
    }

    pub(super) fn push(&mut self, version: Version) {
        self.older.push(std::mem::replace(&mut self.newest, version));
    }

    /// The version that was current at `revision`, tombstones included.
    pub(super) fn at(&self, revision: Revision) -> Option<&Version> {
        if self.newest.mod_revision <= revision {
            return Some(&self.newest);
        }
        let after = self.older.partition_point(|version| version.mod_revision <= revision);
        after.checked_sub(1).map(|index| &self.older[index])
    }

    /// Takes out the versions that no revision from `superseded_at` on can see; `true` says the chain is empty now.
    pub(super) fn prune(&mut self, superseded_at: Revision, mut removed: impl FnMut(Version)) -> bool {
        let visible = self.older.partition_point(|version| version.mod_revision <= superseded_at);
        // With the newest version at or before the revision, everything older is out of sight; otherwise the last of
        // `older` that is at or before it is still seen, unless it is a tombstone.
        if self.newest.mod_revision <= superseded_at {
            std::mem::take(&mut self.older).into_iter().for_each(&mut removed);
            if self.newest.is_tombstone() {
                removed(self.newest.clone());
                return true;
            }
            return false;
        }
        let mut cut = visible.saturating_sub(1);
        if visible > 0 && self.older[visible - 1].is_tombstone() {
            cut = visible;
        }
        self.older.drain(..cut).for_each(removed);
        if self.older.is_empty() {
            self.older.shrink_to_fit();
        }
        false
    }
}
