//! The service against a real API server: first start, logins, tokens, users, restarts.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]
mod first_start;
mod logins;
mod support;
mod tokens;
mod users;
