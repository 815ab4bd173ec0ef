//! The cluster as the server keeps it; its name is the id in every address.
use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Registration;
use crate::{Condition, schema::any_object};

/// One variable of the agent's environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where its value comes from instead, as in a Pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub value_from: Option<Value>,
}

/// What is wanted. Fields that Grange does not read are kept as they are.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "Cluster",
    plural = "clusters",
    status = "ClusterStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A cluster that is or will be reached through its agent.",
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version.gitVersion"),
    printcolumn(name = "Provider", type_ = "string", json_path = ".status.provider"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".status.nodeCount", priority = 1),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.apiEndpoint", priority = 1)
)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ClusterSpec {
    /// The name people know it by; unique whatever the case of its letters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The namespace of its provisioning object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet_workspace_name: Option<String>,
    /// Environment of the agent.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub agent_env_vars: Vec<EnvVar>,
    /// Whether it is the cluster the server itself runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal: Option<bool>,
    /// An image for the agent instead of the server's own choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_image_override: Option<String>,
    /// The image the agent should run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_agent_image: Option<String>,
    /// `kubeConfig`, `privateRegistryURL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub imported_config: Option<Value>,
    /// How the agent's Deployment differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub cluster_agent_deployment_customization: Option<Value>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_network_policy: Option<bool>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub local_cluster_auth_endpoint: Option<Value>,
}

/// What is so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ClusterStatus {
    /// `imported` once the agent connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// `harvester` for Harvester clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The address of the cluster's own API server, as its agent knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_endpoint: Option<String>,
    /// Base64 PEM of the cluster's CA, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<String>,
    /// The image its agent was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_image: Option<String>,
    /// The environment its agent was given.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub applied_agent_env_vars: Vec<EnvVar>,
    /// What `/version` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<ClusterVersion>,
    /// How many nodes it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_count: Option<i64>,
    /// How many of them run Linux and take work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux_worker_count: Option<i64>,
    /// Sum of the nodes' capacity: `cpu`, `memory`, `pods`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub capacity: BTreeMap<String, String>,
    /// Sum of what the nodes can give to workloads.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub allocatable: BTreeMap<String, String>,
    /// Of several servers that share their state, the one that its agent is or was last connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// A summary for lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<ClusterInfo>,
    /// What was seen of the cluster while it joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    /// How far the import is, and how it goes.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub conditions: Vec<Condition>,
}

/// `status.version`: the cluster's `/version`, without build date and platform (they differ between replicas).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[allow(missing_docs)]
pub struct ClusterVersion {
    pub major: String,
    pub minor: String,
    pub git_version: String,
    pub git_commit: String,
    pub git_tree_state: String,
    pub go_version: String,
    pub compiler: String,
}

/// `status.info`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ClusterInfo {
    /// `harvester` for Harvester clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_provider: Option<String>,
    /// `gitVersion`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// How many nodes it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_count: Option<i64>,
    /// The nodes' architecture, or `mixed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
}
