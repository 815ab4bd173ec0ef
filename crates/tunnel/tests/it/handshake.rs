//! Who gets in, and what becomes of those who do not.

use std::{sync::Arc, time::Duration};

use grange_tunnel::{
    Event, Registry,
    accept::{GreetError, answer_upgrade},
    dial::DialError,
    registry::AcceptError,
    websocket::{Role, Socket},
};
use grange_wire::{AgentMessage, Lane, Refusal, RefusalCode, ServerMessage};
use http::Request;
use tokio::{io::AsyncWriteExt, time::Instant};

use crate::support::{
    Authority, CLUSTER, Pair, open, raw_upgrade, serve_connect, signed_hello, text, unsigned_hello, until,
    wire,
};

#[tokio::test]
async fn an_admitted_agent_is_connected() {
    let pair = Pair::new(|_| async { text("hello") }).await;
    assert!(pair.registry.is_connected(CLUSTER));
    let info = pair.registry.sessions_of(CLUSTER).remove(0);
    assert_eq!((&*info.cluster, info.lane, info.instance.as_str()), (CLUSTER, Lane::Interactive, "one"));
    assert_eq!(info.remote.to_string(), crate::support::REMOTE);
    assert_eq!(info.facts.nodes, Some(3));
    assert_eq!(info.open_streams, 0);
    assert!(pair.registry.absence(CLUSTER).is_none());
}

#[tokio::test]
async fn events_tell_of_coming_and_going() {
    let registry = Registry::new("test");
    let mut events = registry.subscribe();
    let authority = Arc::new(Authority::default());
    let (_, agent, _) =
        crate::support::join(&registry, &authority, "one", Lane::Bulk, |_| async { text("") }).await;
    assert_eq!(events.recv().await.unwrap(), Event::Connected { cluster: CLUSTER.into() });
    agent.abort();
    let Event::Disconnected { cluster, reason } = events.recv().await.unwrap() else { panic!() };
    assert_eq!(&*cluster, CLUSTER);
    assert!(!reason.is_empty());
    assert_eq!(registry.absence(CLUSTER).unwrap().reason, reason);
    registry.forget(CLUSTER);
    assert!(registry.absence(CLUSTER).is_none());
}

#[tokio::test]
async fn a_refused_agent_hears_why() {
    let registry = Registry::new("test");
    let authority = Arc::new(Authority::default());
    for code in [RefusalCode::ClusterDeleted, RefusalCode::KeyMismatch, RefusalCode::TokenForOtherCluster] {
        let refusal = Refusal::new(code, "because");
        *authority.refuse.lock().unwrap() = Some(refusal.clone());
        let (server, agent, _) = wire();
        let accepted = serve_connect(&registry, &authority, server);
        let Err(DialError::Refused(heard)) = open(agent, "one", Lane::Bulk).await.map(|_| ()) else {
            panic!()
        };
        assert_eq!(heard, refusal);
        assert!(matches!(accepted.await.unwrap(), Err(AcceptError::Greet(GreetError::Refused(_)))));
    }
    assert!(registry.sessions().is_empty());
}

