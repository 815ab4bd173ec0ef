//! Endpoints that are not Rancher's Norman API: operations, the management API, imported clusters, tunnels.
mod clusters;
mod management;
mod operations;
mod tunnels;

pub(crate) use clusters::{LOCAL, cluster};
pub(crate) use management::{ask, cluster_not_found, management};
pub(crate) use operations::{ca_certificates, may_get_path, metrics, ready};
pub(crate) use tunnels::{connect, images, import, trouble};
