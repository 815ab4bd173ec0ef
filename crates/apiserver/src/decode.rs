//! From body bytes to an object that fits the resource it was sent to.
use grange_apimachinery::{Object, Reason, Status, Value, json, yaml};

use crate::{
    limits::MAX_WARNINGS,
    negotiate::BodyForm,
    protobuf::{self, ProtobufError},
    registry::Served,
    request::FieldValidation,
};

/// Fields of `metadata` that Kubernetes knows.
const METADATA_FIELDS: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

/// A body as a tree, with the fields that occurred twice.
pub(crate) fn parse_body(bytes: &[u8], form: BodyForm) -> Result<(Value, Vec<String>), Status> {
    let parsed = match form {
        BodyForm::Protobuf => return parse_protobuf(bytes),
        BodyForm::Yaml | BodyForm::ApplyPatch => yaml::parse(bytes),
        _ => json::parse(bytes),
    };
    match parsed {
        Ok(parsed) => Ok((parsed.value, parsed.duplicates)),
        Err(error) if form == BodyForm::ApplyPatch => {
            Err(Status::bad_request(format!("error decoding YAML: {error}")))
        }
        Err(error) => Err(Status::bad_request(format!("the body of the request cannot be read: {error}"))),
    }
}

fn parse_protobuf(bytes: &[u8]) -> Result<(Value, Vec<String>), Status> {
    match protobuf::parse(bytes) {
        Ok(value) => Ok((value, Vec::new())),
        Err(ProtobufError::UnknownKind(kind)) => Err(Status::new(
            415,
            Reason::UnsupportedMediaType,
            format!(
                "{kind} is not read as protobuf - accepted media types include: application/json, application/yaml"
            ),
        )),
        Err(error) => Err(Status::bad_request(format!("the body of the request cannot be read: {error}"))),
    }
}

/// Reads an object and the duplicate fields in it; checks its form, kind and version against the resource.
pub(crate) fn parse_object(
    bytes: &[u8],
    form: BodyForm,
    served: &Served,
) -> Result<(Object, Vec<String>), Status> {
    let resource = &served.resource;
    parse_object_as(bytes, form, &resource.api_version(), &resource.kind, served.builtin)
}

/// The same for any kind; `lenient` fills in a missing kind and version.
pub(crate) fn parse_object_as(
    bytes: &[u8],
    form: BodyForm,
    api_version: &str,
    kind: &str,
    lenient: bool,
) -> Result<(Object, Vec<String>), Status> {
    let (value, duplicates) = parse_body(bytes, form)?;
    let Value::Object(map) = value else {
        return Err(Status::bad_request("the body of the request is not an object"));
    };
    let mut object = Object(map);
    check_kind(&mut object, api_version, kind, lenient)?;
    check_metadata(&mut object)?;
    Ok((object, duplicates))
}

/// Checks (or fills in) `apiVersion` and `kind`.
pub(crate) fn check_kind(
    object: &mut Object,
    api_version: &str,
    kind: &str,
    lenient: bool,
) -> Result<(), Status> {
    for (key, expected) in [("kind", kind), ("apiVersion", api_version)] {
        match object.0.get(key) {
            Some(Value::String(text)) if text == expected => continue,
            Some(Value::String(text)) if !text.is_empty() => {
                return Err(Status::bad_request(if key == "kind" {
                    format!(
                        "{text} in version {api_version:?} cannot be handled as a {kind}: the kind in the data ({text}) does not match the expected kind ({kind})"
                    )
                } else {
                    format!(
                        "the API version in the data ({text}) does not match the expected API version ({api_version})"
                    )
                }));
            }
            None | Some(Value::String(_) | Value::Null) if lenient => {
                object.0.insert(key.to_owned(), expected.into());
            }
            None | Some(Value::String(_) | Value::Null) => {
                let named = if key == "kind" { "Kind" } else { "apiVersion" };
                return Err(Status::bad_request(format!("Object '{named}' is missing")));
            }
            Some(_) => return Err(Status::bad_request(format!("{key}: must be a string"))),
        }
    }
    Ok(())
}

