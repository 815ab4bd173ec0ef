//! The reference model: what a store is, with no thought for cost. The conformance suite compares engines with it.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use crate::{Entry, Event, ListPage, ListRequest, Precondition, Revision, StoreError};

/// Every event there ever was; everything else is computed from them. Which revision a write takes is the engine's
/// business, so whoever asks for a write says it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    events: Vec<Event>,
    floor: Revision,
    newest: Revision,
}

impl Model {
    /// An empty model of a store that begins at this revision.
    pub fn new(origin: Revision) -> Self {
        Model { events: Vec::new(), floor: origin, newest: origin }
    }

    /// The newest revision.
    pub fn revision(&self) -> Revision {
        self.newest
    }

    /// Nothing was written up to `revision`, which is no less than the newest.
    pub fn advance(&mut self, revision: Revision) {
        assert!(revision >= self.newest, "revision {revision} after {}", self.newest);
        self.newest = revision;
    }

    /// The oldest revision that can be listed or watched after.
    pub fn floor(&self) -> Revision {
        self.floor
    }

    /// A key's present entry.
    pub fn get(&self, key: &str) -> Option<Entry> {
        self.content(self.revision()).remove(key)
    }

    /// A page of keys.
    ///
    /// # Errors
    /// As [`crate::Store::list`].
    pub fn list(&self, request: &ListRequest<'_>) -> Result<ListPage, StoreError> {
        let revision = request.revision.unwrap_or(self.revision());
        self.check(revision)?;
        let mut entries: Vec<Entry> = self
            .content(revision)
            .into_values()
            .filter(|entry| entry.key.starts_with(request.prefix))
            .filter(|entry| request.start_after.is_none_or(|after| &*entry.key > after))
            .collect();
        let kept = if request.limit == 0 { entries.len() } else { request.limit.min(entries.len()) };
        let remaining = (entries.len() - kept) as u64;
        entries.truncate(kept);
        Ok(ListPage { entries, revision, remaining })
    }

    /// Writes a key; the write takes the revision `at`.
    ///
    /// # Errors
    /// As [`crate::Store::put`].
    pub fn put(
        &mut self,
        key: &str,
        value: Bytes,
        wanted: Precondition,
        at: Revision,
    ) -> Result<Entry, StoreError> {
        let previous = self.precondition(key, wanted)?;
        let mod_revision = self.take(at);
        let create_revision = previous.as_ref().map_or(mod_revision, |entry| entry.create_revision);
        let entry = Entry { key: Arc::from(key), value, create_revision, mod_revision };
        self.events.push(Event { entry: entry.clone(), previous, deleted: false });
        Ok(entry)
    }

    /// Deletes a key; the deletion takes the revision `at`.
    ///
    /// # Errors
    /// As [`crate::Store::delete`].
    pub fn delete(&mut self, key: &str, wanted: Precondition, at: Revision) -> Result<Entry, StoreError> {
        let previous = self.precondition(key, wanted)?;
        let Some(last) = previous.clone() else {
            return Err(StoreError::PreconditionFailed { key: key.to_owned(), current: None });
        };
        let entry = Entry { mod_revision: self.take(at), ..last };
        self.events.push(Event { entry: entry.clone(), previous, deleted: true });
        Ok(entry)
    }

    /// Whether a watch may begin after this revision.
    ///
    /// # Errors
    /// As [`crate::Store::watch`].
    pub fn watch(&self, after: Revision) -> Result<(), StoreError> {
        self.check(after)
    }

    /// The events under `prefix` after `after` up to `until`.
    pub fn events(&self, prefix: &str, after: Revision, until: Revision) -> Vec<Event> {
        let within = |event: &&Event| {
            let revision = event.entry.mod_revision;
            revision > after && revision <= until && event.entry.key.starts_with(prefix)
        };
        self.events.iter().filter(within).cloned().collect()
    }

    /// Forgets history before `before`.
    ///
    /// # Errors
    /// As [`crate::Store::compact`].
    pub fn compact(&mut self, before: Revision) -> Result<(), StoreError> {
        if before > self.revision() {
            return Err(StoreError::Future { requested: before, newest: self.revision() });
        }
        self.floor = self.floor.max(before);
        Ok(())
    }

    /// A model that has seen these events, from the first on.
    pub fn replay(events: Vec<Event>) -> Self {
        let newest = events.last().map_or(Revision(0), |event| event.entry.mod_revision);
        Model { events, floor: Revision(0), newest }
    }

    fn take(&mut self, revision: Revision) -> Revision {
        assert!(revision > self.newest, "a write at {revision} after {}", self.newest);
        self.newest = revision;
        revision
    }

    fn content(&self, revision: Revision) -> BTreeMap<String, Entry> {
        let mut content = BTreeMap::new();
        for event in self.events.iter().take_while(|event| event.entry.mod_revision <= revision) {
            let key = event.entry.key.to_string();
            if event.deleted {
                content.remove(&key);
            } else {
                content.insert(key, event.entry.clone());
            }
        }
        content
    }

    fn precondition(&self, key: &str, wanted: Precondition) -> Result<Option<Entry>, StoreError> {
        let current = self.get(key);
        let holds = match wanted {
            Precondition::None => true,
            Precondition::Absent => current.is_none(),
            Precondition::Present => current.is_some(),
            Precondition::ModRevision(revision) => {
                current.as_ref().is_some_and(|entry| entry.mod_revision == revision)
            }
        };
        if holds { Ok(current) } else { Err(StoreError::PreconditionFailed { key: key.to_owned(), current }) }
    }

    fn check(&self, revision: Revision) -> Result<(), StoreError> {
        if revision > self.revision() {
            return Err(StoreError::Future { requested: revision, newest: self.revision() });
        }
        if revision < self.floor {
            return Err(StoreError::Compacted { requested: revision, oldest: self.floor });
        }
        Ok(())
    }
}
