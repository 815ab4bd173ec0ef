//! TLS with client certificates, and etcd's own users.

use std::time::Duration;

use grange_store_etcd::{Credentials, EtcdConfig, EtcdStore, Hidden, Tls};
use grange_testing_kubernetes::{Etcd, EtcdOptions};

use super::{etcd, eventually, put, value};
use grange_store::Store;

/// A wrong configuration is not waited for longer than this.
const SHORT: Duration = Duration::from_millis(100);

async fn refusal(config: EtcdConfig) -> String {
    let error = EtcdStore::open(EtcdConfig { open_deadline: SHORT, ..config }).await.unwrap_err();
    format!("{error}")
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_on_both_sides() {
    let Some(options) = EtcdOptions::from_environment() else { return };
    let etcd = Etcd::start(options.tls()).await.unwrap();
    let given = etcd.credentials().unwrap();
    let tls = Tls {
        ca_pem: Some(given.ca_pem.clone()),
        identity: Some((given.certificate_pem, Hidden::new(given.key_pem))),
    };
    let config = EtcdConfig { tls: tls.clone(), ..EtcdConfig::new(etcd.urls()) };
    let store = EtcdStore::open(config.clone()).await.unwrap();
    put(&store, "a", "1").await;
    assert_eq!(value(&store, "a").await.unwrap(), "1");

    let nobody = Tls { identity: None, ..tls.clone() };
    let error = refusal(EtcdConfig { tls: nobody, ..config.clone() }).await;
    assert!(error.contains("client certificate"), "{error}");
    let stranger = rcgen::generate_simple_self_signed(["stranger".to_owned()]).unwrap().cert.pem();
    let strangers = Tls { ca_pem: Some(stranger), ..tls.clone() };
    let error = refusal(EtcdConfig { tls: strangers, ..config.clone() }).await;
    assert!(error.contains("certificate"), "{error}");
    let plain: Vec<String> = etcd.urls().iter().map(|url| url.replace("https", "http")).collect();
    let error = refusal(EtcdConfig::new(plain.clone())).await;
    assert!(error.contains(&plain[0]), "{error}");
    let error = refusal(EtcdConfig { tls, ..EtcdConfig::new(plain) }).await;
    assert!(error.contains("no endpoint is https"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_asked_for_again_when_etcd_forgot_the_login() {
    let Some(mut etcd) = etcd().await else { return };
    let user =
        |password: &str| Some(Credentials { user: "root".to_owned(), password: Hidden::new(password) });
    etcd.require_password("open sesame").await.unwrap();
    let config = EtcdConfig { credentials: user("open sesame"), ..EtcdConfig::new(etcd.urls()) };
    let store = EtcdStore::open(config.clone()).await.unwrap();
    put(&store, "a", "1").await;

    let error = refusal(EtcdConfig { credentials: None, ..config.clone() }).await;
    assert!(error.contains("user name is empty") || error.contains("permission"), "{error}");
    let error = refusal(EtcdConfig { credentials: user("guess"), ..config }).await;
    assert!(error.contains("invalid user ID or password") && !error.contains("guess"), "{error}");

    // A restart forgets all tokens.
    etcd.kill(0);
    etcd.restart(0).await.unwrap();
    let entry = eventually("reads work again", async || store.get("a").await.ok()).await;
    assert_eq!(entry.unwrap().value, "1");
    put(&store, "a", "2").await;
    assert_eq!(value(&store, "a").await.unwrap(), "2");
}
