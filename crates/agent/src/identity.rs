//! Who this agent is: its key pair, kept in a Secret of its cluster, and the cluster's own identity.
//!
//! The key is stored before it is ever shown to a server, so that a crash cannot lose an enrolled key. The Secret
//! notes what it was enrolled for; a new join token or another server means enrolling again.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use grange_tunnel::{AgentKey, key::KeyError};
use grange_wire::{Challenge, Credential, Facts, Hello, Lane, PROTOCOL_VERSION, RefusalCode, names};
use serde_json::{Value, json};

use crate::{
    Config, ConfigError, Mode,
    kubernetes::{Client, KubernetesError},
    ownership,
    server::ServerUrl,
};

const KEY: &str = "key";
const CLUSTER: &str = "cluster";
const KUBE_SYSTEM_UID: &str = "kubeSystemUID";
const ENROLMENT: &str = "enrolment";

/// Why the agent does not know who it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error("the cluster's identity cannot be read")]
    Cluster(#[source] KubernetesError),
    #[error("namespace kube-system has no UID")]
    NoUid,
    #[error("the Secret {}/{} cannot be kept", names::NAMESPACE, names::KEY_SECRET)]
    Secret(#[source] KubernetesError),
    #[error("the import's ClusterRole {} is gone or going", names::CLUSTER_ROLE)]
    NoOwner,
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The agent's key and what it is good for.
pub(crate) struct Identity {
    key: AgentKey,
    kube_system_uid: String,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct State {
    /// The cluster the key was enrolled for.
    cluster: Option<String>,
    /// Fingerprint of server and join token it was enrolled with.
    enrolment: Option<String>,
    /// The server does not know the key (any more): try the token.
    prefer_token: bool,
}

impl Identity {
    /// Reads the key, or makes and stores one.
    pub(crate) async fn load(client: &Client, mode: Mode) -> Result<Self, IdentityError> {
        let namespace = client.get("/api/v1/namespaces/kube-system").await.map_err(IdentityError::Cluster)?;
        let uid = namespace["metadata"]["uid"].as_str().unwrap_or_default();
        if uid.is_empty() {
            return Err(IdentityError::NoUid);
        }
        let path = names::KEY_OBJECT.path();
        let stored = match client.get(&path).await {
            Ok(stored) => Some(stored),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(IdentityError::Secret(error)),
        };
        if let Some(stored) = &stored {
            if let Some(identity) = read(stored, uid) {
                return Ok(identity);
            }
            if stored["data"].is_object() {
                tracing::warn!("the stored key is damaged or of another cluster; making a new one");
            }
        }
        // Owned from the first moment: should the import be removed just now, the Secret goes with it.
        let owner = ownership::owner_reference(client).await.map_err(IdentityError::Secret)?;
        if owner.is_none() && mode == Mode::InCluster {
            return Err(IdentityError::NoOwner);
        }
        let key = AgentKey::generate()?;
        let mut object = secret(&key, uid, owner);
        let written = match &stored {
            // The manifest brings the Secret empty, because the right to create Secrets cannot be limited to a name.
            Some(stored) => {
                object["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
                object["data"][CLUSTER] = Value::Null;
                object["data"][ENROLMENT] = Value::Null;
                client.patch(&path, &object).await
            }
            None => client.create(names::KEY_OBJECT.collection, &object).await,
        };
        match written {
            Ok(_) => Ok(Identity { key, kube_system_uid: uid.to_owned(), state: Mutex::default() }),
            // Another agent of this cluster was faster.
            Err(error) if error.is_conflict() => {
                let stored = client.get(&path).await.map_err(IdentityError::Secret)?;
                read(&stored, uid).ok_or(IdentityError::Key(KeyError::Malformed))
            }
            Err(error) => Err(IdentityError::Secret(error)),
        }
    }

    /// Makes the hello for a challenge.
    pub(crate) fn hello(
        &self,
        challenge: &Challenge,
        offer: &Offer,
        lane: Lane,
        instance: &str,
        facts: Facts,
    ) -> Hello {
        let mut hello = Hello {
            protocol: PROTOCOL_VERSION.min(challenge.protocol.max(1)),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: instance.to_owned(),
            lane,
            cluster: offer.cluster.clone(),
            public_key: Vec::new(),
            kube_system_uid: self.kube_system_uid.clone(),
            credential: offer.credential.clone(),
            signature: Vec::new(),
            facts,
        };
        self.key.sign(&mut hello, &challenge.nonce);
        hello
    }

    /// What to show the server at the next attempt.
    pub(crate) fn offer(&self, config: &Config) -> Result<Offer, ConfigError> {
        let state = self.state().clone();
        let token = config.token.read();
        let fingerprint = token.as_ref().ok().map(|token| fingerprint(&config.server, token.expose()));
        let known = state.cluster.is_some();
        let same = fingerprint.is_none() || state.enrolment == fingerprint;
        if known && same && !(state.prefer_token && token.is_ok()) {
            return Ok(Offer { cluster: state.cluster, credential: Credential::Key, fingerprint });
        }
        Ok(Offer { cluster: None, credential: Credential::Token(token?), fingerprint })
    }

    /// Notes that the server took us in, in memory and in the Secret.
    pub(crate) async fn enrolled(
        &self,
        client: &Client,
        cluster: &str,
        offer: &Offer,
    ) -> Result<(), KubernetesError> {
        {
            let mut state = self.state();
            state.prefer_token = false;
            if state.cluster.as_deref() == Some(cluster) && state.enrolment == offer.fingerprint {
                return Ok(());
            }
        }
        let mut data = json!({ CLUSTER: STANDARD.encode(cluster) });
        if let Some(fingerprint) = &offer.fingerprint {
            data[ENROLMENT] = STANDARD.encode(fingerprint).into();
        }
        client.patch(&names::KEY_OBJECT.path(), &json!({ "data": data })).await?;
        let mut state = self.state();
        state.cluster = Some(cluster.to_owned());
        state.enrolment.clone_from(&offer.fingerprint);
        Ok(())
    }

    /// Draws conclusions from a refusal: a key that is not known may be enrolled again, and the other way round.
    pub(crate) fn refused(&self, code: RefusalCode) {
        use RefusalCode::{
            BadToken, ClusterDeleted, ClusterMismatch, KeyMismatch, Revoked, TokenForOtherCluster,
            UnknownCluster,
        };
        let about_credential = matches!(
            code,
            BadToken
                | ClusterDeleted
                | ClusterMismatch
                | KeyMismatch
                | Revoked
                | TokenForOtherCluster
                | UnknownCluster
        );
        let mut state = self.state();
        if about_credential && state.cluster.is_some() {
            state.prefer_token = !state.prefer_token;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the agent shows a server.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    cluster: Option<String>,
    credential: Credential,
    fingerprint: Option<String>,
}

impl Offer {
    /// Changes when a new join token is mounted.
    pub(crate) fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }
}

fn fingerprint(server: &ServerUrl, token: &str) -> String {
    let digest = digest(&SHA256, format!("{server}\0{token}").as_bytes());
    STANDARD.encode(&digest.as_ref()[..18])
}

fn secret(key: &AgentKey, uid: &str, owner: Option<Value>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": names::KEY_SECRET,
            "namespace": names::NAMESPACE,
            "ownerReferences": owner.into_iter().collect::<Vec<_>>(),
        },
        "type": "Opaque",
        "data": { KEY: STANDARD.encode(key.pkcs8()), KUBE_SYSTEM_UID: STANDARD.encode(uid) },
    })
}

/// `None` when the Secret is damaged or of another cluster.
fn read(secret: &Value, uid: &str) -> Option<Identity> {
    let bytes = |name: &str| STANDARD.decode(secret["data"][name].as_str()?).ok();
    let text = |name: &str| String::from_utf8(bytes(name)?).ok().filter(|text| !text.is_empty());
    if text(KUBE_SYSTEM_UID)? != uid {
        return None;
    }
    let key = AgentKey::from_pkcs8(&bytes(KEY)?).ok()?;
    let state = State { cluster: text(CLUSTER), enrolment: text(ENROLMENT), prefer_token: false };
    Some(Identity { key, kube_system_uid: uid.to_owned(), state: Mutex::new(state) })
}
