//! A verified TLS stream to the server.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode, header::HOST};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    ServerUrl,
    proxy::ProxySettings,
    trust::{Pin, check_pin, unverified, verified},
};

/// Where a server shows its CA certificates.
const CA_PATH: &str = "/v3/settings/cacerts";
/// The longest answer there.
const MAX_CA_BYTES: usize = 1024 * 1024;
/// How long connecting may take, proxy and TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No connection.
    #[error("cannot connect to {server}: {source}")]
    Io {
        /// Where.
        server: ServerUrl,
        /// Why.
        source: io::Error,
    },
    /// No connection in time.
    #[error("no connection to {server} within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut {
        /// Where.
        server: ServerUrl,
    },
    /// The server's certificate is not to be trusted.
    #[error("{server} is not trusted: {explanation} ({source})")]
    Untrusted {
        /// Where.
        server: ServerUrl,
        /// Which checks failed.
        explanation: String,
        /// What TLS said.
        source: io::Error,
    },
    /// Our own TLS settings.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// Connects to the server, again and again.
#[derive(Debug)]
pub struct Connector {
    server: ServerUrl,
    checksum: Option<String>,
    proxy: ProxySettings,
    tls: Mutex<Option<(Arc<ClientConfig>, String)>>,
}

impl Connector {
    /// Connects to `server`; `checksum` is of its CA certificates.
    pub fn new(server: ServerUrl, checksum: Option<String>, proxy: ProxySettings) -> Self {
        Connector { server, checksum, proxy, tls: Mutex::default() }
    }

    /// The server.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// A stream to the server whose certificate was verified.
    pub async fn connect(&self) -> Result<TlsStream<TcpStream>, ConnectError> {
        let cached = self.cached();
        let (config, explanation) = match cached {
            Some(cached) => cached,
            None => self.prepare().await?,
        };
        match self.tls_stream(config).await {
            Ok(stream) => Ok(stream),
            Err(ConnectError::Io { source, server }) if is_certificate_error(&source) => {
                // The server may have a new CA: look at it afresh next time.
                *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Err(ConnectError::Untrusted { server, explanation, source })
            }
            Err(error) => Err(error),
        }
    }

    fn cached(&self) -> Option<(Arc<ClientConfig>, String)> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn prepare(&self) -> Result<(Arc<ClientConfig>, String), ConnectError> {
        let pin = match &self.checksum {
            None => Pin::None,
            Some(checksum) => match self.fetch_ca().await? {
                Ok(pem) => check_pin(&pem, checksum).map_or_else(Pin::Failed, Pin::Trusted),
                Err(why) => Pin::Failed(why),
            },
        };
        let prepared = (Arc::new(verified(&pin)?), pin.explanation());
        if !matches!(pin, Pin::Failed(_)) {
            *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = Some(prepared.clone());
        }
        Ok(prepared)
    }

    /// The CA certificates that the server shows, or why it shows none. Nothing secret is sent here.
    async fn fetch_ca(&self) -> Result<Result<String, String>, ConnectError> {
        let stream = self.tls_stream(Arc::new(unverified()?)).await?;
        let exchange = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            let driver = tokio::spawn(connection);
            let request = Request::get(self.server.path(CA_PATH))
                .header(HOST, &self.server.authority)
                .body(Empty::<Bytes>::new());
            let response = match request {
                Ok(request) => sender.send_request(request).await?,
                Err(error) => return Ok(Err(error.to_string())),
            };
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_CA_BYTES).collect().await;
            driver.abort();
            if status != StatusCode::OK {
                return Ok(Err(format!("{} answered {status} to {CA_PATH}", self.server)));
            }
            let body = match body {
                Ok(body) => body.to_bytes(),
                Err(error) => return Ok(Err(format!("reading {CA_PATH} failed: {error}"))),
            };
            let value = serde_json::from_slice::<serde_json::Value>(&body)
                .ok()
                .and_then(|setting| setting["value"].as_str().map(str::to_owned));
            Ok(value.ok_or_else(|| format!("{CA_PATH} of {} is not a setting with a value", self.server)))
        };
        match timeout(CONNECT_TIMEOUT, Box::pin(exchange)).await {
            Err(_) => Err(ConnectError::TimedOut { server: self.server.clone() }),
            Ok(result) => result.map_err(|error: hyper::Error| ConnectError::Io {
                server: self.server.clone(),
                source: io::Error::other(error),
            }),
        }
    }

    async fn tls_stream(&self, config: Arc<ClientConfig>) -> Result<TlsStream<TcpStream>, ConnectError> {
        let server = &self.server;
        let connecting = async {
            let stream = self.proxy.connect(&server.host, server.port).await?;
            TlsConnector::from(config).connect(server.server_name.clone(), stream).await
        };
        match timeout(CONNECT_TIMEOUT, Box::pin(connecting)).await {
            Err(_) => Err(ConnectError::TimedOut { server: server.clone() }),
            Ok(Err(source)) => Err(ConnectError::Io { server: server.clone(), source }),
            Ok(Ok(stream)) => Ok(stream),
        }
    }
}

fn is_certificate_error(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}
