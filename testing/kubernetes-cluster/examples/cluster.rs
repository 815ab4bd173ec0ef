//! A real Kubernetes to try things on by hand, until Ctrl-C:
//!
//! ```text
//! export GRANGE_KUBERNETES_BIN=$(testing/kubernetes/build)
//! cargo run -p grange-testing-kubernetes --example cluster -- [--without-controller-manager] [--durable]
//! ```
//!
//! Prints how long it took, what it takes and which environment to set. The
//! kubeconfig goes to stdout, everything else to stderr.

use std::fs;
use std::time::Instant;

use anyhow::{Result, bail};
use grange_testing_kubernetes::{Cluster, Options};

#[tokio::main]
async fn main() -> Result<()> {
    let Some(mut options) = Options::from_environment() else { return Ok(()) };
    for argument in std::env::args().skip(1) {
        options = match argument.as_str() {
            "--without-controller-manager" => options.without_controller_manager(),
            "--durable" => options.durable(),
            _ => bail!("unknown argument {argument}"),
        };
    }
    let binaries = options.binaries.clone();
    let start = Instant::now();
    let cluster = Cluster::start(options).await?;
    eprintln!("ready in {:.1} s at {}", start.elapsed().as_secs_f64(), cluster.url());
    for (name, id) in cluster.process_ids() {
        // In kilobytes: `VmRSS:  12345 kB`.
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("?").trim();
        eprintln!("{name}: process {id}, {resident} resident");
    }
    eprintln!("logs in {}", cluster.folder().display());
    eprintln!("export PATH={}:$PATH KUBECONFIG={}", binaries.display(), cluster.kubeconfig().display());
    println!("{}", cluster.kubeconfig().display());
    tokio::signal::ctrl_c().await?;
    Ok(())
}
