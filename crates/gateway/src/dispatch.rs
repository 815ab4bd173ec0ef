//! One request, from the wire to the answer: checks first, then the route's endpoint.
use std::{
    convert::Infallible,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use futures::FutureExt as _;
use grange_apimachinery::{Reason, Status};
use grange_identity::{Identity, Secret, TokenKind};
use http::{HeaderName, HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};

use crate::{
    Body,
    caller::{Account, Caller},
    console,
    credentials::{self, Credential},
    front::Front,
    handlers,
    metrics::Metrics,
    norman, path,
    respond::{self, Dialect},
    routes::{self, Access, BodyLimit, Endpoint, Route},
    streams::LeasedBody,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One request on its way to a handler, checked.
pub(crate) struct Call {
    pub(crate) front: Arc<Front>,
    pub(crate) request: Request<Incoming>,
    pub(crate) remote: SocketAddr,
    pub(crate) route: &'static Route,
    pub(crate) caller: Option<Caller>,
}

impl Call {
    /// Who asks; routes with [`Access::Client`] always have one.
    pub(crate) fn caller(&self) -> Result<&Caller, Status> {
        self.caller.as_ref().ok_or_else(must_authenticate)
    }
    /// The person; routes with [`Access::Person`] always have one.
    pub(crate) fn person(&self) -> Result<&Identity, Status> {
        match &self.caller {
            Some(Caller::Person(identity)) => Ok(identity),
            _ => Err(must_authenticate()),
        }
    }
    /// What of the path follows the route's pattern.
    pub(crate) fn rest(&self) -> &str {
        self.route.pattern.rest(self.request.uri().path())
    }
    /// The value of a query parameter, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.request.uri().query()?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then(|| percent_decode(value))
        })
    }
    /// The whole body, within the route's limit.
    pub(crate) async fn take_body(&mut self) -> Result<bytes::Bytes, Status> {
        let BodyLimit::Bytes(limit) = self.route.body else { return Ok(bytes::Bytes::new()) };
        let body = Limited::new(self.request.body_mut(), limit);
        match body.collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(respond::too_large(limit)),
            Err(_) => Err(Status::bad_request("the request body broke off")),
        }
    }
    /// The body as JSON; an empty body is an empty object.
    pub(crate) async fn take_json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, Status> {
        let bytes = self.take_body().await?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(bytes)
            .map_err(|error| Status::new(422, Reason::Invalid, format!("Failed to parse body: {error}")))
    }
}

