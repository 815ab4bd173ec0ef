//! The server: configuration, the tower service, the running parts (RBAC cache, garbage collection, namespaces).
use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture};
use grange_apimachinery::{Status, definition};
use grange_store::{Entry, Precondition, Store, StoreError};
use http_body_util::BodyExt as _;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Authorizer, Body, Resource, TokenAuthenticator, UserInfo,
    authentication::Authenticated,
    body::BodyError,
    bootstrap, builtin,
    definitions::{self, Definitions, OwnDefinition},
    fairness::{Fairness, OwnRequest},
    garbage,
    limits::MAX_WATCHES,
    namespaces::{self, NamespaceGuards},
    openapi, pipeline,
    quota::{self, Quotas},
    rbac,
    rbac::RbacAuthorizer,
    registry::{Registry, Served},
    resource::{Subresource, VirtualResource},
    reviews,
    service_account::{self, TokenIssuer},
};

/// What the server serves and how.
pub struct Config {
    /// Where objects live.
    pub store: Arc<dyn Store>,
    /// The resources beside the built-in ones (namespaces, secrets, configmaps, serviceaccounts, events, leases, RBAC kinds are built in).
    pub resources: Vec<Resource>,
    /// The custom resources that the program brings along; they are served like everybody's.
    pub definitions: Vec<OwnDefinition>,
    /// More create-only resources.
    pub virtual_resources: Vec<Arc<dyn VirtualResource>>,
    /// More subresources.
    pub subresources: Vec<Arc<dyn Subresource>>,
    /// Who bearer tokens are.
    pub authenticator: Arc<dyn TokenAuthenticator>,
    /// Asked before RBAC; what it allows is allowed, what it does not is decided by RBAC.
    pub authorizer: Option<Arc<dyn Authorizer>>,
    /// `gitVersion` of `/version`, such as `v1.36.0+grange`.
    pub version: String,
    /// Key of service-account tokens (PKCS#8 ECDSA P-256 DER); `None` issues none.
    pub service_account_key: Option<Vec<u8>>,
    /// The PEM certificates of the CA by which clients know this server; put into `kube-root-ca.crt` of every namespace.
    pub ca_pem: Option<String>,
    /// Whether this process runs the controllers now, where several processes share the store; `None` always does.
    pub leading: Option<watch::Receiver<bool>>,
}

impl Config {
    /// The built-in resources only, over a store.
    pub fn new(store: Arc<dyn Store>, authenticator: Arc<dyn TokenAuthenticator>) -> Self {
        Config {
            store,
            resources: Vec::new(),
            definitions: Vec::new(),
            virtual_resources: Vec::new(),
            subresources: Vec::new(),
            authenticator,
            authorizer: None,
            version: "v1.36.0+grange".into(),
            service_account_key: None,
            ca_pem: None,
            leading: None,
        }
    }
}

/// What every request and controller shares.
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) registry: ArcSwap<Registry>,
    pub(crate) authenticator: Arc<dyn TokenAuthenticator>,
    pub(crate) rbac: Arc<RbacAuthorizer>,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) issuer: Option<TokenIssuer>,
    pub(crate) version: String,
    pub(crate) ca_pem: Option<String>,
    pub(crate) watches: Arc<Semaphore>,
    pub(crate) fairness: Fairness,
    pub(crate) shutdown: CancellationToken,
    pub(crate) namespaces: NamespaceGuards,
    pub(crate) quotas: Quotas,
    pub(crate) definitions: Definitions,
    pub(crate) ready: watch::Sender<bool>,
    pub(crate) panics: AtomicU64,
    pub(crate) openapi: Mutex<openapi::Cache>,
}

impl Inner {
    /// Writes a key; RBAC decisions that follow see it.
    pub(crate) async fn put(
        &self,
        served: &Served,
        key: &str,
        value: Bytes,
        precondition: Precondition,
    ) -> Result<Entry, StoreError> {
        let entry = self.store.put(key, value, precondition).await?;
        self.observe(served, &entry, false);
        Ok(entry)
    }
    /// Deletes a key; RBAC decisions that follow see it.
    pub(crate) async fn delete_key(
        &self,
        served: &Served,
        key: &str,
        precondition: Precondition,
    ) -> Result<Entry, StoreError> {
        let entry = self.store.delete(key, precondition).await?;
        self.observe(served, &entry, true);
        Ok(entry)
    }
    /// What the server itself goes by is in force before the writer gets its answer.
    fn observe(&self, served: &Served, entry: &Entry, deleted: bool) {
        match served.resource.group.as_str() {
            rbac::GROUP => self.rbac.mirror().observe(entry, deleted),
            "" => self.quotas.observe(&served.resource.plural, entry, deleted),
            definition::GROUP => self.definitions.observe(self, entry, deleted),
            _ => {}
        }
    }
    /// A stored built-in resource.
    pub(crate) fn builtin(&self, group: &str, plural: &str) -> Result<Arc<Served>, Status> {
        self.registry
            .load()
            .storage(group, plural)
            .cloned()
            .ok_or_else(|| Status::internal(format!("{plural} are not served")))
    }
}

