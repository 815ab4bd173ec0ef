//! Fuzzes every target for a share of the time, and prints what was run. `cargo xtask fuzz` calls it.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use grange_fuzz::{Target, targets, worker};

/// Most of the time that one target has, as a multiple of that of a fast one.
const MAX_SHARE: u64 = 5;
/// Most characters of a failure that are printed.
const MAX_SHOWN_CHARACTERS: usize = 1500;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    fuzz: Fuzz,
}

/// Checks random inputs of every target.
#[derive(Args)]
struct Fuzz {
    /// How long all targets take together.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Only the targets whose name contains this.
    #[arg(long)]
    target: Option<String>,
    /// The run's seed; the same one gives the same inputs.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Subcommand)]
enum Part {
    /// Checks one input that was written down, such as a seed.
    Check {
        #[arg(long)]
        target: String,
        file: PathBuf,
    },
    #[command(hide = true)]
    Worker {
        #[arg(long)]
        target: String,
        #[arg(long)]
        seed: u64,
        #[arg(long)]
        milliseconds: u64,
        #[arg(long)]
        progress: PathBuf,
    },
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.part {
        None => return fuzz(&arguments.fuzz),
        Some(Part::Check { target, file }) => worker::check_file(find(&target)?, &file)?,
        Some(Part::Worker { target, seed, milliseconds, progress }) => {
            worker::work(find(&target)?, seed, Duration::from_millis(milliseconds), &progress)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The beginning of what may be very long; all of it is in the seed.
fn shown(text: &str) -> String {
    let end = text.char_indices().nth(MAX_SHOWN_CHARACTERS).map_or(text.len(), |(index, _)| index);
    text[..end].to_owned()
}

/// How much of the time a target has: slow ones have more, so that they get somewhere.
fn share(target: &Target) -> u64 {
    target.weight.min(MAX_SHARE)
}

fn find(name: &str) -> Result<Target> {
    let found = targets::all().into_iter().find(|target| target.name == name);
    found.with_context(|| format!("there is no target {name:?}"))
}

fn fuzz(arguments: &Fuzz) -> Result<ExitCode> {
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let mut targets = targets::all();
    targets.retain(|target| arguments.target.as_deref().is_none_or(|part| target.name.contains(part)));
    let first = targets.first().context("no target has such a name")?;
    let width = targets.iter().map(|target| target.name.len()).fold(first.name.len(), usize::max);
    let time = Duration::try_from_secs_f64(arguments.minutes * 60.0).context("--minutes is no time")?;
    let shares: u64 = targets.iter().map(share).sum();
    println!("seed {seed}, {:.0} s for all targets", time.as_secs_f64());
    println!(
        "{:width$} {:>10} {:>10} {:>12} {:>10}",
        "target", "inputs", "inputs/s", "peak bytes", "left over"
    );
    let mut failed = false;
    for target in &targets {
        match worker::supervise(target, seed, time.mul_f64(share(target) as f64 / shares as f64))? {
            Ok(report) => println!(
                "{:width$} {:>10} {:>10.0} {:>12} {:>10}",
                target.name,
                report.inputs,
                report.inputs as f64 / report.seconds,
                report.peak_bytes,
                report.left_over_bytes
            ),
            Err(failure) => {
                failed = true;
                let (message, input) = (shown(&failure.message), shown(&failure.input.to_string()));
                println!("{:width$} FAILED: {message}\n  {input}", target.name);
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
