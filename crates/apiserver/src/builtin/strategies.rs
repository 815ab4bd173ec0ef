//! The hooks of ConfigMaps and Secrets.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use grange_apimachinery::{FieldError, Object, Status, Value, status::FieldCause};

use crate::{UserInfo, limits::MAX_DATA_BYTES, resource::Strategy, write::field_error};

/// Which of the two data kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataKind {
    ConfigMap,
    Secret,
}

/// Data, its size, and immutability.
pub(super) struct ConfigStrategy(pub(super) DataKind);

impl ConfigStrategy {
    fn kind(&self) -> &'static str {
        if self.0 == DataKind::Secret { "Secret" } else { "ConfigMap" }
    }

    /// Normalizes a Secret as Kubernetes does when it decodes one.
    fn normalize(&self, object: &mut Object) {
        // What is empty is left out, as by Kubernetes' own types.
        object.0.retain(|key, value| match value {
            Value::Null => false,
            Value::Object(map) => !map.is_empty() || key == "metadata",
            _ => true,
        });
        if self.0 == DataKind::ConfigMap {
            return;
        }
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

    fn check(&self, object: &Object) -> Result<(), Status> {
        let mut errors = Vec::new();
        let mut size_bytes = 0;
        for field in ["data", "binaryData"] {
            let encoded = self.0 == DataKind::Secret || field == "binaryData";
            for (key, value) in object.0.get(field).and_then(Value::as_object).into_iter().flatten() {
                if key.is_empty()
                    || key.len() > 253
                    || key == "."
                    || key == ".."
                    || !key
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
                {
                    errors.push(field_error(
                        &format!("{field}[{key}]"),
                        FieldCause::FieldValueInvalid,
                        Some(&Value::from(key.as_str())),
                        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
                    ));
                }
                let text = value.as_str().unwrap_or_default();
                size_bytes += text.len();
                if encoded && STANDARD.decode(text).is_err() {
                    return Err(Status::bad_request(format!(
                        "{} in version \"v1\" cannot be handled as a {}: illegal base64 data in {field}[{key}]",
                        self.kind(),
                        self.kind()
                    )));
                }
            }
        }
        if size_bytes > MAX_DATA_BYTES {
            errors.push(FieldError::too_long("data", MAX_DATA_BYTES));
        }
        if errors.is_empty() { Ok(()) } else { Err(Status::invalid("", self.kind(), object.name(), errors)) }
    }
}

impl Strategy for ConfigStrategy {
    fn complete(&self, object: &mut Object) {
        self.normalize(object);
    }

    fn prepare_create(&self, _: &UserInfo, object: &mut Object) -> Result<(), Status> {
        self.check(object)
    }

    fn prepare_update(&self, _: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        let mut errors = Vec::new();
        if self.0 == DataKind::Secret && old.text(&["type"]) != new.text(&["type"]) {
            errors.push(field_error(
                "type",
                FieldCause::FieldValueInvalid,
                new.0.get("type"),
                "field is immutable",
            ));
        }
        if old.0.get("immutable") == Some(&Value::Bool(true)) {
            let frozen = "field is immutable when `immutable` is set";
            for field in ["data", "binaryData", "immutable"] {
                if old.0.get(field) != new.0.get(field) {
                    errors.push(FieldError::forbidden(field, frozen));
                }
            }
        }
        if !errors.is_empty() {
            return Err(Status::invalid("", self.kind(), old.name(), errors));
        }
        self.check(new)
    }
}
