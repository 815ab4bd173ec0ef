//! An apiserver as far as an agent sees it: a handful of objects, owners and their garbage collection, and a few paths
//! that behave in special ways.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use grange_tunnel::Body;
use grange_wire::names;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::certificates;

pub const AGENT_TOKEN: &str = "agents-own-token";

pub struct FakeCluster {
    pub address: SocketAddr,
    pub ca_pem: String,
    pub state: Arc<State>,
    listener: JoinHandle<()>,
}

pub struct State {
    pub objects: Mutex<BTreeMap<String, Value>>,
    pub uid: Mutex<String>,
    pub requests: Mutex<Vec<(Method, String)>>,
    /// Watches open now.
    pub watches: Arc<AtomicUsize>,
    pub connections: AtomicUsize,
    next_uid: AtomicUsize,
}

impl FakeCluster {
    pub async fn start() -> FakeCluster {
        let (ca_pem, tls) = certificates();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            objects: Mutex::default(),
            uid: Mutex::new("uid-of-kube-system".into()),
            requests: Mutex::default(),
            watches: Arc::default(),
            connections: AtomicUsize::new(0),
            next_uid: AtomicUsize::new(1),
        });
        let acceptor = TlsAcceptor::from(tls);
        let accepting = state.clone();
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, acceptor) = (accepting.clone(), acceptor.clone());
                state.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let state = state.clone();
                        async move { state.answer(request).await }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
        });
        FakeCluster { address, ca_pem, state, listener }
    }

    /// No new connections from now on.
    pub fn stop_listening(&self) {
        self.listener.abort();
    }

    /// What the manifest brings.
    pub fn import(&self) {
        self.state.put(&names::OWNER.path(), json!({ "kind": "ClusterRole" }));
        for object in names::OWNED {
            self.state.put(&object.path(), json!({ "kind": object.kind }));
        }
    }

    pub fn object(&self, path: &str) -> Option<Value> {
        self.state.objects.lock().unwrap().get(path).cloned()
    }

    pub fn names(&self) -> Vec<String> {
        self.state.objects.lock().unwrap().keys().cloned().collect()
    }

    pub fn remove(&self, path: &str) {
        self.state.objects.lock().unwrap().remove(path);
    }
}

struct Failure(u16, String);

impl State {
    pub fn put(&self, path: &str, mut object: Value) {
        let uid = self.next_uid.fetch_add(1, Ordering::SeqCst);
        object["metadata"]["uid"] = format!("uid-{uid}").into();
        self.objects.lock().unwrap().insert(path.to_owned(), object);
    }

