//! The console's files: who gets which form, for how long, and what a browser may do with them.
use grange_console::Asset;
use reqwest::{Method, header};

use crate::support::{Answer, Gate, send};

/// A console of three files. What is compressed here is told apart by its content.
pub(crate) static FILES: &[Asset] = &[
    Asset {
        path: "assets/index-D3kq9aXz.js",
        content_type: "text/javascript; charset=utf-8",
        digest: "aaaa",
        plain: b"plain script",
        gzip: Some(b"gzip script"),
        brotli: Some(b"br script"),
    },
    Asset {
        path: "favicon.svg",
        content_type: "image/svg+xml",
        digest: "bbbb",
        plain: b"<svg/>",
        gzip: None,
        brotli: None,
    },
    Asset {
        path: "index.html",
        content_type: "text/html; charset=utf-8",
        digest: "cccc",
        plain: b"<!doctype html><title>console</title>",
        gzip: Some(b"gzip page"),
        brotli: None,
    },
];
const SCRIPT: &str = "/dashboard/assets/index-D3kq9aXz.js";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn get(gate: &Gate, method: Method, path: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
    let mut request = gate.request(method, path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    send(request).await
}

#[tokio::test]
async fn hashed_files_are_kept_for_good_and_come_in_the_smallest_form_a_browser_takes() {
    let gate = Gate::start().await;
    for (accepted, coding, body) in [
        ("gzip, deflate, br", Some("br"), "br script"),
        ("gzip", Some("gzip"), "gzip script"),
        ("br;q=0, gzip", Some("gzip"), "gzip script"),
        ("identity", None, "plain script"),
    ] {
        let answer = get(&gate, Method::GET, SCRIPT, &[(header::ACCEPT_ENCODING, accepted)]).await;
        assert_eq!((answer.code, answer.text.as_str()), (200, body), "{accepted}");
        let sent = answer.headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap());
        assert_eq!(sent, coding, "{accepted}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(answer.headers[header::VARY], "accept-encoding");
    }
}

#[tokio::test]
async fn the_page_is_asked_for_again_and_not_sent_twice() {
    let gate = Gate::start().await;
    let first = get(&gate, Method::GET, "/dashboard/", &[(header::ACCEPT, BROWSER)]).await;
    assert!(first.text.contains("<title>console</title>"), "{}", first.text);
    assert_eq!(first.headers[header::CACHE_CONTROL], "no-cache");
    let tag = first.headers[header::ETAG].to_str().unwrap();
    let again = [(header::ACCEPT, BROWSER), (header::IF_NONE_MATCH, tag)];
    let again = get(&gate, Method::GET, "/dashboard/", &again).await;
    assert_eq!((again.code, again.text.as_str()), (304, ""));
    assert_eq!(again.headers[header::ETAG], tag);
    // A form of the same file that the browser does not have is not "the same".
    let zipped = [(header::ACCEPT_ENCODING, "gzip"), (header::IF_NONE_MATCH, tag)];
    assert_eq!(get(&gate, Method::GET, "/dashboard/", &zipped).await.text, "gzip page");
}

#[tokio::test]
async fn every_view_is_the_page_and_missing_files_are_missing() {
    let gate = Gate::start().await;
    for path in
        ["/dashboard/", "/dashboard", "/dashboard/c/c-m-abcdefgh/vms?filter=a", "/dashboard/x/name.with.dots"]
    {
        let answer = get(&gate, Method::GET, path, &[(header::ACCEPT, BROWSER)]).await;
        assert!(
            answer.code == 200 && answer.text.contains("console"),
            "{path}: {} {}",
            answer.code,
            answer.text
        );
    }
    for (path, accept) in [
        ("/dashboard/assets/gone-AAAAAAAA.js", BROWSER),
        ("/dashboard/assets/gone-AAAAAAAA.js", "*/*"),
        ("/dashboard/gone.png", "image/png,*/*"),
    ] {
        let answer = get(&gate, Method::GET, path, &[(header::ACCEPT, accept)]).await;
        assert_eq!(answer.code, 404, "{path}: {}", answer.text);
        assert!(!answer.headers.contains_key(header::CACHE_CONTROL), "{path}");
    }
    assert_eq!(get(&gate, Method::GET, "/dashboard/favicon.svg", &[]).await.text, "<svg/>");
}

#[tokio::test]
async fn heads_tell_the_length_and_send_nothing() {
    let gate = Gate::start().await;
    let answer = get(&gate, Method::HEAD, SCRIPT, &[(header::ACCEPT_ENCODING, "br")]).await;
    assert_eq!((answer.code, answer.text.as_str()), (200, ""));
    assert_eq!(answer.headers[header::CONTENT_LENGTH], "9");
    let raw = gate.raw(&format!("HEAD {SCRIPT} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")).await;
    assert!(raw.starts_with("HTTP/1.1 200") && raw.contains("content-length: 12"), "{raw}");
    assert!(raw.ends_with("\r\n\r\n"), "{raw}");
}

#[tokio::test]
async fn pages_run_only_what_the_server_itself_serves() {
    for gate in [Gate::start().await, Gate::start_without_console().await] {
        let answer = get(&gate, Method::GET, "/dashboard/", &[(header::ACCEPT, BROWSER)]).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self'",
            "manifest-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.split("; ").any(|part| part == rule), "{rule} is missing in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers[name], value);
        }
    }
}

#[tokio::test]
async fn browsers_are_led_to_the_console_and_programs_are_told_what_this_is() {
    let gate = Gate::start().await;
    let raw = async |accept: &str| {
        gate.raw(&format!("GET / HTTP/1.1\r\nhost: h\r\naccept: {accept}\r\nconnection: close\r\n\r\n")).await
    };
    let browser = raw(BROWSER).await;
    assert!(browser.starts_with("HTTP/1.1 302") && browser.contains("location: /dashboard/"), "{browser}");
    let program = raw("*/*").await;
    assert!(program.starts_with("HTTP/1.1 200") && program.contains("grange login"), "{program}");
    assert!(program.contains(&format!("{}/dashboard/", gate.base)), "{program}");
}

#[tokio::test]
async fn a_build_without_the_console_says_how_to_have_it() {
    let gate = Gate::start_without_console().await;
    let answer = get(&gate, Method::GET, "/dashboard/clusters", &[(header::ACCEPT, BROWSER)]).await;
    assert_eq!(answer.code, 200);
    assert!(answer.text.contains("npm run build"), "{}", answer.text);
}
