//! The key that signs tokens of service accounts, kept in the store: every server that shares the store takes the tokens
//! of all, and a copy of the store takes the key along.
use anyhow::{Context as _, bail};
use grange_apiserver::service_account;
use grange_store::Store;

use crate::kept::kept;

/// Where it is; outside of what the management API serves, so that no role can read it.
const KEY: &str = "/internal/service-account-key";

/// The store's key, made on the first start.
pub(crate) async fn key(store: &dyn Store) -> anyhow::Result<Vec<u8>> {
    let make = || service_account::new_key().context("the machine gives no randomness");
    let key = kept(store, KEY, make).await?.value;
    if !service_account::is_key(&key) {
        bail!("the key of service accounts in the store ({KEY}) cannot be used");
    }
    Ok(key.to_vec())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use grange_store::{Precondition, memory::MemoryStore};

    use super::*;

    #[tokio::test]
    async fn the_first_server_makes_the_key_of_all() {
        let store = MemoryStore::default();
        let (one, other) = tokio::join!(key(&store), key(&store));
        let made = one.expect("a key");
        assert_eq!(other.expect("the same key"), made);
        assert_eq!(key(&store).await.expect("kept"), made);
    }

    #[tokio::test]
    async fn what_is_no_key_is_refused_without_showing_it() {
        let store = MemoryStore::default();
        store.put(KEY, Bytes::from_static(b"open sesame"), Precondition::None).await.expect("put");
        let error = key(&store).await.expect_err("refused").to_string();
        assert!(error.contains(KEY) && !error.contains("sesame"), "{error}");
    }
}
