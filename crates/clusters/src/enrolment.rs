//! Which agent may come in, and as which cluster.
//!
//! The join token lets an agent bind its own key once; from then on the key is the credential and the token is not
//! asked for. Bound are the key and the identity of the cluster (UID of its namespace `kube-system`), in Secret
//! `<id>/agent-enrolment`. Secret `cattle-global-data/cluster-identity-<hash>` claims the UID for one cluster. Both are
//! created only where absent, so of two agents that race exactly one wins, on however many servers.
//!
//! An agent that lost its key (its Secret was deleted, the import was reset and made again) may bind a new one if it
//! has a valid token, its cluster is the one that was bound, and no agent of that cluster is connected. Whoever has
//! the token and can read the UID of `kube-system` can therefore take the place of a cluster that is *not* connected;
//! who can read that UID is in the cluster already, and the token is as secret as the manifest's address.
use std::{collections::BTreeMap, net::SocketAddr};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use futures::future::BoxFuture;
use grange_resources::management::{Cluster, Contact, PastTrouble};
use grange_tunnel::{Admission, SessionAuthority};
use grange_wire::{
    Credential, Hello, Lane, Refusal, RefusalCode,
    trouble::{MAX_PAST_TROUBLES, to_detail},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, PostParams},
};
use sha2::{Digest, Sha256};

use crate::{
    Error,
    error::{already_exists, chain, is_conflict, is_not_found},
    observation::{Event, contact, now},
    queue::Key,
    reason::Reason,
    service::{Context, Handle},
};

/// The Secret in the cluster's namespace.
const ENROLMENT: &str = "agent-enrolment";
/// Where claims of identities live.
const IDENTITY_NAMESPACE: &str = "cattle-global-data";
/// How their names begin.
const IDENTITY_PREFIX: &str = "cluster-identity-";
/// The public key in [`ENROLMENT`].
const PUBLIC_KEY: &str = "publicKey";
/// The UID of `kube-system` in [`ENROLMENT`].
const KUBE_SYSTEM_UID: &str = "kubeSystemUid";
/// When the key was bound, in [`ENROLMENT`].
const BOUND_AT: &str = "boundAt";
/// The cluster in a claim.
const CLUSTER: &str = "cluster";
/// For this long after a key was bound no other can be, unless its agent came and went: it may be on its way in.
const BIND_QUIET: SignedDuration = SignedDuration::from_secs(10);
/// Times an enrolment starts over because another one was quicker.
const MAX_ATTEMPTS: usize = 4;

impl SessionAuthority for Handle {
    fn admit<'a>(
        &'a self,
        hello: &'a Hello,
        _nonce: &'a [u8],
        remote: SocketAddr,
    ) -> BoxFuture<'a, Result<Admission, Refusal>> {
        Box::pin(async move {
            let context = &self.0;
            let from = remote.ip().to_string();
            match decide(context, hello).await {
                Ok(cluster) => {
                    note_admission(context, &cluster, hello, &from);
                    context.queue.add(Key::management(&cluster));
                    Ok(Admission { cluster })
                }
                Err(denial) => Err(denial.tell(context, from)),
            }
        })
    }
}

fn note_admission(context: &Context, cluster: &str, hello: &Hello, from: &str) {
    let at = |milliseconds: i64| Timestamp::from_millisecond(milliseconds).ok();
    let skew = hello.facts.clock_ms.and_then(at).map(|clock| clock.duration_since(now()).as_secs());
    let troubles = hello.facts.troubles.iter().take(MAX_PAST_TROUBLES).filter_map(|trouble| {
        Some(PastTrouble {
            reason: Reason::of_trouble(trouble.code, false).as_str().to_owned(),
            detail: to_detail(&trouble.detail),
            times: trouble.times,
            first: at(trouble.first_ms)?,
            last: at(trouble.last_ms)?,
        })
    });
    let troubles: Vec<PastTrouble> = troubles.collect();
    let admission = Contact { detail: Some(to_detail(&hello.agent_version)), ..contact(from) };
    context.observations.note(cluster, Event::AgentAdmitted, admission);
    context.observations.amend(cluster, |registration| {
        registration.identity = Some(identity_hash(&hello.kube_system_uid));
        registration.clock_skew_seconds = skew.or(registration.clock_skew_seconds);
        // Only one lane tells of them.
        if hello.lane == Lane::Interactive {
            registration.past_troubles = troubles;
        }
    });
}

