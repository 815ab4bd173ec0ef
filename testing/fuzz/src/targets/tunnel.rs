//! What an agent and a server say to each other: messages, WebSocket frames, the upgrade.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use grange_tunnel::{
    AgentKey, Registry, accept, hop, verify_hello,
    websocket::{Role, Socket},
};
use grange_wire::{
    AgentMessage, Credential, Facts, Hello, JoinToken, Lane, Refusal, ServerMessage, TroubleReport, trouble,
};
use http::{HeaderName, HeaderValue, Method, Request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{LARGE, SMALL};
use crate::{Bytes, Source, Target, mutate, trees};

pub(super) fn targets() -> Vec<Target> {
    vec![
        Target::new("tunnel-messages", SMALL, message, check_message),
        Target::new("tunnel-frames", LARGE, frames, check_frames),
        Target::new("tunnel-upgrades", SMALL, upgrade, check_upgrade),
    ]
}

fn message(source: &mut Source) -> Value {
    let text = |source: &mut Source| mutate::text(source, "aGVsbG8=".into());
    let message = match source.below(5) {
        0 => {
            json!({"type": "challenge", "nonce": text(source), "server_version": "1", "protocol": source.number()})
        }
        1 => {
            json!({"type": "welcome", "session": "s", "cluster": "c", "ping_interval_ms": source.number(), "ping_timeout_ms": 1})
        }
        2 => {
            json!({"type": "refusal", "code": source.pick(&["bad_token", "throttled", "x"]), "message": text(source), "retry_after_seconds": source.number()})
        }
        3 => {
            json!({"token_hash": text(source), "code": source.pick(&["ca_checksum", "proxy", "x"]), "detail": text(source), "agent_version": "1", "at_ms": source.number() as i64, "proof": text(source)})
        }
        _ => json!({
            "type": "hello", "protocol": source.below(3), "agent_version": "1", "instance": text(source),
            "lane": source.pick(&["interactive", "bulk"]), "cluster": "c-m-abcdefgh", "public_key": text(source),
            "kube_system_uid": "u", "credential": if source.one_in(2) { json!("key") } else { json!({"token": text(source)}) },
            "signature": text(source), "facts": {"nodes": source.number(), "clock_ms": source.number() as i64},
        }),
    };
    trees::changed(source, &message)
}

fn check_message(message: &Value) {
    let text = message.to_string();
    if let Ok(message) = serde_json::from_str::<ServerMessage>(&text) {
        let written = serde_json::to_string(&message).expect("a message can be written");
        assert_eq!(
            serde_json::from_str::<ServerMessage>(&written).ok().as_ref(),
            Some(&message),
            "the round trip"
        );
        if let ServerMessage::Refusal(refusal) = message {
            assert!(refusal.wait() <= grange_wire::refusal::MAX_WAIT, "the limit of waiting");
        }
    }
    if let Ok(AgentMessage::Hello(hello)) = serde_json::from_str(&text) {
        let written =
            serde_json::to_string(&AgentMessage::Hello(hello.clone())).expect("a message can be written");
        let read: AgentMessage = serde_json::from_str(&written).expect("what is written can be read");
        assert_eq!(read, AgentMessage::Hello(hello.clone()), "the round trip");
        assert!(verify_hello(&hello, b"nonce").is_err(), "nobody has signed this");
    }
    if let Ok(report) = serde_json::from_str::<TroubleReport>(&text) {
        report.transcript();
        let detail = trouble::to_detail(&report.detail);
        assert_eq!(trouble::to_detail(&detail), detail, "a detail settles");
    }
    let _ = serde_json::from_str::<Refusal>(&text);
    let _ = serde_json::from_str::<Facts>(&text);
}

fn frames(source: &mut Source) -> (bool, Bytes) {
    let to_server = source.one_in(2);
    let mut bytes = Vec::new();
    for _ in 0..source.below(8) {
        frame(source, to_server, &mut bytes);
    }
    (to_server, Bytes(mutate::bytes(source, bytes)))
}

/// A frame that is mostly right: of every kind, length and form of its length.
fn frame(source: &mut Source, masked: bool, out: &mut Vec<u8>) {
    let opcode = [1, 2, 0, 8, 9, 10, 3, 15][source.below(8)];
    let is_final = if source.one_in(4) { 0 } else { 0x80 };
    out.push(is_final | opcode | if source.one_in(20) { 0x40 } else { 0 });
    let payload = if source.one_in(4) {
        hello().into_bytes()
    } else {
        let length = [0, 1, 2, 125, 126, 300, 70_000][source.below(7)];
        vec![source.number() as u8; length]
    };
    let claimed = if source.one_in(10) { source.number() } else { payload.len() as u64 };
    let mask = if masked != source.one_in(20) { 0x80 } else { 0 };
    match claimed {
        0..126 => out.push(mask | claimed as u8),
        126..65_536 => {
            out.push(mask | 126);
            out.extend_from_slice(&(claimed as u16).to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&claimed.to_be_bytes());
        }
    }
    if mask != 0 {
        // A mask of zeros changes nothing.
        out.extend_from_slice(&[0; 4]);
    }
    out.extend_from_slice(&payload);
}

/// A hello whose signature is right for no nonce.
fn hello() -> String {
    let hello = Hello {
        protocol: 1,
        agent_version: "1".into(),
        instance: "i".into(),
        lane: Lane::Interactive,
        cluster: None,
        public_key: vec![0; 32],
        kube_system_uid: "u".into(),
        credential: Credential::Token(JoinToken::new("t")),
        signature: vec![0; 64],
        facts: Facts::default(),
    };
    serde_json::to_string(&AgentMessage::Hello(Box::new(hello))).unwrap_or_default()
}

struct Nobody;

impl grange_tunnel::SessionAuthority for Nobody {
    fn admit<'a>(
        &'a self,
        _: &'a Hello,
        _: &'a [u8],
        _: SocketAddr,
    ) -> futures::future::BoxFuture<'a, Result<grange_tunnel::Admission, Refusal>> {
        panic!("nobody has signed this")
    }
}

