//! What the index answers, and what it announces.

use super::*;
use crate::user::GROUPS;

fn user(name: &str, username: &str, enabled: bool) -> UserRecord {
    UserRecord {
        name: name.into(),
        uid: format!("uid-{name}"),
        username: username.into(),
        display_name: String::new(),
        description: String::new(),
        enabled,
        must_change_password: false,
        principal_ids: Vec::new(),
        is_bootstrap_admin: false,
        created: String::new(),
    }
}
fn token(name: &str, user_id: &str) -> TokenRecord {
    TokenRecord {
        name: name.into(),
        uid: format!("uid-{name}"),
        user_id: user_id.into(),
        user_uid: format!("uid-{user_id}"),
        hash: Some(TokenHash::of(name, "secret")),
        enabled: true,
        expires_at: None,
        kind: TokenKind::Session,
        created: None,
        cluster_name: String::new(),
        description: String::new(),
        last_used_at: None,
        last_active_at: None,
    }
}
fn filled() -> Index {
    let index = Index::default();
    index.apply_user(user("user-a", "admin", true));
    index.apply_token(token("token-a", "user-a"), false);
    index
}

#[test]
fn a_right_token_yields_the_person_with_fixed_groups() {
    let identity = filled().authenticate("token-a:secret").expect("valid");
    assert_eq!(identity.user.username, "user-a");
    assert_eq!(identity.user.groups, GROUPS);
    assert_eq!(identity.user.extra["username"], ["admin"]);
    assert_eq!(identity.user.extra["requesttokenid"], ["token-a"]);
}

#[test]
fn wrong_expired_disabled_and_orphaned_tokens_open_nothing() {
    let index = filled();
    assert!(index.authenticate("token-a:wrong").is_none());
    assert!(index.authenticate("token-b:secret").is_none());
    let past = Timestamp::now() - jiff::SignedDuration::from_secs(1);
    index.apply_token(TokenRecord { expires_at: Some(past), ..token("token-old", "user-a") }, false);
    index.apply_token(TokenRecord { enabled: false, ..token("token-off", "user-a") }, false);
    index.apply_token(TokenRecord { hash: None, ..token("token-clear", "user-a") }, false);
    index.apply_token(token("token-lost", "user-gone"), false);
    for name in ["token-old", "token-off", "token-clear", "token-lost"] {
        assert!(index.authenticate(&format!("{name}:secret")).is_none(), "{name}");
    }
}

#[test]
fn disabling_a_user_and_removing_a_token_are_announced() {
    let index = filled();
    let mut revocations = index.revocations();
    index.apply_user(user("user-a", "admin", false));
    assert_eq!(revocations.try_recv().unwrap(), Revoked::User("user-a".into()));
    assert!(index.authenticate("token-a:secret").is_none());
    index.remove_token("token-a");
    assert_eq!(revocations.try_recv().unwrap(), Revoked::Token("token-a".into()));
}

#[test]
fn a_late_watch_event_does_not_revive_a_revoked_token() {
    let index = filled();
    index.remove_token("token-a");
    index.apply_token(token("token-a", "user-a"), false);
    assert!(index.authenticate("token-a:secret").is_none());
}

#[test]
fn expiry_is_announced_once() {
    let index = filled();
    let soon = Timestamp::now() + jiff::SignedDuration::from_secs(60);
    index.apply_token(TokenRecord { expires_at: Some(soon), ..token("token-short", "user-a") }, false);
    assert!(index.expire(Timestamp::now()).is_empty());
    assert_eq!(index.expire(soon), ["token-short"]);
    assert!(index.expire(soon).is_empty());
}

