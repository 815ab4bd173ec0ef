//! One of the agent's two tunnels: dial, serve, and when it ends wait and dial again. The one for bulk is dialled only
//! when the server asks for it.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use grange_tunnel::{
    Body, Received,
    dial::{self, DialError},
    transport,
};
use grange_wire::{Facts, Lane, Refusal, RefusalCode, TroubleCode, control::AGENT_AUTHORITY};
use http::{Request, Response};
use tokio::{
    sync::{Notify, OnceCell},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, ConfigError,
    control::{self, Order},
    forward::{Chain, forward},
    identity::{Identity, Offer},
    kubernetes::{Client, Pool},
    ownership,
    server::{ConnectError, Connector},
    trouble::{Troubles, clock_ms},
};

/// Where tunnels are opened.
const CONNECT_PATH: &str = "/v3/connect";
/// The first back-off's upper end; each failure doubles it.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// The longest back-off's upper end.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// A session that lived this long was a success: back-off starts anew.
const GOOD_LIFE: Duration = Duration::from_secs(5);
/// How often a waiting agent looks whether a new join token is mounted.
const TOKEN_RECHECK: Duration = Duration::from_secs(5);
/// How long the answer to a close or uninstall may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long until a failed adoption is tried again.
const ADOPTION_RETRY: Duration = Duration::from_secs(10);

/// What both lanes share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) connector: Arc<Connector>,
    pub(crate) troubles: Troubles,
    pub(crate) identity: Identity,
    pub(crate) client: Client,
    pub(crate) pool: Pool,
    pub(crate) instance: String,
    pub(crate) facts: Facts,
    /// Set when the server had everything removed.
    pub(crate) uninstalled: CancellationToken,
    pub(crate) adoption: OnceCell<()>,
    /// The server asks for the bulk lane.
    pub(crate) bulk_wanted: Notify,
}

#[derive(Debug, thiserror::Error)]
enum LaneError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl LaneError {
    fn code(&self) -> TroubleCode {
        match self {
            LaneError::Connect(error) => error.code(),
            LaneError::Dial(error) => match error {
                // A server that is stopping or starting.
                DialError::Answer { status, .. } if status.is_server_error() => TroubleCode::Connection,
                DialError::Answer { .. } | DialError::NotWebSocket | DialError::Message(_) => {
                    TroubleCode::Protocol
                }
                _ => TroubleCode::Connection,
            },
            LaneError::Config(_) => TroubleCode::Unknown,
        }
    }
}

/// How a session ended.
struct Ended {
    lived: Duration,
    refusal: Option<Refusal>,
}

/// Keeps one lane connected. Never ends by itself; drop it to stop.
pub(crate) async fn keep(shared: Arc<Shared>, lane: Lane) {
    let mut backoff = Backoff::default();
    loop {
        if lane == Lane::Bulk {
            shared.bulk_wanted.notified().await;
        }
        let wait = match Box::pin(session(&shared, lane)).await {
            Ok(Ended { refusal: Some(refusal), .. }) => {
                tracing::info!(%lane, code = %refusal.code, reason = refusal.message, "the server ended the session");
                after_refusal(&shared, &refusal, &mut backoff)
            }
            Ok(Ended { lived, refusal: None }) => {
                if lived >= GOOD_LIFE {
                    backoff = Backoff::default();
                }
                backoff.next_wait()
            }
            Err(LaneError::Dial(DialError::Refused(refusal))) => {
                tracing::info!(%lane, code = %refusal.code, reason = refusal.message, "the server refused the agent");
                after_refusal(&shared, &refusal, &mut backoff)
            }
            Err(error) => {
                let wait = backoff.next_wait();
                tracing::info!(%lane, error = %Chain(&error), retry_ms = wait.as_millis() as u64, "not connected");
                // Both lanes fail alike; one of them tells.
                if lane == Lane::Interactive {
                    shared.troubles.note(error.code(), &error);
                }
                wait
            }
        };
        wait_or_new_token(&shared, wait).await;
    }
}

fn after_refusal(shared: &Shared, refusal: &Refusal, backoff: &mut Backoff) -> Duration {
    shared.identity.refused(refusal.code);
    match refusal.code {
        RefusalCode::Superseded | RefusalCode::Idle | RefusalCode::ShuttingDown => {
            backoff.next_wait().max(refusal.wait())
        }
        // Spread over half as much again, so that thousands of agents do not come back together.
        _ => refusal.wait().mul_f64(rand::random_range(1.0..1.5)),
    }
}

/// Waits, but no longer than until another join token is mounted.
async fn wait_or_new_token(shared: &Shared, wait: Duration) {
    let until = Instant::now() + wait;
    let token = |offer: Result<Offer, ConfigError>| {
        offer.ok().and_then(|offer| offer.fingerprint().map(str::to_owned))
    };
    let before = token(shared.identity.offer(&shared.config));
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        sleep(left.min(TOKEN_RECHECK)).await;
        let now = token(shared.identity.offer(&shared.config));
        if now.is_some() && now != before {
            tracing::info!("a new join token is mounted");
            return;
        }
    }
}