/// A refusal with what only the admin is told.
struct Denial {
    code: RefusalCode,
    /// For the agent's log.
    message: String,
    /// The cluster whose admin should know, and what they should know.
    shown: Option<Shown>,
}

struct Shown {
    cluster: String,
    reason: Reason,
    text: String,
    identity: Option<String>,
}

impl Denial {
    fn new(code: RefusalCode, message: &str) -> Self {
        Denial { code, message: message.to_owned(), shown: None }
    }

    /// The same text for agent and admin.
    fn of(cluster: &str, code: RefusalCode, reason: Reason, message: &str) -> Self {
        Denial::new(code, message).shown(cluster, reason, message)
    }

    fn shown(mut self, cluster: &str, reason: Reason, text: &str) -> Self {
        self.shown =
            Some(Shown { cluster: cluster.to_owned(), reason, text: text.to_owned(), identity: None });
        self
    }

    fn with_identity(mut self, uid: &str) -> Self {
        if let Some(shown) = &mut self.shown {
            shown.identity = Some(identity_hash(uid));
        }
        self
    }

    fn tell(self, context: &Context, from: String) -> Refusal {
        if let Some(Shown { cluster, reason, text, identity }) = self.shown {
            let reason = Some(reason.as_str().to_owned());
            let refused = Contact { reason, detail: Some(text), identity, ..contact(&from) };
            if context.observations.note(&cluster, Event::AgentRefused, refused) {
                context.queue.add(Key::management(&cluster));
            }
        }
        Refusal::new(self.code, self.message)
    }
}

impl From<Error> for Denial {
    fn from(error: Error) -> Self {
        tracing::warn!(error = chain(&error), "an agent could not be judged");
        Denial::new(
            RefusalCode::Internal,
            "the server cannot look this cluster up now; it will be asked again",
        )
    }
}

impl From<kube::Error> for Denial {
    fn from(error: kube::Error) -> Self {
        Error::from(error).into()
    }
}

async fn decide(context: &Context, hello: &Hello) -> Result<String, Denial> {
    match &hello.credential {
        Credential::Token(token) => enrol(context, hello, token.expose()).await,
        Credential::Key => recognize(context, hello).await,
    }
}

/// An agent with a join token.
async fn enrol(context: &Context, hello: &Hello, token: &str) -> Result<String, Denial> {
    let named = hello.cluster.as_deref().filter(|named| crate::id::is_cluster_id(named));
    let Some(cluster) = context.cluster_of_token(token, named).await? else {
        let message =
            "the join token is unknown, expired or of a deleted cluster; apply the cluster's manifest again";
        return Err(match named {
            Some(named) if is_alive(context, named).await? == Some(true) => {
                Denial::of(named, RefusalCode::BadToken, Reason::TokenNotValid, message)
            }
            _ => Denial::new(RefusalCode::BadToken, message),
        });
    };
    if let Some(named) = hello.cluster.as_deref().filter(|named| *named != cluster) {
        let message = format!("the join token is not for cluster {named}");
        let shown = format!("{message} but for this one");
        return Err(Denial::new(RefusalCode::TokenForOtherCluster, &message).shown(
            &cluster,
            Reason::TokenOfOtherCluster,
            &shown,
        ));
    }
    check_cluster(context, &cluster).await?;
    for _ in 0..MAX_ATTEMPTS {
        if bind(context, &cluster, hello).await? {
            return Ok(cluster);
        }
    }
    let message = "several agents enrol for this cluster at once";
    Err(Denial::of(&cluster, RefusalCode::KeyMismatch, Reason::AgentRefused, message))
}

/// An agent whose key was bound before.
async fn recognize(context: &Context, hello: &Hello) -> Result<String, Denial> {
    let cluster = match hello.cluster.clone().filter(|named| crate::id::is_cluster_id(named)) {
        Some(named) => named,
        None => claimant(context, &hello.kube_system_uid).await?.ok_or_else(|| {
            Denial::new(
                RefusalCode::UnknownCluster,
                "no cluster of this server is this one; enrol with a join token",
            )
        })?,
    };
    check_cluster(context, &cluster).await?;
    let Some(bound) = Enrolment::read(context, &cluster).await? else {
        let message = "no key is enrolled for this cluster; enrol with its join token";
        return Err(Denial::of(&cluster, RefusalCode::KeyMismatch, Reason::KeyNotEnrolled, message));
    };
    if !bound.has_key(&hello.public_key) {
        let message = "another key is enrolled for this cluster; enrol with its join token";
        return Err(Denial::of(&cluster, RefusalCode::KeyMismatch, Reason::KeyNotEnrolled, message));
    }
    if bound.kube_system_uid != hello.kube_system_uid {
        return Err(other_cluster(&cluster, hello));
    }
    Ok(cluster)
}

