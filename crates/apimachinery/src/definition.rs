//! CustomResourceDefinitions (`apiextensions.k8s.io/v1`) as values: reading, defaulting, validation, and what their
//! status says. Rules, paths and words are kube-apiserver's.
//!
//! Start reading at [`decode`] (from a client's tree to Kubernetes' canonical form), then [`validate_new`] and
//! [`Definition`]. Nothing here is served or stored.

mod approval;
mod fields;
mod names;
pub(crate) mod path;
mod schema;
mod shape;
mod spec;
mod status;
mod structural;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{FieldError, Object, table::Column};

pub use approval::approval_condition;
pub use names::{Taken, negotiate};
pub use status::{Condition, ConditionStatus, condition_is_true, set_condition};

/// API group of definitions.
pub const GROUP: &str = "apiextensions.k8s.io";
/// Their kind.
pub const KIND: &str = "CustomResourceDefinition";
/// Their resource.
pub const PLURAL: &str = "customresourcedefinitions";
/// Holds a definition until its objects are gone.
pub const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";
/// Most versions of a definition (Kubernetes has no limit of its own).
pub const MAX_VERSIONS: usize = 64;

/// What is served of a definition, read from its canonical form.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Definition {
    /// The API group.
    pub group: String,
    /// The names it asks for.
    pub names: Names,
    /// `Namespaced` or `Cluster`.
    pub scope: String,
    /// Its versions.
    #[serde(deserialize_with = "null_as_default")]
    pub versions: Vec<Version>,
    conversion: Option<Conversion>,
    preserve_unknown_fields: bool,
}

/// The names of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Names {
    /// `virtualmachines`.
    pub plural: String,
    /// `virtualmachine`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub singular: String,
    /// `vm`, `vms`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub short_names: Vec<String>,
    /// `VirtualMachine`.
    pub kind: String,
    /// `VirtualMachineList`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub list_kind: String,
    /// `all`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

