//! Server-side apply: who owns which field of an object, and how applied configurations merge into it.
//!
//! The rules are those of Kubernetes' structured-merge-diff and of the field manager of kube-apiserver 1.36. A [`FieldSet`]
//! names fields ([`path`] their steps); a [`Type`] says of a kind which lists are keyed and which values are atomic;
//! [`Managers`] is `metadata.managedFields`; [`Tracker`] is what a write calls. Nothing here knows of HTTP or of storage.
//!
//! INVARIANT: values come from bodies that [`crate::json::parse`] has bounded, and types from documents that are at most
//! [`crate::schema::MAX_SCHEMA_DEPTH`] deep, so every recursion here is bounded.

mod compare;
mod conflict;
mod error;
mod fields;
mod go;
mod last_applied;
mod managers;
mod merge;
mod path;
mod reconcile;
mod remove;
mod set;
mod tracker;
mod types;
mod validate;

pub use conflict::Conflict;
pub use error::ApplyError;
pub use go::type_name as go_type_name;
pub use managers::{
    ManagerKey, Managers, Operation, Owned, ReadError, manager_of_user_agent, validate_managed_fields,
    validate_manager,
};
pub use path::PathElement;
pub use set::FieldSet;
pub use tracker::{Tracker, keep_times};
pub use types::{Type, TypeError};

/// Longest name of a field manager, bytes.
pub const MAX_MANAGER_NAME_BYTES: usize = 128;
/// Most entries of managers that update; older ones are merged into one.
pub const MAX_UPDATE_MANAGERS: usize = 10;
/// Longest name of a subresource in an entry, bytes.
pub const MAX_SUBRESOURCE_BYTES: usize = 256;

#[cfg(test)]
mod tests;
