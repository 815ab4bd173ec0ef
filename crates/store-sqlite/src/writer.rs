//! The one thread that writes: it owns the database, gathers what waits, commits it together, publishes, answers; and
//! forgets old history a little at a time.
//!
//! INVARIANT: nothing is published or answered before it is durable, and only this thread publishes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    time::{Duration, Instant},
};

use grange_store::{
    Entry, Event, Precondition, Revision, StoreError,
    history::{Change, History},
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{SqliteConfig, compactor::Compactor, config::write_error, database::Database, lock::Lock};

/// How many writes one commit takes.
const GROUP_LIMIT: usize = 64;
/// How many bytes of values one commit takes (the last one may pass it).
const GROUP_LIMIT_BYTES: usize = 8 << 20;
/// A writer without work for so long does upkeep.
const IDLE: Duration = Duration::from_millis(20);
/// How often an idle writer looks whether history has aged.
const IDLE_LOOK: Duration = Duration::from_secs(10);

/// What the writer is asked to do.
pub(crate) enum Request {
    /// Write or delete.
    Change {
        key: String,
        change: Change,
        precondition: Precondition,
        answer: oneshot::Sender<Result<Entry, StoreError>>,
        /// The place in the queue; free again when the request is done.
        place: OwnedSemaphorePermit,
    },
    /// Forget history.
    Compact { before: Revision, answer: oneshot::Sender<Result<(), StoreError>>, place: OwnedSemaphorePermit },
}

impl Request {
    fn size_bytes(&self) -> usize {
        match self {
            Request::Change { change: Change::Put(value), .. } => value.len(),
            _ => 0,
        }
    }
}

/// A change that was decided on and waits for its commit.
struct Decided {
    answer: oneshot::Sender<Result<Entry, StoreError>>,
    outcome: Result<Entry, StoreError>,
    _place: OwnedSemaphorePermit,
}

pub(crate) struct Writer {
    // Dropped in this order: the database is closed before its lock is given back.
    database: Database,
    history: Arc<History>,
    requests: Receiver<Request>,
    compactor: Compactor,
    group_wait: Duration,
    _lock: Lock,
}

impl Writer {
    pub(crate) fn new(
        config: &SqliteConfig,
        database: Database,
        history: Arc<History>,
        requests: Receiver<Request>,
        lock: Lock,
    ) -> Self {
        let compactor = Compactor::new(config, history.revision());
        Writer { database, history, requests, compactor, group_wait: config.group_wait, _lock: lock }
    }

    /// Runs until every sender is gone.
    pub(crate) fn run(mut self) {
        // Whatever ends this thread, watches hear of it.
        let _closing = Closing(Arc::clone(&self.history));
        let mut idle = IDLE;
        loop {
            match self.requests.recv_timeout(idle) {
                Ok(first) => {
                    let group = self.gather(first);
                    self.serve(group);
                    self.compactor.under_load(&mut self.database, &self.history);
                    idle = IDLE;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let more = self.compactor.idle(&mut self.database, &self.history);
                    idle = if more { Duration::ZERO } else { IDLE_LOOK };
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Takes what waits; with a `group_wait`, waits for more once there is company.
    fn gather(&self, first: Request) -> Vec<Request> {
        let mut size_bytes = first.size_bytes();
        let mut group = vec![first];
        let deadline = Instant::now() + self.group_wait;
        while group.len() < GROUP_LIMIT && size_bytes < GROUP_LIMIT_BYTES {
            let next = match self.requests.try_recv() {
                Ok(next) => next,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) if group.len() == 1 => break,
                Err(TryRecvError::Empty) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    match self.requests.recv_timeout(left) {
                        Ok(next) if !left.is_zero() => next,
                        Ok(next) => {
                            group.push(next);
                            break;
                        }
                        Err(_) => break,
                    }
                }
            };
            size_bytes += next.size_bytes();
            group.push(next);
        }
        group
    }

    fn serve(&mut self, group: Vec<Request>) {
        let mut events: Vec<Event> = Vec::new();
        // What the group has done so far to its keys, before any of it is visible.
        let mut overlay: HashMap<Arc<str>, Option<Entry>> = HashMap::new();
        let mut decided = Vec::with_capacity(group.len());
        let mut compactions = Vec::new();
        let newest = self.history.revision();
        for request in group {
            let (key, change, precondition, answer, place) = match request {
                Request::Change { key, change, precondition, answer, place } => {
                    (key, change, precondition, answer, place)
                }
                Request::Compact { before, answer, place } => {
                    compactions.push((before, answer, place));
                    continue;
                }
            };
            let current = match overlay.get(key.as_str()) {
                Some(current) => current.clone(),
                None => self.history.current(&key),
            };
            let revision = Revision(newest.0 + 1 + events.len() as u64);
            let outcome = change.decide(&key, precondition, current, revision).map(|event| {
                let entry = event.entry.clone();
                overlay.insert(Arc::clone(&entry.key), (!event.deleted).then(|| entry.clone()));
                events.push(event);
                entry
            });
            decided.push(Decided { answer, outcome, _place: place });
        }
        let committed = self.commit(events);
        for Decided { answer, outcome, .. } in decided {
            // When the commit failed, a refused precondition may rest on a write that never was: same answer for all.
            let outcome = committed.clone().and(outcome);
            // A caller that went away does not mind.
            let _ = answer.send(outcome);
        }
        for (before, answer, _place) in compactions {
            let _ = answer.send(self.compactor.compact(&mut self.database, &self.history, before));
        }
    }

    fn commit(&mut self, events: Vec<Event>) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        match self.database.append(&events) {
            Ok(()) => {
                self.compactor.wrote(&events);
                self.history.publish(events);
                Ok(())
            }
            Err(error) => {
                tracing::warn!(writes = events.len(), error = %error, "a commit failed; nothing of it was written");
                Err(write_error(&error))
            }
        }
    }
}

struct Closing(Arc<History>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}
