//! The proxy between a real HTTP/1.1 client and an agent's end of a tunnel.

use std::{collections::BTreeMap, convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use grange_tunnel::{
    Admission, AgentKey, OnUpgrade, SessionAuthority, accept::answer_upgrade, dial, transport,
};
use grange_wire::{Credential, Facts, Hello, PROTOCOL_VERSION, Refusal, RefusalCode};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::timeout,
};

use super::*;

const CLUSTER: &str = "c-m-abcdefgh";

struct Everyone;

impl SessionAuthority for Everyone {
    fn admit<'a>(
        &'a self,
        _: &'a Hello,
        _: &'a [u8],
        _: SocketAddr,
    ) -> BoxFuture<'a, Result<Admission, Refusal>> {
        async { Ok(Admission { cluster: CLUSTER.to_owned() }) }.boxed()
    }
}

fn identity() -> DownstreamIdentity {
    DownstreamIdentity {
        user: "u-abcde".into(),
        groups: vec!["system:authenticated".into()],
        extra: BTreeMap::from([("username".to_owned(), vec!["ada".to_owned()])]),
    }
}

/// Serves one plain connection: `/v3/connect` is the tunnels', everything else the proxy's.
fn serve(registry: &Registry, io: DuplexStream) {
    let registry = registry.clone();
    tokio::spawn(async move {
        let service = service_fn(move |mut request: Request<Incoming>| {
            let registry = registry.clone();
            async move {
                if request.uri().path() == "/v3/connect" {
                    let answer = answer_upgrade(&request);
                    let upgrade = hyper::upgrade::on(&mut request);
                    tokio::spawn(async move {
                        let io = TokioIo::new(upgrade.await.unwrap());
                        registry.accept(io, "192.0.2.1:1".parse().unwrap(), Arc::new(Everyone)).await
                    });
                    return Ok::<_, Infallible>(answer.map(|_| Body::Empty));
                }
                let answer = Proxy::new(registry).forward(CLUSTER, &identity(), request).await;
                Ok(answer.unwrap_or_else(|status| {
                    let mut response = Response::new(Body::from(status.to_json()));
                    *response.status_mut() = StatusCode::from_u16(status.code).unwrap();
                    response
                }))
            }
        });
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades()
            .await;
    });
}

/// An agent's end whose cluster answers what is asked for in the path.
async fn agent(registry: &Registry) {
    let (server, io) = duplex(1024 * 1024);
    serve(registry, server);
    let (socket, _) = dial::open(io, "grange.example", "/v3/connect", |challenge| {
        let mut hello = Hello {
            protocol: PROTOCOL_VERSION,
            agent_version: "0".into(),
            instance: "one".into(),
            lane: grange_wire::Lane::Interactive,
            cluster: None,
            public_key: vec![],
            kube_system_uid: "u".into(),
            credential: Credential::Key,
            signature: vec![],
            facts: Facts::default(),
        };
        AgentKey::generate().unwrap().sign(&mut hello, &challenge.nonce);
        hello
    })
    .await
    .unwrap();
    tokio::spawn(transport::serve(socket, |mut request| async move {
        let mut response = Response::new(TunnelBody::Empty);
        match request.uri().path() {
            "/echo" => {
                let mut lines: Vec<String> = request
                    .headers()
                    .iter()
                    .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                    .collect();
                lines.sort();
                *response.body_mut() = lines.join("\n").into_bytes().into();
                response.headers_mut().insert("set-cookie", "R_SESS=stolen".parse().unwrap());
                response.headers_mut().insert("audit-id", "7".parse().unwrap());
            }
            "/size" => {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                *response.body_mut() = body.len().to_string().into_bytes().into();
            }
            "/401" => *response.status_mut() = StatusCode::UNAUTHORIZED,
            "/403" => *response.status_mut() = StatusCode::FORBIDDEN,
            "/404" => *response.status_mut() = StatusCode::NOT_FOUND,
            "/never" => std::future::pending().await,
            "/exec" => {
                let upgrade = OnUpgrade::take(&mut request).unwrap();
                tokio::spawn(async move {
                    let mut io = upgrade.stream().await.unwrap();
                    let mut all = Vec::new();
                    io.read_to_end(&mut all).await.unwrap();
                    io.write_all(&all.to_ascii_uppercase()).await.unwrap();
                    io.shutdown().await.unwrap();
                });
                let chosen = request.headers().get("sec-websocket-protocol").cloned();
                if let Some(chosen) = chosen {
                    response.headers_mut().insert("sec-websocket-protocol", chosen);
                }
            }
            _ => {}
        }
        response
    }));
    let connected = async {
        while !registry.is_connected(CLUSTER) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), connected).await.unwrap();
}

