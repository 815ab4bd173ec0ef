//! The flows of the product, driven from outside against the real binary.

mod import;
mod kubectl;
mod kubernetes;
mod refusals;
mod resilience;
