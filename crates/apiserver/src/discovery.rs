//! Non-resource paths: discovery (aggregated and not), `/version`, health, OpenAPI.
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use grange_apimachinery::{Reason, Status, Value};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::json;

use crate::{
    Body, Scope,
    authorization::Authorized,
    negotiate, oidc, openapi,
    registry::{Endpoint, Registry},
    response, scale,
    server::Inner,
};

const STORED_VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// What is left of a kind whose definition is being deleted.
const CLOSING_VERBS: &[&str] = &["delete", "deletecollection", "get", "list", "watch"];

/// Namespaces are deleted one by one, as in Kubernetes.
const NAMESPACE_VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];

/// `/healthz`, `/livez`, `/readyz`.
pub(crate) fn health(inner: &Inner) -> Response<Body> {
    if *inner.ready.borrow() {
        response::text(StatusCode::OK, "ok")
    } else {
        response::text(StatusCode::SERVICE_UNAVAILABLE, "the caches are not filled yet")
    }
}

/// Answers an authorized non-resource request.
pub(crate) fn answer(
    inner: &Arc<Inner>,
    authorized: &Authorized<'_>,
    request: &Request<Body>,
) -> Result<Response<Body>, Status> {
    let registry = inner.registry.load();
    let path = authorized.attributes.path;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let known = match parts.as_slice() {
        [] => Some(root(&registry)),
        ["version"] => Some(version(&inner.version)),
        ["api"] => match aggregated(request.headers()) {
            Some(version) => {
                return require_get(request, || aggregated_list(&registry, &[""], version, request));
            }
            None => Some(json!({
                "kind": "APIVersions", "versions": registry.versions(""),
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
            })),
        },
        ["apis"] => match aggregated(request.headers()) {
            Some(version) => {
                return require_get(request, || {
                    aggregated_list(&registry, &registry.groups(), version, request)
                });
            }
            None => {
                let groups: Vec<Value> =
                    registry.groups().into_iter().map(|name| group(&registry, name, false)).collect();
                Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
            }
        },
        ["api", version] => resource_list(&registry, "", version),
        ["apis", name] if registry.groups().contains(name) => Some(group(&registry, name, true)),
        ["apis", group, version] => resource_list(&registry, group, version),
        [".well-known", "openid-configuration"] if inner.issuer.is_some() => Some(oidc::configuration()),
        ["openid", "v1", "jwks"] => {
            let Some(issuer) = &inner.issuer else { return Err(unknown()) };
            return require_get(request, || {
                let mut response =
                    response::json(StatusCode::OK, oidc::keys(issuer).to_string().into_bytes());
                let kind = HeaderValue::from_static(oidc::KEYS_TYPE);
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                Ok(response)
            });
        }
        ["openapi", "v2"] => return require_get(request, || openapi_v2(inner, &registry, request)),
        ["openapi", "v3"] => {
            let index = openapi::index(&registry, |path| {
                openapi_document(inner, &registry, path).map(|(_, tag)| tag)
            });
            return require_get(request, || tagged(Bytes::from(index.to_string()), request));
        }
        ["openapi", "v3", rest @ ..] => {
            let Some((document, _)) = openapi_document(inner, &registry, &rest.join("/")) else {
                return Err(unknown());
            };
            return require_get(request, || tagged(document, request));
        }
        _ => None,
    };
    let Some(value) = known else {
        // Below /api Kubernetes knows all there is, and says so; anything else is just no page.
        if parts.first() == Some(&"api") || !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(unknown());
        }
        return Ok(response::text(StatusCode::NOT_FOUND, "404 page not found\n"));
    };
    require_get(request, || {
        negotiate::require_document(request.headers())?;
        Ok(response::json(StatusCode::OK, value.to_string().into_bytes()))
    })
}

fn unknown() -> Status {
    Status::about_nothing(404, Reason::NotFound, "the server could not find the requested resource")
}

fn require_get(
    request: &Request<Body>,
    answer: impl FnOnce() -> Result<Response<Body>, Status>,
) -> Result<Response<Body>, Status> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer();
    }
    Err(Status::about_nothing(
        405,
        Reason::MethodNotAllowed,
        "the server does not allow this method on the requested resource",
    ))
}