/// One version of a definition.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Version {
    /// `v1beta1`.
    pub name: String,
    /// Whether it is served.
    pub served: bool,
    /// Whether objects are stored in it.
    pub storage: bool,
    /// Whether its use is warned of.
    pub deprecated: bool,
    /// The warning, where it is not the usual one.
    pub deprecation_warning: Option<String>,
    schema: Option<Validation>,
    subresources: Option<Subresources>,
    /// Columns of its table; without any there is an age.
    pub additional_printer_columns: Vec<Column>,
    selectable_fields: Vec<SelectableField>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Conversion {
    strategy: String,
    webhook: Option<Webhook>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Webhook {
    client_config: Option<Value>,
    #[serde(deserialize_with = "null_as_default")]
    conversion_review_versions: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Validation {
    #[serde(rename = "openAPIV3Schema")]
    open_api_v3_schema: Option<Map<String, Value>>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Subresources {
    status: Option<Value>,
    scale: Option<Scale>,
}

/// Where a kind keeps what `/scale` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Scale {
    /// A path under `.spec`.
    pub spec_replicas_path: String,
    /// A path under `.status`.
    pub status_replicas_path: String,
    /// A path under `.spec` or `.status`.
    pub label_selector_path: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SelectableField {
    json_path: String,
}

impl Definition {
    /// Reads the `spec` of a definition in canonical form.
    pub fn read(object: &Object) -> Result<Self, String> {
        let spec = object.0.get("spec").unwrap_or(&Value::Null);
        Definition::deserialize(spec).map_err(|error| format!("spec: {error}"))
    }
    /// The version objects are stored in.
    pub fn storage_version(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.storage)
    }
}

impl Version {
    /// The schema, where there is one.
    pub fn schema(&self) -> Option<&Map<String, Value>> {
        self.schema.as_ref()?.open_api_v3_schema.as_ref()
    }
    /// Whether `/status` is separate.
    pub fn has_status(&self) -> bool {
        self.subresources.as_ref().is_some_and(|subresources| subresources.status.is_some())
    }
    /// Whether there is a `/scale`, and of what.
    pub fn scale(&self) -> Option<&Scale> {
        self.subresources.as_ref()?.scale.as_ref()
    }
    /// JSONPaths of field selectors.
    pub fn selectable_fields(&self) -> impl Iterator<Item = &str> {
        self.selectable_fields.iter().map(|field| field.json_path.as_str())
    }
}

/// Brings a client's tree into the canonical form (what Kubernetes would answer), with its defaults; unknown fields are
/// dropped and named. The error says which value has a wrong type.
pub fn decode(object: &mut Object, unknown: &mut Vec<String>) -> Result<(), String> {
    let mut rest = std::mem::take(&mut object.0);
    let mut own = Map::new();
    for key in ["apiVersion", "kind", "metadata"] {
        if let Some(value) = rest.remove(key) {
            own.insert(key.to_owned(), value);
        }
    }
    let mut findings = shape::Findings::default();
    let read = shape::read_fields(&fields::DEFINITION, rest, &mut findings);
    if let Value::Object(read) = read {
        own.extend(read);
    }
    object.0 = own;
    if let Some(fault) = findings.fault {
        return Err(fault);
    }
    unknown.append(&mut findings.unknown);
    default(object);
    Ok(())
}

fn default(object: &mut Object) {
    let kind = object.text(&["spec", "names", "kind"]).to_owned();
    if object.text(&["spec", "names", "singular"]).is_empty() && !kind.is_empty() {
        object.set(&["spec", "names", "singular"], kind.to_lowercase());
    }
    if object.text(&["spec", "names", "listKind"]).is_empty() && !kind.is_empty() {
        object.set(&["spec", "names", "listKind"], format!("{kind}List"));
    }
    if object.get(&["spec", "conversion"]).is_none() {
        object.set(&["spec", "conversion", "strategy"], "None");
    }
    let service = ["spec", "conversion", "webhook", "clientConfig", "service"];
    if object.get(&service).is_some_and(|service| service["port"].is_null()) {
        object.set(&["spec", "conversion", "webhook", "clientConfig", "service", "port"], 443);
    }
    if object.get(&["status", "storedVersions"]).and_then(Value::as_array).is_none_or(Vec::is_empty) {
        status::note_storage_version(object);
    }
}

/// What a new definition's status is, whatever the client says.
pub fn reset_status(object: &mut Object) {
    object.set(&["status"], status::fresh());
    status::note_storage_version(object);
}

/// Keeps the storage version among the stored ones.
pub fn note_storage_version(object: &mut Object) {
    status::note_storage_version(object);
}

/// Checks a new definition in canonical form.
pub fn validate_new(object: &Object) -> Vec<FieldError> {
    validate(object, None)
}

/// Checks a changed definition in canonical form.
pub fn validate_change(object: &Object, old: &Object) -> Vec<FieldError> {
    validate(object, Some(old))
}

/// Checks a definition of which only the status changed.
pub fn validate_status(object: &Object) -> Vec<FieldError> {
    status::validate(object)
}

/// Formats in a definition's schemas that nothing here knows; values are not checked against them.
pub fn unrecognized_formats(object: &Object) -> Vec<String> {
    let Ok(definition) = Definition::read(object) else { return Vec::new() };
    let mut found = Vec::new();
    for document in definition.versions.iter().filter_map(Version::schema) {
        schema::any(document, &mut |schema| {
            let (kind, format) = (schema::text(schema, "type"), schema::text(schema, "format"));
            if !format.is_empty()
                && !crate::schema::is_known_format(kind, format)
                && !found.iter().any(|f| f == format)
            {
                found.push(format.to_owned());
            }
            false
        });
    }
    found
}

fn validate(object: &Object, old: Option<&Object>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let definition = match Definition::read(object) {
        Ok(definition) => definition,
        Err(fault) => return vec![FieldError::invalid("spec", "", fault)],
    };
    let before = old.and_then(|old| Definition::read(old).ok());
    if old.is_none() {
        let wanted = format!("{}.{}", definition.names.plural, definition.group);
        if object.name() != wanted {
            let detail = "must be spec.names.plural+\".\"+spec.group";
            errors.push(FieldError::invalid("metadata.name", object.name(), detail));
        }
    }
    spec::validate(&definition, object, before.as_ref(), &mut errors);
    if let (Some(old), Some(before)) = (old, &before) {
        let established = condition_is_true(old, Condition::Established);
        spec::validate_immutable(&definition, before, established, &mut errors);
    }
    errors.extend(status::validate(object));
    status::validate_stored_versions(object, &definition, &mut errors);
    approval::validate(object, old, &definition.group, &mut errors);
    let preserved = before.is_some_and(|before| before.preserve_unknown_fields);
    if definition.preserve_unknown_fields && !preserved {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.push(FieldError::invalid("spec.preserveUnknownFields", true, detail));
    }
    errors
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
