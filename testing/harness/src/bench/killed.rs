//! What a request finds whose cluster's agent was killed.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use http::StatusCode;

use super::{
    connected::Costless,
    load::Target,
    report::{self, Row},
    upstream,
};

/// How many agents are killed.
const KILLS: usize = 7;
/// How many requests follow each loss.
const REQUESTS: usize = 20;
/// How long a request may hang before this gives up on it.
const LIMIT: Duration = Duration::from_secs(40);
/// How long between two requests while the loss is not known yet.
const INTERVAL: Duration = Duration::from_millis(1);

/// The row `GET to a cluster whose agent was killed`.
pub async fn run() -> Result<Vec<Row>> {
    let mut costless = Costless::start().await?;
    let file = costless.folder.path().join("upstream.kubeconfig");
    let (mut known_ms, mut answered_ms) = (Vec::new(), Vec::new());
    let mut stopped = None;
    for round in 0..=KILLS {
        let connected = &mut costless.connected;
        let path = upstream::SMALL_PATH;
        connected.through.connect().await?.expect_success(connected.through.get(path)?).await?;
        // The last one is not killed but stopped: its connections stay open and say nothing.
        let signal = if round < KILLS { "KILL" } else { "STOP" };
        let started = Instant::now();
        connected.agent.signal(signal)?;
        let (known, answered) = loss(&connected.through, started).await?;
        if round < KILLS {
            known_ms.push(known);
            answered_ms.extend(answered);
        } else {
            stopped = Some(known);
        }
        connected.agent.signal("KILL")?;
        connected.agent.ended(LIMIT).await?;
        if round < KILLS {
            connected.restart_agent(costless.folder.path(), &file).await?;
        }
    }
    let known = known_ms.iter().copied().fold(0.0, f64::max);
    let slowest = answered_ms.iter().copied().fold(0.0, f64::max);
    let median = report::median(&answered_ms);
    Ok(vec![
        Row::new(
            "GET to a cluster whose agent was killed: 503 once the loss is known; loss known",
            "≤ 5 ms; ≤ 1 s (Rancher: hangs 28–31 s)",
            format!("median {median:.2} ms, slowest {slowest:.2} ms; at latest after {known:.0} ms"),
            slowest <= 5.0 && known <= 1000.0,
        )
        .raw(format!("known after (SIGKILL to first 503), {KILLS} kills: {} ms", report::list(&known_ms, 1)))
        .raw(format!("{} requests after that, each on the same kept-alive connection", answered_ms.len()))
        .raw(format!(
            "an agent that hangs (SIGSTOP; its connections stay open): first 503 after {:.1} s",
            stopped.unwrap_or(f64::NAN) / 1000.0
        )),
    ])
}

/// How long until the first 503, and how long each of the next requests takes; milliseconds.
async fn loss(target: &Target, started: Instant) -> Result<(f64, Vec<f64>)> {
    let mut connection = target.connect().await?;
    loop {
        let request = target.get(upstream::SMALL_PATH)?;
        let (status, _) = tokio::time::timeout(LIMIT, connection.send(request)).await??;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
        tokio::time::sleep(INTERVAL).await;
    }
    let known = started.elapsed().as_secs_f64() * 1000.0;
    let mut answered = Vec::new();
    for _ in 0..REQUESTS {
        let request = target.get(upstream::SMALL_PATH)?;
        let sent = Instant::now();
        let (status, _) = connection.send(request).await?;
        ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "{status} after a 503, and no agent");
        answered.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    Ok((known, answered))
}
