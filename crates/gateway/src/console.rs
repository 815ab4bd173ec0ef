//! The web console at `/dashboard/`: its files as they were built, and one page for every view.
//!
//! Files below `assets/` have a hash in their names and are kept by browsers for good; everything else is asked for
//! again and answered with 304 when it is the same. What a browser may do with the page is fixed here, in one place.
use grange_apimachinery::{Reason, Status};
use grange_console::{ASSETS, Asset, INDEX};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
        ETAG, IF_NONE_MATCH, LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use crate::{Body, dispatch::Call, respond};

/// Where the console lives.
pub(crate) const ROOT: &str = "/dashboard/";
/// Files here never change under their names.
const HASHED: &str = "assets/";
const KEEP_FOR_GOOD: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
/// What the page may load and do: only what this server itself serves, no inline script or style, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
/// Headers of every answer that a browser renders.
const GUARDS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The files to serve.
#[derive(Clone, Copy, Debug)]
pub struct Console(pub &'static [Asset]);

impl Default for Console {
    /// The console this binary was built with.
    fn default() -> Self {
        Console(ASSETS)
    }
}

impl Console {
    fn find(self, path: &str) -> Option<&'static Asset> {
        self.0.iter().find(|asset| asset.path == path)
    }
}

/// `/`: people with a browser go to the console; others are told what this is.
pub(crate) fn home(call: &Call) -> Response<Body> {
    let mut response = if wants_page(call.request.headers()) { redirect(ROOT) } else { about(call) };
    response.headers_mut().insert(VARY, HeaderValue::from_name(ACCEPT));
    response
}

/// `/dashboard/…`: a file, or the page that shows the view of this address.
pub(crate) fn serve(call: &Call) -> Result<Response<Body>, Status> {
    let path = call.request.uri().path();
    let Some(wanted) = path.get(ROOT.len()..) else { return Ok(redirect(ROOT)) };
    let console = call.front.config.console;
    let headers = call.request.headers();
    if let Some(asset) = console.find(wanted).filter(|_| wanted != INDEX) {
        return Ok(send(asset, call.request.method(), headers));
    }
    // Views are addresses of the page: they may look like anything but a file of ours.
    if wanted != INDEX && (wanted.starts_with(HASHED) || !(wanted.is_empty() || wants_page(headers))) {
        return Err(Status::new(404, Reason::NotFound, format!("the console has no file {wanted}")));
    }
    Ok(match console.find(INDEX) {
        Some(index) => send(index, call.request.method(), headers),
        None => about(call),
    })
}

fn send(asset: &Asset, method: &Method, headers: &HeaderMap) -> Response<Body> {
    let (coding, bytes) = match (asset.brotli, asset.gzip) {
        (Some(brotli), _) if accepts(headers, "br") => (Some("br"), brotli),
        (_, Some(gzip)) if accepts(headers, "gzip") => (Some("gzip"), gzip),
        _ => (None, asset.plain),
    };
    let tag = match coding {
        Some(coding) => format!("\"{}-{coding}\"", asset.digest),
        None => format!("\"{}\"", asset.digest),
    };
    let is_known = is_known(headers, &tag);
    let mut response = if is_known {
        respond::empty(StatusCode::NOT_MODIFIED)
    } else if method == Method::HEAD {
        let mut response = respond::bytes(asset.content_type, "");
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        response
    } else {
        respond::bytes(asset.content_type, bytes)
    };
    let answer = response.headers_mut();
    let life = if asset.path.starts_with(HASHED) { KEEP_FOR_GOOD } else { ASK_AGAIN };
    answer.insert(CACHE_CONTROL, HeaderValue::from_static(life));
    answer.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.insert(ETAG, tag);
    }
    if let Some(coding) = coding.filter(|_| !is_known) {
        answer.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    guard(answer);
    response
}

/// The page of a build without the console, and what programs read at `/`.
fn about(call: &Call) -> Response<Body> {
    let config = &call.front.config;
    let (url, version) = (call.front.server_url(), &config.version);
    let url = url.as_str();
    let console = if config.console.find(INDEX).is_some() {
        format!("<p>The web console is at <a href=\"{ROOT}\">{url}{ROOT}</a>.</p>")
    } else {
        "<p>The web console is not part of this build. To have it, run <code>npm ci</code> and \
         <code>npm run build</code> in the folder <code>ui</code>, and build Grange again. The API and the command \
         line are here.</p>"
            .to_owned()
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Grange</title></head>\n<body>\n\
         <h1>Grange {version}</h1>\n<p>One gate to every Harvester cluster.</p>\n{console}\n\
         <ol>\n<li><code>grange login {url}</code></li>\n\
         <li><code>grange cluster import NAME</code> prints the steps and waits</li>\n\
         <li><code>grange cluster kubeconfig NAME &gt; NAME.kubeconfig</code></li>\n\
         <li><code>kubectl --kubeconfig NAME.kubeconfig get nodes</code></li>\n</ol>\n</body>\n</html>\n"
    );
    let mut response = respond::bytes("text/html; charset=utf-8", page);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
    guard(response.headers_mut());
    response
}

fn redirect(to: &'static str) -> Response<Body> {
    let mut response = respond::empty(StatusCode::FOUND);
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    response
}

fn guard(headers: &mut HeaderMap) {
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Whether somebody looks at the answer: browsers name HTML when they open an address, programs do not.
fn wants_page(headers: &HeaderMap) -> bool {
    items(headers, &ACCEPT)
        .any(|item| item.get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case("text/html")))
}

fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    items(headers, &ACCEPT_ENCODING).any(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight =
            parameters.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(coding) && weight != Some(0.0)
    })
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    items(headers, &IF_NONE_MATCH).any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == tag)
}

/// The items of a header that is a list.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_taken_when_offered_and_not_when_refused() {
        for (offered, brotli, gzip) in [
            ("gzip, deflate, br, zstd", true, true),
            ("GZIP;q=0.5", false, true),
            ("br;q=0, gzip; q=0.1", false, true),
            ("br;q=0.0", false, false),
            ("identity", false, false),
            ("", false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(offered));
            assert_eq!((accepts(&headers, "br"), accepts(&headers, "gzip")), (brotli, gzip), "{offered}");
        }
    }
}
