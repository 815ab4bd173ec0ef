//! Waiting for conditions, never for time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Looks at `condition` until it holds or the deadline passes; the error names `what` and the last thing seen.
pub async fn until<T, F>(what: &str, limit: Duration, mut condition: F) -> Result<T>
where
    F: AsyncFnMut() -> Result<Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        let last = match condition().await {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => "it does not hold".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        if Instant::now() > deadline {
            bail!("waited {limit:?} for {what}: {last}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Says aloud that a test does not run here and why. Written past the test runner's capture, so that it is seen.
pub fn skip(reason: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "\nskipped: {reason}");
}
