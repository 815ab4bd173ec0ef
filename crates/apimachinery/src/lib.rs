//! Kubernetes' API machinery as pure values: objects, metadata rules, selectors, patches, tables, schemas, errors.
//!
//! No HTTP, no async, no storage. Start reading at [`object`] (what is stored and how it is rendered), then
//! [`status`] (the one error type that reaches a client).

pub mod apply;
mod cel;
pub mod definition;
mod field_error;
mod header;
pub mod json;
mod json_patch;
mod jsonpath;
pub mod name;
pub mod object;
pub mod patch;
mod pattern;
pub mod quantity;
pub mod schema;
pub mod selector;
pub mod status;
mod strategic;
pub mod table;
pub mod time;
pub mod yaml;

pub use object::{Object, StoredHeader};
pub use serde_json::{Map, Value};
pub use status::{FieldError, Reason, Status};
