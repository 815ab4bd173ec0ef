//! The steps of the gate, each one command that a person could type.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{console, tidy};

/// How programs are built. Always the whole workspace: a choice of packages has other features of the dependencies
/// turned on, and cargo would build those anew for each choice.
const BUILD: &[&str] = &["build", "--workspace", "--bins"];
/// The same with the tests, whose own dependencies turn on further features.
const BUILD_WITH_TESTS: &[&str] = &["build", "--workspace", "--bins", "--tests"];

/// The whole gate. Ends with the sum of what all test runners reported.
pub(crate) fn all() -> Result<()> {
    tidy::check()?;
    step("format", cargo(&["fmt", "--all", "--check"]))?;
    let mut sum = Sum::default();
    // First the console, which the binary carries.
    let has_console = console::check_and_build(&mut sum)?;
    step("lints", cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    step("build", cargo(BUILD_WITH_TESTS))?;
    eprintln!("== tests");
    run_counted(cargo(&["test", "--workspace", "--no-fail-fast"]), &mut sum, cargo_test)?;
    if has_console {
        console::test_in_browser(&mut sum)?;
    }
    sum.close()
}

/// The console's part of the gate.
pub(crate) fn console() -> Result<()> {
    let mut sum = Sum::default();
    if console::check_and_build(&mut sum)? {
        step("build", cargo(BUILD))?;
        console::test_in_browser(&mut sum)?;
    }
    sum.close()
}

/// Writes generated files.
pub(crate) fn codegen() -> Result<()> {
    let mut command = cargo(&["test", "--package", "grange-resources"]);
    command.env("GRANGE_WRITE_CRDS", "1");
    step("generated files", command)?;
    console::types()
}

/// The demo.
pub(crate) fn demo() -> Result<()> {
    console::build_if_stale()?;
    step("build", cargo(BUILD))?;
    step("demo", Command::new(built("demo")?))
}

/// The benches, in release mode.
pub(crate) fn bench(filter: Option<&str>) -> Result<()> {
    // The console's numbers are those of the one that the binary carries.
    let browser =
        if filter.is_none_or(|filter| "console".contains(filter)) { console::prepare()? } else { None };
    step("build", cargo(&[BUILD, &["--release"]].concat()))?;
    let mut command = Command::new(built("../release/bench")?);
    command.args(filter);
    if let Some(browser) = browser {
        command.env("CHROMIUM", browser);
    }
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

/// The fuzzing, with all checks of a debug build.
pub(crate) fn fuzz(arguments: &[String]) -> Result<()> {
    step("build", cargo(BUILD))?;
    let mut command = Command::new(built("fuzz")?);
    command.args(arguments);
    step("fuzz", command)
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

/// Builds Helm and the programs of client-go into the same folder.
fn build_clients(folder: &str) -> Result<()> {
    let mut command = Command::new("testing/clients/build");
    command.arg(folder);
    step("real clients", command)
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
    build_clients(folder)?;
    step("build", cargo(BUILD_WITH_TESTS))?;
    eprintln!("== tests");
    let mut sum = Sum::default();
    // Tests that use the real Kubernetes, its kubectl or its etcd are in modules named `kube…`.
    let mut command = cargo(&["test", "--workspace", "--tests", "--no-fail-fast", "kube"]);
    command.env("GRANGE_KUBERNETES_BIN", folder);
    run_counted(command, &mut sum, cargo_test)?;
    sum.close()
}

/// A program that was built beside this one.
fn built(program: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(program))
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command =
        Command::new(std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from));
    command.args(arguments);
    command
}

/// Runs one command that must succeed.
pub(crate) fn step(name: &str, mut command: Command) -> Result<()> {
    eprintln!("== {name}");
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// What test runners reported, added up.
#[derive(Default)]
pub(crate) struct Sum {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// The tests that failed, as their runners name them.
    failures: BTreeSet<String>,
}

impl Sum {
    /// Adds `3 passed` and its like; anything else counts for nothing.
    pub(crate) fn add(&mut self, text: &str) {
        let Some((number, word)) = text.split_once(' ') else { return };
        let Ok(number) = number.parse::<u64>() else { return };
        match word {
            "passed" => self.passed += number,
            "failed" | "flaky" | "interrupted" => self.failed += number,
            "skipped" | "did not run" => self.skipped += number,
            _ => {}
        }
    }

    /// Says aloud what does not run here.
    pub(crate) fn skip(&mut self, reason: &str) {
        println!("skipped: {reason}");
        self.skipped += 1;
    }

    /// Keeps the name of a test that failed. Runners say it more than once.
    pub(crate) fn fail(&mut self, test: &str) {
        self.failures.insert(test.trim().to_owned());
    }

    /// The line that closes every run, after the names of what failed.
    fn close(self) -> Result<()> {
        for test in &self.failures {
            println!("failed: {test}");
        }
        println!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped);
        if self.failed > 0 {
            bail!("tests failed");
        }
        if self.passed == 0 {
            bail!("no test ran");
        }
        Ok(())
    }
}

/// Runs a test runner, passes its output on, and has `reader` add up its lines.
pub(crate) fn run_counted(mut command: Command, sum: &mut Sum, reader: fn(&str, &mut Sum)) -> Result<()> {
    let failed_before = sum.failed;
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {command:?}"))?;
    let output = child.stdout.take().context("no standard output")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        reader(&line, sum);
    }
    // A runner that fails without a failed test could not run at all.
    if !child.wait()?.success() && sum.failed == failed_before {
        sum.fail(&format!("{command:?}"));
        sum.failed += 1;
    }
    Ok(())
}

/// Reads `test result: ok. 3 passed; 0 failed; …`, and what tests say that do not run here.
fn cargo_test(line: &str, sum: &mut Sum) {
    if let Some(counts) = line.strip_prefix("test result: ") {
        sum.passed += count(counts, "passed");
        sum.failed += count(counts, "failed");
    } else if let Some(test) = line.strip_prefix("test ").and_then(|test| test.strip_suffix(" ... FAILED")) {
        sum.fail(test);
    } else if line.starts_with("skipped: ") {
        sum.skipped += 1;
    }
}

/// The number before `word` in `ok. 3 passed; 0 failed; …`.
fn count(text: &str, word: &str) -> u64 {
    let before = text.split([';', '.']).find_map(|part| part.trim().strip_suffix(word));
    before.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Sum, cargo_test, count};

    #[test]
    fn counts_are_read_from_the_runners_line() {
        let line = "ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!((count(line, "passed"), count(line, "failed")), (12, 3));
    }

    #[test]
    fn the_sum_names_what_failed_once() {
        let mut sum = Sum::default();
        for line in [
            "test quotas::grow ... FAILED",
            "test quotas::shrink ... ok",
            "test quotas::grow ... FAILED",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            cargo_test(line, &mut sum);
        }
        assert_eq!((sum.passed, sum.failed), (1, 1));
        assert_eq!(Vec::from_iter(sum.failures), ["quotas::grow"]);
    }
}
