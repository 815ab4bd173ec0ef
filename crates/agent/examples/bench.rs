//! How fast the tunnel is and what it costs: client → TLS front → tunnel → agent → TLS apiserver, all in one process.
//!
//! `cargo run --release -p grange-agent --example bench [requests|bulk|memory]`

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use grange_agent::{
    Config, Mode, Service,
    config::TokenSource,
    kubernetes::Access,
    server::{ProxySettings, ServerUrl},
};
use grange_tunnel::{
    Admission, AgentKey, Body, Registry, SessionAuthority, accept::answer_upgrade, dial, transport,
};
use grange_wire::{Credential, Facts, Hello, JoinToken, Lane, PROTOCOL_VERSION, Refusal};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1::SendRequest, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::aws_lc_rs::default_provider};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

const CLUSTER: &str = "c-m-abcdefgh";
const SMALL_BYTES: usize = 2048;
const BULK_BYTES: u64 = 2 * 1024 * 1024 * 1024;
const RUN: Duration = Duration::from_secs(5);

type Anyhow = Box<dyn std::error::Error + Send + Sync>;

struct Everyone;

impl SessionAuthority for Everyone {
    fn admit<'a>(
        &'a self,
        hello: &'a Hello,
        _: &'a [u8],
        _: SocketAddr,
    ) -> BoxFuture<'a, Result<Admission, Refusal>> {
        let cluster = hello.cluster.clone().unwrap_or_else(|| CLUSTER.to_owned());
        async move { Ok(Admission { cluster }) }.boxed()
    }
}

struct Tls {
    ca_pem: String,
    server: Arc<ServerConfig>,
    client: TlsConnector,
}

fn tls() -> Result<Tls, Anyhow> {
    let key = rcgen::KeyPair::generate()?;
    let mut parameters = rcgen::CertificateParams::new(vec![])?;
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_pem = parameters.self_signed(&key)?.pem();
    let issuer = rcgen::Issuer::new(parameters, key);
    let leaf_key = rcgen::KeyPair::generate()?;
    let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".into()])?.signed_by(&leaf_key, &issuer)?;
    let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into()))?;
    Ok(Tls { client: connector(&ca_pem)?, ca_pem, server: Arc::new(server) })
}

fn connector(ca_pem: &str) -> Result<TlsConnector, Anyhow> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes())?)?;
    let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(client)))
}

/// Serves HTTP/1.1 over TLS on loopback.
async fn serve<F, A>(server: Arc<ServerConfig>, answer: F) -> Result<SocketAddr, Anyhow>
where
    F: Fn(Request<Incoming>, SocketAddr) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let acceptor = TlsAcceptor::from(server);
    tokio::spawn(async move {
        while let Ok((stream, remote)) = listener.accept().await {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request| answer(request, remote).map(Ok::<_, Infallible>));
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades()
                    .await;
            });
        }
    });
    Ok(address)
}

/// The bulk answer: the same 64 KiB again and again.
struct Zeros {
    left: u64,
    chunk: Bytes,
}

impl http_body::Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return std::task::Poll::Ready(None);
        }
        self.left -= self.chunk.len() as u64;
        std::task::Poll::Ready(Some(Ok(Frame::data(self.chunk.clone()))))
    }
}

