//! Settings as people, scripts and kubectl set them.
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{Answer, Gate, send, until};

const SETTINGS: &str = "/apis/management.cattle.io/v3/settings";

async fn put(gate: &Gate, name: &str, value: &str) -> Answer {
    let request = gate.request(Method::PUT, &format!("/v3/settings/{name}")).bearer_auth(&gate.admin);
    send(request.json(&json!({"value": value}))).await
}

#[tokio::test]
async fn the_address_is_shown_with_a_warning_where_clusters_could_not_reach_it() {
    let gate = Gate::start().await;
    let shown = gate.get("/v3/settings/server-url").await.json();
    assert_eq!((&shown["value"], &shown["source"]), (&json!(gate.base), &json!("default")));
    assert_eq!(shown["reach"], "loopback");
    assert!(shown["warning"].as_str().unwrap().contains("Only this machine"), "{shown}");

    let path = "/v3/settings/server-url?dryRun=All";
    let check = |value: &str| {
        send(gate.request(Method::PUT, path).bearer_auth(&gate.admin).json(&json!({"value": value})))
    };
    let good = check("https://grange.example.org/").await.json();
    assert_eq!((&good["value"], &good["warning"]), (&json!("https://grange.example.org"), &Value::Null));
    assert_eq!(check("https://grange").await.json()["reach"], "single-label");
    for bad in ["http://grange.example.org", "https://grange.example.org/dashboard", "grange"] {
        let refused = check(bad).await;
        assert_eq!(refused.code, 422, "{bad}: {}", refused.text);
        assert_eq!(refused.json()["fieldName"], "value", "{bad}: {}", refused.text);
    }
    assert_eq!(gate.get("/v3/settings/server-url").await.json()["value"], json!(gate.base), "only checked");
}

#[tokio::test]
async fn a_new_address_is_in_everything_that_leads_here() {
    let gate = Gate::start().await;
    let cluster = gate.post("/v3/clusters", &json!({"name": "paddock"})).await.json();
    let token_path =
        format!("/v3/clusterRegistrationTokens/{}:default-token", cluster["id"].as_str().unwrap());
    let manifest_url = async || gate.get(&token_path).await.json()["manifestUrl"].as_str().map(str::to_owned);
    let old = until("the token", manifest_url).await;
    let secret = old.strip_prefix(&gate.base).unwrap().to_owned();

    let set = put(&gate, "server-url", "https://gate.example.org:8443").await;
    assert_eq!(set.code, 200, "{}", set.text);
    assert_eq!((&set.json()["source"], &set.json()["customized"]), (&json!("db"), &json!(true)));
    let expected = format!("https://gate.example.org:8443{secret}");
    until("the token to lead to the new address", async || (manifest_url().await? == expected).then_some(()))
        .await;
    let manifest = gate.stranger(&secret).await;
    assert!(manifest.text.contains("gate.example.org:8443/grange/agent:test"), "{}", manifest.text);
    let second = gate.post("/v3/clusters", &json!({"name": "meadow"})).await.json();
    let link = second["links"]["self"].as_str().unwrap();
    assert!(link.starts_with("https://gate.example.org:8443/"), "{link}");

    // A page served under the new address may act; the certificate has both names.
    let names = until("a certificate for the new name", async || {
        let names = gate.certificate_names().await;
        names.contains(&"gate.example.org".to_owned()).then_some(names)
    })
    .await;
    assert!(
        names.contains(&"127.0.0.1".to_owned()),
        "agents that know the old address still come: {names:?}"
    );

    assert_eq!(put(&gate, "server-url", "").await.json()["value"], json!(gate.base), "the default again");
}

#[tokio::test]
async fn kubectl_reads_and_writes_the_same_settings() {
    let gate = Gate::start().await;
    let patch = |name: &str, value: &str| {
        let request = gate.request(Method::PATCH, &format!("{SETTINGS}/{name}")).bearer_auth(&gate.admin);
        let request = request.header(header::CONTENT_TYPE, "application/merge-patch+json");
        send(request.body(json!({"value": value}).to_string()))
    };
    let changed = patch("auth-user-session-idle-ttl-minutes", "30").await;
    assert_eq!(changed.code, 200, "{}", changed.text);
    until("the same in the other form", async || {
        let shown = gate.get("/v3/settings/auth-user-session-idle-ttl-minutes").await.json();
        (shown["value"] == "30" && shown["customized"] == true && shown["default"] == "960").then_some(())
    })
    .await;
    for (name, value, names) in [
        ("server-url", "https://a/b", "value"),
        ("auth-user-session-ttl-minutes", "soon", "minutes"),
        ("auth-user-session-ttl-minutes", "20", "auth-user-session-idle-ttl-minutes"),
        ("auth-user-session-idle-ttl-minutes", "961", "auth-user-session-ttl-minutes"),
        ("cacerts", "mine", "cacerts"),
        ("server-version", "2", "server-version"),
    ] {
        let refused = patch(name, value).await;
        assert_eq!(
            (refused.code, &refused.json()["kind"]),
            (422, &json!("Status")),
            "{name}: {}",
            refused.text
        );
        assert!(refused.text.contains(names), "{name}: {}", refused.text);
    }
    let deleted =
        send(gate.request(Method::DELETE, &format!("{SETTINGS}/server-url")).bearer_auth(&gate.admin));
    assert_eq!(deleted.await.code, 403);
    let own = json!({
        "apiVersion": "management.cattle.io/v3", "kind": "Setting",
        "metadata": {"name": "telemetry-opt"}, "value": "out",
    });
    assert_eq!(gate.post(SETTINGS, &own).await.code, 201, "clients keep settings of their own");
}

#[tokio::test]
async fn settings_are_for_people_and_setting_them_for_those_who_may() {
    let gate = Gate::start().await;
    let (_, nobody) = gate.nobody().await;
    assert_eq!(gate.stranger("/v3/settings/server-url").await.code, 401);
    assert_eq!(gate.stranger("/v3/settings").await.code, 401);
    for public in ["cacerts", "first-login"] {
        assert_eq!(gate.stranger(&format!("/v3/settings/{public}")).await.code, 200, "{public}");
    }
    let request = gate.request(Method::PUT, "/v3/settings/server-url").bearer_auth(&nobody);
    let refused = send(request.json(&json!({"value": "https://evil.example"}))).await;
    assert_eq!(refused.code, 403, "{}", refused.text);
    let list = gate.get("/v3/settings").await.json();
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().filter_map(|item| item["id"].as_str()).collect();
    for name in ["cacerts", "first-login", "server-url", "server-version", "auth-user-session-ttl-minutes"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    assert_eq!(gate.get("/v3/settings/nothing").await.code, 404);
}

#[tokio::test]
async fn a_session_lives_as_long_as_is_set() {
    let gate = Gate::start().await;
    assert_eq!(put(&gate, "auth-user-session-idle-ttl-minutes", "5").await.code, 200);
    assert_eq!(put(&gate, "auth-user-session-ttl-minutes", "5").await.code, 200);
    let login = gate.login("admin", crate::support::PASSWORD, "json").await.json();
    let ends: jiff::Timestamp = login["expiresAt"].as_str().unwrap().parse().unwrap();
    let left_s = ends.as_second() - jiff::Timestamp::now().as_second();
    assert!((200..=301).contains(&left_s), "{left_s}");
}
