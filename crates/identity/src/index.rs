//! Users and tokens in memory: the answer to "who presents this credential?" without a store access.
//!
//! INVARIANT: a token that was revoked here never becomes valid again, although the watch may still deliver its
//! older states: the uids of revoked tokens are remembered for a while.
use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::{Arc, RwLock, atomic::AtomicI64},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use grange_apimachinery::Status;
use grange_apiserver::{TokenAuthenticator, UserInfo};
use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::{
    TokenSummary, UserProfile,
    objects::{TokenRecord, UserRecord},
    token::{Presented, TokenHash, TokenKind},
};

mod usage;

use usage::Moment;
pub(crate) use usage::Usage;

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

struct User {
    record: UserRecord,
    id: Arc<str>,
}

struct Token {
    record: TokenRecord,
    name: Arc<str>,
    cluster_name: Arc<str>,
    local_until: Option<Instant>,
    last_used: Moment,
    last_active: Moment,
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
    idle_ttl_seconds: AtomicI64,
}

impl Default for Index {
    fn default() -> Self {
        Index {
            state: RwLock::default(),
            revoked: broadcast::channel(REVOCATION_BACKLOG).0,
            idle_ttl_seconds: AtomicI64::new(i64::MAX),
        }
    }
}

impl Index {
    /// Who presents `name:secret`; `None` for anything unknown, wrong, expired or disabled.
    pub fn authenticate(&self, credential: &str) -> Option<Identity> {
        let presented = Presented::parse(credential)?;
        let hash = TokenHash::of(presented.name, presented.secret);
        let state = self.read();
        let token = state.tokens.get(presented.name)?;
        let now = Timestamp::now();
        if !token.record.hash?.matches(&hash) || !token.is_live(now, self.idle_ttl_seconds()) {
            return None;
        }
        let user =
            state.users.get(&token.record.user_id).filter(|user| may_use(&user.record, &token.record))?;
        token.last_used.advance(now);
        Some(Identity {
            user: user.record.info(&token.record.name),
            token: token.name.clone(),
            user_id: user.id.clone(),
            kind: token.record.kind,
            cluster_name: token.cluster_name.clone(),
        })
    }
    /// Whether a stream that was opened with this token may stay open.
    pub fn is_live(&self, token: &str, user_id: &str) -> bool {
        let state = self.read();
        let (Some(user), Some(token)) = (state.users.get(user_id), state.tokens.get(token)) else {
            return false;
        };
        may_use(&user.record, &token.record) && token.is_live(Timestamp::now(), self.idle_ttl_seconds())
    }
    /// A user's tokens, oldest first.
    pub fn tokens_of(&self, user_id: &str) -> Vec<TokenSummary> {
        let state = self.read();
        let mut own: Vec<TokenSummary> = state
            .tokens
            .values()
            .filter(|token| token.record.user_id == user_id)
            .map(|token| token.record.summary(token.last_used.get()))
            .collect();
        own.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        own
    }
    /// Revocations from now on. After [`broadcast::error::RecvError::Lagged`] ask [`Index::is_live`] for everything held.
    pub fn revocations(&self) -> broadcast::Receiver<Revoked> {
        self.revoked.subscribe()
    }
    /// A user by id.
    pub fn user(&self, id: &str) -> Option<UserProfile> {
        self.read().users.get(id).map(|user| user.record.profile())
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
        let old = state.users.get(&record.name).map(|old| &old.record);
        let was_enabled = old.is_some_and(|old| old.enabled);
        let old_username = old.map(|old| old.username.clone()).filter(|old| *old != record.username);
        // The same name and another uid: the old user is gone, whatever the watch has shown of that.
        let is_namesake = old.is_some_and(|old| old.uid != record.uid);
        if let Some(old_username) = old_username {
            release_username(&mut state, &old_username, &record.name);
        }
        // The oldest user of a login name has it, in whatever order a restarted server hears of them.
        let holder = state.ids_by_username.get(&record.username).and_then(|id| state.users.get(id));
        if !record.username.is_empty() && holder.is_none_or(|holder| record.created < holder.record.created) {
            state.ids_by_username.insert(record.username.clone(), record.name.clone());
        }
        let is_revoked = was_enabled && (!record.enabled || is_namesake);
        state.users.insert(record.name.clone(), User { record, id: id.clone() });
        drop(state);
        if is_revoked {
            self.announce(Revoked::User(id));
        }
    }
    pub(crate) fn remove_user(&self, name: &str) {
        let mut state = self.write();
        let Some(user) = state.users.remove(name) else { return };
        release_username(&mut state, &user.record.username, name);
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
        let (last_used, last_active) = (Moment::default(), Moment::default());
        let mut was_live = false;
        if let Some(old) = state.tokens.get(&record.name) {
            was_live = token_is_live(&old.record, now);
            old.last_used.get().into_iter().for_each(|at| last_used.advance(at));
            old.last_active.get().into_iter().for_each(|at| last_active.advance(at));
        }
        record.last_used_at.into_iter().for_each(|at| last_used.advance(at));
        // A session begins with its login.
        record.last_active_at.or(record.created).into_iter().for_each(|at| last_active.advance(at));
        let is_live = token_is_live(&record, now);
        forget_expiry(&mut state, &record.name);
        if let Some(expires_at) = record.expires_at {
            state.expiries.insert((expires_at, record.name.clone()));
        }
        let cluster_name = record.cluster_name.as_str().into();
        let local_until = is_local.then(|| Instant::now() + LOCAL_GRACE);
        state.tokens.insert(
            record.name.clone(),
            Token { record, name: name.clone(), cluster_name, local_until, last_used, last_active },
        );
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
        let sessions = self.tokens_of(user_id).into_iter().filter(|token| token.kind == TokenKind::Session);
        sessions.map(|token| token.name).collect()
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

/// Whether the user may log in and is the one for whom the token was made, not a later one of the same name.
fn may_use(user: &UserRecord, token: &TokenRecord) -> bool {
    user.enabled && (token.user_uid.is_empty() || token.user_uid == user.uid)
}

fn token_is_live(record: &TokenRecord, now: Timestamp) -> bool {
    record.enabled && record.hash.is_some() && record.expires_at.is_none_or(|at| at > now)
}

/// Gives the login name that `holder` had, if it had it, to the oldest other user who bears it.
fn release_username(state: &mut State, username: &str, holder: &str) {
    if state.ids_by_username.get(username).is_none_or(|id| id != holder) {
        return;
    }
    state.ids_by_username.remove(username);
    let bearers = state.users.values().map(|user| &user.record);
    let others = bearers.filter(|user| user.name != holder && user.username == username);
    if let Some(heir) = others.min_by(|a, b| a.created.cmp(&b.created)).map(|heir| heir.name.clone()) {
        state.ids_by_username.insert(username.to_owned(), heir);
    }
}

fn forget_expiry(state: &mut State, name: &str) {
    if let Some(at) = state.tokens.get(name).and_then(|token| token.record.expires_at) {
        state.expiries.remove(&(at, name.to_owned()));
    }
}

#[cfg(test)]
mod tests;
