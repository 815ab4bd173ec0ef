//! The credential a request carries.
use base64::{Engine as _, engine::general_purpose};
use http::{HeaderMap, Method, Uri, header};

use crate::config::ServerUrl;

/// The session cookie (Rancher's name).
pub(crate) const COOKIE: &str = "R_SESS";
const MAX_CREDENTIAL_BYTES: usize = 1024;

/// What was found.
pub(crate) enum Credential {
    /// Nothing.
    None,
    /// Something that cannot be a credential.
    Malformed,
    /// `name:secret` from the `Authorization` header.
    Header(String),
    /// `name:secret` from the cookie.
    Cookie(String),
}

/// Looks at `Authorization`, and at the cookie only when there is none.
pub(crate) fn find(headers: &HeaderMap) -> Credential {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => cookie(headers),
        (Some(_), Some(_)) => Credential::Malformed,
        (Some(value), None) => {
            value.to_str().ok().and_then(from_header).map_or(Credential::Malformed, Credential::Header)
        }
    }
}

fn from_header(value: &str) -> Option<String> {
    if value.len() > MAX_CREDENTIAL_BYTES {
        return None;
    }
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!rest.is_empty()).then(|| rest.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded =
            general_purpose::STANDARD.decode(rest).or_else(|_| general_purpose::URL_SAFE_NO_PAD.decode(rest));
        return String::from_utf8(decoded.ok()?).ok();
    }
    None
}

fn cookie(headers: &HeaderMap) -> Credential {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (None, _) => Credential::None,
        (Some(value), None) if !value.is_empty() && value.len() <= MAX_CREDENTIAL_BYTES => {
            Credential::Cookie(value.to_owned())
        }
        // Two sessions at once: another site on this domain may have planted one.
        _ => Credential::Malformed,
    }
}

/// Whether a request that is authenticated by a cookie may act: a browser sends cookies for pages of others too, and
/// names the page in `Origin`. Reads are free, except the ones that open a WebSocket.
pub(crate) fn origin_is_fine(
    method: &Method,
    headers: &HeaderMap,
    uri: &Uri,
    server_url: &ServerUrl,
) -> bool {
    let is_read = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if is_read && !headers.contains_key(header::UPGRADE) {
        return true;
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        // Browsers that send no Origin say where the request comes from in this header; other clients send neither.
        return headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    };
    let Ok(origin) = origin.to_str() else { return false };
    if origin == server_url.as_str() {
        return true;
    }
    let host = uri
        .authority()
        .map(|authority| authority.as_str())
        .or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    host.is_some_and(|host| origin.strip_prefix("https://") == Some(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().expect("a header value"));
        }
        map
    }
    fn text(credential: Credential) -> String {
        match credential {
            Credential::None => "none".into(),
            Credential::Malformed => "malformed".into(),
            Credential::Header(value) => format!("header {value}"),
            Credential::Cookie(value) => format!("cookie {value}"),
        }
    }

    #[test]
    fn credentials_are_found_in_their_three_places() {
        for (given, expected) in [
            (vec![], "none"),
            (vec![("authorization", "Bearer a:b")], "header a:b"),
            (vec![("authorization", "bearer a:b"), ("cookie", "R_SESS=c:d")], "header a:b"),
            (vec![("authorization", "Basic YTpi")], "header a:b"),
            (vec![("authorization", "Basic !!")], "malformed"),
            (vec![("authorization", "Bearer")], "malformed"),
            (vec![("authorization", "Digest a:b")], "malformed"),
            (vec![("authorization", "Bearer a:b"), ("authorization", "Bearer c:d")], "malformed"),
            (vec![("cookie", "x=1; R_SESS=c:d; y=2")], "cookie c:d"),
            (vec![("cookie", "R_SESS=c:d; R_SESS=e:f")], "malformed"),
            (vec![("cookie", "XR_SESS=c:d")], "none"),
        ] {
            assert_eq!(text(find(&headers(&given))), expected, "{given:?}");
        }
    }

    #[test]
    fn cookies_do_not_act_for_other_pages() {
        let server = ServerUrl::parse("https://gate.example:8443").expect("a URL");
        let uri: Uri = "/api".parse().expect("a path");
        let check = |method: Method, pairs: &[(&'static str, &str)]| {
            origin_is_fine(&method, &headers(pairs), &uri, &server)
        };
        assert!(check(Method::GET, &[("origin", "https://evil.example")]));
        assert!(!check(Method::GET, &[("origin", "https://evil.example"), ("upgrade", "websocket")]));
        assert!(!check(Method::POST, &[("origin", "https://evil.example")]));
        assert!(!check(Method::POST, &[("origin", "null")]));
        assert!(!check(Method::POST, &[("sec-fetch-site", "cross-site")]));
        assert!(check(Method::POST, &[("origin", "https://gate.example:8443")]));
        assert!(check(Method::POST, &[("origin", "https://10.0.0.1"), ("host", "10.0.0.1")]));
        assert!(check(Method::DELETE, &[]));
    }
}
