//! Which of several servers runs the controllers: whoever holds a Lease, as the controllers of Kubernetes settle it.
//!
//! A holder renews; who sees no renewal for the lease's whole length takes over. Only the observer's own clock counts:
//! what matters is for how long it has seen the same record. A holder that cannot renew stops before others may start.
use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{Api, Client, api::PostParams};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// The Lease, in the namespace that Kubernetes keeps its own in.
pub(crate) const NAMESPACE: &str = "kube-system";
const NAME: &str = "grange-controllers";
/// Unrenewed for so long, a lease is free.
const LEASE: Duration = Duration::from_secs(15);
/// A holder that could not renew for so long stops.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// The pause between two attempts.
const RETRY: Duration = Duration::from_secs(2);
/// How long a stopping holder tries to give the lease back.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// One server that would run the controllers.
pub(crate) struct Candidate {
    api: Api<Lease>,
    identity: String,
    leading: watch::Sender<bool>,
    /// The record last seen, and when it was first seen so.
    seen: Option<(LeaseSpec, Instant)>,
}

impl Candidate {
    pub(crate) fn new(client: Client, identity: String, leading: watch::Sender<bool>) -> Self {
        Candidate { api: Api::namespaced(client, NAMESPACE), identity, leading, seen: None }
    }

    /// Runs until `stop`, then gives the lease back.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let cancelled = stop.cancelled_owned();
        tokio::select! {
            () = cancelled => {}
            () = self.campaign() => {}
        }
        let was_leading = self.leading.send_replace(false);
        if was_leading {
            // Without it, the next holder waits until the lease runs out.
            let _ = tokio::time::timeout(RELEASE_TIMEOUT, self.release()).await;
        }
    }

    async fn campaign(&mut self) {
        loop {
            while !self.try_to_hold().await {
                sleep(RETRY).await;
            }
            tracing::info!(identity = self.identity, "this server runs the controllers now");
            self.leading.send_replace(true);
            self.renew().await;
            self.leading.send_replace(false);
            tracing::warn!(identity = self.identity, "this server runs the controllers no longer");
        }
    }

    /// Returns when the lease is lost or could not be renewed in time.
    async fn renew(&mut self) {
        let mut deadline = Instant::now() + RENEW_DEADLINE;
        loop {
            sleep(RETRY).await;
            let begun = Instant::now();
            match timeout_at(deadline, self.try_to_hold()).await {
                Ok(true) => deadline = begun + RENEW_DEADLINE,
                Ok(false) if self.is_held_by_another() => return,
                Ok(false) => {}
                Err(_) => return,
            }
            if Instant::now() >= deadline {
                return;
            }
        }
    }

    fn is_held_by_another(&self) -> bool {
        let holder = self.seen.as_ref().and_then(|(seen, _)| seen.holder_identity.as_deref());
        holder.is_some_and(|holder| !holder.is_empty() && holder != self.identity)
    }

    /// Takes or renews the lease; `false` when another holds it, or when it cannot be told.
    async fn try_to_hold(&mut self) -> bool {
        match self.attempt().await {
            Ok(is_held) => is_held,
            Err(error) => {
                tracing::debug!(%error, "the controllers' lease");
                false
            }
        }
    }

    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let now = Timestamp::now();
        let Some(mut lease) = self.api.get_opt(NAME).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() },
                spec: Some(held(&LeaseSpec::default(), &self.identity, now)),
            };
            let made = self.api.create(&PostParams::default(), &lease).await?;
            self.see(made.spec.unwrap_or_default());
            return Ok(true);
        };
        let spec = lease.spec.take().unwrap_or_default();
        let unchanged = self.see(spec.clone());
        if !is_free(&spec, &self.identity, unchanged) {
            return Ok(false);
        }
        lease.spec = Some(held(&spec, &self.identity, now));
        // With the revision that was read: of two that try, one fails.
        let written = self.api.replace(NAME, &PostParams::default(), &lease).await?;
        self.see(written.spec.unwrap_or_default());
        Ok(true)
    }

    /// Notes what the record says; for how long it has said so.
    fn see(&mut self, spec: LeaseSpec) -> Duration {
        match &self.seen {
            Some((seen, since)) if *seen == spec => since.elapsed(),
            _ => {
                self.seen = Some((spec, Instant::now()));
                Duration::ZERO
            }
        }
    }

    async fn release(&self) {
        let Ok(Some(mut lease)) = self.api.get_opt(NAME).await else { return };
        let Some(spec) = lease.spec.as_mut() else { return };
        if spec.holder_identity.as_deref() == Some(&*self.identity) {
            spec.holder_identity = Some(String::new());
            spec.renew_time = Some(MicroTime(Timestamp::now()));
            let _ = self.api.replace(NAME, &PostParams::default(), &lease).await;
        }
    }
}

/// Whether the candidate may hold the lease: nobody does, it does, or who does has not renewed for its length.
fn is_free(spec: &LeaseSpec, identity: &str, unchanged: Duration) -> bool {
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    let length = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    holder.is_empty() || holder == identity || unchanged >= length.map_or(LEASE, Duration::from_secs)
}

/// The record of a holder, after `before`.
fn held(before: &LeaseSpec, identity: &str, now: Timestamp) -> LeaseSpec {
    let is_ours = before.holder_identity.as_deref() == Some(identity);
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
        acquire_time: if is_ours { before.acquire_time.clone() } else { Some(MicroTime(now)) },
        renew_time: Some(MicroTime(now)),
        lease_transitions: match before.lease_transitions {
            None => Some(0),
            transitions if is_ours => transitions,
            Some(transitions) => Some(transitions.saturating_add(1)),
        },
        ..LeaseSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_free_for_its_holder_and_when_it_was_not_renewed() {
        let now = Timestamp::now();
        let first = held(&LeaseSpec::default(), "a", now);
        assert!(is_free(&LeaseSpec::default(), "a", Duration::ZERO));
        assert!(is_free(&first, "a", Duration::ZERO));
        assert!(!is_free(&first, "b", Duration::ZERO));
        assert!(!is_free(&first, "b", LEASE - Duration::from_secs(1)));
        assert!(is_free(&first, "b", LEASE));
        // Another's lease may be longer than ours.
        let longer = LeaseSpec { lease_duration_seconds: Some(60), ..first };
        assert!(!is_free(&longer, "b", LEASE));
    }

    #[test]
    fn a_change_of_holder_is_counted_and_a_renewal_is_not() {
        let (then, now) = (Timestamp::UNIX_EPOCH, Timestamp::now());
        let first = held(&LeaseSpec::default(), "a", then);
        assert_eq!((first.lease_transitions, first.lease_duration_seconds), (Some(0), Some(15)));
        let renewed = held(&first, "a", now);
        assert_eq!((renewed.lease_transitions, &renewed.acquire_time), (Some(0), &first.acquire_time));
        assert_eq!(renewed.renew_time, Some(MicroTime(now)));
        let taken = held(&renewed, "b", now);
        assert_eq!((taken.lease_transitions, taken.acquire_time), (Some(1), Some(MicroTime(now))));
    }
}
