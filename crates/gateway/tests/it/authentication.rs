//! Logging in and out, the three places of a credential, throttling, revocation.
use std::time::{Duration, Instant};

use base64::Engine as _;
use futures::StreamExt as _;
use grange_identity::throttle::ACCOUNT_FREE_FAILURES;
use reqwest::{Method, header};
use serde_json::json;

use crate::support::{Gate, PASSWORD, send, token, until};

#[tokio::test]
async fn a_login_gives_a_token_that_works_at_once_and_ends_at_logout() {
    let gate = Gate::start().await;
    for path in ["/v3-public/localProviders/local?action=login", "/v1-public/login"] {
        let body = json!({"type": "localProvider", "username": "admin", "password": PASSWORD});
        let answer = send(gate.request(Method::POST, path).json(&body)).await;
        assert_eq!(answer.code, 201, "{}", answer.text);
        let login = answer.json();
        assert_eq!((&login["type"], &login["baseType"]), (&json!("token"), &json!("token")));
        let token = login["token"].as_str().unwrap();
        assert!(token.starts_with(&format!("{}:", login["id"].as_str().unwrap())), "{token}");
        let own = async || send(gate.request(Method::GET, "/v3/users?me=true").bearer_auth(token)).await;
        let me = own().await;
        assert_eq!(me.json()["data"][0]["username"], "admin", "{}", me.text);
        let logout = send(gate.request(Method::POST, "/v3/tokens?action=logout").bearer_auth(token)).await;
        assert_eq!(logout.code, 200, "{}", logout.text);
        assert_eq!(own().await.code, 401);
    }
}

