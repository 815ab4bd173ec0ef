//! Users: disabled, deleted, made again, renamed, with passwords of their own.
use grange_identity::{Error, IssuedToken, Revoked, Secret, TokenKind};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::support::{HOUR, PASSWORD, Realm, refused, until};

async fn alice(realm: &Realm) -> String {
    realm.identity.create_user("alice", "Alice", Secret::new(PASSWORD), false).await.unwrap().id
}

async fn patch(realm: &Realm, id: &str, patch: Value) {
    realm.users().patch(id, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_back_when_enabled() {
    let realm = Realm::started().await;
    let id = alice(&realm).await;
    let session = realm.login("alice", PASSWORD).await.unwrap();
    let mut revocations = realm.identity.revocations();
    patch(&realm, &id, json!({"enabled": false})).await;
    until("the session to end", async || !realm.opens(session.credential.expose())).await;
    assert_eq!(revocations.recv().await.unwrap(), Revoked::User(id.as_str().into()), "streams are cut");
    assert!(!realm.identity.is_live(&session.name, &id));
    assert!(matches!(refused(realm.login("alice", PASSWORD).await), Error::Disabled));
    assert!(matches!(refused(realm.login("alice", "wrong").await), Error::Refused));
    let realm = realm.restart().await;
    assert!(!realm.opens(session.credential.expose()));
    patch(&realm, &id, json!({"enabled": true})).await;
    until("the session to open again", async || realm.opens(session.credential.expose())).await;
    realm.login("alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_deleted_user_takes_everything_along() {
    let realm = Realm::started().await;
    let id = alice(&realm).await;
    let (name, credential) = realm.issue(&id, TokenKind::Api, HOUR).await;
    realm.users().delete(&id, &DeleteParams::default()).await.unwrap();
    until("the token to open nothing", async || !realm.opens(&credential)).await;
    assert!(matches!(refused(realm.login("alice", PASSWORD).await), Error::Refused));
    until("the token's object to go", async || realm.tokens().get_opt(&name).await.unwrap().is_none()).await;
    until("the password to go", async || !realm.stored().await.contains("argon2id$")).await;
}

#[tokio::test]
async fn a_namesake_of_a_deleted_user_does_not_inherit_tokens() {
    let realm = Realm::started().await;
    let user = |username: &str| {
        serde_json::from_value(json!({
            "apiVersion": "management.cattle.io/v3", "kind": "User",
            "metadata": {"name": "u-bobby"}, "username": username,
        }))
        .unwrap()
    };
    realm.users().create(&PostParams::default(), &user("bob")).await.unwrap();
    until("the user to be known", async || realm.identity.user("u-bobby").is_some()).await;
    let (_, credential) = realm.issue("u-bobby", TokenKind::Api, HOUR).await;
    assert!(realm.opens(&credential));
    realm.users().delete("u-bobby", &DeleteParams::default()).await.unwrap();
    realm.users().create(&PostParams::default(), &user("mallory")).await.unwrap();
    until("the namesake to be known", async || {
        realm.identity.user("u-bobby").is_some_and(|user| user.username == "mallory")
    })
    .await;
    assert!(!realm.opens(&credential), "a credential of the dead opens the door of the living");
}

#[tokio::test]
async fn a_login_name_belongs_to_one_user_for_good() {
    let realm = Realm::started().await;
    let id = alice(&realm).await;
    let error = realm.identity.create_user("alice", "Other", Secret::new("another password"), false).await;
    let error = error.err().unwrap().to_string();
    assert!(error.contains("username") && error.contains("already in use"), "{error}");
    let bob = realm.identity.create_user("bob", "Bob", Secret::new(PASSWORD), false).await.unwrap().id;
    for taken in ["alice", "admin", "robert"] {
        let renaming = Patch::Merge(json!({"username": taken}));
        let error = realm.users().patch(&bob, &PatchParams::default(), &renaming).await.unwrap_err();
        assert!(error.to_string().contains("username"), "{taken}: {error}");
    }
    assert_eq!(realm.login("alice", PASSWORD).await.unwrap().user_id, id);
    assert_eq!(realm.login("bob", PASSWORD).await.unwrap().user_id, bob);
    realm.users().delete(&id, &DeleteParams::default()).await.unwrap();
    until("the name to be free", async || {
        realm.identity.create_user("alice", "Other", Secret::new("another password"), false).await.is_ok()
    })
    .await;
    realm.login("alice", "another password").await.unwrap();
}

#[tokio::test]
async fn passwords_are_changed_by_who_knows_the_present_one() {
    let realm = Realm::started().await;
    let id = alice(&realm).await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        sessions.push(realm.login("alice", PASSWORD).await.unwrap());
    }
    let (_, script) = realm.issue(&id, TokenKind::Api, HOUR).await;
    let change = async |current: &str, new: &str| {
        let address = [192, 0, 2, 1].into();
        let (current, new) = (Secret::new(current), Secret::new(new));
        realm.identity.change_password(&id, current, new, address, &sessions[1].name).await
    };
    for (current, new, refused_because) in [
        ("wrong", "a brand new password", "authentication failed"),
        (PASSWORD, "short", "12 characters"),
        (PASSWORD, PASSWORD, "must not be the same"),
        (PASSWORD, "alice", "12 characters"),
    ] {
        let error = change(current, new).await.unwrap_err().to_string();
        assert!(error.contains(refused_because), "{new}: {error}");
    }
    change(PASSWORD, "a brand new password").await.unwrap();
    assert!(matches!(refused(realm.login("alice", PASSWORD).await), Error::Refused));
    realm.login("alice", "a brand new password").await.unwrap();
    let is_open = |session: &IssuedToken| realm.opens(session.credential.expose());
    assert!(!is_open(&sessions[0]), "whoever knew the old password is out");
    assert!(is_open(&sessions[1]) && realm.opens(&script), "who changed it, and scripts, go on");
}

#[tokio::test]
async fn a_password_secret_that_holds_no_hash_opens_nothing() {
    let realm = Realm::started().await;
    let id = alice(&realm).await;
    let secrets: kube::Api<k8s_openapi::api::core::v1::Secret> =
        kube::Api::namespaced(realm.client.clone(), "cattle-local-user-passwords");
    for stored in ["plain text", "", "$argon2id$v=19$m=1,t=1,p=1$", "$2a$10$aaaaaaaaaaaaaaaaaaaaaa"] {
        let patch = Patch::Merge(json!({"stringData": {"password": stored}, "data": null}));
        secrets.patch(&id, &PatchParams::default(), &patch).await.unwrap();
        let error = refused(realm.login("alice", PASSWORD).await);
        assert!(matches!(error, Error::Refused), "{stored}: {error}");
        let error = refused(realm.login_from("alice", stored, 2).await);
        assert!(matches!(error, Error::Refused), "{stored}: {error}");
    }
}

#[tokio::test]
async fn a_user_whose_password_cannot_be_kept_is_not_made() {
    let realm = Realm::empty().await;
    // Before the first start there is no namespace for passwords.
    realm.identity.create_user("alice", "Alice", Secret::new(PASSWORD), false).await.unwrap_err();
    until("nothing to be left", async || {
        realm.users().list(&Default::default()).await.unwrap().items.is_empty()
    })
    .await;
}
