//! The running part and its handle, and logging in. What else the handle does is in `sessions.rs` (tokens) and
//! `accounts.rs` (users and passwords).
use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use grange_settings::{
    Settings,
    definition::{KUBECONFIG_TTL, SESSION_TTL},
};
use k8s_openapi::api::core::v1::Secret as SecretObject;
use kube::{Api, Client, core::DynamicObject};
use serde_json::json;
use tokio::sync::{broadcast, watch};

use crate::{
    Error, Identity, Index, IssuedToken, Revoked, Secret, TokenRequest, UserProfile,
    bootstrap::{self, BootstrapOutcome},
    objects,
    password::{self, Passwords},
    throttle::Throttle,
    token::TokenKind,
};

/// How long the token of the administrator's own kubeconfig file lasts.
pub const ADMIN_KUBECONFIG_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Longest login name that is looked at.
pub const MAX_USERNAME_BYTES: usize = 256;

/// What the service needs.
pub struct Config {
    /// The management API, acting as the system itself.
    pub client: Client,
    /// The index that the API server's authenticator shares.
    pub index: Arc<Index>,
    /// How long sessions and tokens last.
    pub settings: Settings,
}

/// The long-running part.
pub struct Service {
    handle: Handle,
    ready: watch::Sender<bool>,
}

/// The cheap cloneable handle.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    index: Arc<Index>,
    settings: Settings,
    passwords: Passwords,
    throttle: Mutex<Throttle>,
    ready: watch::Receiver<bool>,
}

/// A login attempt.
pub struct LoginRequest<'a> {
    /// The login name.
    pub username: &'a str,
    /// The password.
    pub password: Secret,
    /// What the person calls the session.
    pub description: &'a str,
    /// Where the attempt comes from.
    pub address: IpAddr,
    /// [`TokenKind::Session`], or [`TokenKind::Kubeconfig`] when a client logs in to write one.
    pub kind: TokenKind,
}

impl Service {
    /// Builds the service and its handle. Nothing runs yet.
    pub fn new(config: Config) -> (Service, Handle) {
        let (ready, ready_seen) = watch::channel(false);
        let handle = Handle {
            inner: Arc::new(Inner {
                client: config.client,
                index: config.index,
                settings: config.settings,
                passwords: Passwords::default(),
                throttle: Mutex::default(),
                ready: ready_seen,
            }),
        };
        (Service { handle: handle.clone(), ready }, handle)
    }
    /// Watches users and tokens and ends expired tokens, until `shutdown` resolves.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Service { handle, ready } = self;
        let watches = crate::watch::run(handle.inner.client.clone(), handle.inner.index.clone(), ready);
        tokio::select! {
            () = shutdown => {}
            () = watches => {}
            () = handle.sweep() => {}
        }
    }
}

impl Handle {
    /// Waits until users and tokens are known.
    pub async fn ready(&self) {
        let _ = self.inner.ready.clone().wait_for(|ready| *ready).await;
    }
    /// Whether users and tokens are known.
    pub fn is_ready(&self) -> bool {
        *self.inner.ready.borrow()
    }
    /// On the very first start makes the administrator; never again afterwards.
    pub async fn bootstrap(&self, password: Option<Secret>) -> Result<BootstrapOutcome, Error> {
        let outcome = bootstrap::run(self, password).await?;
        self.tell_first_login().await;
        Ok(outcome)
    }
    /// Whether [`Handle::bootstrap`] has been done, by this server or another.
    pub async fn is_bootstrapped(&self) -> Result<bool, Error> {
        bootstrap::is_done(self).await
    }
    /// Who presents `name:secret`.
    pub fn authenticate(&self, credential: &str) -> Option<Identity> {
        self.inner.index.authenticate(credential)
    }
    /// Whether what was opened with this token may stay open.
    pub fn is_live(&self, token: &str, user_id: &str) -> bool {
        self.inner.index.is_live(token, user_id)
    }
    /// Revocations from now on.
    pub fn revocations(&self) -> broadcast::Receiver<Revoked> {
        self.inner.index.revocations()
    }
    /// A user by id.
    pub fn user(&self, id: &str) -> Option<UserProfile> {
        self.inner.index.user(id)
    }
    /// Whether the first administrator has yet to choose a password.
    pub fn is_first_login(&self) -> bool {
        self.inner.index.is_first_login()
    }

    /// The id of the administrator of the first start, while enabled.
    pub fn bootstrap_admin(&self) -> Option<String> {
        self.inner.index.bootstrap_admin()
    }

    /// Checks name and password, and opens a session.
    pub async fn login(&self, request: LoginRequest<'_>) -> Result<IssuedToken, Error> {
        let LoginRequest { username, password, description, address, kind } = request;
        if username.len() > MAX_USERNAME_BYTES || password.expose().len() > password::MAX_LENGTH_BYTES {
            return Err(Error::Refused);
        }
        {
            let mut throttle = self.throttle();
            let now = Instant::now();
            throttle.check(username, address, now).map_err(|wait| Error::Throttled {
                retry_after_seconds: u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1),
            })?;
            throttle.failed(username, address, now);
        }
        let user_id = self.inner.index.user_id(username);
        match self.verify_password(user_id.as_deref(), password).await {
            Ok(true) => self.throttle().succeeded(username, address, Instant::now()),
            Ok(false) => {
                tracing::info!(username, %address, "login refused");
                return Err(Error::Refused);
            }
            Err(error) => {
                self.throttle().undo(username, address);
                return Err(error);
            }
        }
        let user = user_id.and_then(|id| self.user(&id)).ok_or(Error::Refused)?;
        if !user.enabled {
            return Err(Error::Disabled);
        }
        let ttl = if kind == TokenKind::Session { SESSION_TTL } else { KUBECONFIG_TTL };
        let ttl = self.inner.settings.duration(ttl);
        if kind == TokenKind::Session {
            self.end_oldest_sessions(&user.id).await?;
        }
        let token = self.issue(TokenRequest { user_id: &user.id, kind, ttl, description }).await?;
        tracing::info!(user = user.id, token = token.name, %address, "logged in");
        Ok(token)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }
    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }
    pub(crate) fn index(&self) -> &Index {
        &self.inner.index
    }
    pub(crate) fn users(&self) -> Api<DynamicObject> {
        Api::all_with(self.inner.client.clone(), &objects::user_kind())
    }
    pub(crate) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }
    pub(crate) fn tokens(&self) -> Api<DynamicObject> {
        Api::all_with(self.inner.client.clone(), &objects::token_kind())
    }
    pub(crate) fn password_secrets(&self) -> Api<SecretObject> {
        Api::namespaced(self.inner.client.clone(), objects::PASSWORD_NAMESPACE)
    }
    pub(crate) fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.inner.throttle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The one entry of `ownerReferences` that ties an object to a user.
pub(crate) fn owner(user: &UserProfile) -> serde_json::Value {
    json!([{"apiVersion": "management.cattle.io/v3", "kind": "User", "name": user.id, "uid": user.uid}])
}

pub(crate) fn dynamic(object: serde_json::Value) -> Result<DynamicObject, Error> {
    serde_json::from_value(object).map_err(|error| Error::from(kube::Error::SerdeError(error)))
}

pub(crate) fn is_status(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}
