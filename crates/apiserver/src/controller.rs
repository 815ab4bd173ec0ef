//! What all controllers do alike: they run for ever, and go through the store page by page.
use grange_store::{ListPage, ListRequest, Revision, Store, StoreError};

use crate::limits::{CONTROLLER_RETRY, PAGE_ENTRIES};

/// Runs a controller, which ends only when the store fails it; then it starts over after a pause.
pub(crate) async fn keep_running<F>(what: &str, follow: impl Fn() -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    loop {
        if let Err(error) = follow().await {
            tracing::warn!(%error, "{what} starts over");
        }
        tokio::time::sleep(CONTROLLER_RETRY).await;
    }
}

/// Everything below a prefix, a page at a time.
pub(crate) struct Pages<'a> {
    store: &'a dyn Store,
    prefix: &'a str,
    /// Whether all pages show the store as the first does, rather than each as it is by then.
    is_snapshot: bool,
    revision: Option<Revision>,
    /// The last key that was read.
    after: Option<String>,
    is_done: bool,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(store: &'a dyn Store, prefix: &'a str) -> Self {
        Pages { store, prefix, is_snapshot: false, revision: None, after: None, is_done: false }
    }
    /// All as it is at one moment.
    pub(crate) fn snapshot(store: &'a dyn Store, prefix: &'a str) -> Self {
        Pages { is_snapshot: true, ..Self::new(store, prefix) }
    }
    /// The next page; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<ListPage>, StoreError> {
        if self.is_done {
            return Ok(None);
        }
        let request = ListRequest {
            prefix: self.prefix,
            start_after: self.after.as_deref(),
            limit: PAGE_ENTRIES,
            revision: self.revision,
            count: false,
        };
        let page = self.store.list(request).await?;
        self.after = page.entries.last().map(|entry| entry.key.to_string());
        self.is_done = page.remaining == 0 || self.after.is_none();
        if self.is_snapshot {
            self.revision = Some(page.revision);
        }
        Ok(Some(page))
    }
}
