//! Upkeep: which history to forget, in steps that no write has to wait long for.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use grange_store::{
    Event, Revision, StoreError,
    history::{History, Limits},
};

use crate::{SqliteConfig, config::write_error, database::Database};

/// By how many revisions one step raises the floor.
const STEP_REVISIONS: u64 = 512;
/// An idle writer bothers the disk for no less.
const IDLE_LEAST_REVISIONS: u64 = 64;
/// Under load, a step is due when so many revisions wait: at most one step in [`STEP_REVISIONS`] writes.
const LOAD_LEAST_REVISIONS: u64 = 2_048;
/// How finely age is known.
const MARK_EVERY: Duration = Duration::from_secs(10);
/// How many marks are kept; the oldest goes first, which keeps history longer, never shorter.
const MARK_LIMIT: usize = 1_024;
/// How many bytes wait in the write-ahead log before an idle writer copies them back.
const IDLE_CHECKPOINT_BYTES: usize = 4 << 20;
/// What a row costs beside its value, roughly: a page of the log.
const ROW_OVERHEAD_BYTES: usize = 4_096;
/// After a failure (a full disk, most likely) upkeep rests.
const REST: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Compactor {
    keep_revisions: u64,
    keep_age: Duration,
    limits: Limits,
    /// Which revision was the newest when.
    marks: VecDeque<(Instant, Revision)>,
    /// Rows that are pruned from memory and not yet from the disk.
    rows: Vec<Revision>,
    /// Whether memory may hold more below the floor.
    pruning: bool,
    unchecked_bytes: usize,
    rest_until: Option<Instant>,
}

impl Compactor {
    pub(crate) fn new(config: &SqliteConfig, newest: Revision) -> Self {
        Compactor {
            keep_revisions: config.keep_revisions,
            keep_age: config.keep_age,
            limits: config.history,
            marks: VecDeque::from([(Instant::now(), newest)]),
            rows: Vec::new(),
            // A crash may have come between raising the floor and deleting.
            pruning: true,
            unchecked_bytes: 0,
            rest_until: None,
        }
    }

    /// Takes note of a commit.
    pub(crate) fn wrote(&mut self, events: &[Event]) {
        let size_bytes = |event: &Event| event.entry.value.len() + ROW_OVERHEAD_BYTES;
        self.unchecked_bytes += events.iter().map(size_bytes).sum::<usize>();
    }

    /// What a caller asked for: the floor is raised at once, the rest follows.
    pub(crate) fn compact(
        &mut self,
        database: &mut Database,
        history: &History,
        before: Revision,
    ) -> Result<(), StoreError> {
        if before > history.revision() {
            return Err(StoreError::Future { requested: before, newest: history.revision() });
        }
        database.compact(before, &[]).map_err(|error| write_error(&error))?;
        self.pruning = true;
        history.raise_floor(before)
    }

    /// Between two commits: only what cannot wait.
    pub(crate) fn under_load(&mut self, database: &mut Database, history: &History) {
        self.mark(history);
        if self.resting() {
            return;
        }
        let lag = self.target(history).0.saturating_sub(history.floor().0);
        if lag >= LOAD_LEAST_REVISIONS || over_limits(history, self.limits) {
            self.step(database, history);
        }
    }

    /// With nothing to do: one step; `true` asks for another.
    pub(crate) fn idle(&mut self, database: &mut Database, history: &History) -> bool {
        self.mark(history);
        if self.resting() {
            return false;
        }
        let lag = self.target(history).0.saturating_sub(history.floor().0);
        if lag >= IDLE_LEAST_REVISIONS || self.pruning || !self.rows.is_empty() {
            return self.step(database, history);
        }
        if self.unchecked_bytes >= IDLE_CHECKPOINT_BYTES {
            self.unchecked_bytes = 0;
            if let Err(error) = database.checkpoint() {
                self.failed(&error);
            }
        }
        false
    }

    /// The revision up to which history may be forgotten.
    fn target(&self, history: &History) -> Revision {
        let newest = history.revision();
        let by_count = Revision(newest.0.saturating_sub(self.keep_revisions));
        let now = Instant::now();
        let aged = |(at, _): &&(Instant, Revision)| now.duration_since(*at) >= self.keep_age;
        let by_age = self.marks.iter().rev().find(aged).map_or(Revision(0), |(_, revision)| *revision);
        let target = by_count.min(by_age);
        if over_limits(history, self.limits) {
            return target.max(Revision((history.floor().0 + STEP_REVISIONS).min(newest.0)));
        }
        target
    }

    /// One transaction on the disk, one short lock on the history.
    fn step(&mut self, database: &mut Database, history: &History) -> bool {
        let floor = history.floor();
        let raised = self.target(history).min(Revision(floor.0 + STEP_REVISIONS)).max(floor);
        if raised > floor || !self.rows.is_empty() {
            if let Err(error) = database.compact(raised, &self.rows) {
                self.failed(&error);
                return false;
            }
            self.unchecked_bytes += ROW_OVERHEAD_BYTES * self.rows.len();
            self.rows.clear();
        }
        if let Err(error) = history.raise_floor(raised) {
            tracing::error!(%error, "invariant: the floor lies in the past");
            return false;
        }
        let pruned = history.prune();
        self.rows = pruned.revisions;
        self.pruning = !pruned.done;
        self.pruning || !self.rows.is_empty()
    }

    fn mark(&mut self, history: &History) {
        let now = Instant::now();
        if self.marks.back().is_some_and(|(at, _)| now.duration_since(*at) < MARK_EVERY) {
            return;
        }
        self.marks.push_back((now, history.revision()));
        // The newest mark that has aged is needed; those before it are not.
        while self.marks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= self.keep_age)
            || self.marks.len() > MARK_LIMIT
        {
            self.marks.pop_front();
        }
    }

    fn resting(&self) -> bool {
        self.rest_until.is_some_and(|until| Instant::now() < until)
    }

    fn failed(&mut self, error: &rusqlite::Error) {
        self.rest_until = Some(Instant::now() + REST);
        tracing::warn!(%error, "old history could not be forgotten; the next attempt is in a few seconds");
    }
}

fn over_limits(history: &History, limits: Limits) -> bool {
    history.old_versions() > limits.old_versions || history.old_bytes() > limits.old_bytes
}
