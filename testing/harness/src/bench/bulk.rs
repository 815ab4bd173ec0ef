//! Bytes a second through gateway, tunnel and agent.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use http_body_util::BodyExt;

use super::{connected::Costless, load::Target, machine, report::Row, upstream};

/// How long each is measured.
const DURATION: Duration = Duration::from_secs(4);
/// More than any machine carries in that time; the rest is cut off.
const BYTES: u64 = 1 << 40;
/// How many streams share the way in the second measurement.
const STREAMS: usize = 4;

/// The row `bulk`.
pub async fn run() -> Result<Vec<Row>> {
    let costless = Costless::start().await?;
    let connected = &costless.connected;
    let processes = [connected.server.process.id(), connected.agent.id()];
    let direct = megabytes_per_second(&connected.direct, 1).await?;
    let before = cpu(&processes)?;
    let one = megabytes_per_second(&connected.through, 1).await?;
    let after = cpu(&processes)?;
    let several = megabytes_per_second(&connected.through, STREAMS).await?;
    let busy: Vec<f64> = before.iter().zip(&after).map(|(a, b)| (b - a) / DURATION.as_secs_f64()).collect();
    Ok(vec![
        Row::new(
            "bulk through the same way, one stream, TLS on all three hops",
            "≥ 500 MB/s",
            format!("{one:.0} MB/s, {:.0} % of direct", one / direct * 100.0),
            one >= 500.0,
        )
        .raw(format!(
            "direct {direct:.0} MB/s, through {one:.0} MB/s, {STREAMS} streams through {several:.0} MB/s"
        ))
        .raw(format!(
            "cores busy with the one stream: server {:.2}, agent {:.2}; sender and receiver share the rest",
            busy[0], busy[1]
        )),
    ])
}

fn cpu(processes: &[u32]) -> Result<Vec<f64>> {
    processes.iter().map(|process| Ok(machine::cpu_time(*process)?.as_secs_f64())).collect()
}

/// What arrives in [`DURATION`] on `streams` connections together, in 10^6 bytes a second.
async fn megabytes_per_second(target: &Target, streams: usize) -> Result<f64> {
    let started = Instant::now();
    let reads = (0..streams).map(|_| {
        let target = target.clone();
        async move { tokio::spawn(async move { receive(&target, started).await }).await? }
    });
    let bytes: u64 = try_join_all(reads).await?.into_iter().sum();
    Ok(bytes as f64 / started.elapsed().as_secs_f64() / 1e6)
}

async fn receive(target: &Target, started: Instant) -> Result<u64> {
    let mut connection = target.connect().await?;
    let response = connection.open(target.get(&format!("{}?bytes={BYTES}", upstream::BULK_PATH))?).await?;
    anyhow::ensure!(response.status().is_success(), "{}", response.status());
    let mut body = response.into_body();
    let mut received = 0;
    while started.elapsed() < DURATION {
        let Some(frame) = body.frame().await else { break };
        received += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(received)
}
