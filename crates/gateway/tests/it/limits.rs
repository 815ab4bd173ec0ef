//! Bounds of connections and headers; stopping.
use std::time::Duration;

use futures::StreamExt as _;
use grange_gateway::Limits;
use reqwest::Method;
use tokio::io::AsyncReadExt as _;

use crate::support::{DEADLINE, Gate, client_of, send, until};

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let gate = Gate::start().await;
    let answer =
        gate.raw(&format!("GET /ping HTTP/1.1\r\nhost: h\r\nx: {}\r\n\r\n", "y".repeat(80 * 1024))).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = format!("/ping?{}", "y".repeat(20 * 1024));
    assert_eq!(gate.stranger(&long).await.code, 414);
    assert_eq!(gate.stranger("/ping").await.text, "pong");
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_and_places_come_back() {
    let gate = Gate::start_with(Limits { connections: 2, ..Limits::default() }).await;
    let (first, second) = (gate.connect().await, gate.connect().await);
    let mut third = tokio::net::TcpStream::connect(gate.handle.address()).await.unwrap();
    let read = tokio::time::timeout(DEADLINE, third.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    drop((first, second));
    until("a free place", async || {
        let response = client_of(&gate.ca).get(format!("{}/ping", gate.base)).send().await.ok()?;
        response.status().is_success().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_given_up() {
    let limits = Limits { handshake: Duration::from_millis(200), ..Limits::default() };
    let gate = Gate::start_with(limits).await;
    let mut silent = tokio::net::TcpStream::connect(gate.handle.address()).await.unwrap();
    let read = tokio::time::timeout(DEADLINE, silent.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn a_header_that_never_ends_is_given_up() {
    let limits = Limits { header: Duration::from_millis(300), ..Limits::default() };
    let gate = Gate::start_with(limits).await;
    let answer = gate.raw("GET /ping HTTP/1.1\r\nhost: h\r\n").await;
    assert!(!answer.contains("pong"), "{answer}");
}

#[tokio::test]
async fn stopping_ends_watches_and_finishes_quickly() {
    let gate = Gate::start().await;
    let request = gate.request(Method::GET, "/api/v1/namespaces?watch=true").bearer_auth(&gate.admin);
    let mut watch = request.send().await.unwrap().bytes_stream();
    watch.next().await.unwrap().unwrap();
    assert_eq!(gate.handle.open_streams(), 1);
    gate.stop.cancel();
    let ended = async { while let Some(Ok(_)) = watch.next().await {} };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the watch ends");
    until("the port to be closed", async || {
        tokio::net::TcpStream::connect(gate.handle.address()).await.is_err().then_some(())
    })
    .await;
}

#[tokio::test]
async fn http_1_and_2_and_the_request_id() {
    let gate = Gate::start().await;
    let response = gate.request(Method::GET, "/ping").send().await.unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    let first = response.headers()["x-request-id"].clone();
    let answer = gate.raw("GET /ping HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("pong"), "{answer}");
    let second = send(gate.request(Method::GET, "/ping")).await.headers["x-request-id"].clone();
    assert_ne!(first, second);
}
