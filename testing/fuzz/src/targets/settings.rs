//! What people write into files, flags and settings: addresses, kubeconfigs, proxies, certificates, credentials.

use std::{path::Path, sync::LazyLock};

use grange_agent::{kubernetes::read_kubeconfig, server};
use grange_gateway::{AuthorityFiles, CaBundle, routes};
use grange_identity::{
    Secret,
    password::check_rules,
    token::{Presented, TokenHash},
};
use grange_settings::ServerUrl;
use serde_json::json;

use super::{LARGE, SMALL};
use crate::{Source, Target, mutate, trees};

pub(super) fn targets() -> Vec<Target> {
    vec![
        Target::new("addresses", SMALL, address, check_address),
        Target::new("kubeconfigs", LARGE, kubeconfig, |text| check_kubeconfig(text)),
        Target::new("certificates", LARGE, pem, check_pem),
        Target::new("credentials", SMALL, credential, check_credential),
    ]
}

fn address(source: &mut Source) -> (String, String) {
    let addresses = &[
        "https://grange.example.com",
        "https://10.0.0.1:8443/",
        "https://[fe80::1]:443",
        "https://[::ffff:1.2.3.4]",
        "http://proxy:3128",
        "http://user:p%40ss@proxy",
        "https://localhost",
        "https://a.local/path?x#y",
        "https://[::1%25eth0]",
    ];
    let exceptions =
        &["10.0.0.0/8", ".example.com", "*", "localhost", "fe80::/10", "1.2.3.4/33", "*.a.b", "::/0", "a:80"];
    let valid = source.pick(addresses).to_owned();
    let list = source.list(5, |source| source.pick(exceptions)).join(source.pick(&[",", ", ", " "]));
    (mutate::text(source, valid), mutate::text(source, list))
}

fn check_address((url, exceptions): &(String, String)) {
    if let Ok(parsed) = ServerUrl::parse(url) {
        assert_eq!(
            ServerUrl::parse(parsed.as_str()).as_ref().map(ServerUrl::as_str).ok(),
            Some(parsed.as_str())
        );
        assert!(!parsed.host().is_empty() && !parsed.authority().is_empty());
        parsed.reach();
    }
    if let Ok(parsed) = server::ServerUrl::parse(url) {
        assert!(parsed.path("/x").ends_with("/x"));
    }
    let _ = server::ProxySettings::new(Some(url), Some(exceptions));
    let path = url.find('/').map_or("/", |start| &url[start..]);
    let _ = routes::find(path);
}

fn kubeconfig(source: &mut Source) -> String {
    let server = address(source).0;
    let user = match source.below(5) {
        0 => json!({"token": mutate::text(source, "abc".into())}),
        1 => {
            json!({"client-certificate-data": "aGk=", "client-key-data": mutate::text(source, "aGk=".into())})
        }
        2 => json!({"username": "a", "password": "b"}),
        3 => json!({"exec": {"command": "x"}}),
        _ => json!({"tokenFile": "/nowhere", "client-certificate": "a", "client-key": "b"}),
    };
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "a", "cluster": {
            "server": server, "certificate-authority-data": mutate::text(source, "aGk=".into()),
            "insecure-skip-tls-verify": source.one_in(3),
        }}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a", "namespace": "n"}}],
        "users": [{"name": "a", "user": user}],
    });
    let config = if source.one_in(2) { trees::changed(source, &config) } else { config };
    let text =
        if source.one_in(2) { grange_apimachinery::yaml::to_string(&config) } else { config.to_string() };
    mutate::text(source, text)
}

fn check_kubeconfig(text: &str) {
    if let Ok(access) = read_kubeconfig(text, Path::new("/nowhere")) {
        assert!(!access.address().0.is_empty());
        let _ = (access.server_name(), access.authorization(), access.tls());
    }
}

/// A certificate and its key, made once.
static PAIR: LazyLock<(String, String)> = LazyLock::new(|| {
    let pair =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
    (pair.cert.pem(), pair.signing_key.serialize_pem())
});

fn pem(source: &mut Source) -> (String, String) {
    let (certificate, key) = &*PAIR;
    let parts =
        source.list(3, |source| source.pick(&[certificate.as_str(), key.as_str(), "text\n"])).concat();
    let first = if source.one_in(2) { parts } else { certificate.clone() };
    (mutate::text(source, first), mutate::text(source, key.clone()))
}

fn check_pem((certificate, key): &(String, String)) {
    let bundle = CaBundle::new(certificate);
    assert_eq!(CaBundle::new(bundle.pem()), bundle, "trimming settles");
    assert_eq!(bundle.checksum().is_empty(), bundle.is_public());
    let folder = tempfile::tempdir().expect("a folder can be had");
    let files = AuthorityFiles::new(folder.path());
    if files.replace(certificate, key).is_ok() {
        files.load_or_make().expect("what was taken can be loaded");
    }
}

fn credential(source: &mut Source) -> (String, String) {
    let hash = TokenHash::of("a", "b").to_stored();
    (mutate::text(source, "token-abcde:0123456789".into()), mutate::text(source, hash))
}

fn check_credential((text, hash): &(String, String)) {
    if let Some(presented) = Presented::parse(text) {
        assert_eq!(&format!("{}:{}", presented.name, presented.secret), text, "both parts");
        let own = TokenHash::of(presented.name, presented.secret);
        assert!(
            TokenHash::from_stored(&own.to_stored()).is_some_and(|read| read.matches(&own)),
            "the round trip"
        );
    }
    let _ = TokenHash::from_stored(hash);
    let _ = check_rules(text, &Secret::new(hash.as_str()));
}
