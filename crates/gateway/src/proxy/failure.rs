//! What a client is told when a cluster gives no answer.

use std::time::Duration;

use grange_apimachinery::status::{Details, Reason, Status};
use grange_tunnel::{Absence, TunnelError};

/// When a client may try again. An agent that comes back does so at any moment, and asking costs the server nothing.
const RETRY_SECONDS: u32 = 1;

/// 503: there is no agent.
pub(crate) fn not_connected(cluster: &str, absence: Option<Absence>) -> Status {
    let why = match absence {
        Some(Absence { since, reason }) => match jiff::Timestamp::try_from(since) {
            Ok(since) => format!("its agent has been away since {since:.0} ({reason})"),
            Err(_) => format!("its agent is away ({reason})"),
        },
        None => "its agent has not connected since this server started".to_owned(),
    };
    Status::unavailable(format!("cluster {cluster:?} is not connected: {why}"), RETRY_SECONDS)
}

/// 504: the agent is there, the cluster does not answer.
pub(crate) fn timed_out(cluster: &str, limit: Duration) -> Status {
    let message = format!("cluster {cluster:?} did not begin to answer within {} s", limit.as_secs());
    Status::new(504, Reason::Timeout, message)
}

/// 502: the cluster refuses its agent.
pub(crate) fn agent_not_accepted() -> Status {
    let message = "the cluster does not accept the credential of its own agent; look at the agent's ServiceAccount \
                   grange-agent in namespace cattle-system there";
    Status::new(502, Reason::ServiceUnavailable, message)
}

/// What became of a request that a session did not answer. `is_read`: repeating it changes nothing.
pub(crate) fn of_tunnel(cluster: &str, error: &TunnelError, is_read: bool) -> Status {
    match error {
        TunnelError::Closed(_) if is_read => Status::unavailable(
            format!("the connection to cluster {cluster:?} was lost before it answered: {error}"),
            RETRY_SECONDS,
        ),
        TunnelError::Closed(_) => Status::new(
            502,
            Reason::ServiceUnavailable,
            format!(
                "the connection to cluster {cluster:?} was lost before it answered, the request may or may not have \
                 been carried out: {error}"
            ),
        ),
        TunnelError::TooManyStreams => {
            let mut status = Status::new(429, Reason::TooManyRequests, error.to_string());
            status.details =
                Some(Box::new(Details { retry_after_seconds: Some(RETRY_SECONDS), ..Details::default() }));
            status
        }
        TunnelError::Malformed(_) => Status::bad_request(error.to_string()),
        TunnelError::TimedOut => Status::new(504, Reason::Timeout, error.to_string()),
        TunnelError::Stream(source) => {
            tracing::debug!(cluster, %error, source = ?source, "a request broke off");
            Status::new(502, Reason::ServiceUnavailable, format!("cluster {cluster:?}: {error}"))
        }
        TunnelError::Answer(_) => {
            Status::new(502, Reason::ServiceUnavailable, format!("cluster {cluster:?}: {error}"))
        }
    }
}
