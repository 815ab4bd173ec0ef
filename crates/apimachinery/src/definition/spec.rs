//! What kube-apiserver checks of a definition's spec.
//!
//! Kubernetes validates an older form of the type, into which what all versions have in common moves up: with one
//! version (or equal ones) the schema stands at `spec.validation`, subresources at `spec.subresources`, and so on.
//! Clients know these paths from error messages, so they are kept.

use serde_json::{Map, Value};

use super::{
    Conversion, Definition, MAX_VERSIONS, Scale, SelectableField, Subresources, Validation, Version, names,
    path, schema,
};
use crate::{FieldError, Object, name, table::Column};

const COLUMN_TYPES: &str = "boolean,date,integer,number,string";
const COLUMN_FORMATS: &str = "byte,date,date-time,double,float,int32,int64,password";
/// Most selectable fields of a version.
const MAX_SELECTABLE_FIELDS: usize = 8;
const MAX_DEPRECATION_WARNING_BYTES: usize = 256;

/// What all versions have in common.
struct Common {
    schema: bool,
    subresources: bool,
    columns: bool,
    selectable: bool,
}

impl Common {
    fn of(versions: &[Version]) -> Self {
        let same = |equal: fn(&Version, &Version) -> bool| {
            versions.first().is_some_and(|first| versions.iter().all(|other| equal(first, other)))
        };
        Common {
            schema: same(|a, b| a.schema == b.schema),
            subresources: same(|a, b| a.subresources == b.subresources),
            columns: same(|a, b| a.additional_printer_columns == b.additional_printer_columns),
            selectable: same(|a, b| a.selectable_fields == b.selectable_fields),
        }
    }
}

pub(super) fn validate(
    definition: &Definition,
    object: &Object,
    before: Option<&Definition>,
    errors: &mut Vec<FieldError>,
) {
    validate_group(&definition.group, errors);
    match definition.scope.as_str() {
        "" => errors.push(FieldError::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        other => errors.push(FieldError::not_supported("spec.scope", other, &["Cluster", "Namespaced"])),
    }
    for (index, version) in definition.versions.iter().enumerate() {
        if version.schema().is_none() {
            let field = format!("spec.versions[{index}].schema.openAPIV3Schema");
            errors.push(FieldError::required(field, ""));
        }
    }
    if definition.preserve_unknown_fields && has_defaults(definition) {
        let detail = "must be false in order to use defaults in the schema";
        errors.push(FieldError::invalid("spec.preserveUnknownFields", true, detail));
    }
    if definition.versions.len() > MAX_VERSIONS {
        errors.push(FieldError::too_many("spec.versions", definition.versions.len(), MAX_VERSIONS));
        return;
    }
    let common = Common::of(&definition.versions);
    validate_versions(definition, object, before, &common, errors);
    for (field, value) in [
        ("plural", &definition.names.plural),
        ("singular", &definition.names.singular),
        ("kind", &definition.names.kind),
        ("listKind", &definition.names.list_kind),
    ] {
        if value.is_empty() {
            errors.push(FieldError::required(format!("spec.names.{field}"), ""));
        }
    }
    names::validate(&definition.names, "spec.names", errors);
    if let Some(first) = definition.versions.first() {
        validate_common(definition, first, before, &common, errors);
    }
    validate_conversion(definition, errors);
}

fn validate_group(group: &str, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.group";
    if group.is_empty() {
        errors.push(FieldError::required(FIELD, ""));
    } else if let Err(fault) = name::dns1123_subdomain(group) {
        errors.push(FieldError::invalid(FIELD, group, fault));
    } else if !group.contains('.') {
        errors.push(FieldError::invalid(FIELD, group, "should be a domain with at least one dot"));
    }
}

fn validate_versions(
    definition: &Definition,
    object: &Object,
    before: Option<&Definition>,
    common: &Common,
    errors: &mut Vec<FieldError>,
) {
    const FIELD: &str = "spec.versions";
    let versions = &definition.versions;
    for (index, version) in versions.iter().enumerate() {
        let path = format!("{FIELD}[{index}]");
        if let Err(fault) = name::dns1035_label(&version.name) {
            errors.push(FieldError::invalid(format!("{path}.name"), version.name.as_str(), fault));
        }
        validate_deprecation(version, &path, errors);
        if !common.schema {
            let schema_path = format!("{path}.schema");
            validate_schema(version.schema.as_ref(), &schema_path, version.has_status(), before, errors);
        }
        if !common.subresources {
            validate_subresources(version.subresources.as_ref(), &format!("{path}.subresources"), errors);
        }
        if !common.columns {
            validate_columns(&version.additional_printer_columns, &path, errors);
        }
        if !common.selectable && !version.selectable_fields.is_empty() {
            match version.schema().filter(|_| !common.schema) {
                None => errors.push(FieldError::invalid(
                    format!("{path}.selectableFields"),
                    "",
                    "may only be set when `version.schema.openAPIV3Schema` is not included",
                )),
                Some(schema) => validate_selectable(&version.selectable_fields, schema, &path, errors),
            }
        }
    }
    let list = || object.get(&["spec", "versions"]).cloned().unwrap_or(Value::Null);
    let mut names: Vec<&str> = versions.iter().map(|version| version.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < versions.len() {
        errors.push(FieldError::invalid(FIELD, list(), "must contain unique version names"));
    }
    if versions.iter().filter(|version| version.storage).count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid(FIELD, list(), detail));
    }
    if let Some(first) = versions.first().filter(|first| !first.name.is_empty())
        && let Err(fault) = name::dns1035_label(&first.name)
    {
        errors.push(FieldError::invalid("spec.version", first.name.as_str(), fault));
    }
}

