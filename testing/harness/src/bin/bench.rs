//! `cargo xtask bench [filter]`: prints the numbers of SPECIFICATION.md.

use anyhow::Result;

#[tokio::main]
async fn main() -> Result<()> {
    let filter = std::env::args().nth(1).unwrap_or_default();
    grange_harness::bench::run(&filter).await
}
