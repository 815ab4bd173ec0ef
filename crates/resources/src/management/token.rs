//! An access token `name:secret`; only a hash of the secret is kept.
use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schema::{any_object, any_objects};

/// The fields; they stand beside `metadata`, as in Rancher.
#[derive(CustomResource, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "Token",
    plural = "tokens",
    no_spec,
    derive = "PartialEq",
    derive = "Default",
    doc = "An access token of a user.",
    printcolumn(name = "User", type_ = "string", json_path = ".userId"),
    printcolumn(name = "Description", type_ = "string", json_path = ".description"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".expiresAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct TokenFields {
    /// The hash of the secret; blank on its way out.
    pub token: String,
    /// Whose it is.
    pub user_id: String,
    /// The user's principal at login.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub user_principal: Option<Value>,
    /// The user's groups at login.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_objects")]
    pub group_principals: Option<Value>,
    /// What the provider wants remembered.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub provider_info: BTreeMap<String, String>,
    /// `local` or another provider.
    pub auth_provider: String,
    /// Milliseconds it lives; 0 is for ever.
    #[serde(rename = "ttl")]
    pub ttl_ms: i64,
    /// What it is for.
    pub description: String,
    /// Whether it was made by hand or by a client rather than by a login.
    pub is_derived: bool,
    /// Whether its time is over.
    pub expired: bool,
    /// When its time is over (RFC 3339), empty for never.
    pub expires_at: String,
    /// Whether it is the token of the request that reads it.
    pub current: bool,
    /// The one cluster it is for; empty is all.
    pub cluster_name: String,
    /// Whether it is taken; absent means it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// When it was last used (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
    /// When its user was last active (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_last_seen_at: Option<String>,
}

/// Without the hash.
impl std::fmt::Debug for TokenFields {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TokenFields")
            .field("user_id", &self.user_id)
            .field("description", &self.description)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
