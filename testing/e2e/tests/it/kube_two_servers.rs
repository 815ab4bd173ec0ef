//! Two servers on one real etcd: the same state at both, a lost etcd, a killed leader.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use grange_harness::{Api, Kubeconfig, Server, Solo, binary, free_port, import, skip, wait};
use grange_testing_kubernetes::{Etcd, EtcdOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(90);
const NAMESPACES: &str = "/api/v1/namespaces";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const MANAGEMENT_CLUSTERS: &str = "/apis/management.cattle.io/v3/clusters";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/grange-controllers";

/// Two servers; the first was there first, and so leads.
struct Two {
    first: Server,
    second: Server,
    etcd: Etcd,
    _folders: [TempDir; 2],
}

impl Two {
    async fn start() -> Result<Option<Two>> {
        let Some(options) = EtcdOptions::from_environment() else {
            skip("two servers on one etcd need `make test-kubernetes`, which builds it (Go)");
            return Ok(None);
        };
        let etcd = Etcd::start(options).await?;
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
        let store = format!("etcd={}", etcd.urls().join(","));
        let more = ["--store", &store];
        let first = Server::start(folders[0].path(), free_port()?, &more).await?;
        let second = Server::start(folders[1].path(), free_port()?, &more).await?;
        Ok(Some(Two { first, second, etcd, _folders: folders }))
    }
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

fn holder(lease: &Value) -> String {
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn what_one_server_is_told_the_other_knows() -> Result<()> {
    let Some(two) = Two::start().await? else { return Ok(()) };
    let (first, second) = (&two.first.api, &two.second.api);

    // One authority, so that a client that trusts one server trusts both.
    let ca = |server: &Server| Ok::<_, anyhow::Error>(Kubeconfig::read(&server.kubeconfig)?.ca_pem);
    assert_eq!(ca(&two.first)?, ca(&two.second)?);
    // A token of one is good at the other.
    let token = Kubeconfig::read(&two.first.kubeconfig)?.token;
    second.with_token(&token).get(NAMESPACES).await.context("the first's token at the second")?;

    // Written here, read and watched there, both ways.
    for (writer, reader, name) in [(first, second, "from-first"), (second, first, "from-second")] {
        let from = reader.get(MAPS).await?;
        let from = from["metadata"]["resourceVersion"].as_str().context("a version")?;
        let mut lines = reader.lines(&format!("{MAPS}?watch=true&resourceVersion={from}")).await?;
        let made = writer.create(MAPS, &map(name)).await?;
        let read = reader.get(&format!("{MAPS}/{name}")).await.context("read at once")?;
        assert_eq!(read["metadata"], made["metadata"]);
        let line = tokio::time::timeout(LIMIT, lines.next()).await??.context("an event")?;
        assert_eq!(line["object"]["metadata"]["name"], name, "{line}");
    }

    // Of two that change the same version, one is told of the conflict.
    let path = format!("{MAPS}/from-first");
    let mut stale = first.get(&path).await?;
    second.merge_patch(&path, &json!({"data": {"a": "c"}})).await?;
    stale["data"]["a"] = json!("d");
    let answer = first.send(first.request(http::Method::PUT, &path).json(&stale)).await?;
    assert_eq!(answer.code, 409, "{}", answer.text);
    Ok(())
}

#[tokio::test]
async fn a_lost_etcd_is_told_by_both_and_both_recover() -> Result<()> {
    let Some(mut two) = Two::start().await? else { return Ok(()) };
    two.first.api.create(MAPS, &map("kept")).await?;
    two.etcd.kill(0);
    let url = two.etcd.urls().remove(0);
    for api in [&two.first.api, &two.second.api] {
        let answer = wait::until("the server to say that it is not ready", LIMIT, async || {
            let answer = api.try_get("/readyz").await?;
            Ok((answer.code == 503).then_some(answer))
        })
        .await?;
        assert!(answer.text.contains("etcd") && answer.text.contains(&url), "{}", answer.text);
        let answer = api.try_get(&format!("{MAPS}/kept")).await?;
        assert_eq!(answer.code, 503, "{}", answer.text);
        assert!(answer.json()["message"].as_str().unwrap_or_default().contains("etcd"), "{}", answer.text);
    }
    two.etcd.restart(0).await?;
    for server in [&mut two.first, &mut two.second] {
        server.process.check_alive()?;
        let api: &Api = &server.api;
        wait::until("the server to be ready again", LIMIT, async || {
            Ok((api.try_get("/readyz").await?.code == 200).then_some(()))
        })
        .await?;
        api.get(&format!("{MAPS}/kept")).await?;
    }
    two.second.api.create(MAPS, &map("after")).await?;
    two.first.api.get(&format!("{MAPS}/after")).await?;
    Ok(())
}

#[tokio::test]
async fn the_controllers_of_a_killed_leader_go_on_at_the_other_server() -> Result<()> {
    let Some(mut two) = Two::start().await? else { return Ok(()) };
    let survivor = two.second.api.clone();
    let before = holder(&survivor.get(LEASE).await?);
    assert!(!before.is_empty(), "somebody leads");
    two.first.process.signal("KILL")?;
    two.first.process.ended(LIMIT).await?;

    // What only a controller does: a namespace ends when nothing is left in it.
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short-lived"}});
    survivor.create(NAMESPACES, &namespace).await?;
    survivor.create(&format!("{NAMESPACES}/short-lived/configmaps"), &map("inside")).await?;
    survivor.delete(&format!("{NAMESPACES}/short-lived")).await?;
    wait::until("the namespace to end", LIMIT, async || {
        let answer = survivor.try_get(&format!("{NAMESPACES}/short-lived")).await?;
        Ok((answer.code == 404).then_some(()))
    })
    .await?;
    let after = survivor.get(LEASE).await?;
    assert_ne!(holder(&after), before);
    assert_eq!(after["spec"]["leaseTransitions"], 1, "{after}");
    Ok(())
}

#[tokio::test]
async fn a_cluster_of_a_killed_server_is_said_to_be_lost_and_goes_on_where_its_agent_arrives() -> Result<()> {
    let Some(mut two) = Two::start().await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let mut cluster = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
    // The address that the agent is told is the first's.
    let imported = import::create(&two.first.api, "paddock").await?;
    import::register(&cluster.api, &imported.manifest_url).await?;
    import::ready(&two.second.api, &imported.id).await?;
    let path = format!("{MANAGEMENT_CLUSTERS}/{}", imported.id);
    let holder = two.second.api.get(&path).await?["status"]["server"].clone();
    assert!(holder.is_string(), "{holder}");

    // Without its server, and with nowhere else to go.
    two.first.process.signal("KILL")?;
    two.first.process.ended(LIMIT).await?;
    let survivor = two.second.api.clone();
    let lost = wait::until("the survivor to say that the cluster is lost", LIMIT, async || {
        let cluster = survivor.get(&path).await?;
        Ok((import::condition(&cluster, "Connected") == Some("False")).then_some(cluster))
    })
    .await?;
    assert!(
        lost["status"]["conditions"].to_string().contains("the server that it was connected to is gone"),
        "{lost}"
    );

    // Another server at the address: the agent trusts it at once, for all have one authority.
    let port: u16 = two.first.api.base().rsplit(':').next().context("a port")?.parse()?;
    let store = format!("etcd={}", two.etcd.urls().join(","));
    let more = tempfile::tempdir()?;
    let third = Server::start(more.path(), port, &["--store", &store]).await?;
    wait::until("the agent to come back", LIMIT, async || {
        let cluster = survivor.get(&path).await?;
        Ok((import::condition(&cluster, "Connected") == Some("True")).then_some(()))
    })
    .await?;
    let server = &survivor.get(&path).await?["status"]["server"];
    assert!(server.is_string() && *server != holder, "{server}");
    third.api.get(&format!("/k8s/clusters/{}/api/v1/nodes", imported.id)).await?;
    cluster.process.check_alive()
}

/// Copies a store; what the program said.
fn copy(from: &str, to: &str) -> Result<String> {
    let output = Command::new(binary()?).args(["store", "copy", "--from", from, "--to", to]).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{said}");
    Ok(said)
}

#[tokio::test]
async fn a_store_is_copied_to_etcd_and_back() -> Result<()> {
    let Some(options) = EtcdOptions::from_environment() else {
        skip("copying a store to etcd needs `make test-kubernetes`, which builds it (Go)");
        return Ok(());
    };
    let etcd = Etcd::start(options).await?;
    let store = format!("etcd={}", etcd.urls().join(","));
    let (folder, back) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let place = |folder: &TempDir| format!("sqlite:{}", folder.path().join("server").display());
    let port = free_port()?;

    let server = Server::start(folder.path(), port, &[]).await?;
    let old = server.api.create(MAPS, &map("kept")).await?;
    let in_use = copy(&place(&folder), &store).expect_err("a server runs").to_string();
    assert!(in_use.contains("in use"), "{in_use}");
    let api = server.api.clone();
    ensure!(server.process.stop().await?.success(), "an ordinary end");
    copy(&place(&folder), &store)?;
    let again = copy(&place(&folder), &store).expect_err("it holds something").to_string();
    assert!(again.contains("not empty"), "{again}");

    // The same folder, the same port, another engine: clients notice nothing.
    let server = Server::start(folder.path(), port, &["--store", &store]).await?;
    let new = api.get(&format!("{MAPS}/kept")).await.context("with the token from before")?;
    let version =
        |object: &Value| -> Option<u64> { object["metadata"]["resourceVersion"].as_str()?.parse().ok() };
    assert_eq!(new["metadata"]["uid"], old["metadata"]["uid"]);
    assert!(version(&new) > version(&old), "{new}");
    let from = version(&old).context("a version")?;
    let mut lines = api.lines(&format!("{MAPS}?watch=true&resourceVersion={from}")).await?;
    let line = tokio::time::timeout(LIMIT, lines.next()).await??.context("a line")?;
    assert_eq!((&line["type"], &line["object"]["code"]), (&json!("ERROR"), &json!(410)), "{line}");
    let written = api.merge_patch(&format!("{MAPS}/kept"), &json!({"data": {"a": "c"}})).await?;
    ensure!(server.process.stop().await?.success(), "an ordinary end");

    copy(&store, &place(&back))?;
    let server = Server::start(back.path(), port, &[]).await?;
    let read = server.api.get(&format!("{MAPS}/kept")).await?;
    assert_eq!(read["data"], json!({"a": "c"}));
    assert!(version(&read) > version(&written), "{read}");
    // Its folder was empty: the authority that clients trust came with the store.
    api.get(NAMESPACES).await.context("with the token and the authority from before")?;
    Ok(())
}
