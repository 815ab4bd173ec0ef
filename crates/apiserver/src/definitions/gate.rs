//! Closes a kind to new objects, and knows when the last creation that slipped in before has finished.
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// One definition's gate; all its versions share it.
pub(crate) struct Gate {
    state: Mutex<State>,
    /// Told when the last creation behind a closed gate has finished.
    emptied: Arc<Notify>,
}

#[derive(Default)]
struct State {
    closed: bool,
    creating: usize,
}

/// Held while an object is being created.
pub(crate) struct Pass(Arc<Gate>);

impl Gate {
    pub(crate) fn new(emptied: Arc<Notify>) -> Self {
        Gate { state: Mutex::default(), emptied }
    }
    /// The right to create an object; `None` once the gate is closed.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Pass> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        state.creating += 1;
        Some(Pass(self.clone()))
    }
    pub(super) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
    }
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed
    }
    /// Whether nothing is being created any more, nor will be.
    pub(super) fn is_empty(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed && state.creating == 0
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.creating -= 1;
        if state.closed && state.creating == 0 {
            self.0.emptied.notify_one();
        }
    }
}
