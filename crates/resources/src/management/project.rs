//! A named group of namespaces of one cluster, with members and quotas.
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Condition, schema::any_object};

/// What is wanted.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "Project",
    plural = "projects",
    namespaced,
    status = "ProjectStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A group of namespaces of one cluster.",
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName"),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ProjectSpec {
    /// The name people know it by.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The management cluster's name; it is also the namespace of this object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster_name: String,
    /// The quota of the project as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub resource_quota: Option<Value>,
    /// The quota a new namespace gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub namespace_default_resource_quota: Option<Value>,
    /// The limits a new container gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub container_default_resource_limit: Option<Value>,
}

/// What is so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ProjectStatus {
    /// How far its set-up is.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub conditions: Vec<Condition>,
}
