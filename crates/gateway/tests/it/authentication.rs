//! Logging in and out, the three places of a credential, throttling, revocation.
use std::time::{Duration, Instant};

use base64::Engine as _;
use futures::StreamExt as _;
use grange_identity::throttle::ACCOUNT_FREE_FAILURES;
use reqwest::{Method, RequestBuilder, header};
use serde_json::json;

use crate::support::{Answer, DEADLINE, Gate, PASSWORD, send, token, until};

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

/// A browser's session: the cookies of a login, as a header, and what `CSRF` says.
async fn log_in_as_a_browser(gate: &Gate) -> (String, String) {
    let login = gate.login("admin", PASSWORD, "cookie").await;
    assert_eq!((login.code, login.text.as_str()), (200, ""));
    let cookies: Vec<&str> = cookies(&login).iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
    (cookies.join("; "), cookies[1].strip_prefix("CSRF=").unwrap().to_owned())
}

fn cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn a_login_for_browsers_sets_cookies_for_this_site_only() {
    let gate = Gate::start().await;
    let login = gate.login("admin", PASSWORD, "cookie").await;
    let [session, csrf] = cookies(&login)[..] else { panic!("{:?}", login.headers) };
    assert!(session.starts_with("R_SESS=token-") && csrf.starts_with("CSRF="), "{session} {csrf}");
    for cookie in [session, csrf] {
        for part in ["Path=/", "Secure", "SameSite=Strict"] {
            assert!(cookie.split("; ").any(|found| found == part), "{cookie}");
        }
    }
    assert!(session.contains("; HttpOnly"), "{session}");
    assert!(!csrf.contains("HttpOnly"), "pages have to read it: {csrf}");
    assert_eq!(login.headers[header::CACHE_CONTROL], "no-store");
    let body = json!({"username": "admin", "password": PASSWORD, "responseType": "cookie"});
    let request = gate.request(Method::POST, "/v1-public/login").json(&body);
    let foreign = send(request.header(header::ORIGIN, "https://evil.example")).await;
    assert_eq!((foreign.code, cookies(&foreign).len()), (403, 0), "{}", foreign.text);
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let gate = Gate::start().await;
    let (session, csrf) = log_in_as_a_browser(&gate).await;
    let (other_session, other_csrf) = log_in_as_a_browser(&gate).await;
    let evil = "https://evil.example";
    let planted = session.replace(&csrf, &other_csrf);
    for (method, cookies, origin, repeated, code) in [
        (Method::GET, &session, Some(evil), None, 200),
        (Method::POST, &session, Some(gate.base.as_str()), Some(&csrf), 201),
        (Method::POST, &session, None, Some(&csrf), 201),
        (Method::POST, &session, Some(gate.base.as_str()), None, 403),
        (Method::POST, &session, Some(evil), Some(&csrf), 403),
        (Method::POST, &session, Some("null"), Some(&csrf), 403),
        // The cookie and the header agree, but they are of another session.
        (Method::POST, &planted, Some(gate.base.as_str()), Some(&other_csrf), 403),
        (Method::POST, &other_session, Some(gate.base.as_str()), Some(&csrf), 403),
    ] {
        let what = format!("{method} from {origin:?} with {repeated:?}");
        let mut request = gate.request(method, "/v3/tokens").header(header::COOKIE, cookies);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        if let Some(repeated) = repeated {
            request = request.header("X-API-CSRF", repeated);
        }
        let answer = send(request).await;
        assert_eq!(answer.code, code, "{what}: {}", answer.text);
    }
    let namespace = json!({"metadata": {"name": "by-cookie"}});
    let create = |request: RequestBuilder| send(request.header(header::COOKIE, &session).json(&namespace));
    let path = "/api/v1/namespaces";
    let refused = create(gate.request(Method::POST, path)).await;
    assert_eq!((refused.code, &refused.json()["kind"]), (403, &json!("Status")), "{}", refused.text);
    assert!(refused.text.contains("X-API-CSRF"), "{}", refused.text);
    assert_eq!(create(gate.request(Method::POST, path).header("X-API-CSRF", &csrf)).await.code, 201);
}

