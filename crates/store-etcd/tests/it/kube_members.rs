//! Three members, of which one fails.

use grange_store::{Precondition, Store};
use grange_store_etcd::{EtcdConfig, EtcdStore};
use grange_testing_kubernetes::{Etcd, EtcdOptions};

use super::{eventually, next_events, put, value};

#[tokio::test(flavor = "multi_thread")]
async fn one_member_may_fail_whichever_it_is() {
    let Some(options) = EtcdOptions::from_environment() else { return };
    let mut etcd = Etcd::start(options.members(3)).await.unwrap();
    let store = EtcdStore::open(EtcdConfig::new(etcd.urls())).await.unwrap();
    for member in 0..3 {
        let mark = put(&store, "mark", &member.to_string()).await;
        let mut watch = store.watch("", mark.mod_revision).await.unwrap();
        etcd.kill(member);
        // A write that was under way at the failing member may fail, and during an election; no later one does.
        let key = format!("while-{member}-is-away");
        let written =
            eventually("a write works", async || store.put(&key, "x".into(), Precondition::None).await.ok())
                .await;
        let entry = eventually("a read works", async || store.get(&key).await.ok()).await;
        assert_eq!(entry.map(|entry| entry.value), Some(written.value));
        let told = next_events(&mut *watch).await.unwrap();
        assert_eq!(&*told.events[0].entry.key, key);
        etcd.restart(member).await.unwrap();
    }
    for member in 0..3 {
        assert_eq!(value(&store, &format!("while-{member}-is-away")).await.unwrap(), "x");
    }
}