#[tokio::test]
async fn the_cookie_is_for_this_site_only() {
    let gate = Gate::start().await;
    let login = gate.login("admin", PASSWORD, "cookie").await;
    assert_eq!((login.code, login.text.as_str()), (200, ""));
    let cookie = login.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let session = cookie.split(';').next().unwrap().to_owned();
    let with = |method: Method, origin: Option<&str>| {
        let mut request = gate.request(method, "/v3/tokens").header(header::COOKIE, &session);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        send(request)
    };
    assert_eq!(with(Method::GET, Some("https://evil.example")).await.code, 200);
    assert_eq!(with(Method::POST, Some("https://evil.example")).await.code, 403);
    assert_eq!(with(Method::POST, Some("null")).await.code, 403);
    assert_eq!(with(Method::POST, Some(&gate.base)).await.code, 201);
    let request = gate.request(Method::POST, "/v1/logout").header(header::COOKIE, &session);
    let logout = send(request).await;
    assert!(logout.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(with(Method::GET, None).await.code, 401);
}

#[tokio::test]
async fn basic_works_where_bearer_does_and_two_headers_do_not() {
    let gate = Gate::start().await;
    let basic = base64::engine::general_purpose::STANDARD.encode(&gate.admin);
    let request =
        gate.request(Method::GET, "/api/v1/namespaces").header("authorization", format!("Basic {basic}"));
    assert_eq!(send(request).await.code, 200);
    let request = gate
        .request(Method::GET, "/api/v1/namespaces")
        .header("authorization", format!("Bearer {}", gate.admin))
        .header("authorization", "Bearer token-aaaaa:wrong");
    assert_eq!(send(request).await.code, 401);
}

#[tokio::test]
async fn unknown_users_and_wrong_passwords_get_the_same_answer() {
    let gate = Gate::start().await;
    let wrong = gate.login("admin", "wrong password", "json").await;
    let unknown = gate.login("stranger", "wrong password", "json").await;
    assert_eq!(wrong.code, 401);
    assert_eq!((wrong.code, &wrong.text), (unknown.code, &unknown.text));
    assert_eq!(wrong.json()["message"], "authentication failed");
    assert_eq!(wrong.json()["code"], "Unauthorized");
}

#[tokio::test]
async fn guessing_is_throttled_without_saying_whether_the_account_exists() {
    let gate = Gate::start().await;
    for account in ["admin", "stranger"] {
        let mut codes = Vec::new();
        for _ in 0..=ACCOUNT_FREE_FAILURES {
            codes.push(gate.login(account, "wrong password", "json").await);
        }
        let last = codes.pop().unwrap();
        assert!(codes.iter().all(|answer| answer.code == 401), "{account}");
        assert_eq!(last.code, 429, "{account}: {}", last.text);
        assert!(last.headers.contains_key(header::RETRY_AFTER));
    }
}

#[tokio::test]
async fn a_malformed_login_says_which_part() {
    let gate = Gate::start().await;
    for (body, names) in [
        ("{", "parse"),
        ("{}", "username"),
        (r#"{"username":"admin"}"#, "password"),
        (r#"{"username":"admin","password":"x","type":"githubProvider"}"#, "type"),
        (r#"{"username":"admin","password":"x","responseType":"saml"}"#, "responseType"),
    ] {
        let answer = send(gate.request(Method::POST, "/v1-public/login").body(body)).await;
        assert_eq!(answer.code, 422, "{body}: {}", answer.text);
        assert!(answer.json()["message"].as_str().unwrap().contains(names), "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn revoking_a_token_cuts_its_open_watch_within_a_second() {
    let gate = Gate::start().await;
    let session = token(&gate.identity, &gate.admin_id).await;
    let other = token(&gate.identity, &gate.admin_id).await;
    let open = async |token: &str| {
        let request = gate.request(Method::GET, "/api/v1/namespaces?watch=true").bearer_auth(token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let mut stream = response.bytes_stream();
        stream.next().await.unwrap().unwrap();
        stream
    };
    let (mut cut, mut kept) = (open(&session).await, open(&other).await);
    let name = session.split(':').next().unwrap();
    let deleted = send(
        gate.request(Method::DELETE, &format!("/apis/management.cattle.io/v3/tokens/{name}"))
            .bearer_auth(&other),
    );
    let began = Instant::now();
    assert_eq!(deleted.await.code, 200);
    let ended = async { while let Some(Ok(_)) = cut.next().await {} };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the watch is cut");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let body = json!({"metadata": {"name": "after"}});
    assert_eq!(gate.post("/api/v1/namespaces", &body).await.code, 201);
    until("the other watch to go on", async || {
        let chunk = kept.next().await?.ok()?;
        String::from_utf8_lossy(&chunk).contains("after").then_some(())
    })
    .await;
}

#[tokio::test]
async fn disabling_a_user_ends_everything_of_theirs() {
    let gate = Gate::start().await;
    let (id, nobody) = gate.nobody().await;
    let me = async || send(gate.request(Method::GET, "/v3/users?me=true").bearer_auth(&nobody)).await;
    assert_eq!(me().await.code, 200);
    let patch = gate
        .request(Method::PATCH, &format!("/apis/management.cattle.io/v3/users/{id}"))
        .bearer_auth(&gate.admin)
        .header(header::CONTENT_TYPE, "application/merge-patch+json")
        .body(r#"{"enabled":false}"#);
    let patched = send(patch).await;
    assert_eq!(patched.code, 200, "{}", patched.text);
    until("the token to be refused", async || (me().await.code == 401).then_some(())).await;
    assert_eq!(gate.login("nobody", PASSWORD, "json").await.code, 403);
}

#[tokio::test]
async fn hashes_never_leave_and_tokens_are_not_made_by_hand() {
    let gate = Gate::start().await;
    let list = gate.get("/apis/management.cattle.io/v3/tokens").await;
    assert!(list.text.contains("kubeconfig") || list.text.contains("token-"), "{}", list.text);
    assert!(!list.text.contains("sha256:"), "{}", list.text);
    let forged = json!({
        "apiVersion": "management.cattle.io/v3", "kind": "Token", "metadata": {"name": "token-mine"},
        "userId": gate.admin_id, "token": "sha256:00",
    });
    let answer = gate.post("/apis/management.cattle.io/v3/tokens", &forged).await;
    assert_eq!(answer.code, 403, "{}", answer.text);
}

#[tokio::test]
async fn passwords_are_changed_by_their_owner_or_by_who_may_update_users() {
    let gate = Gate::start().await;
    let (id, nobody) = gate.nobody().await;
    let change = async |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        send(gate.request(Method::POST, "/v3/users?action=changepassword").bearer_auth(&nobody).json(&body))
            .await
    };
    assert_eq!(change("wrong", "another good password").await.code, 401);
    assert_eq!(change(PASSWORD, "short").await.code, 422);
    assert_eq!(change(PASSWORD, "another good password").await.code, 200);
    assert_eq!(gate.login("nobody", "another good password", "json").await.code, 201);
    let set = format!("/v3/users/{id}?action=setpassword");
    let body = json!({"newPassword": "a password by the admin"});
    let own = send(gate.request(Method::POST, &set).bearer_auth(&nobody).json(&body)).await;
    assert_eq!(own.code, 403, "without the present password one may not: {}", own.text);
    assert_eq!(gate.post(&set, &body).await.code, 200);
    assert_eq!(gate.login("nobody", "a password by the admin", "json").await.code, 201);
}

#[tokio::test]
async fn the_first_login_setting_follows_the_password() {
    let gate = Gate::start().await;
    let value = async || gate.stranger("/v3/settings/first-login").await.json()["value"].clone();
    assert_eq!(value().await, "false", "the password was given, not generated");
}
