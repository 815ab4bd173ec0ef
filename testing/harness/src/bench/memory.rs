//! Memory of an idle server, of each idle tunnel, of an idle agent.

use std::time::Duration;

use anyhow::Result;
use grange_wire::Lane;

use super::{
    connected::Costless,
    machine::{self, Memory},
    report::Row,
    simulated::Agents,
};
use crate::{Server, free_port, wait};

/// How many agents are simulated.
const AGENTS: usize = 1_000;
/// How long until they are all connected.
const LIMIT: Duration = Duration::from_secs(180);
/// How long a process is watched until its memory counts as settled. Threads for blocking work end ten seconds after
/// their last piece of it (a password's hash takes 19 MiB), and what they had is given back to the system then.
const SETTLED_FOR: Duration = Duration::from_secs(12);
/// How much memory may move in that time.
const SETTLED_KIB: u64 = 256;

/// The rows `server idle`, `per idle tunnel`, `agent idle`.
pub async fn run() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let process = server.process.id();
    let idle = settled(process).await?;
    let mut rows = vec![
        Row::new(
            "server memory, idle",
            "≤ 40 MiB (Rancher: 294 MB)",
            idle.to_string(),
            idle.resident_kib <= 40 * 1024,
        )
        .raw("VmRSS counts, which includes the pages of the program itself"),
    ];

    machine::allow_connections(AGENTS as u64)?;
    let mut agents = Agents::create(&server, AGENTS).await?;
    let created = settled(process).await?;
    // The other lane is opened when something large is moved.
    agents.dial(&[Lane::Interactive]);
    wait::until("all simulated agents to be connected", LIMIT, async || {
        anyhow::ensure!(agents.open() == AGENTS, "{} connections are open", agents.open());
        Ok(Some(()))
    })
    .await?;
    let connected = settled(process).await?;
    let per_agent = connected.anonymous_kib.saturating_sub(created.anonymous_kib) as f64 / AGENTS as f64;
    let per_cluster = created.anonymous_kib.saturating_sub(idle.anonymous_kib) as f64 / AGENTS as f64;
    rows.push(
        Row::new(
            "server memory per idle tunnel",
            "≤ 40 KiB",
            format!("{per_agent:.1} KiB"),
            per_agent <= 40.0,
        )
        .raw(format!(
            "{AGENTS} simulated agents, one TLS connection each; the one for bulk is opened on demand"
        ))
        .raw(format!("before they connected {created}, after {connected}"))
        .raw(format!("the objects of one imported cluster: {per_cluster:.1} KiB")),
    );
    drop((agents, server));

    let costless = Costless::start().await?;
    let agent = settled(costless.connected.agent.id()).await?;
    rows.push(
        Row::new(
            "agent memory, idle",
            "≤ 32 MiB (Rancher: 238 MB)",
            agent.to_string(),
            agent.resident_kib <= 32 * 1024,
        )
        .raw(format!("the server beside it: {}", settled(costless.connected.server.process.id()).await?)),
    );
    Ok(rows)
}

/// The memory of a process once it stays about the same; at the latest after [`LIMIT`].
pub async fn settled(process: u32) -> Result<Memory> {
    let deadline = std::time::Instant::now() + LIMIT;
    let mut before = machine::memory(process)?;
    loop {
        tokio::time::sleep(SETTLED_FOR).await;
        let now = machine::memory(process)?;
        if now.resident_kib.abs_diff(before.resident_kib) <= SETTLED_KIB
            || std::time::Instant::now() > deadline
        {
            return Ok(now);
        }
        before = now;
    }
}
