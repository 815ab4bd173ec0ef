//! The messages that open a tunnel: challenge, hello, welcome or refusal.
//!
//! They are JSON text messages of the WebSocket, one each way at a time; after the welcome the WebSocket carries
//! only bytes. A message is at most [`MAX_MESSAGE_BYTES`] long and the whole exchange takes at most
//! [`HANDSHAKE_TIMEOUT`].

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Refusal, control::Facts};

/// The WebSocket subprotocol of our tunnel.
pub const SUBPROTOCOL: &str = "grange.tunnel.v1";
/// The version of what is said inside the tunnel. A server accepts every version up to its own.
pub const PROTOCOL_VERSION: u32 = 1;
/// The longest handshake message either side accepts.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// How long the whole handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The first bytes of what an agent signs; no other signature of ours begins like this.
const TRANSCRIPT_DOMAIN: &[u8] = b"grange.tunnel.v1 agent hello\0";

/// Which of an agent's two connections this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Short requests, watches and consoles.
    Interactive,
    /// Long transfers, so that they never delay a console. Opened when the server asks for it
    /// ([`crate::control::BULK_PATH`]), closed when nothing has used it for a while.
    Bulk,
}

impl Lane {
    /// Both lanes.
    pub const ALL: [Lane; 2] = [Lane::Interactive, Lane::Bulk];

    /// The other lane, which serves when this one is away.
    pub fn other(self) -> Lane {
        match self {
            Lane::Interactive => Lane::Bulk,
            Lane::Bulk => Lane::Interactive,
        }
    }

    /// The name on the wire and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Interactive => "interactive",
            Lane::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// First of all.
    Challenge(Challenge),
    /// The agent is in; bytes follow.
    Welcome(Welcome),
    /// The agent is not in; the connection ends.
    Refusal(Refusal),
}

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AgentMessage {
    /// The answer to the challenge.
    Hello(Box<Hello>),
}

/// The server's first message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// Random bytes that the agent signs, so that a recorded hello is worth nothing.
    #[serde(with = "base64_bytes")]
    pub nonce: Vec<u8>,
    /// The server's version, for the agent's log.
    pub server_version: String,
    /// The newest protocol the server speaks.
    pub protocol: u32,
}

/// The agent's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol the agent will speak.
    pub protocol: u32,
    /// The agent's version, for status.
    pub agent_version: String,
    /// A random name of the running agent process: a second session of the same process replaces the first.
    pub instance: String,
    /// Which of its connections this is.
    pub lane: Lane,
    /// The cluster the agent believes it is. Unknown before the first enrolment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The agent's Ed25519 public key, 32 bytes.
    #[serde(with = "base64_bytes")]
    pub public_key: Vec<u8>,
    /// UID of namespace `kube-system`: the identity of the cluster itself.
    pub kube_system_uid: String,
    /// What the agent asks to be let in for.
    pub credential: Credential,
    /// Ed25519 signature over [`Hello::transcript`].
    #[serde(with = "base64_bytes")]
    pub signature: Vec<u8>,
    /// What the agent knows of its cluster.
    #[serde(default)]
    pub facts: Facts,
}

impl Hello {
    /// The bytes that the agent's key signs: everything that decides about admission, each part with its length.
    pub fn transcript(&self, nonce: &[u8]) -> Vec<u8> {
        let token = match &self.credential {
            Credential::Token(token) => token.expose().as_bytes(),
            Credential::Key => &[],
        };
        let parts: [&[u8]; 7] = [
            nonce,
            self.cluster.as_deref().unwrap_or_default().as_bytes(),
            self.kube_system_uid.as_bytes(),
            self.lane.as_str().as_bytes(),
            self.instance.as_bytes(),
            &self.public_key,
            token,
        ];
        let mut bytes = TRANSCRIPT_DOMAIN.to_vec();
        bytes.extend_from_slice(&self.protocol.to_be_bytes());
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// What an agent asks to be let in for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The join token of the registration: enrols the agent's key.
    Token(JoinToken),
    /// A key that was enrolled before.
    Key,
}

/// A join token; its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JoinToken(String);

impl JoinToken {
    /// Wraps a token.
    pub fn new(token: impl Into<String>) -> Self {
        JoinToken(token.into())
    }

    /// The token itself, for comparing and sending.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JoinToken(…)")
    }
}

/// The agent is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The session's id, the same in both sides' logs.
    pub session: String,
    /// The cluster this agent serves.
    pub cluster: String,
    /// How often the agent pings.
    pub ping_interval_ms: u64,
    /// How long a ping may stay unanswered.
    pub ping_timeout_ms: u64,
}

