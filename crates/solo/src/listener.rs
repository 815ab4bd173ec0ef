//! The HTTPS listener of a cluster: HTTP/1.1 and HTTP/2 with upgrades, in front of the API server.

use std::{sync::Arc, time::Duration};

use futures::TryStreamExt as _;
use grange_apiserver::{Body, Handle};
use http_body_util::BodyExt as _;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Most connections of one cluster at a time.
const MAX_CONNECTIONS: usize = 4096;
/// How long a client may take for its TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long open requests may go on after the end was announced.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// Streams one HTTP/2 connection may have open.
const MAX_CONCURRENT_STREAMS: u32 = 1000;
/// Window of one HTTP/2 stream, and of a whole connection.
const HTTP2_WINDOW_SIZE_BYTES: u32 = 4 << 20;
/// How long the listener pauses when the system has no more sockets to give.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// What answers the requests of a listener.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) api: Handle,
    /// Added to every request, to play a cluster that is far away.
    pub(crate) delay: Duration,
}

impl Front {
    async fn answer(&self, request: http::Request<hyper::body::Incoming>) -> http::Response<Body> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        self.api.call(request.map(incoming_body)).await
    }
}

fn incoming_body(body: hyper::body::Incoming) -> Body {
    use hyper::body::Body as _;
    if body.is_end_stream() {
        return Body::Empty;
    }
    Body::Stream(Box::pin(body.into_data_stream().map_err(Into::into)))
}

/// Serves until shutdown, then lets open requests finish for a moment.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    front: Front,
    shutdown: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(tls);
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let tasks = tokio_util::task::TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
        };
        let Some((stream, permit)) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        let (acceptor, front, shutdown) = (acceptor.clone(), front.clone(), shutdown.clone());
        tasks.spawn(async move {
            serve_connection(stream, acceptor, front, shutdown).await;
            drop(permit);
        });
    }
    drop(listener);
    tasks.close();
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, tasks.wait()).await;
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "could not accept a connection");
            None
        }
    }
}

async fn serve_connection(
    stream: tokio::net::TcpStream,
    acceptor: TlsAcceptor,
    front: Front,
    shutdown: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake"),
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    let service = service_fn(move |request| {
        let front = front.clone();
        async move { Ok::<_, std::convert::Infallible>(front.answer(request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http2()
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .initial_stream_window_size(HTTP2_WINDOW_SIZE_BYTES)
        .initial_connection_window_size(HTTP2_WINDOW_SIZE_BYTES)
        .enable_connect_protocol();
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(DRAIN_TIMEOUT, connection).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection");
    }
}
