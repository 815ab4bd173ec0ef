//! The listener: accepts, limits, shakes hands, serves, stops.
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    CaBundle, Config, Streams, dispatch,
    front::{Front, Parts},
    metrics::Metrics,
    proxy::Proxy,
    tls::{self, CurrentCertificate, TlsError},
};

/// HTTP/2 flow-control windows: large enough that one stream fills a fast link.
const STREAM_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// How often idle HTTP/2 connections are asked whether they live.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause after a failed accept (out of file descriptors): time for others to close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the front cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("listening on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Certificates.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
}

/// The listener with its certificate, before the parts behind it exist: validates early, serves later.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    certificate: Arc<CurrentCertificate>,
    acceptor: TlsAcceptor,
    ca: CaBundle,
    config: Config,
}

/// The long-running part.
pub struct Service {
    bound: Bound,
    front: Arc<Front>,
}

/// The cheap cloneable handle.
#[derive(Clone)]
pub struct Handle {
    front: Arc<Front>,
    address: SocketAddr,
}

impl Bound {
    /// Reads or makes certificates and binds the address. Nothing is answered yet.
    pub async fn bind(config: Config) -> Result<Bound, Error> {
        let (pair, ca) = tls::load(&config.tls, &config.server_url, &config.listen.ip().to_string())?;
        let certificate = CurrentCertificate::new(pair)?;
        let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config()?));
        let fail = |source| Error::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        Ok(Bound { listener, address, certificate, acceptor, ca, config })
    }
    /// The CA that clients and agents need.
    pub fn ca(&self) -> &CaBundle {
        &self.ca
    }
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// Puts the parts behind the listener.
    pub fn serve(self, parts: Parts) -> (Service, Handle) {
        let front = Arc::new(Front {
            ca: self.ca.clone(),
            proxy: Proxy::new(parts.registry.clone()),
            streams: Streams::new(parts.identity.clone(), parts.apiserver.clone()),
            metrics: Metrics::default(),
            started: Instant::now(),
            cluster_names: tokio::sync::Mutex::default(),
            tunnels: CancellationToken::new(),
            config: self.config.clone(),
            parts,
        });
        let handle = Handle { front: front.clone(), address: self.address };
        (Service { bound: self, front }, handle)
    }
}

impl Handle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// Streams open now.
    pub fn open_streams(&self) -> usize {
        self.front.streams.count()
    }
}

impl Service {
    /// Serves until `shutdown`, then lets running requests finish for a while.
    pub async fn run(self, shutdown: CancellationToken) {
        let Service { bound, front } = self;
        let limits = bound.config.limits;
        let gate = Arc::new(Gate::new(limits.connections, limits.connections_per_address));
        let graceful = GracefulShutdown::new();
        let background = async {
            tokio::join!(
                front.streams.clone().follow(),
                bound.certificate.clone().follow(
                    bound.config.tls.clone(),
                    bound.config.listen.ip().to_string(),
                    front.parts.settings.clone()
                ),
            )
        };
        let accepting = async {
            loop {
                match bound.listener.accept().await {
                    Ok((socket, remote)) => {
                        let Some(place) = gate.enter(remote.ip()) else {
                            Metrics::count(&front.metrics.connections_refused);
                            continue;
                        };
                        Metrics::count(&front.metrics.connections_accepted);
                        let watcher = graceful.watcher();
                        let (front, acceptor) = (front.clone(), bound.acceptor.clone());
                        tokio::spawn(async move {
                            connection(front, acceptor, socket, remote, watcher).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = accepting => {}
            _ = background => {}
        }
        drop(bound.listener);
        // Watches, consoles and tunnels would never end by themselves.
        front.streams.cut_all();
        front.tunnels.cancel();
        if tokio::time::timeout(limits.shutdown, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests still run; they are cut");
        }
    }
}

async fn connection(
    front: Arc<Front>,
    acceptor: TlsAcceptor,
    socket: TcpStream,
    remote: SocketAddr,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let limits = front.config.limits;
    let _ = socket.set_nodelay(true);
    let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
    let stream = match tokio::time::timeout(limits.handshake, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            Metrics::count(&front.metrics.handshakes_failed);
            tracing::debug!(%remote, %error, "TLS handshake failed");
            if let Some(alert) = tls::distrust(&error) {
                front.parts.imports.certificate_refused(remote.ip(), alert);
            }
            return;
        }
        Err(_) => {
            Metrics::count(&front.metrics.handshakes_failed);
            tracing::debug!(%remote, "TLS handshake took too long");
            return;
        }
    };
    let service =
        service_fn(move |request: http::Request<Incoming>| dispatch::answer(front.clone(), remote, request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(limits.header_bytes)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(limits.streams_per_connection)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    if let Err(error) = watcher.watch(serving).await {
        tracing::debug!(%remote, %error, "connection ended");
    }
}

/// Counts open connections, in all and by address.
struct Gate {
    all: Arc<Semaphore>,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    per_address: usize,
}

/// A place taken; given back on drop.
struct Place {
    gate: Arc<Gate>,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Gate {
    fn new(all: usize, per_address: usize) -> Self {
        Gate { all: Arc::new(Semaphore::new(all)), by_address: Mutex::default(), per_address }
    }
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let permit = self.all.clone().try_acquire_owned().ok()?;
        let address = address.to_canonical();
        if address.is_loopback() {
            return Some(Place { gate: self.clone(), address: None, _permit: permit });
        }
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Place { gate: self.clone(), address: Some(address), _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut by_address = self.gate.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_by_address_and_in_all() {
        let gate = Arc::new(Gate::new(3, 2));
        let near = IpAddr::from([192, 0, 2, 1]);
        let first = gate.enter(near);
        let second = gate.enter(near);
        assert!(first.is_some() && second.is_some());
        assert!(gate.enter(near).is_none(), "the address is full");
        let other = gate.enter(IpAddr::from([192, 0, 2, 2]));
        assert!(other.is_some());
        assert!(gate.enter(IpAddr::from([192, 0, 2, 3])).is_none(), "all are taken");
        drop((first, other));
        assert!(gate.enter(near).is_some());
        assert_eq!(gate.by_address.lock().unwrap().len(), 1);
    }
}
