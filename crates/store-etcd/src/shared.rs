//! What the store's calls and its three tasks share.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use grange_store::{Revision, StoreError, history::History};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::timeout,
};

use crate::{
    client::{Client, Repeat, header},
    failure::Failure,
    keys::Keys,
    wire,
};

/// How long a reader waits until this process has seen what etcd had when it asked.
const CATCH_UP_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// How many readers one question to etcd serves, and how many more may wait for the next.
pub(crate) const READER_LIMIT: usize = 1_024;

pub(crate) type Answer = oneshot::Sender<Result<Revision, StoreError>>;

pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) keys: Keys,
    pub(crate) history: Arc<History>,
    /// The newest revision that a reader waits for: the follower asks for progress up to it.
    pub(crate) wanted: watch::Sender<Revision>,
    /// Tells the follower that etcd is not the one it was.
    pub(crate) start_over: Notify,
    /// Why the follower does not follow at the moment.
    trouble: Mutex<Option<String>>,
    /// Which etcd it is; 0 before the first answer.
    cluster_id: AtomicU64,
    readers: mpsc::Sender<Answer>,
}

impl Shared {
    pub(crate) fn new(
        client: Client,
        keys: Keys,
        history: Arc<History>,
        readers: mpsc::Sender<Answer>,
    ) -> Self {
        Shared {
            client,
            keys,
            history,
            wanted: watch::Sender::new(Revision(0)),
            start_over: Notify::new(),
            trouble: Mutex::default(),
            cluster_id: AtomicU64::new(0),
            readers,
        }
    }

    /// Returns when this process has seen everything that etcd had when this was called.
    pub(crate) async fn confirm(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.readers.send(answer).await.map_err(|_| stopped())?;
        let revision = answered.await.map_err(|_| stopped())??;
        if let Ok(reached) = timeout(CATCH_UP_TIMEOUT, self.history.reached(revision)).await {
            return reached;
        }
        let why = self.trouble().unwrap_or_else(|| "its watch is behind".to_owned());
        let seen = self.history.revision();
        Err(StoreError::Unavailable(format!("etcd is at revision {revision}, this server at {seen}: {why}")))
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how the follower stands; `true` says that this is news.
    pub(crate) fn set_trouble(&self, trouble: Option<String>) -> bool {
        let mut kept = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = kept.is_some() != trouble.is_some();
        *kept = trouble;
        is_news
    }

    /// Where etcd stands, as a majority of its members sees it.
    async fn newest(&self) -> Result<Revision, Failure> {
        let seen = self.history.revision();
        let request =
            wire::RangeRequest { key: self.keys.format(), count_only: true, ..wire::RangeRequest::default() };
        let answer: wire::RangeResponse = self.client.call(wire::RANGE, request, Repeat::Harmless).await?;
        let header = header(answer.header)?;
        let newest = self.keys.revision(header.revision);
        let known = self.cluster_id.swap(header.cluster_id, Ordering::Relaxed);
        if newest < seen || (known != 0 && known != header.cluster_id) {
            tracing::error!(
                %newest, %seen, cluster_id = header.cluster_id,
                "etcd went back or was replaced (restored from a backup?); everything is read again"
            );
            self.start_over.notify_one();
            return Err(Failure::NotDone(format!(
                "it is at revision {newest} and was at {seen}; everything is read again"
            )));
        }
        Ok(newest)
    }
}

/// Answers readers: one question to etcd for all that came while the question before it was under way.
///
/// INVARIANT: a reader is answered by a question that was asked after it came; so what it reads is no older than
/// anything acknowledged before.
pub(crate) async fn answer_readers(shared: &Shared, mut readers: mpsc::Receiver<Answer>) {
    let mut waiting = Vec::new();
    while readers.recv_many(&mut waiting, READER_LIMIT).await > 0 {
        let outcome = shared.newest().await.map_err(StoreError::from);
        if let Ok(newest) = outcome
            && newest > shared.history.revision()
        {
            shared.wanted.send_if_modified(|wanted| {
                let is_more = newest > *wanted;
                *wanted = newest.max(*wanted);
                is_more
            });
        }
        for answer in waiting.drain(..) {
            // A reader that went away does not mind.
            let _ = answer.send(outcome.clone());
        }
    }
}

pub(crate) fn stopped() -> StoreError {
    StoreError::Unavailable("the store has stopped".to_owned())
}
