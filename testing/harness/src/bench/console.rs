//! The console in a browser: `npm run bench` in `ui/` measures, this reads its rows.
//!
//! The page measures itself with its own clock, so what is slow about driving a browser from outside does not count.

use std::{fs, path::Path, process::Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::process::Command;

use super::report::Row;

/// Names the file that the rows are written to.
const OUT: &str = "GRANGE_BENCH_OUT";
/// Names the browser; `cargo xtask bench` finds one.
const BROWSER: &str = "CHROMIUM";

/// A row as the bench in the browser writes it.
#[derive(Deserialize)]
struct Measured {
    what: String,
    bar: String,
    measured: String,
    met: bool,
    raw: Vec<String>,
}

impl From<Measured> for Row {
    fn from(Measured { what, bar, measured, met, raw }: Measured) -> Self {
        Row { raw, ..Row::new(&what, &bar, measured, met) }
    }
}

/// Runs the bench in the browser.
pub async fn run() -> Result<Vec<Row>> {
    if std::env::var_os(BROWSER).is_none() || !Path::new("ui/node_modules").exists() {
        let why = "needs Node.js 20 or newer with npm, and Chromium: cargo xtask console installs both";
        return Ok(vec![Row::not_measured("(all of this bench)", "", why.into())]);
    }
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("rows.jsonl");
    let status = Command::new("npm")
        .args(["run", "--silent", "bench"])
        .current_dir("ui")
        .env(OUT, &out)
        .env("GRANGE_BINARY", std::env::current_exe()?.with_file_name("grange"))
        .stdout(Stdio::from(std::io::stderr()))
        .kill_on_drop(true)
        .status()
        .await
        .context("cannot run npm")?;
    let rows = read(&fs::read_to_string(&out).unwrap_or_default())?;
    if rows.is_empty() {
        bail!("npm run bench ended without a row ({status})");
    }
    if !status.success() {
        eprintln!("npm run bench did not get to its end ({status})");
    }
    Ok(rows)
}

fn read(lines: &str) -> Result<Vec<Row>> {
    let row = |line| serde_json::from_str::<Measured>(line).map(Row::from);
    lines.lines().map(row).collect::<Result<_, _>>().context("a row is not understood")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::Verdict;

    #[test]
    fn rows_are_read_from_lines_of_json() {
        let line = r#"{"what":"scrolling","bar":"≥ 55","measured":"60","met":true,"raw":["longest 17 ms"]}"#;
        let rows = read(&format!("{line}\n{}\n", line.replace("true", "false"))).unwrap();
        assert_eq!(rows.iter().map(|row| row.verdict).collect::<Vec<_>>(), [Verdict::Met, Verdict::Missed]);
        assert_eq!(rows[0].raw, ["longest 17 ms"]);
        assert!(read("{}").is_err());
    }
}
