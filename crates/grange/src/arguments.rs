//! Every flag and environment variable. Others script against these names: they are kept.
use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// One gate to every Harvester cluster.
///
/// Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 refused or not logged in, 4 waited too long,
/// 64 not in this build.
///
/// GRANGE_LOG sets what is logged (error, warn, info, debug, trace, or filters like info,grange_gateway=debug);
/// GRANGE_LOG_FORMAT=json writes one JSON object a line.
#[derive(Parser)]
#[command(name = "grange", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the gate: users, clusters, API gateway.
    Server(Box<Server>),
    /// Run inside an imported cluster (or beside it) and dial out to the server.
    ///
    /// In a cluster everything comes from the environment and the files that the manifest mounts; the flags are for an
    /// agent beside a cluster, and go together.
    Agent(Agent),
    /// Run a one-machine cluster that speaks Harvester's API.
    Solo(Box<Solo>),
    /// Work on the state of a server that does not run.
    #[command(subcommand)]
    Store(StoreCommand),
    #[command(flatten)]
    Client(grange_cli::Command),
}

#[derive(Args)]
pub(crate) struct Server {
    /// Where state is kept; made when missing [default: $XDG_DATA_HOME/grange, or ./grange-data without a home]
    #[arg(long, env = "GRANGE_DATA_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where to listen
    #[arg(long, env = "GRANGE_LISTEN", value_name = "HOST:PORT", default_value = "0.0.0.0:8443")]
    pub(crate) listen: SocketAddr,
    /// The address that people and agents use [default: made from --listen, with a warning]
    #[arg(long, env = "GRANGE_SERVER_URL", value_name = "URL")]
    pub(crate) server_url: Option<String>,
    /// Password of the administrator `admin` on the very first start [default: a random one, printed once]
    #[arg(long, env = "GRANGE_BOOTSTRAP_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub(crate) bootstrap_password: Option<String>,
    /// Where the administrator's kubeconfig is written [default: admin.kubeconfig in the data folder]
    #[arg(long, env = "GRANGE_KUBECONFIG_OUT", value_name = "FILE")]
    pub(crate) kubeconfig_out: Option<PathBuf>,
    /// TLS certificate chain (PEM), read again when it changes [default: a certificate of our own]
    #[arg(long, env = "GRANGE_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// TLS private key (PEM)
    #[arg(long, env = "GRANGE_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The storage engine: sqlite (in the data folder), or etcd=URL,URL (shared by several servers)
    #[arg(long, env = "GRANGE_STORE", value_name = "ENGINE", default_value = "sqlite")]
    pub(crate) store: String,
    #[command(flatten)]
    pub(crate) etcd: Etcd,
}

#[derive(Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy everything from one storage engine to another, empty one.
    ///
    /// No server may run on either. What people see stays the same, resourceVersions go on rising, and watches from
    /// before the copy are sent to a fresh list.
    Copy(Box<StoreCopy>),
}

#[derive(Args)]
pub(crate) struct StoreCopy {
    /// Where the state is: sqlite:FOLDER (a server's data folder) or etcd=URL,URL
    #[arg(long, value_name = "PLACE")]
    pub(crate) from: String,
    /// Where it goes to: sqlite:FOLDER or etcd=URL,URL
    #[arg(long, value_name = "PLACE")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) etcd: Etcd,
}

/// What goes with `--store etcd=…`.
#[derive(Args, Default)]
pub(crate) struct Etcd {
    /// Certificate authority of etcd's members (PEM) [default: those of the operating system]
    #[arg(long, env = "GRANGE_ETCD_CA", value_name = "FILE")]
    pub(crate) etcd_ca: Option<PathBuf>,
    /// Client certificate for etcd (PEM)
    #[arg(long, env = "GRANGE_ETCD_CERT", value_name = "FILE", requires = "etcd_key")]
    pub(crate) etcd_cert: Option<PathBuf>,
    /// Key of the client certificate (PEM)
    #[arg(long, env = "GRANGE_ETCD_KEY", value_name = "FILE", requires = "etcd_cert")]
    pub(crate) etcd_key: Option<PathBuf>,
    /// User of etcd's own authentication
    #[arg(long, env = "GRANGE_ETCD_USER", value_name = "NAME")]
    pub(crate) etcd_user: Option<String>,
    /// The user's password; other users of the machine see it on the command line, not in the environment or a file
    #[arg(long, env = "GRANGE_ETCD_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub(crate) etcd_password: Option<String>,
    /// A file that holds the user's password
    #[arg(long, env = "GRANGE_ETCD_PASSWORD_FILE", value_name = "FILE", conflicts_with = "etcd_password")]
    pub(crate) etcd_password_file: Option<PathBuf>,
}

