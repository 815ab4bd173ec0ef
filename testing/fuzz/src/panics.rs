//! Panics, noted wherever they happen: a server that catches those of its requests and answers 500 has panicked all the
//! same.

use std::sync::{
    Mutex, Once, PoisonError,
    atomic::{AtomicBool, Ordering},
};

static NOTED: Mutex<Option<String>> = Mutex::new(None);
static HOOK: Once = Once::new();
/// Only while an input is checked; a test that fails otherwise says so as usual.
static IS_LISTENING: AtomicBool = AtomicBool::new(false);

/// Forgets what was noted, and notes from now on until [`take`].
pub(crate) fn forget() {
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_LISTENING.load(Ordering::SeqCst) {
                return usual(panic);
            }
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let message = panic.payload_as_str().unwrap_or("a panic without a message");
            noted().get_or_insert_with(|| format!("{message} ({place})"));
        }));
    });
    *noted() = None;
    IS_LISTENING.store(true, Ordering::SeqCst);
}

/// The first panic since [`forget`].
pub(crate) fn take() -> Option<String> {
    IS_LISTENING.store(false, Ordering::SeqCst);
    noted().take()
}

fn noted() -> std::sync::MutexGuard<'static, Option<String>> {
    NOTED.lock().unwrap_or_else(PoisonError::into_inner)
}
