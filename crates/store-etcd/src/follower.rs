//! Keeps the history up with etcd: one watch over everything below the prefix, opened again wherever it ends.
//!
//! INVARIANT: the history advances only to revisions that the watch has passed, so what it says is complete; a stretch
//! that etcd no longer has is never skipped, the state is read anew and watches that missed something get 410.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::{client::Stream, failure::Failure, load, shared::Shared, wire};

/// How often progress is asked for while a reader waits; etcd says nothing while it is still catching up.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(10);
/// A watch that lets a reader wait for so long is given up: its member is cut off.
const STALL_LIMIT: Duration = Duration::from_secs(4);
/// The pause before the first further attempt; doubled up to the last.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// How many events one response may have; beyond, reading everything anew is the cheaper way.
const RESPONSE_LIMIT_EVENTS: usize = 100_000;
/// What etcd calls a deletion.
const DELETION: i32 = 1;

/// Why following ended.
enum Ended {
    /// The watch begins before what etcd keeps: from this revision of etcd on, it is there.
    Missed(i64),
    /// etcd is not the one it was.
    StartOver,
    Lost(Failure),
}

/// Follows until it is dropped.
pub(crate) async fn run(shared: &Shared) {
    let mut pause = RETRY_FIRST;
    loop {
        let ended = tokio::select! {
            ended = follow(shared, &mut pause) => ended,
            () = shared.start_over.notified() => Ended::StartOver,
        };
        let outcome = match ended {
            Ended::Missed(oldest) => read_anew(shared, oldest).await,
            Ended::StartOver => {
                // What readers waited for was a revision of the other one.
                shared.wanted.send_replace(grange_store::Revision(0));
                let begin = shared.keys.revision(0);
                let _ = shared.history.replace(begin, begin, std::iter::empty());
                Ok(())
            }
            Ended::Lost(failure) => Err(failure),
        };
        let Err(failure) = outcome else { continue };
        let why = failure.to_string();
        if shared.set_trouble(Some(why.clone())) {
            tracing::warn!(%why, "the watch on etcd is lost; reads that must be fresh fail until it is back");
        }
        sleep(pause).await;
        pause = (pause * 2).min(RETRY_LAST);
    }
}

/// The state at a revision that etcd still has; what came after follows by watch.
async fn read_anew(shared: &Shared, at: i64) -> Result<(), Failure> {
    let records = match load::records(&shared.client, &shared.keys, at).await {
        // Compacted once more meanwhile: the next watch says up to where.
        Err(Failure::Compacted) => return Ok(()),
        records => records?,
    };
    let revision = shared.keys.revision(at);
    tracing::info!(%revision, keys = records.len(), "read the state from etcd");
    let replaced = shared.history.replace(revision, revision, load::fallible(records));
    replaced.map_err(|error| Failure::Refused(error.to_string()))
}

async fn follow(shared: &Shared, pause: &mut Duration) -> Ended {
    let (key, range_end) = shared.keys.everything();
    let create = wire::WatchCreate {
        key,
        range_end,
        start_revision: shared.keys.etcd(shared.history.revision()).saturating_add(1),
        progress_notify: true,
        fragment: true,
    };
    let (turn, stream) = match shared.client.watch(create).await {
        Ok(opened) => opened,
        Err(failure) => return Ended::Lost(failure),
    };
    let mut following = Following { shared, stream, pieces: Vec::new(), asked: None, waiting: None };
    match following.run(pause).await {
        Ended::Lost(failure) if failure.is_of_member() => Ended::Lost(shared.client.blame(turn, failure)),
        ended => ended,
    }
}

struct Following<'a> {
    shared: &'a Shared,
    stream: Stream,
    /// The events of a response of which more is to come.
    pieces: Vec<wire::WatchEvent>,
    /// When progress was last asked for.
    asked: Option<Instant>,
    /// Since when a reader waits.
    waiting: Option<Instant>,
}

impl Following<'_> {
    async fn run(&mut self, pause: &mut Duration) -> Ended {
        let mut wanted = self.shared.wanted.subscribe();
        loop {
            let is_waiting = *wanted.borrow_and_update() > self.shared.history.revision();
            if let Err(failure) = self.ask_for_progress(is_waiting) {
                return Ended::Lost(failure);
            }
            let next_ask = self.asked.unwrap_or_else(Instant::now) + PROGRESS_INTERVAL;
            let response = tokio::select! {
                response = self.stream.responses.message() => response,
                _ = wanted.changed() => continue,
                () = sleep_until(next_ask), if is_waiting => continue,
            };
            let response = match response {
                Ok(Some(response)) => response,
                Ok(None) => return Ended::Lost(Failure::NotDone("the watch was ended".to_owned())),
                Err(status) => return Ended::Lost(Failure::of(&status)),
            };
            if response.created && !response.canceled {
                *pause = RETRY_FIRST;
                if self.shared.set_trouble(None) {
                    tracing::info!("the watch on etcd is back");
                }
            }
            if let Some(ended) = self.take(response) {
                return ended;
            }
        }
    }

    fn ask_for_progress(&mut self, is_waiting: bool) -> Result<(), Failure> {
        if !is_waiting {
            self.waiting = None;
            return Ok(());
        }
        let now = Instant::now();
        if now.duration_since(*self.waiting.get_or_insert(now)) > STALL_LIMIT {
            return Err(Failure::NotDone(format!("its watch says nothing for {STALL_LIMIT:?}")));
        }
        if self.asked.is_none_or(|asked| now.duration_since(asked) >= PROGRESS_INTERVAL) {
            self.asked = Some(now);
            let ask = wire::WatchRequest { ask: Some(wire::WatchAsk::Progress(wire::Empty {})) };
            // A queue that is full holds one of these already; one that is closed is noticed at the other end.
            let _ = self.stream.requests.try_send(ask);
        }
        Ok(())
    }

    /// Takes a response in; `Some` ends this watch.
    fn take(&mut self, response: wire::WatchResponse) -> Option<Ended> {
        if response.canceled {
            // It may have been for a login that etcd forgot; a new one does no harm.
            self.shared.client.forget_token();
            return Some(match response.compact_revision {
                0 => {
                    Ended::Lost(Failure::Refused(format!("etcd ended the watch: {}", response.cancel_reason)))
                }
                oldest => Ended::Missed(oldest),
            });
        }
        let revision = response.header.map_or(0, |header| header.revision);
        self.pieces.extend(response.events);
        if self.pieces.len() > RESPONSE_LIMIT_EVENTS {
            return Some(Ended::Missed(revision));
        }
        if response.fragment {
            return None;
        }
        let keys = &self.shared.keys;
        let events: Vec<_> = std::mem::take(&mut self.pieces)
            .into_iter()
            .filter_map(|event| Some((event.kind == DELETION, event.kv?)))
            .collect();
        let reached = match events.last() {
            // The header may be ahead of what a watch that still catches up has told.
            Some((_, last)) => keys.revision(last.mod_revision),
            // Progress; the answer to the creation is none.
            None if !response.created => keys.revision(revision),
            None => return None,
        };
        let records = events.into_iter().filter_map(|(is_deleted, kv)| load::record(keys, kv, is_deleted));
        self.shared.history.follow(records.collect(), reached);
        None
    }
}
