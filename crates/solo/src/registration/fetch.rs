//! One GET as Go's HTTP client makes it: the same headers in the same order, redirects, time-out, and its words for
//! whatever goes wrong. No credentials are ever sent.

use std::{io::Read as _, net::SocketAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};

use super::go_url::{GoUrl, quote};

/// How long a fetch may take, redirects and body included.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// What of a body is read; the rest is cut off, and so is a manifest that is longer.
pub(crate) const MAX_BODY_SIZE_BYTES: usize = 1 << 20;
/// How often a fetch is sent elsewhere before it gives up (Go's own limit).
const MAX_REDIRECTS: usize = 10;

/// Why there is no manifest. Its text is what the admin reads.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The value is no URL.
    #[error("parse {}: {why}", quote(raw))]
    Parse {
        /// The text.
        raw: String,
        /// Go's words.
        why: String,
    },
    /// The request did not come to an answer.
    #[error("Get {}: {why}", quote(url))]
    Get {
        /// The URL, as Go prints it.
        url: String,
        /// Go's words.
        why: String,
    },
    /// The answer was not a success.
    #[error("failed to get from the registration URL: {body}")]
    Refused {
        /// What the other end said.
        body: String,
    },
    /// The answer's body did not come through.
    #[error("{0}")]
    Body(String),
}

/// A byte stream to a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// Connects to a host and port; the error is in Go's words.
pub(crate) type Dial =
    Arc<dyn Fn(String, u16) -> BoxFuture<'static, Result<Box<dyn Stream>, String>> + Send + Sync>;

/// Fetches manifests.
pub(crate) struct Fetcher {
    dial: Dial,
    verifying: Arc<ClientConfig>,
    trusting: Arc<ClientConfig>,
}

impl Fetcher {
    /// One that trusts these authorities when it verifies.
    pub(crate) fn new(dial: Dial, authorities: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = || {
            ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .expect("invariant: the provider supports the default protocol versions")
        };
        let verifying = builder().with_root_certificates(authorities).with_no_client_auth();
        let trusting = builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TrustAnything(provider.clone())))
            .with_no_client_auth();
        Fetcher { dial, verifying: Arc::new(verifying), trusting: Arc::new(trusting) }
    }

    /// The body of what the URL answers.
    pub(crate) async fn get(&self, raw: &str, insecure: bool) -> Result<Vec<u8>, FetchError> {
        let mut url = GoUrl::parse(raw).map_err(|why| FetchError::Parse { raw: raw.to_owned(), why })?;
        let deadline = tokio::time::Instant::now() + TIMEOUT;
        let mut referer = None;
        for _ in 0..=MAX_REDIRECTS {
            let failed = |why: String| FetchError::Get { url: url.text.clone(), why };
            let exchange = self.exchange(&url, insecure, referer.as_deref());
            let response = tokio::time::timeout_at(deadline, exchange)
                .await
                .map_err(|_| {
                    failed(
                        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".into(),
                    )
                })?
                .map_err(failed)?;
            match location(&response) {
                Some(location) => {
                    let next = url.join(&location).map_err(|why| {
                        failed(format!("failed to parse Location header {}: {why}", quote(&location)))
                    })?;
                    // Go does not tell a plain server where it came from if that was a secure one.
                    referer = (!(url.scheme == "https" && next.scheme == "http")).then(|| url.text.clone());
                    url = next;
                }
                None => return finish(response, deadline).await,
            }
        }
        Err(FetchError::Get { url: url.text, why: format!("stopped after {MAX_REDIRECTS} redirects") })
    }

    async fn exchange(
        &self,
        url: &GoUrl,
        insecure: bool,
        referer: Option<&str>,
    ) -> Result<http::Response<hyper::body::Incoming>, String> {
        if url.scheme != "http" && url.scheme != "https" {
            return Err(format!("unsupported protocol scheme {}", quote(&url.scheme)));
        }
        if url.host.is_empty() {
            return Err("http: no Host in request URL".into());
        }
        let mut stream = (self.dial)(url.host.clone(), url.dial_port()).await?;
        if url.scheme == "https" {
            let config = if insecure { &self.trusting } else { &self.verifying };
            let name = ServerName::try_from(url.host.clone())
                .map_err(|_| format!("tls: invalid server name {}", quote(&url.host)))?;
            let connector = tokio_rustls::TlsConnector::from(config.clone());
            let secured = connector.connect(name, stream).await.map_err(|error| tls_words(&error))?;
            stream = Box::new(secured);
        }
        let (mut sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| http_words(&error))?;
        // Ends by itself when the response is read or dropped.
        tokio::spawn(connection);
        sender.send_request(request(url, referer)?).await.map_err(|error| http_words(&error))
    }
}

