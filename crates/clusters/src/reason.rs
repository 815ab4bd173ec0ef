//! Every reason a condition of a cluster can have, in one place, with what to do about it.
//!
//! `docs/reference/cluster-conditions.md` tells people and programs; a test compares it with this list.
use grange_wire::TroubleCode;

/// The machine's part of a condition that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Nobody has fetched the manifest yet.
    WaitingForCluster,
    /// There can be no agent before the manifest was fetched.
    WaitingForManifest,
    /// The manifest was fetched a moment ago.
    WaitingForAgent,
    /// The manifest was asked for with a token that is not (or no longer) this cluster's.
    ManifestTokenNotValid,
    /// Somebody broke off because of the server's certificate.
    CertificateNotTrusted,
    /// A node asked this server for an image it does not have.
    ImageNotFound,
    /// The manifest was fetched, and nothing came of it.
    ManifestFetchedNoAgent,
    /// The server's CA is not the one the agent was told to pin.
    CaChecksumMismatch,
    /// The server's certificate is good for other names.
    CertificateNameMismatch,
    /// The server's certificate is not valid at the agent's time.
    CertificateNotValidNow,
    /// The clocks of cluster and server differ.
    ClockSkew,
    /// The server's name could not be looked up.
    NameLookupFailed,
    /// A proxy did not let the agent through.
    ProxyFailed,
    /// No connection to the server.
    ServerUnreachable,
    /// What answered the agent was no Grange server.
    ProtocolMismatch,
    /// The agent's own cluster does not let it in.
    ClusterApiUnreachable,
    /// The join token is unknown, expired or of a deleted cluster.
    TokenNotValid,
    /// The join token is another cluster's.
    TokenOfOtherCluster,
    /// The token was used by another cluster than the one that has it now.
    TokenUsedByOtherCluster,
    /// The cluster that tries to join is imported already.
    AlreadyImported,
    /// Another agent of the cluster is connected.
    OtherAgentConnected,
    /// The agent's key is not the one that was enrolled.
    KeyNotEnrolled,
    /// An agent was not let in for a reason that passes.
    AgentRefused,
    /// No agent has ever connected.
    NeverConnected,
    /// The agent was connected.
    Disconnected,
    /// The cluster's API is being asked.
    Probing,
    /// The cluster's API says that it is not well.
    Unhealthy,
}

impl Reason {
    /// All of them.
    pub(crate) const ALL: [Reason; 27] = [
        Reason::WaitingForCluster,
        Reason::WaitingForManifest,
        Reason::WaitingForAgent,
        Reason::ManifestTokenNotValid,
        Reason::CertificateNotTrusted,
        Reason::ImageNotFound,
        Reason::ManifestFetchedNoAgent,
        Reason::CaChecksumMismatch,
        Reason::CertificateNameMismatch,
        Reason::CertificateNotValidNow,
        Reason::ClockSkew,
        Reason::NameLookupFailed,
        Reason::ProxyFailed,
        Reason::ServerUnreachable,
        Reason::ProtocolMismatch,
        Reason::ClusterApiUnreachable,
        Reason::TokenNotValid,
        Reason::TokenOfOtherCluster,
        Reason::TokenUsedByOtherCluster,
        Reason::AlreadyImported,
        Reason::OtherAgentConnected,
        Reason::KeyNotEnrolled,
        Reason::AgentRefused,
        Reason::NeverConnected,
        Reason::Disconnected,
        Reason::Probing,
        Reason::Unhealthy,
    ];

