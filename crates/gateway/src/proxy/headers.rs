//! Which headers cross the border to a cluster, and which come back.

use grange_apimachinery::status::Status;
use grange_tenancy::DownstreamIdentity;
use grange_tunnel::hop::remove_hop_by_hop;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        AUTHORIZATION, CONNECTION, COOKIE, EXPECT, FORWARDED, HOST, SEC_WEBSOCKET_PROTOCOL, SET_COOKIE,
        UPGRADE, VIA,
    },
};

/// Credentials for this server, its address, and what proxies before us noted.
pub(crate) const DROPPED_FROM_REQUEST: [HeaderName; 7] =
    [AUTHORIZATION, COOKIE, HOST, EXPECT, FORWARDED, VIA, HeaderName::from_static("x-real-ip")];
/// Whole families: identities that only we may set, and what proxies before us noted.
pub(crate) const DROPPED_PREFIXES: [&str; 4] =
    ["impersonate-", "x-forwarded-", "x-remote-", "grange-tunnel-"];
/// What a cluster must not set in a browser that talks to us.
pub(crate) const DROPPED_FROM_ANSWER: [HeaderName; 1] = [SET_COOKIE];
/// How browsers put a bearer token among WebSocket subprotocols, for want of headers.
const TOKEN_SUBPROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";
/// What begins the name of an extra's header.
const EXTRA_PREFIX: &str = "impersonate-extra-";

/// The protocol a request wants to switch to.
pub(crate) fn upgrade_protocol(headers: &HeaderMap) -> Option<String> {
    let asks = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    let protocol = headers.get(UPGRADE)?.to_str().ok()?.trim();
    (asks && !protocol.is_empty()).then(|| protocol.to_owned())
}

/// Takes away everything that is not for the cluster.
pub(crate) fn clean_request(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    for name in &DROPPED_FROM_REQUEST {
        headers.remove(name);
    }
    let families: Vec<HeaderName> = headers
        .keys()
        .filter(|name| DROPPED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix)))
        .cloned()
        .collect();
    for name in families {
        headers.remove(name);
    }
    remove_token_subprotocol(headers);
}

/// Takes away what is not for the client.
pub(crate) fn clean_response(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    for name in &DROPPED_FROM_ANSWER {
        headers.remove(name);
    }
}

/// Says who asks.
pub(crate) fn impersonate(headers: &mut HeaderMap, identity: &DownstreamIdentity) -> Result<(), Status> {
    let value = |text: &str| {
        HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| Status::internal("a name of this person cannot be sent to a cluster"))
    };
    headers.insert(HeaderName::from_static("impersonate-user"), value(&identity.user)?);
    for group in &identity.groups {
        headers.append(HeaderName::from_static("impersonate-group"), value(group)?);
    }
    for (key, values) in &identity.extra {
        let name = HeaderName::from_bytes(format!("{EXTRA_PREFIX}{}", escaped(key)).as_bytes())
            .map_err(|_| Status::internal("an attribute of this person cannot be sent to a cluster"))?;
        for text in values {
            headers.append(&name, value(text)?);
        }
    }
    Ok(())
}