/// The configured authorizer first, then RBAC.
struct Union {
    first: Arc<dyn Authorizer>,
    rbac: Arc<RbacAuthorizer>,
}

impl Authorizer for Union {
    fn authorize(&self, attributes: &crate::Attributes<'_>) -> crate::Decision {
        let decision = self.first.authorize(attributes);
        if decision.allowed { decision } else { self.rbac.authorize(attributes) }
    }
}

/// The long-running parts; [`Service::run`] until shutdown.
pub struct Service {
    inner: Arc<Inner>,
    leading: Option<watch::Receiver<bool>>,
}

/// The cheap cloneable handle.
#[derive(Clone)]
pub struct Handle {
    pub(crate) inner: Arc<Inner>,
}

impl Service {
    /// Builds the server and its handle. Nothing runs yet.
    pub fn new(config: Config) -> (Service, Handle) {
        let rbac = Arc::new(RbacAuthorizer::default());
        let authorizer: Arc<dyn Authorizer> = match config.authorizer {
            Some(first) => Arc::new(Union { first, rbac: rbac.clone() }),
            None => rbac.clone(),
        };
        let mut registry = Registry::default();
        for resource in builtin::resources(&rbac, &authorizer) {
            registry.add(resource, true);
        }
        registry.add_translated(builtin::events::newer(), ("", "events"), builtin::events::NAMES);
        registry.add(definitions::resource(&config.definitions), true);
        for resource in config.resources {
            registry.add(resource, false);
        }
        for resource in config.virtual_resources {
            registry.add_virtual(resource);
        }
        for subresource in config.subresources {
            registry.add_subresource(subresource);
        }
        let inner = Arc::new(Inner {
            store: config.store,
            registry: ArcSwap::from_pointee(Registry::default()),
            authenticator: config.authenticator,
            rbac,
            authorizer,
            issuer: config.service_account_key.as_deref().and_then(TokenIssuer::new),
            version: config.version,
            ca_pem: config.ca_pem,
            watches: Arc::new(Semaphore::new(MAX_WATCHES)),
            fairness: Fairness::default(),
            shutdown: CancellationToken::new(),
            namespaces: NamespaceGuards::default(),
            quotas: Quotas::default(),
            definitions: Definitions::new(config.definitions),
            ready: watch::Sender::new(false),
            panics: AtomicU64::new(0),
            openapi: Mutex::default(),
        });
        for review in reviews::all(&Arc::downgrade(&inner)) {
            registry.add_virtual(review);
        }
        if inner.issuer.is_some() {
            registry.add_subresource(service_account::token_subresource(&Arc::downgrade(&inner)));
        }
        inner.registry.store(Arc::new(registry));
        (Service { inner: inner.clone(), leading: config.leading }, Handle { inner })
    }
    /// Runs caches and controllers until `shutdown` resolves.
    pub async fn run(self, shutdown: CancellationToken) {
        let inner = self.inner;
        let stop = inner.shutdown.clone();
        let inner_ref = &*inner;
        let controllers = || async move {
            tokio::join!(
                namespaces::run(inner_ref),
                garbage::run(inner_ref),
                quota::run(inner_ref),
                rbac::run_aggregation(inner_ref)
            );
        };
        let parts = async {
            tokio::join!(
                inner.rbac.mirror().run(inner.store.as_ref()),
                inner.quotas.run(inner.store.as_ref()),
                bootstrap::run(&inner),
                // What is served, at each server.
                definitions::run(&inner),
                while_leading(self.leading, controllers)
            )
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = parts => {}
        }
        stop.cancel();
        inner.ready.send_replace(false);
    }
}

