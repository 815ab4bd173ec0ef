//! The life of whoever started the agent as a plain child process (a stand-in cluster does).
//!
//! It says so by the environment variable [`ENV_PARENT_PIPE`], and keeps the other end of the agent's standard input
//! open for as long as it lives. When that closes, it is dead, however it died, and the agent must not outlive it.

use std::io::Read as _;

use tokio::sync::oneshot;

/// `stdin`: standard input is a pipe from the process that started this one.
pub(crate) const ENV_PARENT_PIPE: &str = "GRANGE_PARENT_PIPE";

/// Resolves when the process that started this one is dead; never where nobody said to look.
pub(crate) async fn gone() {
    if std::env::var(ENV_PARENT_PIPE).as_deref() != Ok("stdin") {
        return std::future::pending().await;
    }
    let (sender, receiver) = oneshot::channel();
    // A thread of its own: a blocked read must not keep the runtime from ending.
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(length) if length > 0) {}
        let _ = sender.send(());
    });
    let _ = receiver.await;
}
