//! Whole HTTP requests to an API server in this process: paths, queries, headers, bodies of every form, one after the other.
//!
//! Each input has a server of its own, over a store in memory, so that nothing of it stays. Time is simulated: whatever
//! waits for a timeout or a bookmark gets it at once.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use grange_apimachinery::{Status, Value, yaml};
use grange_apiserver::{Body, Config, Handle, Service, TokenAuthenticator, UserInfo};
use grange_store::memory::MemoryStore;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use super::{LARGE, schemas};
use crate::{Bytes, Source, Target, mutate, trees, wire_bytes};

/// Most pieces of an answer that are read; watches have no end.
const MAX_FRAMES: usize = 64;
/// Longest that a whole answer may take, in simulated time; more than any timeout of the server's.
const MAX_ANSWER_TIME: Duration = Duration::from_secs(48 * 3600);
/// Most bytes of one answer to a small server's few objects.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

pub(super) fn targets() -> Vec<Target> {
    let mut requests = Target::new("requests", 4 * LARGE, requests, |calls| check_requests(calls));
    requests.weight = 10;
    let mut tokens = Target::new("service-account-tokens", LARGE, token, check_token);
    tokens.weight = 10;
    vec![requests, tokens]
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Call {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

fn requests(source: &mut Source) -> Vec<Call> {
    let mut calls = Vec::new();
    if source.one_in(2) {
        let body = definition(source).to_string();
        calls.push(Call {
            method: "POST".into(),
            target: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: Bytes(body.into_bytes()),
        });
    }
    calls.extend(source.list(12, call));
    calls
}

fn definition(source: &mut Source) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": if source.one_in(2) { schemas::root(source, 2) } else {
                    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
                }},
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                }},
                "additionalPrinterColumns": [
                    {"name": "A", "type": source.pick(&["string", "integer", "date"]), "jsonPath": ".spec.a"},
                ],
            }],
        },
    })
}