impl Handle {
    /// Waits until caches are filled and requests are answered truthfully.
    pub async fn ready(&self) {
        // The sender lives in `inner`, so waiting cannot fail.
        let _ = self.inner.ready.subscribe().wait_for(|ready| *ready).await;
    }
    /// Answers one HTTP request. Never fails: errors are `Status` responses. A [`UserInfo`] in the extensions is trusted.
    pub async fn call(&self, request: http::Request<Body>) -> http::Response<Body> {
        pipeline::call(&self.inner, request).await
    }
    /// A tower service that acts as `user`, for `kube::Client::new(handle.loopback(user), "default")`.
    pub fn loopback(&self, user: UserInfo) -> Loopback {
        Loopback { handle: self.clone(), user: Arc::new(user) }
    }
    /// The one decision point.
    pub fn authorizer(&self) -> Arc<dyn Authorizer> {
        self.inner.authorizer.clone()
    }
    /// Adds or replaces a resource while the server runs (custom resource definitions, say).
    pub fn add_resource(&self, resource: Resource) {
        self.inner.registry.rcu(|registry| {
            let mut registry = Registry::clone(registry);
            registry.add(resource.clone(), false);
            registry
        });
    }
    /// Stops serving a resource in one version; its stored objects stay. Says whether it was there.
    pub fn remove_resource(&self, group: &str, version: &str, plural: &str) -> bool {
        let mut removed = false;
        self.inner.registry.rcu(|registry| {
            let mut registry = Registry::clone(registry);
            removed = registry.remove(group, version, plural);
            registry
        });
        removed
    }
    /// Adds a subresource while the server runs.
    pub fn add_subresource(&self, subresource: Arc<dyn Subresource>) {
        self.inner.registry.rcu(|registry| {
            let mut registry = Registry::clone(registry);
            registry.add_subresource(subresource.clone());
            registry
        });
    }
    /// A token of a service account, as the TokenRequest API would issue it. Errors: no key is configured, or the
    /// account does not exist.
    pub async fn issue_service_account_token(
        &self,
        namespace: &str,
        name: &str,
        audiences: &[String],
        lifetime: Duration,
    ) -> Result<String, Status> {
        service_account::issue(&self.inner, namespace, name, audiences, lifetime)
            .await
            .map(|issued| issued.token)
    }
    /// The service account whose token this is; `None` for every other token, and for one that is for others, has
    /// expired, or belongs to an account that is gone. Errors: 503, or what else the store fails with.
    pub async fn service_account(&self, token: &str) -> Result<Option<UserInfo>, Status> {
        let found = service_account::verify(&self.inner, token).await?;
        Ok(found.and_then(Authenticated::for_us))
    }
    /// Whether the store answers with its present state; if not, what is wrong with it. Errors: 503, or what else the
    /// store fails with.
    pub async fn check_store(&self) -> Result<(), Status> {
        self.inner.store.revision().await.map(|_| ()).map_err(crate::response::store_error)
    }
    /// How many handlers panicked (each was answered 500 and logged).
    pub fn panics(&self) -> u64 {
        self.inner.panics.load(Ordering::Relaxed)
    }
    /// How many watches are open.
    pub fn open_watches(&self) -> usize {
        MAX_WATCHES - self.inner.watches.available_permits()
    }
}

/// Runs something for as long as this process leads, again and again; `None` always does.
async fn while_leading<F>(leading: Option<watch::Receiver<bool>>, run: impl Fn() -> F)
where
    F: Future<Output = ()>,
{
    let Some(mut leading) = leading else { return run().await };
    // An error says that nobody tells any more: then this process leads no more.
    while leading.wait_for(|leads| *leads).await.is_ok() {
        tokio::select! {
            () = run() => {}
            _ = leading.wait_for(|leads| !leads) => {}
        }
    }
}

/// Any request body as ours; it is read only when a handler asks for it.
fn convert<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    if body.is_end_stream() {
        return Body::Empty;
    }
    let frames = http_body_util::BodyStream::new(body.map_err(Into::into));
    Body::Stream(
        frames
            .filter_map(|frame| std::future::ready(frame.map(|frame| frame.into_data().ok()).transpose()))
            .boxed(),
    )
}

impl<B> tower::Service<http::Request<B>> for Handle
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let handle = self.clone();
        let request = request.map(convert);
        Box::pin(async move { Ok(Handle::call(&handle, request).await) })
    }
}

/// The in-process client transport; implements `tower::Service<http::Request<B>>` for any body.
#[derive(Clone)]
pub struct Loopback {
    handle: Handle,
    user: Arc<UserInfo>,
}

impl<B> tower::Service<http::Request<B>> for Loopback
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        request.extensions_mut().insert(UserInfo::clone(&self.user));
        request.extensions_mut().insert(OwnRequest);
        // What our own controllers change they own by this name, unless they give another.
        let agent = http::HeaderValue::from_static(crate::write::OWN_MANAGER);
        request.headers_mut().entry(http::header::USER_AGENT).or_insert(agent);
        tower::Service::call(&mut self.handle, request)
    }
}
