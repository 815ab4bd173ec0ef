//! What is seen of each cluster: events as they happen here, laid over what the objects remember.
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use grange_resources::management::{Contact, Registration};
use jiff::{SignedDuration, Timestamp};

use crate::probe::Probe;

/// Repeats of the same event within this time change nothing that is shown.
const REPEAT_QUIET: SignedDuration = SignedDuration::from_secs(60);
/// For how long after a fetch something else from a cluster's side is taken to belong to it.
const JOINING: SignedDuration = SignedDuration::from_mins(60);
/// With more candidates than this nobody can say whom an event concerns.
const MAX_CANDIDATES: usize = 5;

/// Everything seen of one cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observation {
    pub(crate) registration: Registration,
    pub(crate) probe: Option<Probe>,
    created: Option<Timestamp>,
}

/// One kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    ManifestFetched,
    ManifestRefused,
    CertificateRefused,
    ImageRefused,
    AgentTrouble,
    AgentRefused,
    AgentAdmitted,
}

impl Event {
    const ALL: [Event; 7] = [
        Event::ManifestFetched,
        Event::ManifestRefused,
        Event::CertificateRefused,
        Event::ImageRefused,
        Event::AgentTrouble,
        Event::AgentRefused,
        Event::AgentAdmitted,
    ];
    fn of(self, registration: &Registration) -> Option<&Contact> {
        match self {
            Event::ManifestFetched => registration.manifest_fetched.as_ref(),
            Event::ManifestRefused => registration.manifest_refused.as_ref(),
            Event::CertificateRefused => registration.certificate_refused.as_ref(),
            Event::ImageRefused => registration.image_refused.as_ref(),
            Event::AgentTrouble => registration.agent_trouble.as_ref(),
            Event::AgentRefused => registration.agent_refused.as_ref(),
            Event::AgentAdmitted => registration.agent_admitted.as_ref(),
        }
    }
    fn in_mut(self, registration: &mut Registration) -> &mut Option<Contact> {
        match self {
            Event::ManifestFetched => &mut registration.manifest_fetched,
            Event::ManifestRefused => &mut registration.manifest_refused,
            Event::CertificateRefused => &mut registration.certificate_refused,
            Event::ImageRefused => &mut registration.image_refused,
            Event::AgentTrouble => &mut registration.agent_trouble,
            Event::AgentRefused => &mut registration.agent_refused,
            Event::AgentAdmitted => &mut registration.agent_admitted,
        }
    }
}

/// Lays newer events over older ones.
pub(crate) fn overlay(base: &Registration, newer: &Registration) -> Registration {
    let mut result = base.clone();
    for event in Event::ALL {
        let old = event.of(base).map(|contact| contact.at);
        if let Some(contact) = event.of(newer).filter(|contact| old.is_none_or(|old| old <= contact.at)) {
            *event.in_mut(&mut result) = Some(contact.clone());
        }
    }
    if newer.clock_skew_seconds.is_some() {
        result.clock_skew_seconds = newer.clock_skew_seconds;
    }
    if newer.identity.is_some() {
        result.identity.clone_from(&newer.identity);
    }
    // They belong to the last admission, also when it tells of none.
    if result.agent_admitted == newer.agent_admitted && newer.agent_admitted.is_some() {
        result.past_troubles.clone_from(&newer.past_troubles);
    }
    result
}

/// Everything seen. Entries exist only for clusters that exist.
#[derive(Debug, Default)]
pub(crate) struct Observations(Mutex<HashMap<String, Observation>>);

impl Observations {
    pub(crate) fn of(&self, cluster: &str) -> Observation {
        self.lock().get(cluster).cloned().unwrap_or_default()
    }

    /// Takes in what the object remembers: after a start that is all there is.
    pub(crate) fn remember(&self, cluster: &str, created: Option<Timestamp>, stored: Option<&Registration>) {
        let mut all = self.lock();
        let seen = all.entry(cluster.to_owned()).or_default();
        seen.created = created;
        if let Some(stored) = stored {
            seen.registration = overlay(stored, &seen.registration);
        }
    }

    /// Notes an event; `false` when it tells nothing new.
    pub(crate) fn note(&self, cluster: &str, event: Event, contact: Contact) -> bool {
        let mut all = self.lock();
        let registration = &mut all.entry(cluster.to_owned()).or_default().registration;
        let last =
            Event::ALL.into_iter().filter_map(|event| event.of(registration)).map(|seen| seen.at).max();
        let seen = event.in_mut(registration);
        let is_repeat = seen.as_ref().is_some_and(|old| {
            let same = (&old.from, &old.reason, &old.detail, &old.identity)
                == (&contact.from, &contact.reason, &contact.detail, &contact.identity);
            // After something else it is news: an admission settles what came before, a fetch makes it old.
            same && last <= Some(old.at) && contact.at.duration_since(old.at).abs() < REPEAT_QUIET
        });
        if !is_repeat {
            *seen = Some(contact);
        }
        !is_repeat
    }

    /// Changes what else is known of a registration.
    pub(crate) fn amend(&self, cluster: &str, change: impl FnOnce(&mut Registration)) {
        change(&mut self.lock().entry(cluster.to_owned()).or_default().registration);
    }