/// A dialler over TCP.
pub(crate) fn tcp() -> Dial {
    Arc::new(|host, port| {
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), port))
                .await
                .map_err(|_| format!("dial tcp: lookup {host}: no such host"))?
                .collect();
            let mut refused = format!("dial tcp: lookup {host}: no such host");
            for address in addresses {
                match tokio::net::TcpStream::connect(address).await {
                    Ok(stream) => return Ok(Box::new(stream) as Box<dyn Stream>),
                    Err(error) => refused = dial_words(&address.to_string(), error.kind()),
                }
            }
            Err(refused)
        })
    })
}

/// The authorities this machine trusts.
pub(crate) fn system_authorities() -> RootCertStore {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a system certificate could not be read");
    }
    store.add_parsable_certificates(found.certs);
    store
}

/// Go's words for a failed connect.
pub(crate) fn dial_words(address: &str, kind: std::io::ErrorKind) -> String {
    use std::io::ErrorKind;
    let why = match kind {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::NetworkUnreachable => "network is unreachable",
        ErrorKind::HostUnreachable => "no route to host",
        ErrorKind::TimedOut => "connection timed out",
        ErrorKind::ConnectionReset => "connection reset by peer",
        ErrorKind::PermissionDenied => "permission denied",
        _ => "input/output error",
    };
    format!("dial tcp {address}: connect: {why}")
}

fn request(url: &GoUrl, referer: Option<&str>) -> Result<http::Request<Empty<Bytes>>, String> {
    let mut request = http::Request::new(Empty::new());
    *request.uri_mut() = url.target.parse().map_err(|error| format!("{error}"))?;
    let text = |value: &str| HeaderValue::from_str(value).map_err(|error| error.to_string());
    let headers: [(HeaderName, Option<HeaderValue>); 4] = [
        (header::HOST, Some(text(&url.host_header())?)),
        (header::USER_AGENT, Some(HeaderValue::from_static("Go-http-client/1.1"))),
        (header::REFERER, referer.map(text).transpose()?),
        (header::ACCEPT_ENCODING, Some(HeaderValue::from_static("gzip"))),
    ];
    for (name, value) in headers {
        if let Some(value) = value {
            request.headers_mut().append(name, value);
        }
    }
    Ok(request)
}

fn location<B>(response: &http::Response<B>) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    response.headers().get(header::LOCATION)?.to_str().ok().map(str::to_owned)
}

async fn finish(
    response: http::Response<hyper::body::Incoming>,
    deadline: tokio::time::Instant,
) -> Result<Vec<u8>, FetchError> {
    let status = response.status();
    let zipped = response.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value == "gzip");
    let raw =
        tokio::time::timeout_at(deadline, read_up_to_limit(response.into_body())).await.map_err(|_| {
            FetchError::Body(
                "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
                    .into(),
            )
        })?;
    let mut body = raw.map_err(FetchError::Body)?;
    if zipped {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice())
            .take(MAX_BODY_SIZE_BYTES as u64)
            .read_to_end(&mut plain)
            .map_err(|_| FetchError::Body("gzip: invalid header".into()))?;
        body = plain;
    }
    if status.is_success() {
        Ok(body)
    } else {
        Err(FetchError::Refused { body: String::from_utf8_lossy(&body).into_owned() })
    }
}

async fn read_up_to_limit(mut body: hyper::body::Incoming) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| http_words(&error))?;
        if let Ok(data) = frame.into_data() {
            let room = MAX_BODY_SIZE_BYTES - out.len();
            out.extend_from_slice(&data[..data.len().min(room)]);
            if out.len() == MAX_BODY_SIZE_BYTES {
                break;
            }
        }
    }
    Ok(out)
}

fn tls_words(error: &std::io::Error) -> String {
    let verify = |why: &str| format!("tls: failed to verify certificate: x509: {why}");
    let rustls_error = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match rustls_error {
        Some(rustls::Error::InvalidCertificate(why)) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                verify("certificate has expired or is not yet valid")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                verify("certificate has expired or is not yet valid")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                verify("certificate is not valid for any names, but wanted to match the host of the URL")
            }
            _ => verify("certificate signed by unknown authority"),
        },
        Some(rustls::Error::InvalidMessage(_)) => "http: server gave HTTP response to HTTPS client".into(),
        Some(other) => format!("remote error: tls: {other}"),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => "EOF".into(),
        None => error.to_string(),
    }
}

fn http_words(error: &hyper::Error) -> String {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "EOF".into()
    } else if error.is_parse() {
        "net/http: HTTP/1.x transport connection broken: malformed HTTP response".into()
    } else {
        error.to_string()
    }
}

/// Accepts every certificate: what `insecureSkipTLSVerify` and a bare URL ask for.
#[derive(Debug)]
struct TrustAnything(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
