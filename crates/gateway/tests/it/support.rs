//! A running gateway and clients of it.
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::console::FILES;
use grange_apiserver::UserInfo;
use grange_clusters::{Directory, HooksConfig};
use grange_gateway::{Bound, CaBundle, Config, Console, Limits, Parts, TlsSource};
use grange_identity::{BootstrapOutcome, Index, Secret, TokenKind, TokenRequest};
use grange_settings::{Given, ServerUrl, Settings};
use grange_store::{Store, memory::MemoryStore};
use grange_tunnel::Registry;
use reqwest::{Certificate, Method, RequestBuilder, header};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Everything ends when this is dropped.
pub(crate) struct Gate {
    pub(crate) base: String,
    pub(crate) ca: CaBundle,
    pub(crate) identity: grange_identity::Handle,
    pub(crate) handle: grange_gateway::Handle,
    pub(crate) admin_id: String,
    pub(crate) admin: String,
    pub(crate) http: reqwest::Client,
    pub(crate) stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Gate {
    pub(crate) async fn start() -> Gate {
        Self::start_with(Limits::default()).await
    }
    pub(crate) async fn start_with(limits: Limits) -> Gate {
        let folder = tempfile::tempdir().unwrap();
        let bound = bind(folder.path(), limits).await;
        Self::start_on(folder, bound, Some(PASSWORD)).await.0
    }
    /// A server that nobody prepared, and its one-time password.
    pub(crate) async fn start_fresh() -> (Gate, String) {
        let folder = tempfile::tempdir().unwrap();
        let bound = bind(folder.path(), Limits::default()).await;
        let (gate, password) = Self::start_on(folder, bound, None).await;
        (gate, password.unwrap())
    }
    pub(crate) async fn start_without_console() -> Gate {
        let folder = tempfile::tempdir().unwrap();
        let bound = Bound::bind(Config { console: Console(&[]), ..config(folder.path(), Limits::default()) });
        let bound = bound.await.unwrap();
        Self::start_on(folder, bound, Some(PASSWORD)).await.0
    }
    async fn start_on(
        folder: tempfile::TempDir,
        bound: Bound,
        password: Option<&str>,
    ) -> (Gate, Option<String>) {
        let base = format!("https://{}", bound.address());
        let ca = bound.ca().clone();
        let stop = CancellationToken::new();

        let settings = Settings::new(Given {
            server_url: ServerUrl::parse(&base).unwrap(),
            is_server_url_chosen: false,
            ca_pem: ca.pem().to_owned(),
            version: "test".into(),
        });
        let hooks = HooksConfig {
            settings: settings.clone(),
            ca_checksum: ca.checksum(),
            directory: Directory::default(),
        };
        let index = Arc::new(Index::default());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let mut api = grange_apiserver::Config::new(store, index.clone());
        api.service_account_key = grange_apiserver::service_account::new_key();
        api.definitions = grange_clusters::definitions(&hooks).unwrap();
        api.definitions.extend(grange_identity::resources::definitions(&index).unwrap());
        api.definitions.extend(grange_settings::definitions(&settings).unwrap());
        let (api_service, apiserver) = grange_apiserver::Service::new(api);
        tokio::spawn(api_service.run(stop.clone()));
        apiserver.ready().await;

        let client = kube::Client::new(apiserver.loopback(UserInfo::loopback()), "default");
        let (setting_service, mut is_set) = grange_settings::Service::new(client.clone(), settings.clone());
        tokio::spawn(setting_service.run(stop.clone()));
        is_set.wait_for(|ready| *ready).await.unwrap();
        let (identity_service, identity) = grange_identity::Service::new(grange_identity::Config {
            client: client.clone(),
            index,
            settings: settings.clone(),
        });
        tokio::spawn(identity_service.run(stop.clone().cancelled_owned()));
        identity.ready().await;
        let outcome = identity.bootstrap(password.map(Secret::new)).await.unwrap();
        let one_time = match outcome {
            BootstrapOutcome::Created { generated_password: Some(password), .. } => {
                Some(password.expose().to_owned())
            }
            _ => None,
        };

        let registry = Registry::new("test");
        let (cluster_service, clusters) = grange_clusters::Service::new(grange_clusters::Config {
            client,
            registry: registry.clone(),
            directory: hooks.directory,
            settings: settings.clone(),
            ca_checksum: hooks.ca_checksum,
            agent_image: "grange/agent:test".into(),
            peers: None,
        });
        tokio::spawn(cluster_service.run(stop.clone()));
        let (ready, ready_seen) = watch::channel(true);
        let parts = Parts {
            settings,
            identity: identity.clone(),
            apiserver,
            imports: Arc::new(clusters),
            registry,
            ready: ready_seen,
        };
        let (service, handle) = bound.serve(parts);
        let stop_gateway = stop.clone();
        tokio::spawn(async move {
            service.run(stop_gateway).await;
            drop(ready);
        });

        let admin_id = identity.bootstrap_admin().unwrap();
        let admin = token(&identity, &admin_id).await;
        let http = client_of(&ca);
        let gate = Gate { base, ca, identity, handle, admin_id, admin, http, stop, _folder: folder };
        (gate, one_time)
    }
    /// A person without any rights, and a token.
    pub(crate) async fn nobody(&self) -> (String, String) {
        let user = self.identity.create_user("nobody", "Nobody", Secret::new(PASSWORD), false).await.unwrap();
        let token = token(&self.identity, &user.id).await;
        (user.id, token)
    }
    /// A token of a new service account of the management API.
    pub(crate) async fn service_account(&self, name: &str) -> String {
        let accounts = "/api/v1/namespaces/default/serviceaccounts";
        let made = self.post(accounts, &serde_json::json!({"metadata": {"name": name}})).await;
        assert_eq!(made.code, 201, "{}", made.text);
        let request = serde_json::json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"});
        let issued = self.post(&format!("{accounts}/{name}/token"), &request).await;
        assert_eq!(issued.code, 201, "{}", issued.text);
        issued.json()["status"]["token"].as_str().unwrap().to_owned()
    }
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }
    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path).bearer_auth(&self.admin)).await
    }
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).bearer_auth(&self.admin).json(body)).await
    }
    pub(crate) async fn stranger(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }
    pub(crate) async fn login(&self, username: &str, password: &str, response_type: &str) -> Answer {
        let body =
            serde_json::json!({"username": username, "password": password, "responseType": response_type});
        send(self.request(Method::POST, "/v3-public/localProviders/local?action=login").json(&body)).await
    }
    /// Without the client's own tidying of paths: the request line exactly as written.
    pub(crate) async fn raw(&self, request: &str) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
    /// The same, but only up to the first bytes of the answer: what is kept open does not end.
    pub(crate) async fn raw_head(&self, request: &str) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = tokio::time::timeout(DEADLINE, stream.read(&mut answer)).await.unwrap().unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }
    /// The names that the server's certificate is good for, as a client sees them.
    pub(crate) async fn certificate_names(&self) -> Vec<String> {
        let stream = self.connect().await;
        let chain = stream.get_ref().1.peer_certificates().unwrap();
        let (_, certificate) = x509_parser::parse_x509_certificate(&chain[0]).unwrap();
        let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
        let text = |name: &x509_parser::extensions::GeneralName<'_>| match name {
            x509_parser::extensions::GeneralName::DNSName(name) => (*name).to_owned(),
            x509_parser::extensions::GeneralName::IPAddress(bytes) => {
                bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
            }
            _ => String::new(),
        };
        names.iter().map(text).collect()
    }
    /// A TLS connection that speaks HTTP/1.1.
    pub(crate) async fn connect(&self) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
        use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = tokio::net::TcpStream::connect(self.handle.address()).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
    }
}

pub(crate) async fn bind(folder: &Path, limits: Limits) -> Bound {
    Bound::bind(config(folder, limits)).await.unwrap()
}

fn config(folder: &Path, limits: Limits) -> Config {
    // The port is only known after binding; the URL needs it before. So the port is found first.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Config {
        listen: ([127, 0, 0, 1], port).into(),
        server_url: ServerUrl::parse(&format!("https://127.0.0.1:{port}")).unwrap(),
        tls: TlsSource::SelfSigned { folder: folder.join("tls") },
        version: "test".into(),
        console: Console(FILES),
        limits,
    }
}

pub(crate) async fn token(identity: &grange_identity::Handle, user_id: &str) -> String {
    let request =
        TokenRequest { user_id, kind: TokenKind::Api, ttl: Duration::from_secs(3600), description: "a test" };
    identity.issue(request).await.unwrap().credential.expose().to_owned()
}

pub(crate) fn client_of(ca: &CaBundle) -> reqwest::Client {
    let certificate = Certificate::from_pem(ca.pem().as_bytes()).unwrap();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().tls_certs_only([certificate]).no_proxy().timeout(DEADLINE).build().unwrap()
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (code, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { code, headers, text: response.text().await.unwrap() }
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
