//! Requests to imported clusters through their tunnels.
//!
//! The caller has decided who asks and whether they may; here the request is stripped of everything that could say
//! otherwise ([`headers`]), given a session ([`route`]), and passed on frame by frame. Failures become a
//! `metav1.Status` that says what to do ([`failure`]). Upgrades (consoles, exec, port-forward) are passed through as
//! bytes ([`upgrade`]).
//!
//! INVARIANT: what reaches a cluster carries exactly one identity, the one given to [`Proxy::forward`].

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::TryStreamExt;
use grange_apimachinery::status::Status;
use grange_tenancy::DownstreamIdentity;
use grange_tunnel::{Body as TunnelBody, Registry, ResponseBody, Session};
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until};

use crate::Body;

mod failure;
mod headers;
mod route;
mod upgrade;

#[cfg(test)]
mod tests;

/// How long a cluster may take to begin its answer, counted from the last byte of the request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Sessions tried for one request that surely never reached the cluster.
const MAX_ATTEMPTS: usize = 3;

/// Sends requests to imported clusters. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Proxy {
    registry: Registry,
}

impl Proxy {
    /// Over the live sessions of `registry`.
    pub fn new(registry: Registry) -> Self {
        Proxy { registry }
    }

    /// Sends one request, its path already the cluster's own, and gives back the cluster's answer as it comes.
    /// Dropping the answer cancels the request in the cluster.
    pub async fn forward(
        &self,
        cluster: &str,
        identity: &DownstreamIdentity,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Status> {
        let protocol = headers::upgrade_protocol(request.headers());
        let lane = route::lane(&request);
        headers::clean_request(request.headers_mut());
        headers::impersonate(request.headers_mut(), identity)?;
        if let Some(protocol) = protocol {
            return Box::pin(upgrade::forward(self, cluster, lane, &protocol, request)).await;
        }
        let is_long_running = route::is_long_running(request.uri());
        let (request, progress) = watch_progress(request);
        let exchange = self.send(cluster, lane, request);
        if is_long_running {
            return exchange.await.map(into_answer)?;
        }
        tokio::select! {
            biased;
            answer = exchange => answer.map(into_answer)?,
            () = stalled(progress) => Err(failure::timed_out(cluster, ANSWER_TIMEOUT)),
        }
    }

    async fn send(
        &self,
        cluster: &str,
        lane: grange_wire::Lane,
        mut request: Request<TunnelBody>,
    ) -> Result<Response<ResponseBody>, Status> {
        let is_read = request.method().is_safe();
        let mut attempts = 0;
        loop {
            let session = self.session(cluster, lane).await?;
            attempts += 1;
            match session.send(request).await {
                Ok(response) => return Ok(response),
                Err(failure) => match failure.request {
                    Some(unsent) if attempts < MAX_ATTEMPTS => request = *unsent,
                    _ => return Err(failure::of_tunnel(cluster, &failure.error, is_read)),
                },
            }
        }
    }

    async fn session(&self, cluster: &str, lane: grange_wire::Lane) -> Result<Session, Status> {
        self.registry
            .session_on(cluster, lane)
            .await
            .ok_or_else(|| failure::not_connected(cluster, self.registry.absence(cluster)))
    }
}

/// The cluster's answer as ours.
fn into_answer(mut response: Response<ResponseBody>) -> Result<Response<Body>, Status> {
    // Not the person is unknown there but the agent: theirs was not shown.
    if response.status() == StatusCode::UNAUTHORIZED {
        return Err(failure::agent_not_accepted());
    }
    headers::clean_response(response.headers_mut());
    Ok(response.map(|body| {
        if body.is_end_stream() {
            return Body::Empty;
        }
        Body::Stream(Box::pin(BodyDataStream::new(body).map_err(Into::into)))
    }))
}

/// When the request's body last moved.
type Progress = Option<Arc<Mutex<Instant>>>;

/// Notes when the body moves, if there is one.
fn watch_progress(request: Request<Incoming>) -> (Request<TunnelBody>, Progress) {
    if request.body().is_end_stream() {
        return (request.map(|_| TunnelBody::Empty), None);
    }
    let progress = Arc::new(Mutex::new(Instant::now()));
    let watched = progress.clone();
    (request.map(|body| TunnelBody::boxed(WatchedBody { body, progress: watched })), Some(progress))
}

/// Resolves when nothing has moved for [`ANSWER_TIMEOUT`].
async fn stalled(progress: Progress) {
    let mut since = Instant::now();
    loop {
        sleep_until(since + ANSWER_TIMEOUT).await;
        let moved = progress.as_ref().map(|moved| *moved.lock().unwrap_or_else(PoisonError::into_inner));
        match moved {
            Some(moved) if moved > since => since = moved,
            _ => return,
        }
    }
}

struct WatchedBody {
    body: Incoming,
    progress: Arc<Mutex<Instant>>,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
