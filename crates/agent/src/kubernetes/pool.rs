//! Kept-alive HTTP/1.1 connections to one apiserver.
//!
//! A connection serves one request at a time and comes back when the answer's body was read to its end; an answer
//! that is dropped earlier takes its connection along, which is how a cancelled watch ends in the cluster.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use grange_tunnel::{Body, body::BodyError};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::access::{Access, AccessError};

/// Idle connections kept.
const MAX_IDLE: usize = 64;
/// How long an idle connection is kept; below the apiserver's own limit, so that it never closes one under us.
const IDLE_LIFE: Duration = Duration::from_secs(30);
/// How long connecting may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The most an HTTP/1.1 connection reads ahead.
const READ_BUFFER_BYTES: usize = 256 * 1024;

/// Why the apiserver gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Our own access data.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// No connection.
    #[error("cannot connect to the apiserver at {address}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No connection in time.
    #[error("no connection to the apiserver at {address} within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut {
        /// Where.
        address: String,
    },
    /// The answer is not HTTP, or the connection broke.
    #[error("the apiserver's answer cannot be understood")]
    Http(#[from] hyper::Error),
}

type Sender = http1::SendRequest<Body>;

/// The connections. Cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    access: Access,
    idle: Mutex<Vec<(Sender, Instant)>>,
}

impl Pool {
    /// No connection yet.
    pub fn new(access: Access) -> Self {
        Pool(Arc::new(Inner { access, idle: Mutex::default() }))
    }

    /// How the apiserver is reached.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// Sends one request as it is. `Host` and `Authorization` are the caller's affair.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<PooledBody>, PoolError> {
        while let Some(mut sender) = self.idle() {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.wrap(response, sender)),
                Err(mut failure) => match failure.take_message() {
                    // It was closed meanwhile and the request never left.
                    Some(unsent) => request = unsent,
                    None => return Err(failure.into_error().into()),
                },
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await?;
        Ok(self.wrap(response, sender))
    }

    /// Sends a request for an upgrade on a connection of its own.
    pub async fn send_upgrade(&self, request: Request<Body>) -> Result<Response<Incoming>, PoolError> {
        let mut sender = self.connect().await?;
        Ok(sender.send_request(request).await?)
    }

    async fn connect(&self) -> Result<Sender, PoolError> {
        let access = &self.0.access;
        let (host, port) = access.address();
        let tls = TlsConnector::from(access.tls()?);
        let name = access.server_name()?;
        let address = || format!("{host}:{port}");
        let connecting = async {
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            tls.connect(name, stream).await
        };
        let stream = timeout(CONNECT_TIMEOUT, Box::pin(connecting))
            .await
            .map_err(|_| PoolError::TimedOut { address: address() })?
            .map_err(|source| PoolError::Connect { address: address(), source })?;
        let (sender, connection) =
            http1::Builder::new().max_buf_size(READ_BUFFER_BYTES).handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }

    fn idle(&self) -> Option<Sender> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((sender, since)) = idle.pop() {
            if !sender.is_closed() && since.elapsed() < IDLE_LIFE {
                return Some(sender);
            }
        }
        None
    }

    fn give_back(&self, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The newest is used first, so those that nobody needs any more gather in front.
        let expired = idle.iter().take_while(|(_, since)| since.elapsed() >= IDLE_LIFE).count();
        idle.drain(..expired);
        if idle.len() < MAX_IDLE {
            idle.push((sender, Instant::now()));
        }
    }

    fn wrap(&self, response: Response<Incoming>, sender: Sender) -> Response<PooledBody> {
        let pool = self.clone();
        response.map(|incoming| PooledBody { incoming, ended: false, loan: Some((sender, pool)) })
    }
}

/// An answer's body that gives its connection back.
pub struct PooledBody {
    incoming: Incoming,
    ended: bool,
    loan: Option<(Sender, Pool)>,
}

impl HttpBody for PooledBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(context));
        match frame {
            None => {
                self.ended = true;
                Poll::Ready(None)
            }
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(Err(error)) => {
                self.loan = None;
                Poll::Ready(Some(Err(error.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for PooledBody {
    fn drop(&mut self) {
        if let Some((sender, pool)) = self.loan.take()
            && (self.ended || self.incoming.is_end_stream())
        {
            pool.give_back(sender);
        }
    }
}
