//! One live session: requests and upgrades to a cluster through its agent.

use std::{
    fmt,
    future::poll_fn,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use grange_wire::{Facts, Hello, Lane, Refusal, Removal, control};
use h2::ext::Protocol;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{CONNECTION, HOST},
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};

use crate::{
    body::{Body, OpenStream, Received, ResponseBody, announce_length},
    transport::{MAX_STREAMS, Sender},
    upgraded::UpgradedStream,
    websocket::Link,
};

/// Carries an upgrade's own method, because on the wire it is `CONNECT`.
pub const METHOD_HEADER: HeaderName = HeaderName::from_static("grange-tunnel-method");
/// Carries the cluster's answer to an upgrade, because on the wire 200 means "switched" and nothing else.
pub const STATUS_HEADER: HeaderName = HeaderName::from_static("grange-tunnel-status");
/// The wire's status of an upgrade that the cluster answered with something else than 101.
pub const NOT_SWITCHED: StatusCode = StatusCode::MISDIRECTED_REQUEST;
/// How long the server waits for an agent to take note of a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an agent may take to remove what the import brought.
const UNINSTALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long other control requests may take.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer to a control request.
const MAX_CONTROL_ANSWER_BYTES: usize = 64 * 1024;

/// Why a request got no answer through a session.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// The session ended; the text says why.
    #[error("the connection to the cluster's agent ended: {0}")]
    Closed(String),
    /// The session has as many open requests as it may.
    #[error("too many open requests to this cluster")]
    TooManyStreams,
    /// This one stream broke off.
    #[error("the agent broke off the request")]
    Stream(#[source] h2::Error),
    /// The request cannot be expressed in the tunnel.
    #[error("the request cannot be sent through the tunnel: {0}")]
    Malformed(&'static str),
    /// The agent did not answer a control request in time.
    #[error("the agent did not answer in time")]
    TimedOut,
    /// The agent answered a control request with something else than it should.
    #[error("the agent answered {0}")]
    Answer(String),
}

/// A request without answer. When it surely never left, it is given back, so that another session can try.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SendError {
    /// What happened.
    #[source]
    pub error: TunnelError,
    /// The request, if the cluster has not seen it.
    pub request: Option<Box<Request<Body>>>,
}

impl From<TunnelError> for SendError {
    fn from(error: TunnelError) -> Self {
        SendError { error, request: None }
    }
}

/// The outcome of asking for an upgrade.
#[derive(Debug)]
pub enum Upgrade {
    /// The cluster switched protocols: its 101 answer and the bytes both ways.
    Switched(Response<()>, UpgradedStream),
    /// The cluster answered otherwise.
    Answered(Response<ResponseBody>),
}

/// What status pages show of a session.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// The session's id, as in the logs.
    pub id: Arc<str>,
    /// The cluster.
    pub cluster: Arc<str>,
    /// Which of the agent's connections.
    pub lane: Lane,
    /// The agent process.
    pub instance: String,
    /// Where the connection comes from.
    pub remote: SocketAddr,
    /// Since when.
    pub since: SystemTime,
    /// The agent's version.
    pub agent_version: String,
    /// What the agent said of its cluster when it connected.
    pub facts: Facts,
    /// Requests open now.
    pub open_streams: usize,
    /// Bytes from the agent.
    pub received_bytes: u64,
    /// Bytes to the agent.
    pub sent_bytes: u64,
}

/// A live session. Cheap to clone.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    id: Arc<str>,
    cluster: Arc<str>,
    hello: Hello,
    remote: SocketAddr,
    since: SystemTime,
    sender: Sender,
    link: Arc<Link>,
    open_streams: Arc<AtomicUsize>,
    closing: AtomicBool,
    reason: OnceLock<Refusal>,
}

impl Session {
    pub(crate) fn new(
        id: Arc<str>,
        cluster: Arc<str>,
        mut hello: Hello,
        remote: SocketAddr,
        sender: Sender,
        link: Arc<Link>,
    ) -> Self {
        // Kept for the session's life: what proved the agent's identity is not needed any more.
        hello.credential = grange_wire::Credential::Key;
        hello.signature = Vec::new();
        Session(Arc::new(Inner {
            id,
            cluster,
            hello,
            remote,
            since: SystemTime::now(),
            sender,
            link,
            open_streams: Arc::default(),
            closing: AtomicBool::new(false),
            reason: OnceLock::new(),
        }))
    }

    /// The session's id.
    pub fn id(&self) -> &Arc<str> {
        &self.0.id
    }

