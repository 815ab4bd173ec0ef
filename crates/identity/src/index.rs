//! Users and tokens in memory: the answer to "who presents this credential?" without a store access.
//!
//! INVARIANT: a token that was revoked here never becomes valid again, although the watch may still deliver its
//! older states: the uids of revoked tokens are remembered for a while.
use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::{
        Arc, RwLock,
        atomic::{AtomicI64, Ordering},
    },
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

/// A token as its owner sees it; nothing in it opens anything.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenSummary {
    /// The Token object's name.
    pub name: String,
    /// What it is for.
    pub kind: TokenKind,
    /// What its owner calls it.
    pub description: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was last shown, as far as this process and the object know.
    pub last_used_at: Option<Timestamp>,
    /// The one cluster it is for, or `""`.
    pub cluster_name: String,
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

/// A moment that moves forward without a lock, in seconds; 0 is never.
#[derive(Default)]
struct Moment(AtomicI64);

impl Moment {
    fn advance(&self, to: Timestamp) {
        self.0.fetch_max(to.as_second(), Ordering::Relaxed);
    }
    fn get(&self) -> Option<Timestamp> {
        let seconds = self.0.load(Ordering::Relaxed);
        (seconds > 0).then(|| Timestamp::from_second(seconds).ok()).flatten()
    }
}

impl Token {
    /// Whether it opens anything now. A session that nobody used for so many seconds does not.
    fn is_live(&self, now: Timestamp, idle_ttl_seconds: i64) -> bool {
        let is_idle = self.record.kind == TokenKind::Session
            && self.last_active.get().is_some_and(|at| now.as_second() - at.as_second() > idle_ttl_seconds);
        token_is_live(&self.record, now) && !is_idle
    }
}

/// When a token was used since the object last said so.
pub(crate) struct Usage {
    pub(crate) token: String,
    pub(crate) last_used_at: Timestamp,
    pub(crate) last_active_at: Option<Timestamp>,
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
        let user = state.users.get(&token.record.user_id).filter(|user| user.record.enabled)?;
        token.last_used.advance(now);
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
            && state
                .tokens
                .get(token)
                .is_some_and(|token| token.is_live(Timestamp::now(), self.idle_ttl_seconds()))
    }
    /// Notes that the person behind a session did something. What a page does by itself is none of it.
    pub fn note_activity(&self, token: &str) {
        if let Some(token) = self.read().tokens.get(token) {
            token.last_active.advance(Timestamp::now());
        }
    }
    /// A user's tokens, oldest first.
    pub fn tokens_of(&self, user_id: &str) -> Vec<TokenSummary> {
        let state = self.read();
        let mut own: Vec<TokenSummary> =
            state.tokens.values().filter(|token| token.record.user_id == user_id).map(summary).collect();
        own.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        own
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
    /// How long a session may lie idle, from now on.
    pub(crate) fn set_idle_ttl(&self, ttl: Duration) {
        self.idle_ttl_seconds.store(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
    /// Sessions that nobody used for too long.
    pub(crate) fn idle_sessions(&self, now: Timestamp) -> Vec<String> {
        let (state, idle_ttl) = (self.read(), self.idle_ttl_seconds());
        let is_idle = |token: &&Token| token_is_live(&token.record, now) && !token.is_live(now, idle_ttl);
        state.tokens.values().filter(is_idle).map(|token| token.record.name.clone()).collect()
    }
    /// Tokens whose objects are behind by `least` or more, `limit` of them at most.
    pub(crate) fn usage(&self, least: Duration, limit: usize) -> Vec<Usage> {
        let least = i64::try_from(least.as_secs()).unwrap_or(i64::MAX);
        let is_behind = |told: Option<Timestamp>, known: Option<Timestamp>| {
            known.is_some_and(|known| told.is_none_or(|told| known.as_second() - told.as_second() >= least))
        };
        let state = self.read();
        let behind = state.tokens.values().filter_map(|token| {
            let last_used_at = token.last_used.get()?;
            let is_session = token.record.kind == TokenKind::Session;
            let last_active_at = token.last_active.get().filter(|_| is_session);
            let is_due = is_behind(token.record.last_used_at, Some(last_used_at))
                || is_behind(token.record.last_active_at.or(token.record.created), last_active_at);
            is_due.then(|| Usage { token: token.record.name.clone(), last_used_at, last_active_at })
        });
        behind.take(limit).collect()
    }

    fn idle_ttl_seconds(&self) -> i64 {
        self.idle_ttl_seconds.load(Ordering::Relaxed)
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

fn summary(token: &Token) -> TokenSummary {
    let record = &token.record;
    TokenSummary {
        name: record.name.clone(),
        kind: record.kind,
        description: record.description.clone(),
        created: record.created,
        expires_at: record.expires_at,
        last_used_at: token.last_used.get(),
        cluster_name: record.cluster_name.clone(),
    }
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
mod tests;