    async fn answer(self: Arc<Self>, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path().to_owned();
        self.requests.lock().unwrap().push((request.method().clone(), path.clone()));
        let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        if authorization != Some(&format!("Bearer {AGENT_TOKEN}")) {
            return Ok(status(401, "Unauthorized"));
        }
        Ok(match path.as_str() {
            "/version" => json_answer(&json!({ "gitVersion": "v1.33.4+rke2r1" })),
            "/api/v1/nodes" => {
                json_answer(&json!({ "metadata": { "remainingItemCount": 2 }, "items": [{}] }))
            }
            "/api/v1/namespaces/kube-system" => {
                json_answer(&json!({ "metadata": { "uid": *self.uid.lock().unwrap() } }))
            }
            "/echo" => {
                let seen = describe(request.method(), &request.uri().to_string(), request.headers());
                let body = request.into_body().collect().await.unwrap().to_bytes();
                json_answer(&json!({ "seen": seen, "body_length": body.len() }))
            }
            "/cookie" => {
                let mut response = Response::new(Body::from(b"{}".to_vec()));
                response.headers_mut().insert("keep-alive", "timeout=5".parse().unwrap());
                response.headers_mut().insert("audit-id", "7".parse().unwrap());
                response
            }
            "/redirect" => {
                let mut response = status(302, "elsewhere");
                response.headers_mut().insert("location", "https://192.0.2.1/".parse().unwrap());
                response
            }
            "/watch" => Response::new(Body::boxed(Watch::new(self.watches.clone()))),
            "/forbidden-exec" => status(403, "no exec for you"),
            "/exec" => {
                let headers = request.headers();
                let protocol = headers["upgrade"].clone();
                let chosen = headers.get("sec-websocket-protocol").cloned();
                assert_eq!(headers["connection"], "Upgrade");
                let upgrade = hyper::upgrade::on(&mut request);
                tokio::spawn(async move {
                    let mut io = TokioIo::new(upgrade.await.unwrap());
                    let mut all = Vec::new();
                    let _ = io.read_to_end(&mut all).await;
                    all.reverse();
                    let _ = io.write_all(&all).await;
                    let _ = io.shutdown().await;
                });
                let mut response = Response::new(Body::Empty);
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                response.headers_mut().insert("connection", "Upgrade".parse().unwrap());
                response.headers_mut().insert("upgrade", protocol);
                if let Some(chosen) = chosen {
                    response.headers_mut().insert("sec-websocket-protocol", chosen);
                }
                response
            }
            _ => match self.objects_answer(request, &path).await {
                Ok(object) => json_answer(&object),
                Err(Failure(code, message)) => status(code, &message),
            },
        })
    }

    async fn objects_answer(&self, request: Request<Incoming>, path: &str) -> Result<Value, Failure> {
        let method = request.method().clone();
        let bytes = request.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let not_found = || Failure(404, format!("{path} not found"));
        let mut objects = self.objects.lock().unwrap();
        match method {
            Method::GET => objects.get(path).cloned().ok_or_else(not_found),
            Method::POST => {
                let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
                if objects.contains_key(&path) {
                    return Err(Failure(409, "already exists".into()));
                }
                drop(objects);
                self.put(&path, body);
                Ok(self.objects.lock().unwrap()[&path].clone())
            }
            Method::PATCH => {
                let object = objects.get_mut(path).ok_or_else(not_found)?;
                merge(object, &body);
                Ok(object.clone())
            }
            Method::DELETE => {
                assert_eq!(body["propagationPolicy"], "Background");
                let removed = objects.remove(path).ok_or_else(not_found)?;
                let owner = &removed["metadata"]["uid"];
                objects.retain(|_, object| {
                    let owners = object["metadata"]["ownerReferences"].as_array();
                    !owners.is_some_and(|owners| owners.iter().any(|reference| reference["uid"] == *owner))
                });
                Ok(json!({ "kind": "Status", "status": "Success" }))
            }
            _ => Err(Failure(405, "method".into())),
        }
    }
}

fn merge(target: &mut Value, patch: &Value) {
    match patch {
        Value::Object(fields) => {
            if !target.is_object() {
                *target = json!({});
            }
            for (name, value) in fields {
                if value.is_null() {
                    target.as_object_mut().unwrap().remove(name);
                } else {
                    merge(&mut target[name], value);
                }
            }
        }
        other => *target = other.clone(),
    }
}

fn describe(method: &Method, uri: &str, headers: &HeaderMap) -> Vec<String> {
    let mut lines = vec![format!("{method} {uri}")];
    lines.extend(headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())));
    lines
}

fn json_answer(value: &Value) -> Response<Body> {
    Response::new(value.to_string().into_bytes().into())
}

fn status(code: u16, message: &str) -> Response<Body> {
    let mut response = json_answer(&json!({ "kind": "Status", "code": code, "message": message }));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

/// One line, then nothing for ever.
struct Watch {
    said: bool,
    open: Arc<AtomicUsize>,
}

impl Watch {
    fn new(open: Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::SeqCst);
        Watch { said: false, open }
    }
}

impl http_body::Body for Watch {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.said, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{\"type\":\"ADDED\"}\n")))))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}
