//! Enrolment, return, refusal, removal.

use std::time::Duration;

use grange_agent::{Mode, service::Ending};
use grange_wire::{Credential, Lane, Refusal, RefusalCode, names};
use tokio::time::timeout;

use crate::{
    Chain,
    cluster::FakeCluster,
    server::{CLUSTER, FakeServer},
    start, until,
};

fn is_owned(cluster: &FakeCluster, path: &str) -> bool {
    let owner = cluster.object(&names::OWNER.path()).unwrap()["metadata"]["uid"].clone();
    cluster.object(path).is_some_and(|object| object["metadata"]["ownerReferences"][0]["uid"] == owner)
}

#[tokio::test]
async fn the_token_enrols_and_the_key_returns() {
    let mut chain = Chain::new().await;
    assert!(chain.server.credentials().iter().all(|credential| matches!(credential, Credential::Token(_))));
    let enrolled = || {
        let secret = chain.cluster.object(&names::KEY_OBJECT.path())?;
        secret["data"]["cluster"].as_str().map(str::to_owned)
    };
    until(|| enrolled().is_some()).await;
    let key = chain.server.state.hellos.lock().unwrap()[0].public_key.clone();
    // The pod is replaced.
    chain.agent.stop.cancel();
    assert_eq!(chain.agent.run.await.unwrap(), Ending::Stopped);
    until(|| chain.server.registry.sessions().is_empty()).await;
    chain.server.state.hellos.lock().unwrap().clear();
    chain.agent = start(&chain.server, &chain.cluster, Mode::InCluster);
    chain.connected().await;
    let hellos = chain.server.state.hellos.lock().unwrap().clone();
    for hello in hellos {
        assert_eq!(hello.credential, Credential::Key);
        assert_eq!(hello.cluster.as_deref(), Some(CLUSTER));
        assert_eq!(hello.public_key, key);
        assert_eq!(hello.kube_system_uid, "uid-of-kube-system");
    }
}

/// A Secret that was copied from another cluster proves nothing here.
#[tokio::test]
async fn a_key_of_another_cluster_is_replaced() {
    let mut chain = Chain::new().await;
    let path = names::KEY_OBJECT.path();
    until(|| chain.cluster.object(&path).is_some_and(|secret| secret["data"]["cluster"].is_string())).await;
    chain.agent.stop.cancel();
    chain.agent.run.await.unwrap();
    until(|| chain.server.registry.sessions().is_empty()).await;
    let before = chain.cluster.object(&path).unwrap()["data"]["key"].clone();
    *chain.cluster.state.uid.lock().unwrap() = "another-uid".into();
    chain.agent = start(&chain.server, &chain.cluster, Mode::InCluster);
    chain.connected().await;
    assert_ne!(chain.cluster.object(&path).unwrap()["data"]["key"], before);
    let last = chain.server.state.hellos.lock().unwrap().last().cloned().unwrap();
    assert!(matches!(last.credential, Credential::Token(_)));
    assert_eq!(last.kube_system_uid, "another-uid");
}

/// The server lost its memory of the key: the agent enrols again by token.
#[tokio::test]
async fn an_unknown_key_is_enrolled_again() {
    let mut chain = Chain::new().await;
    let path = names::KEY_OBJECT.path();
    until(|| chain.cluster.object(&path).is_some_and(|secret| secret["data"]["cluster"].is_string())).await;
    chain.agent.stop.cancel();
    chain.agent.run.await.unwrap();
    // Another server under another address: what the key was enrolled for does not fit any more.
    chain.server = FakeServer::start().await;
    chain.agent = start(&chain.server, &chain.cluster, Mode::InCluster);
    chain.connected().await;
    assert!(chain.server.credentials().iter().all(|credential| matches!(credential, Credential::Token(_))));
}

#[tokio::test]
async fn everything_is_adopted() {
    let chain = Chain::new().await;
    until(|| names::OWNED.iter().all(|object| is_owned(&chain.cluster, &object.path()))).await;
}

#[tokio::test]
async fn an_uninstall_leaves_nothing() {
    let chain = Chain::new().await;
    let removal = chain.session().uninstall().await.unwrap();
    assert_eq!(removal.removed.len(), names::OWNED.len() + 1, "{removal:?}");
    assert!(removal.removed.contains(&"ClusterRole grange-agent".to_owned()));
    assert_eq!(chain.cluster.names(), [""; 0]);
    let ending = timeout(Duration::from_secs(10), chain.agent.run).await.unwrap().unwrap();
    assert_eq!(ending, Ending::Removed);
    until(|| chain.server.registry.sessions().is_empty()).await;
}

#[tokio::test]
async fn a_stop_with_deployment_leaves_everything() {
    let chain = Chain::new().await;
    let before = chain.cluster.names();
    chain.agent.stop.cancel();
    let ending = timeout(Duration::from_secs(5), chain.agent.run).await.unwrap().unwrap();
    assert_eq!(ending, Ending::Stopped);
    assert_eq!(chain.cluster.names(), before);
}

