//! The very first start, and all the later ones.
use grange_identity::{BootstrapOutcome, Error, Secret, secret::ALPHABET};
use grange_settings::definition::FIRST_LOGIN;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{Api, Client, api::DeleteParams};

use crate::support::{PASSWORD, Realm, refused, until};

async fn first_start(realm: &Realm, password: Option<&str>) -> BootstrapOutcome {
    realm.identity.bootstrap(password.map(Secret::new)).await.unwrap()
}

fn generated(outcome: BootstrapOutcome) -> String {
    match outcome {
        BootstrapOutcome::Created { username, generated_password: Some(password) } => {
            assert_eq!(username, "admin");
            password.expose().to_owned()
        }
        _ => panic!("a password was expected"),
    }
}

#[tokio::test]
async fn it_makes_one_administrator_whose_password_is_told_once() {
    let realm = Realm::empty().await;
    let password = generated(first_start(&realm, None).await);
    assert!(password.len() >= 20 && password.bytes().all(|symbol| ALPHABET.contains(&symbol)));
    assert!(realm.identity.is_first_login(), "a generated password is to be changed");
    assert!(!realm.stored().await.contains(&password), "only its hash is kept");
    let admin = realm.admin();
    assert_eq!(realm.login("admin", &password).await.unwrap().user_id, admin);

    assert!(matches!(first_start(&realm, None).await, BootstrapOutcome::AlreadyDone));
    let realm = realm.restart().await;
    assert!(matches!(first_start(&realm, None).await, BootstrapOutcome::AlreadyDone));
    assert_eq!(realm.admin(), admin);
    realm.login("admin", &password).await.unwrap();
}

#[tokio::test]
async fn the_administrator_may_do_everything() {
    let realm = Realm::started().await;
    let (_, credential) =
        realm.issue(&realm.admin(), grange_identity::TokenKind::Api, crate::support::HOUR).await;
    let person = realm.identity.authenticate(&credential).unwrap().user;
    let as_admin = Client::new(realm.apiserver.loopback(person), "default");
    Api::<Namespace>::all(as_admin.clone()).list(&Default::default()).await.unwrap();
    let nobody = realm.identity.create_user("nobody", "", Secret::new(PASSWORD), false).await.unwrap();
    let (_, credential) =
        realm.issue(&nobody.id, grange_identity::TokenKind::Api, crate::support::HOUR).await;
    let person = realm.identity.authenticate(&credential).unwrap().user;
    let as_nobody = Client::new(realm.apiserver.loopback(person), "default");
    Api::<Namespace>::all(as_nobody).list(&Default::default()).await.unwrap_err();
}

#[tokio::test]
async fn a_given_password_is_taken_and_later_starts_leave_it() {
    let realm = Realm::empty().await;
    let outcome = first_start(&realm, Some(PASSWORD)).await;
    assert!(
        matches!(outcome, BootstrapOutcome::Created { generated_password: None, .. }),
        "it is not printed"
    );
    assert!(!realm.identity.is_first_login());
    let realm = realm.restart().await;
    first_start(&realm, Some("another password altogether")).await;
    realm.login("admin", PASSWORD).await.unwrap();
    let error = refused(realm.login("admin", "another password altogether").await);
    assert!(matches!(error, Error::Refused), "{error}");
}

#[tokio::test]
async fn a_weak_given_password_has_to_be_changed() {
    let realm = Realm::empty().await;
    first_start(&realm, Some("admin")).await;
    assert!(realm.identity.is_first_login());
    assert_eq!(realm.settings.get(FIRST_LOGIN).unwrap().value, "true");
    realm.login("admin", "admin").await.unwrap();
    realm.identity.set_password(&realm.admin(), Secret::new(PASSWORD), "").await.unwrap();
    assert!(!realm.identity.is_first_login());
    assert_eq!(realm.settings.get(FIRST_LOGIN).unwrap().value, "false");
}

#[tokio::test]
async fn an_interrupted_first_start_is_completed_by_the_next() {
    let realm = Realm::empty().await;
    let lost = generated(first_start(&realm, None).await);
    let admin = realm.admin();
    // As if the process had ended before its last write.
    let markers: Api<ConfigMap> = Api::namespaced(realm.client.clone(), "cattle-system");
    markers.delete("admincreated", &DeleteParams::default()).await.unwrap();
    let realm = realm.restart().await;
    let password = generated(first_start(&realm, None).await);
    assert_eq!(realm.admin(), admin, "no second administrator");
    realm.login("admin", &password).await.unwrap();
    assert!(matches!(refused(realm.login("admin", &lost).await), Error::Refused));
}

#[tokio::test]
async fn users_that_were_restored_get_no_administrator_beside_them() {
    let realm = Realm::empty().await;
    let namespaces: Api<Namespace> = Api::all(realm.client.clone());
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some("cattle-local-user-passwords".into());
    namespaces.create(&Default::default(), &namespace).await.unwrap();
    realm.identity.create_user("alice", "Alice", Secret::new(PASSWORD), false).await.unwrap();
    assert!(matches!(first_start(&realm, None).await, BootstrapOutcome::UsersExist));
    assert!(realm.identity.bootstrap_admin().is_none());
    realm.login("alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_deleted_administrator_stays_deleted() {
    let realm = Realm::started().await;
    realm.users().delete(&realm.admin(), &DeleteParams::default()).await.unwrap();
    until("the administrator to be gone", async || realm.identity.bootstrap_admin().is_none()).await;
    let realm = realm.restart().await;
    assert!(matches!(first_start(&realm, None).await, BootstrapOutcome::AlreadyDone));
    assert!(realm.identity.bootstrap_admin().is_none());
    assert!(matches!(refused(realm.login("admin", PASSWORD).await), Error::Refused));
}
