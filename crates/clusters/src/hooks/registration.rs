//! Hooks of `ClusterRegistrationToken`: token and manifest address are in the answer to the create.
//!
//! The token stands in `status.token`, so whoever may `get` the object sees it: give that right to owners only.
use grange_apimachinery::{FieldError, Object, Status};
use grange_apiserver::{Strategy, UserInfo};
use grange_resources::names;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{HooksConfig, MANAGEMENT_GROUP, is_controller, keep, refuse_if_any};
use crate::{commands::commands, id};

/// Longest life of a token in minutes: ten years.
const MAX_TTL_MINUTES: i64 = 10 * 366 * 24 * 60;

/// See the module.
pub struct RegistrationTokenHooks {
    config: HooksConfig,
}

impl RegistrationTokenHooks {
    /// The hooks of a server.
    pub fn new(config: HooksConfig) -> Self {
        RegistrationTokenHooks { config }
    }

    fn status(&self, object: &Object, now: Timestamp) -> Value {
        let cluster = object.text(&["spec", "clusterName"]);
        let token = id::token();
        let mut status = json!({ "token": token });
        for (field, text) in
            commands(&self.config.settings.server_url(), &self.config.ca_checksum, &token, cluster)
        {
            status[field] = text;
        }
        let ttl = object.get(&["spec", "ttl"]).and_then(Value::as_i64).unwrap_or(0);
        if ttl > 0
            && let Ok(expires) = now.checked_add(SignedDuration::from_mins(ttl))
        {
            status["expiresAt"] = json!(grange_apimachinery::time::rfc3339(expires));
        }
        status
    }
}

impl Strategy for RegistrationTokenHooks {
    fn prepare_create(&self, _user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        let mut errors = Vec::new();
        check_cluster(object, &mut errors);
        check_minutes(object, &mut errors);
        refuse_if_any(MANAGEMENT_GROUP, "ClusterRegistrationToken", object, errors)?;
        let status = self.status(object, Timestamp::now());
        object.set(&["status"], status);
        Ok(())
    }

    fn prepare_update(&self, user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        let mut errors = Vec::new();
        if new.get(&["spec", "clusterName"]) != old.get(&["spec", "clusterName"]) {
            let value = new.text(&["spec", "clusterName"]).to_owned();
            errors.push(FieldError::invalid("spec.clusterName", value, "field is immutable"));
        }
        check_minutes(new, &mut errors);
        refuse_if_any(MANAGEMENT_GROUP, "ClusterRegistrationToken", new, errors)?;
        if !is_controller(user) {
            keep(old, new, &["status"]);
        }
        Ok(())
    }

    /// The server makes `default-token` itself, and clients of Rancher make it too: both get the same object.
    fn accept_existing(&self, existing: &Object, requested: &Object) -> bool {
        existing.name() == names::DEFAULT_TOKEN
            && existing.get(&["spec", "clusterName"]) == requested.get(&["spec", "clusterName"])
            && !existing.is_terminating()
    }
}

fn check_cluster(object: &Object, errors: &mut Vec<FieldError>) {
    let (cluster, namespace) = (object.text(&["spec", "clusterName"]), object.namespace());
    if cluster.is_empty() {
        errors.push(FieldError::required(
            "spec.clusterName",
            "the id of the cluster, which is also the namespace",
        ));
    } else if cluster != namespace {
        let detail =
            format!("must be the namespace, \"{namespace}\": a cluster's tokens live in its namespace");
        errors.push(FieldError::invalid("spec.clusterName", cluster, detail));
    } else if !id::is_cluster_id(cluster) {
        errors.push(FieldError::invalid("spec.clusterName", cluster, "is not the id of a cluster"));
    }
}

fn check_minutes(object: &Object, errors: &mut Vec<FieldError>) {
    for key in ["ttl", "gracePeriod"] {
        let minutes = object.get(&["spec", key]).and_then(Value::as_i64).unwrap_or(0);
        if !(0..=MAX_TTL_MINUTES).contains(&minutes) {
            let detail = format!("must be minutes between 0 and {MAX_TTL_MINUTES}");
            errors.push(FieldError::invalid(format!("spec.{key}"), minutes, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks() -> RegistrationTokenHooks {
        RegistrationTokenHooks::new(crate::hooks::tests::config())
    }

    fn user() -> UserInfo {
        UserInfo { username: "user-abcde".into(), ..UserInfo::default() }
    }

    fn token(cluster: &str) -> Object {
        let Value::Object(map) = json!({
            "apiVersion": "management.cattle.io/v3", "kind": "ClusterRegistrationToken",
            "metadata": {"name": "default-token", "namespace": "c-m-abcdefgh"}, "spec": {"clusterName": cluster}
        }) else {
            unreachable!()
        };
        Object(map)
    }

    #[test]
    fn the_answer_has_token_and_commands() {
        let mut object = token("c-m-abcdefgh");
        hooks().prepare_create(&user(), &mut object).unwrap();
        let secret = object.text(&["status", "token"]);
        assert_eq!(secret.len(), 54);
        let url = format!("https://grange.example/v3/import/{secret}_c-m-abcdefgh.yaml");
        assert_eq!(object.text(&["status", "manifestUrl"]), url);
        assert!(object.text(&["status", "command"]).ends_with(&format!("kubectl apply -f {url}")));
        assert!(object.text(&["status", "nodeCommand"]).ends_with("--ca-checksum c0ffee"));
        assert_eq!(object.get(&["status", "expiresAt"]), None);
    }

    #[test]
    fn the_cluster_is_that_of_the_namespace() {
        for cluster in ["", "c-m-other222"] {
            let status = hooks().prepare_create(&user(), &mut token(cluster)).unwrap_err();
            assert_eq!(status.code, 422);
            assert_eq!(status.details.unwrap().causes[0].field, "spec.clusterName");
        }
    }

    #[test]
    fn a_token_has_the_life_it_was_given() {
        let mut object = token("c-m-abcdefgh");
        object.set(&["spec", "ttl"], 60);
        hooks().prepare_create(&user(), &mut object).unwrap();
        let expires: Timestamp = object.text(&["status", "expiresAt"]).parse().unwrap();
        let minutes = (expires - Timestamp::now()).total(jiff::Unit::Minute).unwrap();
        assert!((58.0..=60.0).contains(&minutes), "{minutes}");
        object.set(&["spec", "ttl"], -1);
        assert!(hooks().prepare_create(&user(), &mut object).is_err());
    }

    #[test]
    fn creating_the_default_token_again_gives_the_same() {
        let mut first = token("c-m-abcdefgh");
        hooks().prepare_create(&user(), &mut first).unwrap();
        assert!(hooks().accept_existing(&first, &token("c-m-abcdefgh")));
        assert!(!hooks().accept_existing(&first, &token("c-m-other222")));
        let mut other = first.clone();
        other.set(&["metadata", "name"], "second");
        assert!(!hooks().accept_existing(&other, &other));
    }

    #[test]
    fn a_user_cannot_choose_the_token() {
        let mut old = token("c-m-abcdefgh");
        hooks().prepare_create(&user(), &mut old).unwrap();
        let mut new = old.clone();
        new.set(&["status", "token"], "mine");
        hooks().prepare_update(&user(), &old, &mut new).unwrap();
        assert_eq!(new.get(&["status"]), old.get(&["status"]));
    }
}
