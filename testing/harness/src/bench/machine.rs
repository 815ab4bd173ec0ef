//! What the machine and its processes say about themselves under `/proc`.

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use anyhow::{Context, Result};

/// Linux counts a process's CPU time in hundredths of a second, on every architecture.
const TICKS_PER_SECOND: u64 = 100;
/// Descriptors needed beside those of the connections a bench makes on purpose.
const SPARE_DESCRIPTORS: u64 = 512;

/// One line that says where numbers come from.
pub fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".into());
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024 / 1024);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{cores} cores ({model}), {memory} GiB, Linux {}; load average at the start {load} (what else the machine was \
         doing)",
        kernel.trim()
    )
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// User and system time a process has spent.
pub fn cpu_time(process: u32) -> Result<Duration> {
    let stat = stat(process)?;
    let ticks: u64 = stat[11].parse::<u64>()? + stat[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// The fields of `/proc/<id>/stat` after the program's name, which may hold anything.
fn stat(process: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))
        .with_context(|| format!("process {process} is gone"))?;
    let rest = text.rsplit_once(") ").context("/proc/<id>/stat is not understood")?.1;
    Ok(rest.split(' ').map(str::to_owned).collect())
}

/// Memory of a process.
#[derive(Clone, Copy)]
pub struct Memory {
    /// All of it that is in RAM (`VmRSS`), KiB.
    pub resident_kib: u64,
    /// The part that is not backed by files (`RssAnon`), KiB.
    pub anonymous_kib: u64,
}

impl std::fmt::Display for Memory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |kib: u64| kib as f64 / 1024.0;
        write!(formatter, "{:.1} MiB (anonymous {:.1} MiB)", mib(self.resident_kib), mib(self.anonymous_kib))
    }
}

/// Memory of a process now.
pub fn memory(process: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))
        .with_context(|| format!("process {process} is gone"))?;
    let kib = |name: &str| -> Result<u64> {
        let text = field(&status, name).with_context(|| format!("no {name}"))?;
        Ok(text.trim_end_matches(" kB").trim().parse()?)
    };
    Ok(Memory { resident_kib: kib("VmRSS")?, anonymous_kib: kib("RssAnon")? })
}

/// The processes below `process`, with their command lines.
pub fn descendants(process: u32) -> Result<Vec<(u32, String)>> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(id) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // A process may end between the listing and the reading.
        if let Ok(stat) = stat(id) {
            parents.insert(id, stat[1].parse::<u32>().unwrap_or(0));
        }
    }
    let below = |mut id: u32| {
        while let Some(parent) = parents.get(&id).copied() {
            if parent == process {
                return true;
            }
            id = parent;
        }
        false
    };
    Ok(parents.keys().copied().filter(|id| below(*id)).map(|id| (id, command_line(id))).collect())
}

fn command_line(process: u32) -> String {
    let bytes = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned()
}

/// Raises this process's limit of open files (children inherit it) so that `connections` fit, as far as allowed;
/// gives how many fit.
pub fn allow_connections(connections: u64) -> Result<u64> {
    let wanted = connections + SPARE_DESCRIPTORS;
    let own = std::process::id().to_string();
    // First both limits, which takes privilege, then the soft one up to the hard one, which does not.
    for limit in [format!("--nofile={wanted}:{wanted}"), format!("--nofile={wanted}:")] {
        if open_files()?.0 >= wanted {
            break;
        }
        Command::new("prlimit").args(["--pid", &own, &limit]).output().context("cannot run prlimit")?;
    }
    let (soft, hard) = open_files()?;
    if soft < wanted && soft < hard {
        Command::new("prlimit").args(["--pid", &own, &format!("--nofile={hard}:")]).output()?;
    }
    Ok(open_files()?.0.saturating_sub(SPARE_DESCRIPTORS))
}

/// Soft and hard limit of open files.
fn open_files() -> Result<(u64, u64)> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).context("no such limit")?;
    let mut numbers = line.split_whitespace().skip(3).map(|word| word.parse().unwrap_or(u64::MAX));
    Ok((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
}
