//! Figures of the embedded store on this machine: `cargo run --release -p grange-store-sqlite --example bench`.
//! An argument names the directory to measure in (the disk matters); the default is the temporary directory.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use grange_store::{ListRequest, Precondition, Store};
use grange_store_sqlite::{SqliteConfig, SqliteStore};

/// A usual Kubernetes object.
const VALUE_BYTES: usize = 1_700;
const RUN: Duration = Duration::from_secs(3);

fn main() {
    let root = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    for wait_us in [0, 200, 1_000] {
        for clients in [1, 16, 64] {
            let directory = tempfile::tempdir_in(&root).expect("directory");
            runtime.block_on(creates(directory.path(), clients, Duration::from_micros(wait_us)));
        }
    }
    for count in [10_000, 20_000] {
        let directory = tempfile::tempdir_in(&root).expect("directory");
        runtime.block_on(lists(directory.path(), count));
    }
}

async fn creates(directory: &Path, clients: usize, group_wait: Duration) {
    let config = SqliteConfig { group_wait, ..SqliteConfig::new(directory.join("store.db")) };
    let store = Arc::new(SqliteStore::open(config).expect("open"));
    let next = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (store, next) = (Arc::clone(&store), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let value = Bytes::from(vec![b'x'; VALUE_BYTES]);
            let mut times_us = Vec::new();
            while started.elapsed() < RUN {
                let key = format!("/things/{:08}", next.fetch_add(1, Ordering::Relaxed));
                let begun = Instant::now();
                store.put(&key, value.clone(), Precondition::Absent).await.expect("put");
                times_us.push(begun.elapsed().as_micros());
            }
            times_us
        }));
    }
    let mut times_us = Vec::new();
    for task in tasks {
        times_us.extend(task.await.expect("client"));
    }
    times_us.sort_unstable();
    let rate = times_us.len() as f64 / started.elapsed().as_secs_f64();
    let at = |share: f64| times_us[((times_us.len() - 1) as f64 * share) as usize];
    println!(
        "durable creates, {clients:>2} clients, group wait {:>4} us: {rate:>6.0}/s, p50 {} us, p99 {} us",
        group_wait.as_micros(),
        at(0.5),
        at(0.99),
    );
}

async fn lists(directory: &Path, count: usize) {
    let config = SqliteConfig::new(directory.join("store.db"));
    let store = Arc::new(SqliteStore::open(config.clone()).expect("open"));
    let mut tasks = Vec::new();
    for client in 0..64 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            for number in (client..count).step_by(64) {
                let value = Bytes::from(vec![b'x'; VALUE_BYTES]);
                store.put(&format!("/things/{number:08}"), value, Precondition::Absent).await.expect("put");
            }
        }));
    }
    for task in tasks {
        task.await.expect("client");
    }
    drop(store);
    let opened = Instant::now();
    let store = SqliteStore::open(config).expect("open");
    println!("open and load {count} objects of {VALUE_BYTES} B: {:?}", opened.elapsed());
    let request = || ListRequest { prefix: "/things/", ..ListRequest::default() };
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let begun = Instant::now();
        let page = store.list(request()).await.expect("list");
        assert_eq!(page.entries.len(), count);
        best = best.min(begun.elapsed());
    }
    println!("list {count} objects: {best:?}");
    let begun = Instant::now();
    let mut after: Option<Arc<str>> = None;
    let mut pages = 0;
    loop {
        let request = ListRequest { start_after: after.as_deref(), limit: 500, ..request() };
        let page = store.list(request).await.expect("list");
        pages += 1;
        after = page.entries.last().map(|entry| Arc::clone(&entry.key));
        if page.remaining == 0 {
            break;
        }
    }
    println!("the same in {pages} pages of 500: {:?}", begun.elapsed());
}
