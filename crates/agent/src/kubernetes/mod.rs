//! A small client of one Kubernetes apiserver: kept-alive TLS connections to a fixed address, nothing followed,
//! nothing buffered.

mod access;
mod client;
mod kubeconfig;
mod pool;

pub use access::Access;
pub use client::{Client, KubernetesError};
pub use kubeconfig::{KubeconfigError, read_kubeconfig};
pub use pool::{Pool, PoolError};
