//! What is refused and filled in when somebody writes a Setting.
use std::sync::Arc;

use grange_apimachinery::{FieldError, Object, Status};
use grange_apiserver::{OwnDefinition, Strategy, UserInfo};
use grange_resources::{custom_resource_definitions, own_definition};
use serde_json::json;

use crate::{
    Settings,
    definition::{self, Definition, MAX_VALUE_BYTES, SESSION_IDLE_TTL, SESSION_TTL},
    values::{FROM_DEFAULT, FROM_STORE},
};

const GROUP: &str = "management.cattle.io";
const FIELD: &str = "value";

/// The definition of `settings` in `management.cattle.io`.
///
/// # Errors
/// When Kubernetes would not accept it; a test proves that it does.
pub fn definitions(settings: &Settings) -> Result<Vec<OwnDefinition>, FieldError> {
    custom_resource_definitions()
        .iter()
        .filter(|definition| definition.metadata.name.as_deref() == Some("settings.management.cattle.io"))
        .map(|definition| own_definition(definition, Arc::new(SettingRules(settings.clone()))))
        .collect()
}

struct SettingRules(Settings);

impl SettingRules {
    /// Checks the value and writes it in its one form; `default`, `source` and `customized` follow from it.
    fn complete(&self, object: &mut Object) -> Result<(), Status> {
        let (name, value) = (object.name().to_owned(), object.text(&[FIELD]).to_owned());
        let refuse = |error: FieldError| Status::invalid(GROUP, "Setting", &name, vec![error]);
        if value.len() > MAX_VALUE_BYTES {
            return Err(refuse(FieldError::too_long(FIELD, MAX_VALUE_BYTES)));
        }
        let known = definition::find(&name);
        if let Some(known) = known.filter(|_| !value.is_empty()) {
            let checked = (known.check)(&value).and_then(|value| self.fits(known, &value).map(|()| value));
            let checked =
                checked.map_err(|problem| refuse(FieldError::invalid(FIELD, value.as_str(), problem)))?;
            object.set(&[FIELD], checked);
        }
        if let Some(known) = known {
            object.set(&["default"], self.0.default_of(known));
        }
        let is_set = !value.is_empty();
        object.set(&["customized"], json!(is_set));
        object.set(&["source"], if is_set { FROM_STORE } else { FROM_DEFAULT });
        Ok(())
    }

    /// Whether a value goes together with the others.
    fn fits(&self, known: &Definition, value: &str) -> Result<(), String> {
        let wanted = definition::duration(value);
        let other = |name: &str| Some(self.0.duration(name));
        match known.name {
            SESSION_IDLE_TTL if wanted > other(SESSION_TTL) => {
                Err(format!("must not be longer than {SESSION_TTL}, which is the life of every session"))
            }
            SESSION_TTL if wanted < other(SESSION_IDLE_TTL) => {
                Err(format!("must not be shorter than {SESSION_IDLE_TTL}; set that first"))
            }
            _ => Ok(()),
        }
    }

    fn refuse_if_locked(&self, object: &Object) -> Result<(), Status> {
        let locked = definition::find(object.name()).and_then(|known| self.0.locked(known));
        match locked {
            None => Ok(()),
            Some(why) => {
                let error = FieldError::forbidden(FIELD, format!("{}: {why}", object.name()));
                Err(Status::invalid(GROUP, "Setting", object.name(), vec![error]))
            }
        }
    }
}

impl Strategy for SettingRules {
    fn prepare_create(&self, user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        if is_system(user) {
            return Ok(());
        }
        self.refuse_if_locked(object)?;
        self.complete(object)
    }
    fn prepare_update(&self, user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        if is_system(user) {
            return Ok(());
        }
        if old.text(&[FIELD]) != new.text(&[FIELD]) {
            self.refuse_if_locked(new)?;
            return self.complete(new);
        }
        for field in ["default", "customized", "source"] {
            match old.get(&[field]).cloned() {
                Some(value) => new.set(&[field], value),
                None => drop(new.remove(&[field])),
            }
        }
        Ok(())
    }
    fn check_delete(&self, user: &UserInfo, object: &Object) -> Result<(), Status> {
        if is_system(user) || definition::find(object.name()).is_none() {
            return Ok(());
        }
        let why = "the server relies on it; set its value to \"\" to have the default again";
        Err(Status::forbidden(GROUP, "settings", object.name(), why))
    }
}

/// Whether it is one of the server's own parts.
fn is_system(user: &UserInfo) -> bool {
    user.username.starts_with("system:") && user.groups.iter().any(|group| group == "system:masters")
}
