//! `grange cluster …` from import to removal.

use anyhow::{Context, Result};
use grange_harness::{Api, Kubeconfig, Server, Solo, free_port, import, wait};
use serde_json::Value;

use super::{LIMIT, Person};

#[tokio::test]
async fn a_cluster_is_imported_listed_reached_and_deleted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let cluster = Solo::start(folder.path(), "paddock", free_port()?, &[]).await?;
    let person = Person::logged_in(&server)?;
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 0
    ! There are no clusters that you may see.
    ! hint: grange cluster import NAME
    "#);
    insta::assert_snapshot!(person.shows("cluster list -o json")?, @r#"
    exit 0
    | []
    "#);
    insta::assert_snapshot!(person.shows("cluster import paddock --no-wait --description barn")?, @r#"
    exit 0
    | Cluster paddock is c-m-ID. To connect it:
    |
    | 1. In the Harvester, open Advanced, Settings, and edit cluster-registration-url.
    |
    | 2. Set it to this value.
    |    Harvester 1.7.2 and later (the form of 1.8):
    |      {"insecureSkipTLSVerify":true,"url":"https://SERVER/v3/import/TOKEN_c-m-ID.yaml"}
    |    Harvester 1.7.1 and earlier:
    |      https://SERVER/v3/import/TOKEN_c-m-ID.yaml
    |
    |    This server has a CA of its own, so the Harvester fetches the manifest unverified; the agent that
    |    the manifest starts pins the CA. Add the CA to the Harvester's additional-ca setting to verify the
    |    fetch too, and then write false.
    |
    | 3. Save. The checklist turns true step by step.
    |
    | Instead of 1 to 3, with kubectl against the Harvester, any version:
    |      kubectl patch settings.harvesterhci.io cluster-registration-url --type merge -p '{"value":"https://SERVER/v3/import/TOKEN_c-m-ID.yaml"}'
    |
    | Any other Kubernetes cluster:
    |      kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && curl --insecure -sfL https://SERVER/v3/import/TOKEN_c-m-ID.yaml | kubectl apply -f -
    |
    | Keep the address secret: whoever has it can join as this cluster until it is connected.
    "#);
    insta::assert_snapshot!(person.shows("cluster import paddock --no-wait -o yaml")?, @r#"
    exit 0
    | command: kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && kubectl apply -f https://SERVER/v3/import/TOKEN_c-m-ID.yaml
    | id: c-m-ID
    | insecureCommand: kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && curl --insecure -sfL https://SERVER/v3/import/TOKEN_c-m-ID.yaml | kubectl apply -f -
    | manifestUrl: https://SERVER/v3/import/TOKEN_c-m-ID.yaml
    | name: paddock
    | settingValue: "{\"insecureSkipTLSVerify\":true,\"url\":\"https://SERVER/v3/import/TOKEN_c-m-ID.yaml\"}"
    ! Cluster paddock exists already.
    "#);
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 0
    | NAME      ID             STATE     PROVIDER    KUBERNETES   AGE
    | paddock   c-m-ID   Pending   harvester   -            AGE
    "#);
    settled(&server).await?;
    insta::assert_snapshot!(person.shows("cluster import paddock --timeout 0s -o json")?, @r#"
    exit 4
    | {
    |   "command": "kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && kubectl apply -f https://SERVER/v3/import/TOKEN_c-m-ID.yaml",
    |   "id": "c-m-ID",
    |   "insecureCommand": "kubectl create namespace cattle-system --dry-run=client -o yaml | kubectl apply -f - && curl --insecure -sfL https://SERVER/v3/import/TOKEN_c-m-ID.yaml | kubectl apply -f -",
    |   "manifestUrl": "https://SERVER/v3/import/TOKEN_c-m-ID.yaml",
    |   "name": "paddock",
    |   "settingValue": "{\"insecureSkipTLSVerify\":true,\"url\":\"https://SERVER/v3/import/TOKEN_c-m-ID.yaml\"}"
    | }
    ! Cluster paddock exists already.
    ! [x] CreatorMadeOwner
    ! [x] BackingNamespaceCreated
    ! [x] DefaultProjectCreated
    ! [x] SystemProjectCreated
    ! [x] InitialRolesPopulated
    ! [ ] ManifestFetched: Waiting for the cluster to fetch its manifest: set the Harvester's cluster-registration-url to status.manifestUrl of ClusterRegistrationToken c-m-ID/default-token, or run its status.command
    ! [ ] AgentStarted: Waiting for the agent of c-m-ID to be started by the manifest
    ! [ ] AgentEnrolled
    ! [ ] AgentDeployed
    ! [ ] Connected
    ! [ ] Pending: Waiting for the agent's first connection
    ! [ ] Provisioned
    ! [ ] Waiting: Waiting for API to be available
    ! [ ] Updated: Waiting for the cluster's version and nodes
    ! [ ] Ready
    ! error: paddock is not ready after N s; it waits for ManifestFetched (Waiting for the cluster to fetch its manifest: set the Harvester's cluster-registration-url to status.manifestUrl of ClusterRegistrationToken c-m-ID/default-token, or run its status.command)
    "#);

    let steps: Value =
        serde_json::from_str(&person.grange("cluster import paddock --no-wait -o json")?.stdout)?;
    let value = steps["settingValue"].as_str().context("a value")?;
    import::register(&cluster.api, value).await?;
    let ended = person.grange("cluster import paddock -o json --timeout 60s")?;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for line in ["[x] Ready\n", "\nCluster paddock is ready after"] {
        assert!(ended.stderr.contains(line), "{}", ended.stderr);
    }
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout)?, steps, "standard output is for data");

    let listed: Value = serde_json::from_str(&person.grange("cluster list -o json")?.stdout)?;
    assert_eq!(listed[0]["spec"]["displayName"], "paddock");
    let yaml: Vec<Value> = serde_saphyr::from_str(&person.grange("cluster list -o yaml")?.stdout)?;
    assert_eq!(yaml[0]["metadata"]["name"], listed[0]["metadata"]["name"]);
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 0
    | NAME      ID             STATE   PROVIDER    KUBERNETES       AGE
    | paddock   c-m-ID   Ready   harvester   v1.33.5+rke2r1   AGE
    "#);

    let id = steps["id"].as_str().context("an id")?;
    for name in ["paddock", id] {
        let kubeconfig = Kubeconfig::parse(&person.grange(&format!("cluster kubeconfig {name}"))?.stdout)?;
        assert_eq!(kubeconfig.server, format!("{}/k8s/clusters/{id}", server.api.base()));
        Api::new(&kubeconfig)?.get("/api/v1/nodes").await?;
    }
    let local = Kubeconfig::parse(&person.grange("cluster kubeconfig local")?.stdout)?;
    Api::new(&local)?.get("/apis/management.cattle.io/v3/clusters").await?;
    insta::assert_snapshot!(person.shows("cluster kubeconfig paddock --output-file paddock.kubeconfig")?, @r#"
    exit 0
    ! Wrote paddock.kubeconfig.
    "#);
    Kubeconfig::read(&person.home.path().join("paddock.kubeconfig"))?;
    insta::assert_snapshot!(person.shows("cluster kubeconfig meadow")?, @r#"
    exit 1
    ! error: there is no cluster "meadow"
    ! hint: grange cluster list shows the clusters you may see
    "#);

    insta::assert_snapshot!(person.shows("cluster delete paddock")?, @r#"
    exit 2
    ! error: deleting paddock has to be confirmed: use --yes
    "#);
    insta::assert_snapshot!(person.shows_reading("cluster delete meadow --yes", "")?, @r#"
    exit 1
    ! error: there is no cluster "meadow"
    ! hint: grange cluster list shows the clusters you may see
    "#);
    insta::assert_snapshot!(person.shows("cluster delete paddock --yes --wait")?, @r#"
    exit 0
    ! Cluster paddock is gone.
    "#);
    insta::assert_snapshot!(person.shows("cluster list")?, @r#"
    exit 0
    ! There are no clusters that you may see.
    ! hint: grange cluster import NAME
    "#);
    Ok(())
}

/// Waits until all that a new cluster brings is there: from then on it waits for its agent.
async fn settled(server: &Server) -> Result<()> {
    wait::until("the cluster to be furnished", LIMIT, async || {
        let clusters = server.api.get(import::MANAGEMENT_CLUSTERS).await?;
        let cluster = &clusters["items"][0];
        let is = |kind: &str, status: &str| import::condition(cluster, kind) == Some(status);
        let furnished =
            ["CreatorMadeOwner", "DefaultProjectCreated", "SystemProjectCreated", "InitialRolesPopulated"];
        Ok((furnished.iter().all(|kind| is(kind, "True")) && import::condition(cluster, "Ready").is_some())
            .then_some(()))
    })
    .await
}
