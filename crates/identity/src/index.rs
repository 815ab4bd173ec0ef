//! Users and tokens in memory: the answer to "who presents this credential?" without a store access.
//!
//! INVARIANT: a token that was revoked here never becomes valid again, although the watch may still deliver its
//! older states: the uids of revoked tokens are remembered for a while.
use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use grange_apimachinery::Status;
use grange_apiserver::{TokenAuthenticator, UserInfo};
use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::{
    objects::{TokenRecord, UserRecord},
    token::{Presented, TokenHash, TokenKind},
};

/// Every authenticated person's groups.
pub const GROUPS: [&str; 2] = ["system:authenticated", "system:cattle:authenticated"];
/// Revocations a subscriber may lag behind before it has to look at everything.
pub const REVOCATION_BACKLOG: usize = 1024;
/// Revoked tokens remembered against late watch events.
pub const MAX_TOMBSTONES: usize = 4096;
/// How long a token made here may be missing from a fresh list that was taken before.
const LOCAL_GRACE: Duration = Duration::from_secs(10);

/// Something that was valid and is no longer; whoever holds open streams for it cuts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// A token by name.
    Token(Arc<str>),
    /// A user by id, with all tokens.
    User(Arc<str>),
}

/// A believed identity.
#[derive(Clone, Debug)]
pub struct Identity {
    /// What the management API and imported clusters are told.
    pub user: UserInfo,
    /// The token's name.
    pub token: Arc<str>,
    /// The user's id (the User object's name).
    pub user_id: Arc<str>,
    /// What the token is for.
    pub kind: TokenKind,
    /// The one cluster the token is for, or `""`.
    pub cluster_name: Arc<str>,
}

/// A user as shown to people.
#[derive(Clone, Debug, PartialEq)]
pub struct UserProfile {
    /// The User object's name.
    pub id: String,
    /// The User object's uid.
    pub uid: String,
    /// The login name.
    pub username: String,
    /// The name for people.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Whether the password has to be changed.
    pub must_change_password: bool,
    /// `local://…` and what external providers know the user as.
    pub principal_ids: Vec<String>,
    /// Whether this is the administrator of the first start.
    pub is_bootstrap_admin: bool,
    /// When the object was created.
    pub created: String,
}

struct User {
    record: UserRecord,
    id: Arc<str>,
}

struct Token {
    record: TokenRecord,
    name: Arc<str>,
    cluster_name: Arc<str>,
    local_until: Option<Instant>,
}

#[derive(Default)]
struct State {
    users: HashMap<String, User>,
    ids_by_username: HashMap<String, String>,
    tokens: HashMap<String, Token>,
    expiries: BTreeSet<(Timestamp, String)>,
    tombstones: HashSet<String>,
    tombstone_order: VecDeque<String>,
}

/// The index. Filled by the watches and, at once, by what this process writes itself.
pub struct Index {
    state: RwLock<State>,
    revoked: broadcast::Sender<Revoked>,
}

impl Default for Index {
    fn default() -> Self {
        Index { state: RwLock::default(), revoked: broadcast::channel(REVOCATION_BACKLOG).0 }
    }
}

