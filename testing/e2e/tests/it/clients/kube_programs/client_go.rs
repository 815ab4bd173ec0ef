//! client-go: the program of `testing/clients/client-go`, which is a controller's author's use of it, test by test.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::{LIMIT, Program, Target};

/// The line by which the program asks for a restart of the server.
const RESTART: &str = "RESTART";
/// How long the whole program may take: several of its tests may wait for [`LIMIT`].
const PROGRAM_LIMIT: std::time::Duration = std::time::Duration::from_secs(600);

#[tokio::test]
async fn the_server() -> Result<()> {
    super::run("client-go.test", super::the_server, suite).await
}

#[tokio::test]
async fn solo() -> Result<()> {
    super::run("client-go.test", super::solo, suite).await
}

#[tokio::test]
async fn kubernetes() -> Result<()> {
    super::run("client-go.test", Target::kubernetes, suite).await
}

async fn suite(mut target: Target, program: &std::path::Path) -> Result<()> {
    let program = Program::new(program, &target.kubeconfig())?;
    // Informers that list first and then watch, as older ones do; then all with streamed lists.
    run_tests(&mut target, &program, "false", &["-test.run", "TestInformers|TestController"]).await?;
    run_tests(&mut target, &program, "true", &[]).await
}

/// Runs the program, restarts the server whenever it asks, and fails with all it said.
async fn run_tests(
    target: &mut Target,
    program: &Program,
    streams_lists: &str,
    arguments: &[&str],
) -> Result<()> {
    let mut command = program.command(&["-test.v", "-test.timeout", "500s"]);
    command.args(arguments).env("KUBE_FEATURE_WatchListClient", streams_lists);
    command.env("GRANGE_CLIENTS_RESTART", "1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("a pipe")?;
    let mut output = BufReader::new(child.stdout.take().context("a pipe")?).lines();
    let mut complaints = BufReader::new(child.stderr.take().context("a pipe")?).lines();
    let complaining = tokio::spawn(async move {
        let mut said = Vec::new();
        while let Ok(Some(line)) = complaints.next_line().await {
            said.push(line);
        }
        said.join("\n")
    });
    let mut said = Vec::new();
    let running = async {
        while let Some(line) = output.next_line().await? {
            if line == RESTART {
                target.restart().await?;
                input.write_all(b"\n").await?;
            }
            said.push(line);
        }
        anyhow::Ok(child.wait().await?)
    };
    let ended = tokio::time::timeout(PROGRAM_LIMIT, running).await;
    let said = said.join("\n");
    let status = ended.with_context(|| format!("no end:\n{said}"))??;
    let complaints = tokio::time::timeout(LIMIT, complaining).await??;
    ensure!(status.success(), "client-go's tests ended with {status}:\n{said}\n{complaints}");
    ensure!(said.contains("--- PASS: TestInformers"), "they did not run:\n{said}");
    Ok(())
}
