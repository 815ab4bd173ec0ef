//! `provisioning.cattle.io/v1`: the cluster as its user writes it. Its `status.clusterName` leads to the management object.
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Condition,
    management::EnvVar,
    schema::{any_object, any_objects, anything},
};

/// What the user wants. The fields are Rancher's; those that only make sense where clusters are provisioned are
/// carried and not acted on, except `rkeConfig`, which is refused: Grange imports.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "provisioning.cattle.io",
    version = "v1",
    kind = "Cluster",
    plural = "clusters",
    namespaced,
    status = "ClusterStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A cluster to import, in the words of the person who imports it.",
    category = "provisioning",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.ready"),
    printcolumn(name = "Kubeconfig", type_ = "string", json_path = ".status.clientSecretName"),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".status.clusterName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterSpec {
    /// Environment of the agent; the place for `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub agent_env_vars: Vec<EnvVar>,
    /// How the agent's Deployment differs: `appendTolerations`, `overrideAffinity`, `overrideResourceRequirements`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub cluster_agent_deployment_customization: Option<Value>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub fleet_agent_deployment_customization: Option<Value>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub webhook_deployment_customization: Option<Value>,
    /// Refused: Grange imports clusters, it does not make them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "anything")]
    pub rke_config: Option<Value>,
    /// Carried, not acted on.
    #[serde(rename = "clusterAPIConfig", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub cluster_api_config: Option<Value>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub local_cluster_auth_endpoint: Option<Value>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_credential_secret_name: Option<String>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pod_security_admission_configuration_template_name: Option<String>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pod_security_policy_template_name: Option<String>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_cluster_role_for_project_members: Option<String>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_network_policy: Option<bool>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redeploy_system_agent_generation: Option<i64>,
    /// Carried, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_objects")]
    pub generated_manifest: Option<Value>,
}

/// What is so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ClusterStatus {
    /// The name of the management object and of the cluster's namespace. Assigned at once, never changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// Whether the cluster is connected and healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// The namespace of this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet_workspace_name: Option<String>,
    /// The Secret with a kubeconfig, where there is one. Grange stores no such credential and leaves it empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_name: Option<String>,
    /// Whether the agent's manifest was applied in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_deployed: Option<bool>,
    /// The generation of the spec that this status answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Created`, `Reconciling`, `Stalled`, `Ready` and others.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub conditions: Vec<Condition>,
}
