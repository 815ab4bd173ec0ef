//! How the server tells an agent that it is not wanted, and for how long the agent then stays away.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// No refusal keeps an agent away for longer than this.
pub const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Why the server does not want this agent, now or for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Refusal {
    /// The machine's part.
    pub code: RefusalCode,
    /// One sentence for the agent's log.
    pub message: String,
    /// How long to wait before the next attempt.
    pub retry_after_seconds: u32,
}

impl Refusal {
    /// A refusal with the code's usual waiting time.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Refusal { code, message: message.into(), retry_after_seconds: code.waits().usual_seconds }
    }

    /// How long the agent waits before it dials again: what the server says, but never less than the code's least.
    pub fn wait(&self) -> Duration {
        Duration::from_secs(self.retry_after_seconds.into()).clamp(self.code.least_wait(), MAX_WAIT)
    }
}

/// Kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The join token is unknown or no longer good, or the hello's signature is wrong.
    BadToken,
    /// No such cluster.
    UnknownCluster,
    /// The cluster was deleted on the server.
    ClusterDeleted,
    /// Another key is enrolled for this cluster.
    KeyMismatch,
    /// The key or token belongs to a cluster with another `kube-system` UID.
    ClusterMismatch,
    /// The join token belongs to another cluster than the agent's.
    TokenForOtherCluster,
    /// The agent speaks a protocol the server does not.
    UnsupportedProtocol,
    /// Too many handshakes at once.
    Throttled,
    /// A newer session of the same agent took over.
    Superseded,
    /// The credential was revoked.
    Revoked,
    /// Nothing uses the connection; the server asks for it when that changes.
    Idle,
    /// The server is stopping.
    ShuttingDown,
    /// The server's own fault.
    Internal,
    /// A code from a newer server.
    #[serde(other)]
    Unknown,
}

/// How long a kind of refusal keeps an agent away.
struct Waits {
    /// What the server asks for unless it has a better idea.
    usual_seconds: u32,
    /// The least that the agent grants, whatever the server says.
    least_seconds: u32,
}

/// What the agent served is not there any more.
const GONE: Waits = Waits { usual_seconds: 300, least_seconds: 120 };
/// A person must act first.
const WRONG: Waits = Waits { usual_seconds: 120, least_seconds: 60 };
/// It passes by itself.
const BUSY: Waits = Waits { usual_seconds: 10, least_seconds: 2 };
/// Nothing is wrong.
const AGAIN: Waits = Waits { usual_seconds: 1, least_seconds: 0 };

impl RefusalCode {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalCode::BadToken => "bad_token",
            RefusalCode::UnknownCluster => "unknown_cluster",
            RefusalCode::ClusterDeleted => "cluster_deleted",
            RefusalCode::KeyMismatch => "key_mismatch",
            RefusalCode::ClusterMismatch => "cluster_mismatch",
            RefusalCode::TokenForOtherCluster => "token_for_other_cluster",
            RefusalCode::UnsupportedProtocol => "unsupported_protocol",
            RefusalCode::Throttled => "throttled",
            RefusalCode::Superseded => "superseded",
            RefusalCode::Revoked => "revoked",
            RefusalCode::Idle => "idle",
            RefusalCode::ShuttingDown => "shutting_down",
            RefusalCode::Internal => "internal",
            RefusalCode::Unknown => "unknown",
        }
    }

    /// The shortest wait the agent grants, whatever the server says: those for whom a person must act first wait
    /// for minutes.
    pub fn least_wait(self) -> Duration {
        Duration::from_secs(self.waits().least_seconds.into())
    }

    fn waits(self) -> Waits {
        match self {
            RefusalCode::UnknownCluster | RefusalCode::ClusterDeleted | RefusalCode::Revoked => GONE,
            RefusalCode::BadToken
            | RefusalCode::KeyMismatch
            | RefusalCode::ClusterMismatch
            | RefusalCode::TokenForOtherCluster
            | RefusalCode::UnsupportedProtocol => WRONG,
            RefusalCode::Throttled | RefusalCode::Internal | RefusalCode::Unknown => BUSY,
            RefusalCode::Superseded | RefusalCode::Idle | RefusalCode::ShuttingDown => AGAIN,
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_on_the_wire_is_stable() {
        let refusal = Refusal::new(RefusalCode::TokenForOtherCluster, "no");
        let text = r#"{"code":"token_for_other_cluster","message":"no","retry_after_seconds":120}"#;
        assert_eq!(serde_json::to_string(&refusal).unwrap(), text);
        assert_eq!(serde_json::from_str::<Refusal>(text).unwrap(), refusal);
    }

    #[test]
    fn every_code_has_the_same_name_in_logs_and_on_the_wire() {
        use RefusalCode::*;
        for code in [
            BadToken,
            UnknownCluster,
            ClusterDeleted,
            KeyMismatch,
            ClusterMismatch,
            TokenForOtherCluster,
            UnsupportedProtocol,
            Throttled,
            Superseded,
            Revoked,
            Idle,
            ShuttingDown,
            Internal,
        ] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
            assert!(code.waits().usual_seconds >= code.waits().least_seconds);
        }
        assert_eq!(serde_json::from_str::<RefusalCode>("\"from_the_future\"").unwrap(), Unknown);
    }

    #[test]
    fn an_agent_waits_at_least_what_the_code_demands() {
        let mut refusal = Refusal::new(RefusalCode::ClusterDeleted, "gone");
        refusal.retry_after_seconds = 0;
        assert_eq!(refusal.wait(), Duration::from_secs(120));
        refusal.retry_after_seconds = u32::MAX;
        assert_eq!(refusal.wait(), MAX_WAIT);
    }
}
