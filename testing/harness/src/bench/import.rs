//! What an import takes: time until Ready, objects in the cluster.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::report::{self, Row};
use crate::{Api, Server, Solo, free_port, import, inventory, wait};

/// How many imports are measured, each of a fresh stand-in.
const IMPORTS: usize = 5;
/// How often the conditions are looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long a cluster may take to come to rest.
const REST_LIMIT: Duration = Duration::from_secs(30);

/// The row `manifest applied to Ready`.
pub async fn time_to_ready() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let mut seconds = Vec::new();
    for number in 0..IMPORTS {
        let name = format!("stand-in-{number}");
        let cluster = Solo::start(folder.path(), &name, free_port()?, &[]).await?;
        at_rest(&cluster.api).await?;
        let imported = import::create(&server.api, &name).await?;
        let path = format!("{}/{}", import::MANAGEMENT_CLUSTERS, imported.id);
        let started = Instant::now();
        import::register(&cluster.api, &imported.manifest_url).await?;
        while import::condition(&server.api.get(&path).await?, "Ready") != Some("True") {
            anyhow::ensure!(started.elapsed() < import::READY_LIMIT, "cluster {name} does not become Ready");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        seconds.push(started.elapsed().as_secs_f64());
    }
    let median = report::median(&seconds);
    Ok(vec![
        Row::new(
            "manifest applied to Ready, stand-in on the same machine",
            "≤ 2 s",
            format!("{median:.2} s"),
            median <= 2.0,
        )
        .raw(format!("from the patch of the setting, {IMPORTS} imports: {} s", report::list(&seconds, 2))),
    ])
}

/// The row `objects an import brings`.
pub async fn objects() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let cluster = Solo::start(folder.path(), "stand-in", free_port()?, &[]).await?;
    let before = at_rest(&cluster.api).await?;
    let imported = import::create(&server.api, "stand-in").await?;
    import::register(&cluster.api, &imported.manifest_url).await?;
    import::ready(&server.api, &imported.id).await?;
    let after = at_rest(&cluster.api).await?;
    let brought: Vec<&String> = after.difference(&before).collect();
    Ok(vec![
        Row::new(
            "objects an import brings into a cluster",
            "≤ 12 (Rancher: 318)",
            brought.len().to_string(),
            brought.len() <= 12,
        )
        .raw(brought.iter().map(|name| name.trim()).collect::<Vec<_>>().join(", ")),
    ])
}

/// The inventory once two looks in a row agree.
async fn at_rest(cluster: &Api) -> Result<BTreeSet<String>> {
    let mut last = BTreeSet::new();
    wait::until("the cluster to come to rest", REST_LIMIT, async || {
        let now = inventory(cluster).await?;
        let agree = !now.is_empty() && now == last;
        last.clone_from(&now);
        Ok(agree.then_some(now))
    })
    .await
}
