//! Import a cluster, reach it, let it go: in every order, leaving nothing behind.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use grange_harness::{
    Api, Server, Solo, free_port,
    import::{self, MANAGEMENT_CLUSTERS},
    inventory, wait,
};
use serde_json::json;
use tempfile::TempDir;

const REMOVAL_LIMIT: Duration = Duration::from_secs(30);

/// A server and a stand-in cluster, imported and Ready.
pub(crate) struct Pair {
    pub(crate) server: Server,
    pub(crate) cluster: Solo,
    pub(crate) imported: import::Imported,
    /// What the cluster held before the import.
    pub(crate) before: BTreeSet<String>,
    /// What the server held before the import.
    pub(crate) server_before: BTreeSet<String>,
    /// Last, so that the processes end before their folder goes.
    pub(crate) folder: TempDir,
}

impl Pair {
    /// Starts both and imports the one into the other.
    pub(crate) async fn start() -> Result<Pair> {
        let folder = tempfile::tempdir()?;
        let server = Server::start(folder.path(), free_port()?, &[]).await?;
        let cluster = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
        let before = settled(&cluster.api).await?;
        let server_before = inventory(&server.api).await?;
        let imported = import::create(&server.api, "paddock").await?;
        import::register(&cluster.api, &imported.manifest_url).await?;
        import::ready(&server.api, &imported.id).await?;
        Ok(Pair { server, cluster, imported, before, server_before, folder })
    }

    /// The imported cluster as the server's administrator reaches it.
    pub(crate) fn through_the_gateway(&self) -> Api {
        self.server.api.below(&format!("/k8s/clusters/{}", self.imported.id))
    }

    /// The management Cluster as it is now.
    pub(crate) async fn management_cluster(&self) -> Result<serde_json::Value> {
        self.server.api.get(&format!("{MANAGEMENT_CLUSTERS}/{}", self.imported.id)).await
    }

    async fn delete_cluster(&self) -> Result<()> {
        self.server.api.delete(&format!("{}/{}", import::CLUSTERS, self.imported.name)).await?;
        wait::until("the server to forget the cluster", REMOVAL_LIMIT, async || {
            same(&self.server_before, &inventory(&self.server.api).await?)
        })
        .await
    }

    async fn cluster_is_clean(&self) -> Result<()> {
        wait::until("the cluster to be as before", REMOVAL_LIMIT, async || {
            same(&self.before, &inventory(&self.cluster.api).await?)
        })
        .await
    }
}

/// `Some` if equal; otherwise an error that names the difference.
fn same(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Result<Option<()>> {
    if before == after {
        return Ok(Some(()));
    }
    let (more, less): (Vec<_>, Vec<_>) =
        (after.difference(before).collect(), before.difference(after).collect());
    anyhow::bail!("too much: {more:?}; too little: {less:?}")
}

/// The inventory once two looks in a row agree: seed objects and controllers have come to rest.
async fn settled(api: &Api) -> Result<BTreeSet<String>> {
    let mut last = BTreeSet::new();
    wait::until("the cluster to come to rest", REMOVAL_LIMIT, async || {
        let now = inventory(api).await?;
        let agree = !now.is_empty() && now == last;
        last.clone_from(&now);
        Ok(agree.then_some(now))
    })
    .await
}

#[tokio::test]
async fn an_imported_cluster_is_managed_as_if_directly() -> Result<()> {
    let pair = Pair::start().await?;
    let remote = pair.through_the_gateway();

    let names = |list: &serde_json::Value| -> Vec<String> {
        list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| item["metadata"]["name"].to_string())
            .collect()
    };
    let nodes = remote.get("/api/v1/nodes").await?;
    assert_eq!(names(&nodes), names(&pair.cluster.api.get("/api/v1/nodes").await?));
    assert!(!names(&nodes).is_empty(), "a Harvester has a node");
    remote.get("/apis/kubevirt.io/v1/virtualmachines").await?;

    let mut watch =
        remote.lines("/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0").await?;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeting"}, "data": {"text": "hello"}});
    remote.create("/api/v1/namespaces/default/configmaps", &map).await?;
    let event = wait::until("the watch to deliver the new ConfigMap", REMOVAL_LIMIT, async || {
        let event = watch.next().await?.ok_or_else(|| anyhow::anyhow!("the watch ended"))?;
        Ok((event["object"]["metadata"]["name"] == "greeting").then_some(event))
    })
    .await?;
    assert_eq!(event["type"], "ADDED");
    let direct = pair.cluster.api.get("/api/v1/namespaces/default/configmaps/greeting").await?;
    assert_eq!(direct["data"]["text"], "hello");

    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let review = remote.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", &review).await?;
    let user = &review["status"]["userInfo"];
    assert!(
        user["username"].as_str().is_some_and(|name| name.starts_with("user-")),
        "the person's id: {user}"
    );
    let groups = user["groups"].as_array().expect("groups");
    assert!(groups.contains(&json!("grange:cluster:cluster-owner")), "{user}");
    Ok(())
}

