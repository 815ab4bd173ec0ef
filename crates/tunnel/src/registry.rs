//! All live sessions of this server: who may have one, which one a request takes, and what became of them.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use futures::future::BoxFuture;
use grange_wire::{Hello, Lane, Refusal, RefusalCode, ServerMessage, Welcome, handshake::HANDSHAKE_TIMEOUT};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::broadcast,
    time::timeout,
};

use crate::{
    accept::{GreetError, Handshakes, greet, say},
    bulk::{self, Bulk},
    session::{Session, SessionInfo},
    transport::{PING_INTERVAL, PING_TIMEOUT, request_side},
    websocket::{Role, Socket},
};

/// Sessions one cluster may have at a time, both lanes together; more push out the oldest.
pub const MAX_SESSIONS_PER_CLUSTER: usize = 16;
/// Events a subscriber may lag behind before it must look at [`Registry::sessions`] instead.
const EVENT_BACKLOG: usize = 4096;
/// Clusters whose last departure is remembered.
const MAX_DEPARTURES: usize = 20_000;

/// Decides who may open a session.
pub trait SessionAuthority: Send + Sync + 'static {
    /// Admits an agent or says why not. The hello's form and signature were checked: whoever sent it holds the
    /// private half of `hello.public_key`. `nonce` is what it signed.
    fn admit<'a>(
        &'a self,
        hello: &'a Hello,
        nonce: &'a [u8],
        remote: SocketAddr,
    ) -> BoxFuture<'a, Result<Admission, Refusal>>;
}

/// An agent that may open a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The cluster it serves.
    pub cluster: String,
}

/// What happened to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It has a session again.
    Connected {
        /// Which cluster.
        cluster: Arc<str>,
    },
    /// It has none any more.
    Disconnected {
        /// Which cluster.
        cluster: Arc<str>,
        /// In words.
        reason: String,
    },
}

/// Since when and why a cluster has no session.
#[derive(Clone, Debug)]
pub struct Absence {
    /// When the last session ended.
    pub since: SystemTime,
    /// Why it ended.
    pub reason: String,
}

/// How [`Registry::accept`] ended when it was not a session that ended.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// No proper hello came.
    #[error(transparent)]
    Greet(#[from] GreetError),
    /// The handshake took too long.
    #[error("the handshake took longer than {} s", HANDSHAKE_TIMEOUT.as_secs())]
    TimedOut,
    /// The agent was admitted but does not speak HTTP/2.
    #[error("the agent does not speak HTTP/2 in the tunnel: {0}")]
    NotHttp2(String),
}

/// All live sessions. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    server_version: String,
    handshakes: Handshakes,
    clusters: RwLock<Clusters>,
    events: broadcast::Sender<Event>,
    next_session: AtomicU64,
    bulk: Bulk,
}

#[derive(Default)]
struct Clusters {
    /// Oldest first; no entry is empty.
    live: HashMap<Arc<str>, Vec<Session>>,
    departures: HashMap<Arc<str>, Absence>,
}

impl Registry {
    /// An empty registry; `server_version` is what agents are told.
    pub fn new(server_version: impl Into<String>) -> Self {
        Registry(Arc::new(Inner {
            server_version: server_version.into(),
            handshakes: Handshakes::default(),
            clusters: RwLock::default(),
            events: broadcast::channel(EVENT_BACKLOG).0,
            next_session: AtomicU64::new(rand::random::<u32>().into()),
            bulk: Bulk::default(),
        }))
    }

