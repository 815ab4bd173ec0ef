//! A watch: a cursor into the shared history.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use crate::{Batch, Revision, StoreError, Watch};

use super::{History, waiting::Place};

/// How long a watch may stay behind writes that do not concern it.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

pub(super) struct HistoryWatch {
    history: Arc<History>,
    place: Place,
    cursor: Revision,
}

impl HistoryWatch {
    pub(super) fn new(history: Arc<History>, prefix: &str, cursor: Revision) -> Self {
        let place = history.waiting.enter(Arc::from(prefix));
        HistoryWatch { history, place, cursor }
    }
}

impl Watch for HistoryWatch {
    fn next(&mut self) -> BoxFuture<'_, Result<Batch, StoreError>> {
        Box::pin(async move {
            loop {
                // Whatever is published after this look has woken the place by the time that it waits.
                let batch = self.history.read().batch(self.place.prefix(), self.cursor)?;
                if let Some(batch) = batch {
                    self.cursor = batch.revision;
                    return Ok(batch);
                }
                // After a while without news, what others wrote is progress.
                let _ = tokio::time::timeout(PROGRESS_INTERVAL, self.place.woken()).await;
            }
        })
    }
}
