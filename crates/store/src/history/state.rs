//! What the history's lock guards: the version chains, the ring and the floor.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry as Slot},
    ops::Bound,
    sync::Arc,
};

use crate::{Batch, Entry, Event, ListPage, ListRequest, Revision, StoreError};

use super::{
    BATCH_LIMIT_EVENTS, Limits, Pruned, Record, SCAN_LIMIT_EVENTS,
    chain::{Chain, Version},
    ring::Ring,
};

/// How many steps of forgetting a write does at most when the limits are passed: more than one, so that it catches up.
const PRUNE_STEPS_PER_WRITE: usize = 4;

/// A key at whose `revision` an older version went out of sight, or a tombstone was laid.
#[derive(Debug)]
struct Superseded {
    revision: Revision,
    key: Arc<str>,
}

#[derive(Debug)]
pub(super) struct State {
    limits: Limits,
    chains: BTreeMap<Arc<str>, Chain>,
    ring: Ring,
    /// In rising revision; so compaction takes from the front and never searches.
    superseded: VecDeque<Superseded>,
    old_bytes: usize,
    newest: Revision,
    floor: Revision,
    closed: bool,
}

impl State {
    pub(super) fn new(limits: Limits, floor: Revision) -> Self {
        State {
            limits,
            chains: BTreeMap::new(),
            ring: Ring::new(floor, limits.ring_events, limits.ring_bytes),
            superseded: VecDeque::new(),
            old_bytes: 0,
            newest: Revision(0),
            floor,
            closed: false,
        }
    }

