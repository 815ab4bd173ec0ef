//! The code by which kube-apiserver decides RBAC, asked line by line.
use std::{
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result};
use grange_testing_kubernetes::Options;
use serde_json::Value;

/// Asks all questions (`kubernetes rbac` says how they look); the answers of those that have one, in order.
///
/// # Errors
/// When the program cannot be run or gives up.
pub fn decide(options: &Options, questions: Vec<Value>) -> Result<Vec<Value>> {
    let mut child = Command::new(options.binaries.join("kubernetes"))
        .arg("rbac")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting kubernetes rbac")?;
    let input = child.stdin.take().context("no standard input")?;
    let output = child.stdout.take().context("no standard output")?;
    // Both ways at once: each side would wait for the other when a pipe is full.
    let writing = thread::spawn(move || ask(input, &questions));
    let answers = read(output);
    finish(child)?;
    writing.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    answers
}

fn ask(input: ChildStdin, questions: &[Value]) -> Result<()> {
    let mut input = BufWriter::new(input);
    for question in questions {
        writeln!(input, "{question}")?;
    }
    input.flush()?;
    Ok(())
}

fn read(output: ChildStdout) -> Result<Vec<Value>> {
    BufReader::new(output).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

fn finish(mut child: Child) -> Result<()> {
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "kubernetes rbac: {status}");
    Ok(())
}
