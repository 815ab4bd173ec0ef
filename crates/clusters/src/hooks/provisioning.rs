//! Hooks of `provisioning.cattle.io/v1 Cluster`: the id is in the answer to the create.
use grange_apimachinery::{FieldError, Object, Status};
use grange_apiserver::{Strategy, UserInfo};
use grange_resources::names;
use serde_json::{Value, json};

use super::{
    HooksConfig, PROVISIONING_GROUP, add_finalizer, check_agent_env, is_controller, keep, record_creator,
    refuse_if_any,
};
use crate::id;

/// Attempts to draw an id that nobody has. With 282 billion ids a second draw is already rare.
const MAX_DRAWS: usize = 16;

/// See the module.
pub struct ProvisioningClusterHooks {
    config: HooksConfig,
}

impl ProvisioningClusterHooks {
    /// The hooks of a server.
    pub fn new(config: HooksConfig) -> Self {
        ProvisioningClusterHooks { config }
    }

    /// The id the client asks for, or a fresh one.
    fn assign(&self, object: &Object, errors: &mut Vec<FieldError>) -> String {
        let field = format!("metadata.annotations[{}]", names::MANAGEMENT_NAME_ANNOTATION);
        match object.annotation(names::MANAGEMENT_NAME_ANNOTATION) {
            Some(wanted) if !id::is_cluster_id(wanted) => {
                let rule = "must begin with c- and be a lower-case DNS label of at most 63 characters";
                errors.push(FieldError::invalid(field, wanted, rule));
                String::new()
            }
            // The object of path A is named like its id, and its management object is there first.
            Some(wanted) if self.config.directory.has_id(wanted) && wanted != object.name() => {
                errors.push(FieldError::duplicate(field, wanted));
                String::new()
            }
            Some(wanted) => wanted.to_owned(),
            None => (0..MAX_DRAWS)
                .map(|_| id::management_id())
                .find(|drawn| !self.config.directory.has_id(drawn))
                .unwrap_or_else(id::management_id),
        }
    }
}

impl Strategy for ProvisioningClusterHooks {
    fn prepare_create(&self, user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        let mut errors = Vec::new();
        check_spec(object, &mut errors);
        let id = self.assign(object, &mut errors);
        refuse_if_any(PROVISIONING_GROUP, "Cluster", object, errors)?;
        let workspace = object.namespace().to_owned();
        object.set(&["status"], json!({ "clusterName": id, "fleetWorkspaceName": workspace }));
        if object.annotation(names::DISPLAY_NAME_ANNOTATION).is_none() || !is_controller(user) {
            let name = object.name().to_owned();
            object.set(&["metadata", "annotations", names::DISPLAY_NAME_ANNOTATION], name);
        }
        record_creator(user, object);
        add_finalizer(object);
        Ok(())
    }

    fn prepare_update(&self, user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        if is_controller(user) {
            return Ok(());
        }
        let mut errors = Vec::new();
        check_spec(new, &mut errors);
        let path = ["status", "clusterName"];
        if new.get(&path).is_some() && new.get(&path) != old.get(&path) {
            errors.push(FieldError::forbidden("status.clusterName", "assigned by the server, never changed"));
        }
        refuse_if_any(PROVISIONING_GROUP, "Cluster", new, errors)?;
        keep(old, new, &path);
        keep(old, new, &["metadata", "annotations", names::CREATOR_ID_ANNOTATION]);
        Ok(())
    }
}