    /// The word in the condition.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Reason::WaitingForCluster => "WaitingForCluster",
            Reason::WaitingForManifest => "WaitingForManifest",
            Reason::WaitingForAgent => "WaitingForAgent",
            Reason::ManifestTokenNotValid => "ManifestTokenNotValid",
            Reason::CertificateNotTrusted => "CertificateNotTrusted",
            Reason::ImageNotFound => "ImageNotFound",
            Reason::ManifestFetchedNoAgent => "ManifestFetchedNoAgent",
            Reason::CaChecksumMismatch => "CaChecksumMismatch",
            Reason::CertificateNameMismatch => "CertificateNameMismatch",
            Reason::CertificateNotValidNow => "CertificateNotValidNow",
            Reason::ClockSkew => "ClockSkew",
            Reason::NameLookupFailed => "NameLookupFailed",
            Reason::ProxyFailed => "ProxyFailed",
            Reason::ServerUnreachable => "ServerUnreachable",
            Reason::ProtocolMismatch => "ProtocolMismatch",
            Reason::ClusterApiUnreachable => "ClusterApiUnreachable",
            Reason::TokenNotValid => "TokenNotValid",
            Reason::TokenOfOtherCluster => "TokenOfOtherCluster",
            Reason::TokenUsedByOtherCluster => "TokenUsedByOtherCluster",
            Reason::AlreadyImported => "AlreadyImported",
            Reason::OtherAgentConnected => "OtherAgentConnected",
            Reason::KeyNotEnrolled => "KeyNotEnrolled",
            Reason::AgentRefused => "AgentRefused",
            Reason::NeverConnected => "NeverConnected",
            Reason::Disconnected => "Disconnected",
            Reason::Probing => "Probing",
            Reason::Unhealthy => "Unhealthy",
        }
    }

    /// What an agent told. A certificate that is not valid at a wrong time is the clock's fault.
    pub(crate) fn of_trouble(code: TroubleCode, is_clock_wrong: bool) -> Self {
        match code {
            TroubleCode::CertificateTime if is_clock_wrong => Reason::ClockSkew,
            TroubleCode::CertificateTime => Reason::CertificateNotValidNow,
            TroubleCode::CertificateUntrusted => Reason::CertificateNotTrusted,
            TroubleCode::CaChecksum => Reason::CaChecksumMismatch,
            TroubleCode::CertificateName => Reason::CertificateNameMismatch,
            TroubleCode::NameLookup => Reason::NameLookupFailed,
            TroubleCode::Proxy => Reason::ProxyFailed,
            TroubleCode::Connection | TroubleCode::Unknown => Reason::ServerUnreachable,
            TroubleCode::Protocol => Reason::ProtocolMismatch,
            TroubleCode::ClusterApi => Reason::ClusterApiUnreachable,
        }
    }

    /// What to do about a reason that was kept as a word.
    pub(crate) fn remedy_of(word: &str) -> &'static str {
        Reason::ALL.iter().find(|reason| reason.as_str() == word).map_or("", |reason| reason.remedy())
    }

    /// What to do, as one or two sentences; empty where there is nothing to do but wait.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Reason::ManifestTokenNotValid => {
                "Copy this cluster's registration address anew and set it in the cluster; addresses of deleted clusters \
                 and of rotated tokens are good for nothing."
            }
            Reason::CertificateNotTrusted => {
                "Give the cluster the server's CA, or give the server a certificate that a public CA vouches for. A proxy \
                 that looks into TLS connections has to leave this one alone."
            }
            Reason::ImageNotFound => {
                "Set spec.agentImageOverride of the cluster to an image that its nodes can pull, and have the manifest \
                 fetched again."
            }
            Reason::CaChecksumMismatch => {
                "The manifest is of another server or of an earlier certificate authority, or something in between \
                 shows a certificate of its own: have the manifest fetched again, and let no proxy look into this \
                 connection."
            }
            Reason::CertificateNameMismatch => {
                "Set server-url to a name that is in the server's certificate, or give the server a certificate with \
                 this name; then have the manifest fetched again."
            }
            Reason::CertificateNotValidNow => "Renew the server's certificate.",
            Reason::ClockSkew => "Set the time on the cluster's nodes (NTP).",
            Reason::NameLookupFailed => {
                "Let the cluster's DNS know the server's name, or set server-url to a name or address it knows and have \
                 the manifest fetched again."
            }
            Reason::ProxyFailed => {
                "Look at HTTPS_PROXY and NO_PROXY among the cluster's agent environment variables, and at the proxy."
            }
            Reason::ServerUnreachable => "Let the cluster's nodes reach the server's address and port.",
            Reason::ProtocolMismatch => {
                "Something between cluster and server answers in its place; let WebSockets to the server through."
            }
            Reason::ClusterApiUnreachable => {
                "Look at the agent's ServiceAccount and at the cluster's Pod network; fetching the manifest again \
                 restores what it brought."
            }
            Reason::TokenNotValid | Reason::TokenOfOtherCluster | Reason::KeyNotEnrolled => {
                "Have this cluster's manifest fetched again."
            }
            Reason::TokenUsedByOtherCluster => {
                "If the cluster was installed anew, delete it here and import it again; each cluster needs a \
                 registration of its own."
            }
            Reason::AlreadyImported => "Use the cluster that is there already, or delete it first.",
            Reason::OtherAgentConnected => "Nothing is to be done unless two clusters share one etcd backup.",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_documented_and_every_documented_one_exists() {
        let page = include_str!("../../../docs/reference/cluster-conditions.md");
        let documented: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(word, _)| word))
            .filter(|word| Reason::ALL.iter().any(|reason| reason.as_str() == *word) || !is_condition(word))
            .collect();
        for reason in Reason::ALL {
            let count = documented.iter().filter(|word| **word == reason.as_str()).count();
            assert_eq!(count, 1, "{} has one row", reason.as_str());
        }
        for word in documented {
            assert!(Reason::ALL.iter().any(|reason| reason.as_str() == word), "{word} does not exist");
        }
    }

    fn is_condition(word: &str) -> bool {
        crate::conditions::KINDS.contains(&word)
    }
}
