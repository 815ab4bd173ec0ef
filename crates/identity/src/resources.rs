//! The two resources this crate keeps in the management API, as data for the API server.
use std::sync::Arc;

use grange_apimachinery::{Object, Status, table::Column};
use grange_apiserver::{Resource, Scope, Strategy, UserInfo};

use crate::objects::GROUP;

/// `users` and `tokens` of `management.cattle.io/v3`.
pub fn resources() -> Vec<Resource> {
    let mut users = Resource::new(GROUP, "v3", "User", "users", Scope::Cluster);
    users.columns = vec![
        Column::new("Username", "string", ".username"),
        Column::new("Display-Name", "string", ".displayName"),
        Column::new("Enabled", "boolean", ".enabled"),
        Column::new("Age", "date", ".metadata.creationTimestamp"),
    ];
    users.strategy = Arc::new(UserRules);
    let mut tokens = Resource::new(GROUP, "v3", "Token", "tokens", Scope::Cluster);
    tokens.columns = vec![
        Column::new("User", "string", ".userId"),
        Column::new("Expires", "string", ".expiresAt"),
        Column::new("Description", "string", ".description"),
        Column::new("Age", "date", ".metadata.creationTimestamp"),
    ];
    tokens.selectable_fields = vec!["userId".into()];
    vec![users, tokens]
}

/// Names of users end up in `Impersonate-User` and in RBAC subjects, where `system:` names mean Kubernetes' own parts.
struct UserRules;

impl Strategy for UserRules {
    fn prepare_create(&self, _user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        // A password in clear has no place in this object; it belongs in a Secret, hashed.
        object.remove(&["password"]);
        refuse_system_name(object)
    }
    fn prepare_update(&self, _user: &UserInfo, _old: &Object, new: &mut Object) -> Result<(), Status> {
        new.remove(&["password"]);
        refuse_system_name(new)
    }
}

fn refuse_system_name(object: &Object) -> Result<(), Status> {
    if object.text(&["username"]).starts_with("system:") {
        return Err(Status::bad_request("username: must not begin with \"system:\""));
    }
    Ok(())
}