    /// Notes a probe; `false` when it tells nothing new.
    pub(crate) fn probed(&self, cluster: &str, probe: Option<Probe>) -> bool {
        let mut all = self.lock();
        let seen = &mut all.entry(cluster.to_owned()).or_default().probe;
        let changed = *seen != probe;
        *seen = probe;
        changed
    }

    /// Whom something at `from` concerns, that does not say for which cluster it comes. Clusters whose manifest was
    /// fetched from there and whose agent has not come; if there are none, the only one that waits for its agent; if
    /// there is none either and `also_unfetched`, new ones that wait for everything.
    pub(crate) fn concerned(&self, from: IpAddr, now: Timestamp, also_unfetched: bool) -> Vec<String> {
        let all = self.lock();
        let from = from.to_string();
        let is_recent = |at: Timestamp| now.duration_since(at).abs() < JOINING;
        let joining: Vec<(&String, &Contact)> = all
            .iter()
            .filter_map(|(id, seen)| {
                let fetched = seen.registration.manifest_fetched.as_ref()?;
                let admitted = seen.registration.agent_admitted.as_ref();
                let waits = admitted.is_none_or(|admitted| admitted.at < fetched.at) && is_recent(fetched.at);
                waits.then_some((id, fetched))
            })
            .collect();
        let there: Vec<String> =
            joining.iter().filter(|(_, fetched)| fetched.from == from).map(|(id, _)| (*id).clone()).collect();
        let found = if !there.is_empty() {
            there
        } else if joining.len() == 1 {
            vec![joining[0].0.clone()]
        } else if also_unfetched {
            let is_new = |seen: &Observation| {
                seen.registration.manifest_fetched.is_none()
                    && seen.registration.agent_admitted.is_none()
                    && seen.created.is_some_and(is_recent)
            };
            all.iter().filter(|(_, seen)| is_new(seen)).map(|(id, _)| id.clone()).collect()
        } else {
            Vec::new()
        };
        if found.len() > MAX_CANDIDATES { Vec::new() } else { found }
    }

    pub(crate) fn forget(&self, cluster: &str) {
        self.lock().remove(cluster);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Observation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event now.
pub(crate) fn contact(from: &str) -> Contact {
    Contact { at: now(), from: from.to_owned(), reason: None, detail: None, identity: None }
}

/// Now, as finely as it is kept.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-23T{text}Z").parse().unwrap()
    }
    fn event(time: &str, from: &str) -> Contact {
        Contact { at: at(time), ..contact(from) }
    }

    #[test]
    fn newer_events_win_whichever_side_they_are_on() {
        let stored = Registration {
            manifest_fetched: Some(event("06:00:00", "10.0.0.7")),
            agent_refused: Some(event("06:05:00", "10.0.0.7")),
            identity: Some("aa".into()),
            ..Registration::default()
        };
        let seen = Registration {
            manifest_fetched: Some(event("06:10:00", "10.0.0.8")),
            agent_refused: Some(event("06:01:00", "10.0.0.9")),
            clock_skew_seconds: Some(3),
            ..Registration::default()
        };
        let result = overlay(&stored, &seen);
        assert_eq!(result.manifest_fetched.unwrap().from, "10.0.0.8");
        assert_eq!(result.agent_refused.unwrap().from, "10.0.0.7");
        assert_eq!((result.clock_skew_seconds, result.identity.as_deref()), (Some(3), Some("aa")));
    }

    #[test]
    fn repeats_are_quiet_for_a_while() {
        let all = Observations::default();
        let fetched = |time: &str, from: &str| all.note("c-m-a", Event::ManifestFetched, event(time, from));
        assert!(fetched("06:00:00", "10.0.0.7"));
        assert!(!fetched("06:00:10", "10.0.0.7"));
        assert!(fetched("06:00:20", "10.0.0.8"));
        assert!(fetched("06:02:00", "10.0.0.8"));
    }

    #[test]
    fn what_names_no_cluster_is_taken_to_be_of_those_that_wait_there() {
        let all = Observations::default();
        let from = |text: &str| text.parse::<IpAddr>().unwrap();
        let ask = |address: &str, also_unfetched| {
            let mut found = all.concerned(from(address), at("06:10:00"), also_unfetched);
            found.sort();
            found
        };
        all.remember("c-m-new", Some(at("06:00:00")), None);
        all.remember("c-m-old", Some(at("01:00:00")), None);
        assert_eq!(ask("10.0.0.7", true), ["c-m-new"]);
        assert_eq!(ask("10.0.0.7", false), [""; 0]);
        all.note("c-m-a", Event::ManifestFetched, event("06:05:00", "10.0.0.7"));
        assert_eq!(ask("10.0.0.7", true), ["c-m-a"]);
        assert_eq!(ask("10.0.0.99", false), ["c-m-a"], "another node of the only one that waits");
        all.note("c-m-b", Event::ManifestFetched, event("06:06:00", "10.0.0.8"));
        assert_eq!(ask("10.0.0.99", false), [""; 0], "nobody can say which");
        assert_eq!(ask("10.0.0.8", false), ["c-m-b"]);
        all.note("c-m-b", Event::AgentAdmitted, event("06:07:00", "10.0.0.8"));
        assert_eq!(ask("10.0.0.8", false), ["c-m-a"], "b has what it wants");
        all.note("c-m-a", Event::ManifestFetched, event("04:00:00", "10.0.0.7"));
        assert_eq!(ask("10.0.0.7", false), [""; 0], "that was long ago");
    }
}
