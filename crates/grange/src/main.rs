//! The `grange` binary.

fn main() {}
