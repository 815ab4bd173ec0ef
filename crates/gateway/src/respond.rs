//! Answers: JSON, text, and errors in the dialect of the route that was asked.
use grange_apimachinery::{Reason, Status};
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::Body;

/// How a route's clients expect errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `metav1.Status`.
    Kubernetes,
    /// Rancher's `/v3`: `{"type":"error","status":…,"code":…,"message":…}`.
    Norman,
    /// One plain sentence.
    Text,
}

/// An error as the route's clients expect it.
pub(crate) fn error(dialect: Dialect, status: &Status) -> Response<Body> {
    let mut response = match dialect {
        Dialect::Kubernetes => bytes("application/json", status.to_json()),
        Dialect::Norman => bytes("application/json", norman_error(status).to_string().into_bytes()),
        Dialect::Text => bytes("text/plain; charset=utf-8", format!("{}\n", status.message).into_bytes()),
    };
    *response.status_mut() = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry_after = status.details.as_ref().and_then(|details| details.retry_after_seconds);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn norman_error(status: &Status) -> Value {
    let code = match (status.code, status.reason) {
        (401, _) => "Unauthorized",
        (403, _) => "Forbidden",
        (404, _) => "NotFound",
        (405, _) => "MethodNotAllow",
        (409, Some(Reason::AlreadyExists)) => "AlreadyExists",
        (409, _) => "Conflict",
        (413, _) => "RequestEntityTooLarge",
        (400 | 415 | 422, _) => "InvalidBodyContent",
        (429, _) => "TooManyRequests",
        (503, _) => "ServiceUnavailable",
        _ => "ServerError",
    };
    let mut error = json!({
        "type": "error", "baseType": "error", "status": status.code, "code": code, "message": status.message,
    });
    let field = status
        .details
        .as_ref()
        .and_then(|details| details.causes.first())
        .map(|cause| cause.field.as_str())
        .filter(|field| !field.is_empty());
    if let Some(field) = field {
        error["fieldName"] = json!(field);
    }
    error
}

pub(crate) fn json_with(code: StatusCode, value: &Value) -> Response<Body> {
    let mut response = bytes("application/json", value.to_string().into_bytes());
    *response.status_mut() = code;
    response
}

pub(crate) fn json_ok(value: &Value) -> Response<Body> {
    json_with(StatusCode::OK, value)
}

pub(crate) fn text(value: impl Into<String>) -> Response<Body> {
    bytes("text/plain; charset=utf-8", value.into().into_bytes())
}

pub(crate) fn empty(code: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = code;
    response
}

pub(crate) fn bytes(content_type: &'static str, body: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::Full(body.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// 429 with Retry-After.
pub(crate) fn too_many(message: impl Into<String>, retry_after_seconds: u32) -> Status {
    let mut status = Status::unavailable(message, retry_after_seconds);
    (status.code, status.reason) = (429, Some(Reason::TooManyRequests));
    status
}

/// 413.
pub(crate) fn too_large(limit_bytes: usize) -> Status {
    Status::new(
        413,
        Reason::RequestEntityTooLarge,
        format!("the request body is larger than the limit of {limit_bytes} bytes"),
    )
}
