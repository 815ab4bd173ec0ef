//! The in-cluster agent: dials the server, proves which cluster this is, and serves that cluster's Kubernetes API to
//! the server through the connection it opened.
//!
//! Where to start: [`Service::run`]. Modules:
//! [`config`] (environment, mounted files, or a kubeconfig), [`kubernetes`] (a small client of one apiserver),
//! [`server`] (reaching and trusting the Grange server), [`identity`] (the agent's key and the cluster's identity),
//! [`lane`] (one tunnel: dial, serve, back off), [`forward`] (a request's way to the apiserver), [`ownership`]
//! (adopting and removing what the import brought), `trouble` (what keeps the agent from coming in).
//!
//! INVARIANTS: the agent speaks to two addresses only, its server's and its apiserver's. The server's requests act
//! as the person they name, never as the agent. No log line shows a credential.

pub mod config;
mod control;
pub mod forward;
mod identity;
mod impersonation;
pub mod kubernetes;
mod lane;
mod ownership;
mod parent;
pub mod server;
pub mod service;
mod trouble;

pub use config::{Config, ConfigError, Mode};
pub use service::{Ending, Service, ServiceError};
