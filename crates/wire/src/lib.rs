//! What server and agent say to each other, as values: no sockets, no cryptography, no clock.
//!
//! [`handshake`] has the messages that open a tunnel, [`refusal`] how one is refused, [`control`] the few requests the
//! server makes to the agent itself, [`trouble`] what an agent says that cannot come in, [`words`] how both speak of broken
//! connections, [`names`] the objects an import brings into a cluster (the manifest writes them, the agent adopts and
//! removes them).
//!
//! INVARIANT: no `Debug` of a type in this crate shows a credential.

pub mod control;
pub mod handshake;
pub mod names;
pub mod refusal;
pub mod trouble;
pub mod words;

pub use control::{Facts, Removal};
pub use handshake::{
    AgentMessage, Challenge, Credential, Hello, JoinToken, Lane, PROTOCOL_VERSION, SUBPROTOCOL,
    ServerMessage, Welcome,
};
pub use refusal::{Refusal, RefusalCode};
pub use trouble::{PastTrouble, TroubleCode, TroubleReport};
