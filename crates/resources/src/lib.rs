//! The Rust types of Grange's API groups, with Rancher's names, and the CustomResourceDefinitions made from them.
//!
//! Types describe what Grange reads and writes. Fields of Rancher that Grange does not read are kept by the schemas
//! (`x-kubernetes-preserve-unknown-fields`) and not by the types: so nothing is ever written back through a type,
//! controllers send patches. Start reading at [`provisioning`] and [`management`]; [`definition`] makes the
//! definitions that are committed under `crds/`.

// Each `printcolumn` of a kind is an attribute with the same keys.
#![allow(clippy::duplicated_attributes)]

pub mod condition;
pub mod definition;
pub mod management;
pub mod names;
pub mod provisioning;
mod schema;

pub use condition::Condition;
pub use definition::{custom_resource_definitions, own_definition};

/// Reads `null` as if the field were absent, as Go does.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de> + Default,
{
    Ok(<Option<T> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default())
}
