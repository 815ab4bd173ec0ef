//! `/k8s/clusters/<id>/…`: who may, as whom, and on to the cluster.
use grange_apimachinery::Status;
use grange_tenancy::{ClusterAccess, downstream_identity};
use http::{Response, Uri, uri::PathAndQuery};

use super::management::{cluster_exists, cluster_not_found, forward};
use crate::{Body, dispatch::Call};

/// The management API's own id among the clusters.
const LOCAL: &str = "local";
/// Longest cluster id that is looked at.
const MAX_ID_BYTES: usize = 63;

pub(crate) async fn cluster(mut call: Call) -> Result<Response<Body>, Status> {
    let (id, inner) = split(call.route.pattern, call.request.uri())?;
    *call.request.uri_mut() = inner;
    let person = call.person()?.clone();
    let Call { front, request, .. } = call;
    if id == LOCAL {
        return forward(&front, person.user, request).await;
    }
    let access = ClusterAccess::ask(&*front.parts.apiserver.authorizer(), &person.user, &id);
    // Unknown and forbidden look the same: nobody learns which ids exist.
    let identity = downstream_identity(&person.user, access).ok_or_else(|| cluster_not_found(&id))?;
    if !front.parts.registry.is_connected(&id) && !cluster_exists(&front, &id).await? {
        return Err(cluster_not_found(&id));
    }
    front.proxy.forward(&id, &identity, request).await
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
