//! The credential a request carries.
use base64::{Engine as _, engine::general_purpose};
use grange_identity::Secret;
use grange_settings::ServerUrl;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The session cookie (Rancher's name).
pub(crate) const COOKIE: &str = "R_SESS";
/// The cookie that pages read to repeat it in [`CSRF_HEADER`] (Rancher's name).
pub(crate) const CSRF_COOKIE: &str = "CSRF";
/// Where pages repeat it (Rancher's name).
pub(crate) const CSRF_HEADER: HeaderName = HeaderName::from_static("x-api-csrf");
const CSRF_DOMAIN: &str = "grange csrf token of session\0";
const CSRF_BYTES: usize = 16;
const MAX_CREDENTIAL_BYTES: usize = 1024;
/// Longest token of a service account.
const MAX_ACCOUNT_TOKEN_BYTES: usize = 16 * 1024;

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
    /// A token of a service account: a signed JSON Web Token from the `Authorization` header.
    Account(Secret),
}

/// Looks at `Authorization`, and at the cookie only when there is none.
pub(crate) fn find(headers: &HeaderMap) -> Credential {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => cookie(headers),
        (Some(_), Some(_)) => Credential::Malformed,
        (Some(value), None) => value.to_str().ok().and_then(from_header).unwrap_or(Credential::Malformed),
    }
}

fn from_header(value: &str) -> Option<Credential> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    if is_bearer && is_signed_token(rest) {
        let is_short = rest.len() <= MAX_ACCOUNT_TOKEN_BYTES;
        return is_short.then(|| Credential::Account(Secret::new(rest.to_owned())));
    }
    if value.len() > MAX_CREDENTIAL_BYTES {
        return None;
    }
    if is_bearer {
        return (!rest.is_empty()).then(|| Credential::Header(rest.to_owned()));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded =
            general_purpose::STANDARD.decode(rest).or_else(|_| general_purpose::URL_SAFE_NO_PAD.decode(rest));
        return String::from_utf8(decoded.ok()?).ok().map(Credential::Header);
    }
    None
}

