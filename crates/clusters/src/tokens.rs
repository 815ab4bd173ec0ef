//! Registration tokens: which cluster a token is for, and whether a token is one of a cluster's.
//!
//! Tokens are compared as SHA-256 digests in constant time, so neither how much of a guess is right nor whether a
//! cluster exists can be read from how long the answer takes.
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use grange_resources::management::ClusterRegistrationToken;
use jiff::{SignedDuration, Timestamp};
use kube::{Api, api::ListParams};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Notify;

use crate::{Error, service::Context};

/// How long a token that the watch has not seen yet is waited for.
const INDEX_WAIT: Duration = Duration::from_millis(300);
/// More tokens than a cluster ever needs; the rest is not looked at.
pub(crate) const MAX_TOKENS_PER_CLUSTER: u32 = 100;

type TokenHash = [u8; 32];

/// From a token's hash to its cluster, fed by a watch.
#[derive(Debug, Default)]
pub(crate) struct TokenIndex {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    by_hash: HashMap<TokenHash, Entry>,
    /// `namespace/name` to hash, for updates and deletions.
    by_object: HashMap<String, TokenHash>,
}

#[derive(Clone, Debug)]
struct Entry {
    cluster: String,
    valid_until: Option<Timestamp>,
}

impl TokenIndex {
    pub(crate) fn put(&self, object: &ClusterRegistrationToken) {
        let Some(token) = token_of(object) else { return };
        let key = object_key(object);
        let hash = hash(token);
        {
            let mut state = self.lock();
            if let Some(old) = state.by_object.insert(key, hash)
                && old != hash
            {
                state.by_hash.remove(&old);
            }
            let entry = Entry { cluster: object.spec.cluster_name.clone(), valid_until: valid_until(object) };
            state.by_hash.insert(hash, entry);
        }
        self.changed.notify_waiters();
    }

    pub(crate) fn remove(&self, object: &ClusterRegistrationToken) {
        let mut state = self.lock();
        if let Some(hash) = state.by_object.remove(&object_key(object)) {
            state.by_hash.remove(&hash);
        }
    }

    /// Drops everything that a new full list does not have.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut state = self.lock();
        let gone: Vec<String> = state.by_object.keys().filter(|key| !keep(key)).cloned().collect();
        for key in gone {
            if let Some(hash) = state.by_object.remove(&key) {
                state.by_hash.remove(&hash);
            }
        }
    }

    fn cluster_of(&self, token: &str, now: Timestamp) -> Option<String> {
        self.cluster_of_digest(&hash(token), now)
    }

    /// The same by the token's SHA-256 in hexadecimal.
    pub(crate) fn cluster_of_hash(&self, hexadecimal: &str, now: Timestamp) -> Option<String> {
        let mut digest = TokenHash::default();
        if hexadecimal.len() != 2 * digest.len() || !hexadecimal.is_ascii() {
            return None;
        }
        for (index, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hexadecimal[2 * index..2 * index + 2], 16).ok()?;
        }
        self.cluster_of_digest(&digest, now)
    }

    fn cluster_of_digest(&self, digest: &TokenHash, now: Timestamp) -> Option<String> {
        let state = self.lock();
        let entry = state.by_hash.get(digest)?;
        entry.valid_until.is_none_or(|end| now < end).then(|| entry.cluster.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Context {
    /// The cluster that a token lets in. A token made a moment ago is found too.
    pub(crate) async fn cluster_of_token(
        &self,
        token: &str,
        named: Option<&str>,
    ) -> Result<Option<String>, Error> {
        if let Some(named) = named
            && self.is_token_of(token, named).await?
        {
            return Ok(Some(named.to_owned()));
        }
        let found = || self.tokens.cluster_of(token, Timestamp::now());
        let changed = self.tokens.changed.notified();
        if let Some(cluster) = found() {
            return Ok(Some(cluster));
        }
        let _ = tokio::time::timeout(INDEX_WAIT, changed).await;
        Ok(found())
    }

    /// Whether the token is one of this cluster's, read from the store itself.
    pub(crate) async fn is_token_of(&self, token: &str, cluster: &str) -> Result<bool, Error> {
        let api: Api<ClusterRegistrationToken> = Api::namespaced(self.client(), cluster);
        let list = api.list(&ListParams::default().limit(MAX_TOKENS_PER_CLUSTER)).await?;
        let now = Timestamp::now();
        let given = hash(token);
        // Compared against at least one value, whether or not there is one.
        let mut matches = given.ct_eq(&[0; 32]);
        for object in &list {
            let is_valid = valid_until(object).is_none_or(|end| now < end);
            let own = object.spec.cluster_name == cluster && object.metadata.deletion_timestamp.is_none();
            if let Some(token) = token_of(object).filter(|_| is_valid && own) {
                matches |= given.ct_eq(&hash(token));
            }
        }
        Ok(matches.into())
    }
}

pub(crate) fn object_key(object: &ClusterRegistrationToken) -> String {
    let metadata = &object.metadata;
    format!(
        "{}/{}",
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default()
    )
}

pub(crate) fn token_of(object: &ClusterRegistrationToken) -> Option<&str> {
    object.status.as_ref()?.token.as_deref().filter(|token| token.len() >= crate::id::TOKEN_SYMBOLS)
}

/// The end of a token's life, its grace period included.
fn valid_until(object: &ClusterRegistrationToken) -> Option<Timestamp> {
    let expires: Timestamp = object.status.as_ref()?.expires_at.as_deref()?.parse().ok()?;
    let grace = SignedDuration::from_mins(object.spec.grace_period.unwrap_or(0).max(0));
    Some(expires.checked_add(grace).unwrap_or(expires))
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, token: &str, expires_at: Option<&str>) -> ClusterRegistrationToken {
        serde_json::from_value(json!({
            "apiVersion": "management.cattle.io/v3", "kind": "ClusterRegistrationToken",
            "metadata": {"name": name, "namespace": "c-m-abcdefgh"},
            "spec": {"clusterName": "c-m-abcdefgh", "gracePeriod": 60},
            "status": {"token": token, "expiresAt": expires_at}
        }))
        .unwrap()
    }

    #[test]
    fn a_token_leads_to_its_cluster_for_as_long_as_it_lives() {
        let index = TokenIndex::default();
        let (first, second) = ("a".repeat(54), "b".repeat(54));
        index.put(&object("default-token", &first, Some("2026-11-23T06:00:00Z")));
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(index.cluster_of(&first, at("2026-11-23T06:59:00Z")).as_deref(), Some("c-m-abcdefgh"));
        assert_eq!(index.cluster_of(&first, at("2026-11-23T07:01:00Z")), None, "grace is over");
        index.put(&object("default-token", &second, None));
        assert_eq!(index.cluster_of(&first, at("2026-11-23T06:00:00Z")), None, "rotated");
        assert!(index.cluster_of(&second, at("2036-11-23T06:00:00Z")).is_some());
        index.remove(&object("default-token", &second, None));
        assert_eq!(index.cluster_of(&second, at("2026-11-23T06:00:00Z")), None);
    }

    #[test]
    fn an_empty_or_short_token_is_none() {
        let index = TokenIndex::default();
        index.put(&object("default-token", "", None));
        index.put(&object("other", "short", None));
        assert_eq!(index.cluster_of("", Timestamp::now()), None);
        assert_eq!(index.cluster_of("short", Timestamp::now()), None);
    }
}
