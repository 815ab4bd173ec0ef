//! Keys that wait to be reconciled: each at most once in line, never twice at work, however often it is added.
use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// What is reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A provisioning Cluster.
    Provisioning {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A management Cluster by its id.
    Management(String),
}

impl Key {
    pub(crate) fn provisioning(namespace: &str, name: &str) -> Self {
        Key::Provisioning { namespace: namespace.to_owned(), name: name.to_owned() }
    }
    pub(crate) fn management(id: &str) -> Self {
        Key::Management(id.to_owned())
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Provisioning { namespace, name } => write!(formatter, "{namespace}/{name}"),
            Key::Management(id) => formatter.write_str(id),
        }
    }
}

/// The line. It holds no more keys than there are clusters.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    added: Notify,
}

#[derive(Debug, Default)]
struct State {
    line: VecDeque<Key>,
    waiting: HashSet<Key>,
    working: HashSet<Key>,
    /// Added while at work: to be done again afterwards.
    again: HashSet<Key>,
}

impl Queue {
    /// Puts a key in line.
    pub(crate) fn add(&self, key: Key) {
        let mut state = self.state();
        if state.working.contains(&key) {
            state.again.insert(key);
        } else if state.waiting.insert(key.clone()) {
            state.line.push_back(key);
            drop(state);
            self.added.notify_one();
        }
    }

    /// Takes the first key; it is at work until [`Queue::done`].
    pub(crate) async fn next(&self) -> Key {
        loop {
            let added = self.added.notified();
            {
                let mut state = self.state();
                if let Some(key) = state.line.pop_front() {
                    state.waiting.remove(&key);
                    state.working.insert(key.clone());
                    return key;
                }
            }
            added.await;
        }
    }

    /// Ends the work on a key; if it was added meanwhile it is in line again.
    pub(crate) fn done(&self, key: &Key) {
        let again = {
            let mut state = self.state();
            state.working.remove(key);
            state.again.remove(key)
        };
        if again {
            self.add(key.clone());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_in_line_once_and_at_work_once() {
        let queue = Queue::default();
        let (a, b) = (Key::management("a"), Key::management("b"));
        queue.add(a.clone());
        queue.add(a.clone());
        queue.add(b.clone());
        assert_eq!(queue.next().await, a);
        queue.add(a.clone());
        queue.add(a.clone());
        assert_eq!(queue.next().await, b);
        assert!(futures::FutureExt::now_or_never(queue.next()).is_none(), "a is still at work");
        queue.done(&a);
        assert_eq!(queue.next().await, a);
        queue.done(&a);
        queue.done(&b);
        assert!(futures::FutureExt::now_or_never(queue.next()).is_none());
    }
}
