//! `metav1.Status`: the one error a client sees, and the field errors inside it.
//!
//! Clients match on these sentences (kubectl, Terraform providers, controllers), so they are Kubernetes' to the letter.

use serde::{Deserialize, Serialize};

pub use crate::field_error::{FieldCause, FieldError, MAX_VALUE_SHOWN_BYTES, quote};

/// Most causes listed of one invalid object; the message names the first of them, too.
pub const MAX_CAUSES: usize = 64;

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
    /// What the client is to be warned of beside the error; sent as headers, not in the body.
    pub warnings: Vec<String>,
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
        Status { code, reason: Some(reason), message: message.into(), details: None, warnings: Vec::new() }
    }
    /// An error whose details are there but say nothing, as Kubernetes answers where it knows no resource.
    pub fn about_nothing(code: u16, reason: Reason, message: impl Into<String>) -> Self {
        Status { details: Some(Box::default()), ..Self::new(code, reason, message) }
    }
    /// 500 without a reason: what Kubernetes answers where an error has no better words.
    pub fn unexplained(message: impl Into<String>) -> Self {
        Status { code: 500, reason: None, message: message.into(), details: None, warnings: Vec::new() }
    }
    /// 404: `<resource>.<group> "<name>" not found`.
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {} not found", qualified(resource, group), quote(name));
        Self::about(404, Reason::NotFound, message, group, resource, name)
    }
    /// 409 AlreadyExists.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {} already exists", qualified(resource, group), quote(name));
        Self::about(409, Reason::AlreadyExists, message, group, resource, name)
    }
    /// 409 Conflict with Kubernetes' "Operation cannot be fulfilled on …" sentence; [`MODIFIED`] is the usual reason.
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} {}: {why}", qualified(resource, group), quote(name));
        Self::about(409, Reason::Conflict, message, group, resource, name)
    }
    /// 422 Invalid with one cause a field.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: Vec<FieldError>) -> Self {
        let mut message = format!("{} {} is invalid", qualified(kind, group), quote(name));
        let mut texts: Vec<String> = Vec::new();
        for text in errors.iter().take(MAX_CAUSES).map(FieldError::to_string) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        match texts.as_slice() {
            [] => {}
            [only] => message.push_str(&format!(": {only}")),
            several => message.push_str(&format!(": [{}]", several.join(", "))),
        }
        let mut status = Self::about(422, Reason::Invalid, message, group, kind, name);
        if let Some(details) = &mut status.details {
            let cause = |error: FieldError| Cause {
                reason: error.cause.as_str().to_owned(),
                message: error.body(),
                field: error.field,
            };
            details.causes = errors.into_iter().take(MAX_CAUSES).map(cause).collect();
        }
        status
    }
    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, Reason::BadRequest, message)
    }
    /// 401.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, Reason::Unauthorized, message)
    }
    /// 403 with Kubernetes' `… is forbidden: …` sentence; resource and name may be empty.
    pub fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let message = match (resource, name) {
            ("", _) => format!("forbidden: {why}"),
            (_, "") => format!("{} is forbidden: {why}", qualified(resource, group)),
            _ => format!("{} {} is forbidden: {why}", qualified(resource, group), quote(name)),
        };
        Self::about(403, Reason::Forbidden, message, group, resource, name)
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
    /// 429 with Retry-After.
    pub fn too_many_requests(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        let mut status = Self::unavailable(message, retry_after_seconds);
        (status.code, status.reason) = (429, Some(Reason::TooManyRequests));
        status
    }
    /// The seconds to send as `Retry-After`.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.details.as_ref().and_then(|details| details.retry_after_seconds)
    }
    /// The wire form.
    pub fn to_json(&self) -> Vec<u8> {
        to_wire("Failure", &self.message, self.reason, self.details.as_deref(), Some(self.code))
    }

    fn about(code: u16, reason: Reason, message: String, group: &str, kind: &str, name: &str) -> Self {
        let details =
            Details { name: name.into(), group: group.into(), kind: kind.into(), ..Details::default() };
        Status { code, reason: Some(reason), message, details: Some(Box::new(details)), warnings: Vec::new() }
    }
}

/// Why a write with an old `resourceVersion` conflicts, in Kubernetes' words.
pub const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// The wire form of a success without an object of its own, as a deletion answers: `details` says what was deleted.
pub fn success_json(details: &Details) -> Vec<u8> {
    to_wire("Success", "", None, Some(details), None)
}