async fn apiserver(server: Arc<ServerConfig>) -> Result<SocketAddr, Anyhow> {
    let small = Bytes::from(vec![b'x'; SMALL_BYTES]);
    let chunk = Bytes::from(vec![0; 64 * 1024]);
    serve(server, move |request, _| {
        let (small, chunk) = (small.clone(), chunk.clone());
        async move {
            match request.uri().path() {
                "/bulk" => Response::new(Body::boxed(Zeros { left: BULK_BYTES, chunk })),
                "/small" => Response::new(Body::Full(small)),
                _ if request.method() == http::Method::POST => {
                    let body =
                        request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                    Response::new(Body::Full(body))
                }
                path if path.starts_with("/api/v1/namespaces/kube-system") => {
                    Response::new(br#"{"metadata":{"uid":"u"}}"#.to_vec().into())
                }
                _ => {
                    let mut response = Response::new(Body::Full(Bytes::from_static(b"{}")));
                    *response.status_mut() = http::StatusCode::NOT_FOUND;
                    response
                }
            }
        }
    })
    .await
}

async fn front(server: Arc<ServerConfig>, ca_pem: &str, registry: Registry) -> Result<SocketAddr, Anyhow> {
    let setting = Bytes::from(format!("{{\"value\":{}}}", serde_json::to_string(ca_pem)?));
    serve(server, move |mut request, remote| {
        let (registry, setting) = (registry.clone(), setting.clone());
        async move {
            match request.uri().path() {
                "/v3/settings/cacerts" => Response::new(Body::Full(setting)),
                "/v3/connect" => {
                    let answer = answer_upgrade(&request);
                    let upgrade = hyper::upgrade::on(&mut request);
                    tokio::spawn(async move {
                        if let Ok(io) = upgrade.await {
                            let _ = registry.accept(TokioIo::new(io), remote, Arc::new(Everyone)).await;
                        }
                    });
                    answer.map(|text| Body::Full(text.into()))
                }
                path => {
                    let lane = if path == "/bulk" { Lane::Bulk } else { Lane::Interactive };
                    let headers = request.headers_mut();
                    headers.insert("impersonate-user", http::HeaderValue::from_static("u-abcde"));
                    headers
                        .insert("impersonate-group", http::HeaderValue::from_static("system:authenticated"));
                    let answer = match registry.session(CLUSTER, lane) {
                        Some(session) => session.send(request).await.ok(),
                        None => None,
                    };
                    answer.map_or_else(
                        || {
                            let mut response = Response::new(Body::Empty);
                            *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                            response
                        },
                        |response| response.map(Body::boxed),
                    )
                }
            }
        }
    })
    .await
}

async fn client(tls: &TlsConnector, address: SocketAddr) -> Result<SendRequest<Empty<Bytes>>, Anyhow> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let stream = tls.connect(ServerName::IpAddress(address.ip().into()), stream).await?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn get(sender: &mut SendRequest<Empty<Bytes>>, path: &str) -> Result<u64, Anyhow> {
    sender.ready().await?;
    let request =
        Request::get(path).header("host", "h").header("authorization", "Bearer x").body(Empty::new())?;
    let mut response = sender.send_request(request).await?;
    if response.status() != 200 {
        return Err(format!("{path}: {}", response.status()).into());
    }
    let mut received = 0;
    while let Some(frame) = response.frame().await {
        received += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(received)
}

async fn requests(
    name: &str,
    tls: &TlsConnector,
    address: SocketAddr,
    connections: usize,
) -> Result<(), Anyhow> {
    let count = Arc::new(AtomicU64::new(0));
    let cpu = cpu_seconds();
    let start = Instant::now();
    let tasks = (0..connections).map(|_| {
        let (count, tls) = (count.clone(), tls.clone());
        tokio::spawn(async move {
            let mut sender = client(&tls, address).await?;
            let mut times = Vec::new();
            while start.elapsed() < RUN {
                let begin = Instant::now();
                get(&mut sender, "/small").await?;
                times.push(begin.elapsed());
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Anyhow>(times)
        })
    });
    let mut times = Vec::new();
    for task in futures::future::join_all(tasks).await {
        times.extend(task??);
    }
    times.sort_unstable();
    let count = count.load(Ordering::Relaxed) as f64;
    println!(
        "{name:<10} {connections:>3} connections: {:>8.0} GET/s, p50 {:>6.0} us, p99 {:>6.0} us, {:>5.1} us CPU a request",
        count / start.elapsed().as_secs_f64(),
        times[times.len() / 2].as_secs_f64() * 1e6,
        times[times.len() * 99 / 100].as_secs_f64() * 1e6,
        (cpu_seconds() - cpu) / count * 1e6,
    );
    Ok(())
}

async fn bulk(name: &str, tls: &TlsConnector, address: SocketAddr, connections: usize) -> Result<(), Anyhow> {
    let cpu = cpu_seconds();
    let start = Instant::now();
    let tasks = (0..connections).map(|_| {
        let tls = tls.clone();
        tokio::spawn(async move { get(&mut client(&tls, address).await?, "/bulk").await })
    });
    let mut received = 0;
    for task in futures::future::join_all(tasks).await {
        received += task??;
    }
    let megabytes = received as f64 / 1e6;
    println!(
        "{name:<10} {connections:>3} connections: {:>6.0} MB/s, {:.2} CPU-s a GB",
        megabytes / start.elapsed().as_secs_f64(),
        (cpu_seconds() - cpu) / megabytes * 1e3
    );
    Ok(())
}

/// Idle tunnels whose agents live in another process, so that only the server's side is counted.
async fn memory(tls: Tls, registry: Registry, address: SocketAddr, tunnels: usize) -> Result<(), Anyhow> {
    let folder = tempfile::tempdir()?;
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &tls.ca_pem)?;
    let before = resident_bytes();
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .args(["agents", &address.to_string(), &tunnels.to_string()])
        .arg(&ca)
        .kill_on_drop(true)
        .spawn()?;
    while registry.sessions().len() < tunnels {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for session in registry.sessions().iter().take(100) {
        if let Some(session) = registry.session(&session.cluster, session.lane) {
            session.ping().await?;
        }
    }
    tokio::time::sleep(Duration::from_secs(12)).await;
    let each = (resident_bytes() - before) as f64 / tunnels as f64 / 1024.0;
    println!("memory     {tunnels} idle tunnels: {each:.1} KiB each on the server");
    child.kill().await?;
    Ok(())
}

async fn agents(address: SocketAddr, tunnels: usize, ca: &str) -> Result<(), Anyhow> {
    let tls = connector(&std::fs::read_to_string(ca)?)?;
    let failed = Arc::new(AtomicUsize::new(0));
    for number in 0..tunnels {
        let stream = TcpStream::connect(address).await?;
        let stream = tls.connect(ServerName::IpAddress(address.ip().into()), stream).await?;
        let failed = failed.clone();
        let open = dial::open(stream, "h", "/v3/connect", |challenge| {
            let mut hello = Hello {
                protocol: PROTOCOL_VERSION,
                agent_version: "0".into(),
                instance: format!("i-{number}"),
                lane: Lane::Interactive,
                cluster: Some(format!("c-{number}")),
                public_key: vec![],
                kube_system_uid: "u".into(),
                credential: Credential::Key,
                signature: vec![],
                facts: Facts::default(),
            };
            if let Ok(key) = AgentKey::generate() {
                key.sign(&mut hello, &challenge.nonce);
            }
            hello
        });
        let (socket, _) = open.await?;
        tokio::spawn(async move {
            let _ = transport::serve(socket, |_| async { Response::new(Body::Empty) }).await;
            failed.fetch_add(1, Ordering::Relaxed);
        });
    }
    std::future::pending().await
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_bytes() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<i64>().ok()).unwrap_or(0) * 4096
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Anyhow> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, address, tunnels, ca] = &arguments[..]
        && mode == "agents"
    {
        return agents(address.parse()?, tunnels.parse()?, ca).await;
    }
    let wants = |what: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == what);
    let tls = tls()?;
    let registry = Registry::new("bench");
    let api = apiserver(tls.server.clone()).await?;
    let address = front(tls.server.clone(), &tls.ca_pem, registry.clone()).await?;
    let account = tempfile::tempdir()?;
    std::fs::write(account.path().join("token"), "token")?;
    std::fs::write(account.path().join("ca.crt"), &tls.ca_pem)?;
    let checksum = digest(&SHA256, format!("{}\n", tls.ca_pem.trim()).as_bytes());
    let config = Config {
        server: ServerUrl::parse(&format!("https://{address}"))?,
        ca_checksum: Some(checksum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()),
        token: TokenSource::Fixed(JoinToken::new("token")),
        access: Access::service_account(&format!("https://{api}"), account.path()),
        proxy: ProxySettings::default(),
        mode: Mode::Outside,
    };
    tokio::spawn(Service::new(config).run(CancellationToken::new()));
    while registry.sessions().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if wants("requests") {
        for connections in [1, 16] {
            requests("direct", &tls.client, api, connections).await?;
            requests("tunnel", &tls.client, address, connections).await?;
        }
    }
    if wants("bulk") {
        for connections in [1, 4] {
            bulk("direct", &tls.client, api, connections).await?;
            bulk("tunnel", &tls.client, address, connections).await?;
        }
    }
    if wants("memory") {
        memory(tls, registry, address, 2000).await?;
    }
    Ok(())
}
