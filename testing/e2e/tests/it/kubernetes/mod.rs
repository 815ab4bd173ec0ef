//! The main job against a real Kubernetes: what its API server, its RBAC and its garbage collector say about ours.
//!
//! There is no kubelet, so the agent runs beside the cluster, as the ServiceAccount that the manifest made. Where the
//! programs are not built every test says `skipped: …` and returns.

mod managed;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use grange_harness::{
    Api, Kubeconfig, Process, Server, agent, bench::upstream::write_kubeconfig, free_port, import, inventory,
    skip, wait,
};
use grange_testing_kubernetes::{Cluster, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);

/// A server and a real cluster that is ready to be imported.
struct Real {
    agents: Vec<Process>,
    server: Server,
    imported: import::Imported,
    cluster: Cluster,
    /// The cluster's administrator, directly.
    direct: Api,
    folder: TempDir,
}

impl Real {
    /// Starts both and creates the Cluster object; `None` where there is no Kubernetes.
    async fn start() -> Result<Option<Real>> {
        let Some(options) = Options::from_environment() else {
            skip("the flow against a real Kubernetes needs `make test-kubernetes`, which builds it (Go)");
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let (cluster, server) =
            tokio::try_join!(Cluster::start(options), Server::start(folder.path(), free_port()?, &[]))?;
        let direct = Api::new(&kubeconfig(&cluster, cluster.admin_token()))?;
        cluster.kubectl(&["create", "namespace", "cattle-system"]).await?;
        let imported = import::create(&server.api, "real").await?;
        Ok(Some(Real { agents: Vec::new(), server, imported, cluster, direct, folder }))
    }

    /// The same, with the manifest applied, an agent running, and Ready.
    async fn imported() -> Result<Option<Real>> {
        let Some(mut real) = Real::start().await? else { return Ok(None) };
        real.import().await?;
        Ok(Some(real))
    }

    /// Applies the manifest, starts an agent, waits until Ready.
    async fn import(&mut self) -> Result<()> {
        self.kubectl_apply(&agent::manifest(&self.server.api, &self.imported).await?).await?;
        let token = ["-n", "cattle-system", "create", "token", "grange-agent"];
        let token = self.cluster.kubectl(&token).await?;
        let file = self.folder.path().join("agent.kubeconfig");
        write_kubeconfig(&file, &kubeconfig(&self.cluster, token.trim()))?;
        let agent =
            agent::start("agent", self.folder.path(), &self.server.api, &self.imported, &file).await?;
        self.agents.push(agent);
        self.ready().await
    }

    async fn ready(&self) -> Result<()> {
        let log = || self.agents.iter().map(Process::log_tail).collect::<Vec<_>>().join("\n");
        import::ready(&self.server.api, &self.imported.id).await.with_context(log)?;
        Ok(())
    }

    /// The cluster through the server, as the server's administrator.
    fn remote(&self) -> Api {
        self.server.api.below(&format!("/k8s/clusters/{}", self.imported.id))
    }

    /// kubectl through the server, as the server's administrator.
    fn kubectl_command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = self.cluster.kubectl_command();
        command.arg("--kubeconfig").arg(&self.server.kubeconfig).args(["--server", self.remote().base()]);
        command.args(arguments);
        command
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = tokio::time::timeout(LIMIT, self.kubectl_command(arguments).output()).await??;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "kubectl {}: {complaint}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// `kubectl apply` of these objects to the cluster itself.
    async fn kubectl_apply(&self, objects: &[Value]) -> Result<String> {
        let file =
            self.file("objects.json", &json!({"apiVersion": "v1", "kind": "List", "items": objects}))?;
        self.cluster.kubectl(&["apply", "-f", &file.display().to_string()]).await
    }

    fn file(&self, name: &str, content: &Value) -> Result<PathBuf> {
        let file = self.folder.path().join(name);
        std::fs::write(&file, content.to_string())?;
        Ok(file)
    }
}

fn kubeconfig(cluster: &Cluster, token: &str) -> Kubeconfig {
    Kubeconfig {
        server: cluster.url().to_owned(),
        ca_pem: cluster.ca_pem().as_bytes().to_vec(),
        token: token.to_owned(),
    }
}

#[tokio::test]
async fn the_manifest_is_accepted_in_any_order_and_changes_nothing_twice() -> Result<()> {
    let Some(real) = Real::start().await? else { return Ok(()) };
    let mut objects = agent::manifest(&real.server.api, &real.imported).await?;
    assert!(objects.len() <= 12, "{} objects", objects.len());
    assert!(objects.iter().all(|object| object["kind"] != "Namespace"));
    let lines = |text: &str, word: &str| text.lines().filter(|line| line.ends_with(word)).count();

    // As it is served: the text itself.
    let file = real.folder.path().join("manifest.yaml");
    std::fs::write(&file, agent::manifest_text(&real.server.api, &real.imported).await?)?;
    let file = file.display().to_string();
    let created = real.cluster.kubectl(&["apply", "-f", &file]).await?;
    assert_eq!(lines(&created, "created"), objects.len(), "{created}");
    let again = real.cluster.kubectl(&["apply", "-f", &file]).await?;
    assert_eq!(lines(&again, "unchanged"), objects.len(), "{again}");
    real.cluster.kubectl(&["delete", "-f", &file, "--timeout=60s"]).await?;
    real.cluster.kubectl(&["get", "namespace", "cattle-system"]).await?;

    objects.reverse();
    let created = real.kubectl_apply(&objects).await?;
    assert_eq!(lines(&created, "created"), objects.len(), "{created}");
    let again = real.kubectl_apply(&objects).await?;
    assert_eq!(lines(&again, "unchanged"), objects.len(), "{again}");
    Ok(())
}

#[tokio::test]
async fn deleting_the_cluster_leaves_nothing_in_the_real_one() -> Result<()> {
    let Some(mut real) = Real::start().await? else { return Ok(()) };
    let before = settled(&real.direct).await?;
    real.import().await?;
    let brought: Vec<String> = settled(&real.direct).await?.difference(&before).cloned().collect();
    assert!(brought.iter().any(|name| name.contains("cattle-cluster-agent")), "{brought:?}");

    real.server.api.delete(&format!("{}/{}", import::CLUSTERS, real.imported.name)).await?;
    wait::until("the cluster to be as before", LIMIT, async || {
        let now = inventory(&real.direct).await?;
        let more: Vec<_> = now.difference(&before).collect();
        let less: Vec<_> = before.difference(&now).collect();
        ensure!(more.is_empty() && less.is_empty(), "too much: {more:?}; too little: {less:?}");
        Ok(Some(()))
    })
    .await?;
    let mut agent = real.agents.pop().context("an agent")?;
    agent.ended(LIMIT).await.with_context(|| agent_log(&agent))?;
    wait::until("the server to forget the cluster", LIMIT, async || {
        let path = format!("{}/{}", import::MANAGEMENT_CLUSTERS, real.imported.id);
        Ok((real.server.api.try_get(&path).await?.code == 404).then_some(()))
    })
    .await
}

fn agent_log(agent: &Process) -> String {
    format!("the agent's log ends:\n{}", agent.log_tail())
}

/// The inventory once it has not changed for a few looks: the controllers have come to rest.
async fn settled(api: &Api) -> Result<BTreeSet<String>> {
    const AGREEING_LOOKS: usize = 5;
    let (mut last, mut agreeing) = (BTreeSet::new(), 0);
    wait::until("the cluster to come to rest", LIMIT, async || {
        let now = inventory(api).await?;
        agreeing = if now == last { agreeing + 1 } else { 0 };
        last.clone_from(&now);
        Ok((agreeing >= AGREEING_LOOKS).then_some(now))
    })
    .await
}

#[tokio::test]
async fn a_wrong_ca_checksum_is_refused_and_says_so() -> Result<()> {
    let Some(mut real) = Real::start().await? else { return Ok(()) };
    let wrong = "0123456789abcdef".repeat(4);
    let file = real.cluster.certificate_kubeconfig();
    let (folder, api) = (real.folder.path(), &real.server.api);
    let agent = agent::start_with_checksum("wrong", folder, api, &real.imported, file, &wrong)?;
    wait::until("the agent to say what is wrong", LIMIT, async || {
        let log = agent.log();
        ensure!(log.contains(&wrong), "its log is {log}");
        Ok(Some(()))
    })
    .await?;
    let cluster = api.get(&format!("{}/{}", import::MANAGEMENT_CLUSTERS, real.imported.id)).await?;
    assert_ne!(import::condition(&cluster, "Connected"), Some("True"), "{cluster}");
    drop(agent);

    // With the right one it is let in; a client certificate in the kubeconfig does.
    let agent = agent::start("right", folder, api, &real.imported, file).await?;
    real.agents.push(agent);
    real.ready().await
}
