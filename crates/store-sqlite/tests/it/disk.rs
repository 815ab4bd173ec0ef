//! A full disk: writes say so, reads go on, nothing is half done, and it heals without a restart.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use grange_store::{Precondition, Revision, Store, StoreError};
use grange_store_sqlite::{SqliteConfig, SqliteStore};

use super::{listed, open, put};

const DEADLINE: Duration = Duration::from_secs(20);

/// Overwrites one key until the disk is full; returns the last revision that was acknowledged.
async fn fill(store: &SqliteStore) -> Revision {
    for _ in 0..10_000 {
        match put(store, "filler", vec![b'x'; 64 << 10]).await {
            Ok(_) => {}
            Err(StoreError::NoSpace(text)) => {
                assert!(!text.is_empty());
                return store.revision().await.unwrap();
            }
            Err(other) => panic!("unexpected: {other}"),
        }
    }
    panic!("the disk never filled up");
}

/// Writes until it works again.
async fn recovers(store: &SqliteStore) {
    let started = Instant::now();
    while let Err(error) = put(store, "after", "1").await {
        assert!(matches!(error, StoreError::NoSpace(_)), "{error}");
        assert!(started.elapsed() < DEADLINE, "still {error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn check_after(store: &SqliteStore, full_at: Revision) {
    let page = listed(store, None).await.unwrap();
    assert_eq!(page[0], "after=1");
    assert_eq!(page[1], "before=1");
    assert_eq!(store.get("after").await.unwrap().unwrap().mod_revision, Revision(full_at.0 + 1));
}

#[tokio::test]
async fn a_size_limit_is_a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    let config = SqliteConfig {
        size_limit_bytes: Some(2 << 20),
        ..SqliteConfig::new(directory.path().join("store.db"))
    };
    let store = SqliteStore::open(config.clone()).unwrap();
    put(&store, "before", "1").await.unwrap();
    let full_at = fill(&store).await;
    // A failed write took no revision, and reads and watches go on.
    assert_eq!(store.revision().await.unwrap(), full_at);
    assert_eq!(store.get("filler").await.unwrap().unwrap().mod_revision, full_at);
    assert!(listed(&store, Some(Revision(1))).await.is_ok());
    let mut watch = store.watch("", full_at).await.unwrap();
    store.compact(full_at).await.unwrap();
    recovers(&store).await;
    assert_eq!(watch.next().await.unwrap().events[0].entry.mod_revision, Revision(full_at.0 + 1));
    check_after(&store, full_at).await;
    drop(store);
    check_after(&SqliteStore::open(config).unwrap(), full_at).await;
}

#[tokio::test]
async fn a_full_file_system_heals_when_room_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let mount = directory.path().join("small");
    let Some(_mounted) = Mounted::tmpfs(&mount) else {
        eprintln!("SKIPPED a_full_file_system_heals_when_room_is_made: mounting a small tmpfs needs root");
        return;
    };
    let store = open(&mount);
    put(&store, "before", "1").await.unwrap();
    fs::write(mount.join("ballast"), vec![0; 4 << 20]).unwrap();
    let full_at = fill(&store).await;
    assert_eq!(store.revision().await.unwrap(), full_at);
    assert_eq!(store.get("before").await.unwrap().unwrap().value, "1");
    fs::remove_file(mount.join("ballast")).unwrap();
    recovers(&store).await;
    check_after(&store, full_at).await;
    store.delete("filler", Precondition::Present).await.unwrap();
    drop(store);
    let store = open(&mount);
    assert_eq!(listed(&store, None).await.unwrap(), ["after=1", "before=1"]);
}

/// A small file system, unmounted at the end.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn tmpfs(path: &'a Path) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"])
            .arg(path)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Mounted(path))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
