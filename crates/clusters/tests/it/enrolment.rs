//! Who may come in.
use grange_wire::{Credential, JoinToken, Lane, RefusalCode};

use crate::{agent::Agent, support::start};

#[tokio::test]
async fn a_token_enrols_one_key_and_the_key_is_the_credential_from_then_on() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let agent = Agent::new("uid-1");
    let connected = agent.join(&server, &token).await.unwrap();
    assert_eq!(connected.cluster, id);
    // The second lane enrols with the same key.
    let bulk = agent.connect(&server, Credential::Token(JoinToken::new(&token)), Lane::Bulk).await.unwrap();
    assert_eq!(bulk.cluster, id);
    server.tokens(&id).delete("default-token", &Default::default()).await.unwrap();
    drop((connected, bulk));
    assert_eq!(agent.return_with_key(&server).await.unwrap().cluster, id);
}

#[tokio::test]
async fn of_two_keys_that_race_exactly_one_wins() {
    let server = start().await;
    for round in 0..5 {
        let (id, token) = server.create_with_token(&format!("harv{round}")).await;
        let uid = format!("uid-{round}");
        let agents: Vec<Agent> = (0..8).map(|_| Agent::new(&uid)).collect();
        let results = futures::future::join_all(agents.iter().map(|agent| agent.join(&server, &token))).await;
        let winners: Vec<usize> = (0..8).filter(|index| results[*index].is_ok()).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        for refusal in results.iter().filter_map(|result| result.as_ref().err()) {
            assert_eq!(refusal.code, RefusalCode::KeyMismatch);
        }
        drop(results);
        assert_eq!(agents[winners[0]].return_with_key(&server).await.unwrap().cluster, id);
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_with_their_code() {
    let server = start().await;
    let (first, first_token) = server.create_with_token("harv1").await;
    let (second, second_token) = server.create_with_token("harv2").await;
    let agent = Agent::new("uid-1");
    let code =
        async |agent: &Agent, token: &str| agent.join(&server, token).await.err().map(|refusal| refusal.code);

    assert_eq!(code(&agent, &"b".repeat(54)).await, Some(RefusalCode::BadToken));
    assert_eq!(code(&agent, "").await, Some(RefusalCode::BadToken));
    let named = Agent { cluster: Some(first.clone()), ..Agent::new("uid-1") };
    assert_eq!(code(&named, &second_token).await, Some(RefusalCode::TokenForOtherCluster));

    let _connected = agent.join(&server, &first_token).await.unwrap();
    // The same cluster under a second id. Which one it is already is told to those who may see that one.
    assert_eq!(code(&agent, &second_token).await, Some(RefusalCode::ClusterMismatch));
    let shown = server.until_condition(&second, "AgentEnrolled", "False").await;
    assert_eq!(shown.reason.as_deref(), Some("AlreadyImported"));
    let second_object = server.cluster(&second).await;
    assert!(!serde_json::to_string(&second_object).unwrap().contains(&first), "{second_object:?}");
    let registration = async |id: &str| server.cluster(id).await.status.unwrap().registration.unwrap();
    let identity = registration(&second).await.agent_refused.unwrap().identity;
    assert!(identity.is_some());
    assert_eq!(registration(&first).await.identity, identity);
    // Another cluster with the token of a first: neither with a new key nor with the enrolled one.
    assert_eq!(code(&Agent::new("uid-9"), &first_token).await, Some(RefusalCode::ClusterMismatch));
    // The same cluster with another key while its agent is connected.
    assert_eq!(code(&Agent::new("uid-1"), &first_token).await, Some(RefusalCode::KeyMismatch));
    server
        .until("the attempt is shown, and the cluster stays enrolled", async || {
            let condition = server.condition(&first, "AgentEnrolled").await;
            condition.is_true() && condition.message.unwrap_or_default().contains("another key is enrolled")
        })
        .await;
    // Keys that were never enrolled.
    let stranger = Agent { cluster: Some(first.clone()), ..Agent::new("uid-1") };
    assert_eq!(stranger.return_with_key(&server).await.err().unwrap().code, RefusalCode::KeyMismatch);
    let nowhere = Agent { cluster: Some("c-m-unknown2".into()), ..Agent::new("uid-7") };
    assert_eq!(nowhere.return_with_key(&server).await.err().unwrap().code, RefusalCode::UnknownCluster);
    let moved = Agent { key: copy_of(&agent), cluster: Some(first.clone()), ..Agent::new("uid-moved") };
    assert_eq!(moved.return_with_key(&server).await.err().unwrap().code, RefusalCode::ClusterMismatch);
}

fn copy_of(agent: &Agent) -> grange_tunnel::AgentKey {
    grange_tunnel::AgentKey::from_pkcs8(agent.key.pkcs8()).unwrap()
}

#[tokio::test]
async fn a_cluster_that_lost_its_key_enrols_again_with_its_token() {
    let server = start().await;
    let (id, token) = server.create_with_token("harv1").await;
    let agent = Agent::new("uid-1");
    let connected = agent.join(&server, &token).await.unwrap();
    server.until("it is connected", async || server.registry.is_connected(&id)).await;
    drop(connected);
    server.until("it is gone", async || server.registry.absence(&id).is_some()).await;
    let fresh = Agent::new("uid-1");
    let _again = fresh.join(&server, &token).await.unwrap();
    let old = agent.return_with_key(&server).await.err().unwrap();
    assert_eq!(old.code, RefusalCode::KeyMismatch, "the lost key is worth nothing any more");
}
