//! Health, metrics, the CA.
use grange_apimachinery::Status;
use grange_apiserver::{Attributes, UserInfo};
use http::Response;

use crate::{Body, dispatch::Call, front::Front, respond};

/// Seconds after which it is worth asking again whether the server is ready.
const READY_RETRY_SECONDS: u32 = 1;

pub(crate) async fn ready(front: &Front) -> Result<Response<Body>, Status> {
    if !*front.parts.ready.borrow() {
        return Err(Status::unavailable("the server is starting", READY_RETRY_SECONDS));
    }
    let checked = front.parts.apiserver.check_store().await;
    checked.map_err(|status| Status::unavailable(status.message, READY_RETRY_SECONDS))?;
    Ok(respond::text("ok"))
}

/// The PEM as it is pinned: one newline at its end.
pub(crate) fn ca_certificates(call: &Call) -> Response<Body> {
    let ca = &call.front.ca;
    respond::text(if ca.is_public() { String::new() } else { format!("{}\n", ca.pem()) })
}

pub(crate) fn metrics(call: &Call) -> Response<Body> {
    let front = &call.front;
    let gauges = [
        ("grange_open_streams", front.streams.count() as u64),
        ("grange_tunnel_sessions", front.parts.registry.sessions().len() as u64),
        ("grange_uptime_seconds", front.started.elapsed().as_secs()),
    ];
    respond::text(front.metrics.render(&gauges))
}

/// Whether a client may `get` a path that is no resource.
pub(crate) fn may_get_path(front: &Front, user: &UserInfo, path: &str) -> bool {
    let attributes = Attributes {
        user,
        verb: "get",
        group: "",
        version: "",
        resource: "",
        subresource: "",
        namespace: "",
        name: "",
        path,
    };
    front.parts.apiserver.authorizer().authorize(&attributes).allowed
}
