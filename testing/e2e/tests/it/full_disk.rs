//! A full disk under the whole server: reads go on, writes say why, and it heals without a restart.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use grange_harness::{Api, Server, Solo, api::Answer, free_port, import, skip, wait};
use reqwest::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
/// Room for the database, its log and what a start needs; a log is copied back at 16 MiB.
const DISK: &str = "64m";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const LOGIN: &str = "/v3-public/localProviders/local?action=login";
/// Objects of which a few thousand fill what is left.
const FILLING_BYTES: usize = 16 * 1024;
/// Each leaves a line in the log; a file's last page takes a few.
const REFUSED_WRITES: usize = 100;

/// A small file system of its own, unmounted at the end.
struct Disk(PathBuf);

impl Disk {
    /// `None` where nothing may be mounted.
    fn mount(path: PathBuf) -> Result<Option<Self>> {
        fs::create_dir(&path)?;
        let size = format!("size={DISK}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        Ok(mounted.is_ok_and(|output| output.status.success()).then_some(Disk(path)))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Leaves not a byte.
    fn fill(&self) -> Result<()> {
        let mut ballast = File::create(self.ballast())?;
        for size in [1 << 20, 4096, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
        Ok(())
    }

    fn make_room(&self) -> Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

async fn create(api: &Api, name: &str) -> Result<Answer> {
    let map = json!({"metadata": {"name": name}, "data": {"text": "x".repeat(FILLING_BYTES)}});
    api.send(api.request(Method::POST, MAPS).json(&map)).await
}

/// Creates objects until the disk is full; adds the names that were acknowledged, gives the answer that says it is full.
async fn until_full(api: &Api, names: &mut Vec<String>) -> Result<Answer> {
    loop {
        let name = format!("filling-{:05}", names.len());
        let answer = create(api, &name).await?;
        if answer.code != 201 {
            return Ok(answer);
        }
        names.push(name);
    }
}

async fn names(api: &Api) -> Result<Vec<String>> {
    let list = api.get(MAPS).await?;
    let names = list["items"].as_array().into_iter().flatten().map(|item| &item["metadata"]["name"]);
    Ok(names
        .filter_map(Value::as_str)
        .filter(|name| name.starts_with("filling-"))
        .map(str::to_owned)
        .collect())
}

async fn login(api: &Api) -> Result<Answer> {
    let form = json!({"username": "admin", "password": Server::PASSWORD, "responseType": "json"});
    api.send(api.with_token("").request(Method::POST, LOGIN).json(&form)).await
}

fn port(api: &Api) -> Result<u16> {
    Ok(api.base().rsplit(':').next().context("a port")?.parse()?)
}

/// Everything of the server lies on the disk that fills up, its log too.
#[tokio::test]
async fn reads_go_on_writes_say_why_and_room_heals() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = Disk::mount(folder.path().join("disk"))? else {
        skip("filling a disk needs root, who may mount a small one");
        return Ok(());
    };
    let mut server = Server::start(&disk.0, free_port()?, &[]).await?;
    let cluster = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
    let imported = import::create(&server.api, "paddock").await?;
    import::register(&cluster.api, &imported.manifest_url).await?;
    import::ready(&server.api, &imported.id).await?;
    let mut watch =
        server.api.lines(&format!("{MAPS}?watch=true&fieldSelector=metadata.name=afterwards")).await?;

    disk.fill()?;
    let mut made = Vec::new();
    is_full(&until_full(&server.api, &mut made).await?, &disk.0);
    let change = server
        .api
        .request(Method::PATCH, &format!("{MAPS}/kube-root-ca.crt"))
        .header("content-type", "application/merge-patch+json")
        .body(json!({"metadata": {"annotations": {"a": "x".repeat(FILLING_BYTES)}}}).to_string());
    is_full(&server.api.send(change).await?, &disk.0);
    let delete = server.api.request(Method::DELETE, &format!("{MAPS}/kube-root-ca.crt"));
    is_full(&server.api.send(delete).await?, &disk.0);
    let refused = login(&server.api).await?;
    assert_eq!((refused.code, &refused.json()["type"]), (507, &json!("error")), "{}", refused.text);
    assert!(refused.text.contains("disk"), "{}", refused.text);

    // Enough of them that their log has no room any more either.
    for number in 0..REFUSED_WRITES {
        is_full(&create(&server.api, &format!("refused-{number}")).await?, &disk.0);
    }

    let reads = async |server: &Server, made: &[String]| -> Result<()> {
        assert_eq!(server.api.try_get("/readyz").await?.code, 200);
        assert_eq!(names(&server.api).await?, made, "what was acknowledged, and nothing else");
        server.api.get(&format!("{MAPS}/kube-root-ca.crt")).await?;
        wait::until("the cluster to be reached", LIMIT, async || {
            let nodes = server.api.try_get(&format!("/k8s/clusters/{}/api/v1/nodes", imported.id)).await?;
            Ok((nodes.code == 200).then_some(()))
        })
        .await
    };
    reads(&server, &made).await?;
    disk.make_room()?;
    heals(&server).await?;
    let event = watch.next().await?.context("the watch ended")?;
    assert_eq!(event["object"]["metadata"]["name"], "afterwards", "the watch outlived it");

    // A server that dies while its disk is full starts on it all the same.
    server.api.delete(&format!("{MAPS}/afterwards")).await?;
    disk.fill()?;
    is_full(&until_full(&server.api, &mut made).await?, &disk.0);
    server.process.signal("KILL")?;
    server.process.ended(LIMIT).await?;
    let port = port(&server.api)?;
    server = Server::start(&disk.0, port, &[]).await?;
    reads(&server, &made).await?;
    disk.make_room()?;
    heals(&server).await
}

/// 507, and a sentence that names the disk, and no more of the machine than that.
fn is_full(answer: &Answer, folder: &Path) {
    let status = answer.json();
    assert_eq!((answer.code, &status["kind"]), (507, &json!("Status")), "{}", answer.text);
    let message = status["message"].as_str().unwrap_or_default();
    assert!(message.contains("disk"), "it does not name the disk: {message}");
    assert!(!message.contains(&folder.display().to_string()), "paths are not for everybody: {message}");
}

async fn heals(server: &Server) -> Result<()> {
    wait::until("writes to go on", LIMIT, async || {
        let answer = create(&server.api, "afterwards").await?;
        Ok((answer.code == 201).then_some(()))
    })
    .await?;
    let answer = login(&server.api).await?;
    assert_eq!(answer.code, 201, "{}", answer.text);
    Ok(())
}
