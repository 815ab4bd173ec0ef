//! From what is known of a cluster to its conditions. Pure.
//!
//! The types and the meaning of `Unknown` ("on its way") are Rancher's; so are the order in which they turn true and
//! the reason `Disconnected`. `ManifestFetched`, `AgentStarted`, `AgentEnrolled` and `ClockInSync` are Grange's own:
//! with them every step of an import is visible. Each condition that is not true says in a sentence what it waits for,
//! and what to do about it where somebody has to do something; [`Reason`] has the words for machines.
use grange_apimachinery::time::rfc3339;
use grange_resources::{
    Condition,
    condition::find,
    management::{Contact, Registration},
};
use jiff::{SignedDuration, Timestamp};

use crate::{observation::Observation, reason::Reason};

/// How long an agent may take from the fetched manifest to its first word; pulling its image takes most of it.
pub(crate) const NO_AGENT_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// Clocks that differ by less are in step.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(30);
/// Every condition of a management Cluster that this server writes; the page of the conditions lists them too.
#[cfg(test)]
pub(crate) const KINDS: [&str; 17] = [
    "CreatorMadeOwner",
    "BackingNamespaceCreated",
    "DefaultProjectCreated",
    "SystemProjectCreated",
    "InitialRolesPopulated",
    "ManifestFetched",
    "AgentStarted",
    "AgentEnrolled",
    "ClockInSync",
    "AgentDeployed",
    "Connected",
    "Pending",
    "Provisioned",
    "Waiting",
    "Updated",
    "Ready",
    "Removed",
];

/// What is known of a cluster.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub(crate) id: &'a str,
    /// The image its agent is given.
    pub(crate) image: &'a str,
    /// The address its agent is told.
    pub(crate) server_url: &'a str,
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

/// How the steps of an import stand, from the fetched manifest to the enrolled agent. What counts is the newest event:
/// a fetch makes earlier trouble old, an admission everything.
fn import(set: &mut Writer<'_>, known: &Known<'_>) {
    let registration = &known.observation.registration;
    fetched(set, known, registration);
    started(set, known, registration);
    enrolled(set, known, registration);
    clock(set, registration);
}

fn fetched(set: &mut Writer<'_>, known: &Known<'_>, registration: &Registration) {
    const KIND: &str = "ManifestFetched";
    if let Some(fetch) = &registration.manifest_fetched {
        let program = fetch.detail.as_deref().map(|program| format!(" with {program}")).unwrap_or_default();
        return set.yes(KIND, &format!("Fetched {} from {}{program}", rfc3339(fetch.at), fetch.from));
    }
    if set.is_true(KIND) {
        return;
    }
    let refused = registration.manifest_refused.as_ref();
    let distrusted = registration.certificate_refused.as_ref();
    match (refused, distrusted) {
        (Some(refused), distrusted) if distrusted.is_none_or(|distrusted| distrusted.at <= refused.at) => {
            let what = format!(
                "{} asked for the manifest at {} with a token that is not valid for this cluster",
                refused.from,
                rfc3339(refused.at)
            );
            set.cause(KIND, Reason::ManifestTokenNotValid, &what);
        }
        (_, Some(distrusted)) => {
            let what = format!(
                "Something at {} broke off at {} because it does not trust this server's certificate; it may have been \
                 the Harvester fetching its manifest, with insecureSkipTLSVerify false",
                distrusted.from,
                rfc3339(distrusted.at)
            );
            set.cause(KIND, Reason::CertificateNotTrusted, &what);
        }
        _ => set.waits(
            KIND,
            Reason::WaitingForCluster,
            &format!(
                "Waiting for the cluster to fetch its manifest: set the Harvester's cluster-registration-url to \
                 status.manifestUrl of ClusterRegistrationToken {}/default-token, or run its status.command",
                known.id
            ),
        ),
    }
}

