//! What a cluster proves itself with at its first contact, and the address of its manifest.
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Condition;

/// Which cluster the token is for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "ClusterRegistrationToken",
    plural = "clusterregistrationtokens",
    namespaced,
    status = "ClusterRegistrationTokenStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A token that lets one cluster join, with the address of its import manifest.",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ClusterRegistrationTokenSpec {
    /// The management cluster's name; it is also the namespace of this object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster_name: String,
    /// Minutes the token lives; absent or 0 is for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// Minutes an expired token is still taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period: Option<i64>,
}

/// The token and every form of the command, filled in by the server in the answer to the create.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ClusterRegistrationTokenStatus {
    /// The token: 54 symbols. Whoever may `get` this object sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Where the cluster fetches its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_url: Option<String>,
    /// For a cluster that trusts the server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// For a cluster that does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_command: Option<String>,
    /// Rancher's command for custom clusters; here for clients that read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_command: Option<String>,
    /// The same without verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_node_command: Option<String>,
    /// The same for Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows_node_command: Option<String>,
    /// The same for Windows without verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_windows_node_command: Option<String>,
    /// When the token stops being taken (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Conditions, unused so far.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub conditions: Vec<Condition>,
}

/// Without the token, and without the commands that contain it.
impl std::fmt::Debug for ClusterRegistrationTokenStatus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ClusterRegistrationTokenStatus").finish_non_exhaustive()
    }
}
