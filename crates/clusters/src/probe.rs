//! Asks a cluster through its tunnel how it is: version, health, nodes, address.
//!
//! The answers come from a cluster that may be broken or hostile, so each is bounded in size and time and only what
//! is needed of it is read. The requests take the way of a person's: they act as [`PROBE_USER`] in the owners' group, so
//! that what is found healthy is what people use.
use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use grange_apimachinery::quantity::Quantity;
use grange_resources::management::ClusterVersion;
use grange_tenancy::CLUSTER_OWNER_GROUP;
use grange_tunnel::Session;
use http::{Request, header::ACCEPT};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;

/// Whom the server acts as when it looks after a cluster.
const PROBE_USER: &str = "grange:server";
/// How long one question may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// The longest short answer that is read (`/version`, `/readyz`, `/api`).
const MAX_SHORT_ANSWER_BYTES: usize = 64 * 1024;
/// Nodes asked for at a time.
const NODES_PER_PAGE: usize = 200;
/// Pages of nodes that are read; Kubernetes itself ends at 5,000 nodes.
const MAX_NODE_PAGES: usize = 30;
/// How much of a wrong answer is shown.
const MAX_SHOWN_CHARACTERS: usize = 300;
/// The label that Harvester puts on its nodes.
const HARVESTER_NODE_LABEL: &str = "harvesterhci.io/managed";

/// How a cluster is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probe {
    pub(crate) version: Option<ClusterVersion>,
    /// `/readyz`, or what is wrong.
    pub(crate) health: Result<(), String>,
    pub(crate) nodes: Option<NodeSummary>,
    /// `https://` and the address the API server gives itself.
    pub(crate) api_endpoint: Option<String>,
}

/// What is kept of the nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NodeSummary {
    pub(crate) count: i64,
    pub(crate) linux_workers: i64,
    pub(crate) is_harvester: bool,
    /// The one architecture, or `mixed`.
    pub(crate) architecture: Option<String>,
    pub(crate) capacity: BTreeMap<String, String>,
    pub(crate) allocatable: BTreeMap<String, String>,
}

/// Asks everything at once.
pub(crate) async fn probe(session: &Session) -> Probe {
    let (version, health, nodes, api_endpoint) =
        tokio::join!(version(session), health(session), nodes(session), api_endpoint(session));
    // A cluster that says it is ready but does not tell its version is not one that can be used.
    let health = health.and_then(|()| version.as_ref().map(|_| ()).map_err(Clone::clone));
    if let Err(trouble) = &nodes {
        tracing::debug!(cluster = %session.cluster(), %trouble, "nodes cannot be listed");
    }
    Probe { version: version.ok(), health, nodes: nodes.ok(), api_endpoint: api_endpoint.ok() }
}

async fn version(session: &Session) -> Result<ClusterVersion, String> {
    let answer = get(session, "/version", MAX_SHORT_ANSWER_BYTES).await?;
    serde_json::from_slice(&answer).map_err(|error| format!("/version answered no version: {error}"))
}

