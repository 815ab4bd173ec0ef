//! Which servers that share the state are alive: each renews a Lease of its own, as the API servers of Kubernetes do.
//!
//! Only the observer's own clock counts: a server lives as long as its Lease was seen to change a short while ago.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions},
};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::leader::NAMESPACE;

/// The label of these Leases.
const LABEL: &str = "servers.grange/alive";
/// The pause between two renewals.
const RENEW: Duration = Duration::from_secs(5);
/// Unrenewed for so long, a server counts as gone.
const LEASE: Duration = Duration::from_secs(20);
/// Unrenewed for so long, its Lease is removed.
const FORGET: Duration = Duration::from_secs(600);
/// The longest look; then the store counts as away.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a stopping server tries to take its Lease back.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// Who owns the fields.
const MANAGER: &str = "grange";

/// This server among them.
pub(crate) struct Member {
    api: Api<Lease>,
    name: String,
    identity: String,
    alive: watch::Sender<Arc<BTreeSet<String>>>,
    seen: Sightings,
}

impl Member {
    /// `id` tells this run of this server from every other, and `identity` says it to people.
    pub(crate) fn new(client: Client, id: &uuid::Uuid, identity: String) -> Self {
        let alive = watch::Sender::new(Arc::new(BTreeSet::from([identity.clone()])));
        Member {
            api: Api::namespaced(client, NAMESPACE),
            name: format!("grange-server-{id}"),
            identity,
            alive,
            seen: Sightings::default(),
        }
    }

    pub(crate) fn alive(&self) -> watch::Receiver<Arc<BTreeSet<String>>> {
        self.alive.subscribe()
    }

    /// Says that this server lives, and looks who else does.
    pub(crate) async fn look(&mut self) -> anyhow::Result<()> {
        let looked = tokio::time::timeout(LOOK_TIMEOUT, self.renew_and_list()).await;
        let leases = match looked.map_err(anyhow::Error::from).and_then(|read| Ok(read?)) {
            Ok(leases) => leases,
            Err(error) => {
                self.seen.pause(Instant::now());
                return Err(error);
            }
        };
        let alive = self.seen.look(leases.iter().filter_map(Sighting::of), Instant::now());
        self.alive.send_if_modified(|before| {
            let differs = **before != alive;
            *before = Arc::new(alive);
            differs
        });
        self.remove_forgotten().await;
        Ok(())
    }

    /// Runs until `stop`, then takes the Lease back.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let cancelled = stop.cancelled_owned();
        let renewing = async {
            loop {
                tokio::time::sleep(RENEW).await;
                if let Err(error) = self.look().await {
                    tracing::debug!(%error, "the leases of servers");
                }
            }
        };
        tokio::select! {
            () = cancelled => {}
            () = renewing => {}
        }
        let params = DeleteParams::default();
        let _ = tokio::time::timeout(RELEASE_TIMEOUT, self.api.delete(&self.name, &params)).await;
    }

    async fn renew_and_list(&self) -> Result<Vec<Lease>, kube::Error> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some(BTreeMap::from([(LABEL.to_owned(), String::new())])),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
                renew_time: Some(MicroTime(Timestamp::now())),
                ..LeaseSpec::default()
            }),
        };
        let params = PatchParams::apply(MANAGER).force();
        self.api.patch(&self.name, &params, &Patch::Apply(&lease)).await?;
        Ok(self.api.list(&ListParams::default().labels(LABEL)).await?.items)
    }

    /// Whichever server comes first removes what servers left that could not do it themselves.
    async fn remove_forgotten(&self) {
        for (name, version) in self.seen.forgotten(Instant::now()) {
            let unchanged = Preconditions { resource_version: Some(version), uid: None };
            let params = DeleteParams { preconditions: Some(unchanged), ..DeleteParams::default() };
            if let Err(error) = self.api.delete(&name, &params).await {
                tracing::debug!(%error, lease = name, "an old lease of a server");
            }
        }
    }
}

