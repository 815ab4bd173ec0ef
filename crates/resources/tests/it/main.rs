//! The definitions as they are committed, and the objects of a real Rancher against them.
mod definitions;
mod recorded;
