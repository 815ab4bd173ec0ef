//! Live sessions to imported clusters: reversed HTTP/2 inside one outbound WebSocket.
//!
//! An agent dials ([`dial`]), proves who it is, and from then on *serves* HTTP/2 on the connection it opened
//! ([`transport::serve`]); the server *sends requests* ([`Session`]). [`Registry`] keeps the live sessions and runs each
//! connection from handshake to end; whether an agent may come in is decided by a [`SessionAuthority`], which this
//! crate knows nothing of.
//!
//! Layers, from below: [`websocket`] (bytes), HTTP/2 ([`transport`]), requests and upgrades ([`session`]), choice of
//! session ([`registry`]). Liveness is HTTP/2's own PING from both ends.
//!
//! INVARIANT: only the server sets `:authority`, so a person's request never reaches the agent's control paths.

pub mod accept;
pub mod body;
mod bulk;
pub mod dial;
pub mod hop;
pub mod key;
pub mod registry;
pub mod session;
pub mod transport;
pub mod upgraded;
pub mod websocket;

pub use body::{Body, Received, ResponseBody};
pub use h2::ext::Protocol;
pub use key::{AgentKey, verify_hello};
pub use registry::{Absence, AcceptError, Admission, Event, Registry, SessionAuthority};
pub use session::{SendError, Session, SessionInfo, TunnelError, Upgrade};
pub use upgraded::{OnUpgrade, UpgradedStream};
