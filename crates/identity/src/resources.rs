//! The two resources this crate keeps in the management API, with the rules that protect them.
use std::sync::Arc;

use grange_apimachinery::{FieldError, Object, Status, status::FieldCause};
use grange_apiserver::{OwnDefinition, Strategy, UserInfo};
use grange_resources::{custom_resource_definitions, own_definition};

use crate::{Index, objects::GROUP};

/// The definitions of `users` and `tokens` in `management.cattle.io`; `index` knows which login names are taken.
///
/// # Errors
/// When Kubernetes would not accept one; a test proves that it accepts both.
pub fn definitions(index: &Arc<Index>) -> Result<Vec<OwnDefinition>, FieldError> {
    let mut definitions = Vec::new();
    for definition in custom_resource_definitions() {
        let strategy: Arc<dyn Strategy> = match definition.metadata.name.as_deref() {
            Some("users.management.cattle.io") => Arc::new(UserRules(index.clone())),
            Some("tokens.management.cattle.io") => Arc::new(TokenRules),
            _ => continue,
        };
        definitions.push(own_definition(&definition, strategy)?);
    }
    Ok(definitions)
}

/// Login names are unique and set once, as in Rancher: whoever bears one gets its logins. They end up in extras and
/// logs, and ids in `Impersonate-User` and RBAC subjects, where `system:` means Kubernetes' own parts.
struct UserRules(Arc<Index>);

impl Strategy for UserRules {
    fn prepare_create(&self, _user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        self.check(object)
    }
    fn prepare_update(&self, _user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        let username = old.text(&["username"]);
        if !username.is_empty() && new.text(&["username"]) != username {
            return Err(wrong_username(old, FieldCause::FieldValueInvalid, "field is immutable"));
        }
        self.check(new)
    }
}

impl UserRules {
    fn check(&self, object: &mut Object) -> Result<(), Status> {
        // A password in clear has no place in this object; it belongs into a Secret, hashed.
        object.remove(&["password"]);
        let username = object.text(&["username"]);
        if username.starts_with("system:") {
            let why = "must not begin with \"system:\"";
            return Err(wrong_username(object, FieldCause::FieldValueInvalid, why));
        }
        if self.0.user_id(username).is_some_and(|holder| holder != object.name()) {
            return Err(wrong_username(object, FieldCause::FieldValueDuplicate, "is already in use"));
        }
        Ok(())
    }
}

fn wrong_username(user: &Object, cause: FieldCause, why: &str) -> Status {
    let error = FieldError { field: "username".into(), cause, value: None, detail: why.into() };
    Status::invalid(GROUP, "User", user.name(), vec![error])
}

/// Hashes stay inside, and nobody turns a token into somebody else's.
struct TokenRules;

/// What never changes after creation.
const FIXED_TOKEN_FIELDS: [&str; 2] = ["token", "userId"];

impl Strategy for TokenRules {
    fn prepare_create(&self, user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        if is_system(user) {
            return Ok(());
        }
        Err(Status::forbidden(
            GROUP,
            "tokens",
            object.name(),
            "tokens are made by logging in or with POST /v3/tokens, where their secret is shown once",
        ))
    }
    fn prepare_update(&self, _user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        // A client writes back what it read: without the hash. So these are restored and not compared.
        for field in FIXED_TOKEN_FIELDS {
            match old.get(&[field]) {
                Some(value) => new.set(&[field], value.clone()),
                None => drop(new.remove(&[field])),
            }
        }
        Ok(())
    }
    fn redacts(&self) -> bool {
        true
    }
    fn redact(&self, user: &UserInfo, object: &mut Object) {
        if !is_system(user) {
            object.set(&["token"], "");
        }
    }
}

/// Whether it is one of the server's own parts.
fn is_system(user: &UserInfo) -> bool {
    user.username.starts_with("system:") && user.groups.iter().any(|group| group == "system:masters")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: serde_json::Value) -> Object {
        serde_json::from_value(value).map(Object).expect("an object")
    }

    #[test]
    fn both_resources_are_there() {
        let names: Vec<String> = definitions(&Arc::default())
            .expect("structural")
            .iter()
            .map(|definition| definition.object.name().to_owned())
            .collect();
        assert_eq!(names, ["tokens.management.cattle.io", "users.management.cattle.io"]);
    }

    #[test]
    fn hashes_are_for_the_system_only_and_survive_an_edit() {
        let admin = UserInfo {
            username: "user-a".into(),
            groups: vec!["system:masters".into()],
            ..UserInfo::default()
        };
        let stored = object(json!({"token": "sha256:x", "userId": "user-a"}));
        let mut shown = stored.clone();
        TokenRules.redact(&admin, &mut shown);
        assert_eq!(shown.text(&["token"]), "");
        let mut seen_by_us = stored.clone();
        TokenRules.redact(&UserInfo::loopback(), &mut seen_by_us);
        assert_eq!(seen_by_us.text(&["token"]), "sha256:x");
        let mut edited = object(json!({"token": "", "userId": "user-b", "enabled": false}));
        TokenRules.prepare_update(&admin, &stored, &mut edited).expect("allowed");
        assert_eq!(edited.text(&["token"]), "sha256:x");
        assert_eq!(edited.text(&["userId"]), "user-a");
        assert!(TokenRules.prepare_create(&admin, &mut shown).is_err());
    }

    #[test]
    fn kubernetes_own_names_and_clear_passwords_are_refused() {
        let rules = UserRules(Arc::default());
        let mut user = object(json!({"username": "system:admin"}));
        assert!(rules.prepare_create(&UserInfo::default(), &mut user).is_err());
        let old = object(json!({"metadata": {"name": "u-a"}, "username": "alice"}));
        let mut renamed = object(json!({"metadata": {"name": "u-a"}, "username": "bob"}));
        let refused = rules.prepare_update(&UserInfo::default(), &old, &mut renamed).unwrap_err();
        assert!(refused.message.contains("username"), "{}", refused.message);
        let mut user = object(json!({"username": "alice", "password": "clear"}));
        rules.prepare_create(&UserInfo::default(), &mut user).expect("allowed");
        assert!(user.get(&["password"]).is_none());
    }
}
