//! `grange solo`: a cluster on one machine that speaks Harvester's API, for laptops, labs, tests and benches.
//!
//! It is an API server with Harvester's kinds ([`kinds`]), the objects every Harvester has ([`seed`]), and the few
//! controllers that make it behave like one: [`registration`] joins a manager, [`deployments`] and [`pods`] run
//! Grange's own agent, [`machines`] walks virtual machines through their phases over a
//! [`grange_hypervisor::Hypervisor`]. One process hosts one cluster that keeps its state, or many that do not.
//!
//! Start reading at [`Service`], then `cluster.rs`, which builds one cluster. Controllers see their cluster through
//! `client.rs`, never through the store.

use std::{net::SocketAddr, path::PathBuf};

mod client;
mod cluster;
mod credentials;
mod deployments;
mod events;
mod kinds;
mod kubeconfig;
mod listener;
mod machines;
mod pods;
mod queue;
mod registration;
mod seed;
mod service;
mod strategies;

pub use credentials::CredentialsError;
pub use grange_hypervisor::{Choice as HypervisorChoice, choice::EXIT_CODE_NOT_IN_THIS_BUILD};
pub use service::{ClusterAddress, Error, Handle, Service};

/// Most clusters in one process.
pub const MAX_CLUSTERS: u32 = 1000;
/// Most machines made at the start in one cluster.
pub const MAX_MACHINES: u32 = 10_000;

/// What to run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where credentials, state and the folders of Pods are kept. Only one process may use it at a time.
    pub data_dir: PathBuf,
    /// Where the first cluster listens; further ones take the following ports (any free ones if the port is 0).
    pub listen: SocketAddr,
    /// The cluster's name; with several clusters the names are `<name>-1`, `<name>-2`, …
    pub name: String,
    /// The engine that runs machines.
    pub hypervisor: HypervisorChoice,
    /// Where the admin's kubeconfig is written, with a context for each cluster.
    pub kubeconfig_out: Option<PathBuf>,
    /// What the cluster says it is, such as `v1.6.1`.
    pub harvester_version: String,
    /// How many clusters; more than one keep their state in memory only.
    pub clusters: u32,
    /// How many machines are made in each cluster at the start.
    pub vms: u32,
    /// Added to each request, milliseconds.
    pub api_delay_ms: u64,
    /// What is run for Grange's own image; by default this program.
    pub agent_program: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data_dir: PathBuf::from("solo-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 9443)),
            name: "solo".into(),
            hypervisor: HypervisorChoice::Auto,
            kubeconfig_out: None,
            harvester_version: "v1.6.1".into(),
            clusters: 1,
            vms: 0,
            api_delay_ms: 0,
            agent_program: None,
        }
    }
}
