//! The definitions as they are committed, and the objects of a real Rancher against them.
#![allow(clippy::unwrap_used)]

mod definitions;
mod recorded;