fn root(registry: &Registry) -> Value {
    let mut paths = vec!["/api".to_owned(), "/apis".to_owned()];
    paths.extend(registry.versions("").iter().map(|version| format!("/api/{version}")));
    for group in registry.groups() {
        paths.push(format!("/apis/{group}"));
        paths.extend(registry.versions(group).iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.extend(
        [
            oidc::CONFIGURATION_PATH,
            "/healthz",
            "/livez",
            "/openapi/v2",
            "/openapi/v3",
            oidc::KEYS_PATH,
            "/readyz",
            "/version",
        ]
        .map(str::to_owned),
    );
    paths.sort();
    json!({ "paths": paths })
}

fn version(git_version: &str) -> Value {
    let mut numbers = git_version.trim_start_matches('v').split('.');
    let digits =
        |part: Option<&str>| part.unwrap_or("").chars().take_while(char::is_ascii_digit).collect::<String>();
    json!({
        "major": digits(numbers.next()), "minor": digits(numbers.next()), "gitVersion": git_version,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
        "compiler": "rustc", "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    })
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn group(registry: &Registry, name: &str, alone: bool) -> Value {
    let versions: Vec<Value> = registry
        .versions(name)
        .iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    let mut group = json!({"name": name, "versions": versions, "preferredVersion": versions.first()});
    if alone {
        group["kind"] = "APIGroup".into();
        group["apiVersion"] = "v1".into();
    }
    group
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn verbs(endpoint: &Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Stored(served) if served.is_namespaces() => NAMESPACE_VERBS,
        Endpoint::Stored(served) if served.is_closing() => CLOSING_VERBS,
        Endpoint::Stored(_) => STORED_VERBS,
        Endpoint::Virtual(..) => &["create"],
    }
}

/// The subresources that the server answers itself: name, verbs.
fn own_subresources(endpoint: &Endpoint) -> Vec<(&'static str, &'static [&'static str])> {
    let Endpoint::Stored(served) = endpoint else { return Vec::new() };
    let mut list: Vec<(&str, &[&str])> = Vec::new();
    if served.is_namespaces() {
        list.push(("finalize", &["update"]));
    }
    if served.resource.status_subresource {
        list.push(("status", &["get", "patch", "update"]));
    }
    if served.resource.scale.is_some() {
        list.push(("scale", &["get", "patch", "update"]));
    }
    list
}

/// A subresource's kind with the group version it comes from, where that is not the parent's.
fn foreign_kind(kind: &str) -> Option<(&'static str, &'static str)> {
    (kind == "TokenRequest").then_some(("authentication.k8s.io", "v1"))
}

/// `APIResourceList`; `None` for an unknown group version.
fn resource_list(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    if !registry.versions(group).contains(&version) {
        return None;
    }
    let mut list = Vec::new();
    for endpoint in registry.endpoints_of(group, version) {
        let resource = endpoint.resource();
        let namespaced = resource.scope == Scope::Namespaced;
        let mut entry = json!({
            "name": resource.plural, "singularName": resource.singular, "namespaced": namespaced,
            "kind": resource.kind, "verbs": verbs(endpoint),
        });
        if !resource.short_names.is_empty() {
            entry["shortNames"] = json!(resource.short_names);
        }
        if !resource.categories.is_empty() {
            entry["categories"] = json!(resource.categories);
        }
        if let Endpoint::Stored(served) = endpoint {
            let hash = digest(&SHA256, served.prefix.as_bytes());
            entry["storageVersionHash"] =
                base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &hash.as_ref()[..8])
                    .into();
        }
        list.push(entry);
        for (name, verbs) in own_subresources(endpoint) {
            let mut entry = json!({
                "name": format!("{}/{name}", resource.plural), "singularName": "", "namespaced": namespaced,
                "kind": resource.kind, "verbs": verbs,
            });
            if name == "scale" {
                entry["group"] = "autoscaling".into();
                entry["version"] = "v1".into();
                entry["kind"] = scale::KIND.into();
            }
            list.push(entry);
        }
    }
    for subresource in registry.subresources_of(group, version) {
        let (_, _, plural, name) = subresource.names();
        let namespaced = registry
            .endpoint(group, version, plural)
            .is_none_or(|endpoint| endpoint.resource().scope == Scope::Namespaced);
        let mut entry = json!({
            "name": format!("{plural}/{name}"), "singularName": "", "namespaced": namespaced,
            "kind": subresource.kind(), "verbs": subresource.verbs(),
        });
        if let Some((group, version)) = foreign_kind(subresource.kind()) {
            entry["group"] = group.into();
            entry["version"] = version.into();
        }
        list.push(entry);
    }
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version(group, version), "resources": list,
    }))
}

/// The version of aggregated discovery that the client prefers over the plain documents.
fn aggregated(headers: &HeaderMap) -> Option<&'static str> {
    for range in negotiate::accepted(headers) {
        if !range.takes_json() {
            continue;
        }
        match (range.parameter("as"), range.parameter("g"), range.parameter("v")) {
            (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2")) => return Some("v2"),
            (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2beta1")) => {
                return Some("v2beta1");
            }
            (None, ..) => return None,
            _ => {}
        }
    }
    None
}

fn aggregated_list(
    registry: &Registry,
    groups: &[&str],
    version: &str,
    request: &Request<Body>,
) -> Result<Response<Body>, Status> {
    let items: Vec<Value> = groups
        .iter()
        .map(|group| {
            let versions: Vec<Value> = registry
                .versions(group)
                .into_iter()
                .map(|version| {
                    json!({
                        "version": version, "freshness": "Current",
                        "resources": aggregated_resources(registry, group, version),
                    })
                })
                .collect();
            let metadata = if group.is_empty() { json!({}) } else { json!({ "name": group }) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let document = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {}, "items": items,
    });
    let mut response = tagged(document.to_string().into(), request)?;
    let media_type = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    if let Ok(value) = HeaderValue::from_str(&media_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

fn aggregated_resources(registry: &Registry, group: &str, version: &str) -> Vec<Value> {
    let response_kind = |kind: &str| {
        let (group, version) = foreign_kind(kind).unwrap_or((group, version));
        json!({"group": group, "version": version, "kind": kind})
    };
    let scope = |scope: Scope| if scope == Scope::Namespaced { "Namespaced" } else { "Cluster" };
    let mut list: Vec<Value> = Vec::new();
    for endpoint in registry.endpoints_of(group, version) {
        let resource = endpoint.resource();
        let mut entry = json!({
            "resource": resource.plural, "responseKind": response_kind(&resource.kind), "scope": scope(resource.scope),
            "singularResource": resource.singular, "verbs": verbs(endpoint),
        });
        if !resource.short_names.is_empty() {
            entry["shortNames"] = json!(resource.short_names);
        }
        if !resource.categories.is_empty() {
            entry["categories"] = json!(resource.categories);
        }
        let own: Vec<Value> = own_subresources(endpoint)
            .into_iter()
            .map(|(name, verbs)| {
                let kind = match name {
                    "scale" => json!({"group": "autoscaling", "version": "v1", "kind": scale::KIND}),
                    _ => response_kind(&resource.kind),
                };
                json!({"subresource": name, "responseKind": kind, "verbs": verbs})
            })
            .collect();
        if !own.is_empty() {
            entry["subresources"] = own.into();
        }
        list.push(entry);
    }
    for subresource in registry.subresources_of(group, version) {
        let (_, _, plural, name) = subresource.names();
        let entry = json!({
            "subresource": name, "responseKind": response_kind(subresource.kind()), "verbs": subresource.verbs(),
        });
        let parent = list.iter_mut().find(|parent| parent["resource"] == plural);
        match parent {
            Some(parent) => match parent["subresources"].as_array_mut() {
                Some(list) => list.push(entry),
                None => parent["subresources"] = json!([entry]),
            },
            // A resource that exists only through its subresources (subresources.kubevirt.io).
            None => list.push(json!({
                "resource": plural, "responseKind": response_kind(""), "scope": "Namespaced",
                "singularResource": "", "verbs": [], "subresources": [entry],
            })),
        }
    }
    list
}

/// A JSON document with an ETag; 304 if the client has it.
fn tagged(document: Bytes, request: &Request<Body>) -> Result<Response<Body>, Status> {
    negotiate::require_json(request.headers())?;
    Ok(with_tag(document, request))
}

/// The same without asking for JSON.
fn with_tag(document: Bytes, request: &Request<Body>) -> Response<Body> {
    let tag = format!("\"{}\"", openapi::hash(&document));
    let fresh = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|entry| entry.trim() == tag));
    let mut response = if fresh {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        response::json(StatusCode::OK, document)
    };
    if let Ok(value) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// A group version's OpenAPI document and its hash.
fn openapi_document(inner: &Inner, registry: &Registry, path: &str) -> Option<(Bytes, String)> {
    made_once(inner, registry, path, || {
        Some(openapi::document(registry, path, &inner.version)?.to_string().into())
    })
}

/// A document and its hash, made once per state of the registry.
fn made_once(
    inner: &Inner,
    registry: &Registry,
    name: &str,
    make: impl FnOnce() -> Option<Bytes>,
) -> Option<(Bytes, String)> {
    let mut cache = inner.openapi.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if cache.serial != registry.serial {
        *cache = openapi::Cache { serial: registry.serial, ..Default::default() };
    }
    if let Some(found) = cache.documents.get(name) {
        return Some(found.clone());
    }
    let document = make()?;
    let made = (document.clone(), openapi::hash(&document));
    cache.documents.insert(name.to_owned(), made.clone());
    Some(made)
}

/// The second version, in the first form that the client takes.
fn openapi_v2(inner: &Inner, registry: &Registry, request: &Request<Body>) -> Result<Response<Body>, Status> {
    let is_protobuf = |media_type: &str| openapi::protobuf::ASKED.contains(&media_type);
    let accepted = negotiate::accepted(request.headers());
    let chosen = accepted.iter().find(|range| range.takes_json() || is_protobuf(range.media_type));
    let Some(chosen) = chosen else { return Err(negotiate::not_acceptable()) };
    let document = || openapi::swagger::document(registry, &inner.version);
    let made = if is_protobuf(chosen.media_type) {
        made_once(inner, registry, "v2 protobuf", || Some(openapi::protobuf::encode(&document()).into()))
    } else {
        made_once(inner, registry, "v2", || Some(document().to_string().into()))
    };
    let Some((document, _)) = made else { return Err(negotiate::not_acceptable()) };
    let mut response = with_tag(document, request);
    if is_protobuf(chosen.media_type) && response.status() == StatusCode::OK {
        let kind = HeaderValue::from_static(openapi::protobuf::TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}
