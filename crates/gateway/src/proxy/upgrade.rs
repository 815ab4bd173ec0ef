//! Consoles, exec, port-forward: bytes both ways once both sides have switched.

use grange_apimachinery::status::Status;
use grange_tunnel::{Upgrade, UpgradedStream};
use grange_wire::Lane;
use http::{
    HeaderValue, Request, Response,
    header::{CONNECTION, UPGRADE},
};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional_with_sizes;

use super::{Proxy, failure, headers, into_answer};
use crate::{Body, Lease};

/// Buffer for each direction.
const BUFFER_BYTES: usize = 64 * 1024;

/// Passes an upgrade on. Its answer is the cluster's, whatever it is.
pub(super) async fn forward(
    proxy: &Proxy,
    cluster: &str,
    lane: Lane,
    protocol: &str,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Status> {
    let client = hyper::upgrade::on(&mut request);
    let (mut parts, _) = request.into_parts();
    let lease = parts.extensions.remove::<Lease>();
    parts.extensions.clear();
    let session = proxy.session(cluster, lane).await?;
    let outcome = session
        .upgrade(Request::from_parts(parts, ()), protocol)
        .await
        .map_err(|error| failure::of_tunnel(cluster, &error.error, true))?;
    match outcome {
        Upgrade::Answered(response) => into_answer(response),
        Upgrade::Switched(response, stream) => {
            let mut answer = response.map(|()| Body::Empty);
            headers::clean_response(answer.headers_mut());
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            let protocol = HeaderValue::from_str(protocol)
                .map_err(|_| Status::bad_request("the Upgrade header has unusual characters"))?;
            answer.headers_mut().insert(UPGRADE, protocol);
            tokio::spawn(Box::pin(until_revoked(lease, join(cluster.to_owned(), client, stream))));
            Ok(answer)
        }
    }
}

/// Cuts a console whose person or token is revoked: dropping the copy closes both ends.
async fn until_revoked(lease: Option<Lease>, copying: impl Future<Output = ()>) {
    let Some(lease) = lease else { return copying.await };
    tokio::select! {
        () = copying => {}
        () = lease.revoked() => {}
    }
}

/// Copies until both directions have ended; each ends on its own.
async fn join(cluster: String, client: OnUpgrade, mut stream: UpgradedStream) {
    let Ok(client) = client.await else { return };
    let mut client = TokioIo::new(client);
    let copied = copy_bidirectional_with_sizes(&mut client, &mut stream, BUFFER_BYTES, BUFFER_BYTES).await;
    match copied {
        Ok((up_bytes, down_bytes)) => {
            tracing::debug!(cluster, up_bytes, down_bytes, "an upgraded connection ended");
        }
        Err(error) => tracing::debug!(cluster, %error, "an upgraded connection broke off"),
    }
}
