//! Clusters against the real API server over a memory store, with agents on in-memory connections.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod agent;
mod causes;
mod enrolment;
mod import;
mod removal;
mod support;