fn to_wire(
    status: &str,
    message: &str,
    reason: Option<Reason>,
    details: Option<&Details>,
    code: Option<u16>,
) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire<'a> {
        kind: &'static str,
        api_version: &'static str,
        metadata: Empty,
        status: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        #[serde(skip_serializing_if = "Option::is_none")]
        details: Option<&'a Details>,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
    }
    #[derive(Serialize)]
    struct Empty {}
    let wire = Wire {
        kind: "Status",
        api_version: "v1",
        metadata: Empty {},
        status,
        message,
        reason,
        details,
        code,
    };
    // A struct of strings and numbers always serializes.
    serde_json::to_vec(&wire).unwrap_or_default()
}

/// `resource.group`, or `resource` alone in the core group.
fn qualified(resource: &str, group: &str) -> String {
    match group {
        "" => resource.to_owned(),
        group => format!("{resource}.{group}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(status: &Status) -> String {
        String::from_utf8(status.to_json()).unwrap()
    }

    #[test]
    fn sentences_are_those_of_kubernetes() {
        for (status, code, expect) in [
            (Status::not_found("", "pods", "x"), 404, r#"pods "x" not found"#),
            (
                Status::not_found("kubevirt.io", "virtualmachines", "x"),
                404,
                r#"virtualmachines.kubevirt.io "x" not found"#,
            ),
            (Status::already_exists("", "configmaps", "x"), 409, r#"configmaps "x" already exists"#),
            (
                Status::conflict("", "configmaps", "x", MODIFIED),
                409,
                r#"Operation cannot be fulfilled on configmaps "x": the object has been modified; please apply your changes to the latest version and try again"#,
            ),
            (Status::forbidden("", "pods", "x", "no"), 403, r#"pods "x" is forbidden: no"#),
            (Status::forbidden("apps", "deployments", "", "no"), 403, "deployments.apps is forbidden: no"),
            (Status::forbidden("", "", "", "no"), 403, "forbidden: no"),
            (
                Status::invalid("apps", "Deployment", "x", vec![FieldError::required("spec.selector", "")]),
                422,
                r#"Deployment.apps "x" is invalid: spec.selector: Required value"#,
            ),
            (
                Status::invalid(
                    "",
                    "Pod",
                    "x",
                    vec![
                        FieldError::required("a", ""),
                        FieldError::required("b", ""),
                        FieldError::required("a", ""),
                    ],
                ),
                422,
                r#"Pod "x" is invalid: [a: Required value, b: Required value]"#,
            ),
        ] {
            assert_eq!((status.code, status.to_string().as_str()), (code, expect));
        }
    }

    #[test]
    fn the_wire_form_has_kubernetes_fields_in_order() {
        assert_eq!(
            wire(&Status::not_found("kubevirt.io", "virtualmachines", "x")),
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"virtualmachines.kubevirt.io \"x\" not found","reason":"NotFound","details":{"name":"x","group":"kubevirt.io","kind":"virtualmachines"},"code":404}"#,
        );
        assert_eq!(
            wire(&Status::invalid("", "Pod", "x", vec![FieldError::duplicate("a[0]", "v")])),
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Pod \"x\" is invalid: a[0]: Duplicate value: \"v\"","reason":"Invalid","details":{"name":"x","kind":"Pod","causes":[{"reason":"FieldValueDuplicate","message":"Duplicate value: \"v\"","field":"a[0]"}]},"code":422}"#,
        );
        assert_eq!(
            wire(&Status::unavailable("later", 5)),
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"later","reason":"ServiceUnavailable","details":{"retryAfterSeconds":5},"code":503}"#,
        );
        assert_eq!(
            wire(&Status::unauthorized("Unauthorized")),
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#,
        );
        let deleted =
            Details { name: "x".into(), kind: "pods".into(), uid: "u".into(), ..Details::default() };
        assert_eq!(
            String::from_utf8(success_json(&deleted)).unwrap(),
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"x","kind":"pods","uid":"u"}}"#,
        );
    }

    #[test]
    fn a_thousand_faults_make_a_bounded_answer() {
        let errors = (0..1000).map(|index| FieldError::required(format!("a[{index}]"), "")).collect();
        assert_eq!(Status::invalid("", "Pod", "x", errors).details.unwrap().causes.len(), MAX_CAUSES);
    }
}
