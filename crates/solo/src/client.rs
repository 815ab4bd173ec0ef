//! The cluster's API as its own controllers see it: plain JSON over `kube::Client`, which here has no socket.
//!
//! Watches carry headers only (metadata without the object), so that a hundred clusters in one process keep no
//! second copy of their objects: a controller reads what it reconciles.

use std::{
    borrow::Cow,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures::{Stream, StreamExt};
use grange_apimachinery::{Object, Status};
use kube::core::WatchEvent;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::kinds::Kind;

/// How long a watch waits before it is opened anew after a failure.
const WATCH_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Why a call to the cluster's own API failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The API refused.
    #[error("{message}")]
    Api {
        /// HTTP status code.
        code: u16,
        /// Kubernetes' reason.
        reason: String,
        /// Kubernetes' sentence.
        message: String,
    },
    /// There was no usable answer.
    #[error("no usable answer from the API: {0}")]
    NoAnswer(String),
}

impl ClientError {
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, ClientError::Api { code: 404, .. })
    }
    /// Somebody else wrote first, or made it first: the next look sees it.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, ClientError::Api { code: 409, .. })
    }
}

impl From<kube::Error> for ClientError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => {
                ClientError::Api { code: status.code, reason: status.reason, message: status.message }
            }
            other => ClientError::NoAnswer(other.to_string()),
        }
    }
}

/// Where an object lives: namespace (`""` for none) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Key { namespace: namespace.into(), name: name.into() }
    }
    pub(crate) fn of(object: &Object) -> Self {
        Key::new(object.namespace(), object.name())
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The part of an object that watches deliver.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) metadata: HeaderMetadata,
}

/// The metadata of a [`Header`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HeaderMetadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) owner_references: Vec<grange_apimachinery::object::OwnerReference>,
}

impl Header {
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.metadata.namespace, &self.metadata.name)
    }
    /// The controlling owner of this kind, in the same namespace.
    pub(crate) fn owner(&self, kind: &str) -> Option<Key> {
        (self.metadata.owner_references.iter())
            .find(|owner| owner.kind == kind && owner.controller == Some(true))
            .map(|owner| Key::new(&self.metadata.namespace, &owner.name))
    }
}

/// What a watch saw.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// It is there, new or changed.
    Present(Header),
    /// It is gone.
    Gone(Header),
}

impl Seen {
    pub(crate) fn header(&self) -> &Header {
        match self {
            Seen::Present(header) | Seen::Gone(header) => header,
        }
    }
}

/// The client; cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    inner: kube::Client,
    field_manager: &'static str,
}

impl Client {
    pub(crate) fn new(inner: kube::Client, field_manager: &'static str) -> Self {
        Client { inner, field_manager }
    }

