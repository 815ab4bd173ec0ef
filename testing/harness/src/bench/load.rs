//! The load generator: keep-alive HTTP/1.1 over TLS, one request after another on each connection.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio_rustls::TlsConnector;

use crate::{Kubeconfig, tls};

/// How much of a refused answer an error shows.
const SHOWN_BYTES: usize = 300;

/// Where requests go, and as whom.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    tls: TlsConnector,
    host: HeaderValue,
    authorization: HeaderValue,
    prefix: String,
}

impl Target {
    /// The address and identity of a kubeconfig, whose server is named by an IP address.
    pub fn new(kubeconfig: &Kubeconfig) -> Result<Self> {
        let (address, prefix) = tls::address(&kubeconfig.server)?;
        Ok(Target {
            address,
            tls: tls::connector(&kubeconfig.ca_pem)?,
            host: HeaderValue::from_str(&address.to_string())?,
            authorization: HeaderValue::from_str(&format!("Bearer {}", kubeconfig.token))?,
            prefix: prefix.to_owned(),
        })
    }

    /// The same, with every path below `prefix`.
    pub fn below(&self, prefix: &str) -> Self {
        Target { prefix: format!("{}{prefix}", self.prefix), ..self.clone() }
    }

    /// A request with this target's identity.
    pub fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(header::HOST, self.host.clone())
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::ACCEPT, "application/json");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::new(body))?)
    }

    /// A GET with this target's identity.
    pub fn get(&self, path: &str) -> Result<Request<Full<Bytes>>> {
        self.request(Method::GET, path, Bytes::new())
    }

    /// Opens one connection.
    pub async fn connect(&self) -> Result<Connection> {
        let stream = tls::connect(&self.tls, self.address).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection { sender })
    }
}

/// One connection of a [`Target`].
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Sends a request and gives the answer with its body still to come.
    pub async fn open(&mut self, request: Request<Full<Bytes>>) -> Result<http::Response<Incoming>> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Sends a request and drops the answer's body as it comes; status code and body length.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, u64)> {
        let response = self.open(request).await?;
        let status = response.status();
        Ok((status, drain(response.into_body()).await?))
    }

    /// Sends a request whose answer must be 2xx; its body's length.
    pub async fn expect_success(&mut self, request: Request<Full<Bytes>>) -> Result<u64> {
        let what = format!("{} {}", request.method(), request.uri());
        let response = self.open(request).await?;
        let status = response.status();
        if status.is_success() {
            return drain(response.into_body()).await;
        }
        let body = response.into_body().collect().await?.to_bytes();
        let shown = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)]).into_owned();
        bail!("{what}: {status} {shown}")
    }
}

async fn drain(mut body: Incoming) -> Result<u64> {
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(length)
}

/// When a load ends.
#[derive(Clone, Copy)]
pub enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After this many requests.
    Count(u64),
}

/// What a load came to. All its requests succeeded: one that does not is an error of the whole.
#[derive(Clone, Default)]
pub struct Load {
    /// Requests answered.
    pub requests: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    latencies_ns: Vec<u32>,
}

impl Load {
    /// Requests a second.
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The latency that `fraction` of the requests did not exceed, in milliseconds.
    pub fn latency_ms(&mut self, fraction: f64) -> f64 {
        self.latencies_ns.sort_unstable();
        let last = self.latencies_ns.len().saturating_sub(1);
        let index = ((last as f64) * fraction).round() as usize;
        self.latencies_ns.get(index).map_or(f64::NAN, |ns| f64::from(*ns) / 1e6)
    }

    /// Adds another load of the same kind, made at another time.
    pub fn add(&mut self, other: Load) {
        self.requests += other.requests;
        self.elapsed += other.elapsed;
        self.latencies_ns.extend(other.latencies_ns);
    }
}

/// GETs of one path on `connections` connections.
pub async fn gets(target: &Target, path: &str, connections: usize, duration: Duration) -> Result<Load> {
    let (target_, path) = (target.clone(), path.to_owned());
    run(target, connections, Until::Elapsed(duration), move |_| target_.get(&path)).await
}

/// Runs a closed loop on every connection; `make` builds request number n. Every connection has served one GET of
/// `/version` before the clock starts.
pub async fn run<F>(target: &Target, connections: usize, until: Until, make: F) -> Result<Load>
where
    F: Fn(u64) -> Result<Request<Full<Bytes>>> + Send + Sync + 'static,
{
    let mut ready = Vec::new();
    for _ in 0..connections {
        let mut connection = target.connect().await?;
        connection.expect_success(target.get("/version")?).await?;
        ready.push(connection);
    }
    let shared = Arc::new((AtomicU64::new(0), make));
    let started = Instant::now();
    let tasks: Vec<_> = ready
        .into_iter()
        .map(|connection| tokio::spawn(worker(connection, Arc::clone(&shared), started, until)))
        .collect();
    let mut load = Load::default();
    for task in tasks {
        let latencies_ns = task.await??;
        load.requests += latencies_ns.len() as u64;
        load.latencies_ns.extend(latencies_ns);
    }
    load.elapsed = started.elapsed();
    Ok(load)
}

async fn worker<F>(
    mut connection: Connection,
    shared: Arc<(AtomicU64, F)>,
    started: Instant,
    until: Until,
) -> Result<Vec<u32>>
where
    F: Fn(u64) -> Result<Request<Full<Bytes>>>,
{
    let (counter, make) = &*shared;
    let mut latencies_ns = Vec::new();
    loop {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        let over = match until {
            Until::Elapsed(duration) => started.elapsed() >= duration,
            Until::Count(count) => number >= count,
        };
        if over {
            return Ok(latencies_ns);
        }
        let request = make(number)?;
        let sent = Instant::now();
        connection.expect_success(request).await?;
        latencies_ns.push(u32::try_from(sent.elapsed().as_nanos()).unwrap_or(u32::MAX));
    }
}
