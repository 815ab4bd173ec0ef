//! The flow of README with the real kubectl, word for word.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use grange_harness::{Server, Solo, free_port, import, skip, wait};

const CLUSTER: &str = "apiVersion: provisioning.cattle.io/v1
kind: Cluster
metadata:
  namespace: fleet-default
  name: paddock
  labels:
    provider.cattle.io: harvester
  annotations:
    field.cattle.io/description: The paddock
spec:
  agentEnvVars: []
";

const NOTE: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: note
  namespace: default
data:
  a: \"1\"
";

/// kubectl with a kubeconfig and, maybe, another server address.
struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    server: Option<String>,
}

impl Kubectl {
    /// The kubectl built for the tests; `None` (said aloud) where it was not.
    fn program() -> Option<PathBuf> {
        let folder = std::env::var_os("GRANGE_KUBERNETES_BIN").map(PathBuf::from);
        if folder.is_none() {
            skip("the flow with kubectl needs `make test-kubernetes`, which builds kubectl (Go)");
        }
        folder.map(|folder| folder.join("kubectl"))
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let home = tempfile::tempdir()?;
        let mut command = Command::new(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig).env("HOME", home.path()).args(arguments);
        if let Some(server) = &self.server {
            command.args(["--server", server]);
        }
        let output = command.output().with_context(|| format!("cannot run {}", self.program.display()))?;
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn with_file(&self, verb: &str, document: &str) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("object.yaml");
        std::fs::write(&file, document)?;
        self.run(&[verb, "-f", &file.display().to_string()])
    }
}

#[tokio::test]
async fn the_whole_job_with_kubectl_and_nothing_else() -> Result<()> {
    let Some(program) = Kubectl::program() else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let cluster = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
    let gate = Kubectl { program: program.clone(), kubeconfig: server.kubeconfig.clone(), server: None };
    let direct = Kubectl { program: program.clone(), kubeconfig: cluster.kubeconfig.clone(), server: None };

    gate.with_file("create", CLUSTER)?;
    let provisioning = ["-n", "fleet-default", "get", "clusters.provisioning.cattle.io", "paddock"];
    let id = gate.run(&[&provisioning[..], &["-o", "jsonpath={.status.clusterName}"]].concat())?;
    assert!(id.starts_with("c-m-") && id.len() == 12, "{id}");
    wait::until("the cluster's namespace", Duration::from_secs(10), async || {
        Ok(gate.run(&["get", "namespace", &id]).ok())
    })
    .await?;
    let token = format!(
        "apiVersion: management.cattle.io/v3\nkind: ClusterRegistrationToken\nmetadata:\n  name: default-token\n  \
         namespace: {id}\nspec:\n  clusterName: {id}\n"
    );
    gate.with_file("create", &token)?;
    let token = ["-n", &id, "get", "clusterregistrationtokens.management.cattle.io", "default-token"];
    let url = gate.run(&[&token[..], &["-o", "jsonpath={.status.manifestUrl}"]].concat())?;
    assert!(
        url.starts_with(&format!("{}/v3/import/", server.api.base()))
            && url.ends_with(&format!("_{id}.yaml")),
        "{url}"
    );

    let patch = serde_json::json!({"value": url}).to_string();
    direct.run(&[
        "patch",
        "settings.harvesterhci.io",
        "cluster-registration-url",
        "--type",
        "merge",
        "-p",
        &patch,
    ])?;
    gate.run(&[
        "wait",
        &format!("clusters.management.cattle.io/{id}"),
        "--for=condition=Ready",
        "--timeout=60s",
    ])?;

    let remote = format!("{}/k8s/clusters/{id}", server.api.base());
    let remote = Kubectl { program, kubeconfig: server.kubeconfig.clone(), server: Some(remote) };
    let nodes = remote.run(&["get", "nodes"])?;
    assert!(nodes.contains("Ready") && nodes.starts_with("NAME"), "{nodes}");
    remote.run(&["get", "virtualmachines", "-A"])?;
    assert!(remote.with_file("apply", NOTE)?.contains("created"));
    assert!(remote.with_file("apply", NOTE)?.contains("unchanged"));
    assert!(remote.with_file("apply", &NOTE.replace("\"1\"", "\"2\""))?.contains("configured"));
    assert_eq!(direct.run(&["get", "configmap", "note", "-o", "jsonpath={.data.a}"])?, "2");

    gate.run(&[
        "-n",
        "fleet-default",
        "delete",
        "clusters.provisioning.cattle.io",
        "paddock",
        "--timeout=60s",
    ])?;
    wait::until("the agent to have gone", import::READY_LIMIT, async || {
        Ok(direct
            .run(&["-n", "cattle-system", "get", "deployment", "cattle-cluster-agent"])
            .is_err()
            .then_some(()))
    })
    .await
}
