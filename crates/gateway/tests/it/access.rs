//! The inventory: every row of the route table is tried without a credential, with a wrong one, by a person without
//! rights, by a service account, with a body over its limit, and with a method it does not have.
use grange_gateway::routes::{Access, BodyLimit, Endpoint, ROUTES, Route};
use reqwest::Method;
use serde_json::json;

use crate::support::{Gate, send};

/// An address of the row, the method to ask with, and what a person without rights gets. No wildcard: a new endpoint
/// without a case does not compile.
fn example(route: &Route) -> (String, &'static str, &'static [u16]) {
    use grange_gateway::routes::Pattern::{Exact, Under};
    let under = |rest: &str| match route.pattern {
        Exact(path) => path.to_owned(),
        Under(start) => format!("{start}{rest}"),
    };
    match route.endpoint {
        Endpoint::Cluster => (under("c-m-abcdefgh/api/v1/nodes"), "GET", &[404]),
        Endpoint::Management => match route.pattern {
            Under("/api/") => (under("v1/secrets"), "GET", &[403]),
            Under("/apis/") => (under("management.cattle.io/v3/users"), "GET", &[403]),
            // The keys that tokens of service accounts are checked with are for those who may know the issuer.
            Under("/openid/") => (under("v1/jwks"), "GET", &[403]),
            Exact("/.well-known/openid-configuration") => (under(""), "GET", &[403]),
            // Discovery is for everybody who is somebody.
            Under(_) => (under("v3"), "GET", &[200]),
            Exact(path) => (path.to_owned(), "GET", &[200]),
        },
        // This machine may.
        Endpoint::Metrics => (under(""), "GET", &[200]),
        Endpoint::Live
        | Endpoint::Ready
        | Endpoint::Ping
        | Endpoint::CaCertificates
        | Endpoint::Home
        | Endpoint::Console
        | Endpoint::PublicSetting
        | Endpoint::LoginProviders => (under(""), "GET", &[200]),
        Endpoint::Settings => (under(""), "GET", &[200]),
        Endpoint::Setting => (under("server-url"), "GET", &[200]),
        Endpoint::Login => (format!("{}?action=login", under("")), "POST", &[422]),
        Endpoint::Logout => (under(""), "POST", &[200]),
        Endpoint::Tokens => (under(""), "GET", &[200]),
        Endpoint::Token => (under("token-aaaaa"), "DELETE", &[404]),
        Endpoint::Users => (format!("{}?me=true", under("")), "GET", &[200]),
        Endpoint::User => (under("user-other"), "GET", &[403]),
        Endpoint::Clusters => (under(""), "GET", &[403]),
        Endpoint::NormanCluster => (under("c-m-abcdefgh"), "GET", &[403]),
        Endpoint::RegistrationTokens => (under(""), "GET", &[403]),
        Endpoint::RegistrationToken => (under("c-m-abcdefgh:default-token"), "GET", &[403]),
        Endpoint::Import => (under("token_c-m-abcdefgh.yaml"), "GET", &[400]),
        Endpoint::Connect => (under(""), "GET", &[426]),
        Endpoint::Trouble => (under(""), "POST", &[400]),
        Endpoint::Images => (under("grange/agent/manifests/1"), "GET", &[404]),
    }
}

fn is_about_tokens(path: &str) -> bool {
    path.starts_with("/openid/") || path.starts_with("/.well-known/")
}

