//! Who is asking. A trusted front (the gateway) puts a [`UserInfo`] into the request's extensions; otherwise the
//! bearer token is asked of the configured [`TokenAuthenticator`]; otherwise the request is anonymous.
use std::collections::BTreeMap;

use futures::future::BoxFuture;
use grange_apimachinery::Status;

/// An authenticated identity, as in `authentication.k8s.io/v1` UserInfo.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UserInfo {
    /// The user's name.
    pub username: String,
    /// The user's uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// More about the user.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// The in-process identity of our own controllers: `system:apiserver` in `system:masters`.
    pub fn loopback() -> Self {
        UserInfo {
            username: "system:apiserver".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..Self::default()
        }
    }
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        UserInfo {
            username: "system:anonymous".into(),
            groups: vec!["system:unauthenticated".into()],
            ..Self::default()
        }
    }
}

/// Turns bearer tokens into identities; also answers TokenReviews.
pub trait TokenAuthenticator: Send + Sync + 'static {
    /// `Ok(None)` is an unknown or expired token.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<UserInfo>, Status>>;
}
