//! The last events, none left out, bounded by count and bytes.

use std::collections::VecDeque;

use crate::{Event, Revision};

/// What an event costs beyond its key and value, roughly.
const EVENT_OVERHEAD_BYTES: usize = 256;

/// INVARIANT: the events' revisions never fall; every event above `floor` is there.
#[derive(Debug)]
pub(super) struct Ring {
    events: VecDeque<Event>,
    floor: Revision,
    size_bytes: usize,
    limit_events: usize,
    limit_bytes: usize,
}

impl Ring {
    pub(super) fn new(floor: Revision, limit_events: usize, limit_bytes: usize) -> Self {
        Ring { events: VecDeque::new(), floor, size_bytes: 0, limit_events, limit_bytes }
    }

    /// The oldest revision that can be watched after.
    pub(super) fn floor(&self) -> Revision {
        self.floor
    }

    pub(super) fn push(&mut self, event: Event) {
        debug_assert!(
            self.events.back().is_none_or(|last| last.entry.mod_revision <= event.entry.mod_revision)
        );
        self.size_bytes += size_bytes(&event);
        self.events.push_back(event);
        while self.events.len() > self.limit_events || self.size_bytes > self.limit_bytes {
            self.drop_oldest();
        }
    }

    /// Drops at most `limit` events at or before `revision`; `true` says that none is left to drop.
    pub(super) fn forget(&mut self, revision: Revision, limit: usize) -> bool {
        let forgettable = |events: &VecDeque<Event>| {
            events.front().is_some_and(|oldest| oldest.entry.mod_revision <= revision)
        };
        for _ in 0..limit {
            if !forgettable(&self.events) {
                return true;
            }
            self.drop_oldest();
        }
        !forgettable(&self.events)
    }

    /// The events after `cursor`, which must not lie below the floor.
    pub(super) fn after(&self, cursor: Revision) -> impl Iterator<Item = &Event> {
        let skip = self.events.partition_point(|event| event.entry.mod_revision <= cursor);
        self.events.range(skip..)
    }

    fn drop_oldest(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.size_bytes -= size_bytes(&event);
            self.floor = event.entry.mod_revision;
        }
    }
}

/// The previous value is not counted: nearly always it is shared with the event before. The ring can thus hold at most
/// twice its limit.
fn size_bytes(event: &Event) -> usize {
    event.entry.key.len() + event.entry.value.len() + EVENT_OVERHEAD_BYTES
}
