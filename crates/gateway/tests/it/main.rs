//! The whole front in one process: real TLS on port 0, the real API server over the store in memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]
mod access;
mod authentication;
mod certificates;
mod clusters;
mod console;
mod limits;
mod settings;
mod support;
