//! From the start of the process until `/readyz` says yes, with many objects stored.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use http::StatusCode;

use super::{
    load::{Target, Until},
    management::{OBJECT_BYTES, create_config_maps},
    report::{self, Row},
};
use crate::{Kubeconfig, Process, Server, free_port};

/// How many objects are stored.
const OBJECTS: u64 = 10_000;
/// How many starts are measured.
const STARTS: usize = 7;
/// How long between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// When a start counts as failed.
const LIMIT: Duration = Duration::from_secs(30);

/// The row `process start to /readyz`.
pub async fn run() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let server = Server::start(folder.path(), port, &[]).await?;
    let first_ms = server.ready_after.as_secs_f64() * 1000.0;
    let target = Target::new(&Kubeconfig::read(&server.kubeconfig)?)?;
    create_config_maps(&target, "default", 0, OBJECT_BYTES, 16, Until::Count(OBJECTS)).await?;
    server.process.stop().await?;
    let mut starts_ms = Vec::new();
    for _ in 0..STARTS {
        starts_ms.push(start(folder.path(), port, &target).await?.as_secs_f64() * 1000.0);
    }
    let median = report::median(&starts_ms);
    Ok(vec![
        Row::new(
            "process start to /readyz with 10,000 stored objects",
            "≤ 300 ms",
            format!("{median:.0} ms"),
            median <= 300.0,
        )
        .raw(format!("{STARTS} starts: {} ms", report::list(&starts_ms, 0)))
        .raw(format!(
            "very first start on an empty folder, with its keys and certificates made: {first_ms:.0} ms"
        )),
    ])
}

async fn start(folder: &Path, port: u16, target: &Target) -> Result<Duration> {
    let arguments = Server::arguments(folder, port, Server::PASSWORD);
    let started = Instant::now();
    let mut process = Process::start("server", folder, &arguments)?;
    while !is_ready(target).await {
        process.check_alive()?;
        if started.elapsed() > LIMIT {
            bail!("not ready after {LIMIT:?}; the log ends:\n{}", process.log_tail());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let elapsed = started.elapsed();
    process.stop().await?;
    Ok(elapsed)
}

async fn is_ready(target: &Target) -> bool {
    let Ok(mut connection) = target.connect().await else { return false };
    let Ok(request) = target.get("/readyz") else { return false };
    connection.send(request).await.is_ok_and(|(status, _)| status == StatusCode::OK)
}
