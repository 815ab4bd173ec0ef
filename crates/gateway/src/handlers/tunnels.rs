//! What agents, Harvesters and their nodes ask: the manifest, the tunnel, to be heard.
use grange_apimachinery::Status;
use http::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;

use crate::{Body, dispatch::Call, respond};

/// `/v3/import/<token>_<id>.yaml`. A Harvester shows the body of a refusal to its administrator.
pub(crate) async fn import(call: &Call) -> Result<Response<Body>, Status> {
    let user_agent = call.request.headers().get(http::header::USER_AGENT);
    let user_agent = user_agent.and_then(|value| value.to_str().ok()).unwrap_or_default();
    match call.front.parts.imports.manifest(call.rest(), call.remote.ip(), user_agent).await {
        Ok(manifest) => Ok(respond::bytes("text/plain; charset=utf-8", manifest)),
        Err(refusal) => {
            let mut status = Status::bad_request(refusal.sentence);
            status.code = refusal.status;
            Err(status)
        }
    }
}

/// What an agent says that cannot come in.
pub(crate) async fn trouble(mut call: Call) -> Result<Response<Body>, Status> {
    let report = call.take_body().await?;
    match call.front.parts.imports.trouble(&report, call.remote.ip()).await {
        Ok(()) => Ok(respond::empty(StatusCode::NO_CONTENT)),
        Err(refusal) => {
            let mut status = Status::bad_request(refusal.sentence);
            status.code = refusal.status;
            Err(status)
        }
    }
}

/// `/v2/…`: a node that pulls an image looks for it here. This server has none; that it was asked tells why the agent
/// does not start.
pub(crate) fn images(call: &Call) -> Response<Body> {
    if let Some((name, reference)) = call.rest().split_once("/manifests/") {
        let separator = if reference.contains(':') { '@' } else { ':' };
        let image = format!("{name}{separator}{reference}");
        tracing::info!(remote = %call.remote.ip(), image, "an image was asked for that is not here");
        call.front.parts.imports.image_refused(call.remote.ip(), &image);
    }
    let error = json!({"errors": [{"code": "NAME_UNKNOWN", "message": "this server has no images"}]});
    respond::json_with(StatusCode::NOT_FOUND, &error)
}

/// `/v3/connect`: a WebSocket that becomes a tunnel.
pub(crate) fn connect(mut call: Call) -> Result<Response<Body>, Status> {
    let answer = grange_tunnel::accept::answer_upgrade(&call.request);
    if answer.status() != http::StatusCode::SWITCHING_PROTOCOLS {
        return Ok(answer.map(|text| Body::Full(bytes::Bytes::from_static(text.as_bytes()))));
    }
    let upgrade = hyper::upgrade::on(&mut call.request);
    let Call { front, remote, .. } = call;
    tokio::spawn(async move {
        let stopping = front.tunnels.clone();
        let tunnel = async {
            let io = match upgrade.await {
                Ok(io) => TokioIo::new(io),
                Err(error) => {
                    tracing::debug!(%remote, %error, "an agent left before its tunnel stood");
                    return;
                }
            };
            let authority = front.parts.imports.session_authority();
            if let Err(error) = front.parts.registry.accept(io, remote, authority).await {
                tracing::debug!(%remote, %error, "a tunnel was not opened");
            }
        };
        tokio::select! {
            () = tunnel => {}
            () = stopping.cancelled() => {}
        }
    });
    Ok(answer.map(|_| Body::Empty))
}
