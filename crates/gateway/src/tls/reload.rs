//! The certificate in use; replaced while running when its files or the server's address change.
use std::{path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use grange_settings::Settings;
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{Pair, TlsError};
use crate::config::TlsSource;

/// How often given files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);
/// How often our own certificate's end is looked at.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(24 * 3600);

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
    /// Replaces the certificate when given files change, or, where it is our own, when the server gets another address
    /// or the certificate's end comes near. A broken one is reported and the old one kept.
    pub(crate) async fn follow(self: Arc<Self>, source: TlsSource, listen_host: String, settings: Settings) {
        match &source {
            TlsSource::Files { certificate, key } => {
                self.follow_files(&source, certificate, key, &settings).await
            }
            TlsSource::SelfSigned { .. } => self.follow_address(&source, &listen_host, &settings).await,
        }
    }

    async fn follow_files(&self, source: &TlsSource, certificate: &Path, key: &Path, settings: &Settings) {
        let stamp = || [certificate, key].map(|path| path.metadata().and_then(|data| data.modified()).ok());
        let mut seen = stamp();
        loop {
            tokio::time::sleep(RELOAD_INTERVAL).await;
            let now = stamp();
            if now != seen {
                self.reload(source, "", settings);
                seen = now;
            }
        }
    }

    async fn follow_address(&self, source: &TlsSource, listen_host: &str, settings: &Settings) {
        let mut changes = settings.subscribe();
        let mut named = None;
        loop {
            let url = settings.server_url();
            if named.as_ref() != Some(&url) {
                self.reload(source, listen_host, settings);
                named = Some(url);
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return std::future::pending().await },
                () = tokio::time::sleep(RENEWAL_INTERVAL) => named = None,
            }
        }
    }

    fn reload(&self, source: &TlsSource, listen_host: &str, settings: &Settings) {
        let url = settings.server_url();
        match super::load(source, &url, listen_host).and_then(|(pair, _)| certified(pair)) {
            Ok(key) if key.cert == self.key.load().cert => {}
            Ok(key) => {
                self.key.store(Arc::new(key));
                tracing::info!(url = url.as_str(), "the TLS certificate was replaced");
            }
            Err(error) => {
                tracing::error!(%error, "the new TLS certificate cannot be used; the old one stays");
            }
        }
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.load_full())
    }
}

/// The pair as rustls serves it, if its halves fit.
pub(super) fn certified(pair: Pair) -> Result<CertifiedKey, TlsError> {
    let key = provider().key_provider.load_private_key(pair.key)?;
    let certified = CertifiedKey::new(pair.chain, key);
    certified.keys_match()?;
    Ok(certified)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
