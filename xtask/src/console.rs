//! The web console's part of the gate: npm's scripts in `ui/`, and a browser for the specs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use anyhow::{Context, Result, bail};

use crate::ci::{Sum, run_counted, step};

const UI: &str = "ui";
/// What a build of the console is made of.
const SOURCES: [&str; 5] =
    ["ui/src", "ui/public", "ui/index.html", "ui/vite.config.ts", "ui/package-lock.json"];
/// The lock file that `node_modules` was installed from.
const INSTALLED: &str = "ui/node_modules/.installed-lock.json";
/// Where Debian and others put a browser that the specs can drive.
const BROWSERS: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const INSTALL_BROWSER: &str = "apt-get install --yes --no-install-recommends chromium";

/// Type check, lints, unit tests and build. Whether the console is there to be looked at with a browser.
pub(crate) fn check_and_build(sum: &mut Sum) -> Result<bool> {
    if !Path::new("ui/package.json").exists() {
        return Ok(false);
    }
    if !has_npm() {
        sum.skip(
            "the console's checks and tests need Node.js 20 or newer with npm: apt-get install nodejs npm",
        );
        return Ok(false);
    }
    install()?;
    step("console: check", npm(&["run", "check"]))?;
    eprintln!("== console: tests");
    run_counted(npm(&["run", "test"]), sum, vitest)?;
    step("console: build", npm(&["run", "build"]))?;
    Ok(true)
}

/// The specs in a browser, against the binary that was built.
pub(crate) fn test_in_browser(sum: &mut Sum) -> Result<()> {
    eprintln!("== console: browser");
    let Some(browser) = browser()? else {
        sum.skip(&format!("the console's specs need a browser; to have it, run: {INSTALL_BROWSER}"));
        return Ok(());
    };
    let binary = std::env::current_exe()?.with_file_name("grange");
    let mut command = npm(&["run", "e2e"]);
    command.env("CHROMIUM", browser).env("GRANGE_BINARY", binary);
    run_counted(command, sum, playwright)
}

/// Builds the console if that can be done and anything has changed; without Node.js the binary has none.
pub(crate) fn build_if_stale() -> Result<()> {
    if !Path::new("ui/package.json").exists() {
        return Ok(());
    }
    if !has_npm() {
        eprintln!(
            "The web console needs Node.js 20 or newer with npm to be built; this build goes without it."
        );
        return Ok(());
    }
    let built = modified(Path::new("ui/dist/index.html"));
    let newest = SOURCES.iter().filter_map(|source| newest(Path::new(source))).max();
    if built.is_some() && newest <= built {
        return Ok(());
    }
    install()?;
    step("console: build", npm(&["run", "build"]))
}

/// Builds the console and finds a browser, for its bench; `None` where that cannot be had.
pub(crate) fn prepare() -> Result<Option<PathBuf>> {
    build_if_stale()?;
    if !has_npm() || !Path::new("ui/package.json").exists() {
        return Ok(None);
    }
    install()?;
    browser()
}

/// The console's types of the definitions.
pub(crate) fn types() -> Result<()> {
    if !has_npm() {
        bail!("the console's types are written with Node.js 20 or newer and npm: apt-get install nodejs npm");
    }
    install()?;
    step("console: types", npm(&["run", "types"]))
}

/// `npm ci`, unless what is installed is what the lock file names.
fn install() -> Result<()> {
    let lock = fs::read("ui/package-lock.json").context("ui/package-lock.json")?;
    if fs::read(INSTALLED).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut command = npm(&["ci", "--no-audit", "--no-fund"]);
    // The specs drive the system's browser.
    command.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    step("console: dependencies", command)?;
    fs::write(INSTALLED, lock).context(INSTALLED)
}

fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    // Plain text: the counts are read from it.
    command.args(arguments).current_dir(UI).env("NO_COLOR", "1").env_remove("FORCE_COLOR");
    command
}

fn has_npm() -> bool {
    succeeds(Command::new("npm").arg("--version"))
}

/// A browser, installed if that may be done without asking anybody.
fn browser() -> Result<Option<PathBuf>> {
    if let Some(found) = find_browser() {
        return Ok(Some(found));
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    let runner: &[&str] = if is_root { &["env"] } else { &["sudo", "-n"] };
    if !succeeds(Command::new(runner[0]).args(&runner[1..]).arg("true"))
        || !succeeds(Command::new("apt-get").arg("--version"))
    {
        return Ok(None);
    }
    for arguments in ["apt-get update", INSTALL_BROWSER] {
        let mut command = Command::new(runner[0]);
        command.args(&runner[1..]).args(arguments.split(' ')).env("DEBIAN_FRONTEND", "noninteractive");
        if !command.status().with_context(|| format!("cannot run {command:?}"))?.success() {
            return Ok(None);
        }
    }
    Ok(find_browser())
}

fn find_browser() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    named.into_iter().chain(BROWSERS.iter().map(PathBuf::from)).find(|path| path.exists())
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|data| data.modified()).ok()
}

/// When the newest file of a folder was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let below = fs::read_dir(path).into_iter().flatten().flatten().filter_map(|entry| newest(&entry.path()));
    below.chain(modified(path)).max()
}

/// Reads `Tests  1 failed | 44 passed | 2 skipped (47)` and ` FAIL  file > test`.
fn vitest(line: &str, sum: &mut Sum) {
    if let Some(test) = line.trim().strip_prefix("FAIL ") {
        return sum.fail(test);
    }
    let Some(counts) = line.trim().strip_prefix("Tests ") else { return };
    for part in counts.split(['|', '(']) {
        sum.add(part.trim());
    }
}

/// Reads the closing lines `12 passed (1.2m)`, `1 failed`, `2 skipped`, `1 did not run`, and `✘  3 file › test (2.1s)`.
fn playwright(line: &str, sum: &mut Sum) {
    let line = line.trim();
    if let Some(test) = line.strip_prefix('✘') {
        return sum.fail(test);
    }
    sum.add(line.split(" (").next().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: fn(&str, &mut Sum), lines: &[&str]) -> (u64, u64, u64) {
        let mut sum = Sum::default();
        lines.iter().for_each(|line| reader(line, &mut sum));
        (sum.passed, sum.failed, sum.skipped)
    }

    #[test]
    fn the_counts_of_both_runners_are_read() {
        let lines = [
            " Test Files  3 passed (3)",
            "      Tests  1 failed | 44 passed | 2 skipped (47)",
            "   Duration  3s",
        ];
        assert_eq!(read(vitest, &lines), (44, 1, 2));
        let lines = [
            "  ✓  1 home.spec.ts:3:1 › 5 passed things (1s)",
            "  1 failed",
            "  2 skipped",
            "  12 passed (1.2m)",
        ];
        assert_eq!(read(playwright, &lines), (12, 1, 2));
        assert_eq!(read(playwright, &["  3 did not run", "  1 flaky", "  1 interrupted"]), (0, 2, 3));
    }
}
