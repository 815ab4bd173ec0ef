//! Kills a writing process with SIGKILL, again and again in one data directory, and checks after each kill that every
//! acknowledged write is there, that no value is torn, and that revisions rise strictly.
//!
//! The program is both: without arguments the test, with `--child` the process that is killed. The seed of the kills is
//! printed; `GRANGE_CRASH_SEED` repeats it (as far as the scheduler lets).

#![allow(clippy::unwrap_used, reason = "a test")]

mod check;
mod child;
mod value;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use grange_store_sqlite::{OpenError, SqliteConfig, SqliteStore};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use self::check::Checked;

const NAME: &str = "kill_minus_nine";
const KILLS: u32 = 220;
/// How long a child may take to do anything at all.
const DEADLINE: Duration = Duration::from_secs(30);
/// Every so many kills, a second process is tried on the directory of a living child.
const SECOND_OPENER_EVERY: u32 = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, directory, run] = &arguments[..]
        && child == "--child"
    {
        return child::run(Path::new(directory), run.parse().unwrap());
    }
    // The little that test runners ask of a test program.
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    if filter.is_some_and(|filter| !NAME.contains(filter.as_str())) {
        return;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return println!("{NAME}: test");
    }
    let seed = std::env::var("GRANGE_CRASH_SEED")
        .map_or_else(|_| rand::random(), |seed| seed.parse().expect("GRANGE_CRASH_SEED is a number"));
    println!("test {NAME}: {KILLS} kills, GRANGE_CRASH_SEED={seed}");
    kill_and_check(seed);
}

fn kill_and_check(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut checked = Checked::default();
    let started = Instant::now();
    for run in 0..KILLS {
        let mut victim = Victim::start(directory.path(), run);
        match random.random_range(0..10) {
            // While it opens the store, which is when it recovers from the kill before.
            0 => std::thread::sleep(Duration::from_micros(random.random_range(0..15_000))),
            1..=6 => victim.wait_for_lines(random.random_range(1..120)),
            _ => {
                victim.wait_for_lines(1);
                std::thread::sleep(Duration::from_micros(random.random_range(0..25_000)));
            }
        }
        if run % SECOND_OPENER_EVERY == 0 {
            victim.wait_for_lines(1);
            refuses_another(directory.path(), victim.process.id());
        }
        let acknowledged = victim.kill();
        checked.check(directory.path(), run, &acknowledged);
    }
    println!(
        "test {NAME}: ok; {} acknowledged writes, {} unacknowledged ones kept, {} revisions compacted, {:.1?}",
        checked.acknowledged,
        checked.unacknowledged,
        checked.compacted,
        started.elapsed()
    );
    assert!(checked.acknowledged > u64::from(KILLS), "the kills hit a store under load");
    assert!(checked.compacted > 0, "compaction was under way too");
}

/// Keeps what one child can write, so that the check sees all of it, and compacts the rest.
fn store_config(directory: &Path) -> SqliteConfig {
    SqliteConfig {
        keep_revisions: child::WRITES_EACH * child::TASKS,
        keep_age: Duration::ZERO,
        ..SqliteConfig::new(directory.join("store.db"))
    }
}

fn refuses_another(directory: &Path, expected: u32) {
    match SqliteStore::open(store_config(directory)) {
        Err(OpenError::InUse { holder: Some(holder), .. }) => assert_eq!(holder, expected),
        other => panic!("a second opener got {other:?}"),
    }
}

/// The process that is killed, and what it has said so far.
struct Victim {
    process: Child,
    lines: Receiver<String>,
    reader: JoinHandle<()>,
    said: Vec<String>,
}

impl Victim {
    fn start(directory: &Path, run: u32) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("--child")
            .arg(directory)
            .arg(run.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            // A line without its end was cut by the kill: the write was not acknowledged.
            while output.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
                let _ = sender.send(line.trim_end().to_owned());
                line.clear();
            }
        });
        Victim { process, lines, reader, said: Vec::new() }
    }

    fn wait_for_lines(&mut self, count: usize) {
        while self.said.len() < count {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("the child hangs"),
                Err(RecvTimeoutError::Disconnected) => panic!("the child ended by itself"),
            }
        }
    }

    fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.reader.join().unwrap();
        self.said.extend(self.lines.try_iter());
        self.said
    }
}
