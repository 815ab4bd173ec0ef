//! A generic Kubernetes-compatible API server as a tower service over a [`grange_store::Store`].
//!
//! Generic: a resource is data ([`Resource`]), not a module. It knows none of our kinds, no clusters, no VMs.
//!
//! Way of a request: parse ([`request`]) → authenticate ([`authentication`]) → impersonate → authorize
//! ([`authorization`], yields the [`authorization::Authorized`] proof every handler demands) → handler → store.

pub mod authentication;
pub mod authorization;
pub mod body;
pub mod resource;
pub mod server;

pub use authentication::{TokenAuthenticator, UserInfo};
pub use authorization::{Attributes, Authorizer, Decision};
pub use body::Body;
pub use resource::{Resource, Scope, Strategy};
pub use server::{Config, Handle, Service};