/// Whether an agent runs, as far as that can be seen from here.
fn started(set: &mut Writer<'_>, known: &Known<'_>, registration: &Registration) {
    const KIND: &str = "AgentStarted";
    let signs = [&registration.agent_admitted, &registration.agent_refused, &registration.agent_trouble]
        .into_iter()
        .flatten();
    let fetch = registration.manifest_fetched.as_ref();
    if *known.link == Link::Up || signs.clone().next().is_some() {
        let last = signs.max_by_key(|sign| sign.at);
        let text =
            last.map(|sign| format!("Heard of {} from {}", rfc3339(sign.at), sign.from)).unwrap_or_default();
        // Only whether, not how often: the first sign stays.
        if !set.is_true(KIND) {
            set.yes(KIND, &text);
        }
        return;
    }
    let Some(fetch) = fetch else {
        // Written before a restart, by a server that kept less.
        if !set.is_true(KIND) {
            let text = format!("Waiting for the agent of {} to be started by the manifest", known.id);
            set.waits(KIND, Reason::WaitingForManifest, &text);
        }
        return;
    };
    let since_fetch = |event: &Option<Contact>| event.clone().filter(|event| event.at >= fetch.at);
    if let Some(asked) = since_fetch(&registration.image_refused) {
        let image = asked.detail.as_deref().unwrap_or(known.image);
        let what = format!(
            "{} asked this server for the image {image} at {}, and there is none",
            asked.from,
            rfc3339(asked.at)
        );
        set.cause(KIND, Reason::ImageNotFound, &what);
    } else if let Some(distrusted) = since_fetch(&registration.certificate_refused) {
        let what = format!(
            "Something at {} broke off at {} because it does not trust this server's certificate; it may have been a \
             node pulling the agent's image {}",
            distrusted.from,
            rfc3339(distrusted.at),
            known.image
        );
        set.cause(KIND, Reason::CertificateNotTrusted, &what);
    } else if set.now.duration_since(fetch.at) < NO_AGENT_AFTER {
        let text = "The manifest was fetched; waiting for the agent to start";
        set.waits(KIND, Reason::WaitingForAgent, text);
    } else {
        let what = format!(
            "The manifest was fetched {}, and no agent has been heard of since. A Harvester shows its setting as active \
             even when it failed, so look in the cluster: kubectl -n cattle-system get pods -l app=cattle-cluster-agent. \
             No Pod: the manifest was not applied, condition configured of the setting says why. ImagePullBackOff: the \
             nodes cannot pull {}. Running: the Pod's log says what keeps it from {} (name lookup, proxy, firewall)",
            rfc3339(fetch.at),
            known.image,
            known.server_url
        );
        set.cause(KIND, Reason::ManifestFetchedNoAgent, &what);
    }
}

fn enrolled(set: &mut Writer<'_>, known: &Known<'_>, registration: &Registration) {
    const KIND: &str = "AgentEnrolled";
    let is_up = *known.link == Link::Up;
    let admitted = registration.agent_admitted.as_ref();
    let is_open = |event: &&Contact| admitted.is_none_or(|admitted| admitted.at <= event.at);
    let refused = registration.agent_refused.as_ref().filter(is_open);
    let trouble = registration.agent_trouble.as_ref().filter(is_open);
    match (refused, trouble) {
        // A stranger's attempt does not put a working cluster in doubt, but the admin should see it.
        (Some(refused), _) if is_up => set.yes(KIND, &refusal(refused)),
        _ if is_up => set.yes(KIND, &past(registration)),
        (Some(refused), trouble) if trouble.is_none_or(|trouble| trouble.at <= refused.at) => {
            set.cause_of(KIND, refused, &refusal(refused));
        }
        // Once enrolled it stays so; what is in the way now stands in `Connected`.
        _ if admitted.is_some() => set.yes(KIND, &past(registration)),
        (_, Some(trouble)) => set.cause_of(KIND, trouble, &told(trouble)),
        _ if set.is_true(KIND) => {}
        _ => {
            let (reason, text) = set.blocker(&["ManifestFetched", "AgentStarted"]);
            set.set(KIND, "Unknown", &reason, &text);
        }
    }
}

/// What an agent was told that was not let in.
fn refusal(event: &Contact) -> String {
    let detail = event.detail.as_deref().unwrap_or_default();
    format!("Agent from {} refused {}: {detail}", event.from, rfc3339(event.at))
}

/// What an agent said.
fn told(trouble: &Contact) -> String {
    let detail = trouble.detail.as_deref().unwrap_or_default();
    format!("The agent at {} said {}: {detail}", trouble.from, rfc3339(trouble.at))
}

/// What kept the agent from coming in before it did.
fn past(registration: &Registration) -> String {
    let lines: Vec<String> = registration
        .past_troubles
        .iter()
        .map(|trouble| {
            let times =
                if trouble.times == 1 { "once".to_owned() } else { format!("{} times", trouble.times) };
            format!("{} ({times} until {})", trouble.detail, rfc3339(trouble.last))
        })
        .collect();
    if lines.is_empty() {
        String::new()
    } else {
        format!("Before it came in, the agent had: {}", lines.join("; "))
    }
}

