//! The repository's own tool: the gate (`ci`), its parts, the demo and the benches.
//!
//! `cargo xtask ci` is the whole gate; `make test` calls it. Nothing here is part of the product.

mod ci;
mod console;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Runs one part of the gate, or all of it.
#[derive(Parser)]
#[command(name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything a change must pass: tidy, format, lints, generated files, the console, tests, the browser's specs.
    Ci,
    /// The repository's own rules: crate layers, file sizes, licences, banned crates.
    Tidy,
    /// Writes the generated files (CRDs) anew.
    Codegen,
    /// The console alone: checks, unit tests, build, and its specs in a browser (needs Node.js).
    Console,
    /// Builds and runs the demo in the foreground until Ctrl-C.
    Demo,
    /// Builds in release mode and prints the numbers of SPECIFICATION.md.
    Bench {
        /// Only the benches whose name contains this.
        filter: Option<String>,
    },
    /// Checks random inputs of everything that reads what comes from outside: `--minutes`, `--target`, `--seed`.
    Fuzz {
        /// Passed on to the `fuzz` program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Builds the real Kubernetes and runs the tests against it.
    TestKubernetes,
}

fn main() -> ExitCode {
    // The message alone: where in this tool a step failed helps nobody, and a backtrace hides what went before it.
    run().map_or_else(
        |error| {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn run() -> Result<()> {
    match Arguments::parse().command {
        Command::Ci => ci::all(),
        Command::Tidy => tidy::check(),
        Command::Codegen => ci::codegen(),
        Command::Console => ci::console(),
        Command::Demo => ci::demo(),
        Command::Bench { filter } => ci::bench(filter.as_deref()),
        Command::Fuzz { arguments } => ci::fuzz(&arguments),
        Command::TestKubernetes => ci::test_kubernetes(),
    }
}
