//! Which ids and display names are taken, as far as this server's watch has seen.
//!
//! Hooks look here so that the common collision is refused in the answer to the create. It may be a few
//! milliseconds late; the controllers, which read the store itself, are the ones that decide.
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// The clusters there are. Cheap to clone; all clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Directory(Arc<RwLock<HashMap<String, String>>>);

impl Directory {
    /// Whether a cluster has this id.
    pub fn has_id(&self, id: &str) -> bool {
        self.read(|clusters| clusters.contains_key(id))
    }

    /// The id of another cluster than `except` that has this display name, whatever the case of its letters.
    pub fn by_display_name(&self, display_name: &str, except: &str) -> Option<String> {
        let wanted = display_name.to_lowercase();
        self.read(|clusters| {
            clusters.iter().find(|(id, name)| **name == wanted && *id != except).map(|(id, _)| id.clone())
        })
    }

    pub(crate) fn put(&self, id: &str, display_name: &str) {
        self.write(|clusters| clusters.insert(id.to_owned(), display_name.to_lowercase()));
    }

    pub(crate) fn remove(&self, id: &str) {
        self.write(|clusters| clusters.remove(id));
    }

    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.write(|clusters| clusters.retain(|id, _| keep(id)));
    }

    fn read<T>(&self, look: impl FnOnce(&HashMap<String, String>) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut HashMap<String, String>) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
