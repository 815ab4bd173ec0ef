//! A server end and an agent end, joined by an in-memory connection that can be cut or silenced.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use grange_tunnel::{
    Admission, AgentKey, Body, Received, Registry, Session, SessionAuthority, accept::answer_upgrade, dial,
    registry::AcceptError, transport, websocket::Socket,
};
use grange_wire::{Credential, Facts, Hello, JoinToken, Lane, PROTOCOL_VERSION, Refusal, RefusalCode};
use http::{Request, Response};
use http_body_util::Empty;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    sync::oneshot,
    task::JoinHandle,
};

pub const REMOTE: &str = "192.0.2.1:40000";
pub const TOKEN: &str = "join-token";
pub const CLUSTER: &str = "c-m-abcdefgh";

/// Admits the token's holder, and nobody with cluster id `refused-…`.
#[derive(Default)]
pub struct Authority {
    pub refuse: Mutex<Option<Refusal>>,
    /// Per instance, which cluster; else [`CLUSTER`].
    pub clusters: Mutex<HashMap<String, String>>,
}

impl SessionAuthority for Authority {
    fn admit<'a>(
        &'a self,
        hello: &'a Hello,
        nonce: &'a [u8],
        remote: SocketAddr,
    ) -> BoxFuture<'a, Result<Admission, Refusal>> {
        async move {
            assert_eq!(nonce.len(), 32);
            assert_eq!(remote.to_string(), REMOTE);
            if let Some(refusal) = self.refuse.lock().unwrap().clone() {
                return Err(refusal);
            }
            match &hello.credential {
                Credential::Token(token) if token.expose() == TOKEN => {}
                _ => return Err(Refusal::new(RefusalCode::BadToken, "unknown token")),
            }
            let cluster = self.clusters.lock().unwrap().get(&hello.instance).cloned();
            Ok(Admission { cluster: cluster.unwrap_or_else(|| CLUSTER.to_owned()) })
        }
        .boxed()
    }
}

/// A connection that can be silenced (nothing arrives any more, nobody notices) or cut.
pub struct Wire {
    inner: DuplexStream,
    silent: Arc<AtomicBool>,
}

pub fn wire() -> (Wire, Wire, Arc<AtomicBool>) {
    let (left, right) = duplex(1024 * 1024);
    let silent = Arc::new(AtomicBool::new(false));
    (Wire { inner: left, silent: silent.clone() }, Wire { inner: right, silent: silent.clone() }, silent)
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.silent.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.silent.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

pub type Accepted = oneshot::Receiver<Result<(), AcceptError>>;

/// Serves one connection as the gateway does: HTTP/1.1, upgrade, registry.
pub fn serve_connect(registry: &Registry, authority: &Arc<Authority>, io: Wire) -> Accepted {
    let (registry, authority) = (registry.clone(), authority.clone());
    let (done, accepted) = oneshot::channel();
    let done = Arc::new(Mutex::new(Some(done)));
    tokio::spawn(async move {
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (registry, authority, done) = (registry.clone(), authority.clone(), done.clone());
            async move {
                let answer = answer_upgrade(&request);
                if answer.status() == 101 {
                    let upgrade = hyper::upgrade::on(&mut request);
                    tokio::spawn(async move {
                        let io = TokioIo::new(upgrade.await.unwrap());
                        let result = registry.accept(io, REMOTE.parse().unwrap(), authority).await;
                        if let Some(done) = done.lock().unwrap().take() {
                            let _ = done.send(result);
                        }
                    });
                }
                Ok::<_, Infallible>(answer.map(|text| Body::Full(text.into())))
            }
        });
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades()
            .await;
    });
    accepted
}

pub fn unsigned_hello(instance: &str, lane: Lane) -> Hello {
    Hello {
        protocol: PROTOCOL_VERSION,
        agent_version: "0.1.0".into(),
        instance: instance.into(),
        lane,
        cluster: None,
        public_key: vec![],
        kube_system_uid: "uid".into(),
        credential: Credential::Token(JoinToken::new(TOKEN)),
        signature: vec![],
        facts: Facts { kubernetes_version: Some("v1.33.0".into()), nodes: Some(3), ..Facts::default() },
    }
}

pub fn signed_hello(instance: &str, lane: Lane, nonce: &[u8]) -> Hello {
    let mut hello = unsigned_hello(instance, lane);
    AgentKey::generate().unwrap().sign(&mut hello, nonce);
    hello
}

/// Opens the agent's end.
pub async fn open(
    io: Wire,
    instance: &str,
    lane: Lane,
) -> Result<(Socket<dial::AgentStream>, grange_wire::Welcome), dial::DialError> {
    dial::open(io, "grange.example", "/v3/connect", |challenge| {
        signed_hello(instance, lane, &challenge.nonce)
    })
    .await
}

/// Server, one agent, and the connection between them.
pub struct Pair {
    pub registry: Registry,
    pub agent: JoinHandle<()>,
    pub accepted: Accepted,
    pub silent: Arc<AtomicBool>,
}

impl Pair {
    pub async fn new<F, A>(answer: F) -> Pair
    where
        F: Fn(Request<Received>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let registry = Registry::new("test");
        let authority = Arc::new(Authority::default());
        let (accepted, agent, silent) = join(&registry, &authority, "one", Lane::Interactive, answer).await;
        Pair { registry, agent, accepted, silent }
    }

    pub fn session(&self) -> Session {
        self.registry.session(CLUSTER, Lane::Interactive).expect("a session")
    }
}

/// Connects one more agent and waits until the registry knows it.
pub async fn join<F, A>(
    registry: &Registry,
    authority: &Arc<Authority>,
    instance: &str,
    lane: Lane,
    answer: F,
) -> (Accepted, JoinHandle<()>, Arc<AtomicBool>)
where
    F: Fn(Request<Received>) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let (server, agent, silent) = wire();
    let accepted = serve_connect(registry, authority, server);
    let (socket, welcome) = open(agent, instance, lane).await.expect("a welcome");
    let answer = Arc::new(answer);
    let agent = tokio::spawn(async move {
        let _ = transport::serve(socket, move |request| {
            let answer = answer.clone();
            async move {
                if request.uri().path() == grange_wire::control::PING_PATH {
                    return Response::new(Body::Empty);
                }
                answer(request).await
            }
        })
        .await;
    });
    until(|| registry.sessions().iter().any(|session| *session.id == *welcome.session)).await;
    (accepted, agent, silent)
}

/// Waits for a condition, at most ten seconds.
pub async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("the condition within ten seconds");
}

pub fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::Empty).unwrap()
}

pub fn text(text: impl Into<String>) -> Response<Body> {
    Response::new(Body::from(text.into().into_bytes()))
}

/// An HTTP/1.1 upgrade request by hand, for agents that misbehave.
pub async fn raw_upgrade(io: Wire) -> TokioIo<hyper::upgrade::Upgraded> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Empty<bytes::Bytes>>(TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    let request = Request::get("/v3/connect")
        .header("host", "grange.example")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "grange.tunnel.v1")
        .body(Empty::new())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    TokioIo::new(hyper::upgrade::on(response).await.unwrap())
}
