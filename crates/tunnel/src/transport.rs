//! How HTTP/2 is set up inside the WebSocket, at both ends.

use std::{convert::Infallible, time::Duration};

use http::{Request, Response};
use hyper::{
    body::Incoming, client::conn::http2 as client, server::conn::http2 as server, service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{body::Body, websocket::Socket};

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

/// The request side of a session, which is the accepting end of the WebSocket.
pub(crate) async fn request_side<S>(
    socket: Socket<S>,
) -> hyper::Result<(client::SendRequest<Body>, client::Connection<TokioIo<Socket<S>>, Body, TokioExecutor>)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    client::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .adaptive_window(false)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(socket))
        .await
}

/// Serves the requests of a session at the end that dialled. Resolves when the connection ends; dropping it ends
/// the connection and everything in flight.
pub async fn serve<S, F, A>(socket: Socket<S>, answer: F) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    server::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .adaptive_window(false)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .auto_date_header(false)
        .enable_connect_protocol()
        .serve_connection(TokioIo::new(socket), service)
        .await
}