    /// The object, if it is there.
    pub(crate) async fn get(&self, kind: &Kind, key: &Key) -> Result<Option<Object>, ClientError> {
        let request = http::Request::get(kind.path(&key.namespace, &key.name, ""));
        match self.send(request, Vec::new()).await {
            Ok(map) => Ok(Some(Object(map))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a kind, in one namespace or (`""`) in all, that match a label selector (`""` for all).
    pub(crate) async fn list(
        &self,
        kind: &Kind,
        namespace: &str,
        label_selector: &str,
    ) -> Result<Vec<Object>, ClientError> {
        #[derive(Deserialize)]
        struct List {
            items: Vec<Map<String, Value>>,
        }
        let mut path = kind.path(namespace, "", "");
        if !label_selector.is_empty() {
            path.push_str("?labelSelector=");
            path.push_str(&percent_encode(label_selector));
        }
        let list: List = self.send(http::Request::get(path), Vec::new()).await?;
        Ok((list.items.into_iter())
            .map(|mut item| {
                // Items of a list may lack their type.
                item.entry("apiVersion").or_insert_with(|| kind.api_version().into());
                item.entry("kind").or_insert_with(|| kind.kind.to_string().into());
                Object(item)
            })
            .collect())
    }

    /// Creates an object.
    pub(crate) async fn create(&self, kind: &Kind, object: &Object) -> Result<Object, ClientError> {
        let path = self.managed(kind.path(object.namespace(), "", ""));
        let request = http::Request::post(path).header("content-type", "application/json");
        self.send(request, object.to_bytes().to_vec()).await.map(Object)
    }

    /// Creates an object unless one with its name is there.
    pub(crate) async fn create_if_absent(&self, kind: &Kind, object: &Object) -> Result<(), ClientError> {
        match self.create(kind, object).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_conflict() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sends a merge patch to an object or one of its subresources.
    pub(crate) async fn patch(
        &self,
        kind: &Kind,
        key: &Key,
        subresource: &str,
        patch: &Value,
    ) -> Result<Object, ClientError> {
        let path = self.managed(kind.path(&key.namespace, &key.name, subresource));
        let request = http::Request::patch(path).header("content-type", "application/merge-patch+json");
        self.send(request, patch.to_string().into_bytes()).await.map(Object)
    }

    /// Replaces the status, by merge patch of its top-level fields; a field set to null goes.
    pub(crate) async fn patch_status(
        &self,
        kind: &Kind,
        key: &Key,
        status: &Value,
    ) -> Result<Object, ClientError> {
        let subresource = if kind.status { "status" } else { "" };
        self.patch(kind, key, subresource, &json!({ "status": status })).await
    }

    /// Deletes an object (one that is gone already is fine), if its uid is still this one.
    pub(crate) async fn delete(&self, kind: &Kind, key: &Key, uid: Option<&str>) -> Result<(), ClientError> {
        let mut options =
            json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
        if let Some(uid) = uid {
            options["preconditions"] = json!({ "uid": uid });
        }
        let request = http::Request::delete(kind.path(&key.namespace, &key.name, ""))
            .header("content-type", "application/json");
        match self.send::<Map<String, Value>>(request, options.to_string().into_bytes()).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Any GET, as JSON.
    pub(crate) async fn get_path<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(http::Request::get(path), Vec::new()).await
    }

    /// What happens to a kind: first everything that is there, then every change, for ever. After a failure
    /// everything that is there comes again; what vanished meanwhile does not show.
    pub(crate) fn watch(&self, kind: &'static Kind) -> impl Stream<Item = Seen> + Send + use<> {
        let client = self.clone();
        futures::stream::unfold(None, move |state| {
            let client = client.clone();
            async move {
                let mut events = match state {
                    Some(events) => events,
                    None => client.open_watch(kind).await,
                };
                let next = events.next().await;
                match next {
                    Some(seen) => Some((Some(seen), Some(events))),
                    None => {
                        tokio::time::sleep(WATCH_RETRY_DELAY).await;
                        Some((None, None))
                    }
                }
            }
        })
        .filter_map(std::future::ready)
    }

    async fn open_watch(&self, kind: &Kind) -> futures::stream::BoxStream<'static, Seen> {
        let path = kind.path("", "", "")
            + "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        let request = match http::Request::get(path).body(Vec::new()) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(%error, kind = %kind.plural, "watch request");
                return futures::stream::empty().boxed();
            }
        };
        match self.inner.request_events::<Header>(request).await {
            Ok(events) => events
                .take_while(|event| {
                    let go_on = !matches!(event, Err(_) | Ok(WatchEvent::Error(_)));
                    std::future::ready(go_on)
                })
                .filter_map(|event| {
                    std::future::ready(match event {
                        Ok(WatchEvent::Added(header) | WatchEvent::Modified(header)) => {
                            Some(Seen::Present(header))
                        }
                        Ok(WatchEvent::Deleted(header)) => Some(Seen::Gone(header)),
                        _ => None,
                    })
                })
                .boxed(),
            Err(error) => {
                tracing::debug!(%error, kind = %kind.plural, "watch could not be opened");
                futures::stream::empty().boxed()
            }
        }
    }

    fn managed(&self, path: String) -> String {
        format!("{path}?fieldManager={}", self.field_manager)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: http::request::Builder,
        body: Vec<u8>,
    ) -> Result<T, ClientError> {
        let request = request.body(body).map_err(|error| ClientError::NoAnswer(error.to_string()))?;
        Ok(self.inner.request(request).await?)
    }
}

/// The client that subresources use of the very API that serves them: there once that API is, and taken away at the
/// end, because the two would keep each other alive.
#[derive(Clone, Default)]
pub(crate) struct OwnClient(Arc<RwLock<Option<Client>>>);

impl OwnClient {
    pub(crate) fn set(&self, client: Option<Client>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = client;
    }
    pub(crate) fn get(&self) -> Result<Client, Status> {
        let client = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        client.ok_or_else(|| Status::unavailable("the cluster is starting or ending", 1))
    }
}

/// Encodes everything but unreserved characters.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A name as text that lives as long as the program, or one found by discovery.
pub(crate) type Name = Cow<'static, str>;
