//! An agent outside of its cluster, as `grange agent --kubeconfig` runs it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{Api, Process, import::Imported};

/// The variable of the agent's Deployment that pins the server's CA.
const CA_CHECKSUM_VARIABLE: &str = "CATTLE_CA_CHECKSUM";

/// The objects of the import manifest, fetched as the cluster would fetch it: without credentials.
pub async fn manifest(server: &Api, imported: &Imported) -> Result<Vec<Value>> {
    let text = manifest_text(server, imported).await?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).context("the manifest is not YAML")?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

/// The import manifest as it is served.
pub async fn manifest_text(server: &Api, imported: &Imported) -> Result<String> {
    let path = imported.manifest_url.strip_prefix(server.base()).context("a manifest of another server")?;
    let answer = server.with_token("").try_get(path).await?;
    if answer.code != 200 {
        bail!("GET {path}: {} {}", answer.code, answer.text);
    }
    Ok(answer.text)
}

/// The checksum by which the manifest pins the server's CA.
pub fn pinned_ca(manifest: &[Value]) -> Result<String> {
    let deployment = manifest
        .iter()
        .find(|object| object["kind"] == "Deployment")
        .context("the manifest has no Deployment")?;
    let variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array();
    let variable = variables.into_iter().flatten().find(|variable| variable["name"] == CA_CHECKSUM_VARIABLE);
    let checksum = variable.and_then(|variable| variable["value"].as_str());
    Ok(checksum.context("the manifest pins no CA")?.to_owned())
}

/// Starts `grange agent` for an imported cluster that `kubeconfig` leads to; its log is `<folder>/<name>.log`.
pub async fn start(
    name: &str,
    folder: &Path,
    server: &Api,
    imported: &Imported,
    kubeconfig: &Path,
) -> Result<Process> {
    let checksum = pinned_ca(&manifest(server, imported).await?)?;
    start_with_checksum(name, folder, server, imported, kubeconfig, &checksum)
}

/// The same with any checksum, such as a wrong one.
pub fn start_with_checksum(
    name: &str,
    folder: &Path,
    server: &Api,
    imported: &Imported,
    kubeconfig: &Path,
    checksum: &str,
) -> Result<Process> {
    let kubeconfig = kubeconfig.display().to_string();
    let arguments = [
        "agent",
        "--server-url",
        server.base(),
        "--token",
        imported.token()?,
        "--kubeconfig",
        &kubeconfig,
        "--ca-checksum",
        checksum,
    ];
    Process::start(name, folder, &arguments.map(str::to_owned))
}
