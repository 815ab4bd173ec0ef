//! A real Kubernetes control plane for tests and benches: etcd, kube-apiserver
//! and, unless told otherwise, kube-controller-manager, each cluster on its own
//! loopback ports and in its own temporary folder.
//!
//! The programs are those that `testing/kubernetes/build` makes. A test begins
//! with [`Options::from_environment`], which says aloud why it skips where they
//! are not built, and goes on with [`Cluster::start`]:
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! use grange_testing_kubernetes::{Cluster, Options};
//!
//! let Some(options) = Options::from_environment() else { return Ok(()) };
//! let cluster = Cluster::start(options).await?;
//! println!("{}", cluster.kubectl(&["get", "namespaces"]).await?);
//! # Ok(())
//! # }
//! ```
//!
//! [`Etcd`] is an etcd alone, to be killed and started again.
//!
//! There is no kubelet and no scheduler: a Deployment gets its ReplicaSet and
//! Pods, and the Pods stay `Pending`.
//!
//! INVARIANT: a cluster is gone when its [`Cluster`] is, and when the process
//! that made it is, in whatever way either ended (see `process`).
//!
//! Start reading at [`Cluster::start`].

mod certificates;
mod control_plane;
mod etcd;
mod files;
mod process;

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::process::Command;

pub use etcd::{Etcd, EtcdCredentials, EtcdOptions};

use control_plane::ControlPlane;
use files::Files;

/// Names the folder that `testing/kubernetes/build` printed.
pub const BINARIES_VARIABLE: &str = "GRANGE_KUBERNETES_BIN";
/// If set, the folders of clusters stay behind, with the logs in them.
pub const KEEP_VARIABLE: &str = "GRANGE_KUBERNETES_KEEP";

/// Name of the ordinary user, who may do what any authenticated user may and
/// nothing else: tests grant what they need.
pub const USER_NAME: &str = "jane";
/// The group of [`USER_NAME`], which grants nothing either.
pub const USER_GROUP: &str = "tenants";

/// How long a call of [`Cluster::kubectl`] may take.
const KUBECTL_DEADLINE: Duration = Duration::from_secs(60);

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that `testing/kubernetes/build` printed.
    pub binaries: PathBuf,
    /// Whether to run kube-controller-manager: without it there is no garbage
    /// collection, a namespace never ends, and no namespace gets its `default`
    /// ServiceAccount. It costs about 100 MB and a second.
    pub controller_manager: bool,
    /// Whether etcd keeps what it acknowledged (fsync), as in a real cluster.
    /// Tests do without; what is measured must be durable.
    pub durable: bool,
    /// Further flags of kube-apiserver; they win over the ones set here.
    pub api_server_flags: Vec<String>,
}

impl Options {
    /// A whole cluster that forgets, of the programs in `binaries`.
    pub fn new(binaries: impl Into<PathBuf>) -> Self {
        Self {
            binaries: binaries.into(),
            controller_manager: true,
            durable: false,
            api_server_flags: Vec::new(),
        }
    }

    /// The same with the programs of `GRANGE_KUBERNETES_BIN`; if that is not
    /// set, says `skipped: …` on standard output and gives `None`.
    pub fn from_environment() -> Option<Self> {
        match env::var_os(BINARIES_VARIABLE) {
            Some(folder) if !folder.is_empty() => Some(Self::new(folder)),
            _ => {
                // Past the test runner's capture, so that it is seen.
                let _ = writeln!(
                    io::stdout(),
                    "\nskipped: {BINARIES_VARIABLE} is not set (make test-kubernetes builds Kubernetes and sets it)"
                );
                None
            }
        }
    }

    /// Leaves kube-controller-manager out.
    #[must_use]
    pub fn without_controller_manager(mut self) -> Self {
        self.controller_manager = false;
        self
    }

    /// Makes etcd durable.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }
}

