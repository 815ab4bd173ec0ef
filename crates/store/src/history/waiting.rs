//! Who waits for what: a write wakes the watches whose prefix it has, and no others. With a thousand watches, each of its
//! own namespace, waking all for each write would cost more than everything else about it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Places {
    next: u64,
    by_prefix: HashMap<Arc<str>, HashMap<u64, Arc<Notify>>>,
    /// How many prefixes there are of each length in bytes.
    lengths: BTreeMap<usize, usize>,
}

/// The watches there are.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Places>);

impl Waiting {
    /// A place for a watch of a prefix.
    pub(super) fn enter(self: &Arc<Self>, prefix: Arc<str>) -> Place {
        let woken = Arc::new(Notify::new());
        let mut places = self.lock();
        let id = places.next;
        places.next += 1;
        let watches = places.by_prefix.entry(prefix.clone()).or_default();
        let is_first = watches.is_empty();
        watches.insert(id, woken.clone());
        if is_first {
            *places.lengths.entry(prefix.len()).or_default() += 1;
        }
        drop(places);
        Place { waiting: self.clone(), prefix, id, woken }
    }

    /// Wakes the watches that see these keys, each once.
    pub(super) fn wake<'a>(&self, keys: impl Iterator<Item = &'a str>) {
        let places = self.lock();
        for key in keys {
            for length in places.lengths.range(..=key.len()).map(|(length, _)| *length) {
                let watches = key.get(..length).and_then(|prefix| places.by_prefix.get(prefix));
                for woken in watches.into_iter().flat_map(HashMap::values) {
                    // Kept until it waits, and no more than one is kept.
                    woken.notify_one();
                }
            }
        }
    }

    /// Wakes everybody.
    pub(super) fn wake_all(&self) {
        for woken in self.lock().by_prefix.values().flat_map(HashMap::values) {
            woken.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().expect("invariant: nothing panics while it holds the places")
    }
}

/// Where a watch waits; given up when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    waiting: Arc<Waiting>,
    prefix: Arc<str>,
    id: u64,
    woken: Arc<Notify>,
}

impl Place {
    /// The prefix that is watched.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }
    /// Returns when it was woken since it last returned.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.waiting.lock();
        let Some(watches) = places.by_prefix.get_mut(&self.prefix) else { return };
        watches.remove(&self.id);
        if !watches.is_empty() {
            return;
        }
        places.by_prefix.remove(&self.prefix);
        let length = self.prefix.len();
        if let Some(count) = places.lengths.get_mut(&length) {
            *count -= 1;
            if *count == 0 {
                places.lengths.remove(&length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_write_wakes_those_who_see_it() {
        let waiting = Arc::new(Waiting::default());
        let enter = |prefix: &str| waiting.enter(Arc::from(prefix));
        let places = ["", "/a/", "/a/b/", "/a/b/c", "/b/", "/a/ä"].map(enter);
        let woken =
            || -> Vec<bool> { places.iter().map(|place| place.woken().now_or_never().is_some()).collect() };
        assert_eq!(woken(), [false; 6]);
        waiting.wake(["/a/b/c"].into_iter());
        waiting.wake(["/a/b/c"].into_iter());
        assert_eq!(woken(), [true, true, true, true, false, false]);
        assert_eq!(woken(), [false; 6], "once");
        waiting.wake(["/a/€", "/b/x"].into_iter());
        assert_eq!(woken(), [true, true, false, false, true, false]);
        waiting.wake_all();
        assert_eq!(woken(), [true; 6]);
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let waiting = Arc::new(Waiting::default());
        let places: Vec<Place> = ["/a/", "/a/", "/b/"].map(|prefix| waiting.enter(Arc::from(prefix))).into();
        assert_eq!(waiting.lock().by_prefix.len(), 2);
        drop(places);
        let places = waiting.lock();
        assert!(places.by_prefix.is_empty() && places.lengths.is_empty(), "{places:?}");
    }
}