/// Kind, API version, place of the collection.
const KINDS: &[(&str, &str, &str)] = &[
    ("Thing", "example.com/v1", "/apis/example.com/v1/namespaces/default/things"),
    ("ConfigMap", "v1", "/api/v1/namespaces/default/configmaps"),
    ("Secret", "v1", "/api/v1/namespaces/default/secrets"),
    ("Namespace", "v1", "/api/v1/namespaces"),
    ("ServiceAccount", "v1", "/api/v1/namespaces/default/serviceaccounts"),
    ("Event", "v1", "/api/v1/namespaces/default/events"),
    ("Event", "events.k8s.io/v1", "/apis/events.k8s.io/v1/namespaces/default/events"),
    ("ResourceQuota", "v1", "/api/v1/namespaces/default/resourcequotas"),
    ("LimitRange", "v1", "/api/v1/namespaces/default/limitranges"),
    ("Lease", "coordination.k8s.io/v1", "/apis/coordination.k8s.io/v1/namespaces/default/leases"),
    ("Role", "rbac.authorization.k8s.io/v1", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"),
    ("ClusterRole", "rbac.authorization.k8s.io/v1", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    (
        "RoleBinding",
        "rbac.authorization.k8s.io/v1",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
    ),
    (
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    ),
    (
        "SelfSubjectAccessReview",
        "authorization.k8s.io/v1",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    ),
    ("SubjectAccessReview", "authorization.k8s.io/v1", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
    (
        "SelfSubjectRulesReview",
        "authorization.k8s.io/v1",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    ),
    ("TokenReview", "authentication.k8s.io/v1", "/apis/authentication.k8s.io/v1/tokenreviews"),
    ("TokenRequest", "authentication.k8s.io/v1", "/api/v1/namespaces/default/serviceaccounts/default/token"),
];

/// What is no collection.
const PATHS: &[&str] = &[
    "/",
    "/api",
    "/apis",
    "/api/v1",
    "/apis/example.com",
    "/apis/example.com/v1",
    "/version",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/api/v1",
    "/openapi/v3/apis/example.com/v1?hash=x",
    "/healthz",
    "/readyz",
    "/openid/v1/jwks",
    "/metrics",
    "/.well-known/openid-configuration",
    "/api/v1/watch/namespaces/default/configmaps",
    "/api/v1/configmaps",
    "//api",
    "/apis/example.com/v1/things",
    "/api/v1/namespaces/default/finalize",
    "*",
];

fn call(source: &mut Source) -> Call {
    let (kind, api_version, collection) = KINDS[source.below(KINDS.len())];
    let name = source.pick(&["a", "b", "default", "kube-root-ca.crt", "things.example.com", "cluster-admin"]);
    let method =
        source.pick(&["GET", "POST", "PUT", "PATCH", "DELETE", "GET", "POST", "HEAD", "OPTIONS", "BREW"]);
    let subresource = source.pick(&["", "", "", "/status", "/scale", "/token", "/finalize", "/x"]);
    let path = match source.below(8) {
        0 => source.pick(PATHS).to_owned(),
        1 => mutate::text(source, format!("{collection}/{name}{subresource}")),
        2 | 3 => collection.to_owned(),
        _ if method == "POST" => collection.to_owned(),
        _ => format!("{collection}/{name}{subresource}"),
    };
    let query = source.list(5, parameter).join("&");
    let query = if source.one_in(4) { mutate::text(source, query) } else { query };
    let separator = if query.is_empty() { "" } else { "?" };
    let object = body_object(source, kind, api_version, name);
    let (content_type, body) = encoded(source, method, kind, api_version, object);
    let mut headers = source.list(4, header);
    if !source.one_in(12) {
        headers.push(("content-type".into(), content_type));
    }
    Call { method: method.into(), target: format!("{path}{separator}{query}"), headers, body }
}

fn parameter(source: &mut Source) -> String {
    let number = source.number() as i64;
    let word = mutate::word(source);
    match source.below(18) {
        0 => format!("limit={number}"),
        1 => format!("limit={}", source.below(3)),
        2 => format!("continue={}", continue_token(source)),
        3 => format!("resourceVersion={number}"),
        4 => format!("resourceVersionMatch={}", source.pick(&["Exact", "NotOlderThan", "x"])),
        5 => format!("labelSelector={word}%3D{word}"),
        6 => format!("fieldSelector=metadata.name%3D{word}"),
        7 => format!("watch={}", source.pick(&["true", "1", "0", "x"])),
        8 => format!("timeoutSeconds={number}"),
        9 => "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan".into(),
        10 => format!("dryRun={}", source.pick(&["All", "x"])),
        11 => format!("fieldManager={word}"),
        12 => format!("force={}", source.pick(&["true", "false"])),
        13 => format!("fieldValidation={}", source.pick(&["Strict", "Warn", "Ignore", "x"])),
        14 => format!("propagationPolicy={}", source.pick(&["Foreground", "Background", "Orphan", "x"])),
        15 => format!("gracePeriodSeconds={number}"),
        16 => format!("includeObject={}", source.pick(&["None", "Metadata", "Object", "x"])),
        _ => format!("orphanDependents={}", source.pick(&["true", "x"])),
    }
}

fn continue_token(source: &mut Source) -> String {
    let start = mutate::text(source, "a\u{0}".into());
    let token = json!({"v": "meta.k8s.io/v1", "rv": source.number() as i64, "start": start}).to_string();
    let token = mutate::text(source, token);
    URL_SAFE_NO_PAD.encode(token)
}

fn header(source: &mut Source) -> (String, String) {
    let accepts = &[
        "application/json",
        "application/yaml",
        "*/*",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
        "application/vnd.kubernetes.protobuf",
        "application/json;stream=watch",
        "text/html",
        "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
        "application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io",
        "application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
        "application/yaml;as=Table;v=v1;g=meta.k8s.io",
    ];
    let (name, value) = match source.below(8) {
        0..4 => ("accept", source.pick(accepts).to_owned()),
        4 => ("accept-encoding", source.pick(&["gzip", "gzip;q=0", "br"]).to_owned()),
        5 => (
            source.pick(&[
                "impersonate-user",
                "impersonate-group",
                "impersonate-uid",
                "impersonate-extra-a%2fb",
            ]),
            source.pick(&["ada", "system:masters", "system:serviceaccount:default:default", ""]).to_owned(),
        ),
        6 => ("user-agent", source.pick(&["kubectl/v1", "a b/c", ""]).to_owned()),
        _ => {
            ("authorization", source.pick(&["Bearer a", "Bearer ", "Basic YTpi", "Bearer a.b.c"]).to_owned())
        }
    };
    let value = if source.one_in(6) { mutate::text(source, value) } else { value };
    (name.to_owned(), value)
}

/// Something like an object of the kind.
fn body_object(source: &mut Source, kind: &str, api_version: &str, name: &str) -> Value {
    let inner = match kind {
        "ConfigMap" => json!({"data": trees::object(source, 0), "binaryData": {"a": "aGk="}}),
        "Secret" => json!({"stringData": {"a": "b"}, "type": source.pick(&["Opaque", "kubernetes.io/tls"])}),
        "ResourceQuota" => {
            json!({"spec": {"hard": {"count/configmaps": mutate::text(source, "1Ki".into())}}})
        }
        "LimitRange" => json!({"spec": {"limits": [{"type": "Container", "default": {"cpu": "1m"}}]}}),
        "Lease" => {
            json!({"spec": {"holderIdentity": "a", "renewTime": mutate::text(source, "2026-11-29T01:02:03.000000Z".into())}})
        }
        "Event" => {
            json!({"involvedObject": {"namespace": "default"}, "regarding": {}, "reason": "x", "type": "Normal"})
        }
        "Role" | "ClusterRole" => json!({
            "rules": [{"apiGroups": [""], "resources": ["*"], "verbs": source.list(3, mutate::word)}],
            "aggregationRule": if source.one_in(3) { json!({"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}) } else { Value::Null },
        }),
        "RoleBinding" => json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"},
            "subjects": [{"kind": "User", "name": "ada", "apiGroup": "rbac.authorization.k8s.io"}],
        }),
        "CustomResourceDefinition" => definition(source),
        "Thing" => json!({"spec": trees::object(source, 3), "status": trees::object(source, 1)}),
        "TokenReview" => json!({"spec": {"token": mutate::word(source), "audiences": ["a"]}}),
        "TokenRequest" => json!({"spec": {"audiences": ["a"], "expirationSeconds": source.number() as i64}}),
        _ => {
            json!({"spec": {"namespace": "default", "user": "ada", "resourceAttributes": {"verb": "get", "resource": "x"}}})
        }
    };
    let mut object = inner;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    object["metadata"] = json!({
        "name": name, "labels": {"a": "b"},
        "finalizers": if source.one_in(6) { json!(["example.com/a"]) } else { json!([]) },
    });
    if source.one_in(8) {
        object["metadata"]["generateName"] = "a-".into();
    }
    if source.one_in(8) {
        object["metadata"]["resourceVersion"] = source.number().to_string().into();
    }
    if source.one_in(2) { trees::changed(source, &object) } else { object }
}

/// A body and its type.
fn encoded(
    source: &mut Source,
    method: &str,
    kind: &str,
    api_version: &str,
    object: Value,
) -> (String, Bytes) {
    let options = json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground",
        "preconditions": {"resourceVersion": "1", "uid": "x"}, "gracePeriodSeconds": source.number() as i64,
    });
    let (content_type, document) = match method {
        "PATCH" => match source.below(5) {
            0 => ("application/json-patch+json", json_patch(source)),
            1 => ("application/strategic-merge-patch+json", object),
            2 => ("application/apply-patch+yaml", object),
            3 => ("application/apply-patch+cbor", object),
            _ => ("application/merge-patch+json", object),
        },
        "DELETE" => ("application/json", if source.one_in(2) { options } else { object }),
        _ => ("application/json", object),
    };
    match source.below(10) {
        0 if method != "PATCH" => ("application/yaml".into(), Bytes(yaml::to_string(&document).into_bytes())),
        1 if method != "PATCH" => {
            ("application/vnd.kubernetes.protobuf".into(), protobuf(source, kind, api_version, &document))
        }
        2 => {
            let text = mutate::text(source, document.to_string());
            (content_type.into(), Bytes(mutate::bytes(source, text.into_bytes())))
        }
        3 => (content_type.into(), Bytes(trees::deep(source).to_string().into_bytes())),
        4 => (mutate::text(source, content_type.into()), Bytes(document.to_string().into_bytes())),
        _ => (content_type.into(), Bytes(document.to_string().into_bytes())),
    }
}

fn json_patch(source: &mut Source) -> Value {
    let steps = source.list(5, |source| {
        let path = source.pick(&["/metadata/labels/a", "/metadata/name", "/data", "/spec", "", "/metadata", "/kind", "/metadata/finalizers/-"]);
        json!({"op": source.pick(&["add", "remove", "replace", "copy", "move", "test"]), "path": path, "from": "/metadata",
            "value": trees::value(source, 2)})
    });
    steps.into()
}

/// The envelope around JSON, or around fields of any kind.
fn protobuf(source: &mut Source, kind: &str, api_version: &str, document: &Value) -> Bytes {
    let (raw, content_type) = if source.one_in(3) {
        (document.to_string().into_bytes(), "application/json")
    } else {
        (wire_bytes::message(source, 4), "")
    };
    let mut names = Vec::new();
    wire_bytes::put_bytes(&mut names, 1, api_version.as_bytes());
    wire_bytes::put_bytes(&mut names, 2, kind.as_bytes());
    let mut body = b"k8s\0".to_vec();
    wire_bytes::put_bytes(&mut body, 1, &names);
    wire_bytes::put_bytes(&mut body, 2, &raw);
    wire_bytes::put_bytes(&mut body, 4, content_type.as_bytes());
    Bytes(mutate::bytes(source, body))
}

struct Nobody;

impl TokenAuthenticator for Nobody {
    fn authenticate<'a>(
        &'a self,
        _: &'a str,
    ) -> futures::future::BoxFuture<'a, Result<Option<UserInfo>, Status>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// The key of service accounts' tokens.
static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    key.expect("a key can be made").as_ref().to_vec()
});

