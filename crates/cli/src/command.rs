//! The commands and their flags. Others script against these names: they are kept.
use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};

/// Client commands.
#[derive(Subcommand)]
pub enum Command {
    /// Log in to a server and remember it.
    Login(Login),
    /// Import, list, reach and delete clusters.
    Cluster(Cluster),
}

/// `grange login`.
#[derive(Args)]
pub struct Login {
    /// The server's address, such as https://grange.example.org:8443
    #[arg(env = "GRANGE_SERVER", value_name = "URL")]
    pub url: String,
    /// The login name
    #[arg(long, short, env = "GRANGE_USERNAME", value_name = "NAME", default_value = "admin")]
    pub username: String,
    /// Read the password from standard input instead of asking
    #[arg(long)]
    pub password_stdin: bool,
    /// Trust the server's own CA if it has this SHA-256, which the server prints on its first start
    #[arg(long, env = "GRANGE_CA_CHECKSUM", value_name = "HEX", conflicts_with = "insecure_skip_tls_verify")]
    pub ca_checksum: Option<String>,
    /// Do not check who the server is: anybody on the way can read the password
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
}

/// `grange cluster`.
#[derive(Args)]
pub struct Cluster {
    /// What to do.
    #[command(subcommand)]
    pub command: ClusterCommand,
}

/// `grange cluster …`.
#[derive(Subcommand)]
pub enum ClusterCommand {
    /// List the clusters you may see.
    List(List),
    /// Create a cluster, print how to connect it, and wait until it is ready.
    ///
    /// Run it again to see the steps again and go on waiting.
    Import(Import),
    /// Print a kubeconfig for a cluster.
    Kubeconfig(Kubeconfig),
    /// Delete a cluster, and remove from it what the import brought.
    Delete(Delete),
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For files.
    Yaml,
}

/// `grange cluster list`.
#[derive(Args)]
pub struct List {
    /// How to print it
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
}

/// `grange cluster import`.
#[derive(Args)]
pub struct Import {
    /// The cluster's name
    pub name: String,
    /// What the cluster is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub description: String,
    /// Wait until the cluster is ready (the default)
    #[arg(long, overrides_with = "no_wait")]
    pub wait: bool,
    /// Print the steps and return
    #[arg(long, overrides_with = "wait")]
    pub no_wait: bool,
    /// How long to wait, such as 90s, 30m, 2h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_duration)]
    pub timeout: Duration,
    /// How to print the steps
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: Format,
}

/// `grange cluster kubeconfig`.
#[derive(Args)]
pub struct Kubeconfig {
    /// The cluster's name or id
    pub name: String,
    /// Write it to this file (readable by you only) instead of printing it
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
}

/// `grange cluster delete`.
#[derive(Args)]
pub struct Delete {
    /// The cluster's name or id
    pub name: String,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Wait until it is gone
    #[arg(long)]
    pub wait: bool,
    /// How long to wait, such as 90s, 30m, 2h
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_duration)]
    pub timeout: Duration,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| "use a number and s, m or h, such as 90s".to_owned())?;
    let seconds = match unit {
        "" | "s" => number,
        "m" => number.saturating_mul(60),
        "h" => number.saturating_mul(3600),
        _ => return Err("use a number and s, m or h, such as 90s".to_owned()),
    };
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("30m", Some(1800)),
            ("2h", Some(7200)),
            ("5", Some(5)),
            ("x", None),
            ("1d", None),
        ] {
            assert_eq!(parse_duration(text).ok().map(|found| found.as_secs()), seconds, "{text}");
        }
    }
}
