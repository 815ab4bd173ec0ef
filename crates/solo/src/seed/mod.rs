//! The objects every Harvester has: made at each start where they are missing, never changed where they are there.

use futures::TryStreamExt as _;
use grange_apimachinery::Object;
use serde_json::{Value, json};

use crate::{
    client::{Client, ClientError, Key},
    kinds::{self, Kind},
};

mod machines;
pub(crate) mod node;
mod rbac;
mod settings;
mod storage;
mod templates;

/// What the seed objects depend on.
pub(crate) struct Facts {
    /// The cluster's node.
    pub(crate) node: node::Facts,
    /// `v1.6.1`.
    pub(crate) harvester_version: String,
    /// How many machines are there from the start.
    pub(crate) machines: u32,
}

/// Makes everything that is missing.
pub(crate) async fn seed(client: &Client, facts: &Facts) -> Result<(), ClientError> {
    let namespaces = NAMESPACES.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    create_all(client, &kinds::NAMESPACES, namespaces).await?;
    rbac::seed(client).await?;
    let settings = (settings::SETTINGS.iter())
        .map(|(name, default)| settings::object(name, default, &facts.harvester_version))
        .collect();
    create_all(client, &kinds::SETTINGS, settings).await?;
    node::seed(client, &facts.node).await?;
    storage::seed(client).await?;
    templates::seed(client).await?;
    machines::seed(client, facts.machines).await
}

/// How many objects are made at once.
const CONCURRENCY: usize = 32;

const NAMESPACES: [&str; 16] = [
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "harvester-system",
    "harvester-public",
    "longhorn-system",
    "cattle-system",
    "cattle-fleet-system",
    "cattle-fleet-local-system",
    "cattle-monitoring-system",
    "cattle-logging-system",
    "cattle-dashboards",
    "fleet-local",
    "fleet-default",
    "local",
];

/// Creates an object unless it is there, with its status where that is separate.
async fn create(client: &Client, kind: &Kind, mut value: Value) -> Result<(), ClientError> {
    value["apiVersion"] = kind.api_version().into();
    value["kind"] = kind.kind.to_string().into();
    let Value::Object(map) = value else { return Ok(()) };
    let mut object = Object(map);
    let status = if kind.status { object.remove(&["status"]) } else { None };
    match client.create(kind, &object).await {
        Ok(_) => {}
        Err(error) if error.is_conflict() => return Ok(()),
        Err(error) => return Err(error),
    }
    match status {
        Some(status) => client.patch_status(kind, &Key::of(&object), &status).await.map(drop),
        None => Ok(()),
    }
}

/// Creates many at once, so that the store commits them in groups.
async fn create_all(client: &Client, kind: &'static Kind, values: Vec<Value>) -> Result<(), ClientError> {
    futures::stream::iter(values.into_iter().map(Ok))
        .try_for_each_concurrent(CONCURRENCY, |value| {
            let client = client.clone();
            async move { create(&client, kind, value).await }
        })
        .await
}

/// A condition that holds.
fn holds(kind: &str) -> Value {
    json!({"type": kind, "status": "True", "lastUpdateTime": grange_apimachinery::time::now()})
}
