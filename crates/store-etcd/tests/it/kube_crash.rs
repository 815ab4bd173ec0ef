//! Kills etcd with SIGKILL under load, again and again on one data folder, and checks that every acknowledged write is
//! there, that nothing is there that nobody wrote, and that a watch over it all told every write once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use grange_store::{Event, ListRequest, Precondition, Revision, Store, StoreError};
use grange_store_etcd::{EtcdConfig, EtcdStore};
use grange_testing_kubernetes::{Etcd, EtcdOptions};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{POLL, eventually, next_events};

const KILLS: usize = 8;
const WRITERS: u64 = 6;
/// How many writes are acknowledged, at least, between two kills.
const WRITES_BETWEEN: usize = 60;

/// What was written by whom: a key and its value, or its deletion.
type Write = (String, Option<String>);

#[derive(Default)]
struct Said {
    acknowledged: HashMap<Revision, Write>,
    /// Writes of which nobody knows whether they happened.
    unknown: Vec<Write>,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost() {
    let Some(options) = EtcdOptions::from_environment() else { return };
    let mut etcd = Etcd::start(options.durable()).await.unwrap();
    let store = Arc::new(EtcdStore::open(EtcdConfig::new(etcd.urls())).await.unwrap());
    let begin = store.revision().await.unwrap();
    let (said, done) = (Arc::new(Mutex::new(Said::default())), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, said, done) = (Arc::clone(&store), Arc::clone(&said), Arc::clone(&done));
            tokio::spawn(async move { write(&store, writer, &said, &done).await })
        })
        .collect();
    let watcher = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { watch_until_end(&store, begin).await })
    };
    for kill in 1..=KILLS {
        eventually("writes are acknowledged", async || {
            (said.lock().unwrap().acknowledged.len() >= kill * WRITES_BETWEEN).then_some(())
        })
        .await;
        etcd.kill(0);
        etcd.restart(0).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let end = eventually("a last write", async || store.put("end", "".into(), Precondition::None).await.ok());
    end.await;
    let events = watcher.await.unwrap();
    let fresh = EtcdStore::open(EtcdConfig::new(etcd.urls())).await.unwrap();
    let said = std::mem::take(&mut *said.lock().unwrap());
    check(&said, &events, &fresh).await;
}

async fn write(store: &EtcdStore, writer: u64, said: &Mutex<Said>, done: &AtomicBool) {
    let mut random = StdRng::seed_from_u64(writer);
    let mut number = 0_u64;
    while !done.load(Ordering::Relaxed) {
        number += 1;
        let key = format!("writer-{writer}/{}", random.random_range(0..10));
        let value = (!random.random_ratio(1, 4)).then(|| format!("{writer}-{number}"));
        let outcome = match &value {
            Some(value) => store.put(&key, value.clone().into(), Precondition::None).await,
            None => store.delete(&key, Precondition::Present).await,
        };
        if outcome.as_ref().is_err_and(|error| matches!(error, StoreError::Unavailable(_))) {
            tokio::time::sleep(POLL).await;
        }
        let mut said = said.lock().unwrap();
        match outcome {
            Ok(entry) => {
                let twice = said.acknowledged.insert(entry.mod_revision, (key, value));
                assert!(twice.is_none(), "revision {} was given out twice", entry.mod_revision);
            }
            Err(StoreError::PreconditionFailed { current: None, .. }) if value.is_none() => {}
            Err(StoreError::Unavailable(_)) => said.unknown.push((key, value)),
            Err(other) => panic!("{other}"),
        }
    }
}

async fn watch_until_end(store: &EtcdStore, begin: Revision) -> Vec<Event> {
    let mut watch = store.watch("", begin).await.unwrap();
    let mut events: Vec<Event> = Vec::new();
    while events.last().is_none_or(|last| &*last.entry.key != "end") {
        events.extend(next_events(&mut *watch).await.unwrap().events);
    }
    events.pop();
    events
}

async fn check(said: &Said, events: &[Event], fresh: &EtcdStore) {
    let mut acknowledged = said.acknowledged.clone();
    let mut unknown = said.unknown.clone();
    let mut content: BTreeMap<String, String> = BTreeMap::new();
    let mut last = Revision(0);
    for event in events {
        let revision = event.entry.mod_revision;
        assert!(revision > last, "{revision} was told after {last}");
        last = revision;
        let key = event.entry.key.to_string();
        let value = (!event.deleted).then(|| String::from_utf8(event.entry.value.to_vec()).unwrap());
        match &value {
            Some(value) => content.insert(key.clone(), value.clone()),
            None => content.remove(&key),
        };
        let write = (key, value);
        if let Some(expected) = acknowledged.remove(&revision) {
            assert_eq!(write, expected, "at {revision}");
        } else {
            let place = unknown.iter().position(|unknown| *unknown == write);
            unknown.swap_remove(place.unwrap_or_else(|| panic!("nobody wrote {write:?} at {revision}")));
        }
    }
    assert!(acknowledged.is_empty(), "acknowledged and not told: {acknowledged:?}");
    assert!(said.acknowledged.len() >= KILLS * WRITES_BETWEEN);
    let page = fresh.list(ListRequest { prefix: "writer-", ..ListRequest::default() }).await.unwrap();
    let stored: BTreeMap<String, String> = page
        .entries
        .iter()
        .map(|entry| (entry.key.to_string(), String::from_utf8(entry.value.to_vec()).unwrap()))
        .collect();
    assert_eq!(stored, content, "what is there is what the events add up to");
}
