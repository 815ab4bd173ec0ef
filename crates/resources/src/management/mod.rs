//! `management.cattle.io/v3`: clusters as the server keeps them, registration tokens, people, roles, settings.
mod cluster;
mod cluster_registration_token;
mod project;
mod registration;
mod role;
mod setting;
mod token;
mod user;

pub use cluster::{Cluster, ClusterInfo, ClusterSpec, ClusterStatus, ClusterVersion, EnvVar};
pub use cluster_registration_token::{
    ClusterRegistrationToken, ClusterRegistrationTokenSpec, ClusterRegistrationTokenStatus,
};
pub use project::{Project, ProjectSpec, ProjectStatus};
pub use registration::{Contact, PastTrouble, Registration};
pub use role::{
    ClusterRoleTemplateBinding, ClusterRoleTemplateBindingFields, GlobalRole, GlobalRoleBinding,
    GlobalRoleBindingFields, GlobalRoleFields, ProjectRoleTemplateBinding, ProjectRoleTemplateBindingFields,
    RoleTemplate, RoleTemplateFields, Subject,
};
pub use setting::{Setting, SettingFields};
pub use token::{Token, TokenFields};
pub use user::{User, UserFields, UserStatus};
