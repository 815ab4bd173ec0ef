//! Grange's own processes: started on free ports in a folder, ready when they say so, gone when dropped.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{Api, Kubeconfig, wait};

/// How long a process may take until it is ready; generous, for debug builds on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long a process may take to end after SIGTERM before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// How much of a log is shown when something fails.
const LOG_TAIL_LINES: usize = 40;

/// The `grange` binary under test: `GRANGE_BINARY`, or the one beside the running test in the build folder.
pub fn binary() -> Result<PathBuf> {
    if let Ok(path) = std::env::var("GRANGE_BINARY") {
        return Ok(path.into());
    }
    let mut folder = std::env::current_exe()?;
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join("grange");
    if !path.exists() {
        bail!("{} is not there; build it first (cargo build -p grange) or set GRANGE_BINARY", path.display());
    }
    Ok(path)
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A child process whose output goes to a log file. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `grange <arguments>`; both output streams go to `<folder>/<name>.log`.
    pub fn start(name: &str, folder: &Path, arguments: &[String]) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        let child = Command::new(binary()?)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Process { name: name.to_owned(), child, log })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of the log, for messages.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    /// An error with the log's tail if the process has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended with {status}; its log ends:\n{}", self.name, self.log_tail()),
            None => Ok(()),
        }
    }

    /// Sends a signal by name (`TERM`, `INT`, `KILL`, `STOP`, `CONT`).
    pub fn signal(&self, signal: &str) -> Result<()> {
        Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status()?;
        Ok(())
    }

    /// Asks the process to end and waits for it; one that does not end is an error (and is killed).
    pub async fn stop(mut self) -> Result<ExitStatus> {
        self.signal("TERM")?;
        let name = self.name.clone();
        wait::until(&format!("{name} to end after SIGTERM"), STOP_LIMIT, async || {
            Ok(self.child.try_wait()?)
        })
        .await
    }

    /// Waits until the process ends by itself.
    pub async fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        let name = self.name.clone();
        wait::until(&format!("{name} to end"), limit, async || Ok(self.child.try_wait()?)).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A running `grange server`.
pub struct Server {
    /// The process.
    pub process: Process,
    /// The administrator's API.
    pub api: Api,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// From the start of the process until `/readyz` said yes.
    pub ready_after: Duration,
}

impl Server {
    /// The administrator's password in tests.
    pub const PASSWORD: &str = "end-to-end-password";

    /// Starts a server on `port` with its state in `folder` and [`Server::PASSWORD`].
    pub async fn start(folder: &Path, port: u16, more: &[&str]) -> Result<Self> {
        Self::start_with_password(folder, port, Self::PASSWORD, more).await
    }

    /// The same with another first password.
    pub async fn start_with_password(
        folder: &Path,
        port: u16,
        password: &str,
        more: &[&str],
    ) -> Result<Self> {
        let kubeconfig = Self::kubeconfig_file(folder);
        let mut arguments = Self::arguments(folder, port, password);
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let started = Instant::now();
        let mut process = Process::start("server", folder, &arguments)?;
        let api = ready(&mut process, &kubeconfig, port).await?;
        Ok(Server { process, api, kubeconfig, ready_after: started.elapsed() })
    }

    /// What a server is started with.
    pub fn arguments(folder: &Path, port: u16, password: &str) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["server", "--bootstrap-password", password].map(str::to_owned).to_vec();
        arguments.extend(["--data-dir".to_owned(), folder.join("server").display().to_string()]);
        arguments.extend(["--listen".to_owned(), format!("127.0.0.1:{port}")]);
        arguments.extend(["--server-url".to_owned(), format!("https://127.0.0.1:{port}")]);
        let kubeconfig = Self::kubeconfig_file(folder);
        arguments.extend(["--kubeconfig-out".to_owned(), kubeconfig.display().to_string()]);
        arguments
    }

    /// Where a server with its state in `folder` writes the administrator's kubeconfig.
    pub fn kubeconfig_file(folder: &Path) -> PathBuf {
        folder.join("admin.kubeconfig")
    }
}

/// A running `grange solo`.
pub struct Solo {
    /// The process.
    pub process: Process,
    /// The cluster administrator's API.
    pub api: Api,
    /// The cluster administrator's kubeconfig.
    pub kubeconfig: PathBuf,
}

impl Solo {
    /// Starts a stand-in cluster called `name` on `port` with its state in `folder`.
    pub async fn start(folder: &Path, name: &str, port: u16, more: &[&str]) -> Result<Self> {
        let kubeconfig = folder.join(format!("{name}.kubeconfig"));
        let mut arguments: Vec<String> =
            ["solo", "--name", name, "--hypervisor", "simulated"].map(str::to_owned).to_vec();
        arguments.extend(["--data-dir".to_owned(), folder.join(name).display().to_string()]);
        arguments.extend(["--listen".to_owned(), format!("127.0.0.1:{port}")]);
        arguments.extend(["--kubeconfig-out".to_owned(), kubeconfig.display().to_string()]);
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let mut process = Process::start(name, folder, &arguments)?;
        let api = ready(&mut process, &kubeconfig, port).await?;
        Ok(Solo { process, api, kubeconfig })
    }
}

/// Waits until the kubeconfig is there and its address answers `/readyz` with 200.
async fn ready(process: &mut Process, kubeconfig: &Path, port: u16) -> Result<Api> {
    let name = process.name.clone();
    wait::until(&format!("{name} on port {port} to be ready"), READY_LIMIT, async || {
        process.check_alive()?;
        if !kubeconfig.exists() {
            return Ok(None);
        }
        let kubeconfig = Kubeconfig::read(kubeconfig)?;
        if !kubeconfig.server.ends_with(&format!(":{port}")) {
            return Ok(None);
        }
        let api = Api::new(&kubeconfig)?;
        Ok((api.try_get("/readyz").await?.code == 200).then_some(api))
    })
    .await
}
