//! Tunnels end to end, over in-memory connections.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod bulk;
mod handshake;
mod liveness;
mod requests;
mod support;
mod websocket;
