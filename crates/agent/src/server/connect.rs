//! A verified TLS stream to the server.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use grange_wire::TroubleCode;
use http::{
    Request, StatusCode,
    header::{CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::{CertificateError, ClientConfig};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    ServerUrl,
    proxy::{ProxySettings, ReachError},
    trust::{Pin, check_pin, unverified, verified},
};

/// Where a server shows its CA certificates.
const CA_PATH: &str = "/v3/settings/cacerts";
/// The longest answer of a server that is not verified.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
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
    /// The server's name leads nowhere.
    #[error("cannot connect to {server}: {source}")]
    Lookup {
        /// Where.
        server: ServerUrl,
        /// Why.
        source: io::Error,
    },
    /// The proxy does not lead to the server.
    #[error("cannot connect to {server}: {source}")]
    Proxy {
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
        /// The same for the server.
        code: TroubleCode,
        /// What TLS said.
        source: io::Error,
    },
    /// Our own TLS settings.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

impl ConnectError {
    /// What kind of trouble this is.
    pub fn code(&self) -> TroubleCode {
        match self {
            ConnectError::Io { .. } | ConnectError::TimedOut { .. } | ConnectError::Tls(_) => {
                TroubleCode::Connection
            }
            ConnectError::Lookup { .. } => TroubleCode::NameLookup,
            ConnectError::Proxy { .. } => TroubleCode::Proxy,
            ConnectError::Untrusted { code, .. } => *code,
        }
    }
}

/// Connects to the server, again and again.
#[derive(Debug)]
pub struct Connector {
    server: ServerUrl,
    checksum: Option<String>,
    proxy: ProxySettings,
    tls: Mutex<Option<Trust>>,
}

/// Whom to trust, and what to say of others.
#[derive(Clone, Debug)]
struct Trust {
    config: Arc<ClientConfig>,
    explanation: String,
    is_pin_broken: bool,
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
        let trust = match self.cached() {
            Some(cached) => cached,
            None => self.prepare().await?,
        };
        match self.tls_stream(trust.config).await {
            Ok(stream) => Ok(stream),
            Err(ConnectError::Io { source, server }) => match certificate_error(&source) {
                Some(error) => {
                    let code = code_of(error, trust.is_pin_broken);
                    // The server may have a new CA: look at it afresh next time.
                    *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    Err(ConnectError::Untrusted { server, explanation: trust.explanation, code, source })
                }
                None => Err(ConnectError::Io { source, server }),
            },
            Err(error) => Err(error),
        }
    }

    /// Posts something that is not secret to a server whose certificate is *not* verified.
    pub(crate) async fn post_unverified(
        &self,
        path: &str,
        body: Vec<u8>,
    ) -> Result<StatusCode, ConnectError> {
        let request = Request::post(self.server.path(path)).header(CONTENT_TYPE, "application/json");
        let request = request.header(HOST, &self.server.authority).body(Full::from(body));
        Ok(self.exchange(request).await?.map_or(StatusCode::BAD_REQUEST, |(status, _)| status))
    }

    fn cached(&self) -> Option<Trust> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn prepare(&self) -> Result<Trust, ConnectError> {
        let pin = match &self.checksum {
            None => Pin::None,
            Some(checksum) => match self.fetch_ca().await? {
                Ok(pem) => check_pin(&pem, checksum).map_or_else(Pin::Failed, Pin::Trusted),
                Err(why) => Pin::Failed(why),
            },
        };
        let is_pin_broken = matches!(pin, Pin::Failed(_));
        let trust =
            Trust { config: Arc::new(verified(&pin)?), explanation: pin.explanation(), is_pin_broken };
        if !is_pin_broken {
            *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = Some(trust.clone());
        }
        Ok(trust)
    }

    /// The CA certificates that the server shows, or why it shows none. Nothing secret is sent here.
    async fn fetch_ca(&self) -> Result<Result<String, String>, ConnectError> {
        let request = Request::get(self.server.path(CA_PATH)).header(HOST, &self.server.authority);
        let (status, body) = match self.exchange(request.body(Full::default())).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        if status != StatusCode::OK {
            return Ok(Err(format!("{} answered {status} to {CA_PATH}", self.server)));
        }
        let value = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|setting| setting["value"].as_str().map(str::to_owned));
        Ok(value.ok_or_else(|| format!("{CA_PATH} of {} is not a setting with a value", self.server)))
    }

    /// One request over a connection whose certificate is not verified; the answer, or why it cannot be had.
    async fn exchange(
        &self,
        request: http::Result<Request<Full<Bytes>>>,
    ) -> Result<Result<(StatusCode, Bytes), String>, ConnectError> {
        let request = match request {
            Ok(request) => request,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let stream = self.tls_stream(Arc::new(unverified()?)).await?;
        let exchange = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            let driver = tokio::spawn(connection);
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
            driver.abort();
            Ok(match body {
                Ok(body) => Ok((status, body.to_bytes())),
                Err(error) => Err(format!("reading the answer of {} failed: {error}", self.server)),
            })
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
            Ok(TlsConnector::from(config).connect(server.server_name.clone(), stream).await?)
        };
        let server = server.clone();
        match timeout(CONNECT_TIMEOUT, Box::pin(connecting)).await {
            Err(_) => Err(ConnectError::TimedOut { server }),
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(ReachError::Io(source))) => Err(ConnectError::Io { server, source }),
            Ok(Err(error @ ReachError::Lookup { .. })) => {
                Err(ConnectError::Lookup { server, source: io::Error::other(error) })
            }
            Ok(Err(error @ ReachError::Proxy { .. })) => {
                Err(ConnectError::Proxy { server, source: io::Error::other(error) })
            }
        }
    }
}

fn certificate_error(error: &io::Error) -> Option<&CertificateError> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => Some(error),
        _ => None,
    }
}

fn code_of(error: &CertificateError, is_pin_broken: bool) -> TroubleCode {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
    };
    match error {
        Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => {
            TroubleCode::CertificateTime
        }
        NotValidForName | NotValidForNameContext { .. } => TroubleCode::CertificateName,
        _ if is_pin_broken => TroubleCode::CaChecksum,
        _ => TroubleCode::CertificateUntrusted,
    }
}
