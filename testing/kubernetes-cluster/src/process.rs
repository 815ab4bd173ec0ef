//! One program of the control plane, as a child process that cannot outlive us.
//!
//! INVARIANT: however the test ends, the process ends. [`Drop`] kills it, also
//! while a panic unwinds; and should this process die without unwinding
//! (SIGKILL, `exit`, abort), the pipe it holds closes, which the program takes
//! for its end (`--until-stdin-closes` of `testing/kubernetes/main.go`).

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

/// How long each program may take until it is ready. On a quiet machine it is
/// a second or two; while a workspace is being compiled it can be ten times that.
pub(crate) const READY_DEADLINE: Duration = Duration::from_secs(120);
/// How long between two looks whether it is.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How often a program is started whose port was taken before it bound it.
pub(crate) const PORT_ATTEMPTS: usize = 5;
/// How much of the end of a log a failure shows.
const LOG_TAIL_BYTES: u64 = 6 * 1024;

/// A running program, killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the part `name` of the program `kubernetes` in `binaries`, with
    /// its output going to `<folder>/<name>.log`.
    pub(crate) fn start(
        binaries: &Path,
        folder: &Path,
        name: &'static str,
        flags: &[String],
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("opening {}", log.display()))?;
        let program = binaries.join("kubernetes");
        let child = Command::new(&program)
            .arg("--until-stdin-closes")
            .arg(name)
            .args(flags)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().context("duplicating the log")?)
            .stderr(output)
            // A group of its own, so that Ctrl-C in a terminal reaches the test
            // alone and the parts end in order behind it.
            .process_group(0)
            .spawn()
            .with_context(|| {
                format!("starting {} (built with testing/kubernetes/build?)", program.display())
            })?;
        Ok(Self { name, child, log })
    }

    /// The id of the process, for benches that read `/proc/<id>`.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its status if it has ended, which none of them does unasked.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until `ready` says so; `false` if it ended because another
    /// process had taken the port.
    ///
    /// # Errors
    /// When it ends by itself, or is not ready in time.
    pub(crate) async fn until_ready<F>(&mut self, ready: impl Fn() -> F) -> Result<bool>
    where
        F: Future<Output = bool>,
    {
        let name = self.name;
        let deadline = Instant::now() + READY_DEADLINE;
        loop {
            // Who ended did not answer: that was another process at its port.
            if ready().await && self.ended().is_none() {
                return Ok(true);
            }
            if let Some(status) = self.ended() {
                if self.found_port_taken() {
                    return Ok(false);
                }
                bail!("{name} ended by itself ({status})\n{}", self.log_tail());
            }
            if Instant::now() > deadline {
                bail!("{name} is not ready after {READY_DEADLINE:?}\n{}", self.log_tail());
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// The end of its log, for a failure's message.
    pub(crate) fn log_tail(&self) -> String {
        let tail = read_tail(&self.log).unwrap_or_else(|error| format!("({error})"));
        format!("--- end of {} ---\n{}\n", self.log.display(), tail.trim_end())
    }

    /// Whether its log says that another process had taken the port.
    fn found_port_taken(&self) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|log| log.contains("address already in use"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read_tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(LOG_TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // From a whole line on.
    let text = if start > 0 { text.split_once('\n').map_or(&*text, |(_, rest)| rest) } else { &*text };
    Ok(text.to_owned())
}
