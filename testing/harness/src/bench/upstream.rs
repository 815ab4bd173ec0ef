//! A cluster that costs nothing: the little of a Kubernetes API that an agent asks for, small GETs and endless zeros.
//!
//! It shows what the way to a cluster can carry when the cluster itself is not what limits it.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use crate::Kubeconfig;

/// Path of the zeros; `?bytes=N` says how many.
pub const BULK_PATH: &str = "/bulk";
/// Path of a small object.
pub const SMALL_PATH: &str = "/api/v1/namespaces/default/configmaps/small";
/// How much one frame of zeros holds.
const CHUNK_BYTES: usize = 64 * 1024;
/// How many objects are kept for agents.
const MOST_KEPT: usize = 64;
/// What the small object holds beside its metadata.
const SMALL_BYTES: usize = 512;

/// A running pretended cluster; it ends when dropped.
pub struct Upstream {
    /// How to reach it directly.
    pub kubeconfig: Kubeconfig,
    server: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Upstream {
    /// Starts it on a free loopback port and writes a kubeconfig for it to `file`.
    pub async fn start(file: &Path) -> Result<Self> {
        let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let pem = certified.cert.pem();
        let acceptor = acceptor(&pem, &certified.signing_key.serialize_pem())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address: SocketAddr = listener.local_addr()?;
        let kubeconfig = Kubeconfig {
            server: format!("https://{address}"),
            ca_pem: pem.into_bytes(),
            token: "bench".into(),
        };
        write_kubeconfig(file, &kubeconfig)?;
        let kept = Kept::default();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, kept) = (acceptor.clone(), kept.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let builder = auto::Builder::new(TokioExecutor::new());
                    // An agent that goes away ends its connections; that is no news here.
                    let service = service_fn(|request| answer(kept.clone(), request));
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Upstream { kubeconfig, server })
    }
}

fn acceptor(certificate_pem: &str, key_pem: &str) -> Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Writes a kubeconfig with everything inline.
pub fn write_kubeconfig(file: &Path, kubeconfig: &Kubeconfig) -> Result<()> {
    let cluster = json!({
        "server": kubeconfig.server,
        "certificate-authority-data": BASE64_STANDARD.encode(&kubeconfig.ca_pem),
    });
    let document = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": cluster}],
        "users": [{"name": "bench", "user": {"token": kubeconfig.token}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    });
    // JSON is YAML.
    std::fs::write(file, document.to_string()).with_context(|| format!("writing {}", file.display()))
}

/// What agents keep in their cluster, such as their key: objects by path.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<String, Value>>>);

impl Kept {
    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = path.rsplit('/').next().unwrap_or_default();
        match (method, serde_json::from_slice::<Value>(body)) {
            (&Method::POST, Ok(mut object)) => {
                object["metadata"]["uid"] = json!("kept");
                object["metadata"]["resourceVersion"] = json!("1");
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                // Reviews and the like have no name and are not kept.
                if !name.is_empty() && objects.len() < MOST_KEPT {
                    objects.insert(format!("{path}/{name}"), object.clone());
                }
                document(&object)
            }
            (&Method::PATCH, Ok(patch)) => match objects.get_mut(path) {
                Some(object) => {
                    merge(object, &patch);
                    document(object)
                }
                None => not_found(name),
            },
            (&Method::DELETE, _) => match objects.remove(path) {
                Some(object) => document(&object),
                None => not_found(name),
            },
            _ => objects.get(path).map_or_else(|| not_found(name), document),
        }
    }
}

/// A JSON merge patch (RFC 7386).
fn merge(object: &mut Value, patch: &Value) {
    let (Value::Object(object), Value::Object(patch)) = (&mut *object, patch) else {
        *object = patch.clone();
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(kept: Kept, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let posted = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let path = parts.uri.path();
    if path == BULK_PATH {
        let query = parts.uri.query().unwrap_or_default();
        let bytes = query.strip_prefix("bytes=").and_then(|text| text.parse().ok()).unwrap_or(0);
        return Ok(zeros(bytes));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    Ok(match (parts.method, path) {
        (_, "/version") => document(&json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3+bench"})),
        (_, "/readyz" | "/livez" | "/healthz") => text("ok"),
        (Method::GET, SMALL_PATH) => document(&json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": "small", "uid": "small"},
            "data": {"text": "x".repeat(SMALL_BYTES)},
        })),
        (Method::GET, "/api/v1/nodes") => {
            let node = json!({"metadata": {"name": "one", "labels": {"harvesterhci.io/managed": "true"}}});
            document(
                &json!({"apiVersion": "v1", "kind": "NodeList", "metadata": {"resourceVersion": "1"}, "items": [node]}),
            )
        }
        (Method::GET, _) if path.starts_with("/api/v1/namespaces/") && path.matches('/').count() == 4 => {
            document(
                &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": format!("uid-of-{name}")}}),
            )
        }
        (method, path) => kept.answer(&method, path, &posted),
    })
}

fn zeros(bytes: u64) -> Response<Body> {
    static ZEROS: [u8; CHUNK_BYTES] = [0; CHUNK_BYTES];
    let chunk = CHUNK_BYTES as u64;
    let frames = stream::iter((0..bytes.div_ceil(chunk)).map(move |index| {
        let length = chunk.min(bytes - index * chunk) as usize;
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(&ZEROS[..length])))
    }));
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(frames.map(|frame| frame))));
    response.headers_mut().insert(header::CONTENT_LENGTH, bytes.into());
    response
}

fn document(value: &Value) -> Response<Body> {
    let mut response = text(value.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn not_found(name: &str) -> Response<Body> {
    let mut response = document(&json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404,
        "message": format!("{name} not found"),
    }));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn text(text: impl Into<Bytes>) -> Response<Body> {
    Response::new(Full::new(text.into()).boxed())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::load::{self, Target};

    #[tokio::test]
    async fn it_answers_what_is_measured_with_it() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let upstream = Upstream::start(&folder.path().join("kubeconfig")).await?;
        assert_eq!(Kubeconfig::read(&folder.path().join("kubeconfig"))?.server, upstream.kubeconfig.server);
        let target = Target::new(&upstream.kubeconfig)?;
        let mut connection = target.connect().await?;
        for bytes in [0, 1, CHUNK_BYTES as u64, 3 * CHUNK_BYTES as u64 + 7] {
            let request = target.get(&format!("{BULK_PATH}?bytes={bytes}"))?;
            assert_eq!(connection.expect_success(request).await?, bytes);
        }
        assert!(connection.expect_success(target.get("/api/v1/pods")?).await.is_err(), "it has none");
        let mut load = load::gets(&target, SMALL_PATH, 2, Duration::from_millis(50)).await?;
        assert!(load.requests > 2 && load.per_second() > 0.0 && load.latency_ms(0.5) > 0.0);
        Ok(())
    }
}
