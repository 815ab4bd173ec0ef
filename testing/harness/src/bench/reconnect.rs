//! Ten thousand agents come back after the server was restarted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use grange_wire::Lane;
use http::StatusCode;

use super::{connected::Costless, load::Target, machine, report::Row, simulated::Agents, upstream};
use crate::{Server, wait};

/// How many agents are promised.
const AGENTS: usize = 10_000;
/// How long they may take the first time, when they enrol.
const FIRST_LIMIT: Duration = Duration::from_secs(300);
/// How long before the measurement gives up.
const LIMIT: Duration = Duration::from_secs(300);
/// How long between two requests to the one real cluster.
const INTERVAL: Duration = Duration::from_millis(10);

/// The row `reconnect`.
pub async fn run() -> Result<Vec<Row>> {
    let room = machine::allow_connections(AGENTS as u64)? as usize;
    let count = AGENTS.min(room);

    let mut costless = Costless::start().await?;
    let mut agents = Agents::create(&costless.connected.server, count).await?;
    let enrolling = Instant::now();
    // As real agents do: the lane for bulk is opened when something large is moved.
    agents.dial(&[Lane::Interactive]);
    connected(&agents, count, FIRST_LIMIT).await?;
    let enrolled = enrolling.elapsed();

    let port = costless.connected.server.api.base().rsplit(':').next().unwrap_or_default().parse()?;
    costless.connected.server.process.signal("TERM")?;
    costless.connected.server.process.ended(LIMIT).await?;
    let restarted = Instant::now();
    let started = Server::start(costless.folder.path(), port, &[]);
    let over = Arc::new(AtomicBool::new(false));
    let requests = tokio::spawn(requests(costless.connected.through.clone(), restarted, Arc::clone(&over)));
    costless.connected.server = started.await?;
    let ready = costless.connected.server.ready_after;
    let all_back = connected(&agents, count, LIMIT).await;
    let elapsed = restarted.elapsed();
    over.store(true, Ordering::Relaxed);
    let found = requests.await?;

    let back = agents.open();
    all_back?;
    let met = elapsed.as_secs_f64() <= 60.0 && found.failed == 0 && found.first.is_some() && count == AGENTS;
    Ok(vec![
        Row::new(
            "10,000 simulated agents reconnect after a server restart; requests to a connected cluster that fail meanwhile",
            "≤ 60 s; 0",
            format!("{:.1} s; {} of {}", elapsed.as_secs_f64(), found.failed, found.sent),
            met,
        )
        .raw(format!(
            "{count} agents with one connection each ({back} open) in one process on the same machine, which does their \
             half of the cryptography too"
        ))
        .raw(format!("the server was ready after {:.2} s", ready.as_secs_f64()))
        .raw(format!(
            "the one real agent's cluster answered again after {:.2} s; of {} requests from then on {} failed, the slowest took {:.0} ms{}",
            found.first.map_or(f64::NAN, |first| first.as_secs_f64()),
            found.sent,
            found.failed,
            found.slowest.as_secs_f64() * 1000.0,
            found.sample.map(|sample| format!(" (the first: {sample})")).unwrap_or_default(),
        ))
        .raw(format!("first enrolment of all: {:.1} s", enrolled.as_secs_f64()))
        .raw(format!("server memory with all connected: {}", machine::memory(costless.connected.server.process.id())?)),
    ])
}

async fn connected(agents: &Agents, wanted: usize, limit: Duration) -> Result<()> {
    wait::until("all simulated agents to be connected", limit, async || {
        anyhow::ensure!(agents.open() >= wanted, "{} of {wanted} connections are open", agents.open());
        Ok(Some(()))
    })
    .await
}

/// What requests to the one real cluster found.
#[derive(Default)]
struct Found {
    /// From the restart to the first answer.
    first: Option<Duration>,
    /// Requests after that.
    sent: u64,
    failed: u64,
    slowest: Duration,
    sample: Option<String>,
}

async fn requests(target: Target, restarted: Instant, over: Arc<AtomicBool>) -> Found {
    let mut found = Found::default();
    let mut connection = None;
    while !over.load(Ordering::Relaxed) {
        let sent = Instant::now();
        let outcome = request(&target, &mut connection).await;
        if outcome.is_err() {
            connection = None;
        }
        if found.first.is_some() {
            found.sent += 1;
            found.slowest = found.slowest.max(sent.elapsed());
            if let Err(error) = outcome {
                found.failed += 1;
                found.sample.get_or_insert_with(|| format!("{error:#}"));
            }
        } else if outcome.is_ok() {
            found.first = Some(restarted.elapsed());
        }
        tokio::time::sleep(INTERVAL).await;
    }
    found
}

async fn request(target: &Target, connection: &mut Option<super::load::Connection>) -> Result<()> {
    if connection.is_none() {
        *connection = Some(target.connect().await?);
    }
    if let Some(connection) = connection {
        let (status, _) = connection.send(target.get(upstream::SMALL_PATH)?).await?;
        anyhow::ensure!(status == StatusCode::OK, "{status}");
    }
    Ok(())
}
