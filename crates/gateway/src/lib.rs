//! The HTTP front: TLS, limits, who is asking, which part answers.
//!
//! Way of a request: connection limits ([`server`]) → path and size checks → credential → [`routes`] (one table) →
//! handler. The management API is answered by `grange-apiserver`, imported clusters through the proxy and the tunnel;
//! Rancher-compatible endpoints live in [`norman`] and `login`.
//!
//! INVARIANT: no handler runs before the route's access rule was checked, and every route is in the one table that
//! the inventory test walks.

pub mod config;
pub mod console;
pub mod proxy;
pub mod routes;
pub mod server;
pub mod streams;
pub mod tls;

mod caller;
mod credentials;
mod dispatch;
mod front;
mod handlers;
mod kubeconfig;
mod metrics;
mod norman;
mod path;
mod respond;

pub use config::{Config, Limits, TlsSource};
pub use console::Console;
pub use front::{ImportGate, ManifestRefusal, Parts};
pub use grange_apiserver::Body;
pub use kubeconfig::kubeconfig;
pub use server::{Bound, Error, Handle, Service};
pub use streams::{Lease, Streams};
pub use tls::{AuthorityFiles, CaBundle, TlsError};
