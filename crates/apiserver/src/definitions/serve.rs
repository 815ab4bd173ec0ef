//! From a stored definition to the resources it serves.
use std::sync::Arc;

use grange_apimachinery::{
    FieldError, Object, Value,
    definition::{Definition, Names, Version},
    name::NameRule,
    schema::StructuralSchema,
    table::Column,
};
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use crate::{Resource, Scope, Strategy};

/// What kubectl shows of kinds without columns of their own.
const AGE_DESCRIPTION: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// A definition made ready for the registry.
pub(crate) struct Custom {
    pub(crate) group: String,
    pub(crate) plural: String,
    pub(crate) versions: Vec<CustomVersion>,
    pub(crate) life: Life,
}

/// One of its versions.
#[derive(Clone)]
pub(crate) struct CustomVersion {
    pub(crate) resource: Resource,
    pub(crate) served: bool,
    pub(crate) storage: bool,
}

/// What all versions of a definition share.
#[derive(Clone)]
pub(crate) struct Life {
    /// Closed once the definition is being deleted.
    pub(crate) gate: Arc<Gate>,
    /// Cancelled when what is served changes: watches end, and clients list again.
    pub(crate) retired: CancellationToken,
}

/// The resources of a definition under the names it was given. Errors: a schema that does not compile, which
/// admission refuses.
pub(super) fn versions(
    definition: &Definition,
    names: &Names,
    strategy: &Arc<dyn Strategy>,
) -> Result<Vec<CustomVersion>, FieldError> {
    definition
        .versions
        .iter()
        .map(|version| {
            Ok(CustomVersion {
                resource: resource(definition, version, names, strategy.clone())?,
                served: version.served,
                storage: version.storage,
            })
        })
        .collect()
}

fn resource(
    definition: &Definition,
    version: &Version,
    names: &Names,
    strategy: Arc<dyn Strategy>,
) -> Result<Resource, FieldError> {
    let scope = if definition.scope == "Namespaced" { Scope::Namespaced } else { Scope::Cluster };
    let schema = version
        .schema()
        .map(|document| StructuralSchema::compile(&Value::Object(document.clone())))
        .transpose()?;
    let columns = match version.additional_printer_columns.as_slice() {
        [] => vec![Column {
            description: AGE_DESCRIPTION.into(),
            ..Column::new("Age", "date", ".metadata.creationTimestamp")
        }],
        columns => columns.iter().map(described).collect(),
    };
    let deprecation = version.deprecated.then(|| {
        version
            .deprecation_warning
            .clone()
            .unwrap_or_else(|| format!("{}/{} {} is deprecated", definition.group, version.name, names.kind))
    });
    Ok(Resource {
        singular: names.singular.clone(),
        short_names: names.short_names.clone(),
        categories: names.categories.clone(),
        status_subresource: version.has_status(),
        scale: version.scale().cloned(),
        columns,
        schema: schema.map(Arc::new),
        selectable_fields: version
            .selectable_fields()
            .map(|path| path.trim_start_matches('.').to_owned())
            .collect(),
        name_rule: NameRule::Subdomain,
        strategy,
        deprecation,
        ..Resource::new(&definition.group, &version.name, &names.kind, &names.plural, scope)
    })
}

/// A column says what it shows even where its definition does not.
fn described(column: &Column) -> Column {
    let mut column = column.clone();
    if column.description.is_empty() {
        column.description =
            format!("Custom resource definition column (in JSONPath format): {}", column.json_path);
    }
    column
}

/// A definition that the program brings along, with the hooks of its kind: it is there whenever the server is ready.
#[derive(Clone)]
pub struct OwnDefinition {
    /// The CustomResourceDefinition; its status counts for nothing.
    pub object: Object,
    /// The hooks of the kind's objects.
    pub strategy: Arc<dyn Strategy>,
}

impl OwnDefinition {
    /// The definition in canonical form.
    ///
    /// # Errors
    /// When it is not one that Kubernetes would accept; the programs' own are, which tests prove.
    pub fn new(object: Value, strategy: Arc<dyn Strategy>) -> Result<Self, FieldError> {
        let Value::Object(map) = object else {
            return Err(FieldError::invalid("", "", "a CustomResourceDefinition is an object"));
        };
        let mut object = Object(map);
        grange_apimachinery::definition::decode(&mut object, &mut Vec::new())
            .map_err(|fault| FieldError::invalid("", "", fault))?;
        grange_apimachinery::definition::reset_status(&mut object);
        match grange_apimachinery::definition::validate_new(&object).into_iter().next() {
            Some(error) => Err(error),
            None => Ok(OwnDefinition { object, strategy }),
        }
    }
    /// The resource it serves in its first version, as if it were established.
    ///
    /// # Errors
    /// When its schema does not compile.
    pub fn resource(&self) -> Result<Resource, FieldError> {
        let definition =
            Definition::read(&self.object).map_err(|why| FieldError::invalid("spec", "", why))?;
        let versions = versions(&definition, &definition.names, &self.strategy)?;
        versions
            .into_iter()
            .next()
            .map(|version| version.resource)
            .ok_or_else(|| FieldError::required("spec.versions", ""))
    }
}
