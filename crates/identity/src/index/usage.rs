//! When tokens were used, and the sessions that nobody uses.
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jiff::Timestamp;

use super::{Index, Token, token_is_live};
use crate::token::TokenKind;

/// A moment that moves forward without a lock, in seconds; 0 is never.
#[derive(Default)]
pub(super) struct Moment(AtomicI64);

impl Moment {
    pub(super) fn advance(&self, to: Timestamp) {
        self.0.fetch_max(to.as_second(), Ordering::Relaxed);
    }
    pub(super) fn get(&self) -> Option<Timestamp> {
        let seconds = self.0.load(Ordering::Relaxed);
        (seconds > 0).then(|| Timestamp::from_second(seconds).ok()).flatten()
    }
}

impl Token {
    /// Whether it opens anything now. A session that nobody used for so many seconds does not.
    pub(super) fn is_live(&self, now: Timestamp, idle_ttl_seconds: i64) -> bool {
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

impl Index {
    /// Notes that the person behind a session did something. What a page does by itself is none of it.
    pub fn note_activity(&self, token: &str) {
        if let Some(token) = self.read().tokens.get(token) {
            token.last_active.advance(Timestamp::now());
        }
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

    pub(super) fn idle_ttl_seconds(&self) -> i64 {
        self.idle_ttl_seconds.load(Ordering::Relaxed)
    }
}
