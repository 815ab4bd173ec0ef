//! Which of several servers that share the state sees to a cluster. All see every change; one acts on it.
//!
//! The server that holds a cluster's tunnel acts, and the one that lost it says so. Clusters that no server holds are
//! the leader's. Who holds a tunnel is not written down anywhere: a cluster that is told to be connected and is not
//! connected here is connected elsewhere.
use std::time::Duration;

use grange_resources::{condition::find, management::ClusterStatus};
use jiff::Timestamp;

/// How long a removal waits for the server that seems to hold the tunnel: it may have died.
const REMOVAL_GRACE: Duration = Duration::from_secs(60);

/// The tunnel of a cluster at this server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tunnel {
    /// It is here.
    Here,
    /// It was here and ended then.
    Lost(Timestamp),
    /// It was never here.
    Never,
}

/// What decides.
pub(crate) struct Question<'a> {
    /// Whether this server leads; `None` when it is the only one.
    pub(crate) leads: Option<bool>,
    pub(crate) tunnel: Tunnel,
    pub(crate) status: &'a ClusterStatus,
    /// Whether something was seen here that the object does not tell yet.
    pub(crate) has_news: bool,
    pub(crate) deleted: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

/// What to do about a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Duty {
    /// It is this server's.
    Ours,
    /// It is another's, for now.
    Others,
    /// It is another's, who may be gone: to be looked at again after so long.
    OthersFor(Duration),
}

impl Question<'_> {
    pub(crate) fn answer(&self) -> Duty {
        let Some(leads) = self.leads else { return Duty::Ours };
        let connected = find(&self.status.conditions, "Connected").filter(|condition| condition.is_true());
        let connected_since = connected
            .and_then(|condition| condition.last_transition_time.as_deref())
            .and_then(|text| text.parse::<Timestamp>().ok());
        match (self.tunnel, connected) {
            (Tunnel::Here, _) => Duty::Ours,
            // Connected to another since.
            (Tunnel::Lost(lost), Some(_)) if connected_since.is_none_or(|since| lost < since) => {
                self.elsewhere(leads)
            }
            (Tunnel::Lost(_), _) => Duty::Ours,
            (Tunnel::Never, Some(_)) => self.elsewhere(leads),
            (Tunnel::Never, None) if leads || self.has_news => Duty::Ours,
            (Tunnel::Never, None) => Duty::Others,
        }
    }

    fn elsewhere(&self, leads: bool) -> Duty {
        let Some(deleted) = self.deleted.filter(|_| leads) else { return Duty::Others };
        let waited = Duration::try_from(self.now.duration_since(deleted)).unwrap_or_default();
        match REMOVAL_GRACE.saturating_sub(waited) {
            Duration::ZERO => Duty::Ours,
            left => Duty::OthersFor(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use grange_resources::condition::Condition;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).expect("a moment")
    }

    /// Connected since then, or not.
    fn status(since: Option<i64>) -> ClusterStatus {
        let condition = Condition {
            kind: "Connected".into(),
            status: if since.is_some() { "True" } else { "False" }.into(),
            last_update_time: None,
            last_transition_time: since.map(|since| at(since).to_string()),
            reason: None,
            message: None,
        };
        ClusterStatus { conditions: vec![condition], ..ClusterStatus::default() }
    }

    fn duty(leads: Option<bool>, tunnel: Tunnel, since: Option<i64>) -> Duty {
        let status = status(since);
        Question { leads, tunnel, status: &status, has_news: false, deleted: None, now: at(100) }.answer()
    }

    #[test]
    fn a_server_alone_sees_to_everything() {
        for tunnel in [Tunnel::Here, Tunnel::Lost(at(5)), Tunnel::Never] {
            assert_eq!(duty(None, tunnel, Some(10)), Duty::Ours);
        }
    }

    #[test]
    fn who_has_the_tunnel_acts_and_who_lost_it_last_says_so() {
        for leads in [Some(true), Some(false)] {
            assert_eq!(duty(leads, Tunnel::Here, None), Duty::Ours);
            assert_eq!(duty(leads, Tunnel::Lost(at(20)), Some(10)), Duty::Ours, "lost after it was told");
            assert_eq!(duty(leads, Tunnel::Lost(at(20)), Some(30)), Duty::Others, "it went elsewhere");
            assert_eq!(duty(leads, Tunnel::Never, Some(10)), Duty::Others);
        }
        assert_eq!(duty(Some(true), Tunnel::Never, None), Duty::Ours);
        assert_eq!(duty(Some(false), Tunnel::Never, None), Duty::Others);
    }

    #[test]
    fn what_was_seen_here_is_told_by_whoever_saw_it() {
        let status = status(None);
        let question = Question {
            leads: Some(false),
            tunnel: Tunnel::Never,
            status: &status,
            has_news: true,
            deleted: None,
            now: at(100),
        };
        assert_eq!(question.answer(), Duty::Ours);
    }

    #[test]
    fn a_removal_does_not_wait_for_ever_for_a_server_that_died() {
        let status = status(Some(10));
        let question = |leads, now| {
            let deleted = Some(at(50));
            Question { leads, tunnel: Tunnel::Never, status: &status, has_news: false, deleted, now }.answer()
        };
        assert_eq!(question(Some(true), at(60)), Duty::OthersFor(Duration::from_secs(50)));
        assert_eq!(question(Some(true), at(110)), Duty::Ours);
        assert_eq!(question(Some(false), at(110)), Duty::Others);
    }
}
