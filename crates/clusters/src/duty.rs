//! Which of several servers that share the state sees to a cluster. All see every change; one acts on it.
//!
//! The server that holds a cluster's tunnel acts, and writes its name into the cluster's status. Once the tunnel is lost
//! it goes on, until another holds it. Clusters of a server that is gone, and those that no server ever held, are the
//! leader's.
use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::watch;

/// The servers that share the state, as one of them sees them.
#[derive(Clone, Debug)]
pub struct Peers {
    /// The name of this one; a server that was restarted has another.
    pub identity: String,
    /// Whether this one leads.
    pub leading: watch::Receiver<bool>,
    /// The names of those that live.
    pub alive: watch::Receiver<Arc<BTreeSet<String>>>,
}

/// What decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// The server in the cluster's status.
    pub(crate) server: Option<&'a str>,
    /// Whether the status says that there is a tunnel.
    pub(crate) is_connected: bool,
    /// Whether there is one at this server.
    pub(crate) is_here: bool,
    /// Whether something was seen here that the status does not tell yet.
    pub(crate) has_news: bool,
}

/// What to do about a cluster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Duty {
    /// It is this server's.
    Ours,
    /// It is another's; what was seen here is to be told all the same.
    Tell,
    /// It is another's.
    Others,
}

impl Peers {
    pub(crate) fn leads(&self) -> bool {
        *self.leading.borrow()
    }

    /// Whether the server in a status is one that is gone.
    pub(crate) fn is_gone(&self, server: Option<&str>) -> bool {
        server.is_some_and(|server| server != self.identity && !self.alive.borrow().contains(server))
    }

    pub(crate) fn duty(&self, question: Question<'_>) -> Duty {
        let server = question.server.filter(|server| !self.is_gone(Some(server)));
        match server {
            Some(server) if server == self.identity => Duty::Ours,
            // With two agents at two servers, the first stays.
            Some(_) if question.is_here && !question.is_connected => Duty::Ours,
            None if question.is_here || self.leads() => Duty::Ours,
            _ if question.has_news => Duty::Tell,
            _ => Duty::Others,
        }
    }

    /// Returns when clusters may have become this server's without a change of theirs.
    pub(crate) async fn changed(&mut self) {
        // A sender that is gone tells nothing any more.
        let either = async {
            tokio::select! {
                changed = self.leading.changed() => changed,
                changed = self.alive.changed() => changed,
            }
        };
        if either.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This server is `a`, and `b` lives too.
    fn peers(leads: bool) -> Peers {
        let alive = ["a", "b"].map(str::to_owned).into();
        Peers {
            identity: "a".into(),
            leading: watch::channel(leads).1,
            alive: watch::channel(Arc::new(alive)).1,
        }
    }

    const UNHELD: Question<'_> =
        Question { server: None, is_connected: false, is_here: false, has_news: false };

    #[test]
    fn who_has_or_had_the_tunnel_acts() {
        for leads in [true, false] {
            let duty = |question| peers(leads).duty(question);
            assert_eq!(duty(Question { is_here: true, ..UNHELD }), Duty::Ours);
            for (is_here, is_connected) in [(true, true), (true, false), (false, true), (false, false)] {
                let ours = Question { server: Some("a"), is_connected, is_here, has_news: false };
                assert_eq!(duty(ours), Duty::Ours);
                let expected = if is_here && !is_connected { Duty::Ours } else { Duty::Others };
                assert_eq!(duty(Question { server: Some("b"), ..ours }), expected, "{ours:?}");
            }
        }
    }

    #[test]
    fn what_nobody_holds_is_the_leaders() {
        for server in [None, Some("gone")] {
            let question = Question { server, is_connected: server.is_some(), ..UNHELD };
            assert_eq!(peers(true).duty(question), Duty::Ours);
            assert_eq!(peers(false).duty(question), Duty::Others);
            assert_eq!(peers(false).duty(Question { is_here: true, ..question }), Duty::Ours);
        }
        assert!(peers(false).is_gone(Some("gone")));
        assert!(!peers(false).is_gone(Some("b")) && !peers(false).is_gone(None));
    }

    #[test]
    fn what_was_seen_here_is_told_whoever_acts() {
        for server in [None, Some("b")] {
            assert_eq!(peers(false).duty(Question { server, has_news: true, ..UNHELD }), Duty::Tell);
        }
    }
}
