//! The suite that every engine passes. An engine's test calls [`conformance_tests!`](crate::conformance_tests) with
//! something that makes a [`Harness`]; each case then is a test of its own.
//!
//! The cases panic when the engine is wrong, with what was expected. Engines under test must keep some thousands of
//! revisions of history and not forget any by themselves.

mod basics;
mod concurrent;
mod random;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::{Batch, Entry, Event, Precondition, Revision, Store, StoreError, Watch};

pub use self::{
    basics::{
        compaction_and_the_future, lists_and_pages, preconditions, reopening, sizes, watch_contents,
        watch_large_backlog,
    },
    concurrent::{
        counters_lose_nothing, one_creator_wins, pages_are_stable_under_writes,
        watches_neither_skip_nor_repeat,
    },
    random::random_histories,
};

/// How long anything may take before it counts as hung.
const DEADLINE: Duration = Duration::from_secs(30);

/// Makes the engines under test.
pub trait Harness: Send {
    /// An empty store, apart from all before it, that keeps no history from before it.
    fn fresh(&mut self) -> BoxFuture<'_, Arc<dyn Store>>;

    /// Has something happen in the engine that is no write of the store and takes a revision all the same. Engines
    /// in which nothing does that leave it out.
    fn write_elsewhere(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Stops this store (the caller holds no other reference) and opens it again; `None` if the engine keeps nothing
    /// beyond its process, and then the case goes on with another engine or ends.
    fn reopen(&mut self, store: Arc<dyn Store>) -> BoxFuture<'_, Option<Arc<dyn Store>>>;
}

/// One test for each case of the suite; `$harness` is an expression that makes a [`Harness`]. With `if` before it, the
/// expression makes an `Option`, and where that is `None` the engine cannot be tested here.
#[macro_export]
macro_rules! conformance_tests {
    (if $harness:expr) => {
        $crate::conformance_tests!($harness;
            preconditions, lists_and_pages, watch_contents, watch_large_backlog, compaction_and_the_future, sizes,
            reopening, one_creator_wins, counters_lose_nothing, pages_are_stable_under_writes,
            watches_neither_skip_nor_repeat);

        #[test]
        fn random_histories() {
            if let Some(mut harness) = $harness {
                $crate::conformance::random_histories(&mut harness);
            }
        }
    };
    ($harness:expr) => {
        $crate::conformance_tests!(if Some($harness));
    };
    ($harness:expr; $($case:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                if let Some(mut harness) = $harness {
                    $crate::conformance::$case(&mut harness).await;
                }
            }
        )+
    };
}

/// Where an empty store begins.
async fn origin(store: &dyn Store) -> Revision {
    store.revision().await.expect("revision")
}

/// The revision after this one: a write's, or one that nothing has happened at yet.
fn after(revision: Revision) -> Revision {
    Revision(revision.0 + 1)
}

async fn put(store: &dyn Store, key: &str, value: &str) -> Entry {
    store
        .put(key, Bytes::copy_from_slice(value.as_bytes()), Precondition::None)
        .await
        .unwrap_or_else(|error| panic!("put {key}: {error}"))
}

async fn next(watch: &mut dyn Watch) -> Result<Batch, StoreError> {
    tokio::time::timeout(DEADLINE, watch.next()).await.expect("the watch delivers in time")
}

/// Reads a watch up to `until` and checks that batches follow on from each other; the events in order.
async fn read_until(watch: &mut dyn Watch, mut cursor: Revision, until: Revision) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    while cursor < until {
        let batch = next(watch).await.expect("the watch goes on");
        check_batch(&batch, cursor);
        cursor = batch.revision;
        events.extend(batch.events);
    }
    events
}

/// A batch begins after the cursor, rises, and ends where it says.
fn check_batch(batch: &Batch, cursor: Revision) {
    assert!(batch.revision > cursor, "a batch at {} after {cursor}", batch.revision);
    let mut last = cursor;
    for event in &batch.events {
        assert!(event.entry.mod_revision > last, "{} after {last}", event.entry.mod_revision);
        last = event.entry.mod_revision;
    }
    assert!(last <= batch.revision, "an event at {last} in a batch up to {}", batch.revision);
}
