//! Requests, streams and upgrades.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use grange_tunnel::{
    Body, OnUpgrade, Protocol, TunnelError, Upgrade,
    session::{METHOD_HEADER, NOT_SWITCHED, STATUS_HEADER},
    transport,
};
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::support::{Pair, get, text, until};

#[tokio::test]
async fn a_request_arrives_as_it_was_sent() {
    let pair = Pair::new(|request| async move {
        let seen = format!(
            "{} {} {:?} {:?}",
            request.method(),
            request.uri(),
            request.headers().get("x-kept"),
            request.headers().get("host")
        );
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut response = text(format!("{seen} {}", String::from_utf8_lossy(&body)));
        *response.status_mut() = StatusCode::CREATED;
        response.headers_mut().insert("audit-id", "7".parse().unwrap());
        response
    })
    .await;
    let request = Request::post("https://somewhere.else/api/v1/pods?dryRun=All")
        .header("host", "somewhere.else")
        .header("x-kept", "1")
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    let response = pair.session().send(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["audit-id"], "7");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "POST http://kubernetes/api/v1/pods?dryRun=All Some(\"1\") None {}");
}

/// No path and no header of a request makes it a control request.
#[tokio::test]
async fn a_request_to_the_cluster_is_never_one_to_the_agent() {
    let pair = Pair::new(|request| async move { text(request.uri().authority().unwrap().to_string()) }).await;
    for uri in ["/v1/uninstall", "http://agent/v1/uninstall", "agent:80/v1/close", "//agent/v1/uninstall"] {
        let Ok(uri) = uri.parse::<http::Uri>() else { continue };
        let mut request = get("/");
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        request.headers_mut().insert("host", "agent".parse().unwrap());
        let response = pair.session().send(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "kubernetes", "{uri}");
    }
}

#[tokio::test]
async fn bodies_of_many_sizes_go_both_ways() {
    let pair = Pair::new(|request| async move { Response::new(Body::Received(request.into_body())) }).await;
    for size in [0, 1, 125, 126, 16 * 1024, 65_535, 65_536, 300_000, 9 * 1024 * 1024] {
        let sent: Bytes = (0..size).map(|index| (index * 31 % 251) as u8).collect::<Vec<_>>().into();
        let request = Request::post("/echo").body(sent.clone()).unwrap();
        let response = pair.session().send(request).await.unwrap();
        let received =
            timeout(Duration::from_secs(10), response.into_body().collect()).await.unwrap().unwrap();
        assert!(received.to_bytes() == sent, "{size}");
    }
}

/// A body that never ends and tells when it is dropped.
struct Watch {
    frames: mpsc::UnboundedReceiver<Bytes>,
    dropped: Option<oneshot::Sender<()>>,
}

impl http_body::Body for Watch {
    type Data = Bytes;
    type Error = std::convert::Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.frames.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(dropped) = self.dropped.take() {
            let _ = dropped.send(());
        }
    }
}

#[tokio::test]
async fn a_watch_streams_and_ends_when_it_is_dropped() {
    let (events, frames) = mpsc::unbounded_channel();
    let (dropped, is_dropped) = oneshot::channel();
    let watch = Mutex::new(Some(Watch { frames, dropped: Some(dropped) }));
    let pair = Pair::new(move |_| {
        let watch = watch.lock().unwrap().take().unwrap();
        async move { Response::new(Body::boxed(watch)) }
    })
    .await;
    let response = pair.session().send(get("/api/v1/pods?watch=true")).await.unwrap();
    let mut body = response.into_body();
    for number in 0..3 {
        events.send(format!("event {number}\n").into()).unwrap();
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(frame, format!("event {number}\n"));
    }
    assert_eq!(pair.registry.sessions()[0].open_streams, 1);
    drop(body);
    timeout(Duration::from_secs(10), is_dropped).await.expect("the agent's side ends").unwrap();
    until(|| pair.registry.sessions()[0].open_streams == 0).await;
}

#[tokio::test]
async fn a_request_that_is_given_up_ends_at_the_agent() {
    let (dropped, is_dropped) = oneshot::channel::<()>();
    let holder = Arc::new(Mutex::new(Some(dropped)));
    let (started, has_started) = oneshot::channel();
    let started = Mutex::new(Some(started));
    let pair = Pair::new(move |_| {
        let held = holder.lock().unwrap().take();
        started.lock().unwrap().take().unwrap().send(()).unwrap();
        async move {
            let _held = held;
            std::future::pending().await
        }
    })
    .await;
    let session = pair.session();
    let request = tokio::spawn(async move { session.send(get("/slow")).await.map(|_| ()) });
    has_started.await.unwrap();
    request.abort();
    // The sender's end is dropped with the handler.
    timeout(Duration::from_secs(10), is_dropped).await.expect("the handler is dropped").unwrap_err();
}

