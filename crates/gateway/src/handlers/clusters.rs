//! `/k8s/clusters/<id>/…`: who may, as whom, and on to the cluster.
use grange_apimachinery::Status;
use grange_tenancy::{ClusterAccess, downstream_identity};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, Uri,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFRESH, X_CONTENT_TYPE_OPTIONS},
    uri::PathAndQuery,
};

use super::management::{cluster_exists, cluster_not_found, forward};
use crate::{Body, dispatch::Call};

/// The management API's own id among the clusters.
pub(crate) const LOCAL: &str = "local";
/// Longest cluster id that is looked at.
const MAX_ID_BYTES: usize = 63;

pub(crate) async fn cluster(mut call: Call) -> Result<Response<Body>, Status> {
    let (id, inner) = split(call.route.pattern, call.request.uri())?;
    *call.request.uri_mut() = inner;
    let user = call.caller()?.user().clone();
    let Call { front, request, .. } = call;
    if id == LOCAL {
        return forward(&front, user, request).await;
    }
    let access = ClusterAccess::ask(&*front.parts.apiserver.authorizer(), &user, &id);
    // Unknown and forbidden look the same: nobody learns which ids exist. A service account of the management API is
    // nobody in any other cluster.
    let identity = downstream_identity(&user, access).ok_or_else(|| cluster_not_found(&id))?;
    if !front.parts.registry.is_connected(&id) && !cluster_exists(&front, &id).await? {
        return Err(cluster_not_found(&id));
    }
    let mut response = front.proxy.forward(&id, &identity, request).await?;
    fence(response.headers_mut());
    Ok(response)
}

/// What a browser only reads and never runs, given `nosniff`.
const INERT: [&str; 6] = [
    "application/json",
    "application/vnd.kubernetes.protobuf",
    "application/yaml",
    "application/apply-patch+yaml",
    "application/octet-stream",
    "text/plain",
];
/// No script, no form, no origin: whatever is shown under it cannot act as the person who looks.
const SANDBOX: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";
/// What a cluster could tell the browser about this server.
const NOT_A_CLUSTERS: [HeaderName; 3] =
    [REFRESH, HeaderName::from_static("clear-site-data"), HeaderName::from_static("service-worker-allowed")];

/// A cluster's answer comes from our origin. A browser must not take it for something of ours.
fn fence(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for name in &NOT_A_CLUSTERS {
        headers.remove(name);
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !INERT.iter().any(|inert| kind.eq_ignore_ascii_case(inert)) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    }
}

/// Splits the cluster's id from its own path.
fn split(pattern: crate::routes::Pattern, uri: &Uri) -> Result<(String, Uri), Status> {
    let crate::routes::Pattern::Under(start) = pattern else { return Err(cluster_not_found("")) };
    let rest = uri.path().get(start.len()..).unwrap_or_default();
    let (id, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_name = !id.is_empty()
        && id.len() <= MAX_ID_BYTES
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_name {
        return Err(cluster_not_found(id));
    }
    let path = if path.is_empty() { "/" } else { path };
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let target: PathAndQuery =
        target.parse().map_err(|_| Status::bad_request("the path behind the cluster is malformed"))?;
    Ok((id.to_owned(), Uri::from(target)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Pattern;

    #[test]
    fn a_cluster_cannot_put_script_into_our_origin() {
        let fenced = |kind: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert("content-security-policy", HeaderValue::from_static("script-src *"));
            headers.insert("clear-site-data", HeaderValue::from_static("\"*\""));
            headers.insert("x-content-type-options", HeaderValue::from_static("none"));
            if let Some(kind) = kind {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            fence(&mut headers);
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert!(!headers.contains_key("clear-site-data"));
            headers[CONTENT_SECURITY_POLICY] == SANDBOX
        };
        for kind in
            ["text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "application/xhtml+xml", "text/xml"]
        {
            assert!(fenced(Some(kind)), "{kind}");
        }
        assert!(fenced(None), "what is not named may be anything");
        for kind in ["application/json", "application/json;stream=watch", "text/plain; charset=utf-8"] {
            assert!(!fenced(Some(kind)), "{kind} needs no sandbox");
        }
    }

    #[test]
    fn the_id_is_split_from_the_path() {
        let split = |path: &str| {
            split(Pattern::Under("/k8s/clusters/"), &path.parse().expect("a path"))
                .map(|(id, uri)| (id, uri.to_string()))
                .ok()
        };
        let pair = |id: &str, path: &str| Some((id.to_owned(), path.to_owned()));
        assert_eq!(split("/k8s/clusters/c-m-abcdefgh/api/v1?x=y"), pair("c-m-abcdefgh", "/api/v1?x=y"));
        assert_eq!(split("/k8s/clusters/local"), pair("local", "/"));
        assert_eq!(split("/k8s/clusters/UPPER/api"), None);
        assert_eq!(split(&format!("/k8s/clusters/{}/api", "a".repeat(64))), None);
    }
}
