//! Clients that are programs, which `make test-kubernetes` builds: run with a kubeconfig and with nothing of whoever runs
//! the tests.

mod client_go;
mod helm;
mod kubectl;

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use anyhow::{Context, Result, bail};
use grange_harness::skip;
use tempfile::TempDir;
use tokio::process::Command;

use super::{LIMIT, Target};

/// Holds a program to its suite at a target; nothing (said aloud) where either was not built.
async fn run(
    program: &str,
    target: impl AsyncFnOnce() -> Result<Option<Target>>,
    suite: impl AsyncFnOnce(Target, &Path) -> Result<()>,
) -> Result<()> {
    let Some(program) = Program::find(program) else { return Ok(()) };
    match target().await? {
        Some(target) => suite(target, &program).await,
        None => Ok(()),
    }
}

/// `grange server`.
async fn the_server() -> Result<Option<Target>> {
    Target::server().await.map(Some)
}

/// `grange solo`.
async fn solo() -> Result<Option<Target>> {
    Target::solo().await.map(Some)
}

/// A program, its kubeconfig, and a home of its own.
struct Program {
    path: PathBuf,
    kubeconfig: PathBuf,
    home: TempDir,
    /// Put before the arguments of every call.
    always: Vec<String>,
}

impl Program {
    /// One of those that `make test-kubernetes` builds; `None` (said aloud) where it was not.
    fn find(name: &str) -> Option<PathBuf> {
        let folder = std::env::var_os("GRANGE_KUBERNETES_BIN").map(PathBuf::from);
        let path = folder.map(|folder| folder.join(name)).filter(|path| path.exists());
        if path.is_none() {
            skip(&format!("`make test-kubernetes` builds or fetches {name}, which this test runs"));
        }
        path
    }

    fn new(path: &Path, kubeconfig: &Path) -> Result<Self> {
        Ok(Program {
            path: path.to_owned(),
            kubeconfig: kubeconfig.to_owned(),
            home: tempfile::tempdir()?,
            always: Vec::new(),
        })
    }

    /// The same program for another person.
    fn with(&self, always: &[&str]) -> Result<Self> {
        let mut other = Self::new(&self.path, &self.kubeconfig)?;
        other.always = always.iter().map(|argument| (*argument).to_owned()).collect();
        Ok(other)
    }

    /// Writes a file into its home.
    fn file(&self, name: &str, content: &str) -> Result<String> {
        let path = self.home.path().join(name);
        std::fs::write(&path, content)?;
        Ok(path.display().to_string())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(&self.always)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBERC", "off")
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// What it prints; an error if it fails.
    async fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.output(arguments).await?;
        let (text, complaint) = texts(&output);
        if !output.status.success() {
            bail!("{} {} ended with {}: {text}{complaint}", self.name(), arguments.join(" "), output.status);
        }
        Ok(text)
    }

    /// What it complains about; an error if it does not fail.
    async fn refused(&self, arguments: &[&str]) -> Result<String> {
        let output = self.output(arguments).await?;
        let (text, complaint) = texts(&output);
        if output.status.success() {
            bail!("{} {} did not fail: {text}{complaint}", self.name(), arguments.join(" "));
        }
        Ok(complaint)
    }

    async fn output(&self, arguments: &[&str]) -> Result<Output> {
        let running = self.command(arguments).output();
        let output = tokio::time::timeout(LIMIT, running).await;
        let output = output.with_context(|| format!("{} {}: no end", self.name(), arguments.join(" ")))?;
        output.with_context(|| format!("cannot run {}", self.path.display()))
    }

    fn name(&self) -> std::borrow::Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}