/// A Harvester's reset deletes the Deployment and nothing else; the agent takes the rest along.
#[tokio::test]
async fn a_stop_without_deployment_leaves_nothing() {
    let chain = Chain::new().await;
    chain.cluster.remove(&names::DEPLOYMENT_OBJECT.path());
    chain.agent.stop.cancel();
    let ending = timeout(Duration::from_secs(5), chain.agent.run).await.unwrap().unwrap();
    assert_eq!(ending, Ending::Removed);
    assert_eq!(chain.cluster.names(), [""; 0]);
}

#[tokio::test]
async fn a_stop_with_a_terminating_deployment_leaves_nothing() {
    let chain = Chain::new().await;
    {
        let mut objects = chain.cluster.state.objects.lock().unwrap();
        let deployment = objects.get_mut(&names::DEPLOYMENT_OBJECT.path()).unwrap();
        deployment["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    }
    chain.agent.stop.cancel();
    assert_eq!(timeout(Duration::from_secs(5), chain.agent.run).await.unwrap().unwrap(), Ending::Removed);
    assert_eq!(chain.cluster.names(), [""; 0]);
}

/// Outside the cluster there is no Deployment whose absence could mean anything.
#[tokio::test]
async fn outside_a_stop_leaves_the_key_and_an_uninstall_takes_it() {
    let server = FakeServer::start().await;
    let cluster = FakeCluster::start().await;
    let agent = start(&server, &cluster, Mode::Outside);
    until(|| server.registry.sessions().len() == 1).await;
    agent.stop.cancel();
    assert_eq!(agent.run.await.unwrap(), Ending::Stopped);
    assert_eq!(cluster.names(), [names::KEY_OBJECT.path()]);
    until(|| server.registry.sessions().is_empty()).await;
    let agent = start(&server, &cluster, Mode::Outside);
    until(|| server.registry.sessions().len() == 1).await;
    let session = server.registry.session(CLUSTER, Lane::Interactive).unwrap();
    assert_eq!(session.uninstall().await.unwrap().removed, ["Secret grange-agent-key"]);
    assert_eq!(agent.run.await.unwrap(), Ending::Removed);
    assert_eq!(cluster.names(), [""; 0]);
}

#[tokio::test]
async fn a_deleted_cluster_keeps_the_agent_away_for_minutes() {
    let chain = Chain::new().await;
    let attempts = || chain.server.state.hellos.lock().unwrap().len();
    let before = attempts();
    chain.server.registry.close(CLUSTER, Refusal::new(RefusalCode::ClusterDeleted, "deleted")).await;
    until(|| chain.server.registry.sessions().is_empty()).await;
    // A lost connection would be back within 200 ms.
    timeout(Duration::from_millis(700), until(|| attempts() > before)).await.expect_err("no new attempt");
    // A stop is obeyed all the same.
    chain.agent.stop.cancel();
    timeout(Duration::from_secs(5), chain.agent.run).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let chain = Chain::new().await;
    chain.server.registry.close_everything(Refusal::new(RefusalCode::ShuttingDown, "restart")).await;
    until(|| chain.server.registry.sessions().is_empty()).await;
    chain.connected().await;
}

/// An import that is being removed does not get a fresh key.
#[tokio::test]
async fn without_its_import_an_agent_waits() {
    let server = FakeServer::start().await;
    let cluster = FakeCluster::start().await;
    let agent = start(&server, &cluster, Mode::InCluster);
    until(|| {
        let requests = cluster.state.requests.lock().unwrap();
        requests.iter().filter(|(_, path)| *path == names::OWNER.path()).count() >= 2
    })
    .await;
    assert_eq!(cluster.names(), [""; 0]);
    cluster.import();
    until(|| server.registry.sessions().len() == 1).await;
    agent.stop.cancel();
    agent.run.await.unwrap();
}

#[tokio::test]
async fn the_bulk_lane_comes_when_it_is_asked_for() {
    let chain = Chain::new().await;
    let registry = &chain.server.registry;
    assert_eq!(registry.session(CLUSTER, Lane::Bulk).unwrap().lane(), Lane::Interactive);
    let bulk = registry.session_on(CLUSTER, Lane::Bulk).await.unwrap();
    assert_eq!(bulk.lane(), Lane::Bulk);
    assert_eq!(bulk.instance(), chain.session().instance());
    // Lost, it stays away until it is needed again.
    bulk.close(Refusal::new(RefusalCode::Idle, "unused")).await;
    until(|| registry.sessions().len() == 1).await;
    assert_eq!(registry.session_on(CLUSTER, Lane::Bulk).await.unwrap().lane(), Lane::Bulk);
}
