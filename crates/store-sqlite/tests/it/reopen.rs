//! What a restart keeps.

use std::time::{Duration, Instant};

use grange_store::{Precondition, Revision, Store, StoreError};
use grange_store_sqlite::{SqliteConfig, SqliteStore};

use super::{listed, open, put};

/// How long a test waits for upkeep, which is a matter of milliseconds.
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn history_revisions_and_watches_continue() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put(&store, "a", "1").await.unwrap();
    put(&store, "b", "1").await.unwrap();
    put(&store, "a", "2").await.unwrap();
    store.delete("b", Precondition::ModRevision(Revision(2))).await.unwrap();
    drop(store);

    let store = open(directory.path());
    assert_eq!(listed(&store, None).await.unwrap(), ["a=2"]);
    assert_eq!(listed(&store, Some(Revision(2))).await.unwrap(), ["a=1", "b=1"]);
    let entry = store.get("a").await.unwrap().unwrap();
    assert_eq!((entry.create_revision, entry.mod_revision), (Revision(1), Revision(3)));
    let mut watch = store.watch("", Revision(2)).await.unwrap();
    let batch = watch.next().await.unwrap();
    assert_eq!(batch.revision, Revision(4));
    assert_eq!(batch.events[0].previous.as_ref().unwrap().value, "1");
    assert!(batch.events[1].deleted);
    assert_eq!(batch.events[1].entry.value, "1");
    assert_eq!(put(&store, "c", "1").await.unwrap().mod_revision, Revision(5));
}

#[tokio::test]
async fn the_floor_survives_and_a_revision_is_never_used_twice() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put(&store, "a", "1").await.unwrap();
    put(&store, "b", "1").await.unwrap();
    store.delete("b", Precondition::None).await.unwrap();
    store.compact(Revision(3)).await.unwrap();
    assert!(matches!(store.compact(Revision(4)).await, Err(StoreError::Future { .. })));
    rows_become(directory.path(), 1).await;
    drop(store);

    // The newest row is gone, its revision is not.
    let store = open(directory.path());
    assert_eq!(store.revision().await.unwrap(), Revision(3));
    assert!(matches!(listed(&store, Some(Revision(2))).await, Err(StoreError::Compacted { .. })));
    assert!(matches!(store.watch("", Revision(2)).await.err(), Some(StoreError::Compacted { .. })));
    assert_eq!(listed(&store, Some(Revision(3))).await.unwrap(), ["a=1"]);
    assert_eq!(put(&store, "b", "2").await.unwrap().create_revision, Revision(4));
}

#[tokio::test]
async fn old_history_is_forgotten_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let config = SqliteConfig {
        keep_revisions: 100,
        keep_age: Duration::ZERO,
        ..SqliteConfig::new(directory.path().join("store.db"))
    };
    let store = SqliteStore::open(config).unwrap();
    put(&store, "other", "1").await.unwrap();
    for round in 0..400 {
        put(&store, "a", round.to_string()).await.unwrap();
    }
    drop(store);
    // The age of what was written before the start counts from the start.
    let config = SqliteConfig {
        keep_revisions: 100,
        keep_age: Duration::ZERO,
        ..SqliteConfig::new(directory.path().join("store.db"))
    };
    let store = SqliteStore::open(config).unwrap();
    rows_become(directory.path(), 102).await;
    assert_eq!(listed(&store, None).await.unwrap(), ["a=399", "other=1"]);
    assert_eq!(listed(&store, Some(Revision(301))).await.unwrap(), ["a=299", "other=1"]);
    assert!(matches!(listed(&store, Some(Revision(300))).await, Err(StoreError::Compacted { .. })));
}

#[tokio::test]
async fn memory_limits_hold_under_load() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = SqliteConfig::new(directory.path().join("store.db"));
    config.history.old_versions = 64;
    let store = SqliteStore::open(config).unwrap();
    for round in 0..1_000 {
        put(&store, "a", round.to_string()).await.unwrap();
        assert!(store.history().old_versions() <= 66);
    }
    assert_eq!(listed(&store, None).await.unwrap(), ["a=999"]);
}

async fn rows_become(directory: &std::path::Path, expected: i64) {
    let started = Instant::now();
    let reader = rusqlite::Connection::open(directory.join("store.db")).unwrap();
    loop {
        let rows: i64 = reader.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
        if rows == expected {
            return;
        }
        assert!(started.elapsed() < DEADLINE, "{rows} rows, {expected} expected");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