    /// Runs one connection from handshake to end. `io` is the stream below the WebSocket, after its HTTP upgrade
    /// ([`crate::accept::answer_upgrade`]). Dropping the future ends the session.
    pub async fn accept<S>(
        &self,
        io: S,
        remote: SocketAddr,
        authority: Arc<dyn SessionAuthority>,
    ) -> Result<(), AcceptError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut socket = Socket::new(io, Role::Server);
        let (hello, admission) = {
            let Some(_guard) = self.0.handshakes.enter(remote.ip()) else {
                let refusal = Refusal::new(RefusalCode::Throttled, "too many agents are connecting");
                return Err(Box::pin(self.refuse(&mut socket, remote, None, refusal)).await);
            };
            let greeting = async {
                let (hello, nonce) = greet(&mut socket, &self.0.server_version).await?;
                let admission = authority.admit(&hello, &nonce, remote).await;
                Ok::<_, GreetError>((hello, admission))
            };
            // Boxed, as everything that is over before the session's long life begins: it would stay part of it.
            match timeout(HANDSHAKE_TIMEOUT, Box::pin(greeting)).await {
                Err(_) => return Err(AcceptError::TimedOut),
                Ok(Err(GreetError::Refused(refusal))) => {
                    return Err(Box::pin(self.refuse(&mut socket, remote, None, refusal)).await);
                }
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok((hello, Err(refusal)))) => {
                    return Err(Box::pin(self.refuse(&mut socket, remote, Some(&hello), refusal)).await);
                }
                Ok(Ok((hello, Ok(admission)))) => (hello, admission),
            }
        };
        Box::pin(self.run(socket, remote, hello, admission)).await
    }

    /// Tells an agent why it is not wanted.
    async fn refuse<S>(
        &self,
        socket: &mut Socket<S>,
        remote: SocketAddr,
        hello: Option<&Hello>,
        refusal: Refusal,
    ) -> AcceptError
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        tracing::info!(
            %remote,
            cluster = hello.and_then(|hello| hello.cluster.as_deref()).unwrap_or_default(),
            code = %refusal.code,
            reason = refusal.message,
            "agent refused"
        );
        let telling = async {
            say(socket, &ServerMessage::Refusal(refusal.clone())).await?;
            tokio::io::AsyncWriteExt::shutdown(socket).await
        };
        // It is gone anyway; whether it heard us changes nothing.
        let _ = timeout(PING_TIMEOUT, telling).await;
        GreetError::Refused(refusal).into()
    }

    async fn run<S>(
        &self,
        mut socket: Socket<S>,
        remote: SocketAddr,
        hello: Hello,
        admission: Admission,
    ) -> Result<(), AcceptError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let number = self.0.next_session.fetch_add(1, Ordering::Relaxed);
        let id: Arc<str> = format!("s-{number:08x}").into();
        let cluster: Arc<str> = admission.cluster.into();
        let welcome = ServerMessage::Welcome(Welcome {
            session: id.to_string(),
            cluster: cluster.to_string(),
            ping_interval_ms: PING_INTERVAL.as_millis() as u64,
            ping_timeout_ms: PING_TIMEOUT.as_millis() as u64,
        });
        let link = socket.link();
        let opening = async {
            say(&mut socket, &welcome).await.map_err(GreetError::Io)?;
            request_side(socket).await.map_err(|error| AcceptError::NotHttp2(error.to_string()))
        };
        let (sender, connection) =
            timeout(HANDSHAKE_TIMEOUT, Box::pin(opening)).await.map_err(|_| AcceptError::TimedOut)??;
        let session = Session::new(id, cluster, hello, remote, sender, link);
        let mut connection = std::pin::pin!(connection);
        // One round trip proves that the agent serves HTTP/2 and brings its settings before the first real request.
        tokio::select! {
            biased;
            () = &mut connection => return Err(AcceptError::NotHttp2(session.end())),
            answer = Box::pin(session.ping()) => answer.map_err(|error| AcceptError::NotHttp2(error.to_string()))?,
        }
        let registered = self.register(session.clone());
        tracing::info!(
            cluster = %session.cluster(),
            session = %session.id(),
            lane = %session.lane(),
            %remote,
            "agent connected"
        );
        // How it ended is known better by the link than by the protocol above it.
        tokio::select! {
            () = &mut connection => {}
            () = bulk::unused(&session) => connection.await,
        }
        drop(registered);
        tracing::info!(
            cluster = %session.cluster(),
            session = %session.id(),
            lane = %session.lane(),
            reason = session.end(),
            "agent disconnected"
        );
        Ok(())
    }

    /// The session that a request to `cluster` should take: the newest on this lane, or else on the other.
    pub fn session(&self, cluster: &str, lane: Lane) -> Option<Session> {
        let clusters = self.read();
        let sessions = clusters.live.get(cluster)?;
        let usable = |wanted: Lane| {
            sessions.iter().rev().find(|session| session.lane() == wanted && session.is_usable()).cloned()
        };
        usable(lane).or_else(|| usable(lane.other()))
    }

    /// The same, but a missing bulk lane is asked for and waited for a little.
    pub async fn session_on(&self, cluster: &str, lane: Lane) -> Option<Session> {
        let session = self.session(cluster, lane)?;
        if lane == Lane::Bulk && session.lane() != lane && self.0.bulk.open(self, &session).await {
            return self.session(cluster, lane);
        }
        Some(session)
    }

    /// Whether `cluster` has a usable session.
    pub fn is_connected(&self, cluster: &str) -> bool {
        self.read().live.get(cluster).is_some_and(|sessions| sessions.iter().any(Session::is_usable))
    }

    /// Since when and why `cluster` has no session; `None` if it has one or never had.
    pub fn absence(&self, cluster: &str) -> Option<Absence> {
        self.read().departures.get(cluster).cloned()
    }

    /// All sessions, for status pages.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.read().live.values().flatten().map(Session::info).collect()
    }

    /// The sessions of one cluster.
    pub fn sessions_of(&self, cluster: &str) -> Vec<SessionInfo> {
        self.read().live.get(cluster).into_iter().flatten().map(Session::info).collect()
    }

    /// What happens from now on. A receiver that lags behind must look at [`Registry::sessions`] again.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// Ends all sessions of `cluster`; its agents are told why. New requests find no session from this call on.
    pub async fn close(&self, cluster: &str, refusal: Refusal) {
        let sessions = self.read().live.get(cluster).cloned().unwrap_or_default();
        close_all(sessions, refusal).await;
    }

    /// Ends every session, as when the server stops.
    pub async fn close_everything(&self, refusal: Refusal) {
        let sessions: Vec<Session> = self.read().live.values().flatten().cloned().collect();
        close_all(sessions, refusal).await;
    }

    /// Forgets when `cluster` was last here, as when it is deleted.
    pub fn forget(&self, cluster: &str) {
        self.write().departures.remove(cluster);
    }

    fn register(&self, session: Session) -> Registered {
        let mut superseded = Vec::new();
        {
            let mut clusters = self.write();
            let cluster = session.cluster().clone();
            clusters.departures.remove(&cluster);
            let sessions = clusters.live.entry(cluster).or_default();
            let is_first = !sessions.iter().any(Session::is_usable);
            for other in sessions.iter() {
                if other.instance() == session.instance() && other.lane() == session.lane() {
                    superseded.push(other.clone());
                }
            }
            let surplus = (sessions.len() + 1 - superseded.len()).saturating_sub(MAX_SESSIONS_PER_CLUSTER);
            superseded.extend(sessions.iter().take(surplus).cloned());
            superseded.iter().for_each(Session::retire);
            sessions.push(session.clone());
            if session.lane() == Lane::Bulk {
                self.0.bulk.arrived();
            }
            if is_first {
                // Sent under the lock, so that events come in the order of the changes.
                let _ = self.0.events.send(Event::Connected { cluster: session.cluster().clone() });
            }
        }
        for old in superseded {
            let refusal = Refusal::new(RefusalCode::Superseded, "a newer session of this agent took over");
            tokio::spawn(async move { old.close(refusal).await });
        }
        Registered { registry: self.clone(), session }
    }

    fn deregister(&self, session: &Session) {
        session.retire();
        let cluster = session.cluster();
        let mut clusters = self.write();
        let Some(sessions) = clusters.live.get_mut(cluster) else { return };
        sessions.retain(|other| other.id() != session.id());
        if !sessions.is_empty() {
            return;
        }
        clusters.live.remove(cluster);
        if clusters.departures.len() >= MAX_DEPARTURES {
            let oldest = clusters.departures.iter().min_by_key(|(_, absence)| absence.since);
            if let Some(oldest) = oldest.map(|(cluster, _)| cluster.clone()) {
                clusters.departures.remove(&oldest);
            }
        }
        let reason = session.end();
        clusters
            .departures
            .insert(cluster.clone(), Absence { since: SystemTime::now(), reason: reason.clone() });
        let _ = self.0.events.send(Event::Disconnected { cluster: cluster.clone(), reason });
    }

    fn read(&self) -> RwLockReadGuard<'_, Clusters> {
        self.0.clusters.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Clusters> {
        self.0.clusters.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registry").field("clusters", &self.read().live.len()).finish_non_exhaustive()
    }
}

async fn close_all(sessions: Vec<Session>, refusal: Refusal) {
    sessions.iter().for_each(Session::retire);
    futures::future::join_all(sessions.iter().map(|session| session.close(refusal.clone()))).await;
}

/// A session's place in the registry.
struct Registered {
    registry: Registry,
    session: Session,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.deregister(&self.session);
    }
}
