//! The same GETs to a real kube-apiserver, directly and through Grange.

use anyhow::Result;
use grange_testing_kubernetes::{Cluster, Options};

use super::{
    connected::{Comparison, Connected},
    gets::{CONNECTIONS, DURATION},
    report::Row,
};
use crate::{Api, Kubeconfig};

/// Why a bench beside a kube-apiserver was not run.
pub const NOT_BUILT: &str = "no kube-apiserver here: `make bench-kubernetes` builds it (needs Go)";

const PATH: &str = "/api/v1/namespaces/default";
const WHAT: &str = "small GETs to a real kube-apiserver, 16 connections, beside direct ones";
const BAR: &str = "≥ 75 % of direct (Rancher: 7 %)";
const CPU_WHAT: &str = "CPU of server + agent per such request";
const CPU_BAR: &str = "≤ 0.15 ms (Rancher: 12.9 ms)";

/// What leads to a cluster of the tests, as its administrator.
pub fn kubeconfig(cluster: &Cluster) -> Kubeconfig {
    Kubeconfig {
        server: cluster.url().to_owned(),
        ca_pem: cluster.ca_pem().as_bytes().to_vec(),
        token: cluster.admin_token().to_owned(),
    }
}

/// The rows `beside direct GETs` and `CPU`.
pub async fn run() -> Result<Vec<Row>> {
    let Some(options) = Options::from_environment() else {
        return Ok(vec![
            Row::not_measured(WHAT, BAR, NOT_BUILT.into()),
            Row::not_measured(CPU_WHAT, CPU_BAR, NOT_BUILT.into()),
        ]);
    };
    let cluster = Cluster::start(options.durable().without_controller_manager()).await?;
    let direct = kubeconfig(&cluster);
    let namespace =
        serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cattle-system"}});
    Api::new(&direct)?.create("/api/v1/namespaces", &namespace).await?;
    let folder = tempfile::tempdir()?;
    let connected = Connected::import(folder.path(), &direct, cluster.kubeconfig()).await?;
    // Only people that the cluster's RBAC knows may read: bind the group that owners carry, as the manifest does.
    bind_owners(&connected, &direct).await?;
    let processes: Vec<(&str, u32)> =
        [("server", connected.server.process.id()), ("agent", connected.agent.id())]
            .into_iter()
            .chain(cluster.process_ids())
            .collect();
    let ids: Vec<u32> = processes.iter().map(|(_, id)| *id).collect();
    let mut found =
        Comparison::run(&connected.direct, &connected.through, PATH, CONNECTIONS, DURATION * 2, &ids).await?;
    let mut one = Comparison::run(&connected.direct, &connected.through, PATH, 1, DURATION, &[]).await?;
    let cpu: Vec<String> =
        processes.iter().zip(&found.cpu_ms).map(|((name, _), ms)| format!("{name} {ms:.3} ms")).collect();
    let ours = found.cpu_ms[0] + found.cpu_ms[1];
    let ratio = found.ratio();
    Ok(vec![
        Row::new(WHAT, BAR, format!("{:.0} %", ratio * 100.0), ratio >= 0.75)
            .raw(found.sentence())
            .raw(format!("one connection: {}", one.sentence())),
        Row::new(CPU_WHAT, CPU_BAR, format!("{ours:.3} ms"), ours <= 0.15)
            .raw(format!("CPU per request through: {}", cpu.join(", "))),
    ])
}

/// Applies the part of the served manifest that lets owners in.
async fn bind_owners(connected: &Connected, direct: &Kubeconfig) -> Result<()> {
    let cluster = Api::new(direct)?;
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    for object in crate::agent::manifest(&connected.server.api, &connected.imported).await? {
        if object["kind"] == "ClusterRoleBinding" {
            let request = cluster.request(reqwest::Method::POST, path).json(&object);
            let answer = cluster.send(request).await?;
            // The agent may have been faster.
            if answer.code != 409 {
                answer.success()?;
            }
        }
    }
    Ok(())
}
