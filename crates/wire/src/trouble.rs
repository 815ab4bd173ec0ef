//! What stands between an agent and its server, told by the agent.
//!
//! An agent that does not trust the server's certificate can still say so: over a connection it did not verify it
//! sends a [`TroubleReport`], which holds nothing secret and proves by a keyed hash that its sender has the join token.
//! What kept the agent from even reaching the server comes with its next hello, in [`crate::Facts`].
use serde::{Deserialize, Serialize};

use crate::handshake::base64_bytes;

/// `POST` of a [`TroubleReport`].
pub const TROUBLE_PATH: &str = "/v3/connect/trouble";
/// The longest report the server reads.
pub const MAX_REPORT_BYTES: usize = 4 * 1024;
/// The longest detail either side keeps.
pub const MAX_DETAIL_CHARACTERS: usize = 300;
/// Kinds of past trouble in one hello.
pub const MAX_PAST_TROUBLES: usize = 4;
/// The first bytes of what the keyed hash is over.
const TRANSCRIPT_DOMAIN: &[u8] = b"grange agent trouble v1\0";

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleCode {
    /// Nobody the agent trusts vouches for the server's certificate.
    CertificateUntrusted,
    /// The server's CA certificates are not those that the agent was told to pin.
    CaChecksum,
    /// The server's certificate is good for other names.
    CertificateName,
    /// The server's certificate is not valid yet or no longer, by the agent's clock.
    CertificateTime,
    /// The server's name cannot be looked up.
    NameLookup,
    /// The proxy does not let the agent through.
    Proxy,
    /// No connection to the server.
    Connection,
    /// What answers is no Grange server, or does not let WebSockets through.
    Protocol,
    /// The agent's own cluster does not let it in.
    ClusterApi,
    /// A code from a newer agent.
    #[serde(other)]
    Unknown,
}

impl TroubleCode {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            TroubleCode::CertificateUntrusted => "certificate_untrusted",
            TroubleCode::CaChecksum => "ca_checksum",
            TroubleCode::CertificateName => "certificate_name",
            TroubleCode::CertificateTime => "certificate_time",
            TroubleCode::NameLookup => "name_lookup",
            TroubleCode::Proxy => "proxy",
            TroubleCode::Connection => "connection",
            TroubleCode::Protocol => "protocol",
            TroubleCode::ClusterApi => "cluster_api",
            TroubleCode::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for TroubleCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Trouble that is over, or was when the hello was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastTrouble {
    /// What kind.
    pub code: TroubleCode,
    /// The last error of it, one line.
    pub detail: String,
    /// How often.
    pub times: u32,
    /// The first time, milliseconds since 1970 by the agent's clock.
    pub first_ms: i64,
    /// The last time.
    pub last_ms: i64,
}

/// What an agent says that cannot come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubleReport {
    /// SHA-256 of the join token, lower-case hexadecimal: says which cluster, and opens nothing.
    pub token_hash: String,
    /// What kind.
    pub code: TroubleCode,
    /// The error, one line.
    pub detail: String,
    /// The agent's version.
    pub agent_version: String,
    /// The agent's clock, milliseconds since 1970.
    pub at_ms: i64,
    /// HMAC-SHA-256 over [`TroubleReport::transcript`] under the join token.
    #[serde(with = "base64_bytes")]
    pub proof: Vec<u8>,
}

impl TroubleReport {
    /// What the proof is over: every part with its length.
    pub fn transcript(&self) -> Vec<u8> {
        let at = self.at_ms.to_be_bytes();
        let parts: [&[u8]; 5] = [
            self.token_hash.as_bytes(),
            self.code.as_str().as_bytes(),
            self.detail.as_bytes(),
            self.agent_version.as_bytes(),
            &at,
        ];
        let mut bytes = TRANSCRIPT_DOMAIN.to_vec();
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// One line of at most [`MAX_DETAIL_CHARACTERS`] characters, whatever it was.
pub fn to_detail(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(MAX_DETAIL_CHARACTERS)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> TroubleReport {
        TroubleReport {
            token_hash: "ab12".into(),
            code: TroubleCode::CaChecksum,
            detail: "not the same".into(),
            agent_version: "0.1.0".into(),
            at_ms: 1,
            proof: vec![1, 2],
        }
    }

    #[test]
    fn every_part_changes_the_transcript_and_names_are_stable() {
        let base = report().transcript();
        let changes: [fn(&mut TroubleReport); 5] = [
            |report| report.token_hash.push('0'),
            |report| report.code = TroubleCode::Proxy,
            |report| report.detail.push('.'),
            |report| report.agent_version.push('1'),
            |report| report.at_ms = 2,
        ];
        for change in changes {
            let mut other = report();
            change(&mut other);
            assert_ne!(other.transcript(), base);
        }
        use TroubleCode::*;
        for code in [
            CertificateUntrusted,
            CaChecksum,
            CertificateName,
            CertificateTime,
            NameLookup,
            Proxy,
            Connection,
            Protocol,
            ClusterApi,
        ] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
        assert_eq!(serde_json::from_str::<TroubleCode>("\"from_the_future\"").unwrap(), Unknown);
    }

    #[test]
    fn details_are_one_short_line() {
        assert_eq!(to_detail(" a\nb\u{1b}[31m "), "a b [31m");
        assert_eq!(to_detail(&"x".repeat(1000)).len(), MAX_DETAIL_CHARACTERS);
    }
}
