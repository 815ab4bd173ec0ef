//! What history keeps, forgets and tells its watchers.
use std::sync::Arc;

use bytes::Bytes;

use crate::{ListRequest, Precondition, Revision, Store, StoreError, memory::MemoryStore};

use super::{BATCH_LIMIT_EVENTS, History, Limits, Record};

fn small() -> Limits {
    Limits { ring_events: 4, ring_bytes: 1 << 20, old_versions: 3, old_bytes: 1 << 20 }
}

async fn put(store: &MemoryStore, key: &str, value: &str) -> Revision {
    store
        .put(key, Bytes::copy_from_slice(value.as_bytes()), Precondition::None)
        .await
        .expect("put")
        .mod_revision
}

async fn values(store: &MemoryStore, revision: Option<Revision>) -> Result<Vec<String>, StoreError> {
    let page = store.list(ListRequest { revision, ..ListRequest::default() }).await?;
    Ok(page
        .entries
        .iter()
        .map(|entry| format!("{}={}", entry.key, String::from_utf8_lossy(&entry.value)))
        .collect())
}

#[tokio::test]
async fn old_revisions_are_listed_until_compacted() {
    let store = MemoryStore::default();
    put(&store, "a", "1").await;
    put(&store, "b", "1").await;
    put(&store, "a", "2").await;
    store.delete("b", Precondition::None).await.unwrap();
    put(&store, "b", "3").await;
    assert_eq!(values(&store, Some(Revision(2))).await.unwrap(), ["a=1", "b=1"]);
    assert_eq!(values(&store, Some(Revision(4))).await.unwrap(), ["a=2"]);
    store.compact(Revision(4)).await.unwrap();
    assert!(matches!(
        values(&store, Some(Revision(3))).await,
        Err(StoreError::Compacted { oldest: Revision(4), .. })
    ));
    assert_eq!(values(&store, Some(Revision(4))).await.unwrap(), ["a=2"]);
    assert_eq!(values(&store, None).await.unwrap(), ["a=2", "b=3"]);
}

#[tokio::test]
async fn compaction_releases_every_old_version_and_tombstone() {
    let store = MemoryStore::default();
    for round in 0..5 {
        put(&store, "kept", &round.to_string()).await;
        put(&store, "gone", &round.to_string()).await;
        store.delete("gone", Precondition::None).await.unwrap();
    }
    let newest = store.revision().await.unwrap();
    store.compact(newest).await.unwrap();
    assert_eq!(store.history().old_versions(), 0);
    assert_eq!(store.history().old_bytes(), 0);
    assert_eq!(store.history().keys(), 1);
    assert_eq!(values(&store, Some(newest)).await.unwrap(), ["kept=4"]);
}

#[tokio::test]
async fn limits_forget_the_oldest_history_and_never_refuse_a_write() {
    let store = MemoryStore::new(small());
    for round in 0..50 {
        put(&store, "a", &round.to_string()).await;
    }
    assert_eq!(store.history().old_versions(), 3);
    assert!(matches!(
        store.watch("", Revision(10)).await.err(),
        Some(StoreError::Compacted { oldest: Revision(46 | 47), .. })
    ));
    assert_eq!(values(&store, Some(Revision(48))).await.unwrap(), ["a=47"]);
}

#[tokio::test]
async fn a_slow_watch_is_told_that_its_place_is_gone() {
    let store = MemoryStore::new(small());
    let mut watch = store.watch("", Revision(0)).await.unwrap();
    put(&store, "a", "0").await;
    assert_eq!(watch.next().await.unwrap().revision, Revision(1));
    for round in 0..20 {
        put(&store, "a", &round.to_string()).await;
    }
    assert!(matches!(watch.next().await, Err(StoreError::Compacted { requested: Revision(1), .. })));
}

#[tokio::test]
async fn closing_ends_watches() {
    let history = Arc::new(History::new(Limits::default()));
    let mut watch = history.watch("", Revision(0)).unwrap();
    let waiting = tokio::spawn(async move { watch.next().await });
    tokio::task::yield_now().await;
    history.close();
    assert!(matches!(waiting.await.unwrap(), Err(StoreError::Unavailable(_))));
}

