//! A generic Kubernetes-compatible API server as a tower service over a [`grange_store::Store`].
//!
//! Generic: a resource is data ([`Resource`]), not a module. It knows none of our kinds, no clusters, no VMs.
//!
//! Way of a request: parse ([`request`]) → authenticate ([`authentication`]) → impersonate → authorize
//! ([`authorization`], yields the [`authorization::Authorized`] proof every handler demands) → handler → store.

mod apply;
pub mod authentication;
pub mod authorization;
pub mod body;
mod bootstrap;
mod builtin;
mod controller;
mod decode;
mod definitions;
mod delete;
mod discovery;
mod fairness;
mod garbage;
mod impersonation;
mod keys;
pub mod limits;
mod mirror;
mod namespaces;
mod negotiate;
mod oidc;
mod openapi;
mod options;
mod ownership;
mod pipeline;
mod protobuf;
mod quota;
mod rbac;
mod read;
mod registry;
pub mod request;
mod requirement;
pub mod resource;
mod response;
mod review_validation;
mod reviews;
mod scale;
pub mod server;
pub mod service_account;
mod table;
mod typed;
mod validation;
mod watch;
mod write;

pub use authentication::{TokenAuthenticator, UserInfo};
pub use authorization::{Attributes, Authorized, Authorizer, Decision};
pub use body::Body;
pub use definitions::OwnDefinition;
pub use resource::{NoHooks, Resource, Scope, Strategy, Subresource, VirtualResource};
pub use server::{Config, Handle, Loopback, Service};