#[tokio::test]
async fn a_cookie_opens_sockets_for_our_own_pages_only() {
    let gate = Gate::start().await;
    let (session, _) = log_in_as_a_browser(&gate).await;
    let host = gate.base.strip_prefix("https://").unwrap();
    for (origin, refused) in [
        (format!("origin: {}\r\n", gate.base), false),
        ("origin: https://evil.example\r\n".to_owned(), true),
        (format!("origin: http://{host}\r\n"), true),
        (format!("origin: {}.evil.example\r\n", gate.base), true),
        (String::new(), true),
    ] {
        let request = format!(
            "GET /k8s/clusters/c-m-abcdefgh/api/v1/x HTTP/1.1\r\nhost: {host}\r\ncookie: {session}\r\n{origin}\
             connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let answer = gate.raw_head(&request).await;
        // Let through, it comes as far as the cluster, which there is none of.
        let expected = if refused { "HTTP/1.1 403" } else { "HTTP/1.1 404" };
        assert!(answer.starts_with(expected), "{origin}: {answer}");
    }
}

#[tokio::test]
async fn logging_out_ends_cookies_session_and_open_streams() {
    let gate = Gate::start().await;
    let (session, csrf) = log_in_as_a_browser(&gate).await;
    let with_cookies = |method, path: &str| gate.request(method, path).header(header::COOKIE, &session);
    let watch = with_cookies(Method::GET, "/api/v1/namespaces?watch=true").send().await.unwrap();
    let mut watch = watch.bytes_stream();
    watch.next().await.unwrap().unwrap();
    assert_eq!(send(with_cookies(Method::POST, "/v1/logout")).await.code, 403, "not without the header");
    let logout = send(with_cookies(Method::POST, "/v1/logout").header("X-API-CSRF", &csrf)).await;
    assert_eq!(logout.code, 200, "{}", logout.text);
    let [session_gone, csrf_gone] = cookies(&logout)[..] else { panic!("{:?}", logout.headers) };
    assert!(session_gone.starts_with("R_SESS=;") && session_gone.contains("Max-Age=0"), "{session_gone}");
    assert!(csrf_gone.starts_with("CSRF=;") && csrf_gone.contains("Max-Age=0"), "{csrf_gone}");
    let ended = async { while let Some(Ok(_)) = watch.next().await {} };
    tokio::time::timeout(DEADLINE, ended).await.expect("the watch is cut");
    assert_eq!(send(with_cookies(Method::GET, "/v3/tokens")).await.code, 401);
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
async fn a_service_account_is_somebody_in_the_management_api_and_nowhere_else() {
    let gate = Gate::start().await;
    let robot = gate.service_account("robot").await;
    let as_robot = async |path: &str| send(gate.request(Method::GET, path).bearer_auth(&robot)).await;
    let secrets = "/api/v1/namespaces/default/secrets";
    let refused = as_robot(secrets).await;
    assert_eq!(refused.code, 403, "{}", refused.text);
    assert!(refused.text.contains("system:serviceaccount:default:robot"), "{}", refused.text);
    // Even with every right it is nobody to a cluster: there, another account may bear its name.
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "robot"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}],
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    assert_eq!(gate.post(bindings, &binding).await.code, 201);
    let cluster = json!({"apiVersion": "management.cattle.io/v3", "kind": "Cluster", "metadata": {"name": "c-m-abcdefgh"}, "spec": {"displayName": "one"}});
    let made = gate.post("/apis/management.cattle.io/v3/clusters", &cluster).await;
    assert_eq!(made.code, 201, "{}", made.text);
    assert_eq!(gate.get("/k8s/clusters/c-m-abcdefgh/api/v1/nodes").await.code, 503, "it is not connected");
    assert_eq!(as_robot("/k8s/clusters/c-m-abcdefgh/api/v1/nodes").await.code, 404);
    for path in [secrets, "/k8s/clusters/local/api/v1/nodes", "/openid/v1/jwks", "/metrics"] {
        let answer = as_robot(path).await;
        assert!(matches!(answer.code, 200 | 404), "{path}: {} {}", answer.code, answer.text);
    }
    assert_eq!(as_robot(secrets).await.code, 200);

    // A token for somebody else opens nothing here.
    let elsewhere = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": ["vault"]}});
    let token = "/api/v1/namespaces/default/serviceaccounts/robot/token";
    let issued = gate.post(token, &elsewhere).await.json();
    let issued = issued["status"]["token"].as_str().unwrap();
    assert_eq!(send(gate.request(Method::GET, secrets).bearer_auth(issued)).await.code, 401);

    let watch = gate.request(Method::GET, "/api/v1/namespaces?watch=true").bearer_auth(&robot);
    let mut watch = watch.send().await.unwrap().bytes_stream();
    watch.next().await.unwrap().unwrap();
    let account = "/api/v1/namespaces/default/serviceaccounts/robot";
    let deleted = send(gate.request(Method::DELETE, account).bearer_auth(&gate.admin)).await;
    assert_eq!(deleted.code, 200, "{}", deleted.text);
    assert_eq!(as_robot(secrets).await.code, 401);
    let ended = async { while let Some(Ok(_)) = watch.next().await {} };
    tokio::time::timeout(DEADLINE, ended).await.expect("the watch is cut");
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
async fn the_first_visit_ends_with_a_password_of_ones_own() {
    let (gate, one_time) = Gate::start_fresh().await;
    let is_first = async || gate.stranger("/v3/settings/first-login").await.json()["value"].clone();
    assert_eq!(is_first().await, "true");
    let login = async |password: &str| gate.login("admin", password, "json").await.json()["token"].clone();
    let (mine, other) = (login(&one_time).await, login(&one_time).await);
    let (mine, other) = (mine.as_str().unwrap(), other.as_str().unwrap());
    let me =
        async |token: &str| send(gate.request(Method::GET, "/v3/users?me=true").bearer_auth(token)).await;
    assert_eq!(me(mine).await.json()["data"][0]["mustChangePassword"], true);
    let body = json!({"currentPassword": one_time, "newPassword": "a password of my own"});
    let change = gate.request(Method::POST, "/v3/users?action=changepassword").bearer_auth(mine).json(&body);
    let changed = send(change).await;
    assert_eq!(changed.code, 200, "{}", changed.text);
    assert_eq!(me(mine).await.json()["data"][0]["mustChangePassword"], false);
    assert_eq!(is_first().await, "false");
    assert_eq!(me(other).await.code, 401, "whoever logged in with the old password is out");
    assert_eq!(me(&gate.admin).await.code, 200, "tokens for scripts stay");
    assert_eq!(gate.login("admin", &one_time, "json").await.code, 401);
}

#[tokio::test]
async fn ones_own_tokens_are_shown_with_what_they_are_for() {
    let gate = Gate::start().await;
    let (session, csrf) = log_in_as_a_browser(&gate).await;
    let ask = |method| gate.request(method, "/v3/tokens").header(header::COOKIE, &session);
    let form = json!({"description": "for the backup script", "ttl": 3_600_000});
    let made = send(ask(Method::POST).header("X-API-CSRF", &csrf).json(&form)).await.json();
    let list = send(ask(Method::GET)).await;
    assert!(
        !list.text.contains("sha256") && !list.text.contains(made["token"].as_str().unwrap()),
        "{}",
        list.text
    );
    let list = list.json();
    let find = |is_wanted: &dyn Fn(&serde_json::Value) -> bool| {
        list["data"].as_array().unwrap().iter().find(|token| is_wanted(token)).cloned().unwrap()
    };
    let script = find(&|token| token["id"] == made["id"]);
    assert_eq!(script["description"], "for the backup script");
    assert_eq!(script["labels"]["authn.management.cattle.io/kind"], "api");
    assert_eq!((&script["current"], &script["expired"]), (&json!(false), &json!(false)));
    assert_eq!(script["lastUsedAt"], json!(null));
    assert!(script["expiresAt"].as_str() > script["created"].as_str());
    let current = find(&|token| token["current"] == true);
    assert_eq!(current["labels"]["authn.management.cattle.io/kind"], "session");
    assert!(
        session.contains(current["id"].as_str().unwrap()) && current["lastUsedAt"].is_string(),
        "{current}"
    );
}
