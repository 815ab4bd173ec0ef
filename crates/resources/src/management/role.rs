//! Roles and who has them. Here are only their shapes; `tenancy` says what they mean.
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schema::{any_object, any_objects};

/// Who has a role; its fields stand among those of the binding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Subject {
    /// The user's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user_name: String,
    /// Or the user's principal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user_principal_name: String,
    /// Or a group's principal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group_principal_name: String,
}

/// Rights over the server as a whole.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "GlobalRole",
    plural = "globalroles",
    no_spec,
    derive = "PartialEq",
    derive = "Default",
    doc = "Rights over the server as a whole.",
    printcolumn(name = "Display Name", type_ = "string", json_path = ".displayName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct GlobalRoleFields {
    /// The name people know it by.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Policy rules as in a ClusterRole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_objects")]
    pub rules: Option<Value>,
    /// Policy rules by namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub namespaced_rules: Option<Value>,
    /// Role templates that hold in every cluster.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub inherited_cluster_roles: Vec<String>,
    /// Rights over workspaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub inherited_fleet_workspace_permissions: Option<Value>,
    /// Whether a new user gets it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub new_user_default: bool,
    /// Whether it came with the server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub builtin: bool,
}

/// Who has a global role.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "GlobalRoleBinding",
    plural = "globalrolebindings",
    no_spec,
    derive = "PartialEq",
    derive = "Default",
    doc = "Who has a global role.",
    printcolumn(name = "Role", type_ = "string", json_path = ".globalRoleName"),
    printcolumn(name = "User", type_ = "string", json_path = ".userName"),
    printcolumn(name = "Group", type_ = "string", json_path = ".groupPrincipalName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct GlobalRoleBindingFields {
    /// The role.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub global_role_name: String,
    /// Who.
    #[serde(flatten)]
    pub subject: Subject,
}

/// Rights within a cluster or a project.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "RoleTemplate",
    plural = "roletemplates",
    no_spec,
    derive = "PartialEq",
    derive = "Default",
    doc = "Rights within a cluster or a project.",
    printcolumn(name = "Display Name", type_ = "string", json_path = ".displayName"),
    printcolumn(name = "Context", type_ = "string", json_path = ".context"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleTemplateFields {
    /// The name people know it by.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `cluster` or `project`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub context: String,
    /// Policy rules as in a ClusterRole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_objects")]
    pub rules: Option<Value>,
    /// Policy rules of an external role.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_objects")]
    pub external_rules: Option<Value>,
    /// Whether its rules are those of a ClusterRole of this name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// Other templates it includes.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub role_template_names: Vec<String>,
    /// Whether it came with the server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub builtin: bool,
    /// Whether it is not offered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Whether it cannot be given any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// Whether it carries every right.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub administrative: bool,
    /// Whether who creates a cluster gets it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cluster_creator_default: bool,
    /// Whether who creates a project gets it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub project_creator_default: bool,
}

/// Who has a role template in a cluster. It lives in the cluster's namespace.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "ClusterRoleTemplateBinding",
    plural = "clusterroletemplatebindings",
    namespaced,
    no_spec,
    derive = "PartialEq",
    derive = "Default",
    doc = "Who has a role template in a cluster.",
    printcolumn(name = "Role", type_ = "string", json_path = ".roleTemplateName"),
    printcolumn(name = "User", type_ = "string", json_path = ".userName"),
    printcolumn(name = "Group", type_ = "string", json_path = ".groupPrincipalName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterRoleTemplateBindingFields {
    /// The cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster_name: String,
    /// The role template.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role_template_name: String,
    /// Who.
    #[serde(flatten)]
    pub subject: Subject,
    /// Or a group of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group_name: String,
}

/// Who has a role template in a project. It lives in the project's backing namespace.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "management.cattle.io",
    version = "v3",
    kind = "ProjectRoleTemplateBinding",
    plural = "projectroletemplatebindings",
    namespaced,
    no_spec,
    derive = "PartialEq",
    derive = "Default",
    doc = "Who has a role template in a project.",
    printcolumn(name = "Role", type_ = "string", json_path = ".roleTemplateName"),
    printcolumn(name = "Project", type_ = "string", json_path = ".projectName"),
    printcolumn(name = "User", type_ = "string", json_path = ".userName"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectRoleTemplateBindingFields {
    /// The project as `<cluster>:<project>`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub project_name: String,
    /// The role template.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role_template_name: String,
    /// Who.
    #[serde(flatten)]
    pub subject: Subject,
    /// Or a group of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group_name: String,
    /// Or a service account as `<namespace>:<name>`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account: String,
}
