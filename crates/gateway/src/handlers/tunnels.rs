//! What agents and Harvesters ask: the manifest, the tunnel.
use grange_apimachinery::Status;
use http::Response;
use hyper_util::rt::TokioIo;

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
