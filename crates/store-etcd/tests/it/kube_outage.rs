//! A lost etcd: what needs it says so, the rest goes on, and all of it comes back by itself.

use grange_store::{ListRequest, Precondition, Revision, Store, StoreError};
use grange_store_etcd::{EtcdConfig, EtcdStore};

use super::{etcd, eventually, next_events, open, proxy::Proxy, put, revisions, value};

fn unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(StoreError::Unavailable(why)) => why,
        other => panic!("expected that etcd is unavailable, got {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_etcd_is_told_and_comes_back() {
    let Some(mut etcd) = etcd().await else { return };
    let store = open(&etcd).await;
    let before = put(&store, "a", "1").await;
    assert_eq!(value(&store, "a").await.unwrap(), "1");
    let mut watch = store.watch("", before.mod_revision).await.unwrap();
    etcd.kill(0);

    let url = etcd.urls().remove(0);
    for why in [
        unavailable(store.get("a").await),
        unavailable(store.list(ListRequest::default()).await),
        unavailable(store.revision().await),
        unavailable(store.put("a", "2".into(), Precondition::None).await),
    ] {
        assert!(why.contains("etcd") && why.contains(&url), "{why}");
    }
    // What was once is known here.
    let at = ListRequest { revision: Some(before.mod_revision), ..ListRequest::default() };
    assert_eq!(store.list(at).await.unwrap().entries, std::slice::from_ref(&before));
    assert!(futures::poll!(watch.next()).is_pending(), "a watch waits");

    etcd.restart(0).await.unwrap();
    let entry = eventually("reads work again", async || store.get("a").await.ok()).await;
    assert_eq!(entry, Some(before));
    let after = put(&store, "a", "3").await;
    assert_eq!(revisions(&next_events(&mut *watch).await.unwrap()), [after.mod_revision]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_and_is_still_there_is_told() {
    let Some(etcd) = etcd().await else { return };
    let other = open(&etcd).await;
    let proxy = Proxy::start(&etcd.urls()[0]).await;
    let cut_off = EtcdStore::open(EtcdConfig::new([proxy.url()])).await.unwrap();
    let first = put(&other, "a", "0").await;
    let mut watch = cut_off.watch("", Revision(0)).await.unwrap();
    assert_eq!(revisions(&next_events(&mut *watch).await.unwrap()), [first.mod_revision]);
    proxy.cut();
    unavailable(cut_off.get("a").await);
    let mut expected = Vec::new();
    for round in 1..=20 {
        expected.push(put(&other, "a", &round.to_string()).await.mod_revision);
    }
    proxy.mend();
    let mut told = Vec::new();
    while told.len() < expected.len() {
        told.extend(revisions(&next_events(&mut *watch).await.unwrap()));
    }
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_and_is_gone_ends_the_watch_and_is_read_anew() {
    let Some(etcd) = etcd().await else { return };
    let other = open(&etcd).await;
    let proxy = Proxy::start(&etcd.urls()[0]).await;
    let cut_off = EtcdStore::open(EtcdConfig::new([proxy.url()])).await.unwrap();
    put(&other, "deleted", "x").await;
    let seen = put(&other, "kept", "1").await.mod_revision;
    assert_eq!(value(&cut_off, "kept").await.unwrap(), "1");
    let mut watch = cut_off.watch("", seen).await.unwrap();
    proxy.cut();
    unavailable(cut_off.get("kept").await);

    other.delete("deleted", Precondition::None).await.unwrap();
    let last = put(&other, "kept", "2").await;
    other.compact(last.mod_revision).await.unwrap();
    proxy.mend();
    match next_events(&mut *watch).await {
        Err(StoreError::Compacted { requested, oldest }) => {
            assert!(requested >= seen && oldest >= last.mod_revision);
        }
        other => panic!("a watch that missed something told {other:?}"),
    }
    eventually("reads work again", async || cut_off.get("kept").await.ok()).await;
    assert_eq!(cut_off.list(ListRequest::default()).await.unwrap().entries, [last]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_lost_its_memory_is_noticed() {
    let Some(mut etcd) = etcd().await else { return };
    let store = open(&etcd).await;
    for round in 0..30 {
        put(&store, "a", &round.to_string()).await;
    }
    let newest = store.revision().await.unwrap();
    let mut watch = store.watch("", newest).await.unwrap();
    etcd.kill(0);
    etcd.wipe(0).unwrap();
    etcd.restart(0).await.unwrap();
    // Never the old value as if it were there.
    let entry = eventually("reads work again", async || store.get("a").await.ok()).await;
    assert_eq!(entry, None);
    assert!(store.revision().await.unwrap() < newest);
    assert!(matches!(next_events(&mut *watch).await, Err(StoreError::Future { .. })));
    put(&store, "a", "new").await;
    assert_eq!(value(&store, "a").await.unwrap(), "new");
}
