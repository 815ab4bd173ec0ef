//! The steps of the gate, each one command that a person could type.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::tidy;

/// The whole gate. Ends with the sum of all test binaries' results.
pub(crate) fn all() -> Result<()> {
    tidy::check()?;
    step("format", cargo(&["fmt", "--all", "--check"]))?;
    step("lints", cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    step("build", cargo(&["build", "--workspace", "--bins"]))?;
    test(&[&["test", "--workspace", "--no-fail-fast"]], &[])
}

/// Writes generated files.
pub(crate) fn codegen() -> Result<()> {
    let mut command = cargo(&["test", "--package", "grange-resources"]);
    command.env("GRANGE_WRITE_CRDS", "1");
    step("generated files", command)
}

/// The demo.
pub(crate) fn demo() -> Result<()> {
    step("build", cargo(&["build", "--package", "grange", "--package", "grange-harness", "--bins"]))?;
    step("demo", cargo(&["run", "--quiet", "--package", "grange-harness", "--bin", "demo"]))
}

/// The benches, in release mode.
pub(crate) fn bench(filter: Option<&str>) -> Result<()> {
    step(
        "build",
        cargo(&["build", "--release", "--package", "grange", "--package", "grange-harness", "--bins"]),
    )?;
    let mut command =
        cargo(&["run", "--release", "--quiet", "--package", "grange-harness", "--bin", "bench", "--"]);
    command.args(filter);
    let kubernetes = if filter.is_some_and(|filter| filter.contains("kubernetes")) {
        Some(build_kubernetes()?)
    } else {
        built_kubernetes()
    };
    if let Some(folder) = kubernetes {
        command.env("GRANGE_KUBERNETES_BIN", folder);
    }
    step("bench", command)
}

/// Builds the real Kubernetes unless it is built; the folder it is in.
fn build_kubernetes() -> Result<PathBuf> {
    let build = Command::new("testing/kubernetes/build").stderr(Stdio::inherit()).output();
    let build = build.context("cannot run testing/kubernetes/build")?;
    if !build.status.success() {
        bail!("testing/kubernetes/build failed: {}", build.status);
    }
    Ok(String::from_utf8(build.stdout)?.trim().into())
}

/// The folder of the real Kubernetes if somebody has built it.
fn built_kubernetes() -> Option<PathBuf> {
    let named = std::env::var_os("GRANGE_KUBERNETES_BIN").map(PathBuf::from);
    let folder = named.or_else(|| {
        let module = std::fs::read_to_string("testing/kubernetes/go.mod").ok()?;
        let version = module.split_whitespace().skip_while(|word| *word != "k8s.io/kubernetes").nth(1)?;
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
        Some(cache.join("grange").join(format!("kubernetes-{version}")))
    })?;
    folder.join("kubernetes").exists().then_some(folder)
}

/// The tests that need the real Kubernetes.
pub(crate) fn test_kubernetes() -> Result<()> {
    let folder = build_kubernetes()?;
    let folder = folder.to_str().context("the folder's name is not text")?;
    step("build", cargo(&["build", "--package", "grange"]))?;
    // The end-to-end tests that use the real Kubernetes or its kubectl are in modules named `kube…`.
    test(
        &[
            &["test", "--package", "grange-testing-kubernetes", "--no-fail-fast"],
            &["test", "--package", "grange-e2e", "--no-fail-fast", "kube"],
        ],
        &[("GRANGE_KUBERNETES_BIN", folder)],
    )
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command =
        Command::new(std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from));
    command.args(arguments);
    command
}

fn step(name: &str, mut command: Command) -> Result<()> {
    eprintln!("== {name}");
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// What test binaries reported, added up.
#[derive(Default)]
struct Sum {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Runs `cargo` with each list of arguments, and closes with one line that sums up every test binary.
fn test(runs: &[&[&str]], environment: &[(&str, &str)]) -> Result<()> {
    eprintln!("== tests");
    let mut sum = Sum::default();
    let mut good = true;
    for arguments in runs {
        good &= run_tests(arguments, environment, &mut sum)?;
    }
    println!("{} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped);
    if !good || sum.failed > 0 {
        bail!("tests failed");
    }
    if sum.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

/// Runs one `cargo test`, passes its output on and counts.
fn run_tests(arguments: &[&str], environment: &[(&str, &str)], sum: &mut Sum) -> Result<bool> {
    let mut child = cargo(arguments).envs(environment.iter().copied()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("no standard output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        if let Some(counts) = line.strip_prefix("test result: ") {
            sum.passed += count(counts, "passed");
            sum.failed += count(counts, "failed");
        } else if line.starts_with("skipped: ") {
            sum.skipped += 1;
        }
    }
    Ok(child.wait()?.success())
}

/// The number before `word` in `ok. 3 passed; 0 failed; …`.
fn count(text: &str, word: &str) -> u64 {
    let before = text.split([';', '.']).find_map(|part| part.trim().strip_suffix(word));
    before.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_are_read_from_the_runners_line() {
        let line = "ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!((count(line, "passed"), count(line, "failed")), (12, 3));
    }
}
