//! The embedded engine as its users meet it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod conformance;
mod disk;
mod open;
mod reopen;

use std::path::Path;

use bytes::Bytes;
use grange_store::{Entry, ListRequest, Precondition, Revision, Store, StoreError};
use grange_store_sqlite::{SqliteConfig, SqliteStore};

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(SqliteConfig::new(directory.join("store.db"))).expect("open")
}

async fn put(store: &SqliteStore, key: &str, value: impl Into<Vec<u8>>) -> Result<Entry, StoreError> {
    store.put(key, Bytes::from(value.into()), Precondition::None).await
}

async fn listed(store: &SqliteStore, revision: Option<Revision>) -> Result<Vec<String>, StoreError> {
    let page = store.list(ListRequest { revision, ..ListRequest::default() }).await?;
    let text = |entry: &Entry| format!("{}={}", entry.key, String::from_utf8_lossy(&entry.value));
    Ok(page.entries.iter().map(text).collect())
}
