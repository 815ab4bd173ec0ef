//! The dialling end of a handshake: HTTP upgrade, hello, welcome.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use grange_wire::{
    AgentMessage, Challenge, Hello, Refusal, SUBPROTOCOL, ServerMessage, Welcome,
    handshake::{HANDSHAKE_TIMEOUT, MAX_MESSAGE_BYTES},
};
use http::{
    Method, Request, StatusCode,
    header::{
        CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
    },
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::websocket::{Role, Socket};

/// How much of a server's answer is shown when it is not the expected one.
const SHOWN_ANSWER_BYTES: usize = 256;

/// The stream below an agent's WebSocket.
pub type AgentStream = TokioIo<Upgraded>;

/// Why no tunnel came to be.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The server knows us and says no.
    #[error("the server refused: {0}")]
    Refused(Refusal),
    /// Something that is not a Grange server answered, or one in trouble.
    #[error("the server answered {status} instead of opening a tunnel: {text}")]
    Answer {
        /// Its status.
        status: StatusCode,
        /// The begin of its answer.
        text: String,
    },
    /// The answer to the upgrade is not a WebSocket's.
    #[error("the server's answer is not that of a WebSocket with subprotocol {SUBPROTOCOL}")]
    NotWebSocket,
    /// The connection failed.
    #[error("the connection failed during the handshake")]
    Io(#[from] std::io::Error),
    /// HTTP failed.
    #[error("the connection failed during the handshake")]
    Http(#[from] hyper::Error),
    /// The server said something out of order.
    #[error("the server's handshake message cannot be understood: {0}")]
    Message(String),
    /// The server left.
    #[error("the server closed the connection during the handshake")]
    Left,
    /// It took too long.
    #[error("the handshake took longer than {} s", HANDSHAKE_TIMEOUT.as_secs())]
    TimedOut,
}

/// Opens a tunnel over `io`, a TLS stream to the server: `authority` and `path` are of the server's URL. `make_hello`
/// answers the challenge.
pub async fn open<S, F>(
    io: S,
    authority: &str,
    path: &str,
    make_hello: F,
) -> Result<(Socket<AgentStream>, Welcome), DialError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: FnOnce(&Challenge) -> Hello,
{
    let opening = async {
        let mut socket = Socket::new(upgrade(io, authority, path).await?, Role::Client);
        let welcome = enrol(&mut socket, make_hello).await?;
        Ok((socket, welcome))
    };
    timeout(HANDSHAKE_TIMEOUT, opening).await.unwrap_or(Err(DialError::TimedOut))
}

async fn upgrade<S>(io: S, authority: &str, path: &str) -> Result<AgentStream, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let key = STANDARD.encode(rand::random::<[u8; 16]>());
    let request = Request::builder()
        .method(Method::GET)
        .uri(path)
        .header(HOST, authority)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key)
        .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
        .header(USER_AGENT, "grange-agent")
        .body(Empty::<Bytes>::new())
        .map_err(|error| DialError::Message(error.to_string()))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await?;
    let driver = tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_MESSAGE_BYTES).collect().await;
        driver.abort();
        let bytes = body.map(|body| body.to_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_ANSWER_BYTES)]).trim().to_owned();
        return Err(DialError::Answer { status, text });
    }
    let headers = response.headers();
    let accepted = headers
        .get(SEC_WEBSOCKET_ACCEPT)
        .is_some_and(|accept| accept.as_bytes() == derive_accept_key(key.as_bytes()).as_bytes());
    if !accepted || headers.get(SEC_WEBSOCKET_PROTOCOL).is_none_or(|protocol| protocol != SUBPROTOCOL) {
        return Err(DialError::NotWebSocket);
    }
    Ok(TokioIo::new(hyper::upgrade::on(response).await?))
}

async fn enrol<S, F>(socket: &mut Socket<S>, make_hello: F) -> Result<Welcome, DialError>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: FnOnce(&Challenge) -> Hello,
{
    let challenge = match listen(socket).await? {
        ServerMessage::Challenge(challenge) => challenge,
        ServerMessage::Refusal(refusal) => return Err(DialError::Refused(refusal)),
        ServerMessage::Welcome(_) => {
            return Err(DialError::Message("a welcome came before the hello".into()));
        }
    };
    let hello = AgentMessage::Hello(Box::new(make_hello(&challenge)));
    let text = serde_json::to_string(&hello).map_err(std::io::Error::other)?;
    socket.send_text(&text).await?;
    match listen(socket).await? {
        ServerMessage::Welcome(welcome) => Ok(welcome),
        ServerMessage::Refusal(refusal) => Err(DialError::Refused(refusal)),
        ServerMessage::Challenge(_) => Err(DialError::Message("a second challenge came".into())),
    }
}

async fn listen<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
) -> Result<ServerMessage, DialError> {
    let text = socket.receive_text(MAX_MESSAGE_BYTES).await?.ok_or(DialError::Left)?;
    serde_json::from_str(&text).map_err(|error| DialError::Message(error.to_string()))
}