/// Dials once and serves until the session ends.
async fn session(shared: &Arc<Shared>, lane: Lane) -> Result<Ended, LaneError> {
    let offer = shared.identity.offer(&shared.config)?;
    let stream = shared.connector.connect().await?;
    let server = shared.connector.server();
    let (socket, welcome) = dial::open(stream, &server.authority, &server.path(CONNECT_PATH), |challenge| {
        shared.identity.hello(challenge, &offer, lane, &shared.instance, facts(shared))
    })
    .await?;
    let since = Instant::now();
    let link = socket.link();
    if lane == Lane::Interactive {
        shared.troubles.over();
    }
    tracing::info!(%lane, %server, cluster = welcome.cluster, session = welcome.session, "connected");
    tokio::spawn(after_welcome(shared.clone(), welcome.cluster.clone(), offer));

    let closing = Arc::new((Notify::new(), OnceLock::<Refusal>::new()));
    let orders = closing.clone();
    let serving = transport::serve(socket, move |request| answer(shared.clone(), orders.clone(), request));
    let mut serving = Box::pin(serving);
    tokio::select! {
        _ = &mut serving => {}
        () = closing.0.notified() => {
            // The server ends the connection once it has our answer; if not, we do.
            let _ = timeout(FAREWELL, &mut serving).await;
        }
    }
    let lived = since.elapsed();
    let refusal = closing.1.get().cloned();
    if refusal.is_none() {
        let reason = link.end().unwrap_or("the server stopped answering");
        tracing::info!(%lane, session = welcome.session, reason, lived_s = lived.as_secs(), "disconnected");
    }
    Ok(Ended { lived, refusal })
}

/// What the agent knows now.
fn facts(shared: &Shared) -> Facts {
    Facts { clock_ms: Some(clock_ms()), troubles: shared.troubles.past(), ..shared.facts.clone() }
}

/// Answers one request of the server.
async fn answer(
    shared: Arc<Shared>,
    closing: Arc<(Notify, OnceLock<Refusal>)>,
    request: Request<Received>,
) -> Response<Body> {
    if request.uri().authority().is_none_or(|authority| authority.as_str() != AGENT_AUTHORITY) {
        return forward(&shared.pool, request).await;
    }
    let (response, order) = Box::pin(control::answer(&shared.client, request)).await;
    match order {
        None => {}
        Some(Order::OpenBulk) => shared.bulk_wanted.notify_one(),
        Some(Order::Close(refusal)) => {
            let _ = closing.1.set(refusal);
            closing.0.notify_one();
        }
        Some(Order::Stop) => {
            tokio::spawn(async move {
                sleep(FAREWELL).await;
                shared.uninstalled.cancel();
            });
        }
    }
    response
}

/// What is to be done in the cluster once a server has taken us in. Failures are tried again, here or after the next
/// welcome.
async fn after_welcome(shared: Arc<Shared>, cluster: String, offer: Offer) {
    if let Err(error) = shared.identity.enrolled(&shared.client, &cluster, &offer).await {
        tracing::warn!(error = %Chain(&error), "the enrolment could not be noted in the cluster");
    }
    shared
        .adoption
        .get_or_init(|| async {
            while !shared.uninstalled.is_cancelled() {
                match ownership::adopt(&shared.client).await {
                    Ok(adoption) if adoption.failed.is_empty() => return,
                    Ok(adoption) => {
                        for (object, error) in adoption.failed {
                            tracing::warn!(kind = object.kind, name = object.name, error = %Chain(&error), "not adopted");
                        }
                    }
                    Err(error) => tracing::warn!(error = %Chain(&error), "adoption failed"),
                }
                sleep(ADOPTION_RETRY).await;
            }
        })
        .await;
}

/// Exponential back-off with full jitter.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait: anything up to a limit that doubles each time.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let limit = FIRST_BACKOFF.saturating_mul(1 << self.failures.min(16)).min(LONGEST_BACKOFF);
        self.failures += 1;
        limit.mul_f64(rand::random_range(0.1..1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_differ() {
        let mut backoff = Backoff::default();
        assert!(backoff.next_wait() <= FIRST_BACKOFF);
        let waits: Vec<Duration> = (0..64).map(|_| backoff.next_wait()).collect();
        assert!(waits.iter().all(|wait| *wait <= LONGEST_BACKOFF));
        assert!(waits[16..].iter().any(|wait| *wait > LONGEST_BACKOFF / 2));
        assert!(waits[16..].windows(2).any(|pair| pair[0] != pair[1]));
    }
}
