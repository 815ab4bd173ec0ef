//! From what is known of a cluster to its conditions. Pure.
//!
//! The types and the meaning of `Unknown` ("on its way") are Rancher's; so are the order in which they turn true and
//! the reason `Disconnected`. `ManifestFetched` and `AgentEnrolled` are Grange's own: with them every step of an import
//! is visible. Each condition that is not true says in a sentence what it waits for.
use grange_apimachinery::time::rfc3339;
use grange_resources::Condition;
use jiff::Timestamp;

use crate::observation::Observation;

/// What is known of a cluster.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub(crate) id: &'a str,
    pub(crate) setup: &'a Setup,
    pub(crate) observation: &'a Observation,
    pub(crate) link: &'a Link,
}

/// The objects around a cluster; each is there, or the text says what is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) creator: Result<(), String>,
    pub(crate) namespace: Result<(), String>,
    pub(crate) default_project: Result<(), String>,
    pub(crate) system_project: Result<(), String>,
    pub(crate) token: Result<(), String>,
}

/// The cluster's tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// There is a session.
    Up,
    /// There is none.
    Down {
        /// Since when and why, as far as this process knows.
        lost: Option<(Timestamp, String)>,
    },
    /// The server has just started; agents may still be on their way back.
    Unsettled,
}

/// Sets the conditions that follow from what is known; others stay as they are.
pub(crate) fn update(conditions: &mut Vec<Condition>, known: &Known<'_>, now: Timestamp) {
    let mut set = Writer { conditions, now };
    setup(&mut set, known.setup);
    import(&mut set, known);
    connection(&mut set, known);
}

fn setup(set: &mut Writer<'_>, setup: &Setup) {
    let roles = setup.default_project.clone().and(setup.system_project.clone()).and(setup.token.clone());
    for (kind, step) in [
        ("CreatorMadeOwner", &setup.creator),
        ("BackingNamespaceCreated", &setup.namespace),
        ("DefaultProjectCreated", &setup.default_project),
        ("SystemProjectCreated", &setup.system_project),
        ("InitialRolesPopulated", &roles),
    ] {
        match step {
            Ok(()) => set.yes(kind, ""),
            Err(obstacle) => set.not_yet(kind, obstacle),
        }
    }
}

/// From the fetched manifest to the enrolled agent.
fn import(set: &mut Writer<'_>, known: &Known<'_>) {
    let Known { id, observation, .. } = known;
    if let Some(fetch) = &observation.fetch {
        let program = if fetch.user_agent.is_empty() { "" } else { " with " };
        set.yes(
            "ManifestFetched",
            &format!("Fetched {} from {}{program}{}", rfc3339(fetch.at), fetch.from, fetch.user_agent),
        );
    } else if !set.is_true("ManifestFetched") {
        set.not_yet(
            "ManifestFetched",
            &format!(
                "Waiting for the cluster to fetch its manifest: set the Harvester's cluster-registration-url to \
                 status.manifestUrl of ClusterRegistrationToken {id}/default-token, or run its status.command"
            ),
        );
    }
    let refusal = observation.refused.as_ref().map(|refused| {
        let text = format!("Agent from {} refused {}: {}", refused.from, rfc3339(refused.at), refused.reason);
        (refused.code.as_str(), text)
    });
    let is_up = *known.link == Link::Up;
    match (&observation.admitted, refusal) {
        // A stranger's attempt does not put a working cluster in doubt, but the admin should see it.
        (_, Some((_, text))) if is_up => set.yes("AgentEnrolled", &text),
        (_, Some((code, text))) => set.no("AgentEnrolled", code, &text),
        (Some(_), None) => set.yes("AgentEnrolled", ""),
        (None, None) if is_up => set.yes("AgentEnrolled", ""),
        (None, None) if set.is_true("AgentEnrolled") => {}
        (None, None) => set.not_yet("AgentEnrolled", &waiting_for_agent(set, id)),
    }
}

