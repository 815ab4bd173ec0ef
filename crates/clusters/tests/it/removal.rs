//! Letting clusters go: afterwards the server holds nothing of them.
use std::sync::atomic::Ordering;

use futures::StreamExt;
use grange_wire::RefusalCode;
use kube::{
    api::{DeleteParams, ListParams},
    runtime::{WatchStreamExt, watcher},
};

use crate::{
    agent::Agent,
    support::{Server, start},
};

async fn until_gone(server: &Server, id: &str, name: &str) {
    server
        .until("both halves are gone", async || {
            server.management().get_opt(id).await.unwrap().is_none()
                && server.provisioning().get_opt(name).await.unwrap().is_none()
        })
        .await;
}

/// Imports a cluster, lets `delete` begin the removal, and compares everything before and after.
async fn leaves_nothing(delete: impl AsyncFn(&Server, &str)) {
    let server = start().await;
    let (kept, _) = server.create_with_token("kept").await;
    server.until_condition(&kept, "InitialRolesPopulated", "True").await;
    let before = server.everything().await;
    let (id, token) = server.create_with_token("harv1").await;
    let agent = Agent::new("uid-1");
    let _connected = agent.join(&server, &token).await.unwrap();
    server.until_condition(&id, "Ready", "True").await;
    assert!(server.everything().await.len() > before.len() + 5);
    delete(&server, &id).await;
    until_gone(&server, &id, "harv1").await;
    assert!(agent.behaviour.removed.load(Ordering::SeqCst), "the agent was told to remove the import");
    let told = agent.behaviour.told.lock().unwrap().join(" ");
    assert!(told.contains("cluster_deleted"), "{told:?}");
    server.until("no session is left", async || server.registry.sessions_of(&id).is_empty()).await;
    assert_eq!(server.everything().await, before);
    let refusal = agent.join(&server, &token).await.err().unwrap();
    assert_eq!(refusal.code, RefusalCode::BadToken);
    assert_eq!(server.manifest(&format!("{token}_{id}.yaml")).await.unwrap_err().status, 400);
    // The same cluster may be imported again.
    let (again, token) = server.create_with_token("harv1").await;
    let _connected = agent.join(&server, &token).await.unwrap();
    server.until_condition(&again, "Ready", "True").await;
}

#[tokio::test]
async fn deleting_the_provisioning_object_leaves_nothing() {
    leaves_nothing(async |server, _| {
        server.provisioning().delete("harv1", &DeleteParams::default()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn deleting_the_management_object_leaves_nothing() {
    leaves_nothing(async |server, id| {
        server.management().delete(id, &DeleteParams::default()).await.unwrap();
    })
    .await;
}

/// The last words of a cluster, from its watch.
async fn last_words(server: &Server, id: &str, name: &str) -> String {
    let watch = watcher(server.management(), watcher::Config::default()).default_backoff();
    futures::pin_mut!(watch);
    // The watch has begun before the delete.
    while let Some(event) = watch.next().await {
        if matches!(event.unwrap(), watcher::Event::InitDone) {
            break;
        }
    }
    server.provisioning().delete(name, &DeleteParams::default()).await.unwrap();
    let mut words = String::new();
    let watching = async {
        while let Some(event) = watch.next().await {
            match event.unwrap() {
                watcher::Event::Apply(cluster) if cluster.metadata.name.as_deref() == Some(id) => {
                    let conditions = cluster.status.unwrap_or_default().conditions;
                    if let Some(removed) = grange_resources::condition::find(&conditions, "Removed") {
                        words = removed.message.clone().unwrap_or_default();
                    }
                }
                watcher::Event::Delete(cluster) if cluster.metadata.name.as_deref() == Some(id) => break,
                _ => {}
            }
        }
    };
    tokio::time::timeout(crate::support::DEADLINE, watching).await.expect("the cluster goes");
    until_gone(server, id, name).await;
    words
}

#[tokio::test]
async fn an_unreachable_cluster_goes_at_once_and_says_what_it_leaves() {
    let server = start().await;
    let before = server.everything().await;
    let (id, token) = server.create_with_token("harv1").await;
    let agent = Agent::new("uid-1");
    let connected = agent.join(&server, &token).await.unwrap();
    server.until_condition(&id, "Ready", "True").await;
    drop(connected);
    server.until_condition(&id, "Ready", "False").await;
    let words = last_words(&server, &id, "harv1").await;
    assert!(words.contains("its agent is not connected"), "{words}");
    assert!(words.contains("kubectl delete --ignore-not-found clusterrolebinding/grange-agent"), "{words}");
    assert_eq!(server.everything().await, before);
}

#[tokio::test]
async fn an_agent_that_cannot_remove_itself_is_told_of() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let agent = Agent::new("uid-1");
    agent.behaviour.removal_fails.store(true, Ordering::SeqCst);
    let _connected = agent.join(&server, &token).await.unwrap();
    server.until_condition(&id, "Ready", "True").await;
    let words = last_words(&server, &id, "harv1").await;
    assert!(words.contains("its agent could not remove itself"), "{words}");
}

#[tokio::test]
async fn a_cluster_that_never_came_goes_without_a_word_of_leftovers() {
    let server = start().await;
    let before = server.everything().await;
    let (id, _) = server.create_with_token("harv1").await;
    let words = last_words(&server, &id, "harv1").await;
    assert!(words.contains("nothing was installed"), "{words}");
    assert_eq!(server.everything().await, before);
}

#[tokio::test]
async fn many_clusters_come_and_go() {
    let server = start().await;
    let before = server.everything().await;
    let names: Vec<String> = (0..40).map(|number| format!("harv{number}")).collect();
    let created = futures::future::join_all(names.iter().map(|name| server.create_with_token(name))).await;
    let ids: std::collections::BTreeSet<&String> = created.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 40);
    for name in &names {
        server.provisioning().delete(name, &DeleteParams::default()).await.unwrap();
    }
    server
        .until("all are gone", async || {
            server.management().list(&ListParams::default()).await.unwrap().items.is_empty()
                && server.provisioning().list(&ListParams::default()).await.unwrap().items.is_empty()
        })
        .await;
    assert_eq!(server.everything().await, before);
}
