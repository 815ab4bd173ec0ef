//! Hooks of `management.cattle.io/v3 Cluster`, which clients of path A create themselves.
use grange_apimachinery::{FieldError, Object, Status};
use grange_apiserver::{Strategy, UserInfo};
use grange_resources::names;
use serde_json::json;

use super::{
    HooksConfig, MANAGEMENT_GROUP, add_finalizer, check_agent_env, is_controller, keep, record_creator,
    refuse_if_any,
};
use crate::id;

/// Longest display name.
const MAX_DISPLAY_NAME_BYTES: usize = 253;

/// See the module.
pub struct ManagementClusterHooks {
    config: HooksConfig,
}

impl ManagementClusterHooks {
    /// The hooks of a server.
    pub fn new(config: HooksConfig) -> Self {
        ManagementClusterHooks { config }
    }

    fn check(&self, object: &Object, old_display_name: Option<&str>, errors: &mut Vec<FieldError>) {
        let field = "spec.displayName";
        let display_name = object.text(&["spec", "displayName"]);
        if display_name.trim().is_empty() {
            errors.push(FieldError::required(field, "the name people know the cluster by"));
        } else if display_name.len() > MAX_DISPLAY_NAME_BYTES {
            errors.push(FieldError::too_long(field, MAX_DISPLAY_NAME_BYTES));
        } else if old_display_name != Some(display_name)
            && self.config.directory.by_display_name(display_name, object.name()).is_some()
        {
            errors.push(FieldError::duplicate(field, display_name));
        }
        check_agent_env(object, errors);
    }
}

impl Strategy for ManagementClusterHooks {
    fn prepare_create(&self, user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        if !is_controller(user) {
            let mut errors = Vec::new();
            self.check(object, None, &mut errors);
            if !object.name().is_empty() && !id::is_cluster_id(object.name()) {
                let rule = "must begin with c- and be a lower-case DNS label of at most 63 characters";
                errors.push(FieldError::invalid("metadata.name", object.name(), rule));
            }
            refuse_if_any(MANAGEMENT_GROUP, "Cluster", object, errors)?;
            object.remove(&["status"]);
            // Only the controllers say which provisioning object a cluster came from.
            object.remove(&["metadata", "annotations", names::PROVISIONED_BY_ANNOTATION]);
            record_creator(user, object);
        }
        if object.text(&["spec", "fleetWorkspaceName"]).is_empty() {
            object.set(&["spec", "fleetWorkspaceName"], names::FLEET_DEFAULT);
        }
        if object.get(&["spec", "internal"]).is_none() {
            object.set(&["spec", "internal"], json!(false));
        }
        add_finalizer(object);
        Ok(())
    }

    fn prepare_update(&self, user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        if is_controller(user) {
            return Ok(());
        }
        let mut errors = Vec::new();
        self.check(new, Some(old.text(&["spec", "displayName"])), &mut errors);
        refuse_if_any(MANAGEMENT_GROUP, "Cluster", new, errors)?;
        keep(old, new, &["spec", "fleetWorkspaceName"]);
        keep(old, new, &["metadata", "annotations", names::PROVISIONED_BY_ANNOTATION]);
        keep(old, new, &["metadata", "annotations", names::CREATOR_ID_ANNOTATION]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn hooks() -> ManagementClusterHooks {
        ManagementClusterHooks::new(crate::hooks::tests::config())
    }

    fn user() -> UserInfo {
        UserInfo { username: "user-abcde".into(), ..UserInfo::default() }
    }

    fn cluster(name: &str, display_name: &str) -> Object {
        let Value::Object(map) = json!({
            "apiVersion": "management.cattle.io/v3", "kind": "Cluster", "metadata": {"name": name},
            "spec": {"displayName": display_name, "rke2Config": {"unknown": "kept"}}
        }) else {
            unreachable!()
        };
        Object(map)
    }

    #[test]
    fn a_create_gets_its_defaults() {
        let mut object = cluster("c-abcde", "Harv");
        hooks().prepare_create(&user(), &mut object).unwrap();
        assert_eq!(object.text(&["spec", "fleetWorkspaceName"]), "fleet-default");
        assert_eq!(object.get(&["spec", "internal"]), Some(&json!(false)));
        assert_eq!(object.text(&["spec", "rke2Config", "unknown"]), "kept");
        assert_eq!(object.finalizers(), ["clusters.grange/cluster-removal"]);
    }

    #[test]
    fn display_names_are_needed_and_unique() {
        let hooks = hooks();
        hooks.config.directory.put("c-first", "Harv");
        for (name, display, field) in [
            ("c-abcde", "", "spec.displayName"),
            ("c-abcde", "  ", "spec.displayName"),
            ("c-abcde", "hARV", "spec.displayName"),
            ("kube-system", "Other", "metadata.name"),
        ] {
            let status = hooks.prepare_create(&user(), &mut cluster(name, display)).unwrap_err();
            assert_eq!(status.details.unwrap().causes[0].field, field, "{name} {display}");
        }
        let old = cluster("c-first", "Harv");
        let mut renamed = cluster("c-first", "HARV");
        hooks.prepare_update(&user(), &old, &mut renamed).unwrap();
    }
}
