//! The whole front over TLS: raw HTTP to every route, from strangers and from an administrator.
//!
//! One server for the process: what a request writes stays, so that nothing is said of what is left over, only that
//! nothing panics, nothing answers 500, and no answer is endless.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use grange_apiserver::UserInfo;
use grange_clusters::{Directory, HooksConfig};
use grange_gateway::{Bound, Config, Console, Limits, Parts, TlsSource};
use grange_identity::{Index, Secret, TokenKind, TokenRequest};
use grange_settings::{Given, ServerUrl, Settings};
use grange_store::memory::MemoryStore;
use grange_tunnel::Registry;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
    sync::watch,
    time::{Duration, timeout},
};
use tokio_util::sync::CancellationToken;

use super::LARGE;
use crate::{Bytes, Source, Target, mutate, trees};

/// How long an answer is waited for; what is not answered in time (a watch, half a request) is let go.
const PATIENCE: Duration = Duration::from_millis(500);
/// Most bytes that are read of an answer.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

pub(super) fn targets() -> Vec<Target> {
    let mut gateway = Target::new("gateway", 4 * LARGE, request, check_request);
    gateway.weight = 20;
    gateway.keeps_state = true;
    vec![gateway]
}

/// Those that most routes take are the likeliest.
const METHODS: &[&str] = &[
    "GET", "GET", "GET", "POST", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "X",
];

fn request(source: &mut Source) -> (bool, Bytes) {
    let paths = &[
        "/v3/settings",
        "/v3/settings/server-url",
        "/v3/settings/cacerts",
        "/v3-public/localProviders/local?action=login",
        "/v1-public/login",
        "/v3-public/authProviders",
        "/v1/logout",
        "/v3/tokens",
        "/v3/tokens/token-a",
        "/v3/users",
        "/v3/users?action=changepassword",
        "/v3/users/user-a?action=setpassword",
        "/v3/clusters",
        "/v3/clusters/c-m-abcdefgh",
        "/v3/clusters/c-m-abcdefgh?action=generateKubeconfig",
        "/v3/clusterregistrationtokens",
        "/metrics",
        "/v2/a/manifests/b",
        "/v3/clusterRegistrationTokens/c-m-abcdefgh:default-token",
        "/v3/import/abc_c-m-abcdefgh.yaml",
        "/v3/connect",
        "/ping",
        "/v3/connect/trouble",
        "/cacerts",
        "/healthz",
        "/readyz",
        "/",
        "/dashboard/",
        "/dashboard/index.html",
        "/openapi/v2",
        "/k8s/clusters/c-m-abcdefgh/api/v1/nodes",
        "/k8s/clusters/local/version",
        "/k8s/proxy/c-m-abcdefgh/api",
        "/version",
        "/apis/management.cattle.io/v3/clusters?limit=1",
        "/apis/management.cattle.io/v3/settings/server-url",
        "/api/v1",
        "/apis/provisioning.cattle.io/v1/namespaces/fleet-default/clusters",
        "/apis/management.cattle.io/v3/tokens",
    ];
    let path = source.pick(paths).to_owned();
    let path = if source.one_in(4) { mutate::text(source, path) } else { path };
    let method = source.pick(METHODS);
    let body = body(source);
    let body = match source.below(6) {
        0 => String::new(),
        1 => mutate::text(source, body.to_string()),
        2 => trees::deep(source).to_string(),
        _ => body.to_string(),
    };
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n");
    head += &format!("content-length: {}\r\n", body.len());
    for (name, value) in source.list(4, header) {
        head += &format!("{name}: {value}\r\n");
    }
    let is_administrator = source.one_in(2);
    let request = format!("{head}{TOKEN}\r\n{body}");
    let bytes = request.into_bytes();
    (is_administrator, Bytes(if source.one_in(12) { mutate::bytes(source, bytes) } else { bytes }))
}

/// Where the administrator's token is put.
const TOKEN: &str = "x-token: here\r\n";

