//! The accepting end of a handshake: HTTP upgrade, challenge, hello.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use grange_wire::{
    AgentMessage, Challenge, Hello, PROTOCOL_VERSION, Refusal, RefusalCode, SUBPROTOCOL, ServerMessage,
    handshake::MAX_MESSAGE_BYTES,
};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
        UPGRADE,
    },
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{key::verify_hello, websocket::Socket};

/// Handshakes under way at a time.
pub const MAX_HANDSHAKES: usize = 1024;
/// Handshakes under way at a time from one address; many clusters may share one.
pub const MAX_HANDSHAKES_PER_ADDRESS: usize = 256;
/// Bytes of randomness in a challenge.
const NONCE_BYTES: usize = 32;
/// The longest cluster id, UID, instance or version in a hello.
const MAX_NAME_BYTES: usize = 253;

/// Answers the HTTP request that opens a tunnel: 101, or why not. On 101 the caller upgrades the connection and
/// gives it to [`crate::Registry::accept`].
pub fn answer_upgrade<B>(request: &Request<B>) -> Response<&'static str> {
    let headers = request.headers();
    let refuse = |status: StatusCode, text: &'static str| {
        let mut response = Response::new(text);
        *response.status_mut() = status;
        response
    };
    if request.method() != Method::GET
        || !has_token(headers, CONNECTION, "upgrade")
        || !has_token(headers, UPGRADE, "websocket")
    {
        return refuse(
            StatusCode::UPGRADE_REQUIRED,
            "this address takes WebSocket connections of agents only\n",
        );
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return refuse(StatusCode::BAD_REQUEST, "unsupported WebSocket version; 13 is spoken here\n");
    }
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY) else {
        return refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing\n");
    };
    if !has_token(headers, SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return refuse(StatusCode::BAD_REQUEST, "the subprotocol grange.tunnel.v1 is required\n");
    }
    let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) else {
        return refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is malformed\n");
    };
    let mut response = refuse(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    response
}

/// Whether a request asks for our tunnel (and not for remotedialer's, which names no subprotocol).
pub fn is_tunnel_request<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
}

fn has_token(headers: &HeaderMap, name: http::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Why no hello came.
#[derive(Debug, thiserror::Error)]
pub enum GreetError {
    /// The connection failed or carried garbage.
    #[error("the handshake broke off")]
    Io(#[from] std::io::Error),
    /// The agent left.
    #[error("the agent closed the connection during the handshake")]
    Left,
    /// The agent is told this.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Sends the challenge and gives back a hello whose form and signature are right, with the nonce it signed.
pub(crate) async fn greet<S>(
    socket: &mut Socket<S>,
    server_version: &str,
) -> Result<(Hello, [u8; NONCE_BYTES]), GreetError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let nonce: [u8; NONCE_BYTES] = rand::random();
    let challenge = Challenge {
        nonce: nonce.to_vec(),
        server_version: server_version.to_owned(),
        protocol: PROTOCOL_VERSION,
    };
    say(socket, &ServerMessage::Challenge(challenge)).await?;
    let text = socket.receive_text(MAX_MESSAGE_BYTES).await?.ok_or(GreetError::Left)?;
    let AgentMessage::Hello(hello) = serde_json::from_str(&text).map_err(|error| {
        Refusal::new(RefusalCode::UnsupportedProtocol, format!("the hello cannot be read: {error}"))
    })?;
    if hello.protocol == 0 || hello.protocol > PROTOCOL_VERSION {
        let message =
            format!("the agent speaks protocol {}, this server up to {PROTOCOL_VERSION}", hello.protocol);
        return Err(Refusal::new(RefusalCode::UnsupportedProtocol, message).into());
    }
    let names = [&hello.instance, &hello.kube_system_uid, &hello.agent_version];
    if names.iter().any(|name| name.is_empty() || name.len() > MAX_NAME_BYTES)
        || hello.cluster.as_ref().is_some_and(|cluster| cluster.len() > MAX_NAME_BYTES)
    {
        let message = "the hello lacks a name or has one that is too long";
        return Err(Refusal::new(RefusalCode::UnsupportedProtocol, message).into());
    }
    verify_hello(&hello, &nonce).map_err(|error| Refusal::new(RefusalCode::BadToken, error.to_string()))?;
    Ok((*hello, nonce))
}

/// Sends one message of the handshake.
pub(crate) async fn say<S>(socket: &mut Socket<S>, message: &ServerMessage) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let text = serde_json::to_string(message).map_err(std::io::Error::other)?;
    socket.send_text(&text).await
}

/// Counts handshakes under way, in all and by address.
#[derive(Debug, Default)]
pub(crate) struct Handshakes(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Handshakes {
    /// `None` when there are too many.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<HandshakeGuard<'_>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= MAX_HANDSHAKES {
            return None;
        }
        let from_there = counts.by_address.entry(address).or_default();
        if *from_there >= MAX_HANDSHAKES_PER_ADDRESS {
            return None;
        }
        *from_there += 1;
        counts.all += 1;
        Some(HandshakeGuard { handshakes: self, address })
    }
}

/// One handshake under way.
pub(crate) struct HandshakeGuard<'a> {
    handshakes: &'a Handshakes,
    address: IpAddr,
}

impl Drop for HandshakeGuard<'_> {
    fn drop(&mut self) {
        let mut counts = self.handshakes.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(from_there) = counts.by_address.get_mut(&self.address) {
            *from_there -= 1;
            if *from_there == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}
