//! `/scale` of custom resources: a view of a few of their fields as `autoscaling/v1` Scale.
use grange_apimachinery::{FieldError, Object, Status, Value, apply::go_type_name, definition::Scale};
use serde_json::json;

/// What a Scale is.
pub(crate) const API_VERSION: &str = "autoscaling/v1";
/// Its kind.
pub(crate) const KIND: &str = "Scale";

/// The keys of a simple path such as `.spec.replicas`.
fn keys(path: &str) -> Vec<&str> {
    path.trim_start_matches('.').split('.').collect()
}

fn integer(object: &Object, path: &str) -> Result<Option<i64>, String> {
    match object.get(&keys(path)) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| wrong_type(path, value, "int64")),
    }
}

fn text<'a>(object: &'a Object, path: &str) -> Result<&'a str, String> {
    match object.get(&keys(path)) {
        None => Ok(""),
        Some(value) => value.as_str().ok_or_else(|| wrong_type(path, value, "string")),
    }
}

fn wrong_type(path: &str, value: &Value, wanted: &str) -> String {
    let found = go_type_name(value);
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{path} accessor error: {shown} is of the type {found}, expected {wanted}")
}

/// The Scale of an object, and whether the object says how many replicas it wants.
pub(crate) fn read(scale: &Scale, object: &Object) -> Result<(Object, bool), Status> {
    let view = || -> Result<(Value, bool), String> {
        let wanted = integer(object, &scale.spec_replicas_path)?;
        let present = integer(object, &scale.status_replicas_path)?.unwrap_or_default();
        let mut metadata = json!({"name": object.name()});
        for field in ["namespace", "uid", "resourceVersion", "creationTimestamp"] {
            if let Some(value) = object.get(&["metadata", field]) {
                metadata[field] = value.clone();
            }
        }
        let mut value = json!({
            "kind": KIND, "apiVersion": API_VERSION, "metadata": metadata,
            "spec": {}, "status": {"replicas": present},
        });
        if let Some(wanted) = wanted.filter(|wanted| *wanted != 0) {
            value["spec"]["replicas"] = wanted.into();
        }
        if let Some(path) = scale.label_selector_path.as_deref().filter(|path| !path.is_empty()) {
            let selector = text(object, path)?;
            if !selector.is_empty() {
                value["status"]["selector"] = selector.into();
            }
        }
        Ok((value, wanted.is_some()))
    };
    match view().map_err(Status::internal)? {
        (Value::Object(map), found) => Ok((Object(map), found)),
        _ => Err(Status::internal("invariant: a Scale is an object")),
    }
}

/// 500 for an object that says nothing about replicas.
pub(crate) fn missing(scale: &Scale) -> Status {
    Status::internal(format!("the spec replicas field {:?} does not exist", scale.spec_replicas_path))
}

/// An object as a Scale wants it.
pub(crate) fn apply(scale: &Scale, object: &Object, wanted: &Object) -> Result<Object, Status> {
    let replicas = match wanted.get(&["spec", "replicas"]) {
        None | Some(Value::Null) => 0,
        Some(value) => {
            value.as_i64().filter(|replicas| i32::try_from(*replicas).is_ok()).ok_or_else(|| {
                Status::bad_request(format!("{KIND}: spec.replicas must be a 32-bit integer, not {value}"))
            })?
        }
    };
    if replicas < 0 {
        let error = FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        return Err(Status::invalid("autoscaling", KIND, object.name(), vec![error]));
    }
    let mut object = object.clone();
    object.set(&keys(&scale.spec_replicas_path), replicas);
    if !wanted.resource_version().is_empty() {
        object.set(&["metadata", "resourceVersion"], wanted.resource_version());
    }
    Ok(object)
}

/// Checks the fields that a Scale shows.
pub(crate) fn validate(scale: &Scale, object: &Object, errors: &mut Vec<FieldError>) {
    for path in [&scale.spec_replicas_path, &scale.status_replicas_path] {
        match integer(object, path) {
            Err(why) => errors.push(FieldError::invalid(path.as_str(), 0, why)),
            Ok(Some(count)) if count < 0 => {
                errors.push(FieldError::invalid(path.as_str(), count, "should be a non-negative integer"));
            }
            Ok(Some(count)) if count > i64::from(i32::MAX) => {
                let detail = format!("should be less than or equal to {}", i32::MAX);
                errors.push(FieldError::invalid(path.as_str(), count, detail));
            }
            Ok(_) => {}
        }
    }
    if let Some(path) = &scale.label_selector_path
        && let Err(why) = text(object, path)
    {
        errors.push(FieldError::invalid(path.as_str(), "", why));
    }
}