/// What stands once for all versions.
fn validate_common(
    definition: &Definition,
    first: &Version,
    before: Option<&Definition>,
    common: &Common,
    errors: &mut Vec<FieldError>,
) {
    if common.schema {
        let has_status = definition.versions.iter().any(Version::has_status);
        validate_schema(first.schema.as_ref(), "spec.validation", has_status, before, errors);
    }
    if common.subresources {
        validate_subresources(first.subresources.as_ref(), "spec.subresources", errors);
    }
    if common.columns {
        validate_columns(&first.additional_printer_columns, "spec", errors);
    }
    if common.selectable && !first.selectable_fields.is_empty() {
        match first.schema().filter(|_| common.schema) {
            None => errors.push(FieldError::invalid(
                "spec.selectableFields",
                "",
                "may only be set when validations.schema is included",
            )),
            Some(schema) => validate_selectable(&first.selectable_fields, schema, "spec", errors),
        }
    }
}

fn validate_schema(
    validation: Option<&Validation>,
    path: &str,
    has_status: bool,
    before: Option<&Definition>,
    errors: &mut Vec<FieldError>,
) {
    let Some(document) = validation.and_then(|validation| validation.open_api_v3_schema.as_ref()) else {
        return;
    };
    // What was accepted once stays accepted, whatever later versions of the rules say.
    let unchanged = before.is_some_and(|before| {
        before
            .versions
            .iter()
            .any(|version| version.schema() == Some(document) && version.has_status() == has_status)
    });
    if !unchanged {
        schema::validate(document, &format!("{path}.openAPIV3Schema"), has_status, errors);
    }
}

fn validate_deprecation(version: &Version, path: &str, errors: &mut Vec<FieldError>) {
    let Some(warning) = &version.deprecation_warning else { return };
    let mut fault = |detail: String| {
        errors.push(FieldError::invalid(format!("{path}.deprecationWarning"), warning.as_str(), detail));
    };
    if !version.deprecated {
        return fault("can only be set for deprecated versions".into());
    }
    if warning.len() > MAX_DEPRECATION_WARNING_BYTES {
        fault(format!("must be <= {MAX_DEPRECATION_WARNING_BYTES} characters long"));
    }
    if warning.is_empty() {
        fault("must not be an empty string".into());
    }
    if let Some((at, _)) = warning.char_indices().find(|(_, c)| c.is_control()) {
        fault(format!(
            "must only contain printable UTF-8 characters; non-printable character found at index {at}"
        ));
    }
}

fn validate_subresources(subresources: Option<&Subresources>, path: &str, errors: &mut Vec<FieldError>) {
    let Some(Scale { spec_replicas_path, status_replicas_path, label_selector_path }) =
        subresources.and_then(|subresources| subresources.scale.as_ref())
    else {
        return;
    };
    let mut check = |field: &str, value: &str, roots: &[&str], wanted: &str| {
        let field = format!("{path}.scale.{field}");
        errors.push(if value.is_empty() {
            FieldError::required(field, "")
        } else if !value.starts_with('.') {
            FieldError::invalid(field, value, "must be a simple json path starting with .")
        } else if !roots.iter().any(|root| value.starts_with(root)) {
            FieldError::invalid(field, value, format!("should be a json path under {wanted}"))
        } else {
            return;
        });
    };
    check("specReplicasPath", spec_replicas_path, &[".spec."], ".spec");
    check("statusReplicasPath", status_replicas_path, &[".status."], ".status");
    if let Some(value) = label_selector_path.as_deref().filter(|value| !value.is_empty()) {
        check("labelSelectorPath", value, &[".spec.", ".status."], "either .spec or .status");
    }
}