async fn send(registry: &Registry, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let (server, io) = duplex(64 * 1024);
    serve(registry, server);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    timeout(Duration::from_secs(100), sender.send_request(request)).await.unwrap().unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn get(path: &str) -> http::request::Builder {
    Request::get(path).header("host", "grange.example")
}

#[tokio::test]
async fn only_our_identity_reaches_the_cluster() {
    let registry = Registry::new("test");
    agent(&registry).await;
    let request = get("/echo")
        .header("authorization", "Bearer token-abcde:secret")
        .header("cookie", "R_SESS=secret")
        .header("impersonate-user", "admin")
        .header("impersonate-group", "system:masters")
        .header("impersonate-uid", "0")
        .header("impersonate-extra-username", "root")
        .header("x-forwarded-for", "192.0.2.1")
        .header("accept", "application/json")
        .header("connection", "x-private")
        .header("x-private", "1")
        .body(Full::default())
        .unwrap();
    let response = send(&registry, request).await;
    assert_eq!(response.headers()["audit-id"], "7");
    assert!(!response.headers().contains_key("set-cookie"));
    assert_eq!(
        text(response).await,
        "accept: application/json\nimpersonate-extra-username: ada\nimpersonate-group: system:authenticated\n\
         impersonate-user: u-abcde"
    );
}

#[tokio::test]
async fn a_cluster_without_agent_is_a_503_that_says_why() {
    let registry = Registry::new("test");
    let response = send(&registry, get("/echo").body(Full::default()).unwrap()).await;
    assert_eq!(response.status(), 503);
    let body = text(response).await;
    assert!(body.contains("has not connected since") && body.contains("\"retryAfterSeconds\":1"), "{body}");
    agent(&registry).await;
    registry.close(CLUSTER, Refusal::new(RefusalCode::Revoked, "revoked")).await;
    let gone = async {
        while registry.absence(CLUSTER).is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), gone).await.unwrap();
    let response = send(&registry, get("/echo").body(Full::default()).unwrap()).await;
    assert_eq!(response.status(), 503);
    let body = text(response).await;
    assert!(body.contains("has been away since 20") && body.contains("revoked"), "{body}");
}

#[tokio::test]
async fn the_clusters_own_answers_keep_their_meaning() {
    let registry = Registry::new("test");
    agent(&registry).await;
    for (path, expect) in [("/403", 403), ("/404", 404), ("/401", 502)] {
        let response = send(&registry, get(path).body(Full::default()).unwrap()).await;
        assert_eq!(response.status(), expect, "{path}");
    }
    let sent = get("/size").method("POST").body(Full::from(vec![1; 3_000_000])).unwrap();
    assert_eq!(text(send(&registry, sent).await).await, "3000000");
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_a_504_except_where_none_is_due() {
    let registry = Registry::new("test");
    agent(&registry).await;
    let start = tokio::time::Instant::now();
    let response = send(&registry, get("/never").body(Full::default()).unwrap()).await;
    assert_eq!(response.status(), 504);
    assert!(start.elapsed() >= ANSWER_TIMEOUT && start.elapsed() < ANSWER_TIMEOUT + Duration::from_secs(1));
    let (server, io) = duplex(64 * 1024);
    serve(&registry, server);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection);
    let watch = get("/never?watch=true").body(Full::<Bytes>::default()).unwrap();
    timeout(3 * ANSWER_TIMEOUT, sender.send_request(watch)).await.expect_err("a watch may wait");
}

#[tokio::test]
async fn upgrades_are_passed_through() {
    let registry = Registry::new("test");
    agent(&registry).await;
    for protocol in ["SPDY/3.1", "websocket"] {
        let request = get("/exec")
            .method("POST")
            .header("connection", "Upgrade")
            .header("upgrade", protocol)
            .header("sec-websocket-protocol", "v5.channel.k8s.io")
            .body(Full::default())
            .unwrap();
        let response = send(&registry, request).await;
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["upgrade"], protocol);
        assert_eq!(response.headers()["sec-websocket-protocol"], "v5.channel.k8s.io");
        let mut io = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
        io.write_all(b"hello").await.unwrap();
        io.shutdown().await.unwrap();
        let mut received = Vec::new();
        timeout(Duration::from_secs(10), io.read_to_end(&mut received)).await.unwrap().unwrap();
        assert_eq!(received, b"HELLO");
    }
}