#[tokio::test]
async fn every_route_is_tried_unauthenticated_unauthorised_oversized_and_with_a_wrong_method() {
    let gate = Gate::start().await;
    let (nobody_id, _) = gate.nobody().await;
    let robot = gate.service_account("robot").await;
    for route in ROUTES {
        let (path, method, allowed) = example(route);
        let method: Method = method.parse().unwrap();
        let what = format!("{method} {path}");

        for credential in [None, Some("token-aaaaa:wrong"), Some("garbage"), Some("eyJh.eyJi.c2ln")] {
            let mut request = gate.request(method.clone(), &path);
            if let Some(credential) = credential {
                request = request.bearer_auth(credential);
            }
            let answer = send(request).await;
            if matches!(route.access, Access::Person | Access::Client) {
                assert_eq!(answer.code, 401, "{what} with {credential:?}: {}", answer.text);
                assert!(answer.text.contains("must authenticate"), "{what}: {}", answer.text);
            } else if credential.is_none() || route.access == Access::Public {
                assert_ne!(answer.code, 401, "{what} is for everybody: {}", answer.text);
            }
            assert!(answer.code < 500, "{what}: {} {}", answer.code, answer.text);
        }

        // A token of its own for each row: one of them logs out.
        let token = crate::support::token(&gate.identity, &nobody_id).await;
        let answer = send(gate.request(method.clone(), &path).bearer_auth(&token)).await;
        assert!(allowed.contains(&answer.code), "{what} by nobody: {} {}", answer.code, answer.text);

        // A service account has no way into what is for people.
        let answer = send(gate.request(method.clone(), &path).bearer_auth(&robot)).await;
        match route.access {
            Access::Person => {
                assert_eq!(answer.code, 403, "{what} by a service account: {}", answer.text);
                assert!(answer.text.contains("is for people"), "{what}: {}", answer.text);
            }
            // Kubernetes lets service accounts see who issues their tokens, and people without rights not.
            _ if is_about_tokens(&path) => assert_eq!(answer.code, 200, "{what} by a robot: {}", answer.text),
            _ => {
                assert!(allowed.contains(&answer.code), "{what} by a robot: {} {}", answer.code, answer.text)
            }
        }

        let limit = match route.body {
            BodyLimit::Streamed => None,
            BodyLimit::None => Some(0),
            BodyLimit::Bytes(limit) => Some(limit),
        };
        if let Some(limit) = limit {
            let big = "x".repeat(limit + 1);
            let answer = send(gate.request(method.clone(), &path).bearer_auth(&gate.admin).body(big)).await;
            assert_eq!(answer.code, 413, "{what} with {} bytes: {}", limit + 1, answer.text);
        }

        if !route.methods.is_empty() {
            let other = ["PUT", "PATCH"].into_iter().find(|method| !route.methods.contains(method)).unwrap();
            let other: Method = other.parse().unwrap();
            let answer = send(gate.request(other.clone(), &path).bearer_auth(&gate.admin)).await;
            assert_eq!(answer.code, 405, "{other} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_at_the_limit_too() {
    let gate = Gate::start().await;
    let chunk = "x".repeat(20 * 1024);
    let request = format!(
        "POST /v1-public/login HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
         {:x}\r\n{chunk}\r\n0\r\n\r\n",
        chunk.len()
    );
    let answer = gate.raw(&request).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn unknown_addresses_are_401_for_strangers_and_404_for_people() {
    let gate = Gate::start().await;
    for path in ["/nope", "/v3/nope", "/v1/nope", "/k8s/clusters/"] {
        assert_eq!(gate.stranger(path).await.code, 401, "{path}");
        assert_eq!(gate.get(path).await.code, 404, "{path}");
    }
    assert_eq!(gate.get("/v3/nope").await.json()["type"], "error");
    assert_eq!(gate.get("/nope").await.json()["kind"], "Status");
}

#[tokio::test]
async fn path_tricks_are_refused_whoever_asks() {
    let gate = Gate::start().await;
    for path in [
        "//api/v1/secrets",
        "/api//v1/secrets",
        "/ping/../api/v1/secrets",
        "/k8s/clusters/local/../../../api",
        "/k8s/clusters/%2e%2e/api",
        "/k8s/clusters/a%2Fb/api",
        "/k8s/clusters/a%252fb/api",
        "/k8s/clusters/a\\b/api",
        "/api/v1/namespaces/%00",
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            gate.admin
        );
        let answer = gate.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn unknown_and_forbidden_clusters_look_the_same() {
    let gate = Gate::start().await;
    let created = gate.post("/v3/clusters", &json!({"type": "cluster", "name": "paddock"})).await;
    assert_eq!(created.code, 201, "{}", created.text);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let (_, nobody) = gate.nobody().await;
    let ask = async |id: &str| {
        let path = format!("/k8s/clusters/{id}/api/v1/nodes");
        send(gate.request(Method::GET, &path).bearer_auth(&nobody)).await
    };
    let (forbidden, unknown) = (ask(&id).await, ask("c-zzzzz").await);
    assert_eq!(forbidden.code, unknown.code);
    assert_eq!(forbidden.text.replace(&id, "ID"), unknown.text.replace("c-zzzzz", "ID"));
    let owner = gate.get(&format!("/k8s/clusters/{id}/api/v1/nodes")).await;
    assert_eq!(owner.code, 503, "the owner learns that it is not connected: {}", owner.text);
    assert!(owner.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn nobody_becomes_somebody_else_by_headers() {
    let gate = Gate::start().await;
    let (_, nobody) = gate.nobody().await;
    for (name, value) in [
        ("impersonate-user", gate.admin_id.as_str()),
        ("x-remote-user", gate.admin_id.as_str()),
        ("x-forwarded-user", gate.admin_id.as_str()),
        ("impersonate-group", "system:masters"),
    ] {
        let request = gate.request(Method::GET, "/api/v1/secrets").bearer_auth(&nobody).header(name, value);
        let answer = send(request).await;
        assert!([400, 403].contains(&answer.code), "{name}: {} {}", answer.code, answer.text);
    }
}
