//! Every address the gateway answers, in one table: what it is, who may ask, how large a body may be, how errors look.
use grange_wire::trouble::{MAX_REPORT_BYTES, TROUBLE_PATH};

use crate::respond::Dialect;

/// Largest body of a Rancher-compatible endpoint.
pub const MAX_NORMAN_BODY_BYTES: usize = 256 * 1024;
/// Largest body of a login.
pub const MAX_LOGIN_BODY_BYTES: usize = 16 * 1024;
/// Largest body of the management API: kube-apiserver's own limit.
pub const MAX_API_BODY_BYTES: usize = 3 * 1024 * 1024;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// People with a valid credential; what they may do is decided behind.
    Person,
    /// The same, and service accounts of the management API.
    Client,
    /// This machine itself, or clients who may `get` the path.
    Operator,
}

/// How large a body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLimit {
    /// No body is read.
    None,
    /// So many bytes.
    Bytes(usize),
    /// As large as the imported cluster takes; it is streamed, never held.
    Streamed,
}

/// Which part answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Endpoint {
    Cluster,
    Management,
    Live,
    Ready,
    Ping,
    CaCertificates,
    Metrics,
    Home,
    Console,
    Settings,
    PublicSetting,
    Setting,
    Login,
    LoginProviders,
    Logout,
    Tokens,
    Token,
    Users,
    User,
    Clusters,
    NormanCluster,
    RegistrationTokens,
    RegistrationToken,
    Import,
    Connect,
    Trouble,
    Images,
}

/// Which paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This one, upper and lower case alike.
    Exact(&'static str),
    /// Everything that begins so, upper and lower case alike.
    Under(&'static str),
}

/// One row.
#[derive(Debug)]
pub struct Route {
    /// Which paths.
    pub pattern: Pattern,
    /// Which methods; empty is any.
    pub methods: &'static [&'static str],
    /// Who may ask.
    pub access: Access,
    /// How large a body may be.
    pub body: BodyLimit,
    /// How errors look.
    pub dialect: Dialect,
    /// Which part answers.
    pub endpoint: Endpoint,
}

const fn route(
    pattern: Pattern,
    methods: &'static [&'static str],
    access: Access,
    body: BodyLimit,
    dialect: Dialect,
    endpoint: Endpoint,
) -> Route {
    Route { pattern, methods, access, body, dialect, endpoint }
}

use Access::{Client, Operator, Person, Public};
use Dialect::{Kubernetes, Norman, Text};
use Pattern::{Exact, Under};

const READ: &[&str] = &["GET", "HEAD"];
const READ_CREATE: &[&str] = &["GET", "HEAD", "POST"];
const READ_ACT_DELETE: &[&str] = &["GET", "HEAD", "POST", "DELETE"];
const ACT: &[&str] = &["POST"];
const ANY: &[&str] = &[];
const NOTHING: BodyLimit = BodyLimit::None;
const SMALL: BodyLimit = BodyLimit::Bytes(MAX_LOGIN_BODY_BYTES);
const FORM: BodyLimit = BodyLimit::Bytes(MAX_NORMAN_BODY_BYTES);
const REPORT: BodyLimit = BodyLimit::Bytes(MAX_REPORT_BYTES);
const OBJECT: BodyLimit = BodyLimit::Bytes(MAX_API_BODY_BYTES);

