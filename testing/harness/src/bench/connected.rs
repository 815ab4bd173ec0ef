//! What several benches begin with: a server, a cluster, an agent between them, Ready.

use std::{path::Path, time::Duration};

use anyhow::Result;
use tempfile::TempDir;

use super::{
    load::{self, Load, Target},
    machine,
    upstream::Upstream,
};
use crate::{Kubeconfig, Process, Server, agent, free_port, import};

/// How often the two sides of a comparison take turns.
const ROUNDS: u32 = 4;

/// A server with an imported cluster, whose agent runs beside it.
pub struct Connected {
    /// The agent.
    pub agent: Process,
    /// The server.
    pub server: Server,
    /// The cluster as the server knows it.
    pub imported: import::Imported,
    /// The cluster, directly.
    pub direct: Target,
    /// The cluster through the server.
    pub through: Target,
}

impl Connected {
    /// Imports the cluster that `kubeconfig` (in `file` too) leads to, with an agent outside of it.
    pub async fn import(folder: &Path, kubeconfig: &Kubeconfig, file: &Path) -> Result<Self> {
        let server = Server::start(folder, free_port()?, &[]).await?;
        let imported = import::create(&server.api, "bench").await?;
        let agent = agent::start("agent", folder, &server.api, &imported, file).await?;
        import::ready(&server.api, &imported.id).await?;
        let gate = Target::new(&Kubeconfig::read(&server.kubeconfig)?)?;
        let through = gate.below(&format!("/k8s/clusters/{}", imported.id));
        Ok(Connected { agent, server, imported, direct: Target::new(kubeconfig)?, through })
    }

    /// Starts the agent again after it has ended, and waits until requests arrive.
    pub async fn restart_agent(&mut self, folder: &Path, file: &Path) -> Result<()> {
        self.agent = agent::start("agent", folder, &self.server.api, &self.imported, file).await?;
        let remote = self.server.api.below(&format!("/k8s/clusters/{}", self.imported.id));
        crate::wait::until("requests to arrive", import::READY_LIMIT, async || {
            Ok((remote.try_get("/version").await?.code == 200).then_some(()))
        })
        .await
    }
}

/// The same with the cluster that costs nothing.
pub struct Costless {
    /// Server and agent.
    pub connected: Connected,
    /// The cluster.
    pub upstream: Upstream,
    /// Last, so that all end before their folder goes.
    pub folder: TempDir,
}

impl Costless {
    /// Starts everything.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("upstream.kubeconfig");
        let upstream = Upstream::start(&file).await?;
        let connected = Connected::import(folder.path(), &upstream.kubeconfig, &file).await?;
        Ok(Costless { connected, upstream, folder })
    }
}

/// The same GETs on two ways, turn by turn, and the CPU time that some processes spent on the second way.
pub struct Comparison {
    /// Directly.
    pub direct: Load,
    /// Through server, tunnel and agent.
    pub through: Load,
    /// CPU time of each process asked for while requests went through it, per request, milliseconds.
    pub cpu_ms: Vec<f64>,
}

impl Comparison {
    /// Measures `duration` on each way.
    pub async fn run(
        direct: &Target,
        through: &Target,
        path: &str,
        connections: usize,
        duration: Duration,
        processes: &[u32],
    ) -> Result<Self> {
        let mut sums = Comparison {
            direct: Load::default(),
            through: Load::default(),
            cpu_ms: vec![0.0; processes.len()],
        };
        for _ in 0..ROUNDS {
            sums.direct.add(load::gets(direct, path, connections, duration / ROUNDS).await?);
            let before = cpu_times(processes)?;
            sums.through.add(load::gets(through, path, connections, duration / ROUNDS).await?);
            for (sum, (before, after)) in sums.cpu_ms.iter_mut().zip(before.iter().zip(cpu_times(processes)?))
            {
                *sum += after.saturating_sub(*before).as_secs_f64() * 1000.0;
            }
        }
        for sum in &mut sums.cpu_ms {
            *sum /= (sums.through.requests as f64).max(1.0);
        }
        Ok(sums)
    }

    /// How many of the direct requests a second remain, as a fraction.
    pub fn ratio(&self) -> f64 {
        self.through.per_second() / self.direct.per_second()
    }

    /// Both ways in one sentence.
    pub fn sentence(&mut self) -> String {
        let way = |name: &str, load: &mut Load| {
            format!(
                "{name} {:.0}/s (p50 {:.3} ms, p99 {:.3} ms)",
                load.per_second(),
                load.latency_ms(0.5),
                load.latency_ms(0.99)
            )
        };
        let (direct, through) = (way("direct", &mut self.direct), way("through", &mut self.through));
        format!("{direct}, {through}, {:.0} % of direct", self.ratio() * 100.0)
    }
}

fn cpu_times(processes: &[u32]) -> Result<Vec<Duration>> {
    processes.iter().map(|process| machine::cpu_time(*process)).collect()
}
