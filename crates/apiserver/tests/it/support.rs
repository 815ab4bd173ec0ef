//! A running server over a memory store, and a small client.
use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use grange_apimachinery::{Status, Value};
use grange_apiserver::{Body, Config, Handle, Resource, Scope, Service, TokenAuthenticator, UserInfo};
use grange_store::{Store, memory::MemoryStore};
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use tokio_util::sync::CancellationToken;

/// How long anything may take before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Tokens that are users: `token-alice` is alice.
pub(crate) struct Tokens;
impl TokenAuthenticator for Tokens {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<UserInfo>, Status>> {
        let user = token
            .strip_prefix("token-")
            .map(|name| UserInfo { username: name.to_owned(), ..UserInfo::default() });
        Box::pin(std::future::ready(Ok(user)))
    }
}

/// A server that stops when dropped.
pub(crate) struct Server {
    pub(crate) handle: Handle,
    pub(crate) store: Arc<dyn Store>,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A resource with status, like most of ours.
pub(crate) fn widgets() -> Resource {
    Resource {
        short_names: vec!["wd".into()],
        categories: vec!["all".into()],
        selectable_fields: vec![".spec.color".into()],
        ..Resource::new("example.io", "v1", "Widget", "widgets", Scope::Namespaced)
    }
}

/// A cluster-scoped resource.
pub(crate) fn planets() -> Resource {
    Resource::new("example.io", "v1", "Planet", "planets", Scope::Cluster)
}

pub(crate) async fn start() -> Server {
    start_with(|_| {}).await
}

pub(crate) async fn start_with(configure: impl FnOnce(&mut Config)) -> Server {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let mut config = Config::new(store.clone(), Arc::new(Tokens));
    config.resources = vec![widgets(), planets()];
    configure(&mut config);
    let store = config.store.clone();
    let (service, handle) = Service::new(config);
    let stop = CancellationToken::new();
    tokio::spawn(service.run(stop.clone()));
    tokio::time::timeout(DEADLINE, handle.ready()).await.expect("ready in time");
    Server { handle, store, stop }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The code, the reason and the message of an error.
    pub(crate) fn status(&self) -> (u16, String, String) {
        let value = self.json();
        assert_eq!(value["kind"], "Status", "{value}");
        assert_eq!(value["code"], self.code, "{value}");
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        (self.code, text("reason"), text("message"))
    }
    /// The object, if the call succeeded.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!(self.code < 300, "{} {}", self.code, self.text());
        self.json()
    }
    #[track_caller]
    pub(crate) fn fails(&self, code: u16, reason: &str, message: &str) {
        let (got_code, got_reason, got_message) = self.status();
        assert_eq!((got_code, got_reason.as_str()), (code, reason), "{got_message}");
        assert!(got_message.contains(message), "{got_message:?} lacks {message:?}");
    }
}

/// Headers of one request.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

impl Server {
    pub(crate) fn over(handle: Handle, store: Arc<dyn Store>, stop: CancellationToken) -> Self {
        Server { handle, store, stop }
    }
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Body>,
        headers: Headers<'_>,
    ) -> Answer {
        let response = self.response(method, path, body, headers).await;
        let (parts, body) = response.into_parts();
        let body = tokio::time::timeout(DEADLINE, body.collect())
            .await
            .expect("an answer that ends")
            .expect("a body");
        Answer { code: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes() }
    }
    pub(crate) async fn response(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Body>,
        headers: Headers<'_>,
    ) -> http::Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        let mut identified = false;
        for (name, value) in headers {
            identified |= name.eq_ignore_ascii_case("authorization") || *name == "anonymous";
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).expect("a request");
        if !identified {
            request.extensions_mut().insert(UserInfo::loopback());
        }
        tokio::time::timeout(DEADLINE, self.handle.call(request)).await.expect("an answer in time")
    }
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.raw("GET", path, Body::Empty, &[]).await
    }
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.raw("POST", path, body.to_string().into_bytes(), &[("content-type", "application/json")]).await
    }
    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.raw("PUT", path, body.to_string().into_bytes(), &[("content-type", "application/json")]).await
    }
    pub(crate) async fn merge(&self, path: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/merge-patch+json")];
        self.raw("PATCH", path, body.to_string().into_bytes(), &headers).await
    }
    pub(crate) async fn json_patch(&self, path: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/json-patch+json")];
        self.raw("PATCH", path, body.to_string().into_bytes(), &headers).await
    }
    /// Applies a configuration; `query` begins with the manager's name.
    pub(crate) async fn apply(&self, path: &str, query: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/apply-patch+yaml")];
        let path = format!("{path}?fieldManager={query}");
        self.raw("PATCH", &path, body.to_string().into_bytes(), &headers).await
    }
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.raw("DELETE", path, Body::Empty, &[]).await
    }
    /// As a user with a token.
    pub(crate) async fn as_user(&self, user: &str, method: &str, path: &str, body: Value) -> Answer {
        let token = format!("Bearer token-{user}");
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.raw(method, path, body, &[("authorization", &token), ("content-type", "application/json")]).await
    }
    /// Waits until `path` answers `code`.
    pub(crate) async fn until(&self, path: &str, what: impl Fn(&Answer) -> bool) -> Answer {
        let mut watch = {
            let revision = self.store.revision().await.expect("a revision");
            self.store.watch("", revision).await.expect("a watch")
        };
        let waiting = async {
            loop {
                let answer = self.get(path).await;
                if what(&answer) {
                    return answer;
                }
                // Something must be written for the answer to change.
                let _ = tokio::time::timeout(Duration::from_millis(200), watch.next()).await;
            }
        };
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(answer) => answer,
            Err(_) => panic!("{path} never became as wanted: {}", self.get(path).await.text()),
        }
    }
    pub(crate) async fn until_gone(&self, path: &str) {
        self.until(path, |answer| answer.code == 404).await;
    }
    pub(crate) async fn watch(&self, path: &str) -> Events {
        self.watch_with(path, &[]).await
    }
    pub(crate) async fn watch_with(&self, path: &str, headers: Headers<'_>) -> Events {
        let response = self.response("GET", path, Body::Empty, headers).await;
        assert_eq!(response.status(), 200);
        Events { body: response.into_body(), buffer: Vec::new() }
    }
}

/// The events of a watch.
pub(crate) struct Events {
    body: Body,
    buffer: Vec<u8>,
}

impl Events {
    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).expect("an event");
                return Some((event["type"].as_str().expect("a type").to_owned(), event["object"].clone()));
            }
            let frame = tokio::time::timeout(DEADLINE, self.body.frame()).await.expect("an event in time")?;
            self.buffer.extend_from_slice(&frame.expect("a frame").into_data().expect("data"));
        }
    }
    /// The next event as `TYPE name`.
    pub(crate) async fn brief(&mut self) -> String {
        let (kind, object) = self.next().await.expect("an event");
        format!("{kind} {}", object["metadata"]["name"].as_str().unwrap_or("-"))
    }
}

/// Names of a list's items.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect()
}