#[test]
fn records_out_of_order_are_refused() {
    let record = |revision: u64| {
        Ok(Record {
            key: Arc::from(format!("key-{revision}")),
            value: Some(Bytes::new()),
            create_revision: Revision(revision),
            mod_revision: Revision(revision),
        })
    };
    let restore = |floor, newest, revisions: &[u64]| {
        let records = revisions.iter().map(|revision| record(*revision));
        History::restore(Limits::default(), Revision(floor), Revision(newest), records)
    };
    assert!(restore(4, 6, &[1, 3, 5, 6]).is_ok());
    assert!(restore(4, 4, &[1, 3]).is_ok());
    assert_eq!(restore(4, 9, &[1, 3, 5, 7]).expect("others wrote too").revision(), Revision(9));
    assert!(restore(4, 6, &[3, 1, 5, 6]).is_err(), "out of order");
    assert!(restore(4, 6, &[1, 3, 5, 7]).is_err(), "beyond the newest");
}

fn record(key: &str, value: Option<&str>, revision: u64) -> Record {
    Record {
        key: Arc::from(key),
        value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
        create_revision: Revision(revision),
        mod_revision: Revision(revision),
    }
}

#[tokio::test]
async fn a_followed_history_has_gaps_and_shared_revisions() {
    let history = Arc::new(History::new(Limits::default()));
    let mut watch = history.watch("", Revision(0)).unwrap();
    history.follow(vec![record("a", Some("1"), 3), record("b", Some("1"), 7)], Revision(9));
    let batch = watch.next().await.unwrap();
    assert_eq!((batch.events.len(), batch.revision), (2, Revision(9)));
    history.follow(Vec::new(), Revision(12));
    let batch = watch.next().await.unwrap();
    assert_eq!((batch.events.len(), batch.revision), (0, Revision(12)), "progress alone");

    history.follow(vec![record("a", None, 15), record("b", None, 15), record("c", None, 15)], Revision(15));
    let batch = watch.next().await.unwrap();
    let told: Vec<_> = batch.events.iter().map(|event| (&*event.entry.key, event.deleted)).collect();
    assert_eq!(told, [("a", true), ("b", true)], "what was not there cannot be deleted");
    let first = &batch.events[0];
    assert_eq!((&first.entry.value[..], first.entry.create_revision), (&b"1"[..], Revision(3)));
    let request = |revision| ListRequest { revision: Some(Revision(revision)), ..ListRequest::default() };
    assert_eq!(history.list(&request(14)).unwrap().entries.len(), 2);
    assert!(history.list(&request(15)).unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_batch_never_ends_within_a_revision() {
    let history = Arc::new(History::new(Limits::default()));
    let mut watch = history.watch("", Revision(0)).unwrap();
    let count = BATCH_LIMIT_EVENTS * 2;
    let records = (0..count).map(|number| record(&number.to_string(), Some(""), 2)).collect();
    history.follow(records, Revision(2));
    history.follow(vec![record("last", Some(""), 3)], Revision(3));
    let batch = watch.next().await.unwrap();
    assert_eq!((batch.events.len(), batch.revision), (count, Revision(2)));
    assert_eq!(watch.next().await.unwrap().revision, Revision(3));
}

#[tokio::test]
async fn replacing_ends_the_watches_that_missed_something() {
    let history = Arc::new(History::new(Limits::default()));
    history.follow(vec![record("a", Some("1"), 1)], Revision(1));
    let mut behind = history.watch("", Revision(0)).unwrap();
    let waiting = tokio::spawn({
        let history = Arc::clone(&history);
        async move { history.reached(Revision(25)).await }
    });
    let records = [record("b", Some("2"), 18)];
    history.replace(Revision(20), Revision(20), records.into_iter().map(Ok)).unwrap();
    assert!(matches!(behind.next().await, Err(StoreError::Compacted { oldest: Revision(20), .. })));
    assert_eq!(history.current("a"), None);
    assert_eq!(history.current("b").unwrap().mod_revision, Revision(18));
    assert!(history.watch("", Revision(20)).is_ok());
    history.follow(vec![record("b", Some("3"), 25)], Revision(25));
    waiting.await.unwrap().unwrap();
}