/// Kubernetes percent-encodes what a header's name cannot hold.
fn escaped(key: &str) -> String {
    let mut escaped = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(byte.to_ascii_lowercase().into());
        } else {
            use std::fmt::Write;
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn remove_token_subprotocol(headers: &mut HeaderMap) {
    let has_token = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains(TOKEN_SUBPROTOCOL));
    if !headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().any(has_token) {
        return;
    }
    let kept: Vec<&str> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|protocol| !protocol.starts_with(TOKEN_SUBPROTOCOL))
        .collect();
    let kept = HeaderValue::from_str(&kept.join(", ")).ok().filter(|value| !value.is_empty());
    headers.remove(SEC_WEBSOCKET_PROTOCOL);
    if let Some(kept) = kept {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, kept);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use grange_tunnel::hop::HOP_BY_HOP;

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    /// The inventory: every header that must not reach a cluster, in one request.
    #[test]
    fn nothing_that_speaks_for_somebody_else_crosses() {
        let mut all = headers(&[
            ("authorization", "Bearer token-abcde:secret"),
            ("cookie", "R_SESS=token-abcde:secret"),
            ("host", "grange.example"),
            ("expect", "100-continue"),
            ("forwarded", "for=192.0.2.1"),
            ("via", "1.1 proxy"),
            ("x-real-ip", "192.0.2.1"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-client-cert", "x"),
            ("x-remote-user", "admin"),
            ("x-remote-group", "system:masters"),
            ("x-remote-extra-scopes", "x"),
            ("impersonate-user", "admin"),
            ("impersonate-group", "system:masters"),
            ("impersonate-uid", "1"),
            ("impersonate-extra-username", "root"),
            ("impersonate-anything-new", "x"),
            ("grange-tunnel-method", "DELETE"),
            ("grange-tunnel-status", "200"),
            ("connection", "keep-alive, x-private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authenticate", "Basic"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
        ]);
        for name in HOP_BY_HOP.iter().chain(&DROPPED_FROM_REQUEST) {
            assert!(all.contains_key(name), "{name} is missing from this inventory");
        }
        for prefix in DROPPED_PREFIXES {
            assert!(names(&all).iter().any(|name| name.starts_with(prefix)), "{prefix} is missing here");
        }
        clean_request(&mut all);
        assert_eq!(names(&all), [""; 0]);
    }

    #[test]
    fn what_the_request_is_about_crosses() {
        let kept = [
            ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io"),
            ("accept-encoding", "gzip"),
            ("content-type", "application/merge-patch+json"),
            ("content-length", "2"),
            ("user-agent", "kubectl/v1.33.0"),
            ("kubectl-session", "x"),
            ("sec-websocket-key", "x"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "v5.channel.k8s.io"),
            ("x-stream-protocol-version", "v4.channel.k8s.io"),
        ];
        let mut all = headers(&kept);
        clean_request(&mut all);
        assert_eq!(names(&all).len(), kept.len());
    }

    #[test]
    fn a_token_among_subprotocols_is_taken_out() {
        let mut all = headers(&[(
            "sec-websocket-protocol",
            "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0, base64.channel.k8s.io",
        )]);
        clean_request(&mut all);
        assert_eq!(all[SEC_WEBSOCKET_PROTOCOL], "v4.channel.k8s.io, base64.channel.k8s.io");
        let mut only =
            headers(&[("sec-websocket-protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0")]);
        clean_request(&mut only);
        assert!(only.is_empty());
    }

    #[test]
    fn answers_lose_cookies_and_hop_by_hop_headers() {
        let mut answer = headers(&[
            ("set-cookie", "R_SESS=x"),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("content-type", "application/json"),
            ("audit-id", "x"),
        ]);
        clean_response(&mut answer);
        assert_eq!(names(&answer), ["content-type", "audit-id"]);
    }

    #[test]
    fn the_identity_is_set_in_full() {
        let identity = DownstreamIdentity {
            user: "u-abcde".into(),
            groups: vec!["system:authenticated".into(), "grange:cluster:owner".into()],
            extra: BTreeMap::from([("example.org/Key".to_owned(), vec!["a".to_owned(), "b".to_owned()])]),
        };
        let mut all = HeaderMap::new();
        impersonate(&mut all, &identity).unwrap();
        assert_eq!(all["impersonate-user"], "u-abcde");
        assert_eq!(all.get_all("impersonate-group").iter().count(), 2);
        let extras: Vec<_> = all.get_all("impersonate-extra-example.org%2fkey").iter().collect();
        assert_eq!(extras, ["a", "b"]);
    }

    #[test]
    fn upgrades_are_recognised() {
        let check = |pairs: &[(&str, &str)], expect: Option<&str>| {
            assert_eq!(upgrade_protocol(&headers(pairs)).as_deref(), expect, "{pairs:?}");
        };
        check(&[("connection", "Upgrade"), ("upgrade", "SPDY/3.1")], Some("SPDY/3.1"));
        check(&[("connection", "keep-alive, upgrade"), ("upgrade", "websocket")], Some("websocket"));
        check(&[("connection", "keep-alive"), ("upgrade", "websocket")], None);
        check(&[("connection", "upgrade")], None);
    }
}
