//! From Rust types to CustomResourceDefinitions, and from those to resources of the API server.
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Value, json};

use grange_apimachinery::{FieldError, schema::StructuralSchema, table::Column};
use grange_apiserver::{Resource, Scope, Strategy};

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

/// The API server's resource of a definition. Only the first version is served.
///
/// # Errors
/// When the definition's schema is not structural; ours are, which a test proves.
pub fn to_resource(
    definition: &CustomResourceDefinition,
    strategy: Arc<dyn Strategy>,
) -> Result<Resource, FieldError> {
    let names = &definition.spec.names;
    let scope = if definition.spec.scope == "Namespaced" { Scope::Namespaced } else { Scope::Cluster };
    let version = definition.spec.versions.first();
    let version_name = version.map_or("", |version| version.name.as_str());
    let mut resource = Resource::new(&definition.spec.group, version_name, &names.kind, &names.plural, scope);
    resource.short_names = names.short_names.clone().unwrap_or_default();
    resource.categories = names.categories.clone().unwrap_or_default();
    resource.status_subresource = false;
    resource.strategy = strategy;
    if let Some(singular) = &names.singular {
        resource.singular.clone_from(singular);
    }
    if let Some(version) = version {
        resource.status_subresource =
            version.subresources.as_ref().is_some_and(|subresources| subresources.status.is_some());
        if let Some(columns) = &version.additional_printer_columns {
            resource.columns = columns.iter().map(to_column).collect();
        }
        resource.selectable_fields = version
            .selectable_fields
            .iter()
            .flatten()
            .map(|field| field.json_path.trim_start_matches('.').to_owned())
            .collect();
        resource.schema = schema_document(definition)
            .map(|document| StructuralSchema::compile(&document))
            .transpose()?
            .map(Arc::new);
    }
    Ok(resource)
}

/// The `openAPIV3Schema` of the first version as JSON.
pub fn schema_document(definition: &CustomResourceDefinition) -> Option<Value> {
    let schema = definition.spec.versions.first()?.schema.as_ref()?.open_api_v3_schema.as_ref()?;
    serde_json::to_value(schema).ok()
}

fn to_column(
    column: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition,
) -> Column {
    Column {
        name: column.name.clone(),
        kind: column.type_.clone(),
        description: column.description.clone().unwrap_or_default(),
        priority: column.priority.unwrap_or_default(),
        json_path: column.json_path.clone(),
    }
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
