//! Tokens from issue to end.
use std::time::Duration;

use grange_identity::{Revoked, TokenKind, sessions::MAX_SESSIONS_PER_USER};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::support::{HOUR, PASSWORD, Realm, until};

#[tokio::test]
async fn a_token_opens_until_it_is_revoked() {
    let realm = Realm::started().await;
    let (name, credential) = realm.issue(&realm.admin(), TokenKind::Api, HOUR).await;
    let identity = realm.identity.authenticate(&credential).unwrap();
    assert_eq!((&*identity.user_id, &*identity.token), (realm.admin().as_str(), name.as_str()));
    assert_eq!(identity.user.extra["username"], ["admin"]);
    assert!(realm.identity.is_live(&name, &realm.admin()));

    let mut revocations = realm.identity.revocations();
    realm.identity.revoke(&name).await.unwrap();
    assert!(!realm.opens(&credential) && !realm.identity.is_live(&name, &realm.admin()));
    assert_eq!(revocations.recv().await.unwrap(), Revoked::Token(name.as_str().into()));
    assert!(realm.tokens().get_opt(&name).await.unwrap().is_none(), "its object is gone too");
    realm.identity.revoke(&name).await.unwrap();
}

#[tokio::test]
async fn only_hashes_are_stored() {
    let realm = Realm::started().await;
    let (_, credential) = realm.issue(&realm.admin(), TokenKind::Api, HOUR).await;
    let session = realm.login("admin", PASSWORD).await.unwrap();
    let stored = realm.stored().await;
    for credential in [&credential, session.credential.expose()] {
        let (name, secret) = credential.split_once(':').unwrap();
        assert!(stored.contains(name) && !stored.contains(secret));
    }
    assert!(!stored.contains(PASSWORD));
}

#[tokio::test]
async fn a_token_ends_with_its_time() {
    let realm = Realm::started().await;
    let mut revocations = realm.identity.revocations();
    let (name, credential) = realm.issue(&realm.admin(), TokenKind::Api, Duration::from_secs(1)).await;
    let (kept, kept_credential) = realm.issue(&realm.admin(), TokenKind::Api, HOUR).await;
    until("the token to expire", async || !realm.opens(&credential)).await;
    assert_eq!(revocations.recv().await.unwrap(), Revoked::Token(name.as_str().into()), "streams are cut");
    until("its object to go", async || realm.tokens().get_opt(&name).await.unwrap().is_none()).await;
    assert!(realm.opens(&kept_credential) && realm.tokens().get_opt(&kept).await.unwrap().is_some());
}

#[tokio::test]
async fn kubectl_ends_and_suspends_tokens_too() {
    let realm = Realm::started().await;
    let (deleted, deleted_credential) = realm.issue(&realm.admin(), TokenKind::Api, HOUR).await;
    let (suspended, suspended_credential) = realm.issue(&realm.admin(), TokenKind::Api, HOUR).await;
    let set = async |enabled: bool| {
        let patch = Patch::Merge(json!({"enabled": enabled}));
        realm.tokens().patch(&suspended, &PatchParams::default(), &patch).await.unwrap();
        until("the change to be seen", async || realm.opens(&suspended_credential) == enabled).await;
    };
    realm.tokens().delete(&deleted, &DeleteParams::default()).await.unwrap();
    until("the deleted token to open nothing", async || !realm.opens(&deleted_credential)).await;
    set(false).await;
    set(true).await;
}

#[tokio::test]
async fn a_restarted_server_knows_the_same_tokens() {
    let realm = Realm::started().await;
    let (_, kept) = realm.issue(&realm.admin(), TokenKind::Kubeconfig, HOUR).await;
    let (revoked_name, revoked) = realm.issue(&realm.admin(), TokenKind::Api, HOUR).await;
    let (_, expired) = realm.issue(&realm.admin(), TokenKind::Api, Duration::ZERO).await;
    assert!(!realm.opens(&expired));
    realm.identity.revoke(&revoked_name).await.unwrap();
    let realm = realm.restart().await;
    assert!(realm.opens(&kept));
    assert!(!realm.opens(&revoked) && !realm.opens(&expired));
    let identity = realm.identity.authenticate(&kept).unwrap();
    assert_eq!((&*identity.user_id, identity.kind), (realm.admin().as_str(), TokenKind::Kubeconfig));
}

#[tokio::test]
async fn a_login_too_many_ends_the_oldest_session_and_nothing_else() {
    let realm = Realm::started().await;
    let admin = realm.admin();
    let (_, script) = realm.issue(&admin, TokenKind::Api, HOUR).await;
    let mut sessions = Vec::new();
    for _ in 0..MAX_SESSIONS_PER_USER {
        sessions.push(realm.issue(&admin, TokenKind::Session, HOUR).await.1);
    }
    let newest = realm.login("admin", PASSWORD).await.unwrap();
    let ended = sessions.iter().filter(|credential| !realm.opens(credential)).count();
    assert_eq!(ended, 1);
    assert!(realm.opens(newest.credential.expose()) && realm.opens(&script));
}

#[tokio::test]
async fn a_token_for_nobody_is_not_made() {
    let realm = Realm::started().await;
    let request = grange_identity::TokenRequest {
        user_id: "u-nobody",
        kind: TokenKind::Api,
        ttl: HOUR,
        description: "",
    };
    let error = realm.identity.issue(request).await.err().unwrap();
    assert!(error.to_string().contains("u-nobody"), "{error}");
}
