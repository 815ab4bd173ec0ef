//! TLS: where certificates come from, how they are loaded, how they are replaced while running.
mod authority;
mod reload;

use std::{path::PathBuf, sync::Arc};

use grange_settings::ServerUrl;
use rustls::AlertDescription;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use sha2::{Digest as _, Sha256};

use crate::config::TlsSource;
pub use authority::AuthorityFiles;
pub(crate) use reload::CurrentCertificate;

/// What went wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {reason}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A certificate could not be made.
    #[error("making a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// Certificate and key were refused.
    #[error("using the certificate: {0}")]
    Rustls(#[from] rustls::Error),
}

/// The CA that clients need, as PEM without a trailing newline; empty when they need none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaBundle(Arc<str>);

impl CaBundle {
    /// From PEM text, trimmed: a stored value that ends in a newline would break every agent's checksum.
    pub fn new(pem: &str) -> Self {
        CaBundle(pem.trim().into())
    }
    /// The PEM.
    pub fn pem(&self) -> &str {
        &self.0
    }
    /// Whether clients trust the server without it.
    pub fn is_public(&self) -> bool {
        self.0.is_empty()
    }
    /// What agents pin (`CATTLE_CA_CHECKSUM`): lower-case hex SHA-256 of the PEM and exactly one newline; empty for none.
    pub fn checksum(&self) -> String {
        use std::fmt::Write as _;
        if self.is_public() {
            return String::new();
        }
        let digest = Sha256::new().chain_update(self.0.as_bytes()).chain_update(b"\n").finalize();
        digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// A certificate chain with its key.
pub(crate) struct Pair {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Pair {
    fn copy(&self) -> Self {
        Pair { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// The name of the alert by which a client says that it does not trust our certificate, if that is what it said.
/// `certificate_unknown` is not among them: browsers say that while their user decides.
pub(crate) fn distrust(error: &std::io::Error) -> Option<&'static str> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    match inner {
        rustls::Error::AlertReceived(AlertDescription::UnknownCA) => Some("unknown_ca"),
        rustls::Error::AlertReceived(AlertDescription::BadCertificate) => Some("bad_certificate"),
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => Some("certificate_expired"),
        _ => None,
    }
}

/// The pair to serve now and the CA that clients need.
pub(crate) fn load(
    source: &TlsSource,
    server_url: &ServerUrl,
    listen_host: &str,
) -> Result<(Pair, CaBundle), TlsError> {
    match source {
        TlsSource::SelfSigned { folder } => authority::load_or_make(folder, &names(server_url, listen_host)),
        TlsSource::Files { certificate, key } => {
            let pair = read_pair(certificate, key)?;
            let bundle = private_ca(&pair)
                .map_err(|reason| TlsError::Content { path: certificate.clone(), reason })?;
            Ok((pair, bundle))
        }
    }
}

/// The names our own certificate is good for.
fn names(server_url: &ServerUrl, listen_host: &str) -> Vec<String> {
    let mut names: Vec<String> = vec!["localhost".into(), "127.0.0.1".into(), "::1".into()];
    for name in [server_url.host(), listen_host.to_owned()] {
        let is_any = name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_unspecified());
        if !name.is_empty() && !is_any && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn read_pair(certificate: &PathBuf, key: &PathBuf) -> Result<Pair, TlsError> {
    let chain_pem = read(certificate)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|error| content(certificate, &error))?;
    if chain.is_empty() {
        return Err(content(certificate, &"it holds no PEM certificate"));
    }
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| content(key, &format!("it holds no PEM private key: {error}")))?;
    let pair = Pair { chain, key: key_der };
    reload::certified(pair.copy()).map_err(|error| {
        let reason = format!("it does not fit the certificate {}: {error}", certificate.display());
        content(key, &reason)
    })?;
    Ok(pair)
}

/// A chain that ends in a self-signed certificate is private: that end is the CA clients need. Others are taken for
/// publicly trusted.
fn private_ca(pair: &Pair) -> Result<CaBundle, String> {
    let Some(last) = pair.chain.last() else { return Ok(CaBundle::default()) };
    let (_, parsed) = x509_parser::parse_x509_certificate(last)
        .map_err(|error| format!("the last certificate cannot be read: {error}"))?;
    if parsed.subject() != parsed.issuer() {
        return Ok(CaBundle::default());
    }
    Ok(CaBundle::new(&pem_text(last)))
}

fn pem_text(certificate: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----");
    text
}

fn read(path: &PathBuf) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File { path: path.clone(), source })
}

fn content(path: &std::path::Path, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::Content { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_has_exactly_one_newline() {
        let expected = CaBundle::new("abc").checksum();
        assert_eq!(expected, "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb");
        assert_eq!(CaBundle::new("\nabc\n\n").checksum(), expected);
        assert_eq!(CaBundle::default().checksum(), "");
    }
}
