//! Restarts, kills and lost connections: what was acknowledged stays, what is away says so, what comes back is found.

use std::time::Duration;

use anyhow::Result;
use grange_harness::{Server, wait};
use serde_json::json;

use crate::import::Pair;

const RECONNECT_LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_killed_server_comes_back_with_everything_and_the_agent_finds_it() -> Result<()> {
    let mut pair = Pair::start().await?;
    let old = pair.server.api.clone();
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}});
    old.create("/api/v1/namespaces/default/configmaps", &map).await?;
    pair.server.process.signal("KILL")?;
    pair.server.process.ended(RECONNECT_LIMIT).await?;
    let port: u16 = old.base().rsplit(':').next().expect("a port").parse()?;
    pair.server = Server::start(pair.folder.path(), port, &[]).await?;
    old.get("/api/v1/namespaces/default/configmaps/kept").await?;
    wait::until("the agent to come back", RECONNECT_LIMIT, async || {
        let answer = pair.through_the_gateway().try_get("/api/v1/nodes").await?;
        Ok((answer.code == 200).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_cluster_that_is_cut_off_answers_503_and_says_since_when() -> Result<()> {
    let pair = Pair::start().await?;
    pair.cluster.process.signal("KILL")?;
    let remote = pair.through_the_gateway();
    let answer = wait::until("the loss to be known", RECONNECT_LIMIT, async || {
        let answer = remote.try_get("/api/v1/nodes").await?;
        Ok((answer.code == 503).then_some(answer))
    })
    .await?;
    assert_eq!(answer.json()["reason"], "ServiceUnavailable", "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after"));
    let ready = wait::until("the Ready condition to say so", RECONNECT_LIMIT, async || {
        let cluster = pair.management_cluster().await?;
        let conditions = cluster["status"]["conditions"].as_array().cloned().unwrap_or_default();
        Ok(conditions
            .into_iter()
            .find(|condition| condition["type"] == "Ready" && condition["status"] == "False"))
    })
    .await?;
    assert_eq!(ready["reason"], "Disconnected", "{ready}");
    Ok(())
}

#[tokio::test]
async fn sigterm_ends_every_process_in_order() -> Result<()> {
    let Pair { server, cluster, folder, .. } = Pair::start().await?;
    let solo = cluster.process.stop().await?;
    assert!(solo.success(), "{solo}");
    let server = server.process.stop().await?;
    assert!(server.success(), "{server}");
    drop(folder);
    Ok(())
}