    /// A state read back: see [`super::History::restore`].
    pub(super) fn restore(
        limits: Limits,
        floor: Revision,
        newest: Revision,
        records: impl Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<Self, StoreError> {
        let mut state = State::new(limits, floor);
        for record in records {
            state.restore_one(record?)?;
        }
        if state.newest > newest {
            return Err(StoreError::Internal(format!(
                "the records pass {newest}: revision {}",
                state.newest
            )));
        }
        state.newest = newest.max(floor);
        state.keep_limits();
        Ok(state)
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn newest(&self) -> Revision {
        self.newest
    }

    pub(super) fn floor(&self) -> Revision {
        self.floor
    }

    pub(super) fn old_versions(&self) -> usize {
        self.superseded.len()
    }

    pub(super) fn old_bytes(&self) -> usize {
        self.old_bytes
    }

    pub(super) fn keys(&self) -> usize {
        self.chains.len()
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn current(&self, key: &str) -> Option<Entry> {
        let (key, chain) = self.chains.get_key_value(key)?;
        chain.newest().entry(key)
    }

    pub(super) fn apply(&mut self, event: Event) {
        self.index(&event);
        self.ring.push(event);
        self.keep_limits();
    }

    /// Takes in what another process may have written.
    pub(super) fn follow(&mut self, record: Record) {
        let previous = self.current(&record.key);
        let mod_revision = record.mod_revision;
        let (entry, deleted) = match (record.value, &previous) {
            (Some(value), _) => {
                let key = previous.as_ref().map_or(record.key, |entry| Arc::clone(&entry.key));
                (Entry { key, value, create_revision: record.create_revision, mod_revision }, false)
            }
            (None, Some(last)) => (Entry { mod_revision, ..last.clone() }, true),
            (None, None) => return,
        };
        self.apply(Event { entry, previous, deleted });
    }

    /// Everything up to `reached` has been taken in.
    pub(super) fn advance(&mut self, reached: Revision) {
        self.newest = self.newest.max(reached);
    }

    fn restore_one(&mut self, record: Record) -> Result<(), StoreError> {
        let revision = record.mod_revision;
        if revision < self.newest {
            return Err(StoreError::Internal(format!("revision {revision} after {}", self.newest)));
        }
        let previous = self.current(&record.key);
        let deleted = record.value.is_none();
        let value = record.value.or_else(|| previous.as_ref().map(|entry| entry.value.clone()));
        let entry = Entry {
            key: previous.as_ref().map_or(record.key, |entry| Arc::clone(&entry.key)),
            value: value.unwrap_or_default(),
            create_revision: record.create_revision,
            mod_revision: revision,
        };
        let event = Event { entry, previous, deleted };
        self.index(&event);
        if revision > self.floor {
            self.ring.push(event);
        }
        Ok(())
    }

    pub(super) fn list(&self, request: &ListRequest<'_>) -> Result<ListPage, StoreError> {
        let revision = request.revision.unwrap_or(self.newest);
        if revision > self.newest {
            return Err(StoreError::Future { requested: revision, newest: self.newest });
        }
        if revision < self.floor {
            return Err(StoreError::Compacted { requested: revision, oldest: self.floor });
        }
        let start = match request.start_after {
            Some(after) if after >= request.prefix => Bound::Excluded(after),
            _ => Bound::Included(request.prefix),
        };
        let mut visible = self
            .chains
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(request.prefix))
            .filter_map(|(key, chain)| {
                let version = chain.at(revision)?;
                (!version.is_tombstone()).then_some((key, version))
            });
        let limit = if request.limit == 0 { usize::MAX } else { request.limit };
        let entries = visible.by_ref().take(limit).filter_map(|(key, version)| version.entry(key)).collect();
        let uncounted = if request.count { usize::MAX } else { 1 };
        Ok(ListPage { entries, revision, remaining: visible.take(uncounted).count() as u64 })
    }

    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Unavailable("the store has stopped".to_owned()));
        }
        Ok(())
    }

    pub(super) fn check_watch(&self, after: Revision) -> Result<(), StoreError> {
        self.check_open()?;
        if after > self.newest {
            return Err(StoreError::Future { requested: after, newest: self.newest });
        }
        let oldest = self.ring.floor().max(self.floor);
        if after < oldest {
            return Err(StoreError::Compacted { requested: after, oldest });
        }
        Ok(())
    }

    /// The events under `prefix` after `cursor`; `None` when there is nothing new.
    pub(super) fn batch(&self, prefix: &str, cursor: Revision) -> Result<Option<Batch>, StoreError> {
        self.check_watch(cursor)?;
        if cursor == self.newest {
            return Ok(None);
        }
        let mut events = Vec::new();
        let mut last = cursor;
        for (scanned, event) in self.ring.after(cursor).enumerate() {
            let revision = event.entry.mod_revision;
            // Never between two events of one revision: a cursor could not tell them apart.
            if revision > last && (scanned >= SCAN_LIMIT_EVENTS || events.len() >= BATCH_LIMIT_EVENTS) {
                return Ok(Some(Batch { events, revision: last }));
            }
            last = revision;
            if event.entry.key.starts_with(prefix) {
                events.push(event.clone());
            }
        }
        // Beyond the last event, others may have written: all the same, nothing is left to tell.
        Ok(Some(Batch { events, revision: self.newest }))
    }

    pub(super) fn raise_floor(&mut self, before: Revision) -> Result<(), StoreError> {
        if before > self.newest {
            return Err(StoreError::Future { requested: before, newest: self.newest });
        }
        self.floor = self.floor.max(before);
        Ok(())
    }

    pub(super) fn prune(&mut self, steps: usize) -> Pruned {
        let mut pruned = Pruned::default();
        for _ in 0..steps {
            if self.superseded.front().is_none_or(|oldest| oldest.revision > self.floor) {
                break;
            }
            self.prune_oldest(&mut pruned.revisions);
        }
        let ring_done = self.ring.forget(self.floor, steps);
        pruned.done = ring_done && self.superseded.front().is_none_or(|oldest| oldest.revision > self.floor);
        pruned
    }

    fn index(&mut self, event: &Event) {
        let revision = event.entry.mod_revision;
        let version = Version::of_event(event);
        self.newest = revision;
        match self.chains.entry(Arc::clone(&event.entry.key)) {
            Slot::Vacant(slot) => {
                // A tombstone without a value before it (its value was compacted) leaves with its own compaction.
                if version.is_tombstone() {
                    self.superseded.push_back(Superseded { revision, key: Arc::clone(slot.key()) });
                }
                slot.insert(Chain::new(version));
            }
            Slot::Occupied(mut slot) => {
                self.old_bytes += slot.get().newest().size_bytes();
                self.superseded.push_back(Superseded { revision, key: Arc::clone(slot.key()) });
                slot.get_mut().push(version);
            }
        }
    }

    /// Forgets the oldest history when too much of it is kept.
    fn keep_limits(&mut self) {
        for _ in 0..PRUNE_STEPS_PER_WRITE {
            if self.superseded.len() <= self.limits.old_versions && self.old_bytes <= self.limits.old_bytes {
                return;
            }
            let Some(oldest) = self.superseded.front() else { return };
            self.floor = self.floor.max(oldest.revision);
            self.prune_oldest(&mut Vec::new());
        }
    }

    fn prune_oldest(&mut self, revisions: &mut Vec<Revision>) {
        let Some(oldest) = self.superseded.pop_front() else { return };
        let Slot::Occupied(mut slot) = self.chains.entry(oldest.key) else { return };
        let old_bytes = &mut self.old_bytes;
        let emptied = slot.get_mut().prune(oldest.revision, |version| {
            *old_bytes -= version.size_bytes();
            revisions.push(version.mod_revision);
        });
        if emptied {
            slot.remove();
        }
    }
}