/// A running Kubernetes cluster, ended when this is dropped.
///
/// Dropped by a panic, it prints the end of each program's log.
#[derive(Debug)]
pub struct Cluster {
    // Before the folder: fields are dropped in this order, and the programs
    // must have ended when their files go.
    control_plane: ControlPlane,
    files: Files,
    options: Options,
    folder: TempDir,
}

impl Cluster {
    /// Starts a cluster and waits until it is ready: kube-apiserver says so
    /// under `/readyz`, and with a controller manager the namespace `default`
    /// has its ServiceAccount.
    ///
    /// # Errors
    /// When a program cannot be started, ends by itself or is not ready within
    /// two minutes; the message holds the end of its log.
    pub async fn start(options: Options) -> Result<Self> {
        let mut folder = tempfile::Builder::new()
            .prefix("grange-kubernetes-")
            .tempdir()
            .context("making a folder for the cluster")?;
        folder.disable_cleanup(env::var_os(KEEP_VARIABLE).is_some());
        let files = Files::write(folder.path())?;
        let control_plane = ControlPlane::start(&options, &files, folder.path()).await?;
        files.write_kubeconfigs(&control_plane.url)?;
        Ok(Self { control_plane, files, options, folder })
    }

    /// Kills kube-apiserver and starts it again at the same address.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn restart_api_server(&mut self) -> Result<()> {
        self.control_plane.restart_api_server(&self.options, &self.files, self.folder.path()).await
    }

    /// `https://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.control_plane.url
    }

    /// The `http://127.0.0.1:PORT` of etcd, which asks for no credentials.
    pub fn etcd_url(&self) -> &str {
        &self.control_plane.etcd_url
    }

    /// The authority that signed the serving certificate, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.files.authority_pem
    }

    /// Bearer token of `admin` in the group `system:masters`.
    pub fn admin_token(&self) -> &str {
        &self.files.admin_token
    }

    /// Bearer token of [`USER_NAME`].
    pub fn user_token(&self) -> &str {
        &self.files.user_token
    }

    /// A kubeconfig with the administrator's token.
    pub fn kubeconfig(&self) -> &Path {
        &self.files.admin_kubeconfig
    }

    /// A kubeconfig with the administrator's client certificate and no token,
    /// as most distributions write it.
    pub fn certificate_kubeconfig(&self) -> &Path {
        &self.files.certificate_kubeconfig
    }

    /// A kubeconfig with the token of [`USER_NAME`].
    pub fn user_kubeconfig(&self) -> &Path {
        &self.files.user_kubeconfig
    }

    /// The folder of the cluster, with `etcd.log`, `kube-apiserver.log` and
    /// `kube-controller-manager.log`. A test may put files of its own there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Name and process id of each program, for benches that look at its CPU
    /// time and memory.
    pub fn process_ids(&self) -> Vec<(&'static str, u32)> {
        self.control_plane.process_ids()
    }

    /// A client that trusts this cluster and sends `token` with every request.
    ///
    /// # Errors
    /// When the token holds what no header can.
    pub fn client(&self, token: &str) -> Result<reqwest::Client> {
        self.files.client(Some(token))
    }

    /// The kubectl that was built, as a command to give arguments, with this
    /// cluster's kubeconfig (`--kubeconfig` and `--server` win over it) and
    /// none of the settings of whoever runs the test.
    pub fn kubectl_command(&self) -> Command {
        let mut command = Command::new(self.options.binaries.join("kubectl"));
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.folder())
            .env("KUBERC", "off")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs kubectl as the administrator, and gives what it printed.
    ///
    /// # Errors
    /// When it fails, with all it said, or takes longer than a minute.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.kubectl_command();
        command.args(arguments);
        let words = arguments.join(" ");
        let output: Output = tokio::time::timeout(KUBECTL_DEADLINE, command.output())
            .await
            .with_context(|| format!("kubectl {words}: no end after {KUBECTL_DEADLINE:?}"))?
            .with_context(|| format!("starting kubectl {words}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("kubectl {words}: {}\n{text}{}", output.status, complaint.trim_end());
        }
        Ok(text)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.control_plane.log_tails());
        }
    }
}
