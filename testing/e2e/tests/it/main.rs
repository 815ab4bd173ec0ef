//! The flows of the product, driven from outside against the real binary.

mod import;
mod kubectl;
mod refusals;
mod resilience;