/// Whatever an agent says instead of a proper hello, it is refused or dropped, and nothing is left of it.
#[tokio::test(start_paused = true)]
async fn bad_hellos() {
    let registry = Registry::new("test");
    let authority = Arc::new(Authority::default());
    let hello = |change: fn(&mut grange_wire::Hello)| {
        move |nonce: &[u8]| {
            let mut hello = signed_hello("one", Lane::Bulk, nonce);
            change(&mut hello);
            serde_json::to_string(&AgentMessage::Hello(Box::new(hello))).unwrap()
        }
    };
    type Say = Box<dyn Fn(&[u8]) -> String>;
    let cases: Vec<(&str, Say, Option<RefusalCode>)> = vec![
        ("no JSON", Box::new(|_| "hello?".into()), Some(RefusalCode::UnsupportedProtocol)),
        (
            "another message",
            Box::new(|_| r#"{"type":"welcome"}"#.into()),
            Some(RefusalCode::UnsupportedProtocol),
        ),
        ("too long", Box::new(|_| "x".repeat(20_000)), None),
        ("nested without end", Box::new(|_| "[".repeat(16_000)), Some(RefusalCode::UnsupportedProtocol)),
        (
            "not signed",
            Box::new(|_| {
                serde_json::to_string(&AgentMessage::Hello(Box::new(unsigned_hello("one", Lane::Bulk))))
                    .unwrap()
            }),
            Some(RefusalCode::BadToken),
        ),
        (
            "signed for another nonce",
            Box::new(move |_| hello(|_| {})(b"another nonce")),
            Some(RefusalCode::BadToken),
        ),
        (
            "another lane than signed",
            Box::new(hello(|hello| hello.lane = Lane::Interactive)),
            Some(RefusalCode::BadToken),
        ),
        (
            "a protocol from the future",
            Box::new(hello(|hello| hello.protocol = 99)),
            Some(RefusalCode::UnsupportedProtocol),
        ),
        (
            "no instance",
            Box::new(hello(|hello| hello.instance.clear())),
            Some(RefusalCode::UnsupportedProtocol),
        ),
        (
            "an endless name",
            Box::new(hello(|hello| hello.kube_system_uid = "u".repeat(1000))),
            Some(RefusalCode::UnsupportedProtocol),
        ),
    ];
    for (name, say, expect) in cases {
        let (server, agent, _) = wire();
        let accepted = serve_connect(&registry, &authority, server);
        let mut socket = Socket::new(raw_upgrade(agent).await, Role::Client);
        let challenge = socket.receive_text(16 * 1024).await.unwrap().unwrap();
        let ServerMessage::Challenge(challenge) = serde_json::from_str(&challenge).unwrap() else { panic!() };
        socket.send_text(&say(&challenge.nonce)).await.unwrap();
        let answer = socket.receive_text(16 * 1024).await.ok().flatten();
        let code = answer.map(|answer| match serde_json::from_str(&answer).unwrap() {
            ServerMessage::Refusal(refusal) => refusal.code,
            other => panic!("{name}: {other:?}"),
        });
        assert_eq!(code, expect, "{name}");
        assert!(accepted.await.unwrap().is_err(), "{name}");
        assert!(registry.sessions().is_empty(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_instead_of_frames() {
    let registry = Registry::new("test");
    let authority = Arc::new(Authority::default());
    let cases: [(&str, &[u8]); 7] = [
        ("an unmasked frame", b"\x81\x02hi"),
        ("reserved bits", b"\xf1\x82aaaahi"),
        ("an unknown kind", b"\x83\x82aaaahi"),
        ("a binary message before the hello", b"\x82\x82aaaahi"),
        ("a frame of exabytes", b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffaaaa"),
        ("an endless ping", b"\x89\xfe\x01\x00aaaa"),
        ("half a header", b"\x81"),
    ];
    for (name, bytes) in cases {
        let (server, agent, _) = wire();
        let accepted = serve_connect(&registry, &authority, server);
        let mut io = raw_upgrade(agent).await;
        io.write_all(bytes).await.unwrap();
        io.shutdown().await.unwrap();
        assert!(accepted.await.unwrap().is_err(), "{name}");
        assert!(registry.sessions().is_empty(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_dropped_after_ten_seconds() {
    let registry = Registry::new("test");
    let (server, agent, _) = wire();
    let accepted = serve_connect(&registry, &Arc::new(Authority::default()), server);
    let start = Instant::now();
    let _io = raw_upgrade(agent).await;
    assert!(matches!(accepted.await.unwrap(), Err(AcceptError::TimedOut)));
    assert!(start.elapsed() <= Duration::from_secs(11), "{:?}", start.elapsed());
}

/// One byte now and then keeps nobody in.
#[tokio::test(start_paused = true)]
async fn a_slow_agent_is_dropped_after_ten_seconds() {
    let registry = Registry::new("test");
    let (server, agent, _) = wire();
    let accepted = serve_connect(&registry, &Arc::new(Authority::default()), server);
    let start = Instant::now();
    let mut io = raw_upgrade(agent).await;
    let dripping = tokio::spawn(async move {
        io.write_all(b"\x81\xfe\x3f\xffaaaa").await.unwrap();
        while io.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    assert!(matches!(accepted.await.unwrap(), Err(AcceptError::TimedOut)));
    assert!(start.elapsed() <= Duration::from_secs(11), "{:?}", start.elapsed());
    dripping.await.unwrap();
}

/// An agent that was let in but then speaks something else.
#[tokio::test(start_paused = true)]
async fn an_agent_without_http2_never_becomes_a_session() {
    for bytes in [&b"\x82\x85\0\0\0\0HTTP!"[..], b"\x82\x80aaaa"] {
        let registry = Registry::new("test");
        let (server, agent, _) = wire();
        let accepted = serve_connect(&registry, &Arc::new(Authority::default()), server);
        let mut socket = Socket::new(raw_upgrade(agent).await, Role::Client);
        let challenge = socket.receive_text(16 * 1024).await.unwrap().unwrap();
        let ServerMessage::Challenge(challenge) = serde_json::from_str(&challenge).unwrap() else { panic!() };
        let hello = AgentMessage::Hello(Box::new(signed_hello("one", Lane::Bulk, &challenge.nonce)));
        socket.send_text(&serde_json::to_string(&hello).unwrap()).await.unwrap();
        socket.receive_text(16 * 1024).await.unwrap().expect("a welcome");
        let mut io = socket.into_inner();
        io.write_all(bytes).await.unwrap();
        assert!(matches!(accepted.await.unwrap(), Err(AcceptError::NotHttp2(_) | AcceptError::TimedOut)));
        assert!(registry.sessions().is_empty());
    }
}

#[tokio::test]
async fn a_closed_cluster_hears_why_and_is_gone_at_once() {
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let pair = Pair::new(move |request| {
        let told = told.clone();
        async move {
            let path = request.uri().to_string();
            let body = http_body_util::BodyExt::collect(request.into_body()).await.unwrap().to_bytes();
            told.send((path, body)).unwrap();
            text("")
        }
    })
    .await;
    let refusal = Refusal::new(RefusalCode::ClusterDeleted, "the cluster was deleted");
    let closing = pair.registry.close(CLUSTER, refusal.clone());
    let mut closing = Box::pin(closing);
    assert!(futures::poll!(&mut closing).is_pending());
    assert!(!pair.registry.is_connected(CLUSTER), "no new request finds the session");
    closing.await;
    let (path, body) = hears.recv().await.unwrap();
    assert_eq!(path, "http://agent/v1/close");
    assert_eq!(serde_json::from_slice::<Refusal>(&body).unwrap(), refusal);
    pair.accepted.await.unwrap().unwrap();
    until(|| pair.registry.absence(CLUSTER).is_some()).await;
    assert!(pair.registry.absence(CLUSTER).unwrap().reason.contains("the cluster was deleted"));
    pair.agent.await.unwrap();
}

#[test]
fn only_agents_are_upgraded() {
    let check = |change: fn(http::request::Builder) -> http::request::Builder, expect: u16| {
        let base = Request::get("/v3/connect")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", "grange.tunnel.v1");
        assert_eq!(answer_upgrade(&change(base).body(()).unwrap()).status(), expect);
    };
    check(|request| request, 101);
    check(|request| request.method("POST"), 426);
    check(|_| Request::get("/v3/connect"), 426);
    check(
        |_| {
            Request::get("/v3/connect")
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "8")
        },
        400,
    );
    check(
        |_| {
            Request::get("/v3/connect")
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "x")
        },
        400,
    );
}
