//! An identity service over an API server whose store outlives both.
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use grange_apiserver::UserInfo;
use grange_identity::{
    Config, Error, Handle, Index, IssuedToken, LoginRequest, Secret, Service, TokenKind, TokenRequest,
};
use grange_settings::{Given, ServerUrl, Settings};
use grange_store::{ListRequest, Store, memory::MemoryStore};
use kube::{
    Api, Client,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use tokio_util::sync::CancellationToken;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// How long something that must happen may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A server's parts that this crate needs; they end when it is dropped.
pub(crate) struct Realm {
    pub(crate) identity: Handle,
    /// The management API as the system.
    pub(crate) client: Client,
    pub(crate) apiserver: grange_apiserver::Handle,
    pub(crate) settings: Settings,
    store: Arc<dyn Store>,
    stop: CancellationToken,
}

impl Drop for Realm {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Realm {
    /// Nothing was ever started here.
    pub(crate) async fn empty() -> Realm {
        Realm::over(Arc::new(MemoryStore::default())).await
    }
    /// A first start with [`PASSWORD`] lies behind.
    pub(crate) async fn started() -> Realm {
        let realm = Realm::empty().await;
        realm.identity.bootstrap(Some(Secret::new(PASSWORD))).await.unwrap();
        realm
    }
    /// The process ends and another one starts on the same data.
    pub(crate) async fn restart(self) -> Realm {
        Realm::over(self.store.clone()).await
    }

    async fn over(store: Arc<dyn Store>) -> Realm {
        let stop = CancellationToken::new();
        let index = Arc::new(Index::default());
        let settings = Settings::new(Given {
            server_url: ServerUrl::parse("https://grange.example.org").unwrap(),
            is_server_url_chosen: true,
            ca_pem: String::new(),
            version: "test".into(),
        });
        let mut config = grange_apiserver::Config::new(store.clone(), index.clone());
        config.definitions = grange_identity::resources::definitions(&index).unwrap();
        config.definitions.extend(grange_settings::definitions(&settings).unwrap());
        let (service, apiserver) = grange_apiserver::Service::new(config);
        tokio::spawn(service.run(stop.clone()));
        apiserver.ready().await;
        let client = Client::new(apiserver.loopback(UserInfo::loopback()), "default");
        let (service, mut is_set) = grange_settings::Service::new(client.clone(), settings.clone());
        tokio::spawn(service.run(stop.clone()));
        is_set.wait_for(|ready| *ready).await.unwrap();
        let (service, identity) =
            Service::new(Config { client: client.clone(), index, settings: settings.clone() });
        tokio::spawn(service.run(stop.clone().cancelled_owned()));
        identity.ready().await;
        Realm { identity, client, apiserver, settings, store, stop }
    }

    /// The id of the first administrator.
    pub(crate) fn admin(&self) -> String {
        self.identity.bootstrap_admin().expect("an administrator")
    }
    pub(crate) async fn login(&self, username: &str, password: &str) -> Result<IssuedToken, Error> {
        self.login_from(username, password, 1).await
    }
    /// A login from the address with this number.
    pub(crate) async fn login_from(
        &self,
        username: &str,
        password: &str,
        address: u32,
    ) -> Result<IssuedToken, Error> {
        let request = LoginRequest {
            username,
            password: Secret::new(password),
            description: "a test",
            address: IpAddr::from(Ipv4Addr::from(0x0a00_0000 + address)),
            kind: TokenKind::Session,
        };
        self.identity.login(request).await
    }
    /// A token for a user, and its credential.
    pub(crate) async fn issue(&self, user_id: &str, kind: TokenKind, ttl: Duration) -> (String, String) {
        let request = TokenRequest { user_id, kind, ttl, description: "a test" };
        let token = self.identity.issue(request).await.unwrap();
        (token.name, token.credential.expose().to_owned())
    }
    pub(crate) fn opens(&self, credential: &str) -> bool {
        self.identity.authenticate(credential).is_some()
    }
    /// Objects of `management.cattle.io/v3`.
    pub(crate) fn objects(&self, kind: &str, plural: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("management.cattle.io", "v3", kind);
        Api::all_with(self.client.clone(), &ApiResource::from_gvk_with_plural(&kind, plural))
    }
    pub(crate) fn users(&self) -> Api<DynamicObject> {
        self.objects("User", "users")
    }
    pub(crate) fn tokens(&self) -> Api<DynamicObject> {
        self.objects("Token", "tokens")
    }
    /// Everything that is stored, as text.
    pub(crate) async fn stored(&self) -> String {
        let everything = ListRequest { prefix: "", ..ListRequest::default() };
        let page = self.store.list(everything).await.unwrap();
        page.entries.iter().map(|entry| String::from_utf8_lossy(&entry.value).into_owned()).collect()
    }
}

/// Looks again and again until the condition holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < DEADLINE, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The error of a login that must not succeed.
pub(crate) fn refused(result: Result<IssuedToken, Error>) -> Error {
    match result {
        Ok(token) => panic!("logged in with {}", token.name),
        Err(error) => error,
    }
}
