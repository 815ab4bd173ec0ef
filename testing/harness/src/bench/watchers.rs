//! Many watchers, each with its own part of what is written, beside a kube-apiserver with a durable etcd.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use grange_testing_kubernetes::{Cluster, Options};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::{task::JoinSet, time::sleep_until};

use super::{
    kubernetes::{NOT_BUILT, kubeconfig},
    load::{self, Target, Until},
    machine,
    report::Row,
};
use crate::{Kubeconfig, Server, free_port, wait};

/// How many watches are open, each of its own namespace.
const WATCHERS: u64 = 1_000;
/// Writes a second that are asked for; a side that cannot keep up gets as many as it takes.
const EVENTS_PER_SECOND: u64 = 1_000;
/// How long is written.
const DURATION: Duration = Duration::from_secs(10);
/// Connections that write.
const WRITERS: u64 = 32;
/// How long the last events may take.
const LIMIT: Duration = Duration::from_secs(120);
const WHAT: &str = "1,000 watchers, 1,000 events/s: from before the write to the watcher's hands, p99 (kube-apiserver + etcd beside it)";
const BAR: &str = "≤ 20 ms";
const CPU_WHAT: &str = "CPU per delivered event, kube-apiserver + etcd : management API";
const CPU_BAR: &str = "≥ 3×";

/// The rows `latency` and `CPU`.
pub async fn run() -> Result<Vec<Row>> {
    let Some(options) = Options::from_environment() else {
        return Ok(vec![
            Row::not_measured(WHAT, BAR, NOT_BUILT.into()),
            Row::not_measured(CPU_WHAT, CPU_BAR, NOT_BUILT.into()),
        ]);
    };
    machine::allow_connections(2 * WATCHERS)?;
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let mut ours = measure(&Kubeconfig::read(&server.kubeconfig)?, &[server.process.id()]).await?;
    drop(server);
    let cluster = Cluster::start(options.durable().without_controller_manager()).await?;
    let processes: Vec<u32> = cluster.process_ids().into_iter().map(|(_, id)| id).collect();
    let mut theirs = measure(&kubeconfig(&cluster), &processes).await?;
    let (p99, times) = (ours.latency_ms(0.99), theirs.cpu_ms() / ours.cpu_ms());
    Ok(vec![
        Row::new(WHAT, BAR, format!("{p99:.1} ms ({:.1} ms)", theirs.latency_ms(0.99)), p99 <= 20.0)
            .raw(format!("management API: {}", ours.sentence()))
            .raw(format!("kube-apiserver + etcd: {}", theirs.sentence())),
        Row::new(CPU_WHAT, CPU_BAR, format!("{times:.1}×"), times >= 3.0),
    ])
}

/// What one side came to.
struct Delivered {
    latencies_us: Vec<u64>,
    elapsed: Duration,
    cpu: Duration,
}

impl Delivered {
    fn latency_ms(&mut self, fraction: f64) -> f64 {
        self.latencies_us.sort_unstable();
        let last = self.latencies_us.len().saturating_sub(1);
        let index = ((last as f64) * fraction).round() as usize;
        self.latencies_us.get(index).map_or(f64::NAN, |us| *us as f64 / 1e3)
    }
    fn cpu_ms(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / self.latencies_us.len().max(1) as f64
    }
    fn sentence(&mut self) -> String {
        format!(
            "{:.0} events/s, p50 {:.1} ms, p99 {:.1} ms, {:.3} ms CPU each",
            self.latencies_us.len() as f64 / self.elapsed.as_secs_f64(),
            self.latency_ms(0.5),
            self.latency_ms(0.99),
            self.cpu_ms()
        )
    }
}

async fn measure(kubeconfig: &Kubeconfig, processes: &[u32]) -> Result<Delivered> {
    let target = Target::new(kubeconfig)?;
    let maker = target.clone();
    load::run(&target, 8, Until::Count(WATCHERS), move |number| {
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace(number)}});
        maker.request(Method::POST, "/api/v1/namespaces", Bytes::from(object.to_string()))
    })
    .await?;

    let started = Instant::now();
    let latencies = Arc::new(Mutex::new(Vec::new()));
    let mut watches = JoinSet::new();
    let open = Arc::new(AtomicU64::new(0));
    for number in 0..WATCHERS {
        watches.spawn(watch(target.clone(), number, started, latencies.clone(), open.clone()));
    }
    wait::until("all watches to be open", LIMIT, async || {
        if let Some(ended) = watches.try_join_next() {
            ended??;
        }
        Ok((open.load(Ordering::Relaxed) == WATCHERS).then_some(()))
    })
    .await?;

    let cpu = || -> Result<Duration> { processes.iter().map(|process| machine::cpu_time(*process)).sum() };
    let (cpu_before, began) = (cpu()?, Instant::now());
    let sent = write(&target, started).await?;
    let count = || latencies.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
    wait::until("all events to arrive", LIMIT, async || Ok((count() == sent).then_some(()))).await?;
    let (elapsed, cpu) = (began.elapsed(), cpu()? - cpu_before);
    let latencies_us = std::mem::take(&mut *latencies.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Delivered { latencies_us, elapsed, cpu })
}

fn namespace(number: u64) -> String {
    format!("watched-{}", number % WATCHERS)
}

/// Writes at the wanted pace; how much was written.
async fn write(target: &Target, started: Instant) -> Result<u64> {
    let total = EVENTS_PER_SECOND * DURATION.as_secs();
    let next = Arc::new(AtomicU64::new(0));
    let began = tokio::time::Instant::now();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (target, next) = (target.clone(), next.clone());
        writers.spawn(async move {
            let mut connection = target.connect().await?;
            let mut count = 0;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                // A side that is slower than the pace is stopped in time, too.
                if number >= total || began.elapsed() >= DURATION {
                    return Ok::<u64, anyhow::Error>(count);
                }
                sleep_until(began + Duration::from_micros(number * 1_000_000 / EVENTS_PER_SECOND)).await;
                let object = json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("event-{number}")},
                    "data": {"sent": started.elapsed().as_micros().to_string(), "text": "x".repeat(512)},
                });
                let path = format!("/api/v1/namespaces/{}/configmaps", namespace(number));
                let request = target.request(Method::POST, &path, Bytes::from(object.to_string()))?;
                connection.expect_success(request).await?;
                count += 1;
            }
        });
    }
    let mut sum = 0;
    while let Some(ended) = writers.join_next().await {
        sum += ended??;
    }
    Ok(sum)
}

/// Notes when each event of one namespace comes.
async fn watch(
    target: Target,
    number: u64,
    started: Instant,
    latencies: Arc<Mutex<Vec<u64>>>,
    open: Arc<AtomicU64>,
) -> Result<()> {
    let path = format!(
        "/api/v1/namespaces/{}/configmaps?watch=true&fieldSelector=metadata.name%21%3Dkube-root-ca.crt",
        namespace(number)
    );
    let mut connection = target.connect().await?;
    let response = connection.open(target.get(&path)?).await?;
    ensure!(response.status() == StatusCode::OK, "a watch was answered {}", response.status());
    open.fetch_add(1, Ordering::Relaxed);
    let mut body = response.into_body();
    let mut pending = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        pending.extend_from_slice(&data);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let event: serde_json::Value = serde_json::from_slice(&line)?;
            let sent = event["object"]["data"]["sent"].as_str().context("an event of somebody else")?;
            let latency = started.elapsed().as_micros() as u64 - sent.parse::<u64>()?;
            latencies.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
        }
    }
    anyhow::bail!("a watch ended")
}
