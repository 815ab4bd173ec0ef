//! Calls to etcd: one member at a time, the next one when it fails, a login when one is asked for.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::channel::mpsc;
use prost::Message;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::{
    Status, Streaming,
    client::Grpc,
    metadata::AsciiMetadataValue,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_prost::ProstCodec;

use crate::{EtcdConfig, OpenError, config::Credentials, failure::Failure, wire};

/// How long a member may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a member may take to answer before another is asked; etcd itself gives up a proposal after 7 s or so.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long all attempts may take together.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a quiet connection is tested; etcd refuses more than one test in 5 s.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How long a test's answer may take.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read: a page of the largest values.
const MESSAGE_LIMIT_BYTES: usize = 64 << 20;
/// Flow-control windows: a page in one go.
const WINDOW_BYTES: u32 = 4 << 20;
/// How many requests to a watch may wait for the connection.
const WATCH_REQUEST_LIMIT: usize = 16;
/// The longest token that is kept.
const TOKEN_LIMIT_BYTES: usize = 4_096;

/// Whether a call may be repeated when nobody knows whether it was done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing.
    Harmless,
    /// It changes something.
    Never,
}

struct Member {
    address: String,
    channel: Channel,
}

/// A client of one etcd.
pub(crate) struct Client {
    members: Vec<Member>,
    /// Counts up; the member in use is this, modulo their number.
    turn: AtomicUsize,
    /// TLS without a certificate of our own: who wants one ends the connection without saying so.
    is_anonymous: bool,
    credentials: Option<Credentials>,
    token: Mutex<Option<AsciiMetadataValue>>,
}

/// A running watch.
pub(crate) struct Stream {
    pub(crate) requests: mpsc::Sender<wire::WatchRequest>,
    pub(crate) responses: Streaming<wire::WatchResponse>,
}

impl Client {
    pub(crate) fn new(config: &EtcdConfig) -> Result<Self, OpenError> {
        config.validate()?;
        let tls = tls(config)?;
        let members = config.endpoints.iter().map(|address| member(address, tls.as_ref()));
        Ok(Client {
            members: members.collect::<Result<_, _>>()?,
            turn: AtomicUsize::new(0),
            is_anonymous: tls.is_some() && config.tls.identity.is_none(),
            credentials: config.credentials.clone(),
            token: Mutex::default(),
        })
    }

    /// The members' addresses, for messages.
    pub(crate) fn addresses(&self) -> String {
        let addresses: Vec<&str> = self.members.iter().map(|member| &*member.address).collect();
        addresses.join(", ")
    }

