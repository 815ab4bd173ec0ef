//! From Rust types to CustomResourceDefinitions, as files and for the API server.
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Value, json};

use grange_apimachinery::FieldError;
use grange_apiserver::{OwnDefinition, Strategy};

use crate::{management, provisioning};

/// Every definition, sorted by name. The same documents are committed under `crds/`.
pub fn custom_resource_definitions() -> Vec<CustomResourceDefinition> {
    let mut definitions = vec![
        provisioning::Cluster::crd(),
        management::Cluster::crd(),
        management::ClusterRegistrationToken::crd(),
        management::Project::crd(),
        beside_metadata(management::Setting::crd()),
        beside_metadata(management::Token::crd()),
        beside_metadata(management::User::crd()),
        beside_metadata(management::GlobalRole::crd()),
        beside_metadata(management::GlobalRoleBinding::crd()),
        beside_metadata(management::RoleTemplate::crd()),
        beside_metadata(management::ClusterRoleTemplateBinding::crd()),
        beside_metadata(management::ProjectRoleTemplateBinding::crd()),
    ];
    for definition in &mut definitions {
        optional_spec(definition);
    }
    definitions.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    definitions
}

/// A definition as the API server takes it, with the hooks of its kind.
///
/// # Errors
/// When Kubernetes would not accept the definition; ours are accepted, which a test proves.
pub fn own_definition(
    definition: &CustomResourceDefinition,
    strategy: Arc<dyn Strategy>,
) -> Result<OwnDefinition, FieldError> {
    let object = serde_json::to_value(definition).expect("invariant: a definition is JSON");
    OwnDefinition::new(object, strategy)
}

/// The `openAPIV3Schema` of the first version as JSON.
pub fn schema_document(definition: &CustomResourceDefinition) -> Option<Value> {
    let schema = definition.spec.versions.first()?.schema.as_ref()?.open_api_v3_schema.as_ref()?;
    serde_json::to_value(schema).ok()
}

/// Kinds whose fields stand beside `metadata` take the fields that Rancher has there and Grange does not read.
fn beside_metadata(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    edit_schema(&mut definition, |schema| {
        schema["x-kubernetes-preserve-unknown-fields"] = json!(true);
        if let Some(map) = schema.as_object_mut() {
            map.remove("required");
        }
    });
    definition
}

/// `spec` may be left out, as with Rancher: `kubectl create` of a cluster without one is fine.
fn optional_spec(definition: &mut CustomResourceDefinition) {
    edit_schema(definition, |schema| {
        if let Some(map) = schema.as_object_mut() {
            map.remove("required");
        }
    });
}

fn edit_schema(definition: &mut CustomResourceDefinition, edit: impl Fn(&mut Value)) {
    for version in &mut definition.spec.versions {
        let Some(validation) = version.schema.as_mut() else { continue };
        let Some(schema) = validation.open_api_v3_schema.take() else { continue };
        let mut document = serde_json::to_value(schema).expect("invariant: a schema is JSON");
        edit(&mut document);
        validation.open_api_v3_schema =
            Some(serde_json::from_value(document).expect("invariant: an edited schema is a schema"));
    }
}