impl Etcd {
    /// Whether any of it is given.
    pub(crate) fn is_given(&self) -> bool {
        let files = [&self.etcd_ca, &self.etcd_cert, &self.etcd_key, &self.etcd_password_file];
        files.iter().any(|file| file.is_some()) || self.etcd_user.is_some() || self.etcd_password.is_some()
    }
}

#[derive(Args)]
pub(crate) struct Agent {
    /// The server's address
    #[arg(
        long,
        env = "GRANGE_AGENT_SERVER_URL",
        value_name = "URL",
        requires = "token",
        requires = "kubeconfig"
    )]
    pub(crate) server_url: Option<String>,
    /// The registration token
    #[arg(
        long,
        env = "GRANGE_AGENT_TOKEN",
        value_name = "TOKEN",
        requires = "server_url",
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,
    /// How to reach the cluster
    #[arg(long, env = "GRANGE_AGENT_KUBECONFIG", value_name = "FILE", requires = "server_url")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// SHA-256 of the server's CA, which the server prints on its first start [default: the certificate must be
    /// publicly valid]
    #[arg(long, env = "GRANGE_AGENT_CA_CHECKSUM", value_name = "HEX", requires = "server_url")]
    pub(crate) ca_checksum: Option<String>,
}

#[derive(Args)]
pub(crate) struct Solo {
    /// Where state is kept; made when missing [default: $XDG_DATA_HOME/grange-solo/NAME, or ./grange-solo-data/NAME]
    #[arg(long, env = "GRANGE_SOLO_DATA_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where to listen; further clusters take the following ports
    #[arg(long, env = "GRANGE_SOLO_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:9443")]
    pub(crate) listen: SocketAddr,
    /// The cluster's name
    #[arg(long, env = "GRANGE_SOLO_NAME", value_name = "NAME", default_value = "solo")]
    pub(crate) name: String,
    /// What runs the machines: auto, kvm, tcg or simulated
    #[arg(long, env = "GRANGE_SOLO_HYPERVISOR", value_name = "ENGINE", default_value = "auto")]
    pub(crate) hypervisor: String,
    /// Where the administrator's kubeconfig is written [default: admin.kubeconfig in the data folder]
    #[arg(long, env = "GRANGE_SOLO_KUBECONFIG_OUT", value_name = "FILE")]
    pub(crate) kubeconfig_out: Option<PathBuf>,
    /// The Harvester version it says it is
    #[arg(long, env = "GRANGE_SOLO_HARVESTER_VERSION", value_name = "VERSION", default_value = "v1.6.1")]
    pub(crate) harvester_version: String,
    /// How many clusters in this process; more than one keep their state in memory only
    #[arg(long, env = "GRANGE_SOLO_CLUSTERS", value_name = "N", default_value_t = 1)]
    pub(crate) clusters: u32,
    /// How many machines each cluster has at the start
    #[arg(long, env = "GRANGE_SOLO_VMS", value_name = "N", default_value_t = 0)]
    pub(crate) vms: u32,
    /// Delay added to every request, milliseconds
    #[arg(long, env = "GRANGE_SOLO_API_DELAY_MS", value_name = "MS", default_value_t = 0)]
    pub(crate) api_delay_ms: u64,
}

/// `$XDG_DATA_HOME/<name>`, the same below `~/.local/share`, or `./<name>-data`.
pub(crate) fn default_data_folder(name: &str) -> PathBuf {
    let variable = |key: &str| std::env::var_os(key).map(PathBuf::from).filter(|path| path.is_absolute());
    variable("XDG_DATA_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/share")))
        .map_or_else(|| PathBuf::from(format!("{name}-data")), |base| base.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }
}
