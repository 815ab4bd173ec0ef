//! Writing RBAC objects: nobody hands out what they do not hold.
use std::sync::Arc;

use grange_apimachinery::{FieldError, Object, Status};

use grange_rbac::{PolicyRule, covers};

use super::{GROUP, RbacAuthorizer, RoleRef, everything, rules_of, validation};
use crate::{Attributes, Authorizer, UserInfo, authentication::MASTERS, resource::Strategy};

/// The hooks of the four RBAC kinds.
pub(crate) struct RbacStrategy {
    pub(crate) rbac: Arc<RbacAuthorizer>,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) plural: &'static str,
}

impl RbacStrategy {
    fn is_binding(&self) -> bool {
        self.plural.ends_with("bindings")
    }

    /// May `user` put these rules into the role?
    fn check_role(&self, user: &UserInfo, object: &Object) -> Result<(), Status> {
        let rules = rules_of(object);
        if self.allowed(user, "escalate", self.plural, object.namespace(), object.name()) {
            return Ok(());
        }
        let held = self.held(user, object.namespace());
        let mut missing = covers(&held, &rules).err().unwrap_or_default();
        if let Some(aggregation) = object.0.get("aggregationRule")
            && !aggregation.is_null()
        {
            // Aggregated rules come from roles made later by anybody: only one who holds everything may ask for them.
            missing.extend(covers(&held, &everything()).err().unwrap_or_default());
        }
        self.refuse(user, object, &missing)
    }

    fn check_binding(&self, user: &UserInfo, object: &Object) -> Result<(), Status> {
        let role: RoleRef = object
            .0
            .get("roleRef")
            .and_then(|role| serde_json::from_value(role.clone()).ok())
            .unwrap_or_default();
        let (plural, namespace) =
            if role.kind == "Role" { ("roles", object.namespace()) } else { ("clusterroles", "") };
        if self.allowed(user, "bind", plural, object.namespace(), &role.name) {
            return Ok(());
        }
        let Some(rules) = self.rbac.role_rules(&role, namespace) else {
            return Err(Status::not_found(GROUP, plural, &role.name));
        };
        let held = self.held(user, object.namespace());
        self.refuse(user, object, &covers(&held, &rules).err().unwrap_or_default())
    }

    fn held(&self, user: &UserInfo, namespace: &str) -> Vec<PolicyRule> {
        self.rbac.rules_for(user, namespace).iter().flat_map(|rules| rules.iter().cloned()).collect()
    }

    fn allowed(&self, user: &UserInfo, verb: &str, plural: &str, namespace: &str, name: &str) -> bool {
        user.groups.iter().any(|group| group == MASTERS)
            || self
                .authorizer
                .authorize(&Attributes {
                    namespace,
                    name,
                    ..Attributes::of_resource(user, verb, GROUP, plural)
                })
                .allowed
    }

    fn refuse(&self, user: &UserInfo, object: &Object, missing: &[PolicyRule]) -> Result<(), Status> {
        if missing.is_empty() {
            return Ok(());
        }
        let groups: Vec<String> = user.groups.iter().map(|group| format!("{group:?}")).collect();
        Err(Status::forbidden(
            GROUP,
            self.plural,
            object.name(),
            &format!(
                "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
                user.username,
                groups.join(" "),
                missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            ),
        ))
    }

    fn check(&self, user: &UserInfo, object: &Object) -> Result<(), Status> {
        if self.is_binding() { self.check_binding(user, object) } else { self.check_role(user, object) }
    }

    fn fill_binding(object: &mut Object) {
        if object.text(&["roleRef", "apiGroup"]).is_empty() {
            object.set(&["roleRef", "apiGroup"], GROUP);
        }
        if let Some(subjects) = object.0.get_mut("subjects").and_then(|subjects| subjects.as_array_mut()) {
            for subject in subjects {
                let known = matches!(subject["kind"].as_str(), Some("User" | "Group"));
                let unset = subject["apiGroup"].as_str().unwrap_or("").is_empty();
                if let Some(subject) = subject.as_object_mut()
                    && known
                    && unset
                {
                    subject.insert("apiGroup".into(), GROUP.into());
                }
            }
        }
    }
}

impl Strategy for RbacStrategy {
    fn complete(&self, object: &mut Object) {
        if self.is_binding() {
            Self::fill_binding(object);
        }
    }

    fn prepare_create(&self, user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        self.check(user, object)
    }

    fn prepare_update(&self, user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        if self.is_binding() {
            if old.0.get("roleRef") == new.0.get("roleRef") && old.0.get("subjects") == new.0.get("subjects")
            {
                return Ok(());
            }
        } else if old.0.get("rules") == new.0.get("rules")
            && old.0.get("aggregationRule") == new.0.get("aggregationRule")
        {
            return Ok(());
        }
        self.check(user, new)
    }

    fn validate(&self, old: Option<&Object>, new: &Object) -> Vec<FieldError> {
        let namespaced = !self.plural.starts_with("cluster");
        if self.is_binding() {
            validation::binding(old, new, namespaced)
        } else {
            validation::role(old, new, namespaced)
        }
    }
}
