//! What was seen of a cluster that joins: kept on the object, so that a restarted server still knows why it waits.
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `status.registration`: the last event of each kind. Grange's own; Rancher has nothing like it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Registration {
    /// The manifest was fetched; `detail` is the program that did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_fetched: Option<Contact>,
    /// Somebody asked for the manifest with a token that is not this cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_refused: Option<Contact>,
    /// Somebody broke off because of the server's certificate; `detail` is what they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_refused: Option<Contact>,
    /// Somebody asked this server for an image it does not have; `detail` is the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_refused: Option<Contact>,
    /// The agent told what keeps it from coming in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_trouble: Option<Contact>,
    /// An agent was not let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_refused: Option<Contact>,
    /// The agent was let in; `detail` is its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_admitted: Option<Contact>,
    /// What kept the agent from coming in before it last did.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::null_as_default")]
    #[schemars(extend("nullable" = true))]
    pub past_troubles: Vec<PastTrouble>,
    /// Seconds by which the agent's clock is ahead of the server's (behind: negative).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_skew_seconds: Option<i64>,
    /// Stands for the cluster itself, whatever it is called: equal for equal clusters, and nothing can be read from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Contact {
    /// When (RFC 3339).
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The address it came from.
    #[serde(default)]
    pub from: String,
    /// One word for machines, as in the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The cluster it came from, as in [`Registration::identity`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// Trouble that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct PastTrouble {
    /// One word for machines, as in the conditions.
    pub reason: String,
    /// The last error of it.
    #[serde(default)]
    pub detail: String,
    /// How often.
    #[serde(default)]
    pub times: u32,
    /// The first time (RFC 3339).
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// The last time (RFC 3339).
    #[schemars(with = "String")]
    pub last: Timestamp,
}
