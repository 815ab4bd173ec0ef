//! Rules that no compiler checks: crate layers, file sizes, licences, banned crates, nothing of a machine in the tree.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Crates in the order of the design: a crate may use only crates of a lower layer, or those before it in its own.
const ORDER: &[&str] = &[
    "grange-apimachinery",
    "grange-rbac",
    "grange-wire",
    "grange-store",
    "grange-store-sqlite",
    "grange-store-etcd",
    "grange-tunnel",
    "grange-hypervisor",
    "grange-apiserver",
    "grange-resources",
    "grange-settings",
    "grange-identity",
    "grange-tenancy",
    "grange-clusters",
    "grange-console",
    "grange-gateway",
    "grange-agent",
    "grange-solo",
    "grange-cli",
    "grange",
];

/// Edges that the order would allow but the design forbids.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("grange-apiserver", "grange-tunnel", "the API server knows no clusters"),
    ("grange-apiserver", "grange-hypervisor", "the API server knows no virtual machines"),
    ("grange-solo", "grange-clusters", "a stand-in cluster knows nothing of the server"),
    ("grange-solo", "grange-gateway", "a stand-in cluster knows nothing of the server"),
    ("grange-agent", "grange-gateway", "the agent knows nothing of the server's inside"),
    ("grange-agent", "grange-clusters", "the agent knows nothing of the server's inside"),
    ("grange-identity", "grange-clusters", "identity knows no clusters"),
    ("grange-hypervisor", "grange-apimachinery", "the hypervisor knows no Kubernetes"),
    ("grange-store", "grange-apimachinery", "the store knows no Kubernetes"),
];

/// Crates that must never be built in, and why.
const BANNED: &[(&str, &str)] = &[
    ("ring", "one TLS provider only: aws-lc-rs"),
    ("openssl", "one TLS provider only: aws-lc-rs"),
    ("native-tls", "one TLS provider only: aws-lc-rs"),
    ("serde_yaml", "deprecated; serde-saphyr reads YAML"),
    ("serde_yml", "unsound; serde-saphyr reads YAML"),
];

/// Licences that may be linked in.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unicode-3.0",
    "MPL-2.0",
    "CC0-1.0",
    "Unlicense",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "OpenSSL",
    "MIT-0",
    "bzip2-1.0.6",
];

/// Longest source file accepted, lines.
const MAX_FILE_LINES: usize = 800;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    license_file: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

/// Runs every rule and reports all violations at once.
pub(crate) fn check() -> Result<()> {
    eprintln!("== tidy");
    let metadata = metadata()?;
    let mut problems = Vec::new();
    layers(&metadata, &mut problems);
    packages(&metadata, &mut problems)?;
    files(&mut problems)?;
    if !problems.is_empty() {
        bail!("tidy found {} problems:\n  {}", problems.len(), problems.join("\n  "));
    }
    Ok(())
}

fn metadata() -> Result<Metadata> {
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata is not understood")
}

fn layers(metadata: &Metadata, problems: &mut Vec<String>) {
    let names: HashMap<&str, &str> =
        metadata.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
    let rank = |name: &str| ORDER.iter().position(|entry| *entry == name);
    for node in metadata.resolve.nodes.iter().filter(|node| metadata.workspace_members.contains(&node.id)) {
        let from = names[node.id.as_str()];
        let uses = node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        for to in uses.map(|dep| names[dep.pkg.as_str()]) {
            let Some(to_rank) = rank(to) else { continue };
            match rank(from) {
                Some(from_rank) if to_rank >= from_rank => {
                    problems.push(format!("{from} uses {to}, which stands above it in the design"));
                }
                _ => {}
            }
            if let Some((_, _, why)) = FORBIDDEN.iter().find(|(a, b, _)| *a == from && *b == to) {
                problems.push(format!("{from} uses {to}: {why}"));
            }
        }
    }
}

/// Names and versions of the packages that are really compiled. `cargo metadata` also lists those of optional
/// dependencies that nothing switches on (`ring` below rustls-webpki).
fn built() -> Result<HashSet<String>> {
    let output = Command::new("cargo")
        .args(["tree", "--workspace", "--locked", "--edges", "normal,build,dev", "--prefix", "none"])
        .args(["--format", "{p}", "--target", "x86_64-unknown-linux-gnu"])
        .output()?;
    if !output.status.success() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let lines = String::from_utf8(output.stdout)?;
    // Lines such as `name v1.2.3 (/path)`.
    Ok(lines.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect())
}

fn packages(metadata: &Metadata, problems: &mut Vec<String>) -> Result<()> {
    let built = built()?;
    let is_built = |package: &&Package| built.contains(&format!("{} v{}", package.name, package.version));
    for package in metadata.packages.iter().filter(is_built) {
        if let Some((_, why)) = BANNED.iter().find(|(name, _)| *name == package.name) {
            problems.push(format!("{} is banned: {why}", package.name));
        }
        if package.source.as_deref().is_some_and(|source| !source.starts_with("registry+")) {
            problems.push(format!("{} does not come from the package registry", package.name));
        }
        let Some(licence) = &package.license else {
            if package.license_file.is_none() {
                problems.push(format!("{} names no licence", package.name));
            }
            continue;
        };
        if !licence_allowed(licence) {
            problems.push(format!("{} is licensed {licence}, which is not on the list", package.name));
        }
    }
    Ok(())
}

/// Whether one branch of every `OR` (and each part of `AND`) is on the list.
fn licence_allowed(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    plain.split(" AND ").all(|part| part.split(" OR ").any(|licence| LICENCES.contains(&licence.trim())))
}

fn files(problems: &mut Vec<String>) -> Result<()> {
    let output =
        Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).output()?;
    for name in String::from_utf8(output.stdout)?.lines().filter(|name| Path::new(name).is_file()) {
        let source = [".rs", ".ts", ".vue", ".go"].iter().any(|ending| name.ends_with(ending));
        let Ok(text) = fs::read_to_string(name) else { continue };
        let lines = text.lines().count();
        if source && lines > MAX_FILE_LINES {
            problems.push(format!("{name} has {lines} lines; split it (limit {MAX_FILE_LINES})"));
        }
        if name.ends_with("package-lock.json") && text.contains("\"resolved\":") {
            problems.push(format!("{name} names a registry; install with omit-lockfile-registry-resolved"));
        }
        if name.ends_with(".rs") && !text.starts_with("//!") && !text.starts_with("#!") {
            problems.push(format!("{name} does not open with a `//!` that says what it is"));
        }
        if source
            && name != "xtask/src/tidy.rs"
            && (text.contains("todo!(") || text.contains("unimplemented!("))
        {
            problems.push(format!("{name} holds a stub"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::licence_allowed;

    #[test]
    fn licence_expressions_are_read_as_spdx_means_them() {
        assert!(licence_allowed("MIT OR GPL-3.0"));
        assert!(licence_allowed("MIT/Apache-2.0"));
        assert!(licence_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!licence_allowed("MIT AND GPL-3.0"));
        assert!(!licence_allowed("AGPL-3.0-only"));
    }
}
