//! The certificate in use; replaced while running when the files change.
use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{Pair, TlsError};
use crate::config::{ServerUrl, TlsSource};

/// How often given files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// Serves the present certificate to every handshake.
#[derive(Debug)]
pub(crate) struct CurrentCertificate {
    key: ArcSwap<CertifiedKey>,
}

impl CurrentCertificate {
    pub(crate) fn new(pair: Pair) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(CurrentCertificate { key: ArcSwap::from_pointee(certified(pair)?) }))
    }
    /// TLS 1.3 and 1.2 with aws-lc-rs, HTTP/2 preferred.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
    /// Watches given files and takes a new pair when it is complete; a broken one is reported and the old one kept.
    pub(crate) async fn follow(self: Arc<Self>, source: TlsSource, server_url: ServerUrl) {
        let TlsSource::Files { certificate, key } = &source else {
            return std::future::pending().await;
        };
        let stamp = || [certificate, key].map(|path| path.metadata().and_then(|data| data.modified()).ok());
        let mut seen = stamp();
        loop {
            tokio::time::sleep(RELOAD_INTERVAL).await;
            let now = stamp();
            if now == seen {
                continue;
            }
            let loaded = super::load(&source, &server_url, "").and_then(|(pair, _)| certified(pair));
            match loaded {
                Ok(key) => {
                    self.key.store(Arc::new(key));
                    tracing::info!(certificate = %certificate.display(), "the TLS certificate was replaced");
                }
                Err(error) => {
                    tracing::error!(%error, "the new TLS certificate cannot be used; the old one stays")
                }
            }
            seen = now;
        }
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.load_full())
    }
}

fn certified(pair: Pair) -> Result<CertifiedKey, TlsError> {
    let key = provider().key_provider.load_private_key(pair.key)?;
    let certified = CertifiedKey::new(pair.chain, key);
    certified.keys_match()?;
    Ok(certified)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
