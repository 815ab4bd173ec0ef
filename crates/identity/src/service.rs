//! The running part and its handle: logging in, issuing and revoking tokens, changing passwords.
use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::Engine as _;
use grange_apimachinery::time::rfc3339;
use grange_resources::management::Setting;
use grange_settings::{
    Settings,
    definition::{FIRST_LOGIN, KUBECONFIG_TTL, SESSION_TTL},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, api::core::v1::Secret as SecretObject};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::DynamicObject,
};
use serde_json::json;
use tokio::sync::{broadcast, watch};

use crate::{
    Error, Identity, Index, Revoked, Secret, TokenSummary, UserProfile,
    bootstrap::{self, BootstrapOutcome},
    objects::{self, NewToken, TokenRecord, UserRecord},
    password::{self, Passwords},
    secret::{TOKEN_SECRET_LENGTH, random_symbols},
    throttle::Throttle,
    token::{TokenHash, TokenKind, wire_form},
};

/// How long the token of the administrator's own kubeconfig file lasts.
pub const ADMIN_KUBECONFIG_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Sessions a user may have; a further login ends the oldest.
pub const MAX_SESSIONS_PER_USER: usize = 256;
/// Longest login name that is looked at.
pub const MAX_USERNAME_BYTES: usize = 256;
/// Longest token description kept.
pub const MAX_DESCRIPTION_BYTES: usize = 1024;

const NAME_ATTEMPTS: usize = 8;

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

/// A token to be made.
pub struct TokenRequest<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// What for.
    pub kind: TokenKind,
    /// How long it lives.
    pub ttl: Duration,
    /// What it is called.
    pub description: &'a str,
}

/// A fresh token; the only time its secret is seen.
pub struct IssuedToken {
    /// The Token object's name.
    pub name: String,
    /// `name:secret`.
    pub credential: Secret,
    /// When it ends.
    pub expires_at: String,
    /// Whose it is.
    pub user_id: String,
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
        self.tell_first_login().await?;
        Ok(outcome)
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