fn header(source: &mut Source) -> (String, String) {
    let (name, value) = *source.one_of(&[
        ("content-type", "application/json"),
        ("content-type", "application/merge-patch+json"),
        ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io"),
        ("accept", "text/html"),
        ("accept-encoding", "br, gzip"),
        ("accept-language", "de"),
        ("cookie", "R_SESS=token-abc:def; CSRF=x"),
        ("x-api-csrf", "x"),
        ("origin", "https://127.0.0.1"),
        ("authorization", "Basic dG9rZW4tYWJjOmRlZg=="),
        ("authorization", "Bearer token-abc:def"),
        ("impersonate-user", "ada"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-host", "a.b"),
        ("if-none-match", "\"x\""),
        ("range", "bytes=0-1"),
        ("upgrade", "websocket"),
        ("sec-websocket-protocol", "grange.tunnel.v1"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("user-agent", "curl/8"),
        ("expect", "100-continue"),
        ("te", "trailers"),
    ]);
    let value = if source.one_in(4) { mutate::text(source, value.into()) } else { value.to_owned() };
    (name.to_owned(), value.replace(['\r', '\n'], " "))
}

fn body(source: &mut Source) -> Value {
    let text = |source: &mut Source| mutate::text(source, "ada".into());
    let body = match source.below(8) {
        0 => {
            json!({"username": text(source), "password": text(source), "responseType": source.pick(&["json", "cookie", "x"])})
        }
        1 => json!({"currentPassword": text(source), "newPassword": text(source)}),
        2 => {
            json!({"username": text(source), "password": "correct horse battery", "name": "x", "enabled": true})
        }
        3 => json!({"name": text(source), "description": text(source), "labels": trees::object(source, 1)}),
        4 => json!({"value": text(source)}),
        5 => json!({"description": "x", "ttl": source.number() as i64, "kind": text(source)}),
        6 => {
            json!({"clusterId": text(source), "token_hash": "x", "code": "proxy", "detail": text(source), "agent_version": "1", "at_ms": 1, "proof": "aGk="})
        }
        _ => json!({
            "apiVersion": "management.cattle.io/v3", "kind": "Cluster",
            "metadata": {"name": text(source)}, "spec": {"displayName": text(source)},
        }),
    };
    if source.one_in(3) { trees::changed(source, &body) } else { body }
}

/// A running server.
struct Gate {
    runtime: Runtime,
    address: SocketAddr,
    connector: tokio_rustls::TlsConnector,
    identity: grange_identity::Handle,
    token: Mutex<String>,
    _folder: tempfile::TempDir,
}

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime can be had");
    let folder = tempfile::tempdir().expect("a folder can be had");
    let (address, connector, identity) = runtime.block_on(start(&folder));
    Gate { runtime, address, connector, identity, token: Mutex::default(), _folder: folder }
});

