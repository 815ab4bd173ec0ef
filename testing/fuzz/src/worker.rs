//! A target in a process of its own, so that an input which ends the process (an exhausted stack, endless memory, an
//! endless loop) is still found, made simpler and kept.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    process::{Command, Output, Stdio, exit},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tempfile::NamedTempFile;

use crate::{
    Source, Target, memory,
    run::{Failure, Report, Until, run, seed_of},
    seeds,
    shrink::shrink,
};

/// The stack that the server's threads have, which is tokio's.
const STACK_BYTES: usize = 2 * 1024 * 1024;
/// Longest that one input may take on however slow a machine; far beyond what any work limit allows.
const MAX_INPUT_TIME: Duration = Duration::from_secs(120);
/// Most memory that a target's process may use at all.
const MAX_LIVE_BYTES: usize = 2 * 1024 * 1024 * 1024;
/// How often the guard looks.
const GUARD_INTERVAL: Duration = Duration::from_millis(50);
/// Tries of making an input simpler that ends the process.
const MAX_PROCESSES: usize = 300;

const EXIT_FAILED: i32 = 1;
const EXIT_STUCK: i32 = 3;
const EXIT_TOO_MUCH_MEMORY: i32 = 4;

/// Runs a target in a process of its own for so long. The failure is kept as a seed.
///
/// # Errors
/// When the process cannot be run or the seed cannot be written.
pub fn supervise(target: &Target, seed: u64, time: Duration) -> Result<Result<Report, Failure>> {
    let progress = NamedTempFile::new()?;
    let output = spawn(&[
        "worker",
        "--target",
        target.name,
        "--seed",
        &seed.to_string(),
        "--milliseconds",
        &time.as_millis().to_string(),
        "--progress",
        progress.path().to_str().context("a temporary file's name is no text")?,
    ])?;
    if output.status.success() {
        return Ok(Ok(serde_json::from_slice(&output.stdout).context("the worker's report")?));
    }
    let failure = match output.status.code() {
        Some(EXIT_FAILED) => {
            let (input, message) = serde_json::from_slice(&output.stdout).context("the worker's failure")?;
            Failure { input, message }
        }
        code => {
            let input = fs::read(progress.path())?;
            let input: [u8; 8] = input.try_into().ok().context("the worker ended before its first input")?;
            ended(target, seed_of(seed, target, u64::from_le_bytes(input)), code)?
        }
    };
    if !failure.input.is_null() {
        eprintln!("  kept as {}", seeds::keep(target, &failure.input)?.display());
    }
    Ok(Err(failure))
}

/// An input that ended its process, made simpler in further processes.
fn ended(target: &Target, seed: u64, code: Option<i32>) -> Result<Failure> {
    let message = match code {
        Some(EXIT_STUCK) => "it took longer than any input may",
        Some(EXIT_TOO_MUCH_MEMORY) => "it took more memory than a process may",
        _ => "it ended the process, as an exhausted stack does",
    };
    let mut source = Source::random(seed);
    let input = target.input(&mut source);
    if code == Some(EXIT_STUCK) {
        return Ok(Failure { input, message: message.into() });
    }
    let mut processes = 0;
    let choices = shrink(source.into_choices(), |source| {
        processes += 1;
        processes <= MAX_PROCESSES && ends_process(target, source).unwrap_or(false)
    });
    Ok(Failure { input: target.input(&mut Source::replay(choices)), message: message.into() })
}

fn ends_process(target: &Target, source: &mut Source) -> Result<bool> {
    let file = NamedTempFile::new()?;
    fs::write(file.path(), target.input(source).to_string())?;
    let file = file.path().to_str().context("a temporary file's name is no text")?;
    let output = spawn(&["check", "--target", target.name, file])?;
    Ok(!matches!(output.status.code(), Some(0 | EXIT_FAILED)))
}

fn spawn(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(std::env::current_exe()?);
    // What is read is standard output; a backtrace for each try helps nobody.
    command.args(arguments).stderr(Stdio::null()).stdin(Stdio::null()).env("RUST_BACKTRACE", "0");
    command.output().context("cannot run another process")
}

/// The process of one target. Ends it.
///
/// # Errors
/// When the file for its progress cannot be written.
pub fn work(target: Target, seed: u64, time: Duration, progress: &Path) -> Result<()> {
    let progress = File::options().write(true).open(progress)?;
    let guard = Guard::start();
    let outcome = on_its_stack(move || {
        run(&target, seed, Until::Passed(time), |input| {
            guard.begin();
            // Without it, an input that ends the process is not found; the next one tries again.
            let _ = progress.write_all_at(&input.to_le_bytes(), 0);
        })
    })?;
    match outcome {
        Ok(report) => println!("{}", serde_json::to_string(&report)?),
        Err(failure) => {
            println!("{}", serde_json::to_string(&(failure.input, failure.message))?);
            exit(EXIT_FAILED);
        }
    }
    Ok(())
}

/// Checks one written input.
///
/// # Errors
/// When it breaks a law.
pub fn check_file(target: Target, file: &Path) -> Result<()> {
    let input = serde_json::from_slice(&fs::read(file)?)?;
    let _guard = Guard::start();
    match on_its_stack(move || target.check_input(&input))? {
        Ok(peak_bytes) => println!("it passes with {peak_bytes} bytes"),
        Err(message) => bail!(message),
    }
    Ok(())
}

/// Calls `work` with a stack as large as the server's threads have.
///
/// # Errors
/// When no thread can be had, or `work` panics.
pub fn on_its_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(work)?;
    thread.join().map_err(|_| io::Error::other("the runner itself panicked"))
}

/// Ends the process when an input takes too long or too much.
struct Guard(Arc<AtomicU64>);

impl Guard {
    fn start() -> Self {
        let begun = Arc::new(AtomicU64::new(0));
        let watched = begun.clone();
        thread::spawn(move || {
            let mut seen = (0, Instant::now());
            loop {
                thread::sleep(GUARD_INTERVAL);
                let now = watched.load(Ordering::Relaxed);
                if now != seen.0 {
                    seen = (now, Instant::now());
                }
                if seen.1.elapsed() > MAX_INPUT_TIME {
                    exit(EXIT_STUCK);
                }
                if memory::live() > MAX_LIVE_BYTES {
                    exit(EXIT_TOO_MUCH_MEMORY);
                }
            }
        });
        Guard(begun)
    }

    fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
