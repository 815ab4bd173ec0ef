//! A request's way through agent and apiserver.

use std::{sync::atomic::Ordering, time::Duration};

use grange_tunnel::{Body, Upgrade};
use http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{Chain, until};

fn request(path: &str) -> http::request::Builder {
    Request::get(path)
        .header("impersonate-user", "u-abcde")
        .header("impersonate-group", "system:authenticated")
}

async fn send(chain: &Chain, request: Request<Body>) -> (u16, Value) {
    let response = chain.session().send(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The inventory of what the agent changes: everything else arrives as it was sent.
#[tokio::test]
async fn headers_on_their_way_to_the_cluster() {
    let chain = Chain::new().await;
    let sent = request("/echo?limit=500&continue=abc%2F")
        .header("impersonate-extra-username", "Ada")
        .header("impersonate-uid", "7")
        .header("accept", "application/json;as=Table")
        .header("user-agent", "kubectl/v1.33.0")
        .header("authorization", "Bearer of-a-person")
        .header("cookie", "R_SESS=secret")
        .header("expect", "100-continue")
        .header("forwarded", "for=192.0.2.1")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-remote-user", "admin")
        .header("x-remote-group", "system:masters")
        .header("proxy-authorization", "Basic x")
        .header("grange-tunnel-anything", "x")
        .body(Body::Empty)
        .unwrap();
    let (status, body) = send(&chain, sent).await;
    assert_eq!(status, 200);
    let mut seen: Vec<&str> =
        body["seen"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    seen.sort_unstable();
    let host = format!("host: {}", chain.cluster.address);
    assert_eq!(
        seen,
        [
            "GET /echo?limit=500&continue=abc%2F",
            "accept: application/json;as=Table",
            "authorization: Bearer agents-own-token",
            &host,
            "impersonate-extra-username: Ada",
            "impersonate-group: system:authenticated",
            "impersonate-uid: 7",
            "impersonate-user: u-abcde",
            "user-agent: kubectl/v1.33.0",
        ]
    );
}

#[tokio::test]
async fn nobody_acts_as_the_agent_or_the_system() {
    let chain = Chain::new().await;
    let before = chain.cluster.state.requests.lock().unwrap().len();
    let cases: [&[(&str, &str)]; 5] = [
        &[],
        &[("impersonate-user", "system:admin")],
        &[("impersonate-user", "system:serviceaccount:kube-system:default")],
        &[("impersonate-user", "u"), ("impersonate-group", "system:masters")],
        &[("impersonate-user", "u"), ("impersonate-user", "v")],
    ];
    for headers in cases {
        let mut request = Request::get("/echo");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (status, body) = send(&chain, request.body(Body::Empty).unwrap()).await;
        assert_eq!((status, body["kind"].as_str()), (403, Some("Status")), "{headers:?}");
        let mut upgrade = Request::get("/exec");
        for (name, value) in headers {
            upgrade = upgrade.header(*name, *value);
        }
        let Upgrade::Answered(response) =
            chain.session().upgrade(upgrade.body(()).unwrap(), "websocket").await.unwrap()
        else {
            panic!("switched")
        };
        assert_eq!(response.status(), 403, "{headers:?}");
    }
    let requests = chain.cluster.state.requests.lock().unwrap();
    assert!(requests[before..].iter().all(|(_, path)| !matches!(path.as_str(), "/echo" | "/exec")));
}

#[tokio::test]
async fn large_bodies_go_through_and_connections_are_kept() {
    let chain = Chain::new().await;
    for size in [0usize, 1, 100_000, 5_000_000] {
        let sent = request("/echo").method("POST").body(Body::from(vec![7; size])).unwrap();
        let (status, body) = send(&chain, sent).await;
        assert_eq!((status, body["body_length"].as_u64()), (200, Some(size as u64)));
    }
    let before = chain.cluster.state.connections.load(Ordering::SeqCst);
    for _ in 0..50 {
        assert_eq!(send(&chain, request("/echo").body(Body::Empty).unwrap()).await.0, 200);
    }
    assert!(chain.cluster.state.connections.load(Ordering::SeqCst) <= before + 1);
}

#[tokio::test]
async fn a_watch_that_is_given_up_ends_in_the_cluster() {
    let chain = Chain::new().await;
    let response = chain.session().send(request("/watch").body(Body::Empty).unwrap()).await.unwrap();
    let mut body = response.into_body();
    let frame = timeout(Duration::from_secs(10), body.frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "{\"type\":\"ADDED\"}\n");
    assert_eq!(chain.cluster.state.watches.load(Ordering::SeqCst), 1);
    drop(body);
    until(|| chain.cluster.state.watches.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn upgrades_reach_the_cluster() {
    let chain = Chain::new().await;
    for protocol in ["SPDY/3.1", "websocket"] {
        let upgrade = request("/exec?command=sh")
            .header("sec-websocket-protocol", "v5.channel.k8s.io")
            .body(())
            .unwrap();
        let Upgrade::Switched(response, mut io) = chain.session().upgrade(upgrade, protocol).await.unwrap()
        else {
            panic!("not switched")
        };
        assert_eq!(response.headers()["sec-websocket-protocol"], "v5.channel.k8s.io");
        let sent: Vec<u8> = (0..300_000u32).map(|index| (index % 251) as u8).collect();
        io.write_all(&sent).await.unwrap();
        io.shutdown().await.unwrap();
        let mut received = Vec::new();
        timeout(Duration::from_secs(10), io.read_to_end(&mut received)).await.unwrap().unwrap();
        received.reverse();
        assert!(received == sent, "{protocol}");
    }
    for (path, expect) in [("/forbidden-exec", 403), ("/echo", 200), ("/redirect", 302)] {
        let upgrade = request(path).body(()).unwrap();
        let Upgrade::Answered(response) = chain.session().upgrade(upgrade, "SPDY/3.1").await.unwrap() else {
            panic!("switched")
        };
        assert_eq!(response.status(), expect, "{path}");
        assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}

#[tokio::test]
async fn redirects_are_passed_on_and_never_followed() {
    let chain = Chain::new().await;
    let response = chain.session().send(request("/redirect").body(Body::Empty).unwrap()).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "https://192.0.2.1/");
}

#[tokio::test]
async fn answers_lose_hop_by_hop_headers() {
    let chain = Chain::new().await;
    let response = chain.session().send(request("/cookie").body(Body::Empty).unwrap()).await.unwrap();
    assert_eq!(response.headers()["audit-id"], "7");
    assert!(!response.headers().contains_key("keep-alive"));
}

/// The apiserver is away: a Status says so, and the tunnel lives on.
#[tokio::test]
async fn an_absent_apiserver_is_a_502() {
    let chain = Chain::new().await;
    chain.cluster.stop_listening();
    // A kept connection may still serve; ask for so many at once that new ones are needed.
    let mut watches = Vec::new();
    let refused = loop {
        let response = chain.session().send(request("/watch").body(Body::Empty).unwrap()).await.unwrap();
        if response.status() == 502 {
            break response;
        }
        watches.push(response);
        assert!(watches.len() < 10, "new connections are still possible");
    };
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    let status: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status["kind"].as_str(), status["code"].as_u64()), (Some("Status"), Some(502)));
    assert!(
        status["message"].as_str().unwrap().contains("cannot connect to the cluster's apiserver"),
        "{status}"
    );
    chain.session().ping().await.unwrap();
}

#[tokio::test]
async fn the_agent_tells_what_it_knows() {
    let chain = Chain::new().await;
    let facts = chain.session().facts().await.unwrap();
    assert_eq!((facts.kubernetes_version.as_deref(), facts.nodes), (Some("v1.33.4+rke2r1"), Some(3)));
    // At its arrival it also told the time.
    let arrival = chain.server.registry.sessions()[0].facts.clone();
    assert!(arrival.clock_ms.is_some());
    assert_eq!(grange_wire::Facts { clock_ms: None, ..arrival }, facts);
}