fn validate_columns(columns: &[Column], path: &str, errors: &mut Vec<FieldError>) {
    for (index, column) in columns.iter().enumerate() {
        let path = format!("{path}.additionalPrinterColumns[{index}]");
        if column.name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        let wanted = format!("must be one of {COLUMN_TYPES}");
        if column.kind.is_empty() {
            errors.push(FieldError::required(format!("{path}.type"), wanted));
        } else if !COLUMN_TYPES.split(',').any(|known| known == column.kind) {
            errors.push(FieldError::invalid(format!("{path}.type"), column.kind.as_str(), wanted));
        }
        if !column.format.is_empty() && !COLUMN_FORMATS.split(',').any(|known| known == column.format) {
            let detail = format!("must be one of {COLUMN_FORMATS}");
            errors.push(FieldError::invalid(format!("{path}.format"), column.format.as_str(), detail));
        }
        if column.json_path.is_empty() {
            errors.push(FieldError::required(format!("{path}.JSONPath"), ""));
        } else if !column.json_path.starts_with('.') {
            let detail = "must be a simple json path starting with .";
            errors.push(FieldError::invalid(format!("{path}.JSONPath"), column.json_path.as_str(), detail));
        }
    }
}

fn validate_selectable(
    fields: &[SelectableField],
    schema: &Map<String, Value>,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let path = format!("{path}.selectableFields");
    let mut seen = Vec::new();
    for (index, SelectableField { json_path }) in fields.iter().enumerate() {
        let field = format!("{path}[{index}].jsonPath");
        let mut fault =
            |detail: String| errors.push(FieldError::invalid(field.as_str(), json_path.as_str(), detail));
        if json_path.is_empty() {
            errors.push(FieldError::required(field, ""));
            continue;
        }
        let found = match path::follow(json_path, schema, false) {
            Ok(found) => found,
            Err(why) => {
                fault(format!("is an invalid path: {why}"));
                continue;
            }
        };
        if found.root() == Some("metadata") {
            fault("must not point to fields in metadata".into());
        }
        let kind = found.schema.and_then(|schema| schema.get("type")).and_then(Value::as_str);
        if !matches!(kind, Some("string" | "boolean" | "integer")) {
            fault("must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.".into());
        }
        if seen.contains(&found.steps) {
            errors.push(FieldError::duplicate(field, json_path.as_str()));
        } else {
            seen.push(found.steps);
        }
    }
    if seen.len() > MAX_SELECTABLE_FIELDS {
        errors.push(FieldError::too_many(path, seen.len(), MAX_SELECTABLE_FIELDS));
    }
}

fn validate_conversion(definition: &Definition, errors: &mut Vec<FieldError>) {
    let Some(Conversion { strategy, webhook }) = &definition.conversion else { return };
    const FIELD: &str = "spec.conversion.strategy";
    if definition.preserve_unknown_fields && strategy != "None" {
        let detail = "must be None if spec.preserveUnknownFields is true";
        errors.push(FieldError::invalid(FIELD, strategy.as_str(), detail));
    }
    match strategy.as_str() {
        "" => errors.push(FieldError::required(FIELD, "")),
        "None" => {}
        // Kubernetes knows webhooks. Here no version is converted by another program.
        "Webhook" => errors.push(FieldError::forbidden(
            FIELD,
            "this server converts between versions with strategy None only (the apiVersion changes and nothing else); conversion webhooks are not supported",
        )),
        other => errors.push(FieldError::not_supported(FIELD, other, &["None", "Webhook"])),
    }
    if let Some(webhook) = webhook.as_ref().filter(|_| strategy != "Webhook") {
        let detail = "should not be set when strategy is not set to Webhook";
        if webhook.client_config.is_some() {
            errors.push(FieldError::forbidden("spec.conversion.webhookClientConfig", detail));
        }
        if !webhook.conversion_review_versions.is_empty() {
            errors.push(FieldError::forbidden("spec.conversion.conversionReviewVersions", detail));
        }
    }
}

/// What decides how objects are stored cannot change.
pub(super) fn validate_immutable(
    definition: &Definition,
    before: &Definition,
    established: bool,
    errors: &mut Vec<FieldError>,
) {
    let mut same = |field: &str, new: &str, old: &str| {
        if new != old {
            errors.push(FieldError::invalid(format!("spec.{field}"), new, "field is immutable"));
        }
    };
    if established {
        same("scope", &definition.scope, &before.scope);
        same("names.kind", &definition.names.kind, &before.names.kind);
    }
    same("group", &definition.group, &before.group);
    same("names.plural", &definition.names.plural, &before.names.plural);
}

fn has_defaults(definition: &Definition) -> bool {
    definition
        .versions
        .iter()
        .filter_map(Version::schema)
        .any(|document| schema::any(document, &mut |schema| schema.contains_key("default")))
}
