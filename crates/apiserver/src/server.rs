//! The server: configuration, the tower service, the running parts (watch caches, RBAC, garbage collection, namespaces).
use std::sync::Arc;

use grange_store::Store;

use crate::{
    Authorizer, Body, Resource, TokenAuthenticator, UserInfo,
    resource::{Subresource, VirtualResource},
};

/// What the server serves and how.
pub struct Config {
    /// Where objects live.
    pub store: Arc<dyn Store>,
    /// The resources beside the built-in ones (namespaces, secrets, configmaps, serviceaccounts, events, leases, RBAC kinds are built in).
    pub resources: Vec<Resource>,
    /// More create-only resources.
    pub virtual_resources: Vec<Arc<dyn VirtualResource>>,
    /// More subresources.
    pub subresources: Vec<Arc<dyn Subresource>>,
    /// Who bearer tokens are.
    pub authenticator: Arc<dyn TokenAuthenticator>,
    /// `gitVersion` of `/version`, such as `v1.36.0+grange`.
    pub version: String,
    /// Key of service-account tokens (PKCS#8 ECDSA P-256 DER); `None` issues none.
    pub service_account_key: Option<Vec<u8>>,
}

/// The long-running parts; [`Service::run`] until shutdown.
pub struct Service {
    _private: (),
}

/// The cheap cloneable handle.
#[derive(Clone)]
pub struct Handle {
    _private: (),
}

impl Service {
    /// Builds the server and its handle. Nothing runs yet.
    pub fn new(config: Config) -> (Service, Handle) {
        let _ = config;
        todo!()
    }
    /// Runs caches and controllers until `shutdown` resolves.
    pub async fn run(self, shutdown: tokio_util::sync::CancellationToken) {
        let _ = shutdown;
        todo!()
    }
}

impl Handle {
    /// Waits until caches are filled and requests are answered truthfully.
    pub async fn ready(&self) {
        todo!()
    }
    /// Answers one HTTP request. Never fails: errors are `Status` responses. A [`UserInfo`] in the extensions is trusted.
    pub async fn call(&self, request: http::Request<Body>) -> http::Response<Body> {
        let _ = request;
        todo!()
    }
    /// A tower service that acts as `user`, for `kube::Client::new(handle.loopback(user), "default")`.
    pub fn loopback(&self, user: UserInfo) -> Loopback {
        Loopback { handle: self.clone(), user }
    }
    /// The one decision point.
    pub fn authorizer(&self) -> Arc<dyn Authorizer> {
        todo!()
    }
}

/// The in-process client transport; implements `tower::Service<http::Request<B>>` for any body.
#[derive(Clone)]
pub struct Loopback {
    #[allow(dead_code)]
    handle: Handle,
    #[allow(dead_code)]
    user: UserInfo,
}
