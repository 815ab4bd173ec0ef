//! A Grange server as far as an agent sees it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::digest::{SHA256, digest};
use futures::future::{BoxFuture, FutureExt};
use grange_agent::server::ServerUrl;
use grange_tunnel::{Admission, Body, Registry, SessionAuthority, accept::answer_upgrade};
use grange_wire::{Credential, Hello, Refusal, RefusalCode, TroubleReport, trouble::TROUBLE_PATH};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::certificates;

pub const CLUSTER: &str = "c-m-abcdefgh";
pub const TOKEN: &str = "join-token";

pub struct FakeServer {
    pub registry: Registry,
    pub address: SocketAddr,
    pub ca_pem: String,
    pub state: Arc<State>,
}

#[derive(Default)]
pub struct State {
    /// Every hello that came, with its verdict.
    pub hellos: Mutex<Vec<Hello>>,
    pub refuse: Mutex<Option<Refusal>>,
    /// What `/v3/settings/cacerts` shows.
    pub shown_ca: Mutex<String>,
    /// What agents said that could not come in.
    pub reports: Mutex<Vec<TroubleReport>>,
    /// Keys enrolled by token.
    enrolled: Mutex<Vec<Vec<u8>>>,
}

impl SessionAuthority for State {
    fn admit<'a>(
        &'a self,
        hello: &'a Hello,
        _: &'a [u8],
        _: SocketAddr,
    ) -> BoxFuture<'a, Result<Admission, Refusal>> {
        async move {
            self.hellos.lock().unwrap().push(hello.clone());
            if let Some(refusal) = self.refuse.lock().unwrap().clone() {
                return Err(refusal);
            }
            let mut enrolled = self.enrolled.lock().unwrap();
            match &hello.credential {
                Credential::Token(token) if token.expose() == TOKEN => {
                    enrolled.push(hello.public_key.clone())
                }
                Credential::Key if enrolled.contains(&hello.public_key) => {}
                _ => return Err(Refusal::new(RefusalCode::BadToken, "unknown")),
            }
            Ok(Admission { cluster: CLUSTER.to_owned() })
        }
        .boxed()
    }
}

impl FakeServer {
    pub async fn start() -> FakeServer {
        let (ca_pem, tls) = certificates();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let registry = Registry::new("test");
        let state = Arc::new(State::default());
        *state.shown_ca.lock().unwrap() = ca_pem.clone();
        let acceptor = TlsAcceptor::from(tls);
        tokio::spawn({
            let (registry, state) = (registry.clone(), state.clone());
            async move {
                while let Ok((stream, remote)) = listener.accept().await {
                    let (registry, state, acceptor) = (registry.clone(), state.clone(), acceptor.clone());
                    tokio::spawn(async move {
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        let service = service_fn(move |request: Request<Incoming>| {
                            let (registry, state) = (registry.clone(), state.clone());
                            async move {
                                if request.uri().path() == TROUBLE_PATH {
                                    return Ok(listen(&state, request).await);
                                }
                                Ok::<_, Infallible>(answer(&registry, &state, remote, request))
                            }
                        });
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .with_upgrades()
                            .await;
                    });
                }
            }
        });
        FakeServer { registry, address, ca_pem, state }
    }

    pub fn url(&self) -> ServerUrl {
        ServerUrl::parse(&format!("https://{}", self.address)).unwrap()
    }

    pub fn checksum(&self) -> String {
        let digest = digest(&SHA256, format!("{}\n", self.ca_pem.trim()).as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn credentials(&self) -> Vec<Credential> {
        self.state.hellos.lock().unwrap().iter().map(|hello| hello.credential.clone()).collect()
    }

    pub fn refuse(&self, refusal: Option<Refusal>) {
        *self.state.refuse.lock().unwrap() = refusal;
    }
}

async fn listen(state: &State, request: Request<Incoming>) -> Response<Body> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    state.reports.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    response
}

fn answer(
    registry: &Registry,
    state: &Arc<State>,
    remote: SocketAddr,
    mut request: Request<Incoming>,
) -> Response<Body> {
    match request.uri().path() {
        "/v3/settings/cacerts" => {
            let setting = serde_json::json!({ "type": "setting", "value": *state.shown_ca.lock().unwrap() });
            Response::new(setting.to_string().into_bytes().into())
        }
        "/v3/connect" => {
            let response = answer_upgrade(&request);
            if response.status() == 101 {
                let upgrade = hyper::upgrade::on(&mut request);
                let (registry, state) = (registry.clone(), state.clone());
                tokio::spawn(async move {
                    let io = TokioIo::new(upgrade.await.unwrap());
                    let _ = registry.accept(io, remote, state).await;
                });
            }
            response.map(|text| Body::Full(text.into()))
        }
        _ => {
            let mut response = Response::new(Body::Empty);
            *response.status_mut() = http::StatusCode::NOT_FOUND;
            response
        }
    }
}
