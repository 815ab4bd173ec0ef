//! May they? One decision point; handlers take the proof it gives.
use grange_apimachinery::Status;

use crate::{UserInfo, request::RequestInfo};

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

impl<'a> Attributes<'a> {
    /// The attributes of a parsed request.
    pub fn of_request(user: &'a UserInfo, info: &'a RequestInfo) -> Self {
        Attributes {
            user,
            verb: &info.verb,
            group: &info.group,
            version: &info.version,
            resource: &info.resource,
            subresource: &info.subresource,
            namespace: &info.namespace,
            name: &info.name,
            path: &info.path,
        }
    }
    /// Something done to a resource.
    pub fn of_resource(user: &'a UserInfo, verb: &'a str, group: &'a str, resource: &'a str) -> Self {
        Attributes {
            user,
            verb,
            group,
            version: "",
            resource,
            subresource: "",
            namespace: "",
            name: "",
            path: "",
        }
    }
    /// Kubernetes' 403 for a refused request.
    pub fn forbidden(&self, reason: &str) -> Status {
        let user = &self.user.username;
        let mut why = if self.resource.is_empty() {
            format!("User {user:?} cannot {} path {:?}", self.verb, self.path)
        } else {
            let resource = if self.subresource.is_empty() {
                self.resource.to_owned()
            } else {
                format!("{}/{}", self.resource, self.subresource)
            };
            let place = if self.namespace.is_empty() {
                "at the cluster scope".to_owned()
            } else {
                format!("in the namespace {:?}", self.namespace)
            };
            format!(
                "User {user:?} cannot {} resource {resource:?} in API group {:?} {place}",
                self.verb, self.group
            )
        };
        if !reason.is_empty() {
            why.push_str(": ");
            why.push_str(reason);
        }
        if self.resource.is_empty() {
            return Status::forbidden("", "", "", &why);
        }
        Status::forbidden(self.group, self.resource, self.name, &why)
    }
}

/// The answer and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why (which binding), or what is missing.
    pub reason: String,
}

impl Decision {
    /// Allowed, and why.
    pub fn allow(reason: impl Into<String>) -> Self {
        Decision { allowed: true, reason: reason.into() }
    }
    /// No opinion or denied, and why.
    pub fn deny(reason: impl Into<String>) -> Self {
        Decision { allowed: false, reason: reason.into() }
    }
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
    _proof: Proof,
}

/// Made only where the authorizer said yes.
#[derive(Debug)]
struct Proof;

impl<'a> Authorized<'a> {
    /// Asks; the proof or a 403.
    pub(crate) fn check(authorizer: &dyn Authorizer, attributes: Attributes<'a>) -> Result<Self, Status> {
        let decision = authorizer.authorize(&attributes);
        if decision.allowed {
            Ok(Authorized { attributes, _proof: Proof })
        } else {
            // The reason of a plain "nothing grants it" would only say what the sentence says already.
            Err(attributes.forbidden(&decision.reason))
        }
    }
}
