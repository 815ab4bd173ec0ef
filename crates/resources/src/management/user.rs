//! A person (or a robot) who may log in.
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Condition;

/// The fields; they stand beside `metadata`, as in Rancher.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "User",
    plural = "users",
    no_spec,
    status = "UserStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A person or a robot who may log in.",
    printcolumn(name = "Username", type_ = "string", json_path = ".username"),
    printcolumn(name = "Display Name", type_ = "string", json_path = ".displayName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct UserFields {
    /// The name shown to others.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Who it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The name at login; empty for users of other providers.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Whether the password must be changed at the next login.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub must_change_password: bool,
    /// Every principal that is this user, such as `local://user-abcde`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub principal_ids: Vec<String>,
    /// Whether they may log in; absent means they may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// What is so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct UserStatus {
    /// How far their set-up is.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub conditions: Vec<Condition>,
}
