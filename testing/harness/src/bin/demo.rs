//! `make demo`: a server and a stand-in cluster in the foreground, imported, state in `./.demo`.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rand::RngExt;
use serde_json::json;

use grange_harness::{Api, Server, Solo, import};

const SERVER_PORT: u16 = 8443;
const CLUSTER_PORT: u16 = 6443;
const CLUSTER: &str = "harvester";
/// The images of the stand-in cluster: name, what people see, address.
const IMAGES: [(&str, &str, &str); 2] = [
    (
        "ubuntu",
        "ubuntu-24.04-server-cloudimg-amd64.img",
        "https://cloud-images.ubuntu.com/releases/24.04/release/ubuntu-24.04-server-cloudimg-amd64.img",
    ),
    (
        "debian",
        "debian-12-genericcloud-amd64.qcow2",
        "https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2",
    ),
];

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::current_dir()?.join(".demo");
    fs::create_dir_all(&folder)?;
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = run(&folder) => result,
        _ = interrupt.recv() => finish(),
        _ = terminate.recv() => finish(),
    }
}

fn finish() -> Result<()> {
    eprintln!("\nThe demo has ended; its state is kept in ./.demo (remove that folder to start afresh).");
    Ok(())
}

async fn run(folder: &Path) -> Result<()> {
    let started = Instant::now();
    let password = password(folder)?;
    let mut server = Server::start_with_password(folder, SERVER_PORT, &password, &[])
        .await
        .context("the server did not start")?;
    let mut cluster = Solo::start(folder, CLUSTER, CLUSTER_PORT, &[])
        .await
        .context("the stand-in cluster did not start")?;
    let id = match existing(&server.api).await? {
        Some(id) => id,
        None => {
            let imported = import::create(&server.api, CLUSTER).await?;
            import::register(&cluster.api, &imported.manifest_url).await?;
            imported.id
        }
    };
    import::ready(&server.api, &id).await.context("the import did not finish")?;
    furnish(&cluster.api).await.context("the stand-in cluster could not be furnished")?;
    print_guide(&server.kubeconfig, &cluster.kubeconfig, &id, &password, started.elapsed());
    loop {
        server.process.check_alive()?;
        cluster.process.check_alive()?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The administrator's password: made at the first start, kept for the next ones.
fn password(folder: &Path) -> Result<String> {
    let file = folder.join("password");
    if let Ok(password) = fs::read_to_string(&file) {
        return Ok(password);
    }
    let alphabet: Vec<char> = "bcdfghjklmnpqrstvwxz2456789".chars().collect();
    let mut random = rand::rng();
    let password: String = (0..20).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect();
    let mut options = fs::OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&file)?
        .write_all(password.as_bytes())?;
    Ok(password)
}

/// The id of the cluster that an earlier run imported.
async fn existing(server: &Api) -> Result<Option<String>> {
    let answer = server.try_get(&format!("{}/{CLUSTER}", import::CLUSTERS)).await?;
    Ok(if answer.code == 404 {
        None
    } else {
        answer.success()?["status"]["clusterName"].as_str().map(str::to_owned)
    })
}

/// Gives the stand-in what a new machine is made from, so that the console's first form can be filled at once. Nothing
/// is downloaded: the cluster's storage is simulated.
async fn furnish(cluster: &Api) -> Result<()> {
    for (name, display_name, url) in IMAGES {
        let image = json!({
            "apiVersion": "harvesterhci.io/v1beta1", "kind": "VirtualMachineImage",
            "metadata": {
                "name": name, "namespace": "default",
                "labels": {"harvesterhci.io/image-type": "raw_qcow2", "harvesterhci.io/os-type": name},
            },
            "spec": {
                "displayName": display_name, "sourceType": "download", "url": url, "checksum": "", "retry": 3,
                "backend": "backingimage", "targetStorageClassName": "harvester-longhorn",
            },
        });
        let path = "/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages";
        if cluster.try_get(&format!("{path}/{name}")).await?.code == 404 {
            cluster.create(path, &image).await?;
        }
    }
    Ok(())
}

fn print_guide(server: &Path, cluster: &Path, id: &str, password: &str, elapsed: Duration) {
    let (server, cluster) = (server.display(), cluster.display());
    println!(
        "
Grange is ready ({:.1} s): a server with the stand-in Harvester \"{CLUSTER}\" imported as {id}.

With kubectl:
  export KUBECONFIG={server}
  kubectl get clusters.provisioning.cattle.io -A
  kubectl get clusters.management.cattle.io {id} -o yaml
  kubectl --server https://127.0.0.1:{SERVER_PORT}/k8s/clusters/{id} get virtualmachines -A
  kubectl --server https://127.0.0.1:{SERVER_PORT}/k8s/clusters/{id} get nodes

The stand-in cluster itself: KUBECONFIG={cluster}
Ctrl-C ends both.

In a browser, which warns once because the certificate is the server's own:
  Console    https://127.0.0.1:{SERVER_PORT}/dashboard/
  User       admin
  Password   {password}",
        elapsed.as_secs_f64(),
    );
}
