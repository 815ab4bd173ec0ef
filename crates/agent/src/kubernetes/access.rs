//! How the apiserver is reached and how the agent authenticates there. Files are read again when they change.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderValue, Uri};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};

/// How often mounted files are looked at.
const RECHECK: Duration = Duration::from_secs(5);

/// Why the access data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A token has bytes that no header may have.
    #[error("the token of the service account is malformed")]
    Token,
    /// The certificates cannot be used.
    #[error("the certificates for the apiserver cannot be used: {0}")]
    Certificates(String),
}

/// Text that is given or stands in a file.
#[derive(Clone)]
pub(crate) enum Source {
    Inline(Arc<[u8]>),
    File(PathBuf),
}

impl Source {
    fn read(&self) -> Result<Arc<[u8]>, AccessError> {
        match self {
            Source::Inline(bytes) => Ok(bytes.clone()),
            Source::File(path) => fs::read(path)
                .map(Into::into)
                .map_err(|source| AccessError::File { path: path.clone(), source }),
        }
    }

    fn modified(&self) -> Option<SystemTime> {
        match self {
            Source::Inline(_) => None,
            Source::File(path) => fs::metadata(path).and_then(|metadata| metadata.modified()).ok(),
        }
    }
}

/// Where the apiserver is, whom it is trusted by, who we are there. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    host: String,
    port: u16,
    authority: HeaderValue,
    server_name: Option<String>,
    token: Option<Source>,
    roots: Option<Source>,
    certificate: Option<(Source, Source)>,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    checked: Option<Instant>,
    token: Option<(Option<SystemTime>, HeaderValue)>,
    tls: Option<([Option<SystemTime>; 3], Arc<ClientConfig>)>,
}

/// The parts of an [`Access`].
pub(crate) struct Parts {
    pub(crate) url: String,
    pub(crate) server_name: Option<String>,
    pub(crate) token: Option<Source>,
    pub(crate) roots: Option<Source>,
    pub(crate) certificate: Option<(Source, Source)>,
}

impl Access {
    /// A pod's own access: `token` and `ca.crt` in `directory`.
    pub fn service_account(url: &str, directory: &Path) -> Self {
        let parts = Parts {
            url: url.to_owned(),
            server_name: None,
            token: Some(Source::File(directory.join("token"))),
            roots: Some(Source::File(directory.join("ca.crt"))),
            certificate: None,
        };
        // A pod's own variables always form a URL; if not, the first request says so.
        Access::new(parts).unwrap_or_else(|_| Access::unreachable())
    }

    pub(crate) fn new(parts: Parts) -> Result<Self, String> {
        let uri: Uri = parts.url.parse().map_err(|error| format!("{:?} is not a URL: {error}", parts.url))?;
        if uri.scheme_str() != Some("https") {
            return Err(format!("{:?} is not an https:// URL", parts.url));
        }
        if !matches!(uri.path(), "" | "/") {
            return Err(format!("{:?} has a path; the apiserver must be at the root", parts.url));
        }
        let authority = uri.authority().ok_or_else(|| format!("{:?} names no host", parts.url))?;
        let header = HeaderValue::from_str(authority.as_str())
            .map_err(|_| format!("{:?} names a strange host", parts.url))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(format!("{:?} names no host", parts.url));
        }
        Ok(Access(Arc::new(Inner {
            host,
            port: authority.port_u16().unwrap_or(443),
            authority: header,
            server_name: parts.server_name,
            token: parts.token,
            roots: parts.roots,
            certificate: parts.certificate,
            cache: Mutex::default(),
        })))
    }

    fn unreachable() -> Self {
        Access(Arc::new(Inner {
            host: "invalid.".to_owned(),
            port: 443,
            authority: HeaderValue::from_static("invalid."),
            server_name: None,
            token: None,
            roots: None,
            certificate: None,
            cache: Mutex::default(),
        }))
    }

    /// Host and port to connect to.
    pub fn address(&self) -> (&str, u16) {
        (&self.0.host, self.0.port)
    }

    /// The value of the `Host` header.
    pub fn authority(&self) -> &HeaderValue {
        &self.0.authority
    }

    /// The name that the apiserver's certificate must carry.
    pub fn server_name(&self) -> Result<ServerName<'static>, AccessError> {
        let name = self.0.server_name.as_ref().unwrap_or(&self.0.host);
        ServerName::try_from(name.clone()).map_err(|error| AccessError::Certificates(error.to_string()))
    }

    /// The `Authorization` header, if the agent authenticates by token.
    pub fn authorization(&self) -> Result<Option<HeaderValue>, AccessError> {
        let Some(source) = &self.0.token else { return Ok(None) };
        let mut cache = self.0.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = cache.checked.is_some_and(|checked| checked.elapsed() < RECHECK);
        if let Some((modified, value)) = &cache.token
            && (fresh || source.modified() == *modified)
        {
            let value = value.clone();
            if !fresh {
                cache.checked = Some(Instant::now());
            }
            return Ok(Some(value));
        }
        let modified = source.modified();
        let bytes = source.read()?;
        let mut header = b"Bearer ".to_vec();
        header.extend_from_slice(bytes.trim_ascii());
        let mut value = HeaderValue::from_bytes(&header).map_err(|_| AccessError::Token)?;
        value.set_sensitive(true);
        cache.token = Some((modified, value.clone()));
        cache.checked = Some(Instant::now());
        Ok(Some(value))
    }

    /// The TLS settings for a new connection.
    pub fn tls(&self) -> Result<Arc<ClientConfig>, AccessError> {
        let inner = &self.0;
        let certificate = inner.certificate.as_ref();
        let modified = [
            inner.roots.as_ref().and_then(Source::modified),
            certificate.and_then(|(certificate, _)| certificate.modified()),
            certificate.and_then(|(_, key)| key.modified()),
        ];
        let mut cache = inner.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, config)) = &cache.tls
            && *then == modified
        {
            return Ok(config.clone());
        }
        let config = Arc::new(inner.make_tls()?);
        cache.tls = Some((modified, config.clone()));
        Ok(config)
    }
}

impl Inner {
    fn make_tls(&self) -> Result<ClientConfig, AccessError> {
        let wrong =
            |what: &str, error: &dyn fmt::Display| AccessError::Certificates(format!("{what}: {error}"));
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(source) => {
                for certificate in CertificateDer::pem_slice_iter(&source.read()?) {
                    let certificate = certificate.map_err(|error| wrong("the cluster CA", &error))?;
                    roots.add(certificate).map_err(|error| wrong("the cluster CA", &error))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("TLS", &error))?
            .with_root_certificates(roots);
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = CertificateDer::pem_slice_iter(&certificate.read()?)
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|error| wrong("the client certificate", &error))?;
                let key = PrivateKeyDer::from_pem_slice(&key.read()?)
                    .map_err(|error| wrong("the client key", &error))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| wrong("the client certificate", &error))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Access").field(&self.0.authority).finish()
    }
}
