//! TLS connections to the address of a kubeconfig, for what needs the bare connection: load and upgrades.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::Kubeconfig;

/// A TLS client that trusts `ca_pem` and speaks HTTP/1.1.
pub fn connector(ca_pem: &[u8]) -> Result<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The address in `https://<address>[/path]`, which must be an IP address with a port, and the path.
pub fn address(server: &str) -> Result<(SocketAddr, &str)> {
    let rest = server.strip_prefix("https://").context("the server has no https:// address")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Ok((authority.parse().with_context(|| format!("{authority} is no address"))?, path))
}

/// Opens a connection.
pub async fn connect(connector: &TlsConnector, address: SocketAddr) -> Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(connector.connect(ServerName::IpAddress(address.ip().into()), stream).await?)
}

/// Opens a connection to the server of a kubeconfig.
pub async fn connect_to(kubeconfig: &Kubeconfig) -> Result<TlsStream<TcpStream>> {
    connect(&connector(&kubeconfig.ca_pem)?, address(&kubeconfig.server)?.0).await
}