fn waiting_for_agent(set: &Writer<'_>, id: &str) -> String {
    if set.is_true("ManifestFetched") {
        "The manifest was fetched; waiting for the agent to connect. If this lasts, look at Deployment \
         cattle-system/cattle-cluster-agent in the cluster and at its events: can its image be pulled, can it reach \
         the server?"
            .to_owned()
    } else {
        format!("Waiting for the agent of {id} to be started by the manifest")
    }
}

/// From the first session to health.
fn connection(set: &mut Writer<'_>, known: &Known<'_>) {
    let probe = known.observation.probe.as_ref();
    match known.link {
        Link::Up => {
            set.yes("Connected", "");
            for kind in ["AgentDeployed", "Pending", "Provisioned"] {
                set.yes(kind, "");
            }
            match probe {
                None => set.unknown("Ready", "Probing", "Waiting for the cluster's API to answer"),
                Some(probe) => match &probe.health {
                    Ok(()) => {
                        set.yes("Waiting", "");
                        set.yes("Ready", "");
                    }
                    Err(trouble) => set.no("Ready", "Unhealthy", trouble),
                },
            }
            if probe.is_some_and(|probe| probe.version.is_some() && probe.nodes.is_some()) {
                set.yes("Updated", "");
            } else if !set.is_true("Updated") {
                set.not_yet("Updated", "Waiting for the cluster's version and nodes");
            }
            if !set.is_true("Waiting") {
                set.not_yet("Waiting", "Waiting for API to be available");
            }
        }
        Link::Down { lost } if lost.is_some() || set.is_true("AgentDeployed") => {
            let message = match lost {
                Some((since, reason)) => {
                    format!("Cluster agent is not connected since {}: {reason}", rfc3339(*since))
                }
                None => "Cluster agent is not connected".to_owned(),
            };
            // Without knowledge of its own this process keeps what an earlier one wrote.
            if lost.is_some() || !set.is_false("Connected") {
                set.no("Connected", "Disconnected", &message);
                set.no("Ready", "Disconnected", &message);
            }
        }
        Link::Unsettled => {}
        Link::Down { .. } => {
            let waiting = waiting_for_agent(set, known.id);
            set.not_yet("AgentDeployed", &waiting);
            set.no("Connected", "NeverConnected", &waiting);
            set.not_yet("Pending", "Waiting for the agent's first connection");
            set.not_yet("Provisioned", "Waiting for the agent's first connection");
            set.not_yet("Waiting", "Waiting for API to be available");
            set.not_yet("Updated", "Waiting for the cluster's version and nodes");
            set.unknown("Ready", "Waiting", &waiting);
        }
    }
}

/// Sets one condition; exported for the few that other controllers set.
pub(crate) fn set(
    conditions: &mut Vec<Condition>,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    Writer { conditions, now }.set(kind, status, reason, message);
}

struct Writer<'a> {
    conditions: &'a mut Vec<Condition>,
    now: Timestamp,
}

impl Writer<'_> {
    fn yes(&mut self, kind: &str, message: &str) {
        self.set(kind, "True", "", message);
    }
    fn no(&mut self, kind: &str, reason: &str, message: &str) {
        self.set(kind, "False", reason, message);
    }
    fn unknown(&mut self, kind: &str, reason: &str, message: &str) {
        self.set(kind, "Unknown", reason, message);
    }
    /// `Unknown` is how Rancher says that something is on its way.
    fn not_yet(&mut self, kind: &str, message: &str) {
        self.set(kind, "Unknown", "", message);
    }
    fn has_status(&self, kind: &str, status: &str) -> bool {
        self.conditions.iter().any(|condition| condition.kind == kind && condition.status == status)
    }
    fn is_true(&self, kind: &str) -> bool {
        self.has_status(kind, "True")
    }
    fn is_false(&self, kind: &str) -> bool {
        self.has_status(kind, "False")
    }

    /// Writes only what changes, so that times mean something and nothing is stored for nothing.
    fn set(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let now = rfc3339(self.now);
        let wanted = Condition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            last_update_time: Some(now.clone()),
            last_transition_time: Some(now),
            reason: text(reason),
            message: text(message),
        };
        let Some(old) = self.conditions.iter_mut().find(|condition| condition.kind == kind) else {
            self.conditions.push(wanted);
            return;
        };
        let same_status = old.status == wanted.status;
        if same_status && old.reason == wanted.reason && old.message == wanted.message {
            return;
        }
        let transition =
            if same_status { old.last_transition_time.clone() } else { wanted.last_transition_time };
        *old = Condition { last_transition_time: transition, ..wanted };
    }
}

