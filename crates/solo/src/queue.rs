//! The work queue of a controller and the loop that empties it: one key at a time, each key at most once in the
//! queue, failures retried with growing gaps.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    fmt::{Debug, Display},
    hash::Hash,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio::{sync::Notify, time::Instant};

/// Growing gaps between the attempts at one key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// The first gap; each further one is twice as long.
    pub(crate) first: Duration,
    /// The longest gap.
    pub(crate) longest: Duration,
}

impl Backoff {
    /// What controllers of a cluster use (client-go's rate limiter).
    pub(crate) const CONTROLLER: Backoff =
        Backoff { first: Duration::from_millis(5), longest: Duration::from_secs(30) };

    /// The gap after so many failures in a row.
    pub(crate) fn gap(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(32);
        self.first.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(self.longest)
    }
}

/// What a queue's keys must be.
pub(crate) trait QueueKey: Clone + Ord + Hash + Debug + Display + Send + Sync + 'static {}
impl<T: Clone + Ord + Hash + Debug + Display + Send + Sync + 'static> QueueKey for T {}

/// The queue; clones share it.
pub(crate) struct Queue<K> {
    shared: Arc<Shared<K>>,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Queue { shared: self.shared.clone() }
    }
}

struct Shared<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

struct State<K> {
    ready: VecDeque<K>,
    ready_set: HashSet<K>,
    /// INVARIANT: `when` and `later` hold the same pairs.
    later: BTreeSet<(Instant, K)>,
    when: HashMap<K, Instant>,
}

impl<K: QueueKey> Queue<K> {
    pub(crate) fn new() -> Self {
        let state = State {
            ready: VecDeque::new(),
            ready_set: HashSet::new(),
            later: BTreeSet::new(),
            when: HashMap::new(),
        };
        Queue { shared: Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }) }
    }

    /// Wants the key looked at now.
    pub(crate) fn add(&self, key: K) {
        self.lock().make_ready(key);
        self.shared.changed.notify_one();
    }

    /// Wants the key looked at after a while, unless it is to be looked at sooner.
    pub(crate) fn add_after(&self, key: K, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        let mut state = self.lock();
        let when = Instant::now() + delay;
        if state.ready_set.contains(&key) || state.when.get(&key).is_some_and(|present| *present <= when) {
            return;
        }
        if let Some(present) = state.when.insert(key.clone(), when) {
            state.later.remove(&(present, key.clone()));
        }
        state.later.insert((when, key));
        drop(state);
        self.shared.changed.notify_one();
    }

    /// The next key whose time has come.
    pub(crate) async fn next(&self) -> K {
        loop {
            let wake = {
                let mut state = self.lock();
                state.collect_due(Instant::now());
                if let Some(key) = state.ready.pop_front() {
                    state.ready_set.remove(&key);
                    return key;
                }
                state.later.first().map(|(when, _)| *when)
            };
            match wake {
                Some(when) => tokio::select! {
                    () = tokio::time::sleep_until(when) => {}
                    () = self.shared.changed.notified() => {}
                },
                None => self.shared.changed.notified().await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: QueueKey> State<K> {
    fn make_ready(&mut self, key: K) {
        if let Some(when) = self.when.remove(&key) {
            self.later.remove(&(when, key.clone()));
        }
        if self.ready_set.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }
    fn collect_due(&mut self, now: Instant) {
        while let Some((when, key)) = self.later.first().cloned() {
            if when > now {
                break;
            }
            self.make_ready(key);
        }
    }
}

/// What a look at a key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing more until something changes.
    Done,
    /// Look again after this long.
    Again(Duration),
}

/// Something that brings one key's world in line with what is wanted. Idempotent; never retries inside.
pub(crate) trait Reconcile: Send + Sync + 'static {
    /// What it looks at.
    type Key: QueueKey;
    /// Why a look failed.
    type Error: Display + Send;
    /// For the log.
    const NAME: &'static str;
    /// One look.
    fn reconcile(&self, key: &Self::Key) -> impl Future<Output = Result<Outcome, Self::Error>> + Send;
}

/// Reconciles keys one at a time until dropped. A panic counts as a failure of its key.
pub(crate) async fn run<R: Reconcile>(queue: Queue<R::Key>, backoff: Backoff, reconciler: &R) {
    let mut failures: HashMap<R::Key, u32> = HashMap::new();
    loop {
        let key = queue.next().await;
        let result = AssertUnwindSafe(reconciler.reconcile(&key)).catch_unwind().await;
        match result {
            Ok(Ok(outcome)) => {
                failures.remove(&key);
                if let Outcome::Again(delay) = outcome {
                    queue.add_after(key, delay);
                }
                continue;
            }
            Ok(Err(error)) => tracing::debug!(controller = R::NAME, %key, %error, "will retry"),
            Err(_) => tracing::error!(controller = R::NAME, %key, "panicked; will retry"),
        }
        let count = failures.entry(key.clone()).and_modify(|count| *count += 1).or_insert(1);
        queue.add_after(key, backoff.gap(*count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_is_queued_once_and_at_the_sooner_time() {
        let queue = Queue::new();
        let start = Instant::now();
        queue.add_after("a".to_owned(), Duration::from_secs(5));
        queue.add_after("a".to_owned(), Duration::from_secs(9));
        queue.add_after("b".to_owned(), Duration::from_secs(2));
        queue.add("c".to_owned());
        queue.add("c".to_owned());
        let mut seen = Vec::new();
        for _ in 0..3 {
            let key = queue.next().await;
            seen.push((key, start.elapsed().as_secs()));
        }
        assert_eq!(seen, [("c".to_owned(), 0), ("b".to_owned(), 2), ("a".to_owned(), 5)]);
        assert!(queue.next().now_or_never().is_none());
    }

    #[test]
    fn gaps_double_up_to_the_longest() {
        let gaps: Vec<_> = (1..=15).map(|count| Backoff::CONTROLLER.gap(count).as_millis()).collect();
        assert_eq!(gaps[..4], [5, 10, 20, 40]);
        assert_eq!(gaps[7..12], [640, 1280, 2560, 5120, 10_240]);
        assert_eq!(gaps[13..], [30_000, 30_000]);
        assert_eq!(Backoff::CONTROLLER.gap(4_000_000).as_secs(), 30);
    }
}