async fn health(session: &Session) -> Result<(), String> {
    get(session, "/readyz", MAX_SHORT_ANSWER_BYTES).await.map(|_| ())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiVersions {
    #[serde(rename = "serverAddressByClientCIDRs", default)]
    addresses: Vec<ServerAddress>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerAddress {
    server_address: String,
}

async fn api_endpoint(session: &Session) -> Result<String, String> {
    let answer = get(session, "/api", MAX_SHORT_ANSWER_BYTES).await?;
    let versions: ApiVersions = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
    let address = versions.addresses.into_iter().next().ok_or("no address")?.server_address;
    Ok(format!("https://{address}"))
}

async fn nodes(session: &Session) -> Result<NodeSummary, String> {
    let mut totals = NodeTotals::default();
    let mut next = String::new();
    for _ in 0..MAX_NODE_PAGES {
        let path = format!("/api/v1/nodes?limit={NODES_PER_PAGE}{next}");
        let page: NodePage = serde_json::from_slice(&get(session, &path, MAX_ANSWER_BYTES).await?)
            .map_err(|error| format!("the list of nodes cannot be read: {error}"))?;
        page.items.iter().for_each(|node| totals.add(node));
        match page.metadata.continue_token {
            Some(token) if !token.is_empty() => next = format!("&continue={}", percent_encode(&token)),
            _ => break,
        }
    }
    Ok(totals.summary())
}

async fn get(session: &Session, path: &str, limit_bytes: usize) -> Result<Bytes, String> {
    let asking = async {
        let request = Request::get(path)
            .header(ACCEPT, "application/json")
            .header("impersonate-user", PROBE_USER)
            .header("impersonate-group", CLUSTER_OWNER_GROUP)
            .body(Bytes::new())
            .map_err(|error| error.to_string())?;
        let response = session.send(request).await.map_err(|error| error.error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), limit_bytes)
            .collect()
            .await
            .map_err(|error| format!("{} broke off: {error}", bare(path)))?
            .to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let hint = if status.is_redirection() { " (redirects are not followed)" } else { "" };
        let text: String = String::from_utf8_lossy(&body)
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .take(MAX_SHOWN_CHARACTERS)
            .collect();
        Err(format!(
            "the cluster's API answered {} with {}{hint}: {}",
            bare(path),
            status.as_u16(),
            text.trim()
        ))
    };
    tokio::time::timeout(ANSWER_TIMEOUT, asking).await.unwrap_or_else(|_| {
        Err(format!("the cluster's API did not answer {} within {} s", bare(path), ANSWER_TIMEOUT.as_secs()))
    })
}

fn bare(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[derive(Deserialize)]
struct NodePage {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(default)]
    items: Vec<Node>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue", default)]
    continue_token: Option<String>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    metadata: NodeMetadata,
    #[serde(default)]
    spec: NodeSpec,
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Default, Deserialize)]
struct NodeMetadata {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct NodeSpec {
    #[serde(default)]
    unschedulable: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeStatus {
    #[serde(default)]
    capacity: BTreeMap<String, String>,
    #[serde(default)]
    allocatable: BTreeMap<String, String>,
    #[serde(default)]
    node_info: NodeInfo,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeInfo {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    operating_system: String,
}

#[derive(Default)]
struct NodeTotals {
    summary: NodeSummary,
    architectures: std::collections::BTreeSet<String>,
    capacity: BTreeMap<&'static str, i128>,
    allocatable: BTreeMap<&'static str, i128>,
}

/// The resources whose sums are shown.
const SUMMED: [&str; 3] = ["cpu", "memory", "pods"];

impl NodeTotals {
    fn add(&mut self, node: &Node) {
        self.summary.count += 1;
        let info = &node.status.node_info;
        if !node.spec.unschedulable && (info.operating_system.is_empty() || info.operating_system == "linux")
        {
            self.summary.linux_workers += 1;
        }
        self.summary.is_harvester |= node.metadata.labels.contains_key(HARVESTER_NODE_LABEL);
        if !info.architecture.is_empty() && self.architectures.len() < 8 {
            self.architectures.insert(info.architecture.clone());
        }
        for name in SUMMED {
            for (sums, values) in [
                (&mut self.capacity, &node.status.capacity),
                (&mut self.allocatable, &node.status.allocatable),
            ] {
                if let Some(quantity) = values.get(name).and_then(|text| text.parse::<Quantity>().ok()) {
                    let sum = sums.entry(name).or_default();
                    *sum = sum.saturating_add(quantity.0);
                }
            }
        }
    }

    fn summary(mut self) -> NodeSummary {
        self.summary.architecture = match self.architectures.len() {
            0 => None,
            1 => self.architectures.pop_first(),
            _ => Some("mixed".to_owned()),
        };
        let write = |sums: BTreeMap<&'static str, i128>| {
            sums.into_iter().map(|(name, milli)| (name.to_owned(), format_sum(name, milli))).collect()
        };
        self.summary.capacity = write(self.capacity);
        self.summary.allocatable = write(self.allocatable);
        self.summary
    }
}

/// A sum of milli-units in the form Kubernetes would print it: memory in binary units, the rest in decimal ones.
fn format_sum(name: &str, milli: i128) -> String {
    if milli % 1000 != 0 {
        return format!("{milli}m");
    }
    let whole = milli / 1000;
    if name == "memory" {
        for (suffix, power) in [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)] {
            if whole != 0 && whole % (1_i128 << power) == 0 {
                return format!("{}{suffix}", whole >> power);
            }
        }
    }
    whole.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_summed_up() {
        let page: NodePage = serde_json::from_str(
            r#"{"metadata":{"continue":""},"items":[
              {"metadata":{"labels":{"harvesterhci.io/managed":"true"}},"status":{
                "capacity":{"cpu":"8","memory":"32Gi","pods":"110"},"allocatable":{"cpu":"7800m","memory":"31Gi"},
                "nodeInfo":{"architecture":"amd64","operatingSystem":"linux"}}},
              {"spec":{"unschedulable":true},"status":{"capacity":{"cpu":"8","memory":"33554428Ki","pods":"110"},
                "allocatable":{"cpu":"8","memory":"not a number"},
                "nodeInfo":{"architecture":"arm64","operatingSystem":"linux"}}}]}"#,
        )
        .unwrap();
        let mut totals = NodeTotals::default();
        page.items.iter().for_each(|node| totals.add(node));
        let summary = totals.summary();
        assert_eq!((summary.count, summary.linux_workers, summary.is_harvester), (2, 1, true));
        assert_eq!(summary.architecture.as_deref(), Some("mixed"));
        assert_eq!(summary.capacity["cpu"], "16");
        assert_eq!(summary.capacity["memory"], "67108860Ki");
        assert_eq!(summary.capacity["pods"], "220");
        assert_eq!(summary.allocatable["cpu"], "15800m");
        assert_eq!(summary.allocatable["memory"], "31Gi");
    }

    #[test]
    fn continue_tokens_are_encoded() {
        assert_eq!(percent_encode("a+b/c=&"), "a%2Bb%2Fc%3D%26");
    }
}