async fn start(
    folder: &tempfile::TempDir,
) -> (SocketAddr, tokio_rustls::TlsConnector, grange_identity::Handle) {
    let stop = CancellationToken::new();
    let server_url = ServerUrl::parse("https://127.0.0.1").expect("a good address");
    let bound = Bound::bind(Config {
        listen: ([127, 0, 0, 1], 0).into(),
        server_url: server_url.clone(),
        tls: TlsSource::SelfSigned { folder: folder.path().join("tls") },
        version: "fuzz".into(),
        console: Console(&[]),
        limits: Limits::default(),
    });
    let bound = bound.await.expect("a port can be had");
    let (address, ca) = (bound.address(), bound.ca().clone());
    let given = Given {
        server_url,
        is_server_url_chosen: false,
        ca_pem: ca.pem().to_owned(),
        version: "fuzz".into(),
    };
    let settings = Settings::new(given);
    let hooks = HooksConfig {
        settings: settings.clone(),
        ca_checksum: ca.checksum(),
        directory: Directory::default(),
    };
    let index = Arc::new(Index::default());
    let mut api = grange_apiserver::Config::new(Arc::new(MemoryStore::default()), index.clone());
    api.definitions = grange_clusters::definitions(&hooks).expect("our definitions are good");
    api.definitions
        .extend(grange_identity::resources::definitions(&index).expect("our definitions are good"));
    api.definitions.extend(grange_settings::definitions(&settings).expect("our definitions are good"));
    let (service, apiserver) = grange_apiserver::Service::new(api);
    tokio::spawn(service.run(stop.clone()));
    apiserver.ready().await;

    let client = kube::Client::new(apiserver.loopback(UserInfo::loopback()), "default");
    let (service, mut is_set) = grange_settings::Service::new(client.clone(), settings.clone());
    tokio::spawn(service.run(stop.clone()));
    is_set.wait_for(|ready| *ready).await.expect("the settings are read");
    let config = grange_identity::Config { client: client.clone(), index, settings: settings.clone() };
    let (service, identity) = grange_identity::Service::new(config);
    tokio::spawn(service.run(stop.clone().cancelled_owned()));
    identity.ready().await;
    identity.bootstrap(Some(Secret::new("correct horse battery"))).await.expect("the first person is made");
    let registry = Registry::new("fuzz");
    let (service, clusters) = grange_clusters::Service::new(grange_clusters::Config {
        client,
        registry: registry.clone(),
        directory: hooks.directory,
        settings: settings.clone(),
        ca_checksum: hooks.ca_checksum,
        agent_image: "grange/agent:fuzz".into(),
        peers: None,
    });
    tokio::spawn(service.run(stop.clone()));
    let (ready, is_ready) = watch::channel(true);
    let imports = Arc::new(clusters);
    let parts = Parts { settings, identity: identity.clone(), apiserver, imports, registry, ready: is_ready };
    let (service, _) = bound.serve(parts);
    tokio::spawn(async move {
        service.run(stop).await;
        drop(ready);
    });

    (address, connector(ca.pem()), identity)
}

impl Gate {
    /// A token of the first person; requests revoke tokens as they like.
    async fn token(&self) -> String {
        let present = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if self.identity.authenticate(&present).is_some() {
            return present;
        }
        let user_id = self.identity.bootstrap_admin().expect("there is a first person");
        let ttl = Duration::from_secs(24 * 3600);
        let wanted = TokenRequest { user_id: &user_id, kind: TokenKind::Api, ttl, description: "fuzz" };
        let issued = self.identity.issue(wanted).await.expect("a token can be had");
        let token = issued.credential.expose().to_owned();
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&token);
        token
    }
}

fn connector(ca_pem: &str) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("the server's own certificate");
    roots.add(ca).expect("the server's own certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the usual versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config).into()
}

/// The request with another header in the place that is kept for it.
fn with_token(request: &[u8], token: &str) -> Vec<u8> {
    match request.windows(TOKEN.len()).position(|window| window == TOKEN.as_bytes()) {
        Some(at) => [&request[..at], token.as_bytes(), &request[at + TOKEN.len()..]].concat(),
        None => request.to_vec(),
    }
}

fn check_request((is_administrator, Bytes(request)): &(bool, Bytes)) {
    let gate = &*GATE;
    let answer = gate.runtime.block_on(async {
        let token = match is_administrator {
            true => format!("authorization: Bearer {}\r\n", gate.token().await),
            false => String::new(),
        };
        let request = with_token(request, &token);
        let socket = TcpStream::connect(gate.address).await.expect("the server listens");
        let name = ServerName::try_from("127.0.0.1").expect("an address");
        let mut stream = gate.connector.connect(name, socket).await.expect("the server speaks TLS");
        let mut answer = Vec::new();
        let talk = async {
            stream.write_all(&request).await?;
            (&mut stream).take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await
        };
        // A connection that the server ends early, or keeps open, is none of our business.
        let _ = timeout(PATIENCE, talk).await;
        answer
    });
    assert!((answer.len() as u64) < MAX_ANSWER_BYTES, "the limit of an answer");
    let head = String::from_utf8_lossy(&answer[..answer.len().min(2000)]);
    assert!(!head.starts_with("HTTP/1.1 500"), "{head}");
}
