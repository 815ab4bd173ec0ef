//! The lane for bulk: opened when it is needed, closed when it is not.
//!
//! Most clusters never move anything large, and a connection that nobody uses still costs the server buffers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use grange_wire::{Lane, Refusal, RefusalCode};
use tokio::{
    sync::Notify,
    time::{Instant, interval, sleep, timeout},
};

use crate::{Registry, session::Session};

/// How long a request waits for the lane before it takes the other one.
const OPENING_LIMIT: Duration = Duration::from_secs(5);
/// How long a cluster whose agent did not open the lane is not asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Clusters remembered for that; beyond it all are forgotten.
const MAX_REMEMBERED: usize = 10_000;
/// How often the lane is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// Looks in a row that find no request before the lane is closed.
const IDLE_LOOKS: u32 = 10;

/// What the lanes of all clusters share.
#[derive(Default)]
pub(crate) struct Bulk {
    arrivals: Notify,
    refused: Mutex<HashMap<Arc<str>, Instant>>,
}

impl Bulk {
    /// A bulk lane was registered.
    pub(crate) fn arrived(&self) {
        self.arrivals.notify_waiters();
    }

    /// Has the agent of `session` open its lane. Whether it is there.
    pub(crate) async fn open(&self, registry: &Registry, session: &Session) -> bool {
        let cluster = session.cluster();
        if self.refused_lately(cluster) {
            return false;
        }
        let is_there =
            || registry.session(cluster, Lane::Bulk).is_some_and(|found| found.lane() == Lane::Bulk);
        let opening = async {
            session.ask_for_bulk().await?;
            loop {
                let arrival = self.arrivals.notified();
                // Asked after the wait began, so that no arrival is missed between the two.
                if is_there() {
                    return Ok::<_, crate::TunnelError>(());
                }
                arrival.await;
            }
        };
        match timeout(OPENING_LIMIT, opening).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::info!(%cluster, %error, "the agent opens no connection for bulk"),
            Err(_) => tracing::info!(%cluster, "the agent opened no connection for bulk in time"),
        }
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MAX_REMEMBERED {
            refused.clear();
        }
        refused.insert(cluster.clone(), Instant::now());
        false
    }

    fn refused_lately(&self, cluster: &str) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(cluster).is_some_and(|since| since.elapsed() < ASK_AGAIN_AFTER)
    }
}

/// Resolves when a bulk session has been closed because nothing used it; never for another one.
pub(crate) async fn unused(session: &Session) {
    match session.lane() {
        Lane::Interactive => std::future::pending().await,
        // Boxed: it would be part of every session's memory.
        Lane::Bulk => Box::pin(close_unused(session)).await,
    }
}

async fn close_unused(session: &Session) {
    let mut looks = interval(LOOK_INTERVAL);
    let mut idle = 0;
    loop {
        looks.tick().await;
        idle = if session.open_streams() == 0 { idle + 1 } else { 0 };
        if idle <= IDLE_LOOKS {
            continue;
        }
        // No request finds it from here on; one that has found it before gets its second.
        session.retire();
        sleep(Duration::from_secs(1)).await;
        while session.open_streams() > 0 {
            sleep(LOOK_INTERVAL).await;
        }
        session.close(Refusal::new(RefusalCode::Idle, "nothing has used it for a while")).await;
        return;
    }
}
