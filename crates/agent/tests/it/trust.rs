//! Which servers an agent trusts, and what it says of the others.

use grange_agent::server::{ConnectError, Connector, ProxySettings, ServerUrl};
use grange_wire::TroubleCode;

use crate::{certificates, server::FakeServer};

async fn connect(server: &FakeServer, checksum: Option<String>) -> Result<(), ConnectError> {
    Connector::new(server.url(), checksum, ProxySettings::default()).connect().await.map(|_| ())
}

#[tokio::test]
async fn the_pinned_ca_is_trusted() {
    let server = FakeServer::start().await;
    connect(&server, Some(server.checksum())).await.unwrap();
    // However the setting ends.
    *server.state.shown_ca.lock().unwrap() = format!("\n{}\n\n", server.ca_pem.trim());
    connect(&server, Some(server.checksum())).await.unwrap();
}

#[tokio::test]
async fn others_are_refused_with_the_reason() {
    let server = FakeServer::start().await;
    let check = async |checksum: Option<String>, parts: &[&str]| {
        let error = connect(&server, checksum).await.unwrap_err();
        assert!(matches!(error, ConnectError::Untrusted { .. }), "{error:?}");
        let message = error.to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    let code = async |checksum| connect(&server, checksum).await.unwrap_err().code();
    assert_eq!(code(None).await, TroubleCode::CertificateUntrusted);
    assert_eq!(code(Some("0".repeat(64))).await, TroubleCode::CaChecksum);
    check(None, &["no CA checksum is configured", "no public CA", "UnknownIssuer"]).await;
    check(Some("0".repeat(64)), &["have checksum", &server.checksum(), "CATTLE_CA_CHECKSUM is 000"]).await;
    // A server that shows somebody else's CA with the right checksum is still somebody else.
    let (other, _) = certificates();
    *server.state.shown_ca.lock().unwrap() = other;
    check(Some(server.checksum()), &["have checksum", "CATTLE_CA_CHECKSUM"]).await;
    *server.state.shown_ca.lock().unwrap() = String::new();
    check(Some(server.checksum()), &["no CA certificates of its own"]).await;
}

/// The right CA, but the certificate is for another name.
#[tokio::test]
async fn the_name_must_fit() {
    let server = FakeServer::start().await;
    let mut url = server.url();
    url.server_name = "grange.example".try_into().unwrap();
    let connector = Connector::new(url, Some(server.checksum()), ProxySettings::default());
    let error = connector.connect().await.map(|_| ()).unwrap_err();
    assert!(matches!(error, ConnectError::Untrusted { .. }), "{error}");
    assert_eq!(error.code(), TroubleCode::CertificateName);
    assert!(server.state.hellos.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_absent_server_is_named() {
    let server = FakeServer::start().await;
    let mut url = server.url();
    url.port = 1;
    let connect =
        async |url, proxy| Connector::new(url, None, proxy).connect().await.map(|_| ()).unwrap_err();
    let error = connect(url, ProxySettings::default()).await;
    assert!(error.to_string().contains("cannot connect to https://127.0.0.1"), "{error}");
    assert_eq!(error.code(), TroubleCode::Connection);
    // Names below `invalid` exist nowhere.
    let url = ServerUrl::parse("https://grange.invalid:8443").unwrap();
    let error = connect(url.clone(), ProxySettings::default()).await;
    assert!(error.to_string().contains("the name grange.invalid cannot be looked up"), "{error}");
    assert_eq!(error.code(), TroubleCode::NameLookup);
    let error = connect(url, ProxySettings::new(Some("http://127.0.0.1:1"), None)).await;
    assert!(error.to_string().contains("the proxy 127.0.0.1:1 does not lead there"), "{error}");
    assert_eq!(error.code(), TroubleCode::Proxy);
}
