//! `metav1.Status`: the one error a client sees, and the field errors inside it.
use serde::{Deserialize, Serialize};

/// Kubernetes' machine-readable reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Reason {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    AlreadyExists,
    Conflict,
    Gone,
    Invalid,
    Expired,
    MethodNotAllowed,
    NotAcceptable,
    RequestEntityTooLarge,
    UnsupportedMediaType,
    TooManyRequests,
    Timeout,
    ServerTimeout,
    InternalError,
    ServiceUnavailable,
    InsufficientStorage,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldError {
    /// The field's path, as Kubernetes writes it (`metadata.labels`, `spec.ports[0].port`).
    pub field: String,
    /// Kubernetes' cause (`FieldValueInvalid`, `FieldValueRequired`, …).
    pub cause: FieldCause,
    /// The refused value as JSON text, where there is one.
    pub value: Option<String>,
    /// What is wrong, in words.
    pub detail: String,
}

/// Kubernetes' causes of field errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub enum FieldCause {
    FieldValueInvalid,
    FieldValueRequired,
    FieldValueDuplicate,
    FieldValueNotSupported,
    FieldValueForbidden,
    FieldValueTooLong,
    FieldValueTooMany,
    FieldValueTypeInvalid,
    FieldValueNotFound,
    InternalError,
}

/// An error as `metav1.Status`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// The HTTP status code.
    pub code: u16,
    /// The machine-readable reason; `None` renders as an empty reason.
    pub reason: Option<Reason>,
    /// One sentence for people.
    pub message: String,
    /// Group, kind (the resource's plural in Kubernetes), name and causes.
    pub details: Option<Box<Details>>,
}

/// `status.details`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[allow(missing_docs)]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[allow(missing_docs)]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    #[allow(missing_docs)]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[allow(missing_docs)]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Field errors in `{reason, message, field}` form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// Seconds after which a retry may work; also sent as `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// One entry of `details.causes`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Cause {
    pub reason: String,
    pub message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

impl Status {
    /// An error without details.
    pub fn new(code: u16, reason: Reason, message: impl Into<String>) -> Self {
        Status { code, reason: Some(reason), message: message.into(), details: None }
    }
    /// 404: `<resource>.<group> "<name>" not found`.
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let _ = (group, resource, name);
        todo!()
    }
    /// 409 AlreadyExists.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let _ = (group, resource, name);
        todo!()
    }
    /// 409 Conflict with Kubernetes' "Operation cannot be fulfilled on …" sentence.
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let _ = (group, resource, name, why);
        todo!()
    }
    /// 422 Invalid with one cause a field.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: Vec<FieldError>) -> Self {
        let _ = (group, kind, name, errors);
        todo!()
    }
    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, Reason::BadRequest, message)
    }
    /// 401.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, Reason::Unauthorized, message)
    }
    /// 403 with Kubernetes' `… is forbidden: …` sentence.
    pub fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let _ = (group, resource, name, why);
        todo!()
    }
    /// 500; `message` must be safe to show.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, Reason::InternalError, message)
    }
    /// 503 with Retry-After.
    pub fn unavailable(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        let mut status = Self::new(503, Reason::ServiceUnavailable, message);
        status.details =
            Some(Box::new(Details { retry_after_seconds: Some(retry_after_seconds), ..Details::default() }));
        status
    }
    /// 410 Expired: the revision is compacted.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, Reason::Expired, message)
    }
    /// The wire form.
    pub fn to_json(&self) -> Vec<u8> {
        todo!()
    }
}
