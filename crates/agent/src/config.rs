//! What an agent needs to know, from the environment and mounted files of its pod or from a kubeconfig.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
};

use grange_wire::{JoinToken, names};

use crate::{
    kubernetes::{Access, KubeconfigError, read_kubeconfig},
    server::{ProxySettings, ServerUrl, ServerUrlError},
};

/// Directory with the server's URL and the join token.
pub const ENV_CREDENTIALS_DIRECTORY: &str = "GRANGE_CREDENTIALS_DIR";
/// Directory with the service account's token, CA and namespace.
pub const ENV_SERVICE_ACCOUNT_DIRECTORY: &str = "GRANGE_SERVICE_ACCOUNT_DIR";
const DEFAULT_SERVICE_ACCOUNT_DIRECTORY: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The longest mounted file we read.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Where the agent runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In a pod of the Deployment that the import created.
    InCluster,
    /// Beside the cluster, with a kubeconfig.
    Outside,
}

/// Everything an agent needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server's address.
    pub server: ServerUrl,
    /// SHA-256 of the server's CA certificates, in lower-case hexadecimal.
    pub ca_checksum: Option<String>,
    /// Where the join token is.
    pub token: TokenSource,
    /// How the cluster's apiserver is reached.
    pub access: Access,
    /// Whether to go through a proxy to the server.
    pub proxy: ProxySettings,
    /// Where the agent runs.
    pub mode: Mode,
}

/// Where the join token is. A file is read again at each enrolment.
#[derive(Clone)]
pub enum TokenSource {
    /// Given on the command line.
    Fixed(JoinToken),
    /// In a mounted Secret.
    File(PathBuf),
}

impl TokenSource {
    /// The token now.
    pub fn read(&self) -> Result<JoinToken, ConfigError> {
        match self {
            TokenSource::Fixed(token) => Ok(token.clone()),
            TokenSource::File(path) => {
                let token = read_trimmed(path)?;
                if token.is_empty() {
                    return Err(ConfigError::Empty { path: path.clone() });
                }
                Ok(JoinToken::new(token))
            }
        }
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenSource::Fixed(_) => formatter.write_str("Fixed(…)"),
            TokenSource::File(path) => formatter.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Why an agent cannot even start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that must not be empty is.
    #[error("{} is empty", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// No server's address.
    #[error("no server is named: set {} or mount a file `url`", names::ENV_SERVER)]
    NoServer,
    /// The server's address cannot be used.
    #[error(transparent)]
    Server(#[from] ServerUrlError),
    /// The checksum is none.
    #[error("{} must be 64 hexadecimal digits or empty, but is {value:?}", names::ENV_CA_CHECKSUM)]
    Checksum {
        /// What it is.
        value: String,
    },
    /// Not in a pod.
    #[error(
        "the agent does not run in a cluster (KUBERNETES_SERVICE_HOST is not set); beside a cluster it needs \
         --server-url, --token and --kubeconfig"
    )]
    NotInCluster,
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig {} cannot be used", path.display())]
    Kubeconfig {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KubeconfigError,
    },
}

impl Config {
    /// The configuration of an agent in its pod.
    pub fn from_environment() -> Result<Self, ConfigError> {
        let directory = |variable: &str, default: &str| {
            PathBuf::from(
                env::var_os(variable).filter(|value| !value.is_empty()).unwrap_or_else(|| default.into()),
            )
        };
        let credentials = directory(ENV_CREDENTIALS_DIRECTORY, names::CREDENTIALS_DIRECTORY);
        let account = directory(ENV_SERVICE_ACCOUNT_DIRECTORY, DEFAULT_SERVICE_ACCOUNT_DIRECTORY);
        // First, because a person who only tries the command needs to hear this and nothing else.
        let host = variable("KUBERNETES_SERVICE_HOST").ok_or(ConfigError::NotInCluster)?;
        let server = match variable(names::ENV_SERVER) {
            Some(url) => url,
            None => read_trimmed(&credentials.join(names::CREDENTIALS_URL_KEY))?,
        };
        if server.is_empty() {
            return Err(ConfigError::NoServer);
        }
        let port = variable("KUBERNETES_SERVICE_PORT").unwrap_or_else(|| "443".to_owned());
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        Ok(Config {
            server: ServerUrl::parse(&server)?,
            ca_checksum: checksum(variable(names::ENV_CA_CHECKSUM))?,
            token: TokenSource::File(credentials.join(names::CREDENTIALS_TOKEN_KEY)),
            access: Access::service_account(&format!("https://{host}:{port}"), &account),
            proxy: ProxySettings::from_environment(),
            mode: Mode::InCluster,
        })
    }

    /// The configuration of an agent beside its cluster.
    pub fn outside(
        server_url: &str,
        token: &str,
        kubeconfig: &Path,
        ca_checksum: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let text = read_text(kubeconfig)?;
        let folder = kubeconfig.parent().unwrap_or(Path::new("."));
        let access = read_kubeconfig(&text, folder)
            .map_err(|source| ConfigError::Kubeconfig { path: kubeconfig.to_owned(), source })?;
        Ok(Config {
            server: ServerUrl::parse(server_url)?,
            ca_checksum: checksum(ca_checksum.map(str::to_owned))?,
            token: TokenSource::Fixed(JoinToken::new(token.trim())),
            access,
            proxy: ProxySettings::from_environment(),
            mode: Mode::Outside,
        })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn checksum(value: Option<String>) -> Result<Option<String>, ConfigError> {
    let Some(value) = value.map(|value| value.trim().to_ascii_lowercase()).filter(|value| !value.is_empty())
    else {
        return Ok(None);
    };
    if value.len() != 64 || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ConfigError::Checksum { value });
    }
    Ok(Some(value))
}

fn read_trimmed(path: &Path) -> Result<String, ConfigError> {
    read_text(path).map(|text| text.trim().to_owned())
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::File { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MAX_FILE_BYTES {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB")));
    }
    fs::read_to_string(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_hexadecimal_or_absent() {
        assert_eq!(checksum(None).unwrap(), None);
        assert_eq!(checksum(Some("  ".into())).unwrap(), None);
        assert_eq!(checksum(Some("A".repeat(64))).unwrap(), Some("a".repeat(64)));
        checksum(Some("a".repeat(63))).unwrap_err();
        checksum(Some("z".repeat(64))).unwrap_err();
    }

    #[test]
    fn debug_shows_no_token() {
        let source = TokenSource::Fixed(JoinToken::new("hush"));
        assert!(!format!("{source:?}").contains("hush"));
        assert_eq!(source.read().unwrap().expose(), "hush");
    }
}