fn other_cluster(cluster: &str, hello: &Hello) -> Denial {
    let message = "what was enrolled for this cluster now comes from a cluster with another kube-system UID; \
                   delete the cluster on the server and import it again if it was installed anew";
    let shown = "it is not the cluster that was enrolled here: its namespace kube-system has another UID";
    Denial::new(RefusalCode::ClusterMismatch, message)
        .shown(cluster, Reason::TokenUsedByOtherCluster, shown)
        .with_identity(&hello.kube_system_uid)
}

/// One attempt to bind the agent's key; `false` when somebody else was quicker and it must be looked at again.
async fn bind(context: &Context, cluster: &str, hello: &Hello) -> Result<bool, Denial> {
    let Some(bound) = Enrolment::read(context, cluster).await? else {
        claim_identity(context, cluster, &hello.kube_system_uid).await?;
        let secret = Enrolment::new(hello).to_secret();
        let api: Api<Secret> = Api::namespaced(context.client(), cluster);
        return match api.create(&PostParams::default(), &secret).await {
            Ok(_) => {
                tracing::info!(cluster, kube_system_uid = hello.kube_system_uid, "agent enrolled");
                Ok(true)
            }
            Err(error) if already_exists(&error) => Ok(false),
            Err(error) => Err(error.into()),
        };
    };
    if bound.kube_system_uid != hello.kube_system_uid {
        return Err(other_cluster(cluster, hello));
    }
    if bound.has_key(&hello.public_key) {
        return Ok(true);
    }
    if context.config.registry.is_connected(cluster) {
        let message = "another key is enrolled for this cluster, and its agent is connected";
        return Err(Denial::of(cluster, RefusalCode::KeyMismatch, Reason::OtherAgentConnected, message));
    }
    if !bound.may_be_replaced(context, cluster, Timestamp::now()) {
        let message = "another key has just been enrolled for this cluster";
        return Err(Denial::of(cluster, RefusalCode::KeyMismatch, Reason::AgentRefused, message));
    }
    let mut secret = Enrolment::new(hello).to_secret();
    secret.metadata.resource_version = bound.resource_version;
    let api: Api<Secret> = Api::namespaced(context.client(), cluster);
    match api.replace(ENROLMENT, &PostParams::default(), &secret).await {
        Ok(_) => {
            tracing::info!(cluster, "agent enrolled again with a new key");
            Ok(true)
        }
        Err(error) if is_conflict(&error) || is_not_found(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Claims the identity of a cluster; refused while another cluster of this server has it.
async fn claim_identity(context: &Context, cluster: &str, uid: &str) -> Result<(), Denial> {
    let api: Api<Secret> = Api::namespaced(context.client(), IDENTITY_NAMESPACE);
    let name = identity_name(uid);
    let mut claim = Secret {
        metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
        data: Some(BTreeMap::from([(CLUSTER.to_owned(), ByteString(cluster.as_bytes().to_vec()))])),
        ..Secret::default()
    };
    for _ in 0..MAX_ATTEMPTS {
        match api.create(&PostParams::default(), &claim).await {
            Ok(_) => return Ok(()),
            Err(error) if already_exists(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(existing) = api.get_opt(&name).await? else { continue };
        let holder = text(&existing, CLUSTER);
        if holder == cluster {
            return Ok(());
        }
        if is_alive(context, &holder).await?.is_some() {
            let told = "this cluster is imported already under another id of this server";
            // Which one is for those to know who may see it: its status has the same identity.
            let shown = "the cluster that tried to join is imported already under another id of this server";
            let denial = Denial::new(RefusalCode::ClusterMismatch, told);
            return Err(denial.shown(cluster, Reason::AlreadyImported, shown).with_identity(uid));
        }
        // Its holder is gone; the claim is taken over, by one of those who try.
        claim.metadata.resource_version = existing.metadata.resource_version;
        match api.replace(&name, &PostParams::default(), &claim).await {
            Ok(_) => return Ok(()),
            Err(error) if is_conflict(&error) || is_not_found(&error) => {
                claim.metadata.resource_version = None
            }
            Err(error) => return Err(error.into()),
        }
    }
    let message = "several clusters claim the same identity at once";
    Err(Denial::of(cluster, RefusalCode::ClusterMismatch, Reason::AgentRefused, message))
}

/// The cluster that claims an identity.
async fn claimant(context: &Context, uid: &str) -> Result<Option<String>, Error> {
    let api: Api<Secret> = Api::namespaced(context.client(), IDENTITY_NAMESPACE);
    Ok(api.get_opt(&identity_name(uid)).await?.map(|claim| text(&claim, CLUSTER)))
}

/// Gives up a removed cluster's claim.
pub(crate) async fn release_identity(context: &Context, cluster: &str) -> Result<(), Error> {
    let Some(bound) = Enrolment::read(context, cluster).await? else { return Ok(()) };
    if claimant(context, &bound.kube_system_uid).await?.as_deref() != Some(cluster) {
        return Ok(());
    }
    let api: Api<Secret> = Api::namespaced(context.client(), IDENTITY_NAMESPACE);
    match api.delete(&identity_name(&bound.kube_system_uid), &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A name for any UID, whatever characters an agent sends.
fn identity_name(uid: &str) -> String {
    format!("{IDENTITY_PREFIX}{}", identity_hash(uid))
}

/// Stands for a cluster where its UID has no business.
fn identity_hash(uid: &str) -> String {
    Sha256::digest(uid)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `Some(false)` while it is being removed, `None` when it is gone.
async fn is_alive(context: &Context, cluster: &str) -> Result<Option<bool>, Error> {
    let api: Api<Cluster> = Api::all(context.client());
    let found = api.get_opt(cluster).await?;
    Ok(found.map(|cluster| cluster.metadata.deletion_timestamp.is_none()))
}

async fn check_cluster(context: &Context, cluster: &str) -> Result<(), Denial> {
    match is_alive(context, cluster).await? {
        Some(true) => Ok(()),
        Some(false) => Err(Denial::new(RefusalCode::ClusterDeleted, "the cluster was deleted on the server")),
        None => Err(Denial::new(RefusalCode::UnknownCluster, "the server knows no such cluster")),
    }
}

/// What is bound to a cluster.
struct Enrolment {
    public_key: Vec<u8>,
    kube_system_uid: String,
    bound_at: Option<Timestamp>,
    resource_version: Option<String>,
}

impl Enrolment {
    fn new(hello: &Hello) -> Self {
        Enrolment {
            public_key: hello.public_key.clone(),
            kube_system_uid: hello.kube_system_uid.clone(),
            bound_at: Some(Timestamp::now()),
            resource_version: None,
        }
    }

    async fn read(context: &Context, cluster: &str) -> Result<Option<Self>, Error> {
        let api: Api<Secret> = Api::namespaced(context.client(), cluster);
        Ok(api.get_opt(ENROLMENT).await?.map(|secret| Enrolment {
            public_key: secret
                .data
                .as_ref()
                .and_then(|data| data.get(PUBLIC_KEY))
                .map(|key| key.0.clone())
                .unwrap_or_default(),
            kube_system_uid: text(&secret, KUBE_SYSTEM_UID),
            bound_at: text(&secret, BOUND_AT).parse().ok(),
            resource_version: secret.metadata.resource_version,
        }))
    }

    fn to_secret(&self) -> Secret {
        let bound_at = self.bound_at.map(|at| at.to_string()).unwrap_or_default();
        let bytes = |key: &str, value: &[u8]| (key.to_owned(), ByteString(value.to_vec()));
        Secret {
            metadata: ObjectMeta { name: Some(ENROLMENT.to_owned()), ..ObjectMeta::default() },
            data: Some(BTreeMap::from([
                bytes(PUBLIC_KEY, &self.public_key),
                bytes(KUBE_SYSTEM_UID, self.kube_system_uid.as_bytes()),
                bytes(BOUND_AT, bound_at.as_bytes()),
            ])),
            ..Secret::default()
        }
    }

    fn has_key(&self, key: &[u8]) -> bool {
        !key.is_empty() && verify_slices_are_equal(&self.public_key, key).is_ok()
    }

    /// Whether the bound key's agent had its chance: it came and went, or had long enough to come.
    fn may_be_replaced(&self, context: &Context, cluster: &str, now: Timestamp) -> bool {
        let Some(bound_at) = self.bound_at else { return true };
        let came_and_went = context
            .config
            .registry
            .absence(cluster)
            .and_then(|absence| Timestamp::try_from(absence.since).ok())
            .is_some_and(|since| since > bound_at);
        came_and_went || now.duration_since(bound_at).abs() > BIND_QUIET
    }
}

fn text(secret: &Secret, key: &str) -> String {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.as_slice());
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}
