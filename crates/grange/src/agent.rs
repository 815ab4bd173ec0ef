//! `grange agent`: in its pod everything comes from the environment and mounted files; outside from the flags.
use std::process::ExitCode;

use grange_agent::{Config, ConfigError, Service};

use crate::{arguments, exit::Refusal, shutdown};

pub(crate) async fn run(arguments: arguments::Agent) -> anyhow::Result<ExitCode> {
    let arguments::Agent { server_url, token, kubeconfig, ca_checksum } = arguments;
    let config = match (server_url, token, kubeconfig) {
        (Some(server_url), Some(token), Some(kubeconfig)) => {
            Config::outside(&server_url, &token, &kubeconfig, ca_checksum.as_deref())
        }
        (None, None, None) => Config::from_environment(),
        _ => return Err(Refusal::usage("--server-url, --token and --kubeconfig go together")),
    };
    let config = config.map_err(refusal)?;
    let shutdown = shutdown::on_signal()?;
    Service::new(config).run(shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

/// Files that cannot be used are a failure; everything else is what the agent was told.
fn refusal(error: ConfigError) -> anyhow::Error {
    match error {
        ConfigError::File { .. } | ConfigError::Empty { .. } | ConfigError::Kubeconfig { .. } => error.into(),
        error => Refusal::usage(error.to_string()),
    }
}
