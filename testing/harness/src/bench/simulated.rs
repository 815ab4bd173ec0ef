//! Agents by the thousand in one process: they enrol with real join tokens and keys, over real TLS connections, and
//! serve what the server asks an agent. What they lack is a cluster.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use grange_tunnel::{AgentKey, Body, Received, dial, transport};
use grange_wire::{Credential, Hello, JoinToken, Lane, PROTOCOL_VERSION, control::Facts};
use http::{Request, Response};

use rand::RngExt;
use rustls_pki_types::ServerName;
use serde_json::json;
use tokio::{net::TcpSocket, task::JoinHandle};
use tokio_rustls::TlsConnector;

use crate::{Kubeconfig, Server, import, tls};

/// How many clusters are created at a time.
const CREATED_AT_ONCE: usize = 16;
/// Loopback addresses that agents dial from: one alone has too few ports.
const ADDRESSES: u8 = 8;
/// Where tunnels are opened.
const CONNECT_PATH: &str = "/v3/connect";
/// First and longest wait before the next attempt, as of a real agent: doubled each time, and jittered.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// One cluster to be played.
struct Identity {
    cluster: String,
    token: JoinToken,
    key: AgentKey,
    instance: String,
}

/// Agents that keep themselves connected until dropped.
pub struct Agents {
    /// Connections that are open now.
    open: Arc<AtomicUsize>,
    identities: Vec<Arc<Identity>>,
    address: SocketAddr,
    tls: TlsConnector,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Agents {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Agents {
    /// Creates `count` clusters on a server; nothing dials yet.
    pub async fn create(server: &Server, count: usize) -> Result<Self> {
        let kubeconfig = Kubeconfig::read(&server.kubeconfig)?;
        let (address, _) = tls::address(&kubeconfig.server)?;
        let identities = stream::iter(0..count)
            .map(|number| async move {
                let imported = import::create(&server.api, &format!("simulated-{number:05}")).await?;
                let token = JoinToken::new(imported.token()?);
                let instance = format!("instance-{number:05}");
                Ok::<_, anyhow::Error>(Arc::new(Identity {
                    cluster: imported.id,
                    token,
                    key: AgentKey::generate()?,
                    instance,
                }))
            })
            .buffer_unordered(CREATED_AT_ONCE)
            .try_collect()
            .await?;
        let tls = tls::connector(&kubeconfig.ca_pem)?;
        Ok(Agents { open: Arc::default(), identities, address, tls, tasks: Vec::new() })
    }

    /// Starts dialling with these lanes of every agent.
    pub fn dial(&mut self, lanes: &[Lane]) {
        for (number, identity) in self.identities.iter().enumerate() {
            for lane in lanes {
                let link = Link {
                    identity: Arc::clone(identity),
                    lane: *lane,
                    source: Ipv4Addr::new(127, 0, 1, 1 + (number % usize::from(ADDRESSES)) as u8),
                    address: self.address,
                    tls: self.tls.clone(),
                    open: Arc::clone(&self.open),
                };
                self.tasks.push(tokio::spawn(link.keep()));
            }
        }
    }

    /// How many connections are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One connection that is kept open.
struct Link {
    identity: Arc<Identity>,
    lane: Lane,
    source: Ipv4Addr,
    address: SocketAddr,
    tls: TlsConnector,
    open: Arc<AtomicUsize>,
}

/// Counts a connection as long as it is open.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Link {
    async fn keep(self) {
        let mut wait = FIRST_WAIT;
        let mut enrolled = false;
        loop {
            let asked = match self.once(&mut enrolled, &mut wait).await {
                Err(dial::DialError::Refused(refusal)) => refusal.wait(),
                Ok(()) | Err(_) => Duration::ZERO,
            };
            let jitter = rand::rng().random_range(0.5..1.5);
            tokio::time::sleep(asked.max(wait).mul_f64(jitter)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Dials, and serves until the connection ends.
    async fn once(&self, enrolled: &mut bool, wait: &mut Duration) -> Result<(), dial::DialError> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((self.source, 0)))?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::IpAddress(self.address.ip().into());
        let stream = self.tls.connect(name, stream).await?;
        let authority = self.address.to_string();
        let make_hello = |challenge: &grange_wire::Challenge| self.hello(*enrolled, &challenge.nonce);
        let (socket, _welcome) = dial::open(stream, &authority, CONNECT_PATH, make_hello).await?;
        *enrolled = true;
        *wait = FIRST_WAIT;
        self.open.fetch_add(1, Ordering::Relaxed);
        let _counted = Counted(&self.open);
        let cluster = self.identity.cluster.clone();
        // However it ended: it is dialled again.
        let _ = transport::serve(socket, move |request| answer(cluster.clone(), request)).await;
        Ok(())
    }

    fn hello(&self, enrolled: bool, nonce: &[u8]) -> Hello {
        let credential =
            if enrolled { Credential::Key } else { Credential::Token(self.identity.token.clone()) };
        let mut hello = Hello {
            protocol: PROTOCOL_VERSION,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: self.identity.instance.clone(),
            lane: self.lane,
            cluster: Some(self.identity.cluster.clone()),
            public_key: Vec::new(),
            kube_system_uid: format!("uid-of-{}", self.identity.cluster),
            credential,
            signature: Vec::new(),
            facts: Facts {
                kubernetes_version: Some("v1.36.3".to_owned()),
                nodes: Some(1),
                ..Facts::default()
            },
        };
        self.identity.key.sign(&mut hello, nonce);
        hello
    }
}

/// What the server asks about a cluster that it watches over.
async fn answer(cluster: String, request: Request<Received>) -> Response<Body> {
    let body = match request.uri().path() {
        "/version" => json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3"}).to_string(),
        "/api/v1/namespaces/kube-system" => {
            json!({"metadata": {"name": "kube-system", "uid": format!("uid-of-{cluster}")}}).to_string()
        }
        "/api/v1/nodes" => json!({"metadata": {}, "items": [{"metadata": {"name": "one"}}]}).to_string(),
        grange_wire::control::FACTS_PATH => json!({"kubernetes_version": "v1.36.3", "nodes": 1}).to_string(),
        _ => "ok".to_owned(),
    };
    Response::new(Body::Full(Bytes::from(body)))
}
