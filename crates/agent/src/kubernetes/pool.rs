//! Kept-alive HTTP/1.1 connections to one apiserver.
//!
//! A connection serves one request at a time and comes back when the answer's body was read to its end; an answer
//! that is dropped earlier takes its connection along, which is how a cancelled watch ends in the cluster.
//!
//! A connection has no task of its own: whoever waits for an answer drives it, so that nothing is handed
//! from task to task on the way. While it is idle nobody looks at it; one that was closed meanwhile is found out before
//! its next request leaves.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use grange_tunnel::{Body, body::BodyError};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

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
    #[error("cannot connect to the cluster's apiserver at {address}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No connection in time.
    #[error("no connection to the cluster's apiserver at {address} within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut {
        /// Where.
        address: String,
    },
    /// The answer is not HTTP, or the connection broke.
    #[error("the answer of the cluster's apiserver cannot be understood")]
    Http(#[from] hyper::Error),
}

/// The connections. Cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    access: Access,
    idle: Mutex<Vec<(Link, Instant)>>,
}

type Connection = http1::Connection<TokioIo<TlsStream<TcpStream>>, Body>;

/// One connection with the handle that sends requests on it.
struct Link {
    sender: http1::SendRequest<Body>,
    /// `None` once it has ended.
    connection: Option<Pin<Box<Connection>>>,
}

impl Link {
    /// Lets the connection read and write as far as it can.
    fn advance(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && connection.as_mut().poll(context).is_ready()
        {
            // How it ended is told to whoever waits for an answer.
            self.connection = None;
        }
    }

    /// Whether it can take the next request now.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|context| {
            self.advance(context);
            Poll::Ready(self.connection.is_some() && self.sender.is_ready())
        })
        .await
    }

    /// Sends a request and drives the connection until the answer's head is there.
    async fn exchange(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        poll_fn(|context| {
            // The first look hands the request over, the second takes the answer that the connection has just read.
            for is_second in [false, true] {
                if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                    return Poll::Ready(answer);
                }
                if !is_second
                    && let Some(open) = connection
                    && open.as_mut().poll(context).is_ready()
                {
                    *connection = None;
                }
            }
            Poll::Pending
        })
        .await
    }
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
        while let Some(mut link) = self.idle() {
            if !link.is_ready().await {
                continue;
            }
            match link.exchange(request).await {
                Ok(response) => return Ok(self.wrap(response, link)),
                Err(mut failure) => match failure.take_message() {
                    // It was closed meanwhile and the request never left.
                    Some(unsent) => request = unsent,
                    None => return Err(failure.into_error().into()),
                },
            }
        }
        let mut link = self.connect().await?;
        match link.exchange(request).await {
            Ok(response) => Ok(self.wrap(response, link)),
            Err(failure) => Err(failure.into_error().into()),
        }
    }

    /// Sends a request for an upgrade on a connection of its own.
    pub async fn send_upgrade(&self, request: Request<Body>) -> Result<Response<Incoming>, PoolError> {
        let Link { mut sender, connection } = self.connect().await?;
        let connection = *Pin::into_inner(connection.expect("invariant: a new connection is open"));
        tokio::spawn(connection.with_upgrades());
        Ok(sender.send_request(request).await?)
    }

    async fn connect(&self) -> Result<Link, PoolError> {
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
        Ok(Link { sender, connection: Some(Box::pin(connection)) })
    }

    fn idle(&self) -> Option<Link> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().filter(|(_, since)| since.elapsed() < IDLE_LIFE).map(|(link, _)| link)
    }

    fn give_back(&self, mut link: Link) {
        // Nobody has driven it since the answer's last byte was taken, so it may not know yet that it is free.
        link.advance(&mut Context::from_waker(Waker::noop()));
        if link.connection.is_none() || !link.sender.is_ready() {
            return;
        }
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The newest is used first, so those that nobody needs any more gather in front.
        let expired = idle.iter().take_while(|(_, since)| since.elapsed() >= IDLE_LIFE).count();
        idle.drain(..expired);
        if idle.len() < MAX_IDLE {
            idle.push((link, Instant::now()));
        }
    }

    fn wrap(&self, response: Response<Incoming>, link: Link) -> Response<PooledBody> {
        let pool = self.clone();
        response.map(|incoming| PooledBody { incoming, is_ended: false, loan: Some((link, pool)) })
    }
}

/// An answer's body that drives its connection and gives it back.
pub struct PooledBody {
    incoming: Incoming,
    is_ended: bool,
    loan: Option<(Link, Pool)>,
}

impl HttpBody for PooledBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let PooledBody { incoming, is_ended, loan } = &mut *self;
        let mut frame = Pin::new(&mut *incoming).poll_frame(context);
        if frame.is_pending()
            && let Some((link, _)) = loan
        {
            link.advance(context);
            frame = Pin::new(incoming).poll_frame(context);
        }
        match frame {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                *is_ended = true;
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Some(Err(error))) => {
                *loan = None;
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
        if let Some((link, pool)) = self.loan.take()
            && (self.is_ended || self.incoming.is_end_stream())
        {
            pool.give_back(link);
        }
    }
}
