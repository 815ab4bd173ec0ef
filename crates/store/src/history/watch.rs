//! A watch: a cursor into the shared history.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{Batch, Revision, StoreError, Watch};

use super::History;

pub(super) struct HistoryWatch {
    history: Arc<History>,
    prefix: Arc<str>,
    cursor: Revision,
    newest: tokio::sync::watch::Receiver<Revision>,
}

impl HistoryWatch {
    pub(super) fn new(
        history: Arc<History>,
        prefix: &str,
        cursor: Revision,
        newest: tokio::sync::watch::Receiver<Revision>,
    ) -> Self {
        HistoryWatch { history, prefix: Arc::from(prefix), cursor, newest }
    }
}

impl Watch for HistoryWatch {
    fn next(&mut self) -> BoxFuture<'_, Result<Batch, StoreError>> {
        Box::pin(async move {
            loop {
                // Seen before the history is read: whatever is published after that wakes us.
                self.newest.mark_unchanged();
                let batch = self.history.read().batch(&self.prefix, self.cursor)?;
                if let Some(batch) = batch {
                    self.cursor = batch.revision;
                    return Ok(batch);
                }
                if self.newest.changed().await.is_err() {
                    return Err(StoreError::Unavailable("the store has stopped".to_owned()));
                }
            }
        })
    }
}
