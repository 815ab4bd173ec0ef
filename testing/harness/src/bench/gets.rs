//! Small GETs through gateway, tunnel and agent, beside direct ones.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::{
    connected::{Comparison, Costless},
    load::Target,
    machine,
    report::Row,
    upstream,
};
use crate::{Kubeconfig, Server, Solo, free_port, import};

/// How many connections send at once.
pub const CONNECTIONS: usize = 16;
/// How long each way is measured.
pub const DURATION: Duration = Duration::from_secs(5);
/// How long each way is measured on one connection.
const LATENCY_DURATION: Duration = Duration::from_secs(2);
const PATH: &str = "/api/v1/namespaces/default/configmaps/small";

/// The rows `small GETs` and `added latency`.
pub async fn run() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let cluster = Solo::start(folder.path(), "stand-in", free_port()?, &[]).await?;
    let imported = import::create(&server.api, "stand-in").await?;
    import::register(&cluster.api, &imported.manifest_url).await?;
    import::ready(&server.api, &imported.id).await?;
    let small = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "small"}, "data": {"text": "x".repeat(512)},
    });
    cluster.api.create("/api/v1/namespaces/default/configmaps", &small).await?;

    let direct = Target::new(&Kubeconfig::read(&cluster.kubeconfig)?)?;
    let gate = Target::new(&Kubeconfig::read(&server.kubeconfig)?)?;
    let through = gate.below(&format!("/k8s/clusters/{}", imported.id));
    let agent = agent_below(cluster.process.id())?;
    let processes = [server.process.id(), agent, cluster.process.id()];
    let mut many = Comparison::run(&direct, &through, PATH, CONNECTIONS, DURATION, &processes).await?;
    let mut one = Comparison::run(&direct, &through, PATH, 1, LATENCY_DURATION, &[]).await?;
    let added_ms = one.through.latency_ms(0.5) - one.direct.latency_ms(0.5);
    drop((server, cluster));

    let limit = Costless::start().await?;
    let connected = &limit.connected;
    let mut upper = Comparison::run(
        &connected.direct,
        &connected.through,
        upstream::SMALL_PATH,
        CONNECTIONS,
        DURATION,
        &[connected.server.process.id(), connected.agent.id()],
    )
    .await?;

    let rate = many.through.per_second();
    let cpu = many.cpu_ms.clone();
    Ok(vec![
        Row::new(
            "small GETs through gateway + tunnel + agent to the stand-in, 16 connections, TLS",
            "≥ 10,000/s",
            format!("{rate:.0}/s, {:.0} % of direct", many.ratio() * 100.0),
            rate >= 10_000.0,
        )
        .raw(many.sentence())
        .raw(format!(
            "CPU per request: server {:.3} ms, agent {:.3} ms, stand-in {:.3} ms (the load generator has the rest)",
            cpu[0], cpu[1], cpu[2]
        ))
        .raw(format!(
            "to a cluster that costs nothing (inside the load generator): {}, server {:.3} ms, agent {:.3} ms CPU",
            upper.sentence(),
            upper.cpu_ms[0],
            upper.cpu_ms[1]
        )),
        Row::new(
            "latency that the way adds, p50, one connection",
            "≤ 0.4 ms",
            format!("{added_ms:.3} ms"),
            added_ms <= 0.4,
        )
        .raw(one.sentence()),
    ])
}

/// The agent that the stand-in started.
fn agent_below(process: u32) -> Result<u32> {
    let below = machine::descendants(process)?;
    let agent = below.iter().find(|(_, command)| command.split(' ').nth(1) == Some("agent"));
    Ok(agent.with_context(|| format!("no agent below the stand-in: {below:?}"))?.0)
}
