//! Requests that the server makes to the agent itself, not to its cluster.
//!
//! They travel in the same tunnel and are told apart by `:authority`, which only the server sets: a person's request
//! always carries [`CLUSTER_AUTHORITY`].

use serde::{Deserialize, Serialize};

use crate::trouble::PastTrouble;

/// `:authority` of requests to the cluster's Kubernetes API.
pub const CLUSTER_AUTHORITY: &str = "kubernetes";
/// `:authority` of requests to the agent.
pub const AGENT_AUTHORITY: &str = "agent";
/// `GET`: answers 200 at once.
pub const PING_PATH: &str = "/v1/ping";
/// `GET`: answers [`Facts`].
pub const FACTS_PATH: &str = "/v1/facts";
/// `POST`: the agent opens its connection for bulk unless it has one. It keeps none by itself: most clusters never
/// move anything large, and each connection costs the server memory.
pub const BULK_PATH: &str = "/v1/bulk";
/// `POST` of a [`crate::Refusal`]: the agent ends the session for that reason.
pub const CLOSE_PATH: &str = "/v1/close";
/// `POST`: the agent removes everything the import brought, answers [`Removal`] and exits.
pub const UNINSTALL_PATH: &str = "/v1/uninstall";

/// What an agent knows of its cluster and itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// `gitVersion` of the cluster's `/version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// How many nodes the cluster has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    /// The agent's clock when it said this, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_ms: Option<i64>,
    /// What kept it from coming in before, the newest last; at most [`crate::trouble::MAX_PAST_TROUBLES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<PastTrouble>,
}

/// What an agent removed on [`UNINSTALL_PATH`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// One entry an object, such as `ClusterRole grange-agent`.
    pub removed: Vec<String>,
}
