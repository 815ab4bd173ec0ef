//! The suite that every engine passes; here with another program that writes to the same etcd.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use grange_store::{Store, conformance::Harness};
use grange_store_etcd::{EtcdConfig, EtcdStore};
use grange_testing_kubernetes::{Etcd, EtcdOptions};
use serde_json::json;

/// An etcd for a test, started when it is first needed; each store has a prefix of its own.
struct Shared {
    options: EtcdOptions,
    etcd: Option<Etcd>,
    count: usize,
}

impl Shared {
    fn new() -> Option<Self> {
        Some(Shared { options: EtcdOptions::from_environment()?, etcd: None, count: 0 })
    }

    async fn etcd(&mut self) -> &Etcd {
        if self.etcd.is_none() {
            self.etcd = Some(Etcd::start(self.options.clone()).await.unwrap());
        }
        self.etcd.as_ref().unwrap()
    }

    async fn open(&mut self) -> EtcdStore {
        let key_prefix = format!("/test-{}/", self.count);
        let config = EtcdConfig { key_prefix, ..EtcdConfig::new(self.etcd().await.urls()) };
        EtcdStore::open(config).await.unwrap()
    }
}

impl Harness for Shared {
    fn fresh(&mut self) -> BoxFuture<'_, Arc<dyn Store>> {
        async {
            self.count += 1;
            let store = self.open().await;
            store.compact(store.revision().await.unwrap()).await.unwrap();
            let store: Arc<dyn Store> = Arc::new(store);
            store
        }
        .boxed()
    }

    fn write_elsewhere(&mut self) -> BoxFuture<'_, ()> {
        async {
            let body = json!({"key": "L290aGVyL2tleQ==", "value": "MQ=="});
            self.etcd().await.post("kv/put", &body).await.unwrap();
        }
        .boxed()
    }

    fn reopen(&mut self, store: Arc<dyn Store>) -> BoxFuture<'_, Option<Arc<dyn Store>>> {
        async {
            drop(store);
            let store: Arc<dyn Store> = Arc::new(self.open().await);
            Some(store)
        }
        .boxed()
    }
}

grange_store::conformance_tests!(if Shared::new());