/// Bytes as standard base64 with padding.
pub(crate) mod base64_bytes {
    use super::{Deserialize, Deserializer, Engine, STANDARD, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hello() -> Hello {
        Hello {
            protocol: 1,
            agent_version: "0.1.0".into(),
            instance: "i".into(),
            lane: Lane::Bulk,
            cluster: None,
            public_key: vec![1, 2, 3],
            kube_system_uid: "uid".into(),
            credential: Credential::Token(JoinToken::new("very-secret")),
            signature: vec![9],
            facts: Facts::default(),
        }
    }

    #[test]
    fn messages_round_trip_and_have_stable_names() {
        let text = serde_json::to_string(&AgentMessage::Hello(Box::new(hello()))).unwrap();
        assert!(text.starts_with(r#"{"type":"hello","protocol":1,"#), "{text}");
        assert!(text.contains(r#""credential":{"token":"very-secret"}"#), "{text}");
        assert!(text.contains(r#""lane":"bulk""#), "{text}");
        let AgentMessage::Hello(read) = serde_json::from_str(&text).unwrap();
        assert_eq!(*read, hello());
    }

    #[test]
    fn debug_hides_the_token() {
        assert!(!format!("{:?}", hello()).contains("very-secret"));
    }

    #[test]
    fn every_part_changes_the_transcript() {
        let base = hello().transcript(b"nonce");
        let changed: Vec<fn(&mut Hello)> = vec![
            |hello| hello.protocol = 2,
            |hello| hello.cluster = Some("c".into()),
            |hello| hello.kube_system_uid.push('x'),
            |hello| hello.lane = Lane::Interactive,
            |hello| hello.instance.push('x'),
            |hello| hello.public_key.push(0),
            |hello| hello.credential = Credential::Key,
        ];
        for change in changed {
            let mut other = hello();
            change(&mut other);
            assert_ne!(other.transcript(b"nonce"), base);
        }
        assert_ne!(hello().transcript(b"other"), base);
        // Moving a byte from one part to the next changes it too.
        let (mut left, mut right) = (hello(), hello());
        left.cluster = Some("ab".into());
        left.kube_system_uid = "c".into();
        right.cluster = Some("a".into());
        right.kube_system_uid = "bc".into();
        assert_ne!(left.transcript(b"n"), right.transcript(b"n"));
    }

    fn any_hello() -> impl Strategy<Value = Hello> {
        let text = "[a-c\\PC]{0,6}";
        let bytes = || prop::collection::vec(any::<u8>(), 0..6);
        let credential = prop_oneof![
            Just(Credential::Key),
            text.prop_map(|token| Credential::Token(JoinToken::new(token))),
        ];
        let names = (text, text, text, prop::option::of(text));
        (any::<u32>(), any::<bool>(), names, bytes(), bytes(), credential).prop_map(
            |(
                protocol,
                bulk,
                (agent_version, instance, kube_system_uid, cluster),
                public_key,
                signature,
                credential,
            )| {
                Hello {
                    protocol,
                    agent_version,
                    instance,
                    lane: if bulk { Lane::Bulk } else { Lane::Interactive },
                    cluster,
                    public_key,
                    kube_system_uid,
                    credential,
                    signature,
                    facts: Facts::default(),
                }
            },
        )
    }

    /// What a signature covers; an absent cluster and an empty one are the same.
    fn signed(hello: &Hello) -> impl PartialEq + std::fmt::Debug {
        let token = match &hello.credential {
            Credential::Token(token) => token.expose().to_owned(),
            Credential::Key => String::new(),
        };
        let Hello { protocol, lane, instance, cluster, public_key, kube_system_uid, .. } = hello.clone();
        (protocol, lane, instance, cluster.unwrap_or_default(), public_key, kube_system_uid, token)
    }

    proptest! {
        #[test]
        fn any_hello_is_read_back_as_it_was(hello in any_hello()) {
            let text = serde_json::to_string(&AgentMessage::Hello(Box::new(hello.clone()))).unwrap();
            prop_assert_eq!(serde_json::from_str::<AgentMessage>(&text).unwrap(), AgentMessage::Hello(Box::new(hello)));
        }

        #[test]
        fn two_hellos_have_one_transcript_only_if_they_say_the_same(left in any_hello(), right in any_hello()) {
            let same = left.transcript(b"nonce") == right.transcript(b"nonce");
            prop_assert_eq!(same, signed(&left) == signed(&right));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[{}\\[\\]\":,a-z0-9]{0,60}") {
            let _ = serde_json::from_str::<AgentMessage>(&text);
            let _ = serde_json::from_str::<ServerMessage>(&format!("{{\"type\":\"refusal\",{text}"));
        }
    }
}
