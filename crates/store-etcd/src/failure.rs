//! What a failed call means: for the next attempt, and for whoever asked.

use grange_store::StoreError;
use tonic::{Code, Status};

/// Why a call did not get its answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing was done; another member, or the same one later, may do it.
    #[error("{0}")]
    NotDone(String),
    /// Nobody knows whether it was done.
    #[error("{0}")]
    Unknown(String),
    /// The member wants to know anew who asks.
    #[error("etcd asks for a new login: {0}")]
    LoggedOut(String),
    /// The revision is older than what is kept.
    #[error("the revision is compacted")]
    Compacted,
    /// The revision is yet to come.
    #[error("the revision is in the future")]
    Future,
    /// The database has reached its quota.
    #[error("etcd's database is full: {0}; raise --quota-backend-bytes, defragment it and disarm the alarm")]
    NoSpace(String),
    /// No attempt will do better.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    pub(crate) fn of(status: &Status) -> Self {
        let text = describe(status);
        let says = |words: &str| status.message().contains(words);
        match status.code() {
            Code::Unavailable if is_before_sending(status) => Failure::NotDone(text),
            // The member does not know a leader, so it has not passed the request on.
            Code::Unavailable if says("no leader") => Failure::NotDone(text),
            Code::Unauthenticated => Failure::LoggedOut(text),
            Code::InvalidArgument if says("revision of auth store is old") => Failure::LoggedOut(text),
            Code::OutOfRange if says("has been compacted") => Failure::Compacted,
            Code::OutOfRange if says("future revision") => Failure::Future,
            Code::ResourceExhausted if says("database space exceeded") => Failure::NoSpace(text),
            Code::ResourceExhausted if says("too many requests") => Failure::NotDone(text),
            Code::FailedPrecondition if says("not supported for learner") => Failure::NotDone(text),
            Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::Unknown | Code::Internal => {
                Failure::Unknown(text)
            }
            Code::InvalidArgument if says("request is too large") => {
                Failure::Refused(format!("{text}: its --max-request-bytes is below the default of 1572864"))
            }
            _ => Failure::Refused(text),
        }
    }

    /// Whether the member, or the way to it, is at fault.
    pub(crate) fn is_of_member(&self) -> bool {
        matches!(self, Failure::NotDone(_) | Failure::Unknown(_))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let text = failure.to_string();
        match failure {
            Failure::NotDone(_) | Failure::LoggedOut(_) => StoreError::Unavailable(format!("etcd: {text}")),
            Failure::Unknown(_) => {
                StoreError::Unavailable(format!("etcd: {text}; a write may have happened or not"))
            }
            Failure::NoSpace(_) => StoreError::NoSpace(text),
            Failure::Compacted | Failure::Future | Failure::Refused(_) => {
                StoreError::Internal(format!("etcd: {text}"))
            }
        }
    }
}

fn is_before_sending(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<tonic::ConnectError>())
}

/// What was said, down to the cause: "transport error" alone helps nobody.
fn describe(status: &Status) -> String {
    let mut text = status.message().trim_start_matches("etcdserver: ").to_owned();
    for cause in causes(status) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(status), |cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_certainly_not_done_may_be_tried_again() {
        let of = |code, text: &str| Failure::of(&Status::new(code, text));
        assert!(matches!(of(Code::Unavailable, "etcdserver: no leader"), Failure::NotDone(_)));
        assert!(matches!(of(Code::Unavailable, "etcdserver: request timed out"), Failure::Unknown(_)));
        assert!(matches!(of(Code::Unavailable, "etcdserver: leader changed"), Failure::Unknown(_)));
        assert!(matches!(of(Code::Unauthenticated, "etcdserver: invalid auth token"), Failure::LoggedOut(_)));
        assert!(matches!(
            of(Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted"),
            Failure::Compacted
        ));
        let full = of(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded");
        assert!(matches!(StoreError::from(full), StoreError::NoSpace(_)));
        let denied = of(Code::PermissionDenied, "etcdserver: permission denied");
        assert_eq!(StoreError::from(denied).to_string(), "store failure: etcd: permission denied");
    }
}
