//! The flows of the product, driven from outside against the real binary.

mod causes;
mod cli;
mod clients;
mod full_disk;
mod hostile_agent;
mod hostile_cluster;
mod import;
mod kube_two_servers;
mod kubectl;
mod kubernetes;
mod refusals;
mod resilience;
mod starting;
mod strangers;