    /// The cluster it leads to.
    pub fn cluster(&self) -> &Arc<str> {
        &self.0.cluster
    }

    /// Which of the agent's connections it is.
    pub fn lane(&self) -> Lane {
        self.0.hello.lane
    }

    /// The name of the agent process.
    pub fn instance(&self) -> &str {
        &self.0.hello.instance
    }

    /// Whether new requests may use it.
    pub fn is_usable(&self) -> bool {
        !self.0.closing.load(Ordering::Acquire) && !self.0.link.is_over()
    }

    /// What status pages show.
    pub fn info(&self) -> SessionInfo {
        let inner = &self.0;
        SessionInfo {
            id: inner.id.clone(),
            cluster: inner.cluster.clone(),
            lane: inner.hello.lane,
            instance: inner.hello.instance.clone(),
            remote: inner.remote,
            since: inner.since,
            agent_version: inner.hello.agent_version.clone(),
            facts: inner.hello.facts.clone(),
            open_streams: self.open_streams(),
            received_bytes: inner.link.received_bytes(),
            sent_bytes: inner.link.sent_bytes(),
        }
    }

    /// Sends a request to the cluster's Kubernetes API. Only path and query of its URI count. Dropping the future or
    /// the answer's body cancels the request in the cluster.
    pub async fn send<B: Into<Body>>(
        &self,
        request: Request<B>,
    ) -> Result<Response<ResponseBody>, SendError> {
        self.send_to(control::CLUSTER_AUTHORITY, request.map(Into::into)).await
    }

    async fn send_to(
        &self,
        authority: &'static str,
        mut request: Request<Body>,
    ) -> Result<Response<ResponseBody>, SendError> {
        let mut open = match self.open_stream() {
            Ok(open) => open,
            Err(error) => return Err(SendError { error, request: Some(Box::new(request)) }),
        };
        readdress(&mut request, authority)?;
        let mut sender = self.0.sender.clone();
        if let Err(error) = poll_fn(|context| sender.poll_ready(context)).await {
            return Err(SendError { error: self.explain(error), request: Some(Box::new(request)) });
        }
        let (mut parts, body) = request.into_parts();
        let is_end = body.is_end_stream();
        if !is_end {
            announce_length(&mut parts.headers, &body);
        }
        let head = Request::from_parts(parts, ());
        let (response, stream) = sender.send_request(head, is_end).map_err(|error| self.explain(error))?;
        if !is_end {
            open.send(body, stream);
        }
        let response = response.await.map_err(|error| self.explain(error))?;
        Ok(answered(response, open))
    }

