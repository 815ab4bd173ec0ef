//! The repository gate: `cargo xtask ci|tidy|codegen|bench`.

fn main() {}
