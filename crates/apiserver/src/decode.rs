//! From body bytes to an object that fits the resource it was sent to.
use grange_apimachinery::{FieldError, Object, Reason, Status, Value, json, yaml};

use crate::{
    limits::MAX_WARNINGS,
    negotiate::BodyForm,
    protobuf::{self, ProtobufError},
    registry::Served,
    request::FieldValidation,
    typed,
    write::WriteOptions,
};

/// A body as a tree, with what is to be told of fields that occurred twice.
pub(crate) fn parse_body(bytes: &[u8], form: BodyForm) -> Result<(Value, Vec<String>), Status> {
    let parsed = match form {
        BodyForm::Protobuf => return parse_protobuf(bytes),
        BodyForm::Yaml | BodyForm::ApplyPatch => yaml::parse(bytes),
        _ => json::parse(bytes),
    };
    match parsed {
        Ok(parsed) => Ok((parsed.value, duplicates(&parsed.duplicates))),
        Err(error) if form == BodyForm::ApplyPatch => {
            Err(Status::bad_request(format!("error decoding YAML: {error}")))
        }
        Err(error) => Err(Status::bad_request(format!("the body of the request cannot be read: {error}"))),
    }
}

/// Unknown fields as strict reading tells of them.
pub(crate) fn unknown_fields(paths: &[String]) -> impl Iterator<Item = String> {
    paths.iter().map(|path| format!("unknown field {path:?}"))
}

/// Duplicate fields as strict reading tells of them.
fn duplicates(paths: &[String]) -> Vec<String> {
    paths.iter().map(|path| format!("duplicate field {path:?}")).collect()
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

/// Reads an object and what strict reading finds in it; checks its form, kind, version and types against the resource.
pub(crate) fn parse_object(
    bytes: &[u8],
    form: BodyForm,
    served: &Served,
) -> Result<(Object, Vec<String>), Status> {
    let resource = &served.resource;
    let (mut object, mut problems) =
        parse_object_as(bytes, form, &resource.api_version(), &resource.kind, served.builtin)?;
    problems.extend(decode_types(served, &mut object)?);
    Ok((object, problems))
}

/// The same for any kind, without the types of its fields; `lenient` fills in a missing kind and version.
pub(crate) fn parse_object_as(
    bytes: &[u8],
    form: BodyForm,
    api_version: &str,
    kind: &str,
    lenient: bool,
) -> Result<(Object, Vec<String>), Status> {
    let unrecognized = |why: &str| {
        Status::bad_request(format!("the object provided is unrecognized (must be of type {kind}): {why}"))
    };
    let (value, duplicates) = parse_body(bytes, form).map_err(|mut status| {
        if status.code == 400 {
            status.message = unrecognized(&status.message).message;
        }
        status
    })?;
    let mut object = match value {
        Value::Object(map) => Object(map),
        Value::Null if lenient => Object::default(),
        _ => return Err(unrecognized("the body of the request is not an object")),
    };
    check_kind(&mut object, api_version, kind, lenient)?;
    Ok((object, duplicates))
}

/// Reads options or another object that is not stored; a missing kind is no fault.
pub(crate) fn parse_options(
    bytes: &[u8],
    form: BodyForm,
    kind: &str,
    schema: &Value,
) -> Result<Object, Status> {
    let mut object = match parse_body(bytes, form)?.0 {
        Value::Object(map) => Object(map),
        Value::Null => Object::default(),
        _ => return Err(Status::bad_request(format!("the body of the request is not {kind}"))),
    };
    if !matches!(object.0.get("kind"), None | Some(Value::Null)) && object.kind() != kind {
        return Err(Status::bad_request(format!("the body of the request is not {kind}")));
    }
    typed::decode_fields(schema, &mut object, &mut Vec::new()).map_err(Status::bad_request)?;
    Ok(object)
}

/// 400 for an object that cannot be read as the kind it says it is.
pub(crate) fn cannot_be_handled(kind: &str, api_version: &str, why: &str) -> Status {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
}

/// 422 for a patched object that cannot be read; Kubernetes shows it, under no kind and no name.
pub(crate) fn unreadable_patch(object: &Object, why: &str) -> Status {
    let patched = Value::Object(object.0.clone()).to_string();
    Status::invalid("", "", "", vec![FieldError::invalid("patch", patched, why)])
}

/// Gives metadata, and all fields of a built-in kind, their types; what strict reading finds comes back.
fn decode_types(served: &Served, object: &mut Object) -> Result<Vec<String>, Status> {
    let resource = &served.resource;
    let mut unknown = Vec::new();
    typed::decode_metadata(object, &mut unknown)
        .and_then(|()| match &resource.schema {
            Some(schema) if served.builtin && !resource.strategy.decodes() => {
                typed::decode_fields(schema.document(), object, &mut unknown)
            }
            _ => Ok(()),
        })
        .map_err(|why| cannot_be_handled(&resource.kind, &resource.version, &why))?;
    Ok(unknown_fields(&unknown).collect())
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
            Some(Value::String(text)) if !text.is_empty() => {}
            None | Some(Value::String(_) | Value::Null) if lenient => {
                object.0.insert(key.to_owned(), expected.into());
            }
            None | Some(Value::String(_) | Value::Null) => {
                let named = if key == "kind" { "Kind" } else { "apiVersion" };
                return Err(Status::bad_request(format!("Object '{named}' is missing")));
            }
            Some(_) => {
                return Err(Status::bad_request(format!(
                    "the object provided is unrecognized (must be of type {kind}): {key} must be a string"
                )));
            }
        }
    }
    if object.kind() == kind && object.api_version() == api_version {
        return Ok(());
    }
    let why = if object.api_version() == api_version {
        format!("the kind in the data ({}) does not match the expected kind ({kind})", object.kind())
    } else {
        format!(
            "the API version in the data ({}) does not match the expected API version ({api_version})",
            object.api_version()
        )
    };
    let version = object.api_version().rsplit('/').next().unwrap_or_default();
    Err(Status::bad_request(format!(
        "{} in version {version:?} cannot be handled as a {kind}: {why}",
        object.kind()
    )))
}

