//! The CA is what agents pin: it stays; names may change around it.
use grange_gateway::{Bound, Config, Console, Limits, TlsSource};
use grange_settings::ServerUrl;

use crate::support::{Gate, bind};

#[tokio::test]
async fn the_ca_stays_over_restarts_and_new_names() {
    let folder = tempfile::tempdir().unwrap();
    let first = bind(folder.path(), Limits::default()).await.ca().clone();
    let again = bind(folder.path(), Limits::default()).await.ca().clone();
    assert_eq!(first, again);
    let server = std::fs::read(folder.path().join("tls/server.crt")).unwrap();
    let renamed = Bound::bind(Config {
        listen: ([127, 0, 0, 1], 0).into(),
        server_url: ServerUrl::parse("https://gate.example.org").unwrap(),
        tls: TlsSource::SelfSigned { folder: folder.path().join("tls") },
        version: "test".into(),
        console: Console::default(),
        limits: Limits::default(),
    })
    .await
    .unwrap();
    assert_eq!(*renamed.ca(), first);
    assert_ne!(std::fs::read(folder.path().join("tls/server.crt")).unwrap(), server, "it has the new name");
}

#[tokio::test]
async fn keys_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    bind(folder.path(), Limits::default()).await;
    for key in ["ca.key", "server.key"] {
        let mode = std::fs::metadata(folder.path().join("tls").join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}

#[tokio::test]
async fn given_files_are_used_and_bad_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    bind(folder.path(), Limits::default()).await;
    let tls = folder.path().join("tls");
    let bind_files = async |certificate: &str, key: &str| {
        Bound::bind(Config {
            listen: ([127, 0, 0, 1], 0).into(),
            server_url: ServerUrl::parse("https://127.0.0.1:1").unwrap(),
            tls: TlsSource::Files { certificate: tls.join(certificate), key: tls.join(key) },
            version: "test".into(),
            console: Console::default(),
            limits: Limits::default(),
        })
        .await
    };
    let own = bind_files("server.crt", "server.key").await.unwrap();
    assert!(own.ca().is_public(), "a chain without its root is taken for a public one");
    assert!(
        !bind_files("ca.crt", "ca.key").await.unwrap().ca().is_public(),
        "a chain up to its root is private"
    );
    let error = bind_files("missing.crt", "server.key").await.err().unwrap().to_string();
    assert!(error.contains("missing.crt"), "{error}");
    let error = bind_files("server.key", "server.key").await.err().unwrap().to_string();
    assert!(error.contains("server.key"), "{error}");
    let error = bind_files("server.crt", "ca.key").await.err().unwrap().to_string();
    assert!(
        error.contains("ca.key") && error.contains("server.crt"),
        "a key of another certificate: {error}"
    );
}

#[tokio::test]
async fn agents_and_people_are_shown_the_same_ca() {
    let gate = Gate::start().await;
    let pem = gate.stranger("/cacerts").await.text;
    assert!(pem.ends_with("-----END CERTIFICATE-----\n"));
    let setting = gate.stranger("/v3/settings/cacerts").await.json();
    assert_eq!(setting["value"].as_str().unwrap(), pem.trim_end());
    assert_eq!(setting["type"], "setting");
}