/// Answers one request; never fails, never panics.
pub(crate) async fn answer(
    front: Arc<Front>,
    remote: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<LeasedBody>, Infallible> {
    let began = Instant::now();
    let id = request_id();
    let (method, target) = (request.method().clone(), request.uri().path().to_owned());
    let work = AssertUnwindSafe(checked(front.clone(), remote, request)).catch_unwind();
    let (mut response, lease) = match work.await {
        Ok(answer) => answer,
        Err(_) => {
            Metrics::count(&front.metrics.panics);
            tracing::error!(request = id, %method, path = target, "a handler panicked");
            let message = format!("an internal error; the server's log names it under request {id}");
            let dialect = routes::find(&target).map_or(Dialect::Kubernetes, |route| route.dialect);
            (respond::error(dialect, &Status::internal(message)), None)
        }
    };
    front.metrics.answered(response.status());
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    tracing::debug!(
        request = id,
        %method,
        path = loggable(&target),
        %remote,
        status = response.status().as_u16(),
        micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    Ok(response.map(|body| LeasedBody::new(body, lease)))
}

type Answer = (Response<Body>, Option<crate::Lease>);

async fn checked(front: Arc<Front>, remote: SocketAddr, request: Request<Incoming>) -> Answer {
    let path = request.uri().path();
    let route = routes::find(path);
    let dialect = route.map_or_else(|| routes::dialect_of_unknown(path), |route| route.dialect);
    match check(&front, remote, &request, route).await {
        Err(status) => (respond::error(dialect, &status), None),
        Ok((route, caller)) => {
            let streams = front.streams.clone();
            let mut call = Call { front, request, remote, route, caller };
            // Registered before the handler runs: upgrades take their lease along.
            let lease = match (&call.caller, route.endpoint) {
                (Some(caller), Endpoint::Cluster | Endpoint::Management) => Some(streams.lease(caller)),
                _ => None,
            };
            if let Some(lease) = &lease {
                call.request.extensions_mut().insert(lease.clone());
            }
            let response =
                Box::pin(run(call)).await.unwrap_or_else(|status| respond::error(dialect, &status));
            let is_streamed = matches!(response.body(), Body::Stream(_));
            (response, lease.filter(|_| is_streamed))
        }
    }
}

/// Everything that is decided before a handler runs.
async fn check(
    front: &Front,
    remote: SocketAddr,
    request: &Request<Incoming>,
    route: Option<&'static Route>,
) -> Result<(&'static Route, Option<Caller>), Status> {
    let uri = request.uri();
    let target_bytes = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target_bytes > path::MAX_TARGET_BYTES {
        return Err(Status::new(414, Reason::BadRequest, "the request's address is too long"));
    }
    path::check(uri.path()).map_err(Status::bad_request)?;
    let access = route.map_or(Access::Client, |route| route.access);
    let caller = authenticate(front, request, access).await?;
    let Some(route) = route else {
        if caller.is_none() {
            return Err(must_authenticate());
        }
        return Err(Status::new(404, Reason::NotFound, "the server could not find the requested resource"));
    };
    let is_allowed = match access {
        Access::Public => true,
        Access::Person => matches!(caller, Some(Caller::Person(_))),
        Access::Client => caller.is_some(),
        Access::Operator => {
            remote.ip().is_loopback()
                || caller
                    .as_ref()
                    .is_some_and(|caller| handlers::may_get_path(front, caller.user(), uri.path()))
        }
    };
    if !is_allowed {
        return Err(match caller {
            None => must_authenticate(),
            Some(Caller::Account(_)) if access == Access::Person => {
                let message = format!("{} is for people, and this is a service account", uri.path());
                Status::new(403, Reason::Forbidden, message)
            }
            Some(_) => Status::new(403, Reason::Forbidden, format!("you may not get {}", uri.path())),
        });
    }
    if !route.allows(request.method()) {
        let message = format!("Method {} not supported", request.method());
        return Err(Status::new(405, Reason::MethodNotAllowed, message));
    }
    check_size(request, route)?;
    Ok((route, caller))
}

/// A body that says it is too large is refused before a byte of it is read.
fn check_size(request: &Request<Incoming>, route: &Route) -> Result<(), Status> {
    let least = request.body().size_hint().lower();
    match route.body {
        BodyLimit::Streamed => Ok(()),
        BodyLimit::None if least > 0 => Err(respond::too_large(0)),
        BodyLimit::Bytes(limit) if least > limit as u64 => Err(respond::too_large(limit)),
        _ => Ok(()),
    }
}

async fn authenticate(
    front: &Front,
    request: &Request<Incoming>,
    access: Access,
) -> Result<Option<Caller>, Status> {
    let (credential, is_cookie) = match credentials::find(request.headers()) {
        Credential::None => return Ok(None),
        // Whoever logs in may still carry an old session.
        _ if access == Access::Public => return Ok(None),
        Credential::Malformed => return Err(must_authenticate()),
        Credential::Header(credential) => (credential, false),
        Credential::Cookie(credential) => (credential, true),
        Credential::Account(token) => return account(front, token).await.map(Some),
    };
    let identity = front.parts.identity.authenticate(&credential).ok_or_else(must_authenticate)?;
    if is_cookie {
        let (method, headers, uri) = (request.method(), request.headers(), request.uri());
        credentials::cookie_may_act(method, headers, uri, &front.server_url(), &credential)
            .map_err(|why| Status::new(403, Reason::Forbidden, why))?;
    }
    // Watches are opened again by the page itself for as long as it is open: they keep no session alive.
    if identity.kind == TokenKind::Session && !is_watch(request.uri()) {
        front.parts.identity.note_activity(&identity.token);
    }
    if !identity.cluster_name.is_empty() && !is_within(request.uri().path(), &identity.cluster_name) {
        return Err(must_authenticate());
    }
    Ok(Some(Caller::Person(identity)))
}

/// The service account of a token.
async fn account(front: &Front, token: Secret) -> Result<Caller, Status> {
    let user = front.parts.apiserver.service_account(token.expose()).await?.ok_or_else(must_authenticate)?;
    Ok(Caller::Account(Account::new(user, token)))
}

fn is_watch(uri: &Uri) -> bool {
    let parameters = uri.query().unwrap_or_default().split('&');
    parameters.into_iter().any(|parameter| matches!(parameter, "watch" | "watch=true" | "watch=1"))
}

/// Whether the path is of the one cluster a token is for.
fn is_within(path: &str, cluster: &str) -> bool {
    ["/k8s/clusters/", "/k8s/proxy/"]
        .iter()
        .filter_map(|start| path.strip_prefix(start))
        .any(|rest| rest.split('/').next() == Some(cluster))
}

async fn run(call: Call) -> Result<Response<Body>, Status> {
    match call.route.endpoint {
        Endpoint::Cluster => handlers::cluster(call).await,
        Endpoint::Management => handlers::management(call).await,
        Endpoint::Live => Ok(respond::text("ok")),
        Endpoint::Ready => handlers::ready(&call.front).await,
        Endpoint::Ping => Ok(respond::text("pong")),
        Endpoint::CaCertificates => Ok(handlers::ca_certificates(&call)),
        Endpoint::Metrics => Ok(handlers::metrics(&call)),
        Endpoint::Home => Ok(console::home(&call)),
        Endpoint::Console => console::serve(&call),
        Endpoint::Settings => Ok(norman::settings::collection(&call)),
        Endpoint::PublicSetting | Endpoint::Setting => norman::settings::one(call).await,
        Endpoint::Login => norman::login::login(call).await,
        Endpoint::LoginProviders => Ok(norman::login::providers(&call)),
        Endpoint::Logout => norman::tokens::logout(&call).await,
        Endpoint::Tokens => norman::tokens::collection(call).await,
        Endpoint::Token => norman::tokens::delete(&call).await,
        Endpoint::Users => norman::users::collection(call).await,
        Endpoint::User => norman::users::one(call).await,
        Endpoint::Clusters => norman::clusters::collection(call).await,
        Endpoint::NormanCluster => norman::clusters::one(call).await,
        Endpoint::RegistrationTokens => norman::registration::collection(call).await,
        Endpoint::RegistrationToken => norman::registration::one(&call).await,
        Endpoint::Import => handlers::import(&call).await,
        Endpoint::Connect => handlers::connect(call),
        Endpoint::Trouble => handlers::trouble(call).await,
        Endpoint::Images => Ok(handlers::images(&call)),
    }
}

/// 401: the one sentence for every credential that opens nothing.
pub(crate) fn must_authenticate() -> Status {
    Status::unauthorized("Unauthorized 401: must authenticate")
}

fn request_id() -> String {
    static PREFIX: LazyLock<u32> = LazyLock::new(rand::random);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:08x}-{:x}", *PREFIX, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A manifest's address holds a token; logs do not.
fn loggable(path: &str) -> &str {
    if path.starts_with("/v3/import/") { "/v3/import/…" } else { path }
}

pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let decoded = (bytes[index] == b'%')
            .then(|| text.get(index + 1..index + 3).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .flatten();
        match decoded {
            Some(byte) => {
                out.push(byte);
                index += 3;
            }
            None => {
                out.push(if bytes[index] == b'+' { b' ' } else { bytes[index] });
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