    /// Makes a token.
    pub async fn issue(&self, request: TokenRequest<'_>) -> Result<IssuedToken, Error> {
        let user = self.user(request.user_id).ok_or_else(|| Error::NoSuchUser(request.user_id.to_owned()))?;
        let secret = Secret::generate(TOKEN_SECRET_LENGTH);
        let ttl = SignedDuration::try_from(request.ttl).unwrap_or(SignedDuration::ZERO);
        let expires_at = rfc3339(Timestamp::now() + ttl);
        let api = self.tokens();
        let mut attempt = 0;
        let created = loop {
            let name = match request.kind {
                TokenKind::Kubeconfig => format!("kubeconfig-{}{}", user.id, random_symbols(5)),
                _ => format!("token-{}", random_symbols(5)),
            };
            let mut object = NewToken {
                name: &name,
                user_id: &user.id,
                username: &user.username,
                hash: TokenHash::of(&name, secret.expose()),
                kind: request.kind,
                ttl_ms: i64::try_from(request.ttl.as_millis()).unwrap_or(i64::MAX),
                expires_at: &expires_at,
                description: clip(request.description, MAX_DESCRIPTION_BYTES),
            }
            .to_object();
            // With its owner gone the token goes too.
            object["metadata"]["ownerReferences"] = owner(&user);
            match api.create(&PostParams::default(), &dynamic(object)?).await {
                Ok(created) => break created,
                Err(error) if is_status(&error, 409) && attempt < NAME_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        };
        let name = created.metadata.name.clone().unwrap_or_default();
        if let Some(record) = TokenRecord::read(&created) {
            self.inner.index.apply_token(record, true);
        }
        Ok(IssuedToken { credential: wire_form(&name, &secret), name, expires_at, user_id: user.id })
    }

    /// Ends a token at once, here and in the management API.
    pub async fn revoke(&self, token: &str) -> Result<(), Error> {
        self.inner.index.remove_token(token);
        match self.tokens().delete(token, &DeleteParams::default()).await {
            Err(error) if !is_status(&error, 404) => Err(error.into()),
            _ => Ok(()),
        }
    }
    /// Ends every token of a user.
    pub async fn revoke_all(&self, user_id: &str) -> Result<(), Error> {
        for token in self.inner.index.tokens_of(user_id) {
            self.revoke(&token.name).await?;
        }
        Ok(())
    }
    /// A user's tokens, oldest first.
    pub fn tokens_of(&self, user_id: &str) -> Vec<TokenSummary> {
        self.inner.index.tokens_of(user_id)
    }
    /// Notes that the person behind a session did something.
    pub fn note_activity(&self, token: &str) {
        self.inner.index.note_activity(token);
    }

    /// Changes one's own password: the present one has to be given, and guessing it is throttled like a login. Every
    /// session but `token`, with which this is asked, ends.
    pub async fn change_password(
        &self,
        user_id: &str,
        current: Secret,
        new: Secret,
        address: IpAddr,
        token: &str,
    ) -> Result<(), Error> {
        let user = self.user(user_id).ok_or_else(|| Error::NoSuchUser(user_id.to_owned()))?;
        password::check_rules(&user.username, &new)?;
        if current == new {
            return Err(Error::PasswordRule("The new password must not be the same as the current password"));
        }
        {
            let mut throttle = self.throttle();
            let now = Instant::now();
            throttle.check(&user.username, address, now).map_err(|wait| Error::Throttled {
                retry_after_seconds: u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1),
            })?;
            throttle.failed(&user.username, address, now);
        }
        if !self.verify_password(Some(user_id), current).await? {
            return Err(Error::Refused);
        }
        self.throttle().succeeded(&user.username, address, Instant::now());
        self.set_password(user_id, new, token).await
    }
    /// Sets a password without asking for the present one; the caller has authorized it. Every session of the user but
    /// `token` ends: whoever knew the old password is out. Tokens for scripts stay.
    pub async fn set_password(&self, user_id: &str, new: Secret, token: &str) -> Result<(), Error> {
        let user = self.user(user_id).ok_or_else(|| Error::NoSuchUser(user_id.to_owned()))?;
        password::check_rules(&user.username, &new)?;
        self.store_password(&user, new).await?;
        let patch = Patch::Merge(json!({"mustChangePassword": false}));
        let changed = self.users().patch(user_id, &PatchParams::default(), &patch).await?;
        if let Some(record) = UserRecord::read(&changed) {
            self.inner.index.apply_user(record);
        }
        for session in self.inner.index.sessions_of(user_id).iter().filter(|session| *session != token) {
            self.revoke(session).await?;
        }
        if user.is_bootstrap_admin {
            self.tell_first_login().await?;
        }
        Ok(())
    }
    /// Makes a local user with a password.
    pub async fn create_user(
        &self,
        username: &str,
        display_name: &str,
        password: Secret,
        must_change_password: bool,
    ) -> Result<UserProfile, Error> {
        password::check_rules(username, &password)?;
        let user = self
            .create_user_object(json!({
                "metadata": {"generateName": "u-"},
                "username": username,
                "displayName": display_name,
                "mustChangePassword": must_change_password,
                "enabled": true,
            }))
            .await?;
        self.store_password(&user, password).await?;
        Ok(user)
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
    pub(crate) fn tokens(&self) -> Api<DynamicObject> {
        Api::all_with(self.inner.client.clone(), &objects::token_kind())
    }
    fn password_secrets(&self) -> Api<SecretObject> {
        Api::namespaced(self.inner.client.clone(), objects::PASSWORD_NAMESPACE)
    }
    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.inner.throttle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Creates a User and takes it into the index.
    pub(crate) async fn create_user_object(
        &self,
        mut object: serde_json::Value,
    ) -> Result<UserProfile, Error> {
        object["apiVersion"] = json!("management.cattle.io/v3");
        object["kind"] = json!("User");
        let mut created = self.users().create(&PostParams::default(), &dynamic(object)?).await?;
        let id = created.metadata.name.clone().unwrap_or_default();
        if created.data.get("principalIds").and_then(|ids| ids.as_array()).is_none_or(Vec::is_empty) {
            let patch = Patch::Merge(json!({"principalIds": [format!("local://{id}")]}));
            created = self.users().patch(&id, &PatchParams::default(), &patch).await?;
        }
        if let Some(record) = UserRecord::read(&created) {
            self.inner.index.apply_user(record);
        }
        self.user(&id).ok_or(Error::NoSuchUser(id))
    }
    /// Writes the password Secret, over an older one if there is one.
    pub(crate) async fn store_password(&self, user: &UserProfile, password: Secret) -> Result<(), Error> {
        let hash = self.inner.passwords.hash(password).await?;
        let encoded = base64::engine::general_purpose::STANDARD.encode(hash);
        let object: SecretObject = serde_json::from_value(json!({
            "metadata": {
                "name": user.id,
                "namespace": objects::PASSWORD_NAMESPACE,
                "annotations": {objects::PASSWORD_HASH_ANNOTATION: objects::PASSWORD_HASH_KIND},
                "ownerReferences": owner(user),
            },
            "type": "Opaque",
            "data": {objects::PASSWORD_KEY: encoded},
        }))
        .map_err(|error| Error::PasswordHash(error.to_string()))?;
        let api = self.password_secrets();
        match api.create(&PostParams::default(), &object).await {
            Err(error) if is_status(&error, 409) => {
                let patch = Patch::Merge(json!({
                    "metadata": {"annotations": {objects::PASSWORD_HASH_ANNOTATION: objects::PASSWORD_HASH_KIND}},
                    "data": {objects::PASSWORD_KEY: encoded},
                }));
                api.patch(&user.id, &PatchParams::default(), &patch).await?;
                Ok(())
            }
            other => other.map(drop).map_err(Error::from),
        }
    }
    async fn verify_password(&self, user_id: Option<&str>, password: Secret) -> Result<bool, Error> {
        // The read is made for unknown users too: equal work.
        let name = user_id.unwrap_or("unknown-user");
        let secret = self.password_secrets().get_opt(name).await?;
        let stored = secret
            .filter(|_| user_id.is_some())
            .and_then(|secret| secret.data)
            .and_then(|mut data| data.remove(objects::PASSWORD_KEY))
            .and_then(|ByteString(bytes)| String::from_utf8(bytes).ok());
        match self.inner.passwords.verify(password, stored).await {
            // A Secret that somebody wrote by hand and that holds no hash opens nothing.
            Err(Error::PasswordHash(reason)) => {
                tracing::warn!(user = name, reason, "the stored password hash cannot be read");
                Ok(false)
            }
            other => other,
        }
    }
    /// Keeps the setting `first-login` true to what is so.
    async fn tell_first_login(&self) -> Result<(), Error> {
        let api: Api<Setting> = Api::all(self.inner.client.clone());
        let value = self.is_first_login().to_string();
        let patch = Patch::Merge(json!({"value": value, "source": "db"}));
        match api.patch(FIRST_LOGIN, &PatchParams::default(), &patch).await {
            Ok(object) => self.inner.settings.apply(&object),
            // The settings are on their way; the next start tells.
            Err(error) if is_status(&error, 404) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
    async fn end_oldest_sessions(&self, user_id: &str) -> Result<(), Error> {
        let sessions = self.inner.index.sessions_of(user_id);
        let surplus = (sessions.len() + 1).saturating_sub(MAX_SESSIONS_PER_USER);
        for token in &sessions[..surplus] {
            self.revoke(token).await?;
        }
        Ok(())
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

fn clip(text: &str, limit_bytes: usize) -> &str {
    let mut end = text.len().min(limit_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