/// Runs a conversation with a fresh server.
fn with_server<F: Future<Output = ()>>(talk: impl FnOnce(Handle) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be had");
    runtime.block_on(async {
        let mut config = Config::new(Arc::new(MemoryStore::default()), Arc::new(Nobody));
        config.service_account_key = Some(KEY.to_vec());
        config.ca_pem = Some("a certificate".into());
        let (service, handle) = Service::new(config);
        let stop = CancellationToken::new();
        let running = tokio::spawn(service.run(stop.clone()));
        handle.ready().await;
        talk(handle).await;
        stop.cancel();
        running.await.expect("the server's parts end well");
    });
}

fn check_requests(calls: &[Call]) {
    with_server(|handle| async move {
        for call in calls {
            // What is no HTTP never reaches the server.
            let Some(request) = request(call) else { continue };
            let answer = timeout(MAX_ANSWER_TIME, answer(&handle, request)).await;
            let (code, body) = answer.expect("an answer, though time flies");
            assert!(body.len() <= MAX_ANSWER_BYTES, "the limit of an answer");
            let text = String::from_utf8_lossy(&body);
            // The answer to a HEAD does not tell; a panic would.
            assert!(code < 500 || call.method == "HEAD" || is_deliberate(code, &text), "{code}: {text}");
        }
        assert_eq!(handle.panics(), 0);
    });
}