#[test]
fn a_session_that_nobody_uses_ends_and_other_tokens_stay() {
    let index = filled();
    index.set_idle_ttl(Duration::from_secs(600));
    let ago = |seconds| Some(Timestamp::now() - jiff::SignedDuration::from_secs(seconds));
    index.apply_token(TokenRecord { created: ago(500), ..token("token-busy", "user-a") }, false);
    index.apply_token(TokenRecord { created: ago(700), ..token("token-idle", "user-a") }, false);
    let kept = TokenRecord { created: ago(700), last_active_at: ago(30), ..token("token-kept", "user-a") };
    index.apply_token(kept, false);
    let script = TokenRecord { kind: TokenKind::Api, created: ago(700), ..token("token-script", "user-a") };
    index.apply_token(script, false);
    for (name, is_live) in
        [("token-busy", true), ("token-idle", false), ("token-kept", true), ("token-script", true)]
    {
        assert_eq!(index.authenticate(&format!("{name}:secret")).is_some(), is_live, "{name}");
        assert_eq!(index.is_live(name, "user-a"), is_live, "{name}");
    }
    assert_eq!(index.idle_sessions(Timestamp::now()), ["token-idle"]);
    // Using it is no activity of a person; saying so is.
    index.set_idle_ttl(Duration::from_secs(400));
    assert!(index.authenticate("token-busy:secret").is_none());
    index.set_idle_ttl(Duration::from_secs(600));
    index.note_activity("token-busy");
    index.set_idle_ttl(Duration::from_secs(400));
    assert!(index.authenticate("token-busy:secret").is_some());
}

#[test]
fn the_use_of_tokens_is_told_once_it_is_news() {
    let index = filled();
    assert!(index.usage(Duration::from_secs(60), 9).is_empty(), "never used");
    index.authenticate("token-a:secret").expect("valid");
    let usage = index.usage(Duration::from_secs(60), 9);
    assert_eq!(usage.len(), 1);
    let told = TokenRecord { last_used_at: Some(usage[0].last_used_at), ..token("token-a", "user-a") };
    index.apply_token(told, false);
    index.authenticate("token-a:secret").expect("valid");
    assert!(index.usage(Duration::from_secs(60), 9).is_empty(), "told a moment ago");
    assert_eq!(index.tokens_of("user-a")[0].last_used_at, Some(usage[0].last_used_at));
}

#[test]
fn a_login_name_belongs_to_the_first_user_who_has_it() {
    let index = filled();
    index.apply_user(user("user-b", "admin", true));
    assert_eq!(index.user_id("admin").as_deref(), Some("user-a"));
    index.apply_user(UserRecord { created: "2030".into(), ..user("user-0", "admin", true) });
    assert_eq!(index.user_id("admin").as_deref(), Some("user-a"), "the oldest");
    index.remove_user("user-a");
    assert_eq!(index.user_id("admin").as_deref(), Some("user-b"));
}

#[test]
fn a_namesake_of_a_deleted_user_does_not_inherit_tokens() {
    let index = filled();
    index.apply_user(UserRecord { uid: "another".into(), ..user("user-a", "mallory", true) });
    assert!(index.authenticate("token-a:secret").is_none() && !index.is_live("token-a", "user-a"));
    index.apply_token(TokenRecord { user_uid: String::new(), ..token("token-b", "user-a") }, false);
    assert!(index.authenticate("token-b:secret").is_some(), "a token without owner goes by the name");
}

#[test]
fn a_login_name_that_is_given_up_goes_to_the_next_who_has_it() {
    let index = filled();
    index.apply_user(user("user-b", "admin", true));
    index.apply_user(user("user-a", "root", true));
    assert_eq!(index.user_id("root").as_deref(), Some("user-a"));
    assert_eq!(index.user_id("admin").as_deref(), Some("user-b"));
}

#[test]
fn a_fresh_list_drops_what_is_gone_but_not_what_was_just_made() {
    let index = filled();
    index.apply_token(token("token-new", "user-a"), true);
    index.retain_tokens(&HashSet::new());
    assert!(index.authenticate("token-a:secret").is_none());
    assert!(index.authenticate("token-new:secret").is_some());
}