    /// What may be the matter with an etcd that cannot be reached at all.
    pub(crate) fn hint(&self) -> &'static str {
        if self.is_anonymous { " (it may want a client certificate, and none is given)" } else { "" }
    }

    /// Makes a call, at another member when one fails.
    pub(crate) async fn call<Q, A>(
        &self,
        path: &'static str,
        request: Q,
        repeat: Repeat,
    ) -> Result<A, Failure>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let deadline = Instant::now() + CALL_TIMEOUT;
        let mut is_login_fresh = false;
        let mut failed_members = 0;
        loop {
            let turn = self.turn.load(Ordering::Relaxed);
            let attempt = async {
                self.login_if_needed(turn).await?;
                self.once(turn, path, request.clone()).await
            };
            let until = deadline.min(Instant::now() + ATTEMPT_TIMEOUT);
            let outcome = match timeout_at(until, attempt).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Failure::Unknown(format!("no answer in {ATTEMPT_TIMEOUT:?}"))),
            };
            let failure = match outcome {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match failure {
                Failure::LoggedOut(_) if !is_login_fresh && self.credentials.is_some() => {
                    is_login_fresh = true;
                    self.forget_token();
                }
                failure if failure.is_of_member() => {
                    let failure = self.blame(turn, failure);
                    failed_members += 1;
                    let may_repeat = matches!(failure, Failure::NotDone(_)) || repeat == Repeat::Harmless;
                    if !may_repeat || failed_members >= self.members.len() || Instant::now() >= deadline {
                        return Err(failure);
                    }
                }
                failure => return Err(failure),
            }
        }
    }

    /// Opens a watch at the member in use; what goes wrong with it is for the caller to [`Client::blame`].
    pub(crate) async fn watch(&self, create: wire::WatchCreate) -> Result<(usize, Stream), Failure> {
        let turn = self.turn.load(Ordering::Relaxed);
        let opened = timeout(ATTEMPT_TIMEOUT, async {
            self.login_if_needed(turn).await?;
            let (mut requests, asked) = mpsc::channel(WATCH_REQUEST_LIMIT);
            let create = wire::WatchRequest { ask: Some(wire::WatchAsk::Create(create)) };
            let _ = requests.try_send(create);
            let mut request = tonic::Request::new(asked);
            self.sign(&mut request);
            // A member that has lost its leader ends the watch, instead of going quiet.
            request.metadata_mut().insert("hasleader", AsciiMetadataValue::from_static("true"));
            let mut grpc = self.grpc(turn).await?;
            let path = http::uri::PathAndQuery::from_static(wire::WATCH);
            let answer = grpc.streaming(request, path, ProstCodec::default()).await;
            let responses = answer.map_err(|status| Failure::of(&status))?.into_inner();
            Ok(Stream { requests, responses })
        });
        let opened = opened
            .await
            .unwrap_or_else(|_| Err(Failure::NotDone(format!("no answer in {ATTEMPT_TIMEOUT:?}"))));
        match opened {
            Ok(stream) => Ok((turn, stream)),
            Err(failure) => {
                if matches!(failure, Failure::LoggedOut(_)) {
                    self.forget_token();
                }
                Err(if failure.is_of_member() { self.blame(turn, failure) } else { failure })
            }
        }
    }

    /// Lets the next call go to another member, unless one has been chosen meanwhile; the failure with the member's name.
    pub(crate) fn blame(&self, turn: usize, failure: Failure) -> Failure {
        let _ = self.turn.compare_exchange(turn, turn + 1, Ordering::Relaxed, Ordering::Relaxed);
        let address = &self.member(turn).address;
        match failure {
            Failure::NotDone(text) => Failure::NotDone(format!("{address}: {text}")),
            Failure::Unknown(text) => Failure::Unknown(format!("{address}: {text}")),
            other => other,
        }
    }

    fn member(&self, turn: usize) -> &Member {
        &self.members[turn % self.members.len()]
    }

    async fn grpc(&self, turn: usize) -> Result<Grpc<Channel>, Failure> {
        let mut grpc =
            Grpc::new(self.member(turn).channel.clone()).max_decoding_message_size(MESSAGE_LIMIT_BYTES);
        grpc.ready().await.map_err(|error| Failure::NotDone(error.to_string()))?;
        Ok(grpc)
    }

    async fn once<Q, A>(&self, turn: usize, path: &'static str, request: Q) -> Result<A, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut request = tonic::Request::new(request);
        self.sign(&mut request);
        let path = http::uri::PathAndQuery::from_static(path);
        let answer = self.grpc(turn).await?.unary(request, path, ProstCodec::default()).await;
        answer.map(tonic::Response::into_inner).map_err(|status: Status| Failure::of(&status))
    }

    fn sign<T>(&self, request: &mut tonic::Request<T>) {
        if let Some(token) = &*self.token.lock().unwrap_or_else(PoisonError::into_inner) {
            request.metadata_mut().insert("token", token.clone());
        }
    }

    /// Has the next call log in anew.
    pub(crate) fn forget_token(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn login_if_needed(&self, turn: usize) -> Result<(), Failure> {
        let Some(Credentials { user, password }) = &self.credentials else { return Ok(()) };
        if self.token.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let request = wire::AuthenticateRequest { user: user.clone(), password: password.0.clone() };
        let answer: wire::AuthenticateResponse = match self.once(turn, wire::AUTHENTICATE, request).await {
            Ok(answer) => answer,
            // Nothing but a token came of it, so the whole call may be tried elsewhere.
            Err(Failure::Unknown(text)) => return Err(Failure::NotDone(text)),
            Err(failure) => return Err(failure),
        };
        if answer.token.len() > TOKEN_LIMIT_BYTES {
            return Err(Failure::Refused("etcd's token is too long".to_owned()));
        }
        let mut token = AsciiMetadataValue::try_from(answer.token)
            .map_err(|_| Failure::Refused("etcd's token is not text".to_owned()))?;
        token.set_sensitive(true);
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(())
    }
}

fn member(address: &str, tls: Option<&ClientTlsConfig>) -> Result<Member, OpenError> {
    let refused = |error: tonic::transport::Error| {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        OpenError::Config(format!("{address}: {cause}"))
    };
    let mut endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(refused)?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .tcp_nodelay(true);
    if let Some(tls) = tls.filter(|_| address.starts_with("https:")) {
        endpoint = endpoint.tls_config(tls.clone()).map_err(refused)?;
    }
    Ok(Member { address: address.to_owned(), channel: endpoint.connect_lazy() })
}

fn tls(config: &EtcdConfig) -> Result<Option<ClientTlsConfig>, OpenError> {
    let given = &config.tls;
    if !config.endpoints.iter().any(|address| address.starts_with("https:")) {
        if given.ca_pem.is_some() || given.identity.is_some() {
            return Err(OpenError::Config("certificates are given, but no endpoint is https".to_owned()));
        }
        return Ok(None);
    }
    let mut tls = ClientTlsConfig::new();
    tls = match &given.ca_pem {
        Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
        None => tls.with_native_roots(),
    };
    if let Some((certificate, key)) = &given.identity {
        tls = tls.identity(Identity::from_pem(certificate, &key.0));
    }
    Ok(Some(tls))
}

/// What a response must have.
pub(crate) fn header(header: Option<wire::Header>) -> Result<wire::Header, Failure> {
    header.ok_or_else(|| Failure::Refused("an answer without its header".to_owned()))
}

/// A condition of a transaction.
pub(crate) fn compare(key: &Bytes, result: wire::CompareResult, value: wire::CompareValue) -> wire::Compare {
    let target = match value {
        wire::CompareValue::Version(_) => wire::CompareTarget::Version,
        wire::CompareValue::ModRevision(_) => wire::CompareTarget::ModRevision,
    };
    wire::Compare { result: result.into(), target: target.into(), key: key.clone(), value: Some(value) }
}
