//! The engine against a real etcd. Everything that needs one is in a module named `kube_…`, which is how
//! `make test-kubernetes` chooses; where no etcd is built, each test says `skipped: …`.

#![allow(clippy::unwrap_used, reason = "a test")]

mod kube_conformance;
mod kube_crash;
mod kube_members;
mod kube_outage;
mod kube_secured;
mod kube_shared;
mod proxy;
mod unreachable;

use std::time::Duration;

use bytes::Bytes;
use grange_store::{Batch, Entry, Precondition, Revision, Store, StoreError, Watch};
use grange_store_etcd::{EtcdConfig, EtcdStore};
use grange_testing_kubernetes::{Etcd, EtcdOptions};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(90);
/// The pause between two looks.
const POLL: Duration = Duration::from_millis(20);

/// An etcd of one member; `None` where there is none to be had.
async fn etcd() -> Option<Etcd> {
    Some(Etcd::start(EtcdOptions::from_environment()?).await.unwrap())
}

async fn open(etcd: &Etcd) -> EtcdStore {
    EtcdStore::open(EtcdConfig::new(etcd.urls())).await.unwrap()
}

async fn put(store: &EtcdStore, key: &str, value: &str) -> Entry {
    store.put(key, Bytes::copy_from_slice(value.as_bytes()), Precondition::None).await.unwrap()
}

async fn value(store: &EtcdStore, key: &str) -> Option<String> {
    let entry = store.get(key).await.unwrap();
    entry.map(|entry| String::from_utf8(entry.value.to_vec()).unwrap())
}

/// The next batch that tells of an event.
async fn next_events(watch: &mut dyn Watch) -> Result<Batch, StoreError> {
    tokio::time::timeout(LIMIT, async {
        loop {
            let batch = watch.next().await?;
            if !batch.events.is_empty() {
                return Ok(batch);
            }
        }
    })
    .await
    .expect("the watch tells in time")
}

/// Tries until it works.
async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + LIMIT;
    loop {
        if let Some(done) = attempt().await {
            return done;
        }
        assert!(tokio::time::Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(POLL).await;
    }
}

fn revisions(batch: &Batch) -> Vec<Revision> {
    batch.events.iter().map(|event| event.entry.mod_revision).collect()
}
