//! What the server asks the agent itself.

use grange_apimachinery::status::Reason;
use grange_tunnel::{Body, Received};
use grange_wire::{Facts, Refusal, control};
use http::{HeaderValue, Method, Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Limited};
use serde::Serialize;

use crate::{
    forward::{Chain, failure},
    kubernetes::Client,
    ownership,
};

/// The longest request the server makes.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// What a control request asks the lane to do after its answer.
#[derive(Debug)]
pub(crate) enum Order {
    /// Open the bulk lane unless it is open.
    OpenBulk,
    /// End this session and stay away as long as the refusal says.
    Close(Refusal),
    /// Everything is removed: stop for good.
    Stop,
}

/// Answers one control request.
pub(crate) async fn answer(client: &Client, request: Request<Received>) -> (Response<Body>, Option<Order>) {
    match (request.method().clone(), request.uri().path()) {
        (Method::GET, control::PING_PATH) => (Response::new(Body::Empty), None),
        (Method::GET, control::FACTS_PATH) => (json(&facts(client).await), None),
        (Method::POST, control::BULK_PATH) => (Response::new(Body::Empty), Some(Order::OpenBulk)),
        (Method::POST, control::CLOSE_PATH) => {
            let body = Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect().await;
            let refusal = body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
            match refusal {
                Some(refusal) => (Response::new(Body::Empty), Some(Order::Close(refusal))),
                None => (failure(400, Reason::BadRequest, "a refusal is expected".to_owned()), None),
            }
        }
        (Method::POST, control::UNINSTALL_PATH) => match ownership::remove(client).await {
            Ok(removal) => {
                tracing::info!(removed = ?removal.removed, "removed what the import brought, as the server asked");
                (json(&removal), Some(Order::Stop))
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "removing what the import brought failed");
                (failure(500, Reason::InternalError, Chain(&error).to_string()), None)
            }
        },
        _ => (failure(404, Reason::NotFound, "the agent does not know this request".to_owned()), None),
    }
}

/// What the cluster says of itself; what cannot be read is left out.
pub(crate) async fn facts(client: &Client) -> Facts {
    let (version, nodes) = tokio::join!(client.get("/version"), client.get("/api/v1/nodes?limit=1"));
    let kubernetes_version =
        version.ok().and_then(|version| version["gitVersion"].as_str().map(str::to_owned));
    let nodes = nodes.ok().and_then(|list| {
        let shown = list["items"].as_array()?.len() as u64;
        let more = list["metadata"]["remainingItemCount"].as_u64().unwrap_or(0);
        u32::try_from(shown + more).ok()
    });
    Facts { kubernetes_version, nodes, ..Facts::default() }
}

fn json<T: Serialize>(value: &T) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