    /// Asks the cluster to switch to `protocol` (the value of the `Upgrade` header) for the request's path. Method and
    /// headers reach the cluster as they are, `Sec-WebSocket-*` included.
    pub async fn upgrade(&self, request: Request<()>, protocol: &str) -> Result<Upgrade, SendError> {
        let open = self.open_stream()?;
        let mut request = request.map(|()| Body::Empty);
        readdress(&mut request, control::CLUSTER_AUTHORITY)?;
        let method = HeaderValue::from_str(request.method().as_str())
            .map_err(|_| TunnelError::Malformed("the method has unusual characters"))?;
        request.headers_mut().insert(METHOD_HEADER, method);
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from(protocol));
        let mut sender = self.0.sender.clone();
        let (response, sending) =
            sender.send_request(request.map(|_| ()), false).map_err(|error| self.explain(error))?;
        let mut response = response.await.map_err(|error| self.explain(error))?;
        let status = response.headers_mut().remove(STATUS_HEADER);
        if response.status() == StatusCode::OK {
            let (mut parts, receiving) = response.into_parts();
            parts.status = StatusCode::SWITCHING_PROTOCOLS;
            let stream = UpgradedStream::new(sending, receiving, Some(open));
            return Ok(Upgrade::Switched(Response::from_parts(parts, ()), stream));
        }
        if let Some(status) = status.and_then(|value| StatusCode::from_bytes(value.as_bytes()).ok()) {
            *response.status_mut() = status;
        }
        Ok(Upgrade::Answered(answered(response, open)))
    }

    /// Asks the agent whether it is there.
    pub async fn ping(&self) -> Result<(), TunnelError> {
        self.control(Method::GET, control::PING_PATH, Body::Empty, CONTROL_TIMEOUT).await.map(|_| ())
    }

    /// Asks the agent to open its connection for bulk, unless it has one.
    pub(crate) async fn ask_for_bulk(&self) -> Result<(), TunnelError> {
        self.control(Method::POST, control::BULK_PATH, Body::Empty, CONTROL_TIMEOUT).await.map(|_| ())
    }

    /// Asks the agent what it knows of its cluster.
    pub async fn facts(&self) -> Result<Facts, TunnelError> {
        let answer = self.control(Method::GET, control::FACTS_PATH, Body::Empty, CONTROL_TIMEOUT).await?;
        serde_json::from_slice(&answer).map_err(|error| TunnelError::Answer(format!("nonsense: {error}")))
    }

    /// Tells the agent to remove everything the import brought, and itself.
    pub async fn uninstall(&self) -> Result<Removal, TunnelError> {
        let answer =
            self.control(Method::POST, control::UNINSTALL_PATH, Body::Empty, UNINSTALL_TIMEOUT).await?;
        serde_json::from_slice(&answer).map_err(|error| TunnelError::Answer(format!("nonsense: {error}")))
    }

    /// Ends the session and everything in flight. The agent is told why first, if it still listens.
    pub async fn close(&self, refusal: Refusal) {
        self.0.closing.store(true, Ordering::Release);
        let body = serde_json::to_vec(&refusal).unwrap_or_default();
        let _ = self.0.reason.set(refusal);
        let told = self.control(Method::POST, control::CLOSE_PATH, body.into(), CLOSE_TIMEOUT).await;
        if let Err(error) = told {
            tracing::debug!(session = %self.0.id, %error, "the agent did not take note of the close");
        }
        self.0.link.abort();
    }

    /// Why the session ended or is ending, in words.
    pub fn end(&self) -> String {
        if let Some(reason) = self.0.reason.get() {
            return reason.to_string();
        }
        self.0.link.end().unwrap_or("the agent stopped answering").to_owned()
    }

    /// Requests open now.
    pub(crate) fn open_streams(&self) -> usize {
        self.0.open_streams.load(Ordering::Relaxed)
    }

    /// Keeps new requests away.
    pub(crate) fn retire(&self) {
        self.0.closing.store(true, Ordering::Release);
    }

    async fn control(
        &self,
        method: Method,
        path: &'static str,
        body: Body,
        timeout: Duration,
    ) -> Result<Bytes, TunnelError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_static(path);
        let exchange = async {
            let response =
                self.send_to(control::AGENT_AUTHORITY, request).await.map_err(|failure| failure.error)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_CONTROL_ANSWER_BYTES)
                .collect()
                .await
                .map_err(|error| TunnelError::Answer(error.to_string()))?
                .to_bytes();
            if status != StatusCode::OK {
                return Err(TunnelError::Answer(format!("{status}: {}", String::from_utf8_lossy(&body))));
            }
            Ok(body)
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(TunnelError::TimedOut))
    }

    fn open_stream(&self) -> Result<OpenStream, TunnelError> {
        OpenStream::open(&self.0.open_streams, MAX_STREAMS as usize).ok_or(TunnelError::TooManyStreams)
    }

    /// Tells a lost session from a lost stream. The link knows of its end before the protocol above it does.
    fn explain(&self, error: h2::Error) -> TunnelError {
        let is_lost = self.0.link.end().is_some() || self.0.link.is_over();
        if is_lost || error.is_io() || error.is_go_away() {
            TunnelError::Closed(self.end())
        } else {
            TunnelError::Stream(error)
        }
    }
}

/// The cluster's answer, which keeps its place among the open streams.
fn answered(response: Response<h2::RecvStream>, open: OpenStream) -> Response<ResponseBody> {
    let (parts, stream) = response.into_parts();
    let received = Received::new(stream, &parts.headers);
    Response::from_parts(parts, ResponseBody::new(received, open))
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("id", &self.0.id)
            .field("cluster", &self.0.cluster)
            .field("lane", &self.0.hello.lane)
            .finish_non_exhaustive()
    }
}

/// Makes a request HTTP/2's own: authority ours, no header that only HTTP/1.1 knows.
fn readdress(request: &mut Request<Body>, authority: &'static str) -> Result<(), TunnelError> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(Authority::from_static(authority));
    parts.path_and_query =
        Some(request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    *request.uri_mut() =
        Uri::from_parts(parts).map_err(|_| TunnelError::Malformed("its path is not valid"))?;
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    headers.remove(HOST);
    headers.remove(CONNECTION);
    headers.remove(METHOD_HEADER);
    headers.remove(STATUS_HEADER);
    Ok(())
}