/// Whether this has the three parts of a signed JSON Web Token (RFC 7515, 3.1). Credentials of people have a colon.
fn is_signed_token(text: &str) -> bool {
    text.split('.').count() == 3
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
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

/// What a page has to repeat in [`CSRF_HEADER`] with everything it changes. It follows from the session's secret: a
/// cookie that somebody else planted in the browser does not fit the session, and nothing has to be kept.
pub(crate) fn csrf_token(session: &str) -> String {
    let digest = Sha256::new().chain_update(CSRF_DOMAIN).chain_update(session).finalize();
    digest[..CSRF_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a request that is authenticated by a cookie may act, or why not. A browser sends cookies for pages of others
/// too: what changes something must carry the session's CSRF token, and what opens a WebSocket, which can carry no
/// header, must name a page of ours. Reads are free: without our leave no other page sees the answer.
pub(crate) fn cookie_may_act(
    method: &Method,
    headers: &HeaderMap,
    uri: &Uri,
    server_url: &ServerUrl,
    session: &str,
) -> Result<(), &'static str> {
    const OTHER_PAGE: &str = "requests of other sites' pages are refused (Origin)";
    if headers.contains_key(header::UPGRADE) {
        let is_ours = headers.contains_key(header::ORIGIN) && comes_from_us(headers, uri, server_url);
        return if is_ours { Ok(()) } else { Err(OTHER_PAGE) };
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    if !comes_from_us(headers, uri, server_url) {
        return Err(OTHER_PAGE);
    }
    let given = headers.get(CSRF_HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
    if bool::from(csrf_token(session).as_bytes().ct_eq(given)) {
        return Ok(());
    }
    Err("the header X-API-CSRF is missing or does not fit this session; it repeats the cookie CSRF")
}

/// Whether a browser says that one of our own pages sends this, or whoever sends it is no browser.
pub(crate) fn comes_from_us(headers: &HeaderMap, uri: &Uri, server_url: &ServerUrl) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        // Browsers that send no Origin say where the request comes from in this header; other clients send neither.
        return !headers.contains_key(header::ORIGIN)
            && headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
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
    use proptest::prelude::*;

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
            Credential::Account(token) => format!("account {}", token.expose()),
        }
    }

    #[test]
    fn credentials_are_found_in_their_three_places() {
        for (given, expected) in [
            (vec![], "none"),
            (vec![("authorization", "Bearer a:b")], "header a:b"),
            (vec![("authorization", "bearer a:b"), ("cookie", "R_SESS=c:d")], "header a:b"),
            (vec![("authorization", "Basic YTpi")], "header a:b"),
            (vec![("authorization", "Bearer eyJh.eyJi.c-_1")], "account eyJh.eyJi.c-_1"),
            (vec![("authorization", "Bearer a.b.c:d")], "header a.b.c:d"),
            (vec![("authorization", "Basic eyJh.eyJi.c-_1")], "malformed"),
            (vec![("cookie", "R_SESS=eyJh.eyJi.c-_1")], "cookie eyJh.eyJi.c-_1"),
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
        let ours = csrf_token("token-abcde:secret");
        let check = |method: Method, pairs: &[(&'static str, &str)]| {
            cookie_may_act(&method, &headers(pairs), &uri, &server, "token-abcde:secret").is_ok()
        };
        let (csrf, others) = (("x-api-csrf", ours.as_str()), csrf_token("token-other:secret"));
        let (good, evil) = (("origin", "https://gate.example:8443"), ("origin", "https://evil.example"));
        let socket = ("upgrade", "websocket");
        for (method, pairs, allowed) in [
            (Method::GET, vec![evil], true),
            (Method::POST, vec![good, csrf], true),
            (Method::DELETE, vec![csrf], true),
            (Method::POST, vec![("origin", "https://10.0.0.1"), ("host", "10.0.0.1"), csrf], true),
            (Method::POST, vec![evil, csrf], false),
            (Method::POST, vec![good, evil, csrf], false),
            (Method::POST, vec![("origin", "null"), csrf], false),
            (Method::POST, vec![("sec-fetch-site", "cross-site"), csrf], false),
            (Method::POST, vec![good], false),
            (Method::POST, vec![good, ("x-api-csrf", "")], false),
            (Method::POST, vec![good, ("x-api-csrf", &others)], false),
            (Method::PUT, vec![good], false),
            (Method::PATCH, vec![good], false),
            (Method::DELETE, vec![], false),
            (Method::GET, vec![socket, good], true),
            (Method::GET, vec![socket, evil], false),
            (Method::GET, vec![socket], false),
            (Method::GET, vec![socket, ("origin", "https://gate.example:8443.evil.example")], false),
            (Method::GET, vec![socket, ("origin", "http://gate.example:8443")], false),
        ] {
            assert_eq!(check(method.clone(), &pairs), allowed, "{method} {pairs:?}");
        }
    }

    #[test]
    fn the_csrf_token_tells_nothing_of_the_session() {
        let token = csrf_token("token-abcde:secret");
        assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
        assert_ne!(token, csrf_token("token-abcde:secreu"));
    }

    proptest! {
        #[test]
        fn any_headers_are_read_and_bounded(
            authorization in prop_oneof![
                Just(Vec::new()),
                prop::collection::vec(any::<u8>(), 1..64),
                "(Bearer|Basic|bearer|BASIC|Digest)? ?[A-Za-z0-9+/=:_ -]{0,40}".prop_map(String::into_bytes),
            ],
            cookie in "(R_SESS|x|;|=|[a-z: ]){0,12}",
        ) {
            let mut map = HeaderMap::new();
            for (name, bytes) in [("authorization", authorization), ("cookie", cookie.into_bytes())] {
                if let Ok(value) = http::HeaderValue::from_bytes(&bytes)
                    && !bytes.is_empty()
                {
                    map.append(name, value);
                }
            }
            match find(&map) {
                Credential::Header(found) | Credential::Cookie(found) => {
                    prop_assert!(found.len() <= MAX_CREDENTIAL_BYTES);
                }
                Credential::Account(found) => prop_assert!(found.expose().len() <= MAX_ACCOUNT_TOKEN_BYTES),
                Credential::None | Credential::Malformed => {}
            }
        }
    }
}
