//! Several stores on one etcd, and other programs beside them.

use std::{sync::Arc, time::Duration};

use grange_store::{ListRequest, Precondition, Revision, Store, StoreError};
use grange_store_etcd::{EtcdConfig, EtcdStore};
use serde_json::json;

use super::{etcd, eventually, next_events, open, put, revisions, value};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_store_wrote_every_other_reads_at_once() {
    let Some(etcd) = etcd().await else { return };
    let stores = [open(&etcd).await, open(&etcd).await, open(&etcd).await];
    for round in 0..200 {
        let (writer, reader) = (&stores[round % 3], &stores[(round + 1) % 3]);
        let written = put(writer, "counter", &round.to_string()).await;
        // Neither a wait nor a second look: what was acknowledged is there.
        assert_eq!(reader.get("counter").await.unwrap(), Some(written.clone()));
        let page = reader.list(ListRequest { prefix: "counter", ..ListRequest::default() }).await.unwrap();
        assert_eq!(page.entries, [written]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_and_set_holds_between_stores() {
    let Some(etcd) = etcd().await else { return };
    let stores = [Arc::new(open(&etcd).await), Arc::new(open(&etcd).await)];
    put(&stores[0], "counter", "0").await;
    let counting = (0..8).map(|task: usize| {
        let store = Arc::clone(&stores[task % 2]);
        tokio::spawn(async move {
            let mut done = 0;
            while done < 25 {
                let entry = store.get("counter").await.unwrap().unwrap();
                let count: u32 = String::from_utf8_lossy(&entry.value).parse().unwrap();
                let wanted = Precondition::ModRevision(entry.mod_revision);
                match store.put("counter", (count + 1).to_string().into(), wanted).await {
                    Ok(_) => done += 1,
                    Err(StoreError::PreconditionFailed { current: Some(_), .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        })
    });
    for task in counting.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(value(&stores[1], "counter").await.unwrap(), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_at_another_store() {
    let Some(etcd) = etcd().await else { return };
    let (first, second) = (open(&etcd).await, open(&etcd).await);
    let written = put(&first, "a", "1").await;
    let mut watch = first.watch("", Revision(0)).await.unwrap();
    let seen = next_events(&mut *watch).await.unwrap();
    assert_eq!(revisions(&seen), [written.mod_revision]);
    let later = put(&second, "a", "2").await;
    // From the last revision that the first had told.
    let mut watch = second.watch("", seen.revision).await.unwrap();
    let batch = next_events(&mut *watch).await.unwrap();
    assert_eq!(revisions(&batch), [later.mod_revision]);
    assert_eq!(batch.events[0].previous.as_ref(), Some(&written));
    // And at one that has just been started.
    let third = open(&etcd).await;
    let mut watch = third.watch("", seen.revision).await.unwrap();
    assert_eq!(next_events(&mut *watch).await.unwrap().events, batch.events);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_keys_in_one_transaction_are_told_together() {
    let Some(etcd) = etcd().await else { return };
    let store = open(&etcd).await;
    for number in 0..50 {
        put(&store, &format!("many/{number}"), "x").await;
    }
    let kept = put(&store, "other", "x").await;
    let mut watch = store.watch("", kept.mod_revision).await.unwrap();
    // "/grange/data/many/" up to "/grange/data/many0", as an administrator would with etcdctl.
    let body = json!({"key": "L2dyYW5nZS9kYXRhL21hbnkv", "range_end": "L2dyYW5nZS9kYXRhL21hbnkw"});
    etcd.post("kv/deleterange", &body).await.unwrap();
    let batch = next_events(&mut *watch).await.unwrap();
    assert_eq!(batch.events.len(), 50);
    assert!(batch.events.iter().all(|event| event.deleted && event.entry.mod_revision == batch.revision));
    let left = store.list(ListRequest::default()).await.unwrap();
    assert_eq!(left.entries, [kept]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_with_different_prefixes_do_not_meet() {
    let Some(etcd) = etcd().await else { return };
    let ours = open(&etcd).await;
    let config = EtcdConfig { key_prefix: "/grange/nested/".to_owned(), ..EtcdConfig::new(etcd.urls()) };
    let theirs = EtcdStore::open(config).await.unwrap();
    put(&ours, "key", "ours").await;
    put(&theirs, "key", "theirs").await;
    assert_eq!(value(&ours, "key").await.unwrap(), "ours");
    assert_eq!(value(&theirs, "key").await.unwrap(), "theirs");
    assert_eq!(ours.list(ListRequest::default()).await.unwrap().entries.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_the_stores_drops_old_history() {
    let Some(etcd) = etcd().await else { return };
    let config =
        EtcdConfig { compaction_interval: Some(Duration::from_millis(200)), ..EtcdConfig::new(etcd.urls()) };
    let first = EtcdStore::open(config.clone()).await.unwrap();
    let second = EtcdStore::open(config).await.unwrap();
    let early = put(&first, "a", "1").await;
    let late = put(&second, "a", "2").await;
    // What a store that starts now can still read is what etcd keeps.
    eventually("etcd forgets the first value", async || {
        let fresh = open(&etcd).await;
        (fresh.history().floor() >= late.mod_revision).then_some(())
    })
    .await;
    let fresh = open(&etcd).await;
    let at = ListRequest { revision: Some(early.mod_revision), ..ListRequest::default() };
    assert!(matches!(fresh.list(at.clone()).await, Err(StoreError::Compacted { .. })));
    assert_eq!(value(&fresh, "a").await.unwrap(), "2");
    // Those that were there have it in memory.
    assert_eq!(first.list(at).await.unwrap().entries, [early]);
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_under_our_key_is_refused() {
    let Some(etcd) = etcd().await else { return };
    // "/grange/meta/format": {"format":9,"revisionOffset":0}
    let body = json!({
        "key": "L2dyYW5nZS9tZXRhL2Zvcm1hdA==",
        "value": "eyJmb3JtYXQiOjksInJldmlzaW9uT2Zmc2V0IjowfQ==",
    });
    etcd.post("kv/put", &body).await.unwrap();
    let error = EtcdStore::open(EtcdConfig::new(etcd.urls())).await.unwrap_err().to_string();
    assert!(error.contains("/grange/meta/format") && error.contains("format 9"), "{error}");
}
