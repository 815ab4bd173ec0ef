//! The management API: the request goes on with the person in its extensions.
use futures::TryStreamExt as _;
use grange_apimachinery::{Reason, Status};
use grange_apiserver::{UserInfo, body::BodyError};
use http::{Method, Request, Response, header};
use http_body_util::{BodyDataStream, BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use serde_json::Value;

use crate::{Body, dispatch::Call, front::Front};

/// Largest answer that an endpoint of ours takes from the management API.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

pub(crate) async fn management(call: Call) -> Result<Response<Body>, Status> {
    let user = call.caller()?.user().clone();
    let Call { front, request, .. } = call;
    forward(&front, user, request).await
}

/// Hands a request to the management API as `user`.
pub(crate) async fn forward(
    front: &Front,
    user: UserInfo,
    request: Request<Incoming>,
) -> Result<Response<Body>, Status> {
    if !*front.parts.ready.borrow() {
        return Err(Status::unavailable("the server is starting", 1));
    }
    let (mut parts, body) = request.into_parts();
    // The credential was ours to judge; nothing behind needs to see it.
    parts.headers.remove(header::AUTHORIZATION);
    parts.headers.remove(header::COOKIE);
    parts.extensions.insert(user);
    Ok(front.parts.apiserver.call(Request::from_parts(parts, incoming(body))).await)
}

fn incoming(body: Incoming) -> Body {
    if body.is_end_stream() {
        return Body::Empty;
    }
    Body::Stream(Box::pin(BodyDataStream::new(body).map_err(|error| BodyError::from(Box::new(error)))))
}

/// One JSON request to the management API as `user`; a refusal is its `Status`.
pub(crate) async fn ask(
    front: &Front,
    user: &UserInfo,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Status> {
    let bytes = body.map(|value| bytes::Bytes::from(value.to_string()));
    let mut request =
        Request::builder().method(method.clone()).uri(path).header(header::ACCEPT, "application/json");
    if bytes.is_some() {
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        request = request.header(header::CONTENT_TYPE, kind);
    }
    let mut request = request
        .body(bytes.map_or(Body::Empty, Body::Full))
        .map_err(|error| Status::bad_request(format!("not a usable address: {error}")))?;
    request.extensions_mut().insert(user.clone());
    let response = front.parts.apiserver.call(request).await;
    let code = response.status();
    let collected = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| Status::internal(format!("reading the management API's answer: {error}")))?;
    let value: Value = serde_json::from_slice(&collected.to_bytes())
        .map_err(|error| Status::internal(format!("reading the management API's answer: {error}")))?;
    if code.is_success() { Ok(value) } else { Err(status_of(code.as_u16(), &value)) }
}

fn status_of(code: u16, value: &Value) -> Status {
    let message = value["message"].as_str().unwrap_or("the management API refused the request");
    let reason = serde_json::from_value::<Reason>(value["reason"].clone()).ok();
    let mut status = Status::new(code, reason.unwrap_or(Reason::InternalError), message);
    status.reason = reason;
    if let Some(field) = value["details"]["causes"][0]["field"].as_str() {
        let mut details = grange_apimachinery::status::Details::default();
        details.causes.push(grange_apimachinery::status::Cause {
            reason: value["details"]["causes"][0]["reason"].as_str().unwrap_or_default().to_owned(),
            message: value["details"]["causes"][0]["message"].as_str().unwrap_or_default().to_owned(),
            field: field.to_owned(),
        });
        status.details = Some(Box::new(details));
    }
    status
}

/// 403 and 404 of one's own making look the same everywhere.
pub(crate) fn cluster_not_found(id: &str) -> Status {
    Status::not_found(grange_tenancy::CLUSTERS_GROUP, grange_tenancy::CLUSTERS_RESOURCE, id)
}

/// Whether a cluster object of this id exists, as the system sees it.
pub(crate) async fn cluster_exists(front: &Front, id: &str) -> Result<bool, Status> {
    let path = format!("/apis/management.cattle.io/v3/clusters/{id}");
    match ask(front, &UserInfo::loopback(), Method::GET, &path, None).await {
        Ok(_) => Ok(true),
        Err(status) if status.code == 404 => Ok(false),
        Err(status) => Err(status),
    }
}
