//! What one user's storm of lists costs another user.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use super::{
    load::{self, Load, Target, Until},
    management::{OBJECT_BYTES, create_config_maps},
    report::Row,
};
use crate::{Api, Kubeconfig, Server, free_port};

/// How many objects one list has.
const LISTED: u64 = 20_000;
/// Lists that the one user asks for at once.
const LISTS: usize = 32;
/// Connections of the other user.
const CONNECTIONS: usize = 4;
/// How long the other user is watched in one turn.
const TURN: Duration = Duration::from_secs(4);
/// Turns with and without the storm.
const TURNS: usize = 3;
/// Until the storm has begun.
const GATHERING: Duration = Duration::from_millis(300);
const NAMESPACE: &str = "listed";

/// The row `storm`.
pub async fn run() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let kubeconfig = Kubeconfig::read(&server.kubeconfig)?;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    Api::new(&kubeconfig)?.create("/api/v1/namespaces", &namespace).await?;
    let target = Target::new(&kubeconfig)?;
    create_config_maps(&target, NAMESPACE, 0, OBJECT_BYTES, 16, Until::Count(LISTED)).await?;

    let (mut calm, mut stormy) = (Load::default(), Load::default());
    for _ in 0..TURNS {
        calm.add(bystander(&target).await?);
        let mut storm = JoinSet::new();
        for _ in 0..LISTS {
            storm.spawn(lists(target.clone()));
        }
        sleep(GATHERING).await;
        stormy.add(bystander(&target).await?);
        // It never ends by itself: what has ended has failed.
        if let Some(ended) = storm.try_join_next() {
            ended??;
        }
    }
    let (before, during) = (calm.latency_ms(0.99), stormy.latency_ms(0.99));
    let times = during / before;
    Ok(vec![
        Row::new(
            "p99 of one user's GETs while another asks for 32 lists of 20,000 at once, against without",
            "≤ 2×",
            format!("{times:.1}×"),
            times <= 2.0,
        )
        .raw(format!(
            "p99 {before:.2} ms without, {during:.2} ms with; p50 {:.2} ms and {:.2} ms; the reader of the lists runs on the \
             same cores",
            calm.latency_ms(0.5),
            stormy.latency_ms(0.5)
        )),
    ])
}

/// GETs of somebody else.
async fn bystander(target: &Target) -> Result<Load> {
    let maker = target.clone();
    load::run(target, CONNECTIONS, Until::Elapsed(TURN), move |_| {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/object-00000000");
        let mut request = maker.request(Method::GET, &path, Bytes::new())?;
        let headers = request.headers_mut();
        headers.insert("impersonate-user", HeaderValue::from_static("bystander"));
        headers.insert("impersonate-group", HeaderValue::from_static("system:masters"));
        Ok(request)
    })
    .await
}

/// Lists without end; a refusal is an answer, too.
async fn lists(target: Target) -> Result<()> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
    let mut connection = target.connect().await?;
    loop {
        let (status, _) = connection.send(target.get(&path)?).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => sleep(Duration::from_secs(1)).await,
            other => anyhow::bail!("a list was answered {other}"),
        }
    }
}
