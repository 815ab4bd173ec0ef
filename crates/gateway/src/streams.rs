//! Long answers and consoles, by the token that opened them: revoking the token, disabling the user or deleting the
//! service account cuts them.
use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use grange_apiserver::body::BodyError;
use grange_identity::{Revoked, Secret};
use http_body::{Frame, SizeHint};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::{Body, caller::Caller};

/// How often tokens of service accounts with open streams are looked at: nobody tells when one of them ends.
const ACCOUNT_CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// All open streams. Cheap to clone.
#[derive(Clone)]
pub struct Streams {
    inner: Arc<Inner>,
}

struct Inner {
    identity: grange_identity::Handle,
    apiserver: grange_apiserver::Handle,
    open: Mutex<HashMap<Arc<str>, Entry>>,
    all: CancellationToken,
}

/// The streams of one token share one cut.
struct Entry {
    holder: Holder,
    cut: CancellationToken,
    count: usize,
}

/// Whose token it is.
enum Holder {
    /// The person's id.
    Person(Arc<str>),
    /// The service account's token.
    Account(Arc<Secret>),
}

/// One open stream; dropping it takes it off the list. Put into the extensions of every authenticated request, for
/// handlers whose work outlives their answer (upgrades).
#[derive(Clone)]
pub struct Lease(Arc<Held>);

struct Held {
    inner: Arc<Inner>,
    token: Arc<str>,
    cut: CancellationToken,
}

impl Streams {
    pub(crate) fn new(identity: grange_identity::Handle, apiserver: grange_apiserver::Handle) -> Self {
        let all = CancellationToken::new();
        Streams { inner: Arc::new(Inner { identity, apiserver, open: Mutex::default(), all }) }
    }
    /// Registers a stream of this caller.
    pub(crate) fn lease(&self, caller: &Caller) -> Lease {
        let (token, holder) = match caller {
            Caller::Person(identity) => (&identity.token, Holder::Person(identity.user_id.clone())),
            Caller::Account(account) => (&account.id, Holder::Account(account.token.clone())),
        };
        let cut = {
            let mut open = self.lock();
            let entry = open.entry(token.clone()).or_insert_with(|| Entry {
                holder,
                cut: self.inner.all.child_token(),
                count: 0,
            });
            entry.count += 1;
            entry.cut.clone()
        };
        // Revoked between the check of the credential and now: nobody else would tell.
        if let Caller::Person(identity) = caller
            && !self.inner.identity.is_live(&identity.token, &identity.user_id)
        {
            cut.cancel();
        }
        Lease(Arc::new(Held { inner: self.inner.clone(), token: token.clone(), cut }))
    }
    /// How many streams are open.
    pub fn count(&self) -> usize {
        self.lock().values().map(|entry| entry.count).sum()
    }
    /// Cuts everything: the server stops.
    pub(crate) fn cut_all(&self) {
        self.inner.all.cancel();
    }
    /// Cuts what is revoked, for ever.
    pub(crate) async fn follow(self) {
        let mut revocations = self.inner.identity.revocations();
        let mut checks = tokio::time::interval(ACCOUNT_CHECK_INTERVAL);
        loop {
            let revoked = tokio::select! {
                revoked = revocations.recv() => revoked,
                _ = checks.tick() => {
                    self.check_accounts().await;
                    continue;
                }
            };
            match revoked {
                Ok(Revoked::Token(token)) => self.cut_people(|entry_token, _| entry_token == &*token),
                Ok(Revoked::User(user)) => self.cut_people(|_, entry_user| entry_user == &*user),
                Err(RecvError::Lagged(_)) => {
                    let identity = self.inner.identity.clone();
                    self.cut_people(|token, user| !identity.is_live(token, user));
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Cuts what was opened with tokens of service accounts that hold no longer.
    async fn check_accounts(&self) {
        let accounts: Vec<(Arc<str>, Arc<Secret>)> = {
            let open = self.lock();
            let token = |(id, entry): (&Arc<str>, &Entry)| match &entry.holder {
                Holder::Account(token) => Some((id.clone(), token.clone())),
                Holder::Person(_) => None,
            };
            open.iter().filter_map(token).collect()
        };
        for (id, token) in accounts {
            // A store that cannot be asked says nothing about the token.
            if let Ok(None) = self.inner.apiserver.service_account(token.expose()).await {
                self.cut(|entry_id, entry| matches!(entry.holder, Holder::Account(_)) && *entry_id == *id);
            }
        }
    }

    fn cut_people(&self, is_meant: impl Fn(&str, &str) -> bool) {
        self.cut(|token, entry| match &entry.holder {
            Holder::Person(user) => is_meant(token, user),
            Holder::Account(_) => false,
        });
    }

    fn cut(&self, is_meant: impl Fn(&str, &Entry) -> bool) {
        for (token, entry) in self.lock().iter() {
            if is_meant(token, entry) && !entry.cut.is_cancelled() {
                tracing::info!(%token, streams = entry.count, "open streams are cut: the token is revoked");
                entry.cut.cancel();
            }
        }
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Entry>> {
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Resolves when the stream has to end.
    pub fn revoked(&self) -> BoxFuture<'static, ()> {
        Box::pin(self.0.cut.clone().cancelled_owned())
    }
    /// The same as a token to select on.
    pub fn token(&self) -> CancellationToken {
        self.0.cut.clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = open.get_mut(&self.token) {
            entry.count -= 1;
            if entry.count == 0 {
                open.remove(&self.token);
            }
        }
    }
}

/// A streamed body that ends with an error when its lease is revoked.
pub(crate) struct LeasedBody {
    body: Body,
    lease: Option<(BoxFuture<'static, ()>, Lease)>,
}

impl LeasedBody {
    pub(crate) fn new(body: Body, lease: Option<Lease>) -> Self {
        let lease = lease.map(|lease| (lease.revoked(), lease));
        LeasedBody { body, lease }
    }
}

impl http_body::Body for LeasedBody {
    type Data = Bytes;
    type Error = BodyError;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some((revoked, _)) = &mut self.lease
            && revoked.as_mut().poll(context).is_ready()
        {
            self.lease = None;
            self.body = Body::Empty;
            return Poll::Ready(Some(Err("the credential that opened this stream was revoked".into())));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