#[tokio::test]
async fn deleting_the_cluster_then_resetting_leaves_nothing() -> Result<()> {
    let pair = Pair::start().await?;
    pair.delete_cluster().await?;
    import::register(&pair.cluster.api, "").await?;
    pair.cluster_is_clean().await
}

#[tokio::test]
async fn resetting_then_deleting_the_cluster_leaves_nothing() -> Result<()> {
    let pair = Pair::start().await?;
    import::register(&pair.cluster.api, "").await?;
    pair.cluster_is_clean().await?;
    pair.delete_cluster().await
}

#[tokio::test]
async fn resetting_alone_cleans_the_cluster_and_the_server_says_it_is_away() -> Result<()> {
    let pair = Pair::start().await?;
    import::register(&pair.cluster.api, "").await?;
    pair.cluster_is_clean().await?;
    wait::until("the server to notice", REMOVAL_LIMIT, async || {
        let cluster = pair.management_cluster().await?;
        Ok((import::condition(&cluster, "Connected") == Some("False")).then_some(()))
    })
    .await?;
    let answer = pair.through_the_gateway().try_get("/api/v1/nodes").await?;
    assert_eq!(
        (answer.code, &answer.json()["reason"]),
        (503, &json!("ServiceUnavailable")),
        "{}",
        answer.text
    );
    assert!(answer.headers.contains_key("retry-after"));
    Ok(())
}

#[tokio::test]
async fn deleting_alone_cleans_both_sides() -> Result<()> {
    let pair = Pair::start().await?;
    pair.delete_cluster().await?;
    pair.cluster_is_clean().await
}

#[tokio::test]
async fn a_cluster_imported_again_after_removal_becomes_ready() -> Result<()> {
    let pair = Pair::start().await?;
    pair.delete_cluster().await?;
    pair.cluster_is_clean().await?;
    let again = import::create(&pair.server.api, "paddock").await?;
    assert_ne!(again.id, pair.imported.id, "ids are not used twice");
    import::register(&pair.cluster.api, &again.manifest_url).await?;
    import::ready(&pair.server.api, &again.id).await?;
    Ok(())
}

#[tokio::test]
async fn an_import_brings_few_objects() -> Result<()> {
    let pair = Pair::start().await?;
    let after = inventory(&pair.cluster.api).await?;
    let brought: Vec<_> = after.difference(&pair.before).collect();
    assert!(brought.len() <= 12, "{brought:?}");
    Ok(())
}

#[tokio::test]
async fn a_cluster_made_through_norman_is_the_same_thing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let solo = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
    let request = json!({"type": "cluster", "name": "paddock", "labels": {"provider.cattle.io": "harvester"}, "agentEnvVars": []});
    let cluster = server.api.create("/v3/clusters", &request).await?;
    let id = cluster["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("c-") && id.len() == 7, "{id}");
    let token = wait::until("the registration token", REMOVAL_LIMIT, async || {
        let path =
            format!("/apis/management.cattle.io/v3/namespaces/{id}/clusterregistrationtokens/default-token");
        let answer = server.api.try_get(&path).await?;
        if answer.code == 404 { Ok(None) } else { answer.success().map(Some) }
    })
    .await?;
    import::register(&solo.api, token["status"]["manifestUrl"].as_str().expect("a manifest URL")).await?;
    import::ready(&server.api, &id).await?;
    let provisioning = server.api.get(&format!("{}/{id}", import::CLUSTERS)).await?;
    assert_eq!(provisioning["status"]["clusterName"], json!(id));
    Ok(())
}

#[tokio::test]
async fn the_json_form_of_the_setting_works_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let cluster = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
    let imported = import::create(&server.api, "paddock").await?;
    let value = json!({"url": imported.manifest_url, "insecureSkipTLSVerify": true}).to_string();
    import::register(&cluster.api, &value).await?;
    import::ready(&server.api, &imported.id).await?;
    let setting = cluster.api.get(import::REGISTRATION_SETTING).await?;
    assert_eq!(import::condition(&setting, "configured"), Some("True"));
    Ok(())
}