/// Drops empty maps and lists, which Kubernetes leaves out: a no-op update must compare equal.
pub(crate) fn tidy_metadata(object: &mut Object) {
    let Some(Value::Object(metadata)) = object.0.get_mut("metadata") else { return };
    metadata.retain(|key, value| match value {
        Value::Object(map) => !map.is_empty() || !matches!(key.as_str(), "labels" | "annotations"),
        // An empty list of managers is a wish of its own: to forget who owns what.
        Value::Array(list) => !list.is_empty() || key == "managedFields",
        _ => true,
    });
}

/// Drops owners that are named twice; the uids of those.
fn dedupe_owners(object: &mut Object) -> Vec<String> {
    let mut doubles = Vec::new();
    let mut metadata = object.0.get_mut("metadata");
    let owners = metadata.as_mut().and_then(|metadata| metadata.get_mut("ownerReferences"));
    if let Some(Value::Array(owners)) = owners {
        let mut seen = Vec::new();
        owners.retain(|owner| {
            let double = seen.contains(owner);
            if double {
                doubles.push(owner["uid"].as_str().unwrap_or_default().to_owned());
            } else {
                seen.push(owner.clone());
            }
            !double
        });
    }
    doubles
}

/// Reads the types, prunes and defaults by the schema, and treats unknown and duplicate fields as the request wishes;
/// what is to be told as a warning goes to `warnings`. `problems` are those found when the request was parsed.
pub(crate) fn admit_fields(
    served: &Served,
    object: &mut Object,
    problems: &[String],
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<(), Status> {
    let mut problems = problems.to_vec();
    let unread = options.patches.then(|| object.clone());
    if !options.is_read {
        problems.extend(decode_types(served, object).map_err(|status| match &unread {
            Some(patched) => unreadable_patch(patched, &status.message),
            None => status,
        })?);
    }
    let mut unknown = Vec::new();
    served.resource.strategy.decode(object, &mut unknown)?;
    problems.extend(unknown_fields(&unknown));
    if let Some(schema) = &served.resource.schema {
        let mut value = Value::Object(std::mem::take(&mut object.0));
        if !served.builtin {
            problems.extend(unknown_fields(&schema.prune(&mut value).0));
        }
        if !options.applies {
            schema.drop_nulls(&mut value);
        }
        schema.default(&mut value);
        if let Value::Object(map) = value {
            object.0 = map;
        }
    }
    // An unknown field that occurs twice is just unknown.
    let told = problems.clone();
    problems.retain(|problem| {
        let field = problem.strip_prefix("duplicate field ");
        field
            .is_none_or(|field| !told.iter().any(|other| other.strip_prefix("unknown field ") == Some(field)))
    });
    problems.truncate(MAX_WARNINGS);
    match options.field_validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => warnings.append(&mut problems),
        FieldValidation::Strict if problems.is_empty() => {}
        FieldValidation::Strict => {
            let why = format!("strict decoding error: {}", problems.join(", "));
            let resource = &served.resource;
            return Err(match options.patches {
                true => unreadable_patch(object, &why),
                false => cannot_be_handled(&resource.kind, &resource.version, &why),
            });
        }
    }
    let doubles = dedupe_owners(object);
    if !doubles.is_empty() {
        let when = if options.patches { " after mutating admission happens" } else { "" };
        warnings.push(format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            doubles.join(", ")
        ));
    }
    Ok(())
}
