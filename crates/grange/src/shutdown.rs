//! Ctrl-C and SIGTERM: the first asks nicely, the second does not wait.
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// As shells report a process that ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

/// A token that is cancelled by the first signal; the second ends the process.
pub(crate) fn on_signal() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let cancelled = token.clone();
    tokio::spawn(async move {
        for is_second in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if is_second {
                std::process::exit(EXIT_INTERRUPTED);
            }
            tracing::info!("stopping");
            cancelled.cancel();
        }
    });
    Ok(token)
}
