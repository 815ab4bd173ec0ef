//! The certificate authority that agents pin, kept in the store: every server that shares the store signs its own
//! certificate with it, and a copy of the store takes it along.
//!
//! The files in the data folder stay what the gateway reads. The store's authority wins over the folder's; a store
//! without one takes the folder's.
use std::path::Path;

use anyhow::{Context as _, bail};
use grange_gateway::AuthorityFiles;
use grange_store::Store;
use serde::{Deserialize, Serialize};

use crate::kept::{Kept, kept};

/// Where it is; outside of what the management API serves, so that no role can read it.
const KEY: &str = "/internal/certificate-authority";

#[derive(Serialize, Deserialize)]
struct Stored {
    certificate: String,
    key: String,
}

/// Makes the folder's authority and the store's the same.
pub(crate) async fn share(store: &dyn Store, folder: &Path) -> anyhow::Result<()> {
    let files = AuthorityFiles::new(folder);
    let make = || {
        let (certificate, key) = files.load_or_make()?;
        Ok(serde_json::to_vec(&Stored { certificate, key })?)
    };
    let Kept { value, is_new } = kept(store, KEY, make).await?;
    if is_new { Ok(()) } else { adopt(&files, &value) }
}

fn adopt(files: &AuthorityFiles, value: &[u8]) -> anyhow::Result<()> {
    // Not the parser's own words: they may hold a piece of the key.
    let Ok(stored) = serde_json::from_slice::<Stored>(value) else {
        bail!("the certificate authority in the store ({KEY}) cannot be read");
    };
    files.replace(&stored.certificate, &stored.key).context("writing the store's certificate authority")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use grange_store::{Precondition, memory::MemoryStore};

    use super::*;

    fn files(folder: &Path) -> (String, String) {
        AuthorityFiles::new(folder).load_or_make().expect("an authority")
    }

    #[tokio::test]
    async fn the_first_server_gives_its_authority_to_all() {
        let store = MemoryStore::default();
        let (first, second) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        share(&store, first.path()).await.expect("shared");
        let given = files(first.path());
        // One that had an authority of its own before.
        assert_ne!(files(second.path()), given);
        share(&store, second.path()).await.expect("adopted");
        assert_eq!(files(second.path()), given);
        share(&store, first.path()).await.expect("again");
        assert_eq!(files(first.path()), given);
    }

    #[tokio::test]
    async fn what_is_not_an_authority_is_refused_without_showing_it() {
        let store = MemoryStore::default();
        let value = Bytes::from_static(b"{\"key\":\"open sesame\"}");
        store.put(KEY, value, Precondition::None).await.expect("put");
        let folder = tempfile::tempdir().expect("a folder");
        let error = share(&store, folder.path()).await.expect_err("refused").to_string();
        assert!(error.contains(KEY) && !error.contains("sesame"), "{error}");
    }
}
