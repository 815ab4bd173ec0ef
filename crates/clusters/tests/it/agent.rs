//! Agents without a cluster: they enrol as real ones do and answer what the server asks of a small Harvester.
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use grange_tunnel::{AgentKey, Body, Received, accept::answer_upgrade, dial, dial::DialError, transport};
use grange_wire::{Credential, Facts, Hello, JoinToken, Lane, PROTOCOL_VERSION, Refusal, control};
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{io::duplex, task::JoinHandle};

use crate::support::{FROM, Server};

/// Who an agent is.
pub struct Agent {
    pub key: AgentKey,
    pub uid: String,
    pub cluster: Option<String>,
    /// What it says of itself.
    pub facts: Facts,
    pub behaviour: Arc<Behaviour>,
}

/// What its cluster answers.
#[derive(Default)]
pub struct Behaviour {
    pub unhealthy: AtomicBool,
    pub removed: AtomicBool,
    /// What the agent answers when it is told to remove everything; `None` succeeds.
    pub removal_fails: AtomicBool,
    pub told: Mutex<Vec<String>>,
}

/// A connected agent; it leaves when dropped.
pub struct Connected {
    pub cluster: String,
    task: JoinHandle<()>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Agent {
    pub fn new(uid: &str) -> Self {
        Agent {
            key: AgentKey::generate().unwrap(),
            uid: uid.to_owned(),
            cluster: None,
            facts: Facts::default(),
            behaviour: Arc::default(),
        }
    }

    pub async fn join(&self, server: &Server, token: &str) -> Result<Connected, Refusal> {
        self.connect(server, Credential::Token(JoinToken::new(token)), Lane::Interactive).await
    }

    pub async fn return_with_key(&self, server: &Server) -> Result<Connected, Refusal> {
        self.connect(server, Credential::Key, Lane::Interactive).await
    }

    pub async fn connect(
        &self,
        server: &Server,
        credential: Credential,
        lane: Lane,
    ) -> Result<Connected, Refusal> {
        let (near, far) = duplex(256 * 1024);
        serve(server, far);
        let opened = dial::open(near, "grange.example", "/v3/connect", |challenge| {
            let mut hello = Hello {
                protocol: PROTOCOL_VERSION,
                agent_version: "0.1.0".into(),
                instance: format!("{}-{lane}", self.uid),
                lane,
                cluster: self.cluster.clone(),
                public_key: vec![],
                kube_system_uid: self.uid.clone(),
                credential,
                signature: vec![],
                facts: self.facts.clone(),
            };
            self.key.sign(&mut hello, &challenge.nonce);
            hello
        })
        .await;
        let (socket, welcome) = match opened {
            Ok(opened) => opened,
            Err(DialError::Refused(refusal)) => return Err(refusal),
            Err(error) => panic!("no tunnel: {error}"),
        };
        let behaviour = self.behaviour.clone();
        let task = tokio::spawn(async move {
            let _ = transport::serve(socket, move |request| answer(behaviour.clone(), request)).await;
        });
        Ok(Connected { cluster: welcome.cluster, task })
    }
}

/// Serves one connection as the gateway does.
fn serve(server: &Server, io: tokio::io::DuplexStream) {
    let (registry, authority) = (server.registry.clone(), Arc::new(server.clusters.clone()));
    let remote: SocketAddr = format!("{FROM}:40000").parse().unwrap();
    tokio::spawn(async move {
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (registry, authority) = (registry.clone(), authority.clone());
            async move {
                let answer = answer_upgrade(&request);
                if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                    let upgrade = hyper::upgrade::on(&mut request);
                    tokio::spawn(async move {
                        let io = TokioIo::new(upgrade.await.unwrap());
                        let _ = registry.accept(io, remote, authority).await;
                    });
                }
                Ok::<_, Infallible>(answer.map(|text| Body::Full(text.into())))
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let _ = connection.await;
    });
}

async fn answer(behaviour: Arc<Behaviour>, request: Request<Received>) -> Response<Body> {
    let json = |value: serde_json::Value| Response::new(Body::from(value.to_string().into_bytes()));
    let status = |code: u16, text: &str| {
        let mut response = Response::new(Body::from(text.as_bytes().to_vec()));
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        response
    };
    let path = request.uri().path().to_owned();
    let to_agent = request.uri().authority().is_some_and(|authority| authority == control::AGENT_AUTHORITY);
    match (to_agent, path.as_str()) {
        (true, control::PING_PATH) => Response::new(Body::Empty),
        (true, control::UNINSTALL_PATH) if behaviour.removal_fails.load(Ordering::SeqCst) => {
            status(500, "no")
        }
        (true, control::UNINSTALL_PATH) => {
            behaviour.removed.store(true, Ordering::SeqCst);
            json(json!({ "removed": ["ClusterRole grange-agent"] }))
        }
        (true, control::CLOSE_PATH) => {
            let body = http_body_util::BodyExt::collect(request.into_body()).await.unwrap().to_bytes();
            behaviour.told.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
            Response::new(Body::Empty)
        }
        (false, "/version") => json(json!({
            "major": "1", "minor": "33", "gitVersion": "v1.33.5+rke2r1", "gitCommit": "abc", "goVersion": "go1.24",
            "gitTreeState": "clean", "compiler": "gc", "platform": "linux/amd64", "buildDate": "2026-01-01T00:00:00Z"
        })),
        (false, "/readyz") if behaviour.unhealthy.load(Ordering::SeqCst) => status(500, "[-]etcd failed\n"),
        (false, "/readyz") => status(200, "ok"),
        (false, "/api") => json(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "10.53.0.1:443" }]
        })),
        (false, "/api/v1/nodes") => json(json!({
            "kind": "NodeList", "metadata": { "resourceVersion": "1" },
            "items": [{
                "metadata": { "name": "node-1", "labels": { "harvesterhci.io/managed": "true" } },
                "status": {
                    "capacity": { "cpu": "8", "memory": "32Gi", "pods": "110" },
                    "allocatable": { "cpu": "7500m", "memory": "31Gi", "pods": "110" },
                    "nodeInfo": { "architecture": "amd64", "operatingSystem": "linux" }
                }
            }]
        })),
        _ => status(404, "not found"),
    }
}
