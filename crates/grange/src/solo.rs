//! `grange solo`: a one-machine stand-in cluster, or many in one process.
use std::process::ExitCode;

use anyhow::Context as _;
use grange_solo::{Config, Error, Service};

use crate::{
    arguments::{self, default_data_folder},
    exit::Refusal,
    shutdown,
};

pub(crate) async fn run(arguments: arguments::Solo) -> anyhow::Result<ExitCode> {
    let data_dir =
        arguments.data_dir.unwrap_or_else(|| default_data_folder("grange-solo").join(&arguments.name));
    let hypervisor =
        arguments.hypervisor.parse().map_err(|why| Refusal::usage(format!("--hypervisor: {why}")))?;
    let config = Config {
        listen: arguments.listen,
        name: arguments.name,
        hypervisor,
        kubeconfig_out: Some(arguments.kubeconfig_out.unwrap_or_else(|| data_dir.join("admin.kubeconfig"))),
        harvester_version: arguments.harvester_version,
        clusters: arguments.clusters,
        vms: arguments.vms,
        api_delay_ms: arguments.api_delay_ms,
        agent_program: None,
        data_dir,
    };
    let (service, handle) = Service::new(config).map_err(refusal)?;
    let shutdown = shutdown::on_signal()?;
    let running = tokio::spawn(service.run(shutdown));
    if let Some(clusters) = handle.ready().await {
        for cluster in clusters.iter() {
            eprintln!("grange solo {} is ready on https://{}", cluster.name, cluster.address);
        }
    }
    running.await.context("the stand-in cluster")?.map_err(refusal)?;
    Ok(ExitCode::SUCCESS)
}

/// Gives the errors that the command line caused their own exit codes.
fn refusal(error: Error) -> anyhow::Error {
    match error {
        Error::Hypervisor(why) => Refusal::not_in_this_build(why.to_string()),
        Error::Config(why) => Refusal::usage(why),
        error => error.into(),
    }
}