/// The table; the first match wins, so the busiest come first.
pub static ROUTES: &[Route] = &[
    route(Under("/k8s/clusters/"), ANY, Client, BodyLimit::Streamed, Kubernetes, Endpoint::Cluster),
    route(Under("/k8s/proxy/"), ANY, Client, BodyLimit::Streamed, Kubernetes, Endpoint::Cluster),
    route(Under("/apis/"), ANY, Client, OBJECT, Kubernetes, Endpoint::Management),
    route(Under("/api/"), ANY, Client, OBJECT, Kubernetes, Endpoint::Management),
    route(Exact("/apis"), ANY, Client, OBJECT, Kubernetes, Endpoint::Management),
    route(Exact("/api"), ANY, Client, OBJECT, Kubernetes, Endpoint::Management),
    route(Under("/openapi/"), READ, Client, NOTHING, Kubernetes, Endpoint::Management),
    route(Under("/openid/"), READ, Client, NOTHING, Kubernetes, Endpoint::Management),
    route(
        Exact("/.well-known/openid-configuration"),
        READ,
        Client,
        NOTHING,
        Kubernetes,
        Endpoint::Management,
    ),
    route(Exact("/version"), READ, Client, NOTHING, Kubernetes, Endpoint::Management),
    route(Exact("/healthz"), READ, Public, NOTHING, Text, Endpoint::Live),
    route(Exact("/livez"), READ, Public, NOTHING, Text, Endpoint::Live),
    route(Exact("/readyz"), READ, Public, NOTHING, Text, Endpoint::Ready),
    route(Exact("/ping"), READ, Public, NOTHING, Text, Endpoint::Ping),
    route(Exact("/cacerts"), READ, Public, NOTHING, Text, Endpoint::CaCertificates),
    route(Exact("/metrics"), READ, Operator, NOTHING, Kubernetes, Endpoint::Metrics),
    route(Exact("/"), READ, Public, NOTHING, Text, Endpoint::Home),
    route(Under("/dashboard/"), READ, Public, NOTHING, Text, Endpoint::Console),
    route(Exact("/dashboard"), READ, Public, NOTHING, Text, Endpoint::Console),
    route(Exact("/v3/settings/cacerts"), READ, Public, NOTHING, Norman, Endpoint::PublicSetting),
    route(Exact("/v3/settings/first-login"), READ, Public, NOTHING, Norman, Endpoint::PublicSetting),
    route(Exact("/v3/settings"), READ, Person, NOTHING, Norman, Endpoint::Settings),
    route(Under("/v3/settings/"), &["GET", "HEAD", "PUT"], Person, FORM, Norman, Endpoint::Setting),
    route(Exact("/v3-public/localproviders/local"), ACT, Public, SMALL, Norman, Endpoint::Login),
    route(Exact("/v1-public/login"), ACT, Public, SMALL, Norman, Endpoint::Login),
    route(Exact("/v3-public/authproviders"), READ, Public, NOTHING, Norman, Endpoint::LoginProviders),
    route(Exact("/v1-public/authproviders"), READ, Public, NOTHING, Norman, Endpoint::LoginProviders),
    route(Exact("/v1/logout"), ACT, Person, SMALL, Norman, Endpoint::Logout),
    route(Exact("/v3/tokens"), READ_CREATE, Person, SMALL, Norman, Endpoint::Tokens),
    route(Under("/v3/tokens/"), &["DELETE"], Person, SMALL, Norman, Endpoint::Token),
    route(Exact("/v3/users"), READ_CREATE, Person, SMALL, Norman, Endpoint::Users),
    route(Under("/v3/users/"), READ_CREATE, Person, SMALL, Norman, Endpoint::User),
    route(Exact("/v3/clusters"), READ_CREATE, Person, FORM, Norman, Endpoint::Clusters),
    route(Under("/v3/clusters/"), READ_ACT_DELETE, Person, FORM, Norman, Endpoint::NormanCluster),
    route(
        Exact("/v3/clusterregistrationtokens"),
        READ_CREATE,
        Person,
        FORM,
        Norman,
        Endpoint::RegistrationTokens,
    ),
    route(
        Under("/v3/clusterregistrationtokens/"),
        READ,
        Person,
        NOTHING,
        Norman,
        Endpoint::RegistrationToken,
    ),
    route(Under("/v3/import/"), READ, Public, NOTHING, Text, Endpoint::Import),
    route(Exact("/v3/connect"), ANY, Public, NOTHING, Text, Endpoint::Connect),
    route(Exact("/v3/connect/register"), ANY, Public, NOTHING, Text, Endpoint::Connect),
    route(Exact(TROUBLE_PATH), ACT, Public, REPORT, Text, Endpoint::Trouble),
    route(Under("/v2/"), READ, Public, NOTHING, Text, Endpoint::Images),
];

impl Pattern {
    fn matches(self, path: &str) -> bool {
        match self {
            Exact(whole) => {
                let trimmed = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
                trimmed.eq_ignore_ascii_case(whole)
            }
            Under(start) => {
                path.len() > start.len()
                    && path.as_bytes()[..start.len()].eq_ignore_ascii_case(start.as_bytes())
            }
        }
    }
    /// What of the path follows the pattern, without a trailing slash.
    pub(crate) fn rest(self, path: &str) -> &str {
        match self {
            Exact(_) => "",
            Under(start) => path.get(start.len()..).unwrap_or_default().trim_end_matches('/'),
        }
    }
}

impl Route {
    /// Whether the method is among the route's.
    pub fn allows(&self, method: &http::Method) -> bool {
        self.methods.is_empty() || self.methods.contains(&method.as_str())
    }
}

/// The row of a path.
pub fn find(path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.pattern.matches(path))
}

/// The error form for a path that no row matches.
pub(crate) fn dialect_of_unknown(path: &str) -> Dialect {
    let is_norman = ["/v3", "/v1"].iter().any(|start| path.starts_with(start));
    if is_norman { Norman } else { Kubernetes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_rows() {
        let endpoint = |path| find(path).map(|route| route.endpoint);
        assert_eq!(endpoint("/api/v1/namespaces"), Some(Endpoint::Management));
        assert_eq!(endpoint("/k8s/clusters/c-m-abc/api"), Some(Endpoint::Cluster));
        assert_eq!(endpoint("/v3/settings/cacerts"), Some(Endpoint::PublicSetting));
        assert_eq!(endpoint("/v3/settings/server-url"), Some(Endpoint::Setting));
        assert_eq!(endpoint("/v3-public/localProviders/local"), Some(Endpoint::Login));
        assert_eq!(endpoint("/v3/clusters/"), Some(Endpoint::Clusters));
        assert_eq!(
            endpoint("/v3/clusterRegistrationTokens/c:default-token"),
            Some(Endpoint::RegistrationToken)
        );
        assert_eq!(endpoint("/"), Some(Endpoint::Home));
        for path in ["/dashboard", "/dashboard/", "/dashboard/assets/index.js"] {
            assert_eq!(endpoint(path), Some(Endpoint::Console), "{path}");
        }
        assert_eq!(endpoint("/apix"), None);
        assert_eq!(endpoint("/k8s/clusters/"), None);
    }
}
