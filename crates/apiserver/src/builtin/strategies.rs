//! The hooks of the core kinds and of leases.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use grange_apimachinery::{FieldError, Object, Status, Value};

use super::validation;
use crate::{UserInfo, resource::Strategy};

/// The kinds that need no more than their validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    ConfigMap,
    ServiceAccount,
}

/// Of the secrets that an account may use Kubernetes keeps the names.
fn keep_names(object: &mut Object) {
    if let Some(Value::Array(secrets)) = object.0.get_mut("secrets") {
        for secret in secrets.iter_mut().filter_map(Value::as_object_mut) {
            secret.retain(|field, _| field == "name");
        }
    }
}

impl Strategy for Plain {
    fn complete(&self, object: &mut Object) {
        if *self == Plain::ServiceAccount {
            keep_names(object);
        }
    }
    fn validate(&self, old: Option<&Object>, new: &Object) -> Vec<FieldError> {
        match self {
            Plain::ConfigMap => validation::config_map(old, new),
            Plain::ServiceAccount => validation::service_account(old, new),
        }
    }
}

/// Secrets.
pub(super) struct SecretStrategy;

/// Normalizes a Secret as Kubernetes does when it decodes one.
fn normalize(object: &mut Object) {
    if let Some(Value::Object(text)) = object.0.remove("stringData") {
        for (key, value) in text {
            let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
            object.set(&["data", &key], encoded);
        }
    }
    if object.text(&["type"]).is_empty() {
        object.0.insert("type".into(), "Opaque".into());
    }
}

impl Strategy for SecretStrategy {
    fn complete(&self, object: &mut Object) {
        normalize(object);
    }
    fn validate(&self, old: Option<&Object>, new: &Object) -> Vec<FieldError> {
        validation::secret(old, new)
    }
}

/// Leases.
pub(super) struct LeaseStrategy;

/// Drops the fields of coordinated leader election, which Kubernetes has but does not take by default.
fn drop_election(object: &mut Object) {
    for field in ["strategy", "preferredHolder"] {
        object.remove(&["spec", field]);
    }
}

impl Strategy for LeaseStrategy {
    fn prepare_create(&self, _: &UserInfo, object: &mut Object) -> Result<(), Status> {
        drop_election(object);
        Ok(())
    }
    fn prepare_update(&self, _: &UserInfo, _: &Object, new: &mut Object) -> Result<(), Status> {
        drop_election(new);
        Ok(())
    }
    fn validate(&self, old: Option<&Object>, new: &Object) -> Vec<FieldError> {
        validation::lease(old, new)
    }
}