/// Checks the types of everything in `metadata`; nulls are dropped. Afterwards the accessors of [`Object`] tell the truth.
pub(crate) fn check_metadata(object: &mut Object) -> Result<(), Status> {
    let refuse =
        |field: &str, wanted: &str| Err(Status::bad_request(format!("metadata.{field}: must be {wanted}")));
    let metadata = match object.0.get_mut("metadata") {
        Some(Value::Object(map)) => map,
        None | Some(Value::Null) => {
            object.0.insert("metadata".into(), Value::Object(Default::default()));
            return Ok(());
        }
        Some(_) => return Err(Status::bad_request("metadata: must be an object")),
    };
    metadata.retain(|_, value| !value.is_null());
    for (key, value) in metadata.iter_mut() {
        match key.as_str() {
            "name" | "generateName" | "namespace" | "selfLink" | "uid" | "resourceVersion"
            | "creationTimestamp" | "deletionTimestamp"
                if !value.is_string() =>
            {
                return refuse(key, "a string");
            }
            "labels" | "annotations" => {
                let Value::Object(map) = value else { return refuse(key, "a map of strings") };
                for entry in map.values_mut() {
                    match entry {
                        Value::String(_) => {}
                        Value::Null => *entry = Value::String(String::new()),
                        _ => return refuse(key, "a map of strings"),
                    }
                }
            }
            "finalizers" if !value.as_array().is_some_and(|list| list.iter().all(Value::is_string)) => {
                return refuse(key, "a list of strings");
            }
            "ownerReferences" => {
                let Some(list) = value.as_array() else { return refuse(key, "a list of owner references") };
                for item in list {
                    if let Err(error) =
                        serde_json::from_value::<grange_apimachinery::object::OwnerReference>(item.clone())
                    {
                        return Err(Status::bad_request(format!("metadata.ownerReferences: {error}")));
                    }
                }
            }
            "managedFields" if !value.as_array().is_some_and(|list| list.iter().all(Value::is_object)) => {
                return refuse(key, "a list of entries");
            }
            "generation" | "deletionGracePeriodSeconds" if !value.is_i64() && !value.is_u64() => {
                return refuse(key, "an integer");
            }
            _ => {}
        }
    }
    // Empty maps and lists are what Kubernetes leaves out; a no-op update must compare equal.
    metadata.retain(|key, value| match value {
        Value::Object(map) => !map.is_empty() || !matches!(key.as_str(), "labels" | "annotations"),
        // An empty list of managers is a wish of its own: to forget who owns what.
        Value::Array(list) => !list.is_empty() || key == "managedFields",
        _ => true,
    });
    Ok(())
}

/// Prunes and defaults by the schema and treats unknown and duplicate fields as the request wishes; what is to be
/// told as a warning goes to `warnings`.
pub(crate) fn admit_fields(
    served: &Served,
    object: &mut Object,
    duplicates: &[String],
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<(), Status> {
    let mut unknown = Vec::new();
    if let Some(Value::Object(metadata)) = object.0.get_mut("metadata") {
        metadata.retain(|key, _| {
            let known = METADATA_FIELDS.contains(&key.as_str());
            if !known {
                unknown.push(format!("metadata.{key}"));
            }
            known
        });
    }
    served.resource.strategy.decode(object, &mut unknown)?;
    if let Some(schema) = &served.resource.schema {
        let mut value = Value::Object(std::mem::take(&mut object.0));
        unknown.extend(schema.prune(&mut value).0);
        schema.default(&mut value);
        if let Value::Object(map) = value {
            object.0 = map;
        }
    }
    let problems = unknown
        .iter()
        .map(|field| format!("unknown field {field:?}"))
        .chain(duplicates.iter().map(|field| format!("duplicate field {field:?}")));
    match validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => warnings.extend(problems.take(MAX_WARNINGS)),
        FieldValidation::Strict => {
            let problems: Vec<_> = problems.take(MAX_WARNINGS).collect();
            if !problems.is_empty() {
                let resource = &served.resource;
                return Err(Status::bad_request(format!(
                    "{kind} in version {version:?} cannot be handled as a {kind}: strict decoding error: {problems}",
                    kind = resource.kind,
                    version = resource.version,
                    problems = problems.join(", "),
                )));
            }
        }
    }
    Ok(())
}
