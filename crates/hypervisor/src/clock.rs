//! Time as a value that comes in from the rim.

use std::time::Duration;

use futures::future::BoxFuture;

/// A monotonic clock that can be waited on.
pub trait Clock: Send + Sync + 'static {
    /// Time since some fixed moment.
    fn now(&self) -> Duration;
    /// Resolves at that time.
    fn sleep_until(&self, when: Duration) -> BoxFuture<'static, ()>;
}

/// Tokio's clock (which a test may pause).
#[derive(Debug)]
pub struct TokioClock {
    start: tokio::time::Instant,
}

impl TokioClock {
    /// A clock that begins now.
    pub fn new() -> Self {
        TokioClock { start: tokio::time::Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }
    fn sleep_until(&self, when: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(self.start + when))
    }
}
