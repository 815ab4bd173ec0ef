//! What this process has seen of each cluster since it started; the conditions in the store remember the rest.
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use grange_wire::RefusalCode;
use jiff::Timestamp;

use crate::probe::Probe;

/// Repeats of the same fetch or refusal within this many seconds change nothing that is shown.
const REPEAT_QUIET_SECONDS: i64 = 60;

/// A fetch of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetch {
    pub(crate) at: Timestamp,
    pub(crate) from: String,
    pub(crate) user_agent: String,
}

/// An agent that was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) at: Timestamp,
    pub(crate) from: String,
}

/// An agent that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) at: Timestamp,
    pub(crate) from: String,
    pub(crate) code: RefusalCode,
    /// For the admin; more than what the agent is told.
    pub(crate) reason: String,
}

/// Everything seen of one cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observation {
    pub(crate) fetch: Option<Fetch>,
    pub(crate) admitted: Option<Admitted>,
    /// The last refusal since the last admission.
    pub(crate) refused: Option<Refused>,
    pub(crate) probe: Option<Probe>,
}

/// Everything seen. Entries exist only for clusters that exist.
#[derive(Debug, Default)]
pub(crate) struct Observations(Mutex<HashMap<String, Observation>>);

impl Observations {
    pub(crate) fn of(&self, cluster: &str) -> Observation {
        self.lock().get(cluster).cloned().unwrap_or_default()
    }

    /// Notes a fetch; `false` when it tells nothing new.
    pub(crate) fn fetched(&self, cluster: &str, fetch: Fetch) -> bool {
        let mut all = self.lock();
        let seen = &mut all.entry(cluster.to_owned()).or_default().fetch;
        let repeat = seen.as_ref().is_some_and(|old| old.from == fetch.from && is_recent(old.at, fetch.at));
        if !repeat {
            *seen = Some(fetch);
        }
        !repeat
    }

    /// Notes an admission; it settles earlier refusals.
    pub(crate) fn admitted(&self, cluster: &str, admitted: Admitted) {
        let mut all = self.lock();
        let seen = all.entry(cluster.to_owned()).or_default();
        seen.admitted = Some(admitted);
        seen.refused = None;
    }

    /// Notes a refusal; `false` when it tells nothing new.
    pub(crate) fn refused(&self, cluster: &str, refused: Refused) -> bool {
        let mut all = self.lock();
        let seen = &mut all.entry(cluster.to_owned()).or_default().refused;
        let repeat = seen.as_ref().is_some_and(|old| {
            old.code == refused.code
                && old.from == refused.from
                && old.reason == refused.reason
                && is_recent(old.at, refused.at)
        });
        if !repeat {
            *seen = Some(refused);
        }
        !repeat
    }

    /// Notes a probe; `false` when it tells nothing new.
    pub(crate) fn probed(&self, cluster: &str, probe: Option<Probe>) -> bool {
        let mut all = self.lock();
        let seen = &mut all.entry(cluster.to_owned()).or_default().probe;
        let changed = *seen != probe;
        *seen = probe;
        changed
    }

    pub(crate) fn forget(&self, cluster: &str) {
        self.lock().remove(cluster);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Observation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_recent(old: Timestamp, new: Timestamp) -> bool {
    (new.as_second() - old.as_second()).abs() < REPEAT_QUIET_SECONDS
}
