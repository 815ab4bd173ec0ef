//! The life of imported clusters: create, enrol, watch over, remove.
//!
//! [`hooks`] runs inside writes and fills in what must be in the answer (ids, tokens). [`Service`] runs controllers
//! that make what stands around a cluster and write its conditions. [`Handle`] serves manifests and decides which
//! agent may open a tunnel (it is the [`grange_tunnel::SessionAuthority`]).
//!
//! INVARIANT: a finalizer of ours stands only on objects of our own store, never on one of a managed cluster, and no
//! credential of a managed cluster is stored: what is kept of an agent is its public key.
//!
//! Where to start reading: `conditions` is the story of an import, `enrolment` who may come in, `removal` how a cluster
//! goes. Everything before them is pure; they read and write through `kube::Client`.

mod addresses;
mod commands;
mod conditions;
mod connections;
mod directory;
mod duty;
mod enrolment;
mod error;
pub mod hooks;
mod id;
mod management;
mod manifest;
mod observation;
mod patch;
mod probe;
mod provisioning;
mod queue;
mod reason;
mod removal;
mod serve;
mod service;
mod tokens;
mod trouble;
mod watches;

pub use directory::Directory;
pub use duty::Peers;
pub use error::Error;
pub use hooks::{HooksConfig, definitions};
pub use manifest::MAX_MANIFEST_BYTES;
pub use serve::ManifestError;
pub use service::{Config, Handle, Service};