/// A Lease as it was read.
struct Sighting {
    name: String,
    identity: String,
    version: String,
}

impl Sighting {
    fn of(lease: &Lease) -> Option<Self> {
        Some(Sighting {
            name: lease.metadata.name.clone()?,
            identity: lease.spec.as_ref()?.holder_identity.clone()?,
            version: lease.metadata.resource_version.clone()?,
        })
    }
}

/// A Lease, when it was first seen to be as it is, and whether its server counts as alive.
struct Seen {
    sighting: Sighting,
    since: Instant,
    is_alive: bool,
}

/// The Leases by name.
#[derive(Default)]
struct Sightings(BTreeMap<String, Seen>);

impl Sightings {
    /// Who lives, with what was read now.
    fn look(&mut self, read: impl Iterator<Item = Sighting>, now: Instant) -> BTreeSet<String> {
        let mut before = std::mem::take(&mut self.0);
        for sighting in read {
            let old = before.remove(&sighting.name);
            let since =
                old.filter(|old| old.sighting.version == sighting.version).map_or(now, |old| old.since);
            let is_alive = now.duration_since(since) < LEASE;
            self.0.insert(sighting.name.clone(), Seen { sighting, since, is_alive });
        }
        let alive = self.0.values().filter(|seen| seen.is_alive);
        alive.map(|seen| seen.sighting.identity.clone()).collect()
    }

    /// Nothing can be read now: who cannot be looked at is not gone.
    fn pause(&mut self, now: Instant) {
        for seen in self.0.values_mut().filter(|seen| seen.is_alive) {
            seen.since = now;
        }
    }

    fn forgotten(&self, now: Instant) -> Vec<(String, String)> {
        let old = self.0.values().filter(|seen| now.duration_since(seen.since) >= FORGET);
        old.map(|seen| (seen.sighting.name.clone(), seen.sighting.version.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(name: &str, version: u32) -> Sighting {
        Sighting { name: name.into(), identity: format!("host_{name}"), version: version.to_string() }
    }

    fn names(alive: &BTreeSet<String>) -> Vec<&str> {
        alive.iter().map(String::as_str).collect()
    }

    #[test]
    fn a_server_lives_while_its_lease_changes() {
        let mut seen = Sightings::default();
        let start = Instant::now();
        let alive = seen.look([lease("a", 1), lease("b", 1)].into_iter(), start);
        assert_eq!(names(&alive), ["host_a", "host_b"]);
        let later = start + LEASE;
        let alive = seen.look([lease("a", 2), lease("b", 1)].into_iter(), later);
        assert_eq!(names(&alive), ["host_a"], "b did not renew");
        let alive = seen.look([lease("a", 2), lease("b", 2)].into_iter(), later);
        assert_eq!(names(&alive), ["host_a", "host_b"], "b is back");
        let alive = seen.look([lease("b", 2)].into_iter(), later);
        assert_eq!(names(&alive), ["host_b"], "a took its lease back");
    }

    #[test]
    fn nobody_is_gone_because_nothing_could_be_read() {
        let mut seen = Sightings::default();
        let start = Instant::now();
        seen.look([lease("a", 1), lease("dead", 1)].into_iter(), start);
        seen.look([lease("a", 2), lease("dead", 1)].into_iter(), start + LEASE);
        let mut now = start + LEASE;
        for _ in 0..20 {
            now += LEASE;
            seen.pause(now);
        }
        let alive = seen.look([lease("a", 2), lease("dead", 1)].into_iter(), now + RENEW);
        assert_eq!(names(&alive), ["host_a"], "who was gone before stays so");
    }

    #[test]
    fn what_was_not_renewed_for_long_is_removed() {
        let mut seen = Sightings::default();
        let start = Instant::now();
        seen.look([lease("a", 1)].into_iter(), start);
        assert!(seen.forgotten(start + LEASE).is_empty());
        assert_eq!(seen.forgotten(start + FORGET), [("a".to_owned(), "1".to_owned())]);
    }
}