/// A reader who does not read holds up itself and nobody else.
#[tokio::test]
async fn a_slow_reader_delays_nobody() {
    let pair = Pair::new(|request| async move {
        if request.uri().path() == "/big" {
            return Response::new(Body::from(vec![7; 64 * 1024 * 1024]));
        }
        text("quick")
    })
    .await;
    let slow = pair.session().send(get("/big")).await.unwrap();
    for _ in 0..10 {
        let quick =
            timeout(Duration::from_secs(10), pair.session().send(get("/quick"))).await.unwrap().unwrap();
        assert_eq!(quick.into_body().collect().await.unwrap().to_bytes(), "quick");
    }
    let whole = timeout(Duration::from_secs(20), slow.into_body().collect()).await.unwrap().unwrap();
    assert_eq!(whole.to_bytes().len(), 64 * 1024 * 1024);
}

#[tokio::test]
async fn an_upgrade_is_a_stream_of_bytes_both_ways() {
    let pair = Pair::new(|mut request| async move {
        assert_eq!(request.method(), Method::CONNECT);
        assert_eq!(request.headers()[METHOD_HEADER], "POST");
        assert_eq!(request.headers()["sec-websocket-protocol"], "v5.channel.k8s.io");
        let protocol = request.extensions().get::<Protocol>().unwrap().as_str().to_owned();
        let upgrade = OnUpgrade::take(&mut request).unwrap();
        tokio::spawn(async move {
            let mut io = upgrade.stream().await.unwrap();
            let mut all = Vec::new();
            // Half-close: everything is read before the answer begins.
            io.read_to_end(&mut all).await.unwrap();
            all.reverse();
            io.write_all(&all).await.unwrap();
            io.shutdown().await.unwrap();
        });
        let mut response = Response::new(Body::Empty);
        response.headers_mut().insert("x-protocol", protocol.parse().unwrap());
        response.headers_mut().insert("sec-websocket-protocol", "v5.channel.k8s.io".parse().unwrap());
        response
    })
    .await;
    for protocol in ["SPDY/3.1", "websocket"] {
        let request = Request::post("/api/v1/namespaces/a/pods/b/exec?command=sh")
            .header("sec-websocket-protocol", "v5.channel.k8s.io")
            .body(())
            .unwrap();
        let Upgrade::Switched(response, mut io) = pair.session().upgrade(request, protocol).await.unwrap()
        else {
            panic!("not switched")
        };
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["x-protocol"], protocol);
        assert_eq!(response.headers()["sec-websocket-protocol"], "v5.channel.k8s.io");
        assert_eq!(pair.registry.sessions()[0].open_streams, 1);
        let sent: Vec<u8> = (0..200_000u32).map(|index| (index % 251) as u8).collect();
        io.write_all(&sent).await.unwrap();
        io.shutdown().await.unwrap();
        let mut received = Vec::new();
        timeout(Duration::from_secs(10), io.read_to_end(&mut received)).await.unwrap().unwrap();
        received.reverse();
        assert!(received == sent);
        drop(io);
        until(|| pair.registry.sessions()[0].open_streams == 0).await;
    }
}

#[tokio::test]
async fn an_upgrade_that_is_answered_otherwise_is_an_ordinary_answer() {
    let pair = Pair::new(|request| async move {
        let status = request.uri().query().unwrap().to_owned();
        let mut response = text(format!("answer {status}"));
        *response.status_mut() = NOT_SWITCHED;
        response.headers_mut().insert(STATUS_HEADER, status.parse().unwrap());
        response
    })
    .await;
    for status in ["200", "204", "400", "403", "404", "500"] {
        let request = Request::get(format!("/exec?{status}")).body(()).unwrap();
        let Upgrade::Answered(response) = pair.session().upgrade(request, "websocket").await.unwrap() else {
            panic!("switched")
        };
        assert_eq!(response.status().as_str(), status);
        assert!(!response.headers().contains_key(STATUS_HEADER));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), format!("answer {status}"));
    }
}

#[tokio::test]
async fn too_many_open_requests_are_refused() {
    let pair = Pair::new(|_| std::future::pending()).await;
    let mut open = Vec::new();
    for _ in 0..transport::MAX_STREAMS {
        let session = pair.session();
        open.push(tokio::spawn(async move { session.send(get("/slow")).await.map(|_| ()) }));
    }
    until(|| pair.registry.sessions()[0].open_streams == transport::MAX_STREAMS as usize).await;
    let failure = pair.session().send(get("/one-more")).await.unwrap_err();
    assert!(matches!(failure.error, TunnelError::TooManyStreams));
    open.iter().for_each(|request| request.abort());
    until(|| pair.registry.sessions()[0].open_streams == 0).await;
}
