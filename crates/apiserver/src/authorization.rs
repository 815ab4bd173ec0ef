//! May they? One decision point; handlers take the proof it gives.
use crate::UserInfo;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    /// Who asks.
    pub user: &'a UserInfo,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, `impersonate`, …; the lower-case method for non-resource paths.
    pub verb: &'a str,
    /// API group; `""` is core.
    pub group: &'a str,
    /// API version.
    pub version: &'a str,
    /// Plural; `""` for a non-resource path.
    pub resource: &'a str,
    /// Subresource or `""`.
    pub subresource: &'a str,
    /// Namespace or `""`.
    pub namespace: &'a str,
    /// Name or `""`.
    pub name: &'a str,
    /// The URL path, for non-resource requests.
    pub path: &'a str,
}

/// The answer and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why (which binding), or what is missing.
    pub reason: String,
}

/// Decides from memory; never blocks.
pub trait Authorizer: Send + Sync + 'static {
    /// The decision.
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision;
}

/// Proof that the authorizer allowed exactly this request. Only [`crate::server`] can make one.
#[derive(Debug)]
pub struct Authorized<'a> {
    /// What was allowed.
    pub attributes: Attributes<'a>,
    _proof: (),
}