impl Index {
    /// Who presents `name:secret`; `None` for anything unknown, wrong, expired or disabled.
    pub fn authenticate(&self, credential: &str) -> Option<Identity> {
        let presented = Presented::parse(credential)?;
        let hash = TokenHash::of(presented.name, presented.secret);
        let state = self.read();
        let token = state.tokens.get(presented.name)?;
        if !token.record.hash?.matches(&hash) || !token_is_live(&token.record, Timestamp::now()) {
            return None;
        }
        let user = state.users.get(&token.record.user_id).filter(|user| user.record.enabled)?;
        Some(Identity {
            user: user_info(&user.record, &token.record.name),
            token: token.name.clone(),
            user_id: user.id.clone(),
            kind: token.record.kind,
            cluster_name: token.cluster_name.clone(),
        })
    }
    /// Whether a stream that was opened with this token may stay open.
    pub fn is_live(&self, token: &str, user_id: &str) -> bool {
        let state = self.read();
        state.users.get(user_id).is_some_and(|user| user.record.enabled)
            && state.tokens.get(token).is_some_and(|token| token_is_live(&token.record, Timestamp::now()))
    }
    /// Revocations from now on. After [`broadcast::error::RecvError::Lagged`] ask [`Index::is_live`] for everything held.
    pub fn revocations(&self) -> broadcast::Receiver<Revoked> {
        self.revoked.subscribe()
    }
    /// A user by id.
    pub fn user(&self, id: &str) -> Option<UserProfile> {
        self.read().users.get(id).map(|user| profile(&user.record))
    }
    /// A user's id by login name.
    pub fn user_id(&self, username: &str) -> Option<String> {
        self.read().ids_by_username.get(username).cloned()
    }
    /// Whether the administrator of the first start still has the password of the first start.
    pub fn is_first_login(&self) -> bool {
        self.read()
            .users
            .values()
            .any(|user| user.record.is_bootstrap_admin && user.record.must_change_password)
    }
    /// The id of the administrator of the first start, while enabled.
    pub fn bootstrap_admin(&self) -> Option<String> {
        let state = self.read();
        let mut admins =
            state.users.values().filter(|user| user.record.is_bootstrap_admin && user.record.enabled);
        admins.next().map(|user| user.record.name.clone())
    }
    /// How many users and tokens there are.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.read();
        (state.users.len(), state.tokens.len())
    }

    pub(crate) fn apply_user(&self, record: UserRecord) {
        let mut state = self.write();
        let id: Arc<str> = record.name.as_str().into();
        let was_enabled = match state.users.get(&record.name) {
            Some(old) => {
                let old_username = old.record.username.clone();
                let was_enabled = old.record.enabled;
                if old_username != record.username
                    && state.ids_by_username.get(&old_username) == Some(&record.name)
                {
                    state.ids_by_username.remove(&old_username);
                }
                was_enabled
            }
            None => false,
        };
        if !record.username.is_empty() {
            // First come, first served: a second user of the same login name cannot take it over.
            state.ids_by_username.entry(record.username.clone()).or_insert_with(|| record.name.clone());
        }
        let is_revoked = was_enabled && !record.enabled;
        state.users.insert(record.name.clone(), User { record, id: id.clone() });
        drop(state);
        if is_revoked {
            self.announce(Revoked::User(id));
        }
    }
    pub(crate) fn remove_user(&self, name: &str) {
        let mut state = self.write();
        let Some(user) = state.users.remove(name) else { return };
        if state.ids_by_username.get(&user.record.username).is_some_and(|id| id == name) {
            state.ids_by_username.remove(&user.record.username);
            let heir = state
                .users
                .values()
                .find(|other| other.record.username == user.record.username)
                .map(|other| other.record.name.clone());
            if let Some(heir) = heir {
                state.ids_by_username.insert(user.record.username.clone(), heir);
            }
        }
        drop(state);
        self.announce(Revoked::User(user.id));
    }
    pub(crate) fn apply_token(&self, record: TokenRecord, is_local: bool) {
        let mut state = self.write();
        if state.tombstones.contains(&record.uid) {
            return;
        }
        let name: Arc<str> = record.name.as_str().into();
        let now = Timestamp::now();
        let was_live = state.tokens.get(&record.name).is_some_and(|old| token_is_live(&old.record, now));
        let is_live = token_is_live(&record, now);
        forget_expiry(&mut state, &record.name);
        if let Some(expires_at) = record.expires_at {
            state.expiries.insert((expires_at, record.name.clone()));
        }
        let cluster_name = record.cluster_name.as_str().into();
        let local_until = is_local.then(|| Instant::now() + LOCAL_GRACE);
        state
            .tokens
            .insert(record.name.clone(), Token { record, name: name.clone(), cluster_name, local_until });
        drop(state);
        if was_live && !is_live {
            self.announce(Revoked::Token(name));
        }
    }
    pub(crate) fn remove_token(&self, name: &str) {
        let mut state = self.write();
        forget_expiry(&mut state, name);
        let Some(token) = state.tokens.remove(name) else { return };
        let uid = token.record.uid;
        if !uid.is_empty() && state.tombstones.insert(uid.clone()) {
            state.tombstone_order.push_back(uid);
            if state.tombstone_order.len() > MAX_TOMBSTONES
                && let Some(oldest) = state.tombstone_order.pop_front()
            {
                state.tombstones.remove(&oldest);
            }
        }
        drop(state);
        self.announce(Revoked::Token(token.name));
    }
    /// After a fresh list: forgets users that were not in it.
    pub(crate) fn retain_users(&self, listed: &HashSet<String>) {
        let gone: Vec<String> =
            self.read().users.keys().filter(|name| !listed.contains(*name)).cloned().collect();
        gone.iter().for_each(|name| self.remove_user(name));
    }
    /// After a fresh list: forgets tokens that were not in it.
    pub(crate) fn retain_tokens(&self, listed: &HashSet<String>) {
        let now = Instant::now();
        let gone: Vec<String> = self
            .read()
            .tokens
            .iter()
            .filter(|(name, token)| {
                !listed.contains(*name) && token.local_until.is_none_or(|until| until < now)
            })
            .map(|(name, _)| name.clone())
            .collect();
        gone.iter().for_each(|name| self.remove_token(name));
    }
    /// Takes the tokens that expired by `now` out of the expiry queue and announces them.
    pub(crate) fn expire(&self, now: Timestamp) -> Vec<String> {
        let mut state = self.write();
        let mut expired = Vec::new();
        while let Some((at, _)) = state.expiries.first() {
            if *at > now {
                break;
            }
            if let Some((_, name)) = state.expiries.pop_first() {
                expired.push(name);
            }
        }
        drop(state);
        expired.iter().for_each(|name| self.announce(Revoked::Token(name.as_str().into())));
        expired
    }
    /// A user's session tokens, oldest first.
    pub(crate) fn sessions_of(&self, user_id: &str) -> Vec<String> {
        let state = self.read();
        let mut sessions: Vec<(&str, &str)> = state
            .tokens
            .values()
            .filter(|token| token.record.user_id == user_id && token.record.kind == TokenKind::Session)
            .map(|token| (token.record.created.as_str(), token.record.name.as_str()))
            .collect();
        sessions.sort_unstable();
        sessions.into_iter().map(|(_, name)| name.to_owned()).collect()
    }
    /// All tokens of a user.
    pub(crate) fn tokens_of(&self, user_id: &str) -> Vec<String> {
        let state = self.read();
        state
            .tokens
            .values()
            .filter(|token| token.record.user_id == user_id)
            .map(|token| token.record.name.clone())
            .collect()
    }

    fn announce(&self, revoked: Revoked) {
        // No receiver is fine: then nobody holds a stream.
        let _ = self.revoked.send(revoked);
    }
    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl TokenAuthenticator for Index {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<UserInfo>, Status>> {
        Box::pin(async move { Ok(Index::authenticate(self, token).map(|identity| identity.user)) })
    }
}

