//! Who is asking. A trusted front (the gateway) puts a [`UserInfo`] into the request's extensions; otherwise the
//! bearer token is asked of the configured [`TokenAuthenticator`]; otherwise the request is anonymous.
use std::collections::BTreeMap;

use futures::future::BoxFuture;
use grange_apimachinery::Status;
use http::header;

use crate::{Body, limits::MAX_TOKEN_BYTES, server::Inner, service_account::ISSUER};

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

/// The group of everybody who is somebody.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of everybody else.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The group that may do everything.
pub const MASTERS: &str = "system:masters";
const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// Namespace and name of a service account's user name.
pub(crate) fn split_service_account(username: &str) -> Option<(&str, &str)> {
    let (namespace, name) = username.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

/// The user name of a service account.
pub(crate) fn service_account_username(namespace: &str, name: &str) -> String {
    format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}")
}

/// The groups of a service account, without [`AUTHENTICATED`].
pub(crate) fn service_account_groups(namespace: &str) -> Vec<String> {
    vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")]
}

/// Who sends a request. The token is removed from the headers.
pub(crate) async fn authenticate(
    inner: &Inner,
    request: &mut http::Request<Body>,
) -> Result<UserInfo, Status> {
    if let Some(user) = request.extensions_mut().remove::<UserInfo>() {
        request.headers_mut().remove(header::AUTHORIZATION);
        return Ok(user);
    }
    let Some(value) = request.headers_mut().remove(header::AUTHORIZATION) else {
        return Ok(UserInfo::anonymous());
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN_BYTES);
    let user = match token {
        Some(token) => authenticate_token(inner, token).await?,
        None => None,
    };
    user.and_then(Authenticated::for_us).ok_or_else(|| Status::unauthorized("Unauthorized"))
}

/// A token's identity and, of a service-account token, its audiences.
pub(crate) struct Authenticated {
    pub(crate) user: UserInfo,
    pub(crate) audiences: Vec<String>,
}

impl Authenticated {
    /// A token made for somebody else's audience proves nothing to us.
    pub(crate) fn for_us(self) -> Option<UserInfo> {
        let is_for_us = self.audiences.is_empty() || self.audiences.iter().any(|audience| audience == ISSUER);
        is_for_us.then_some(self.user)
    }
}

/// Who a token is: a service account of ours, or somebody the configured authenticator knows.
pub(crate) async fn authenticate_token(inner: &Inner, token: &str) -> Result<Option<Authenticated>, Status> {
    if let Some(authenticated) = crate::service_account::verify(inner, token).await? {
        return Ok(Some(authenticated));
    }
    let user = inner.authenticator.authenticate(token).await?;
    Ok(user.map(|mut user| {
        if !user.groups.iter().any(|group| group == AUTHENTICATED) {
            user.groups.push(AUTHENTICATED.into());
        }
        Authenticated { user, audiences: Vec::new() }
    }))
}
