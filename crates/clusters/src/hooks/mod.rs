//! What happens inside a create or an update of our kinds, before the object is stored.
//!
//! Pure: the object, who writes it, and a [`HooksConfig`]. Everything that takes another object is the controllers'.
mod management;
mod provisioning;
mod registration;

use std::sync::Arc;

use grange_apimachinery::{FieldError, Object, Status};
use grange_apiserver::{OwnDefinition, Strategy, UserInfo, resource::NoHooks};
use grange_resources::{custom_resource_definitions, names, own_definition};
use grange_settings::Settings;
use serde_json::{Value, json};

pub use management::ManagementClusterHooks;
pub use provisioning::ProvisioningClusterHooks;
pub use registration::RegistrationTokenHooks;

use crate::Directory;

/// The API group of clusters as users write them.
pub(crate) const PROVISIONING_GROUP: &str = "provisioning.cattle.io";
/// The API group of everything else.
pub(crate) const MANAGEMENT_GROUP: &str = "management.cattle.io";
/// Most variables a user may give the agent.
pub const MAX_AGENT_ENV_VARS: usize = 64;
/// Longest value of such a variable.
pub const MAX_AGENT_ENV_VALUE_BYTES: usize = 16 * 1024;
/// Variables that the manifest itself sets.
const RESERVED_ENV: [&str; 4] =
    ["CATTLE_SERVER", "CATTLE_CA_CHECKSUM", "CATTLE_CLUSTER", "GRANGE_CLUSTER_ID"];

/// What the hooks know of the server.
#[derive(Clone, Debug)]
pub struct HooksConfig {
    /// Where the address is that clusters reach the server at.
    pub settings: Settings,
    /// Lower-case hex SHA-256 of the server's CA certificates; empty when its certificate is publicly valid.
    pub ca_checksum: String,
    /// The clusters there are; the one the [`crate::Config`] has too.
    pub directory: Directory,
}

/// The definitions of this crate's kinds and of the roles around them, with their hooks.
///
/// # Errors
/// When Kubernetes would not accept one; a test proves that it accepts all.
pub fn definitions(config: &HooksConfig) -> Result<Vec<OwnDefinition>, FieldError> {
    let mut definitions = Vec::new();
    for definition in custom_resource_definitions() {
        let strategy: Arc<dyn Strategy> = match definition.metadata.name.as_deref().unwrap_or_default() {
            "clusters.provisioning.cattle.io" => Arc::new(ProvisioningClusterHooks::new(config.clone())),
            "clusters.management.cattle.io" => Arc::new(ManagementClusterHooks::new(config.clone())),
            "clusterregistrationtokens.management.cattle.io" => {
                Arc::new(RegistrationTokenHooks::new(config.clone()))
            }
            // Those of other crates.
            "users.management.cattle.io"
            | "tokens.management.cattle.io"
            | "settings.management.cattle.io" => {
                continue;
            }
            _ => Arc::new(NoHooks),
        };
        definitions.push(own_definition(&definition, strategy)?);
    }
    Ok(definitions)
}

/// Whether the writer is one of the server's own controllers, which alone may write what hooks assign.
fn is_controller(user: &UserInfo) -> bool {
    user.username.starts_with("system:") && user.groups.iter().any(|group| group == "system:masters")
}

/// Records who created the object; what a client says about it counts for nothing.
fn record_creator(user: &UserInfo, object: &mut Object) {
    if !user.username.starts_with("system:") && !user.username.is_empty() {
        object.set(&["metadata", "annotations", names::CREATOR_ID_ANNOTATION], user.username.as_str());
    }
}

/// Adds our finalizer, so that no moment exists in which a delete would skip the removal.
fn add_finalizer(object: &mut Object) {
    let mut finalizers: Vec<Value> =
        object.finalizers().into_iter().map(|finalizer| json!(finalizer)).collect();
    if !finalizers.iter().any(|finalizer| finalizer == names::CLUSTER_FINALIZER) {
        finalizers.push(json!(names::CLUSTER_FINALIZER));
        object.set(&["metadata", "finalizers"], finalizers);
    }
}

/// Checks `spec.agentEnvVars`: they become the environment of a Deployment that others apply.
fn check_agent_env(object: &Object, errors: &mut Vec<FieldError>) {
    let Some(Value::Array(variables)) = object.get(&["spec", "agentEnvVars"]) else { return };
    if variables.len() > MAX_AGENT_ENV_VARS {
        errors.push(FieldError::too_many("spec.agentEnvVars", variables.len(), MAX_AGENT_ENV_VARS));
        return;
    }
    for (index, variable) in variables.iter().enumerate() {
        let name = variable["name"].as_str().unwrap_or_default();
        let field = format!("spec.agentEnvVars[{index}].name");
        if name.is_empty() {
            errors.push(FieldError::required(field, "a variable needs a name"));
        } else if !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=') || name.len() > 253 {
            errors.push(FieldError::invalid(field, name, "must be printable ASCII without '=' and spaces"));
        } else if RESERVED_ENV.contains(&name) {
            errors.push(FieldError::forbidden(field, format!("{name} is set by the server")));
        }
        if variable["value"].as_str().is_some_and(|value| value.len() > MAX_AGENT_ENV_VALUE_BYTES) {
            let field = format!("spec.agentEnvVars[{index}].value");
            errors.push(FieldError::too_long(field, MAX_AGENT_ENV_VALUE_BYTES));
        }
    }
}

/// `Ok` when there is nothing wrong, otherwise one 422 with every field.
fn refuse_if_any(group: &str, kind: &str, object: &Object, errors: Vec<FieldError>) -> Result<(), Status> {
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid(group, kind, object.name(), errors)) }
}

/// Keeps a field of the old object in the new one.
fn keep(old: &Object, new: &mut Object, path: &[&str]) {
    match old.get(path) {
        Some(value) => {
            let value = value.clone();
            new.set(path, value);
        }
        None => {
            new.remove(path);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use grange_settings::{Given, ServerUrl};

    use super::*;

    pub(crate) fn config() -> HooksConfig {
        let given = Given {
            server_url: ServerUrl::parse("https://grange.example").unwrap(),
            is_server_url_chosen: true,
            ca_pem: String::new(),
            version: "test".into(),
        };
        HooksConfig {
            settings: Settings::new(given),
            ca_checksum: "c0ffee".into(),
            directory: Directory::default(),
        }
    }
}
