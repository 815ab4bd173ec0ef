//! Starts the real `grange` binary as a user would and talks to it over its public APIs.
//!
//! Used by the end-to-end tests, the demo and the benches. It knows no inside of Grange: only flags, kubeconfigs,
//! HTTP (and the tunnel's protocol, where [`bench`] plays ten thousand agents in one process). Start reading at
//! [`Server`] and [`Solo`] (processes), then [`Api`] (requests) and [`import`] (the flow).

pub mod agent;
pub mod api;
pub mod bench;
pub mod front;
pub mod import;
pub mod inventory;
pub mod kubeconfig;
pub mod process;
pub mod tls;
pub mod wait;

pub use api::Api;
pub use front::Front;
pub use inventory::inventory;
pub use kubeconfig::Kubeconfig;
pub use process::{Process, Server, Solo, binary, free_port};
pub use wait::skip;
