//! The server's settings: objects of `management.cattle.io/v3` that kubectl, scripts and the console read and write,
//! and their present values in memory for the parts that follow them.
//!
//! [`definition`] is the table of what there is. [`Settings`] holds the present values; every part shares it.
//! [`Service`] makes the objects and keeps the values in step with them; [`definitions`] gives the hooks that refuse
//! what cannot be. Names and the meaning of `default`, `customized` and `source` are Rancher's.
//!
//! INVARIANT: a value in [`Settings`] has passed its definition's check; what got into the store around the hooks and
//! does not pass is reported and the default holds.

pub mod definition;

mod hooks;
mod server_url;
mod service;
mod values;

pub use definition::{Definition, Writer};
pub use hooks::definitions;
pub use server_url::{Reach, ServerUrl, ServerUrlError};
pub use service::Service;
pub use values::{Given, Setting, Settings};
