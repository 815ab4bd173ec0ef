//! The stand-in cluster from outside: over HTTPS, as its users and its agent see it.

#![allow(clippy::unwrap_used)]

mod belongings;
mod deployments;
mod machines;
mod serving;
mod support;
