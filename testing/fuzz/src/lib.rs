//! Structured fuzzing: no request, however wrong, panics, leaks memory, or takes more of it than it may.
//!
//! A [`Target`] is a generator of inputs (valid ones, and valid ones with something wrong) and the laws that hold for what
//! reads them. `cargo xtask fuzz` checks random inputs for minutes; what fails is made simpler and kept under `seeds/`,
//! which every `cargo test` checks again together with a few fresh inputs.
//!
//! Inputs are made by plain functions over a row of choices ([`Source`]), because what is made here are languages: grammars
//! read better as functions than as strategies of proptest, which stays the tool of the laws beside the code. Without a
//! nightly compiler no fuzzer is guided by coverage; what knows the grammar gets deep without.
//!
//! Start reading at [`targets::all`]. A new target is two functions there: `generate(&mut Source) -> Input` and
//! `check(&Input)`, which panics when a law is broken.

mod memory;
mod mutate;
mod panics;
pub mod run;
pub mod seeds;
mod shrink;
mod source;
mod target;
pub mod targets;
mod trees;
mod wire_bytes;
pub mod worker;

pub use source::Source;
pub use target::{Bytes, Target};