fn check_spec(object: &Object, errors: &mut Vec<FieldError>) {
    if object.get(&["spec", "rkeConfig"]).is_some_and(|value| *value != Value::Null) {
        let detail = "Grange imports existing clusters and does not provision them; leave rkeConfig out";
        errors.push(FieldError::forbidden("spec.rkeConfig", detail));
    }
    check_agent_env(object, errors);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks() -> ProvisioningClusterHooks {
        ProvisioningClusterHooks::new(crate::hooks::tests::config())
    }

    fn user() -> UserInfo {
        UserInfo {
            username: "user-abcde".into(),
            groups: vec!["system:authenticated".into()],
            ..UserInfo::default()
        }
    }

    fn cluster(extra: Value) -> Object {
        let mut value = json!({
            "apiVersion": "provisioning.cattle.io/v1", "kind": "Cluster",
            "metadata": {"name": "harv1", "namespace": "fleet-default",
                         "labels": {"provider.cattle.io": "harvester"}},
            "spec": {"agentEnvVars": []}
        });
        grange_apimachinery::patch::merge_patch(&mut value, &extra);
        let Value::Object(map) = value else { unreachable!() };
        Object(map)
    }

    fn refused_field(result: Result<(), Status>) -> String {
        let status = result.unwrap_err();
        assert_eq!(status.code, 422, "{status:?}");
        status.details.unwrap().causes[0].field.clone()
    }

    #[test]
    fn a_create_is_answered_with_an_id() {
        let mut object = cluster(json!({"status": {"clusterName": "c-m-mine", "ready": true}}));
        hooks().prepare_create(&user(), &mut object).unwrap();
        let id = object.text(&["status", "clusterName"]);
        assert!(id.starts_with("c-m-") && id.len() == 12, "{id}");
        assert_ne!(id, "c-m-mine");
        assert_eq!(object.get(&["status", "ready"]), None, "clients do not write status");
        assert_eq!(object.annotation("field.cattle.io/creatorId"), Some("user-abcde"));
        assert_eq!(object.finalizers(), ["clusters.grange/cluster-removal"]);
        let mut second = cluster(json!({}));
        hooks().prepare_create(&user(), &mut second).unwrap();
        assert_ne!(id, second.text(&["status", "clusterName"]));
    }

    #[test]
    fn an_id_may_be_asked_for() {
        let wish = |id: &str| {
            cluster(
                json!({"metadata": {"annotations": {"provisioning.cattle.io/management-cluster-name": id}}}),
            )
        };
        let mut object = wish("c-m-mywish22");
        hooks().prepare_create(&user(), &mut object).unwrap();
        assert_eq!(object.text(&["status", "clusterName"]), "c-m-mywish22");
        let field = "metadata.annotations[provisioning.cattle.io/management-cluster-name]";
        for bad in ["local", "c-M", "../etc", ""] {
            assert_eq!(refused_field(hooks().prepare_create(&user(), &mut wish(bad))), field, "{bad}");
        }
        let taken = hooks();
        taken.config.directory.put("c-m-taken222", "other");
        assert_eq!(refused_field(taken.prepare_create(&user(), &mut wish("c-m-taken222"))), field);
    }

    #[test]
    fn provisioning_is_refused() {
        let mut object = cluster(json!({"spec": {"rkeConfig": {"machinePools": []}}}));
        assert_eq!(refused_field(hooks().prepare_create(&user(), &mut object)), "spec.rkeConfig");
    }

    #[test]
    fn the_id_never_changes() {
        let mut old = cluster(json!({}));
        hooks().prepare_create(&user(), &mut old).unwrap();
        let mut changed = old.clone();
        changed.set(&["status", "clusterName"], "c-m-other222");
        assert_eq!(refused_field(hooks().prepare_update(&user(), &old, &mut changed)), "status.clusterName");
        let mut dropped = old.clone();
        dropped.remove(&["status", "clusterName"]);
        hooks().prepare_update(&user(), &old, &mut dropped).unwrap();
        assert_eq!(dropped.text(&["status", "clusterName"]), old.text(&["status", "clusterName"]));
        let mut by_controller = old.clone();
        by_controller.set(&["status", "clusterName"], "c-m-other222");
        hooks().prepare_update(&UserInfo::loopback(), &old, &mut by_controller).unwrap();
        assert_eq!(by_controller.text(&["status", "clusterName"]), "c-m-other222");
    }

    #[test]
    fn the_agents_environment_is_checked() {
        for (variables, field) in [
            (json!([{"name": "", "value": "x"}]), "spec.agentEnvVars[0].name"),
            (json!([{"name": "A", "value": "x"}, {"name": "B=C"}]), "spec.agentEnvVars[1].name"),
            (json!([{"name": "CATTLE_SERVER", "value": "https://evil"}]), "spec.agentEnvVars[0].name"),
            (json!([{"name": "A", "value": "x".repeat(20_000)}]), "spec.agentEnvVars[0].value"),
            (json!(vec![json!({"name": "A"}); 65]), "spec.agentEnvVars"),
        ] {
            let mut object = cluster(json!({"spec": {"agentEnvVars": variables}}));
            assert_eq!(refused_field(hooks().prepare_create(&user(), &mut object)), field);
        }
        let mut proxy =
            cluster(json!({"spec": {"agentEnvVars": [{"name": "HTTPS_PROXY", "value": "http://p:3128"}]}}));
        hooks().prepare_create(&user(), &mut proxy).unwrap();
    }
}