fn clock(set: &mut Writer<'_>, registration: &Registration) {
    const KIND: &str = "ClockInSync";
    let Some(skew) = registration.clock_skew_seconds else { return };
    if skew.abs() <= MAX_CLOCK_SKEW.as_secs() {
        return set.yes(KIND, "");
    }
    let direction = if skew > 0 { "ahead of" } else { "behind" };
    let what = format!("The cluster's clock is {} s {direction} the server's", skew.abs());
    set.cause(KIND, Reason::ClockSkew, &what);
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
                None => set.waits("Ready", Reason::Probing, "Waiting for the cluster's API to answer"),
                Some(probe) => match &probe.health {
                    Ok(()) => {
                        set.yes("Waiting", "");
                        set.yes("Ready", "");
                    }
                    Err(trouble) => set.cause("Ready", Reason::Unhealthy, trouble),
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
            disconnected(set, known, lost.as_ref())
        }
        Link::Unsettled => {}
        Link::Down { .. } => {
            let (reason, waiting) = set.blocker(&["ManifestFetched", "AgentStarted", "AgentEnrolled"]);
            set.not_yet("AgentDeployed", &waiting);
            set.no("Connected", Reason::NeverConnected, &waiting);
            set.not_yet("Pending", "Waiting for the agent's first connection");
            set.not_yet("Provisioned", "Waiting for the agent's first connection");
            set.not_yet("Waiting", "Waiting for API to be available");
            set.not_yet("Updated", "Waiting for the cluster's version and nodes");
            let is_stuck =
                ["ManifestFetched", "AgentStarted", "AgentEnrolled"].iter().any(|kind| set.is_false(kind));
            set.set("Ready", if is_stuck { "False" } else { "Unknown" }, &reason, &waiting);
        }
    }
}

fn disconnected(set: &mut Writer<'_>, known: &Known<'_>, lost: Option<&(Timestamp, String)>) {
    let mut message = match lost {
        Some((since, reason)) => {
            format!("Cluster agent is not connected since {}: {reason}", rfc3339(*since))
        }
        None => "Cluster agent is not connected".to_owned(),
    };
    // Without knowledge of its own this process keeps what an earlier one wrote.
    let keeps = lost.is_none() && set.is_false("Connected");
    let registration = &known.observation.registration;
    let admitted = registration.agent_admitted.as_ref().map(|admitted| admitted.at);
    let since = admitted.max(lost.map(|(since, _)| *since));
    let trouble = registration.agent_trouble.as_ref().map(|event| (event, told(event)));
    let refused = registration.agent_refused.as_ref().map(|event| (event, refusal(event)));
    let in_the_way = trouble
        .into_iter()
        .chain(refused)
        .filter(|(event, _)| since.is_none_or(|since| since <= event.at))
        .max_by_key(|(event, _)| event.at);
    match in_the_way {
        Some((event, text)) => {
            message = format!("{message}. {text}");
            set.cause_of("Connected", event, &message);
            set.no("Ready", Reason::Disconnected, &message);
        }
        None if keeps => {}
        None => {
            set.no("Connected", Reason::Disconnected, &message);
            set.no("Ready", Reason::Disconnected, &message);
        }
    }
}

/// When the passing of time alone changes something.
pub(crate) fn next_look(
    conditions: &[Condition],
    registration: &Registration,
    now: Timestamp,
) -> Option<std::time::Duration> {
    let waits = find(conditions, "AgentStarted").is_some_and(|started| started.status == "Unknown");
    let fetched = registration.manifest_fetched.as_ref().filter(|_| waits)?;
    let left = NO_AGENT_AFTER - now.duration_since(fetched.at);
    // A little later than sharp, so that one look is enough.
    std::time::Duration::try_from(left + SignedDuration::from_millis(100)).ok()
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

fn with_remedy(what: &str, remedy: &str) -> String {
    if remedy.is_empty() { what.to_owned() } else { format!("{what}. {remedy}") }
}

struct Writer<'a> {
    conditions: &'a mut Vec<Condition>,
    now: Timestamp,
}

impl Writer<'_> {
    fn yes(&mut self, kind: &str, message: &str) {
        self.set(kind, "True", "", message);
    }
    fn no(&mut self, kind: &str, reason: Reason, message: &str) {
        self.set(kind, "False", reason.as_str(), message);
    }
    fn waits(&mut self, kind: &str, reason: Reason, message: &str) {
        self.set(kind, "Unknown", reason.as_str(), message);
    }
    /// Something is in the way: what, and what to do about it.
    fn cause(&mut self, kind: &str, reason: Reason, what: &str) {
        self.no(kind, reason, &with_remedy(what, reason.remedy()));
    }
    /// The same for an event that carries its reason.
    fn cause_of(&mut self, kind: &str, event: &Contact, what: &str) {
        let reason = event.reason.as_deref().unwrap_or(Reason::AgentRefused.as_str());
        self.set(kind, "False", reason, &with_remedy(what, Reason::remedy_of(reason)));
    }
    /// Reason and message of the first of these that is not true.
    fn blocker(&self, kinds: &[&str]) -> (String, String) {
        let first = kinds.iter().find_map(|kind| {
            self.conditions.iter().find(|condition| condition.kind == *kind && !condition.is_true())
        });
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        match first {
            Some(condition) => (text(condition.reason.as_ref()), text(condition.message.as_ref())),
            None => {
                (Reason::WaitingForAgent.as_str().to_owned(), "Waiting for the agent to connect".to_owned())
            }
        }
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
mod tests;
