//! How HTTP/2 is spoken inside the WebSocket, at both ends.
//!
//! The `h2` crate is used without a layer above it: a request goes from its own task to the connection's task and its
//! answer comes straight back, with no task of its own in between.

use std::{future::poll_fn, sync::Arc, time::Duration};

use bytes::Bytes;
use h2::{Ping, PingPong, RecvStream, client, ext::Protocol, server};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{sleep, timeout},
};

use crate::{
    body::{Body, Received, announce_length, pump},
    upgraded::{Switch, UpgradedStream},
    websocket::{Link, Socket},
};

/// How often each end pings while nothing else arrives.
pub const PING_INTERVAL: Duration = Duration::from_secs(5);
/// How long a ping may stay unanswered. With [`PING_INTERVAL`] a half-open connection is known within 10 s.
pub const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Flow-control window of one stream: bounds what one slow reader keeps in memory.
pub const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Flow-control window of a whole connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// The largest HTTP/2 frame either end sends or accepts.
pub const FRAME_BYTES: u32 = 64 * 1024 - 64;
/// What one stream may have waiting to be sent.
pub const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// Streams of one connection open at a time, as the agent announces it.
pub const MAX_STREAMS: u32 = 2048;
/// All headers of one request or answer together; kube-apiserver's own limit is 1 MiB, Go's default.
pub const HEADER_LIST_BYTES: u32 = 256 * 1024;

/// Sends requests into a session.
pub(crate) type Sender = client::SendRequest<Bytes>;

/// The request side of a session, which is the accepting end of the WebSocket. The future is the connection's life;
/// dropping it ends the connection and everything in flight.
pub(crate) async fn request_side<S>(
    socket: Socket<S>,
) -> Result<(Sender, impl Future<Output = ()> + Send), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let link = socket.link();
    let (sender, mut connection) = client::Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .handshake::<_, Bytes>(socket)
        .await?;
    let pings = connection.ping_pong();
    let life = async move {
        let silence = silence(pings, link.clone());
        tokio::select! {
            result = connection => if let Err(error) = result {
                link.note_end(format!("HTTP/2 ended: {error}"));
            },
            () = silence => {}
        }
        link.note_over();
    };
    Ok((sender, life))
}

/// Serves the requests of a session at the end that dialled. Resolves when the connection ends; dropping it ends
/// the connection and everything in flight.
pub async fn serve<S, F, A>(socket: Socket<S>, answer: F) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Received>) -> A,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let link = socket.link();
    let mut connection = server::Builder::new()
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .max_concurrent_streams(MAX_STREAMS)
        .enable_connect_protocol()
        .handshake::<_, Bytes>(socket)
        .await?;
    let pings = connection.ping_pong();
    let accepting = async {
        while let Some(stream) = connection.accept().await {
            let (request, respond) = stream?;
            accept(request, respond, &answer);
        }
        Ok(())
    };
    tokio::select! {
        result = accepting => result,
        () = silence(pings, link) => Ok(()),
    }
}

/// Begins to answer one request, in a task of its own that ends with the stream.
fn accept<F, A>(request: Request<RecvStream>, respond: server::SendResponse<Bytes>, answer: &F)
where
    F: Fn(Request<Received>) -> A,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let (parts, stream) = request.into_parts();
    if parts.method == Method::CONNECT && parts.extensions.get::<Protocol>().is_some() {
        let mut request = Request::from_parts(parts, Received::of_upgrade());
        let switch = Switch::insert(&mut request);
        let answering = answer(request);
        tokio::spawn(answer_upgrade(answering, respond, stream, switch));
    } else {
        let received = Received::new(stream, &parts.headers);
        let answering = answer(Request::from_parts(parts, received));
        tokio::spawn(answer_plain(answering, respond));
    }
}

async fn answer_plain(
    answering: impl Future<Output = Response<Body>>,
    mut respond: server::SendResponse<Bytes>,
) {
    let Some(response) = unless_reset(answering, &mut respond).await else { return };
    send_answer(response, respond).await;
}

async fn answer_upgrade(
    answering: impl Future<Output = Response<Body>>,
    mut respond: server::SendResponse<Bytes>,
    stream: RecvStream,
    switch: Switch,
) {
    let Some(response) = unless_reset(answering, &mut respond).await else { return };
    if response.status() != StatusCode::OK {
        return send_answer(response, respond).await;
    }
    if let Ok(sending) = respond.send_response(response.map(|_| ()), false) {
        switch.hand_over(UpgradedStream::new(sending, stream, None));
    }
}

/// The answer, or `None` when the other end gives the request up first.
async fn unless_reset(
    answering: impl Future<Output = Response<Body>>,
    respond: &mut server::SendResponse<Bytes>,
) -> Option<Response<Body>> {
    tokio::select! {
        biased;
        response = answering => Some(response),
        _ = poll_fn(|context| respond.poll_reset(context)) => None,
    }
}

async fn send_answer(response: Response<Body>, mut respond: server::SendResponse<Bytes>) {
    let (mut parts, body) = response.into_parts();
    let is_end = body.is_end_stream();
    if !is_end {
        announce_length(&mut parts.headers, &body);
    }
    match respond.send_response(Response::from_parts(parts, ()), is_end) {
        Ok(stream) if !is_end => pump(body, stream).await,
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "an answer could not be sent"),
    }
}

/// Resolves when the other end has stopped answering. Whatever arrives counts as a sign of life, because a pong
/// waits its turn behind a full connection.
async fn silence(pings: Option<PingPong>, link: Arc<Link>) {
    let mut pings = pings.expect("invariant: a connection's pings are taken once");
    loop {
        let before = link.received_bytes();
        sleep(PING_INTERVAL).await;
        if link.received_bytes() != before {
            continue;
        }
        let mut pong = Box::pin(pings.ping(Ping::opaque()));
        loop {
            let heard = link.received_bytes();
            match timeout(PING_TIMEOUT, &mut pong).await {
                Ok(Ok(_)) => break,
                // The connection itself knows better how it ended.
                Ok(Err(_)) => return std::future::pending().await,
                Err(_) if link.received_bytes() != heard => {}
                Err(_) => return link.note_end("the peer stopped answering"),
            }
        }
    }
}
