//! The `grange` binary: reads the command line, builds the parts, runs them, turns errors into exit codes.
//!
//! Start reading at [`arguments`] (every flag), then [`server`] (how the parts are put together).

mod agent;
mod arguments;
mod authority;
mod exit;
mod kept;
mod kubeconfig_file;
mod leader;
mod logging;
mod peers;
mod server;
mod service_accounts;
mod shutdown;
mod solo;
mod store;
mod store_copy;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

/// An API server's work is small pieces made and dropped by the thousand: an apply is twice as fast as with the system's
/// allocator (`bench kubernetes-apply`). Without huge pages, which cost an idle server 10 MiB and are no faster here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads for blocking work: password hashing, file reads.
const MAX_BLOCKING_THREADS: usize = 16;

/// The runtime's own variable.
const WORKER_THREADS_VARIABLE: &str = "TOKIO_WORKER_THREADS";

fn main() -> ExitCode {
    // First of all: whoever builds a TLS configuration without naming a provider gets this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::parse();
    logging::start(matches!(arguments.command, Command::Client(_)));
    let mut runtime = match arguments.command {
        // A guest in somebody else's cluster: one thread carries more than its link does, and takes less of a machine
        // that has better things to do than two that wake each other.
        Command::Agent(_) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    runtime.worker_threads(worker_threads());
    let runtime =
        match runtime.enable_all().max_blocking_threads(MAX_BLOCKING_THREADS).thread_name("grange").build() {
            Ok(runtime) => runtime,
            Err(error) => return exit::report(&anyhow::Error::new(error).context("starting threads")),
        };
    let result = runtime.block_on(run(arguments.command));
    // Whatever still blocks must not keep a stopped process alive.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}

/// Half as many threads as the machine runs at once, unless `TOKIO_WORKER_THREADS` says otherwise. Most requests take
/// less time than it takes to wake a thread on another processor: with a thread for each, two of them hand work to and
/// fro and carry a third less (`bench gets` shows it). The writer of the store and password hashing have their own.
fn worker_threads() -> usize {
    let chosen = std::env::var(WORKER_THREADS_VARIABLE).ok().and_then(|text| text.parse().ok());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    chosen.filter(|threads| *threads > 0).unwrap_or(processors.div_ceil(2))
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Server(arguments) => server::run(*arguments).await,
        Command::Agent(arguments) => agent::run(arguments).await,
        Command::Solo(arguments) => solo::run(*arguments).await,
        Command::Store(arguments::StoreCommand::Copy(arguments)) => store_copy::run(*arguments).await,
        Command::Client(client) => Ok(grange_cli::run(client).await),
    }
}