fn check_frames((to_server, Bytes(bytes)): &(bool, Bytes)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be had");
    let role = if *to_server { Role::Server } else { Role::Client };
    runtime.block_on(async {
        // As text, as bytes, and as a handshake.
        for limit in [0, 16 * 1024] {
            let mut socket = Socket::new(sent(bytes).await, role);
            while let Ok(Some(text)) = socket.receive_text(limit).await {
                assert!(text.len() <= limit, "the limit of a message");
            }
        }
        let mut socket = Socket::new(sent(bytes).await, role);
        let mut received = Vec::new();
        let _ = socket.read_to_end(&mut received).await;
        assert!(received.len() <= bytes.len(), "more arrived than was sent");
        assert_eq!(socket.link().received_bytes(), received.len() as u64);
        let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let registry = Registry::new("1");
        let outcome = registry.accept(sent(bytes).await, remote, Arc::new(Nobody)).await;
        assert!(outcome.is_err(), "nobody has signed this");
    });
}

/// A connection whose other end has said this and reads no more than a buffer.
async fn sent(bytes: &[u8]) -> tokio::io::DuplexStream {
    let (mut far, near) = tokio::io::duplex(bytes.len().max(1) + 64 * 1024);
    far.write_all(bytes).await.expect("there is room for all");
    far.shutdown().await.expect("the end can be said");
    tokio::spawn(async move {
        let mut ignored = vec![0; 1024];
        while far.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
    });
    near
}

fn upgrade(source: &mut Source) -> (String, Vec<(String, Bytes)>, Bytes) {
    let headers = source.list(8, |source| {
        let (name, value) = *source.one_of(&[
            ("connection", "Upgrade"),
            ("connection", "keep-alive, x-a, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "grange.tunnel.v1"),
            ("te", "trailers"),
            ("x-a", "1"),
        ]);
        (name.to_owned(), Bytes(mutate::bytes(source, value.as_bytes().to_vec())))
    });
    let key =
        mutate::bytes(source, vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);
    (source.pick(&["GET", "POST", "CONNECT"]).to_owned(), headers, Bytes(key))
}

fn check_upgrade((method, headers, Bytes(key)): &(String, Vec<(String, Bytes)>, Bytes)) {
    let _ = AgentKey::from_pkcs8(key);
    let mut request = Request::new(());
    *request.method_mut() = method.parse::<Method>().expect("one of ours");
    for (name, Bytes(value)) in headers {
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        let name = HeaderName::from_bytes(name.as_bytes()).expect("one of ours");
        request.headers_mut().append(name, value);
    }
    let response = accept::answer_upgrade(&request);
    if response.status() == 101 {
        assert!(accept::is_tunnel_request(&request));
    }
    let headers = request.headers_mut();
    hop::remove_hop_by_hop(headers);
    assert!(!headers.contains_key("connection") && !headers.contains_key("upgrade"), "{headers:?}");
}
