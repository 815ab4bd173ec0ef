//! The story of an import as its conditions tell it, with everything that can go wrong.
use grange_resources::{condition::find, management::ClusterVersion};
use grange_wire::TroubleCode;

use super::*;
use crate::{
    observation::contact,
    probe::{NodeSummary, Probe},
};

const NODE: &str = "10.0.0.7";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
fn start() -> Timestamp {
    at("2026-11-23T06:00:00Z")
}
fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}
fn event(seconds: i64) -> Contact {
    Contact { at: after(seconds), ..contact(NODE) }
}
fn because(seconds: i64, reason: Reason, detail: &str) -> Contact {
    Contact { reason: Some(reason.as_str().into()), detail: Some(detail.into()), ..event(seconds) }
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

/// A cluster and what is known of it.
struct Case {
    conditions: Vec<Condition>,
    seen: Observation,
}

impl Case {
    fn new() -> Self {
        Case { conditions: Vec::new(), seen: Observation::default() }
    }
    /// One whose manifest was fetched at the start.
    fn fetched() -> Self {
        let mut case = Case::new();
        case.registration().manifest_fetched =
            Some(Contact { detail: Some("Go-http-client/1.1".into()), ..event(0) });
        case
    }
    fn registration(&mut self) -> &mut Registration {
        &mut self.seen.registration
    }
    fn look(&mut self, link: &Link, seconds: i64) {
        let done = || Ok(());
        let setup = Setup {
            creator: done(),
            namespace: done(),
            default_project: done(),
            system_project: done(),
            token: done(),
        };
        let known = Known {
            id: "c-m-abcdefgh",
            image: "gate:8443/grange/agent:1",
            server_url: "https://gate:8443",
            setup: &setup,
            observation: &self.seen,
            link,
        };
        update(&mut self.conditions, &known, after(seconds));
        for condition in &self.conditions {
            assert!(KINDS.contains(&condition.kind.as_str()), "{} is not on the list", condition.kind);
            let says =
                condition.is_true() || condition.message.as_deref().is_some_and(|text| !text.is_empty());
            assert!(says, "{condition:?} says nothing");
        }
    }
    /// Status and reason.
    fn is(&self, kind: &str) -> (String, String) {
        let condition = find(&self.conditions, kind).unwrap_or_else(|| panic!("no {kind}"));
        (condition.status.clone(), condition.reason.clone().unwrap_or_default())
    }
    fn message(&self, kind: &str) -> &str {
        find(&self.conditions, kind).unwrap().message.as_deref().unwrap_or_default()
    }
    /// That a step is stuck for this reason, that it says what to do, and that Ready tells the same.
    #[track_caller]
    fn stuck(&self, kind: &str, reason: Reason, words: &[&str]) {
        let expected = ("False".to_owned(), reason.as_str().to_owned());
        assert_eq!(self.is(kind), expected, "{}", self.message(kind));
        for word in words {
            assert!(self.message(kind).contains(word), "{word:?} is missing: {}", self.message(kind));
        }
        assert!(self.message(kind).ends_with(reason.remedy()), "{}", self.message(kind));
        assert_eq!(self.is("Ready"), expected);
        assert_eq!(self.message("Ready"), self.message(kind));
    }
}

#[test]
fn conditions_turn_true_one_by_one_and_each_other_says_what_it_waits_for() {
    let mut case = Case::new();
    let mut trues = Vec::new();
    let mut note = |case: &Case| {
        for condition in case.conditions.iter().filter(|condition| condition.is_true()) {
            if !trues.contains(&condition.kind) {
                trues.push(condition.kind.clone());
            }
        }
    };
    case.look(&never(), 0);
    assert_eq!(case.is("ManifestFetched"), ("Unknown".into(), "WaitingForCluster".into()));
    assert_eq!(case.is("AgentStarted"), ("Unknown".into(), "WaitingForManifest".into()));
    assert_eq!(case.is("Ready"), ("Unknown".into(), "WaitingForCluster".into()));
    assert!(case.message("ManifestFetched").contains("c-m-abcdefgh/default-token"));
    note(&case);
    case.seen = Case::fetched().seen;
    case.look(&never(), 1);
    assert_eq!(
        case.message("ManifestFetched"),
        "Fetched 2026-11-23T06:00:00Z from 10.0.0.7 with Go-http-client/1.1"
    );
    assert_eq!(case.is("AgentStarted"), ("Unknown".into(), "WaitingForAgent".into()));
    assert_eq!(case.is("AgentEnrolled"), ("Unknown".into(), "WaitingForAgent".into()));
    note(&case);
    case.registration().agent_admitted = Some(event(5));
    case.look(&never(), 5);
    note(&case);
    case.look(&Link::Up, 5);
    assert_eq!(case.is("Ready"), ("Unknown".into(), "Probing".into()));
    note(&case);
    case.seen.probe = Some(healthy());
    case.look(&Link::Up, 6);
    note(&case);
    assert!(case.conditions.iter().all(Condition::is_true), "{:?}", case.conditions);
    assert_eq!(trues.last().unwrap(), "Ready");
    let mut steps: Vec<&String> = trues.iter().collect();
    steps.retain(|kind| {
        ["ManifestFetched", "AgentStarted", "AgentEnrolled", "Connected", "Ready"].contains(&kind.as_str())
    });
    assert_eq!(steps, ["ManifestFetched", "AgentStarted", "AgentEnrolled", "Connected", "Ready"]);
}

#[test]
fn an_address_with_a_wrong_token_is_told_until_a_right_one_comes() {
    let mut case = Case::new();
    case.registration().manifest_refused = Some(event(0));
    case.look(&never(), 1);
    case.stuck("ManifestFetched", Reason::ManifestTokenNotValid, &[NODE, "not valid for this cluster"]);
    case.registration().manifest_fetched = Some(event(60));
    case.look(&never(), 61);
    assert_eq!(case.is("ManifestFetched").0, "True");
    assert_eq!(case.is("Ready"), ("Unknown".into(), "WaitingForAgent".into()));
}

#[test]
fn a_cluster_that_does_not_trust_the_certificate_is_told_of_where_it_is_stuck() {
    let mut case = Case::new();
    case.registration().certificate_refused = Some(event(0));
    case.look(&never(), 1);
    case.stuck("ManifestFetched", Reason::CertificateNotTrusted, &[NODE, "insecureSkipTLSVerify"]);
    case.registration().manifest_fetched = Some(event(60));
    case.look(&never(), 61);
    assert_eq!(case.is("AgentStarted").1, "WaitingForAgent", "that was before");
    case.registration().certificate_refused = Some(event(70));
    case.look(&never(), 71);
    case.stuck(
        "AgentStarted",
        Reason::CertificateNotTrusted,
        &["pulling the agent's image gate:8443/grange/agent:1"],
    );
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let mut case = Case::fetched();
    case.registration().image_refused = Some(Contact { detail: Some("grange/agent:9".into()), ..event(3) });
    case.look(&never(), 4);
    case.stuck("AgentStarted", Reason::ImageNotFound, &["grange/agent:9", "spec.agentImageOverride"]);
}

#[test]
fn a_manifest_of_which_nothing_came_is_noticed_in_time() {
    let mut case = Case::fetched();
    case.look(&never(), 29);
    assert_eq!(case.is("AgentStarted"), ("Unknown".into(), "WaitingForAgent".into()));
    let next = next_look(&case.conditions, &case.seen.registration, after(29)).expect("time will tell");
    assert!(next <= std::time::Duration::from_secs(2), "{next:?}");
    case.look(&never(), 31);
    let words = [
        "kubectl -n cattle-system get pods",
        "ImagePullBackOff",
        "gate:8443/grange/agent:1",
        "https://gate:8443",
        "proxy",
    ];
    case.stuck("AgentStarted", Reason::ManifestFetchedNoAgent, &words);
    assert_eq!(next_look(&case.conditions, &case.seen.registration, after(31)), None);
    case.registration().manifest_fetched = Some(event(60));
    case.look(&never(), 61);
    assert_eq!(case.is("AgentStarted"), ("Unknown".into(), "WaitingForAgent".into()), "another try");
}

#[test]
fn what_an_agent_says_is_told_with_its_remedy() {
    for (code, is_clock_wrong, reason) in [
        (TroubleCode::CertificateUntrusted, false, Reason::CertificateNotTrusted),
        (TroubleCode::CaChecksum, false, Reason::CaChecksumMismatch),
        (TroubleCode::CertificateName, false, Reason::CertificateNameMismatch),
        (TroubleCode::CertificateTime, false, Reason::CertificateNotValidNow),
        (TroubleCode::CertificateTime, true, Reason::ClockSkew),
        (TroubleCode::NameLookup, false, Reason::NameLookupFailed),
        (TroubleCode::Proxy, false, Reason::ProxyFailed),
        (TroubleCode::Connection, false, Reason::ServerUnreachable),
        (TroubleCode::Protocol, false, Reason::ProtocolMismatch),
        (TroubleCode::ClusterApi, false, Reason::ClusterApiUnreachable),
    ] {
        assert_eq!(Reason::of_trouble(code, is_clock_wrong), reason);
        assert!(!reason.remedy().is_empty(), "{reason:?} says what to do");
        let mut case = Case::fetched();
        case.registration().agent_trouble = Some(because(10, reason, "the very error"));
        case.look(&never(), 11);
        assert_eq!(case.is("AgentStarted").0, "True", "it speaks, so it runs");
        case.stuck("AgentEnrolled", reason, &["the very error", NODE]);
        case.registration().agent_admitted = Some(event(20));
        case.look(&Link::Up, 20);
        assert_eq!(case.is("AgentEnrolled").0, "True");
    }
}

#[test]
fn a_refused_agent_is_told_with_its_remedy() {
    for reason in [
        Reason::TokenNotValid,
        Reason::TokenOfOtherCluster,
        Reason::TokenUsedByOtherCluster,
        Reason::AlreadyImported,
        Reason::KeyNotEnrolled,
        Reason::AgentRefused,
    ] {
        let mut case = Case::fetched();
        case.registration().agent_refused = Some(because(10, reason, "why it is not let in"));
        case.look(&never(), 11);
        case.stuck("AgentEnrolled", reason, &["Agent from 10.0.0.7 refused", "why it is not let in"]);
        // A working cluster is not put in doubt, but its admin sees the attempt.
        let mut case = Case::fetched();
        case.registration().agent_admitted = Some(event(1));
        case.registration().agent_refused = Some(because(10, Reason::OtherAgentConnected, "why"));
        case.seen.probe = Some(healthy());
        case.look(&Link::Up, 11);
        assert_eq!(case.is("AgentEnrolled").0, "True");
        assert!(case.message("AgentEnrolled").contains("10.0.0.7 refused"));
        assert_eq!(case.is("Ready").0, "True");
    }
}

#[test]
fn a_lost_session_is_told_as_rancher_tells_it() {
    let mut case = Case::fetched();
    case.registration().agent_admitted = Some(event(1));
    case.seen.probe = Some(healthy());
    case.look(&Link::Up, 2);
    case.seen.probe = None;
    let link = Link::Down { lost: Some((after(3600), "the agent was stopped".into())) };
    case.look(&link, 3600);
    for kind in ["Ready", "Connected"] {
        assert_eq!(case.is(kind), ("False".into(), "Disconnected".into()));
        let message = case.message(kind);
        assert!(
            message.starts_with("Cluster agent is not connected since 2026-11-23T07:00:00Z"),
            "{message}"
        );
        let transition = find(&case.conditions, kind).unwrap().last_transition_time.as_deref();
        assert_eq!(transition, Some("2026-11-23T07:00:00Z"));
    }
    assert_eq!(case.is("Provisioned").0, "True", "what was reached stays reached");
    let before = case.conditions.clone();
    case.look(&never(), 7200);
    assert_eq!(case.conditions, before, "a restarted server knows no better");

    // What keeps it from coming back is told when it is known.
    case.registration().agent_trouble = Some(because(7300, Reason::CaChecksumMismatch, "another CA"));
    case.look(&link, 7301);
    assert_eq!(case.is("Connected"), ("False".into(), "CaChecksumMismatch".into()));
    assert_eq!(case.is("Ready"), ("False".into(), "Disconnected".into()));
    assert!(case.message("Ready").contains("another CA"), "{}", case.message("Ready"));
    assert_eq!(case.is("AgentEnrolled").0, "True");
}

#[test]
fn what_is_on_the_object_is_enough_after_a_restart() {
    let mut case = Case::fetched();
    case.registration().agent_trouble = Some(because(10, Reason::CaChecksumMismatch, "another CA"));
    case.look(&never(), 11);
    let before = case.conditions.clone();
    let stored = serde_json::to_value(&case.seen.registration).unwrap();
    case.seen = Observation::default();
    case.seen.registration = serde_json::from_value(stored).unwrap();
    case.look(&never(), 4000);
    assert_eq!(case.conditions, before);
}

#[test]
fn a_wrong_clock_is_told_even_where_everything_works() {
    let mut case = Case::fetched();
    case.registration().agent_admitted = Some(event(1));
    case.registration().clock_skew_seconds = Some(-7200);
    case.seen.probe = Some(healthy());
    case.look(&Link::Up, 2);
    assert_eq!(case.is("ClockInSync"), ("False".into(), "ClockSkew".into()));
    assert!(case.message("ClockInSync").contains("7200 s behind"), "{}", case.message("ClockInSync"));
    assert_eq!(case.is("Ready").0, "True");
    case.registration().clock_skew_seconds = Some(1);
    case.look(&Link::Up, 3);
    assert_eq!(case.is("ClockInSync").0, "True");
}

#[test]
fn what_an_agent_had_to_overcome_is_told_once_it_is_in() {
    let mut case = Case::fetched();
    case.registration().agent_admitted = Some(event(100));
    case.registration().past_troubles = vec![grange_resources::management::PastTrouble {
        reason: Reason::NameLookupFailed.as_str().into(),
        detail: "gate.example: no such name".into(),
        times: 12,
        first: after(10),
        last: after(90),
    }];
    case.look(&Link::Up, 101);
    let message = case.message("AgentEnrolled");
    assert!(message.contains("no such name (12 times until 2026-11-23T06:01:30Z)"), "{message}");
}

#[test]
fn nothing_is_written_when_nothing_changes() {
    let mut case = Case::fetched();
    case.registration().agent_admitted = Some(event(1));
    case.seen.probe = Some(healthy());
    case.look(&Link::Up, 2);
    let before = case.conditions.clone();
    case.look(&Link::Up, 9000);
    assert_eq!(case.conditions, before);
}

#[test]
fn an_unhealthy_cluster_says_why() {
    let mut case = Case::fetched();
    case.registration().agent_admitted = Some(event(1));
    case.seen.probe = Some(Probe { health: Err("/readyz answered 500: etcd failed".into()), ..healthy() });
    case.look(&Link::Up, 2);
    assert_eq!(case.is("Ready"), ("False".into(), "Unhealthy".into()));
    assert!(case.message("Ready").contains("etcd failed"));
}