#[cfg(test)]
mod tests {
    use grange_resources::{condition::find, management::ClusterVersion};
    use grange_wire::RefusalCode;

    use super::*;
    use crate::{
        observation::{Admitted, Fetch, Refused},
        probe::{NodeSummary, Probe},
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }
    fn start() -> Timestamp {
        at("2026-11-23T06:00:00Z")
    }
    fn all_set_up() -> Setup {
        Setup {
            creator: Ok(()),
            namespace: Ok(()),
            default_project: Ok(()),
            system_project: Ok(()),
            token: Ok(()),
        }
    }
    fn never() -> Link {
        Link::Down { lost: None }
    }
    fn healthy() -> Probe {
        Probe {
            version: Some(ClusterVersion::default()),
            health: Ok(()),
            nodes: Some(NodeSummary::default()),
            api_endpoint: None,
        }
    }
    fn apply(conditions: &mut Vec<Condition>, observation: &Observation, link: &Link, now: Timestamp) {
        let setup = all_set_up();
        update(conditions, &Known { id: "c-m-abcdefgh", setup: &setup, observation, link }, now);
    }
    fn show(conditions: &[Condition]) -> String {
        conditions.iter().map(|c| format!("{}={} ", c.kind, c.status)).collect()
    }
    fn message<'a>(conditions: &'a [Condition], kind: &str) -> &'a str {
        find(conditions, kind).unwrap().message.as_deref().unwrap_or_default()
    }

    #[test]
    fn conditions_turn_true_one_by_one_and_each_other_says_what_it_waits_for() {
        let mut conditions = Vec::new();
        let mut seen = Observation::default();
        let mut trues = Vec::new();
        let mut note = |conditions: &[Condition]| {
            for condition in conditions {
                let is_true = condition.is_true();
                assert!(is_true || condition.message.is_some(), "{} says nothing", condition.kind);
                if is_true && !trues.contains(&condition.kind) {
                    trues.push(condition.kind.clone());
                }
            }
        };
        apply(&mut conditions, &seen, &never(), start());
        assert!(message(&conditions, "Ready").contains("started by the manifest"), "{conditions:?}");
        assert!(message(&conditions, "ManifestFetched").contains("c-m-abcdefgh/default-token"));
        note(&conditions);
        seen.fetch =
            Some(Fetch { at: start(), from: "10.0.0.7".into(), user_agent: "Go-http-client/1.1".into() });
        apply(&mut conditions, &seen, &never(), start());
        assert_eq!(
            message(&conditions, "ManifestFetched"),
            "Fetched 2026-11-23T06:00:00Z from 10.0.0.7 with Go-http-client/1.1"
        );
        assert!(message(&conditions, "Connected").contains("can its image be pulled"));
        note(&conditions);
        seen.admitted = Some(Admitted { at: start(), from: "10.0.0.7".into() });
        apply(&mut conditions, &seen, &never(), start());
        note(&conditions);
        apply(&mut conditions, &seen, &Link::Up, start());
        note(&conditions);
        seen.probe = Some(healthy());
        apply(&mut conditions, &seen, &Link::Up, start());
        note(&conditions);
        assert!(conditions.iter().all(Condition::is_true), "{}", show(&conditions));
        assert_eq!(trues.last().unwrap(), "Ready");
        for kind in
            ["CreatorMadeOwner", "ManifestFetched", "AgentEnrolled", "Connected", "Waiting", "Updated"]
        {
            assert!(trues.iter().position(|t| t == kind) < trues.iter().position(|t| t == "Ready"), "{kind}");
        }
    }

    #[test]
    fn a_lost_session_is_told_as_rancher_tells_it() {
        let mut conditions = Vec::new();
        let mut seen = Observation { probe: Some(healthy()), ..Observation::default() };
        apply(&mut conditions, &seen, &Link::Up, start());
        seen.probe = None;
        let later = at("2026-11-23T07:00:00Z");
        let link = Link::Down { lost: Some((later, "the agent was stopped".into())) };
        apply(&mut conditions, &seen, &link, later);
        for kind in ["Ready", "Connected"] {
            let condition = find(&conditions, kind).unwrap();
            assert_eq!(
                (condition.status.as_str(), condition.reason.as_deref()),
                ("False", Some("Disconnected"))
            );
            let message = condition.message.as_deref().unwrap();
            assert!(
                message.starts_with("Cluster agent is not connected since 2026-11-23T07:00:00Z"),
                "{message}"
            );
            assert_eq!(condition.last_transition_time.as_deref(), Some("2026-11-23T07:00:00Z"));
        }
        assert!(find(&conditions, "Provisioned").unwrap().is_true(), "what was reached stays reached");
        let before = conditions.clone();
        apply(&mut conditions, &Observation::default(), &never(), at("2026-11-23T08:00:00Z"));
        assert_eq!(conditions, before, "a restarted server knows no better");
    }

    #[test]
    fn nothing_is_written_when_nothing_changes() {
        let mut conditions = Vec::new();
        let seen = Observation { probe: Some(healthy()), ..Observation::default() };
        apply(&mut conditions, &seen, &Link::Up, start());
        let before = conditions.clone();
        apply(&mut conditions, &seen, &Link::Up, at("2026-11-23T09:00:00Z"));
        assert_eq!(conditions, before);
    }

    #[test]
    fn a_refused_agent_is_shown() {
        let refused = Refused {
            at: start(),
            from: "10.0.0.9".into(),
            code: RefusalCode::ClusterMismatch,
            reason: "this cluster is already imported as c-m-other222".into(),
        };
        let seen = Observation { refused: Some(refused), ..Observation::default() };
        let mut conditions = Vec::new();
        apply(&mut conditions, &seen, &never(), start());
        let condition = find(&conditions, "AgentEnrolled").unwrap();
        assert_eq!(
            (condition.status.as_str(), condition.reason.as_deref()),
            ("False", Some("cluster_mismatch"))
        );
        assert!(message(&conditions, "AgentEnrolled").contains("c-m-other222"));
        let mut conditions = Vec::new();
        apply(&mut conditions, &Observation { probe: Some(healthy()), ..seen }, &Link::Up, start());
        assert!(find(&conditions, "AgentEnrolled").unwrap().is_true());
        assert!(message(&conditions, "AgentEnrolled").contains("10.0.0.9 refused"));
        assert!(find(&conditions, "Ready").unwrap().is_true());
    }

    #[test]
    fn an_unhealthy_cluster_says_why() {
        let seen = Observation {
            probe: Some(Probe { health: Err("/readyz answered 500: etcd failed".into()), ..healthy() }),
            ..Observation::default()
        };
        let mut conditions = Vec::new();
        apply(&mut conditions, &seen, &Link::Up, start());
        let ready = find(&conditions, "Ready").unwrap();
        assert_eq!((ready.status.as_str(), ready.reason.as_deref()), ("False", Some("Unhealthy")));
        assert!(message(&conditions, "Ready").contains("etcd failed"));
    }
}
