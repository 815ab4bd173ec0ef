//! From the create to Ready, and what is refused on the way.
use std::sync::atomic::Ordering;

use grange_resources::{
    condition::find,
    management::{self, Project},
    names,
};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    agent::Agent,
    support::{harvester, refused, start, start_on, typed},
};

#[tokio::test]
async fn a_cluster_is_imported_as_with_rancher() {
    let server = start().await;
    let id = server.create("harv1").await;
    assert!(id.starts_with("c-m-") && id.len() == 12, "{id}");

    // Whoever creates the token, too, gets the one that is there.
    let token = server.token(&id).await;
    let again = typed(json!({
        "apiVersion": "management.cattle.io/v3", "kind": "ClusterRegistrationToken",
        "metadata": {"name": "default-token", "namespace": id}, "spec": {"clusterName": id}
    }));
    let same = server.tokens(&id).create(&PostParams::default(), &again).await.unwrap();
    assert_eq!(same.metadata.uid, token.metadata.uid);
    let status = token.status.unwrap();
    assert!(same.status.unwrap() == status);
    let secret = status.token.unwrap();
    let url = format!("https://grange.example:8443/v3/import/{secret}_{id}.yaml");
    assert_eq!(status.manifest_url.unwrap(), url);
    assert!(status.command.unwrap().ends_with(&format!("kubectl apply -f {url}")));

    // What Rancher's clients look for stands around the cluster.
    server.until_condition(&id, "InitialRolesPopulated", "True").await;
    let cluster = server.cluster(&id).await;
    assert_eq!(cluster.spec.display_name, "harv1");
    assert_eq!(cluster.spec.description.as_deref(), Some("The lab"));
    assert_eq!(cluster.metadata.labels.unwrap()["provider.cattle.io"], "harvester");
    let projects: Api<Project> = Api::namespaced(server.admin.clone(), &id);
    let projects = projects.list(&ListParams::default()).await.unwrap();
    let mut labels: Vec<String> =
        projects.iter().flat_map(|project| project.metadata.labels.clone().unwrap().into_keys()).collect();
    labels.sort();
    assert_eq!(labels, [names::DEFAULT_PROJECT_LABEL, names::SYSTEM_PROJECT_LABEL]);
    assert!(projects.iter().all(|project| project.metadata.name.as_ref().unwrap().starts_with("p-")));

    // Every step of the import is visible.
    server.until_condition(&id, "ManifestFetched", "Unknown").await;
    server.manifest(&format!("{secret}_{id}.yaml")).await.unwrap();
    let fetched = server.until_condition(&id, "ManifestFetched", "True").await;
    assert!(fetched.message.unwrap().contains("192.0.2.7 with Go-http-client/1.1"));
    let agent = Agent::new("uid-1");
    let _connected = agent.join(&server, &secret).await.unwrap();
    server.until_condition(&id, "Ready", "True").await;
    let status = server.cluster(&id).await.status.unwrap();
    for kind in [
        "CreatorMadeOwner",
        "BackingNamespaceCreated",
        "DefaultProjectCreated",
        "SystemProjectCreated",
        "InitialRolesPopulated",
        "ManifestFetched",
        "AgentEnrolled",
        "AgentDeployed",
        "Connected",
        "Pending",
        "Provisioned",
        "Waiting",
        "Updated",
        "Ready",
    ] {
        assert!(find(&status.conditions, kind).unwrap().is_true(), "{kind}");
    }
    assert_eq!(status.driver.as_deref(), Some("imported"));
    assert_eq!(status.provider.as_deref(), Some("harvester"));
    assert_eq!(status.api_endpoint.as_deref(), Some("https://10.53.0.1:443"));
    assert_eq!(status.version.unwrap().git_version, "v1.33.5+rke2r1");
    assert_eq!(status.node_count, Some(1));
    assert_eq!(status.capacity["memory"], "32Gi");
    assert_eq!(status.allocatable["cpu"], "7500m");
    server
        .until("the provisioning object is ready too", async || {
            let status = server.provisioning().get("harv1").await.unwrap().status.unwrap();
            status.ready == Some(true)
                && find(&status.conditions, "Ready").is_some_and(|ready| ready.is_true())
        })
        .await;
}

#[tokio::test]
async fn a_lost_agent_is_told_of_and_forgiven() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let agent = Agent::new("uid-1");
    let connected = agent.join(&server, &token).await.unwrap();
    server.until_condition(&id, "Ready", "True").await;
    drop(connected);
    let ready = server.until_condition(&id, "Ready", "False").await;
    assert_eq!(ready.reason.as_deref(), Some("Disconnected"));
    assert!(ready.message.unwrap().starts_with("Cluster agent is not connected since 20"));
    assert_eq!(server.condition(&id, "Connected").await.status, "False");
    let _back = agent.return_with_key(&server).await.unwrap();
    server.until_condition(&id, "Ready", "True").await;
}

#[tokio::test]
async fn an_unhealthy_cluster_is_not_ready_and_recovers() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let agent = Agent::new("uid-1");
    agent.behaviour.unhealthy.store(true, Ordering::SeqCst);
    let _connected = agent.join(&server, &token).await.unwrap();
    let ready = server.until_condition(&id, "Ready", "False").await;
    assert_eq!(ready.reason.as_deref(), Some("Unhealthy"));
    assert!(ready.message.unwrap().contains("etcd failed"));
    agent.behaviour.unhealthy.store(false, Ordering::SeqCst);
    server.until_condition(&id, "Ready", "True").await;
}

