//! Logins: right, wrong, too many, and many at once.
use futures::future::join_all;
use grange_identity::{
    Error,
    password::{MAX_CONCURRENT, MAX_WAITING},
    throttle::ACCOUNT_FREE_FAILURES,
};

use crate::support::{PASSWORD, Realm, refused};

#[tokio::test]
async fn unknown_users_and_wrong_passwords_get_the_same_answer() {
    let realm = Realm::started().await;
    let long = "x".repeat(2000);
    for (username, password) in [
        ("admin", "wrong"),
        ("admin", ""),
        ("admin", long.as_str()),
        ("nobody", PASSWORD),
        ("", ""),
        ("unknown-user", PASSWORD),
        (long.as_str(), PASSWORD),
        ("Admin", PASSWORD),
        ("admin ", PASSWORD),
        ("admin\0", PASSWORD),
        ("../admin", PASSWORD),
    ] {
        let error = refused(realm.login(username, password).await);
        assert!(matches!(error, Error::Refused), "{username:?}: {error}");
    }
    let token = realm.login("admin", PASSWORD).await.unwrap();
    assert!(realm.opens(token.credential.expose()));
}

#[tokio::test]
async fn guessing_is_slowed_down_but_does_not_lock_the_owner_out() {
    let realm = Realm::started().await;
    realm.login_from("admin", PASSWORD, 1).await.unwrap();
    let mut guesses = 0;
    // On a slow machine the first, short waits may pass by themselves; they double.
    let wait = loop {
        match refused(realm.login_from("admin", "a guess", 100 + guesses).await) {
            Error::Refused => guesses += 1,
            Error::Throttled { retry_after_seconds } => break retry_after_seconds,
            other => panic!("{other}"),
        }
        assert!(guesses < ACCOUNT_FREE_FAILURES + 8, "nobody stops the guessing");
    };
    assert!(guesses >= ACCOUNT_FREE_FAILURES && wait >= 1, "{guesses} guesses, {wait} s");
    realm.login_from("admin", PASSWORD, 1).await.expect("the owner's own address");
}

#[tokio::test]
async fn guesses_sent_at_once_do_not_all_pass() {
    let realm = Realm::started().await;
    let guesses = (0..64).map(|address| realm.login_from("admin", "a guess", 100 + address));
    let refusals = join_all(guesses).await.into_iter().map(refused);
    let tried = refusals.filter(|error| matches!(error, Error::Refused | Error::Busy)).count();
    assert!(tried <= ACCOUNT_FREE_FAILURES as usize + 1, "{tried} guesses were checked");
}

#[tokio::test]
async fn a_flood_of_logins_is_bounded_and_passes() {
    let realm = Realm::started().await;
    let flood = 10 * (MAX_CONCURRENT + MAX_WAITING) as u32;
    let names: Vec<String> = (0..flood).map(|number| format!("user-{number}")).collect();
    let logins = (0..flood).map(|number| realm.login_from(&names[number as usize], "a guess", 1000 + number));
    let refusals: Vec<Error> = join_all(logins).await.into_iter().map(refused).collect();
    let busy = refusals.iter().filter(|error| matches!(error, Error::Busy)).count();
    let checked = refusals.iter().filter(|error| matches!(error, Error::Refused)).count();
    assert_eq!(busy + checked, flood as usize, "nothing else is said");
    assert!(busy > 0, "all {flood} were let in at once");
    realm.login("admin", PASSWORD).await.expect("afterwards all is as before");
}
