//! What history keeps, forgets and tells its watchers.
use std::sync::Arc;

use bytes::Bytes;

use crate::{ListRequest, Precondition, Revision, Store, StoreError, memory::MemoryStore};

use super::{History, Limits, Record};

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
fn a_gap_in_the_records_is_refused() {
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
    assert!(restore(4, 7, &[1, 3, 5, 7]).is_err(), "a hole above the floor");
    assert!(restore(4, 7, &[1, 3, 5, 6]).is_err(), "the last one is missing");
    assert!(restore(4, 6, &[3, 1, 5, 6]).is_err(), "out of order");
}