#[tokio::test]
async fn a_management_cluster_comes_first_on_path_a() {
    let server = start().await;
    let create = |display_name: &str| -> management::Cluster {
        typed(json!({
            "apiVersion": "management.cattle.io/v3", "kind": "Cluster", "metadata": {"generateName": "c-",
                "labels": {"provider.cattle.io": "harvester"}},
            "spec": {"displayName": display_name, "agentEnvVars": [{"name": "HTTPS_PROXY", "value": "http://p"}]}
        }))
    };
    let created = server.management().create(&PostParams::default(), &create("Harv")).await.unwrap();
    let id = created.metadata.name.unwrap();
    assert!(id.starts_with("c-") && id.len() == 7, "{id}");
    server.token(&id).await;
    server
        .until("the provisioning object is named like the id", async || {
            let other = server.provisioning().get_opt(&id).await.unwrap();
            other.and_then(|other| other.status).is_some_and(|status| {
                status.cluster_name.as_deref() == Some(id.as_str()) && !status.conditions.is_empty()
            })
        })
        .await;
    // Display names are unique, whatever the case.
    let refusal = refused(server.management().create(&PostParams::default(), &create("hARV")).await);
    assert_eq!(refusal, (422, vec!["spec.displayName".to_owned()]));
    assert_eq!(server.management().list(&ListParams::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn refused_calls_name_the_field() {
    let server = start().await;
    let mut with_rke = harvester("rke");
    with_rke.spec.rke_config = Some(json!({}));
    let refusal = refused(server.provisioning().create(&PostParams::default(), &with_rke).await);
    assert_eq!(refusal, (422, vec!["spec.rkeConfig".to_owned()]));

    let id = server.create("harv1").await;
    server.token(&id).await;
    let foreign = typed(json!({
        "apiVersion": "management.cattle.io/v3", "kind": "ClusterRegistrationToken",
        "metadata": {"name": "other"}, "spec": {"clusterName": "c-m-other222"}
    }));
    let refusal = refused(server.tokens(&id).create(&PostParams::default(), &foreign).await);
    assert_eq!(refusal, (422, vec!["spec.clusterName".to_owned()]));

    let change = json!({"status": {"clusterName": "c-m-other222"}});
    let result =
        server.provisioning().patch_status("harv1", &PatchParams::default(), &Patch::Merge(change)).await;
    assert_eq!(refused(result), (422, vec!["status.clusterName".to_owned()]));
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused() {
    let server = start().await;
    let wish = |name: &str| {
        let mut cluster = harvester(name);
        cluster
            .metadata
            .annotations
            .get_or_insert_default()
            .insert(names::MANAGEMENT_NAME_ANNOTATION.into(), "c-m-mywish22".into());
        cluster
    };
    server.provisioning().create(&PostParams::default(), &wish("first")).await.unwrap();
    server.token("c-m-mywish22").await;
    let field = format!("metadata.annotations[{}]", names::MANAGEMENT_NAME_ANNOTATION);
    let refusal = refused(server.provisioning().create(&PostParams::default(), &wish("second")).await);
    assert_eq!(refusal, (422, vec![field]));
}

#[tokio::test]
async fn the_manifest_is_for_its_token_only() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let (other, other_token) = server.create_with_token("harv2").await;
    let text = server.manifest(&format!("{token}_{id}.yaml")).await.unwrap();
    assert_eq!(text.matches("\n---\n").count() + 1, 7);
    assert!(!text.contains("kind: Namespace\n"));
    assert_eq!(text, server.manifest(&format!("{token}_{id}.yaml")).await.unwrap());

    let mut sentences = Vec::new();
    for file in [
        format!("{other_token}_{id}.yaml"),
        format!("{token}_{other}.yaml"),
        format!("{token}_c-m-unknown2.yaml"),
        format!("{}_{id}.yaml", "b".repeat(54)),
        format!("_{id}.yaml"),
        format!("{token}.yaml"),
        format!("{token}_../../etc/passwd.yaml"),
        format!("{{token}}_{id}.yaml"),
    ] {
        let error = server.manifest(&file).await.unwrap_err();
        assert_eq!(error.status, 400, "{file}");
        sentences.push(error.sentence);
    }
    sentences.dedup();
    assert_eq!(sentences.len(), 1, "strangers learn nothing");
    assert_eq!(server.manifest(&format!("{token}_{id}")).await.unwrap_err().status, 404);
}

#[tokio::test]
async fn a_restarted_server_knows_its_clusters_and_their_keys() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let agent = Agent::new("uid-1");
    let connected = agent.join(&server, &token).await.unwrap();
    server.until_condition(&id, "Ready", "True").await;
    let store = server.stop().await;
    drop(connected);
    let server = start_on(store).await;
    server.until_reconciled(&id).await;
    let ready = server.condition(&id, "Ready").await;
    assert!(ready.is_true(), "agents get time to come back before anything is said against them: {ready:?}");
    let _connected = agent.return_with_key(&server).await.unwrap();
    server.until("it is connected", async || server.registry.is_connected(&id)).await;
    server.until_condition(&id, "Ready", "True").await;
    server.manifest(&format!("{token}_{id}.yaml")).await.unwrap();
}
