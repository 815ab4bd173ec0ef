//! A request's way from the tunnel to the apiserver and back.
//!
//! The address is fixed, redirects go back as they come, bodies stream both ways, and dropping the answer cancels the
//! request in the cluster.

use grange_apimachinery::status::{Reason, Status};
use grange_tunnel::{
    Body, OnUpgrade, Protocol, Received,
    hop::remove_hop_by_hop,
    session::{METHOD_HEADER, NOT_SWITCHED, STATUS_HEADER},
};
use grange_wire::words;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, FORWARDED, HOST, UPGRADE,
    },
};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional_with_sizes;

use crate::{
    impersonation,
    kubernetes::{Pool, PoolError},
};

/// Buffer for each direction of an upgraded connection.
const UPGRADE_BUFFER_BYTES: usize = 64 * 1024;

/// Headers that say who asks or from where, other than the ones we set. `X-Remote-*` is how an aggregation proxy names
/// people.
const DROPPED: [HeaderName; 6] = [AUTHORIZATION, COOKIE, HOST, EXPECT, FORWARDED, METHOD_HEADER];
const DROPPED_PREFIXES: [&str; 3] = ["x-forwarded-", "x-remote-", "grange-tunnel-"];

/// Passes one request on to the apiserver.
pub async fn forward(pool: &Pool, request: Request<Received>) -> Response<Body> {
    if let Err(refused) = impersonation::check(request.headers()) {
        tracing::warn!(reason = %refused, "request refused");
        return failure(
            403,
            Reason::Forbidden,
            format!("the cluster's agent refuses the request: {refused}"),
        );
    }
    let result = match request.extensions().get::<Protocol>() {
        Some(_) => Box::pin(upgrade(pool, request)).await,
        None if request.method() == Method::CONNECT => {
            return failure(
                405,
                Reason::MethodNotAllowed,
                "CONNECT without a protocol is not served".to_owned(),
            );
        }
        None => plain(pool, request).await,
    };
    result.unwrap_or_else(|error| {
        tracing::debug!(error = %Chain(&error), "the apiserver gave no answer");
        match error {
            PoolError::TimedOut { .. } => failure(504, Reason::Timeout, error.to_string()),
            PoolError::Access(_) | PoolError::Connect { .. } | PoolError::Http(_) => {
                failure(502, Reason::ServiceUnavailable, Chain(&error).to_string())
            }
        }
    })
}

async fn plain(pool: &Pool, request: Request<Received>) -> Result<Response<Body>, PoolError> {
    let (mut parts, body) = request.into_parts();
    parts.extensions.clear();
    readdress(pool, &mut parts.uri, &mut parts.version, &mut parts.headers)?;
    let mut response = pool.send(Request::from_parts(parts, Body::Received(body))).await?;
    remove_hop_by_hop(response.headers_mut());
    *response.version_mut() = Version::HTTP_2;
    Ok(response.map(|body| Body::Boxed(Box::pin(body))))
}

/// Extended CONNECT here, `Connection: Upgrade` there.
async fn upgrade(pool: &Pool, mut request: Request<Received>) -> Result<Response<Body>, PoolError> {
    let protocol = request
        .extensions()
        .get::<Protocol>()
        .and_then(|protocol| HeaderValue::from_str(protocol.as_str()).ok())
        .unwrap_or(HeaderValue::from_static("websocket"));
    let method = request
        .headers()
        .get(METHOD_HEADER)
        .and_then(|method| Method::from_bytes(method.as_bytes()).ok())
        .unwrap_or(Method::GET);
    let from_server = OnUpgrade::take(&mut request);
    let (parts, _) = request.into_parts();
    let mut onward = Request::new(Body::Empty);
    *onward.method_mut() = method;
    *onward.uri_mut() = parts.uri;
    *onward.headers_mut() = parts.headers;
    let mut version = Version::HTTP_11;
    let (mut onward, body) = onward.into_parts();
    readdress(pool, &mut onward.uri, &mut version, &mut onward.headers)?;
    onward.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    onward.headers.insert(UPGRADE, protocol);
    let mut response = pool.send_upgrade(Request::from_parts(onward, body)).await?;
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        remove_hop_by_hop(response.headers_mut());
        return Ok(as_answer_to_upgrade(response.map(Body::Incoming)));
    }
    let from_cluster = hyper::upgrade::on(&mut response);
    tokio::spawn(async move {
        // Either fails only when its connection ends, and then nothing is left to do.
        let from_server = async { from_server?.stream().await };
        let (Some(mut server), Ok(cluster)) = tokio::join!(from_server, from_cluster) else { return };
        let mut cluster = TokioIo::new(cluster);
        let copied = copy_bidirectional_with_sizes(
            &mut server,
            &mut cluster,
            UPGRADE_BUFFER_BYTES,
            UPGRADE_BUFFER_BYTES,
        );
        if let Err(error) = Box::pin(copied).await {
            tracing::debug!(%error, "an upgraded connection ended");
        }
    });
    let mut answer = Response::new(Body::Empty);
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    remove_hop_by_hop(answer.headers_mut());
    answer.headers_mut().remove(CONTENT_LENGTH);
    answer.headers_mut().insert(STATUS_HEADER, HeaderValue::from_static("101"));
    Ok(answer)
}

/// Marks an answer that is not a switch, so that its status is not taken for one.
fn as_answer_to_upgrade(mut response: Response<Body>) -> Response<Body> {
    let status = HeaderValue::from_str(response.status().as_str()).unwrap_or(HeaderValue::from_static("502"));
    response.headers_mut().insert(STATUS_HEADER, status);
    *response.status_mut() = NOT_SWITCHED;
    *response.version_mut() = Version::HTTP_2;
    response
}

/// Points a request at the apiserver, as HTTP/1.1, with our own credential.
fn readdress(
    pool: &Pool,
    uri: &mut Uri,
    version: &mut Version,
    headers: &mut HeaderMap,
) -> Result<(), PoolError> {
    // Names listed in `Connection` are not honoured here: they could take away the person's name.
    headers.remove(CONNECTION);
    remove_hop_by_hop(headers);
    for name in &DROPPED {
        headers.remove(name);
    }
    let prefixed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| DROPPED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix)))
        .cloned()
        .collect();
    for name in prefixed {
        headers.remove(name);
    }
    let access = pool.access();
    headers.insert(HOST, access.authority().clone());
    if let Some(authorization) = access.authorization()? {
        headers.insert(AUTHORIZATION, authorization);
    }
    *version = Version::HTTP_11;
    let path = uri.path_and_query().cloned();
    *uri = path.map_or(Uri::from_static("/"), Uri::from);
    Ok(())
}

pub(crate) fn failure(code: u16, reason: Reason, message: String) -> Response<Body> {
    let mut response = Response::new(Body::from(Status::new(code, reason, message).to_json()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An error with its causes, in one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut source = Some(self.0);
        let mut between = "";
        while let Some(error) = source {
            match error.downcast_ref() {
                Some(error) => write!(formatter, "{between}{}", words::of_io(error))?,
                None => write!(formatter, "{between}{error}")?,
            }
            between = ": ";
            source = error.source();
        }
        Ok(())
    }
}
