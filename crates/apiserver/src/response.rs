//! Answers: JSON, Status, and the mapping of store errors to Status.
use bytes::Bytes;
use grange_apimachinery::{Reason, Status, Value, yaml};
use grange_store::StoreError;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use crate::{
    Body,
    limits::{MAX_WARNINGS, MAX_YAML_ANSWER_BYTES},
};

/// A JSON answer.
pub(crate) fn json(code: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A JSON answer as YAML; one that is too large for that is refused.
pub(crate) async fn as_yaml(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if parts.headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "application/json") {
        return Response::from_parts(parts, body);
    }
    let Ok(bytes) = Limited::new(body, MAX_YAML_ANSWER_BYTES).collect().await else {
        return status(&Status::new(
            406,
            Reason::NotAcceptable,
            format!("an answer of more than {MAX_YAML_ANSWER_BYTES} bytes is not written as YAML"),
        ));
    };
    let value: Value = serde_json::from_slice(&bytes.to_bytes()).unwrap_or_default();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
    Response::from_parts(parts, yaml::to_string(&value).into_bytes().into())
}

/// A plain text answer.
pub(crate) fn text(code: StatusCode, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::Full(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Adds what the client is warned of.
pub(crate) fn add_warnings(headers: &mut HeaderMap, warnings: &[String]) {
    for warning in warnings.iter().take(MAX_WARNINGS) {
        let text: String = warning.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_bytes(format!("299 - \"{quoted}\"").as_bytes()) {
            headers.append(http::header::WARNING, value);
        }
    }
}

/// An error's answer.
pub(crate) fn status(status: &Status) -> Response<Body> {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(code, status.to_json());
    if let Some(seconds) = status.details.as_ref().and_then(|details| details.retry_after_seconds) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    add_warnings(response.headers_mut(), &status.warnings);
    response
}

/// The Status of a store error that the handler has no better words for.
pub(crate) fn store_error(error: StoreError) -> Status {
    match error {
        StoreError::PreconditionFailed { .. } => Status::new(
            409,
            Reason::Conflict,
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
        StoreError::Compacted { requested, oldest } => {
            Status::expired(format!("too old resource version: {requested} ({oldest})"))
        }
        StoreError::Future { requested, newest } => too_large_version(requested.0, newest.0),
        StoreError::TooLarge { size_bytes, limit_bytes } => Status::new(
            413,
            Reason::RequestEntityTooLarge,
            format!("Request entity too large: the object has {size_bytes} bytes, limit is {limit_bytes}"),
        ),
        StoreError::NoSpace(why) => Status::new(
            507,
            Reason::InsufficientStorage,
            format!("nothing can be written: the disk of the server's data is full or fails ({why})"),
        ),
        StoreError::Unavailable(why) => Status::unavailable(format!("the store is unavailable: {why}"), 1),
        StoreError::Internal(why) => {
            tracing::error!(error = %why, "store failure");
            Status::internal("the store failed; see the server's log")
        }
    }
}

/// 504: the revision is yet to come.
pub(crate) fn too_large_version(requested: u64, newest: u64) -> Status {
    let mut status = Status::new(
        504,
        Reason::Timeout,
        format!("Too large resource version: {requested}, current: {newest}"),
    );
    status.details = Some(Box::new(grange_apimachinery::status::Details {
        causes: vec![grange_apimachinery::status::Cause {
            reason: "ResourceVersionTooLarge".into(),
            message: "Too large resource version".into(),
            field: String::new(),
        }],
        retry_after_seconds: Some(1),
        ..Default::default()
    }));
    status
}