/// What Kubernetes answers in the same way, though it is an error of servers.
fn is_deliberate(code: u16, text: &str) -> bool {
    match code {
        // A revision that is still to come.
        504 => text.contains("Too large resource version"),
        // Of its own failures a server says so.
        500 => !text.contains("InternalError") || text.contains("spec replicas field"),
        _ => false,
    }
}

fn request(call: &Call) -> Option<Request<Body>> {
    let mut request = Request::new(Body::from(call.body.0.clone()));
    *request.method_mut() = Method::from_bytes(call.method.as_bytes()).ok()?;
    *request.uri_mut() = call.target.parse::<Uri>().ok()?;
    for (name, value) in &call.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    if !request.headers().contains_key("authorization") {
        request.extensions_mut().insert(UserInfo::loopback());
    }
    Some(request)
}

/// The code and the body, or the beginning of one that does not end.
async fn answer(handle: &Handle, request: Request<Body>) -> (u16, Vec<u8>) {
    let response: Response<Body> = handle.call(request).await;
    let code = response.status().as_u16();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    for _ in 0..MAX_FRAMES {
        let Some(frame) = body.frame().await else { break };
        if let Ok(data) = frame.expect("the server's answers do not break off").into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    (code, bytes)
}

/// Where a token is changed and how; nothing at all is an input, too.
fn token(source: &mut Source) -> (usize, Option<u8>, Bytes) {
    let at = source.below(1200);
    let change = source.one_in(4).then(|| source.number() as u8);
    let own = mutate::bytes(source, b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.".to_vec());
    (at, change, Bytes(own))
}

/// Only the token itself is one; neither a changed one nor one that is made up opens anything.
fn check_token((at, change, own): &(usize, Option<u8>, Bytes)) {
    with_server(|handle| async move {
        let audiences = [];
        let issued = handle
            .issue_service_account_token("default", "default", &audiences, Duration::from_secs(600))
            .await;
        let Ok(issued) = issued else { return };
        let mut changed = issued.clone().into_bytes();
        let at = at % changed.len();
        match change {
            Some(byte) => changed[at] = *byte,
            None => drop(changed.remove(at)),
        }
        for (token, is_good) in
            [(issued.as_bytes(), true), (&changed, changed == issued.as_bytes()), (&own.0, false)]
        {
            let value = [b"Bearer ", token].concat();
            let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
            let mut request = Request::new(Body::Empty);
            *request.uri_mut() = Uri::from_static("/api");
            request.headers_mut().insert("authorization", value);
            let (code, body) = answer(&handle, request).await;
            assert_eq!(code != 401, is_good, "{code} {}", String::from_utf8_lossy(&body));
        }
    });
}