fn token_is_live(record: &TokenRecord, now: Timestamp) -> bool {
    record.enabled && record.hash.is_some() && record.expires_at.is_none_or(|at| at > now)
}

fn forget_expiry(state: &mut State, name: &str) {
    if let Some(at) = state.tokens.get(name).and_then(|token| token.record.expires_at) {
        state.expiries.remove(&(at, name.to_owned()));
    }
}

fn user_info(user: &UserRecord, token_name: &str) -> UserInfo {
    UserInfo {
        username: user.name.clone(),
        uid: user.name.clone(),
        groups: GROUPS.iter().map(|group| (*group).to_owned()).collect(),
        extra: [
            ("principalid".to_owned(), vec![format!("local://{}", user.name)]),
            ("requesttokenid".to_owned(), vec![token_name.to_owned()]),
            ("username".to_owned(), vec![user.username.clone()]),
        ]
        .into(),
    }
}

fn profile(record: &UserRecord) -> UserProfile {
    UserProfile {
        id: record.name.clone(),
        uid: record.uid.clone(),
        username: record.username.clone(),
        display_name: record.display_name.clone(),
        description: record.description.clone(),
        enabled: record.enabled,
        must_change_password: record.must_change_password,
        principal_ids: record.principal_ids.clone(),
        is_bootstrap_admin: record.is_bootstrap_admin,
        created: record.created.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            hash: Some(TokenHash::of(name, "secret")),
            enabled: true,
            expires_at: None,
            kind: TokenKind::Session,
            created: String::new(),
            cluster_name: String::new(),
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
    fn a_login_name_belongs_to_the_first_user_who_has_it() {
        let index = filled();
        index.apply_user(user("user-b", "admin", true));
        assert_eq!(index.user_id("admin").as_deref(), Some("user-a"));
        index.remove_user("user-a");
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
}
