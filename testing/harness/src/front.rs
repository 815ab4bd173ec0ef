//! A cluster gone bad: a TLS front before a real API server that passes everything on, except the paths for which a
//! test has other plans.
//!
//! It speaks HTTP/1.1 by hand, because what it answers need not be HTTP at all.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{Api, Kubeconfig};

/// The longest head of a request that is read.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Heads that are remembered for each path.
const MAX_SEEN: usize = 100;
/// Headers of a request that are passed on. Identities are not: here everything is done as the cluster's administrator.
const PASSED_ON: [&str; 2] = ["accept", "content-type"];

/// A running front; it ends when dropped.
pub struct Front {
    /// How an agent reaches the cluster through it.
    pub kubeconfig: Kubeconfig,
    state: Arc<State>,
    server: JoinHandle<()>,
}

struct State {
    cluster: Api,
    plans: Mutex<HashMap<String, Vec<u8>>>,
    seen: Mutex<HashMap<String, Vec<String>>>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Front {
    /// Starts a front before `cluster` on a free loopback port; agents show it `token`.
    pub async fn start(cluster: &Api, token: &str) -> Result<Self> {
        let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let pem = certified.cert.pem();
        let acceptor = acceptor(&pem, &certified.signing_key.serialize_pem())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address: SocketAddr = listener.local_addr()?;
        let state =
            Arc::new(State { cluster: cluster.clone(), plans: Mutex::default(), seen: Mutex::default() });
        let serving = state.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), serving.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    // A client that goes away is no news here.
                    let _ = state.serve(stream).await;
                });
            }
        });
        let kubeconfig = Kubeconfig {
            server: format!("https://{address}"),
            ca_pem: pem.into_bytes(),
            token: token.to_owned(),
        };
        Ok(Front { kubeconfig, state, server })
    }

    /// From now on requests for `path` are answered with these bytes, after which the connection is closed.
    pub fn answer(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        lock(&self.state.plans).insert(path.to_owned(), bytes.into());
    }

    /// Passes requests for `path` on again.
    pub fn behave(&self, path: &str) {
        lock(&self.state.plans).remove(path);
    }

    /// The heads of the requests for `path` that came.
    pub fn seen(&self, path: &str) -> Vec<String> {
        lock(&self.state.seen).get(path).cloned().unwrap_or_default()
    }
}

impl State {
    async fn serve(&self, mut stream: TlsStream<TcpStream>) -> Result<()> {
        let mut buffer = Vec::new();
        loop {
            let head = read_head(&mut stream, &mut buffer).await?;
            let mut words = head.split(' ');
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let path = target.split('?').next().unwrap_or_default();
            self.note(path, &head);
            let planned = lock(&self.plans).get(path).cloned();
            if let Some(bytes) = planned {
                stream.write_all(&bytes).await?;
                return Ok(stream.shutdown().await?);
            }
            let length = header(&head, "content-length").map_or(Ok(0), str::parse)?;
            while buffer.len() < length {
                if stream.read_buf(&mut buffer).await? == 0 {
                    bail!("the body broke off");
                }
            }
            let body = buffer.drain(..length).collect();
            let answer = self.pass_on(method, target, &head, body).await?;
            stream.write_all(&answer).await?;
            stream.flush().await?;
        }
    }

    fn note(&self, path: &str, head: &str) {
        let mut seen = lock(&self.seen);
        let heads = seen.entry(path.to_owned()).or_default();
        if heads.len() < MAX_SEEN {
            heads.push(head.to_owned());
        }
    }

    async fn pass_on(&self, method: &str, target: &str, head: &str, body: Vec<u8>) -> Result<Vec<u8>> {
        let mut request = self.cluster.request(Method::from_bytes(method.as_bytes())?, target).body(body);
        for (name, value) in headers(head) {
            if PASSED_ON.iter().any(|known| name.eq_ignore_ascii_case(known)) {
                request = request.header(name, value);
            }
        }
        let answer = self.cluster.send(request).await?;
        let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        Ok(reply(answer.code, &[("content-type", kind)], &answer.text))
    }
}

/// An answer in HTTP/1.1.
pub fn reply(code: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {code} Answer\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn headers(head: &str) -> impl Iterator<Item = (&str, &str)> {
    head.lines().skip(1).filter_map(|line| line.split_once(": "))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    headers(head).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Reads until a request's head is whole and takes it out of the buffer.
async fn read_head(stream: &mut TlsStream<TcpStream>, buffer: &mut Vec<u8>) -> Result<String> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = buffer.drain(..end + 4).collect();
            return String::from_utf8(head).context("a head that is not text");
        }
        if buffer.len() > MAX_HEAD_BYTES || stream.read_buf(buffer).await? == 0 {
            bail!("no request came");
        }
    }
}

fn acceptor(certificate_pem: &str, key_pem: &str) -> Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
