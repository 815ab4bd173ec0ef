//! How users and tokens look as objects of the management API (Rancher's field names, fields at the top level).
use jiff::Timestamp;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use crate::token::{TokenHash, TokenKind};

/// The API group.
pub(crate) const GROUP: &str = "management.cattle.io";
/// Namespace of the password Secrets.
pub(crate) const PASSWORD_NAMESPACE: &str = "cattle-local-user-passwords";
/// Key of the password hash in its Secret.
pub(crate) const PASSWORD_KEY: &str = "password";
/// Says how the password is hashed.
pub(crate) const PASSWORD_HASH_ANNOTATION: &str = "cattle.io/password-hash";
/// The value for our hashes.
pub(crate) const PASSWORD_HASH_KIND: &str = "argon2id";
/// Marks the first administrator.
pub(crate) const BOOTSTRAP_LABEL: &str = "authz.management.cattle.io/bootstrapping";
/// Value of [`BOOTSTRAP_LABEL`].
pub(crate) const BOOTSTRAP_ADMIN: &str = "admin-user";
/// Whose token it is.
pub(crate) const TOKEN_USER_LABEL: &str = "authn.management.cattle.io/token-userId";
/// What the token is for.
pub(crate) const TOKEN_KIND_LABEL: &str = "authn.management.cattle.io/kind";
/// Says that `token` holds a hash.
pub(crate) const TOKEN_HASHED_ANNOTATION: &str = "authn.management.cattle.io/token-hashed";

/// The User kind.
pub(crate) fn user_kind() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, "v3", "User"), "users")
}
/// The Token kind.
pub(crate) fn token_kind() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, "v3", "Token"), "tokens")
}

/// What is kept of a User.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UserRecord {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) username: String,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) enabled: bool,
    pub(crate) must_change_password: bool,
    pub(crate) principal_ids: Vec<String>,
    pub(crate) is_bootstrap_admin: bool,
    pub(crate) created: String,
}

impl UserRecord {
    pub(crate) fn read(object: &DynamicObject) -> Option<Self> {
        let name = object.metadata.name.clone()?;
        let text = |key: &str| object.data.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut principal_ids: Vec<String> = object
            .data
            .get("principalIds")
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default();
        let local = format!("local://{name}");
        if !principal_ids.contains(&local) {
            principal_ids.push(local);
        }
        Some(UserRecord {
            uid: object.metadata.uid.clone().unwrap_or_default(),
            username: text("username"),
            display_name: text("displayName"),
            description: text("description"),
            // Absent means enabled, as in Rancher.
            enabled: object.data.get("enabled").and_then(Value::as_bool).unwrap_or(true)
                && object.metadata.deletion_timestamp.is_none(),
            must_change_password: object
                .data
                .get("mustChangePassword")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            principal_ids,
            is_bootstrap_admin: label(object, BOOTSTRAP_LABEL) == Some(BOOTSTRAP_ADMIN),
            created: created(object),
            name,
        })
    }
}

/// What is kept of a Token.
#[derive(Clone)]
pub(crate) struct TokenRecord {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) user_id: String,
    /// The uid of the User that owns it; empty if none does.
    pub(crate) user_uid: String,
    pub(crate) hash: Option<TokenHash>,
    pub(crate) enabled: bool,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) kind: TokenKind,
    pub(crate) created: Option<Timestamp>,
    pub(crate) cluster_name: String,
    pub(crate) description: String,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) last_active_at: Option<Timestamp>,
}

impl TokenRecord {
    pub(crate) fn read(object: &DynamicObject) -> Option<Self> {
        let name = object.metadata.name.clone()?;
        let text = |key: &str| object.data.get(key).and_then(Value::as_str).unwrap_or_default();
        let expires_text = text("expiresAt");
        let expires_at = expires_text.parse().ok();
        // An expiry that cannot be read must not mean "never".
        let is_readable = expires_text.is_empty() || expires_at.is_some();
        Some(TokenRecord {
            uid: object.metadata.uid.clone().unwrap_or_default(),
            user_id: text("userId").to_owned(),
            user_uid: owner_uid(object).unwrap_or_default().to_owned(),
            hash: TokenHash::from_stored(text("token")),
            enabled: object.data.get("enabled").and_then(Value::as_bool).unwrap_or(true)
                && object.metadata.deletion_timestamp.is_none()
                && is_readable,
            expires_at,
            kind: TokenKind::from_label(label(object, TOKEN_KIND_LABEL)),
            created: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
            cluster_name: text("clusterName").to_owned(),
            description: text("description").to_owned(),
            last_used_at: text("lastUsedAt").parse().ok(),
            last_active_at: text("activityLastSeenAt").parse().ok(),
            name,
        })
    }
}

/// What a new Token object holds.
pub(crate) struct NewToken<'a> {
    pub(crate) name: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) username: &'a str,
    pub(crate) hash: TokenHash,
    pub(crate) kind: TokenKind,
    pub(crate) ttl_ms: i64,
    pub(crate) expires_at: &'a str,
    pub(crate) description: &'a str,
}

impl NewToken<'_> {
    pub(crate) fn to_object(&self) -> Value {
        json!({
            "apiVersion": "management.cattle.io/v3",
            "kind": "Token",
            "metadata": {
                "name": self.name,
                "labels": {TOKEN_USER_LABEL: self.user_id, TOKEN_KIND_LABEL: self.kind.as_str()},
                "annotations": {TOKEN_HASHED_ANNOTATION: "true"},
            },
            "token": self.hash.to_stored(),
            "userId": self.user_id,
            "userPrincipal": {"metadata": {"name": format!("local://{}", self.user_id)}, "loginName": self.username, "provider": "local", "principalType": "user"},
            "authProvider": "local",
            "ttl": self.ttl_ms,
            "expiresAt": self.expires_at,
            "isDerived": self.kind != TokenKind::Session,
            "description": self.description,
            "enabled": true,
        })
    }
}

fn owner_uid(object: &DynamicObject) -> Option<&str> {
    let owners = object.metadata.owner_references.as_deref()?;
    owners.iter().find(|owner| owner.kind == "User").map(|owner| owner.uid.as_str())
}

fn label<'a>(object: &'a DynamicObject, key: &str) -> Option<&'a str> {
    object.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

fn created(object: &DynamicObject) -> String {
    object.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string()).unwrap_or_default()
}
