//! Whom the agent takes for its server: a certificate that the pinned CA or a public CA vouches for. Either is
//! enough; the name must fit in both cases.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs::default_provider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};

/// What became of the pinned CA.
#[derive(Clone, Debug)]
pub(crate) enum Pin {
    /// No checksum is configured.
    None,
    /// The server's CA certificates have the configured checksum.
    Trusted(Vec<CertificateDer<'static>>),
    /// They could not be had or do not have it; the text says which.
    Failed(String),
}

impl Pin {
    /// What to add to the message when a certificate is refused.
    pub(crate) fn explanation(&self) -> String {
        match self {
            Pin::None => {
                "no CA checksum is configured and no public CA vouches for its certificate".to_owned()
            }
            Pin::Trusted(_) => {
                "neither the CA with the configured checksum nor a public CA vouches for its certificate"
                    .to_owned()
            }
            Pin::Failed(why) => format!("{why}; and no public CA vouches for its certificate"),
        }
    }
}

/// Checks the server's CA certificates against the configured checksum. The checksum is over the text without
/// surrounding space and with exactly one newline at its end.
pub(crate) fn check_pin(pem: &str, checksum: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let trimmed = pem.trim();
    if trimmed.is_empty() {
        return Err(
            "the server has no CA certificates of its own, though CATTLE_CA_CHECKSUM is set".to_owned()
        );
    }
    let found = hexadecimal(digest(&SHA256, format!("{trimmed}\n").as_bytes()).as_ref());
    if found != checksum {
        return Err(format!(
            "the server's CA certificates have checksum {found}, but CATTLE_CA_CHECKSUM is {checksum}"
        ));
    }
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(trimmed.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the server's CA certificates cannot be parsed: {error}"))?;
    if certificates.is_empty() {
        return Err("the server's CA certificates are empty".to_owned());
    }
    Ok(certificates)
}

/// TLS settings that accept the pinned CA and public CAs.
pub(crate) fn verified(pin: &Pin) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Pin::Trusted(certificates) = pin {
        for certificate in certificates {
            roots.add(certificate.clone())?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// TLS settings that accept any certificate: only for fetching CA certificates whose checksum is checked afterwards.
pub(crate) fn unverified() -> Result<ClientConfig, Error> {
    let provider = Arc::new(default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_does_not_depend_on_surrounding_space() {
        let pem = rcgen::generate_simple_self_signed(vec!["grange.example".into()]).unwrap().cert.pem();
        let checksum = hexadecimal(digest(&SHA256, format!("{}\n", pem.trim()).as_bytes()).as_ref());
        for text in [pem.clone(), pem.trim().to_owned(), format!("\n{pem}\n\n")] {
            assert_eq!(check_pin(&text, &checksum).unwrap().len(), 1);
        }
        let error = check_pin(&pem, &"0".repeat(64)).unwrap_err();
        assert!(error.contains(&checksum) && error.contains("CATTLE_CA_CHECKSUM"), "{error}");
        assert!(check_pin("  ", &checksum).unwrap_err().contains("no CA certificates"));
    }
}
