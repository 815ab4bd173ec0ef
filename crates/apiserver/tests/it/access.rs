//! Who may do what: authentication, impersonation, RBAC, reviews.
use grange_apiserver::Body;
use serde_json::{Value, json};

use crate::support::{Server, start};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

async fn grant(server: &Server, user: &str, rules: Value) {
    let name = format!("for-{user}");
    server
        .post(&format!("{RBAC}/clusterroles"), json!({"metadata": {"name": name}, "rules": rules}))
        .await
        .ok();
    let binding = json!({
        "metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "User", "name": user}],
    });
    server.post(&format!("{RBAC}/clusterrolebindings"), binding).await.ok();
}

#[tokio::test]
async fn strangers_see_little() {
    let server = start().await;
    let anonymous = [("anonymous", "1")];
    let answer = server.raw("GET", "/api/v1/namespaces/default/secrets/x", Body::Empty, &anonymous).await;
    answer.fails(403, "Forbidden", r#"secrets "x" is forbidden: User "system:anonymous" cannot get resource "secrets" in API group "" in the namespace "default""#);
    let answer = server.raw("GET", "/api", Body::Empty, &anonymous).await;
    answer.fails(403, "Forbidden", r#"forbidden: User "system:anonymous" cannot get path "/api""#);
    for path in ["/version", "/healthz", "/livez", "/readyz"] {
        assert_eq!(server.raw("GET", path, Body::Empty, &anonymous).await.code, 200, "{path}");
    }
    for header in ["Bearer wrong", "Bearer ", "Basic abc", "Bearer"] {
        let answer = server.raw("GET", "/version", Body::Empty, &[("authorization", header)]).await;
        answer.fails(401, "Unauthorized", "Unauthorized");
    }
    assert_eq!(server.as_user("alice", "GET", "/api", Value::Null).await.code, 200);
    server.as_user("alice", "GET", "/api/v1/nodes", Value::Null).await.fails(403, "Forbidden", r#"nodes is forbidden: User "alice" cannot list resource "nodes" in API group "" at the cluster scope"#);
}

#[tokio::test]
async fn a_binding_counts_at_once() {
    let server = start().await;
    let maps = "/api/v1/namespaces/default/configmaps";
    for round in 0..5 {
        let user = format!("user{round}");
        server.as_user(&user, "GET", maps, Value::Null).await.fails(403, "Forbidden", "");
        let binding = json!({
            "metadata": {"name": user}, "roleRef": {"kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "User", "name": user}],
        });
        server.post(&format!("{RBAC}/namespaces/default/rolebindings"), binding).await.ok();
        if round == 0 {
            // The aggregated rules of `view` are a controller's work.
            server
                .until(&format!("{RBAC}/clusterroles/view"), |answer| {
                    answer.json()["rules"].as_array().is_some_and(|rules| !rules.is_empty())
                })
                .await;
        }
        server.as_user(&user, "GET", maps, Value::Null).await.ok();
        server.as_user(&user, "GET", "/api/v1/configmaps", Value::Null).await.fails(
            403,
            "Forbidden",
            "at the cluster scope",
        );
        server.as_user(&user, "GET", "/api/v1/namespaces/default/secrets", Value::Null).await.fails(
            403,
            "Forbidden",
            "",
        );
        server.as_user(&user, "GET", "/api/v1/namespaces/default", Value::Null).await.ok();
        server.delete(&format!("{RBAC}/namespaces/default/rolebindings/{user}")).await.ok();
        server.as_user(&user, "GET", maps, Value::Null).await.fails(403, "Forbidden", "");
    }
}

#[tokio::test]
async fn nobody_grants_what_they_lack() {
    let server = start().await;
    let rbac_rules = json!([
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["create", "update", "patch", "get"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    ]);
    grant(&server, "alice", rbac_rules).await;
    let roles = format!("{RBAC}/clusterroles");
    let role = |name: &str, verb: &str| json!({"metadata": {"name": name}, "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": [verb]}]});
    server.as_user("alice", "POST", &roles, role("ok", "get")).await.ok();
    server.as_user("alice", "POST", &roles, role("bad", "delete")).await.fails(
        403,
        "Forbidden",
        "user \"alice\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"configmaps\"], Verbs:[\"delete\"]}",
    );
    let bindings = format!("{RBAC}/clusterrolebindings");
    let binding = |name: &str, role: &str| json!({"metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": "User", "name": "bob"}]});
    server.as_user("alice", "POST", &bindings, binding("b1", "ok")).await.ok();
    server.as_user("alice", "POST", &bindings, binding("b2", "cluster-admin")).await.fails(
        403,
        "Forbidden",
        "not currently held",
    );
    server.as_user("alice", "POST", &bindings, binding("b3", "missing")).await.fails(
        404,
        "NotFound",
        "clusterroles.rbac.authorization.k8s.io \"missing\" not found",
    );
    grant(&server, "binder", json!([
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterrolebindings"], "verbs": ["create"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": ["cluster-admin"], "verbs": ["bind"]},
    ])).await;
    server.as_user("binder", "POST", &bindings, binding("b4", "cluster-admin")).await.ok();
    let changed = json!({"metadata": {"name": "b1"}, "roleRef": {"kind": "ClusterRole", "name": "view"}});
    server.put(&format!("{bindings}/b1"), changed).await.fails(422, "Invalid", "cannot change roleRef");
}

#[tokio::test]
async fn impersonation_is_asked_for() {
    let server = start().await;
    let own = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let send = |headers: Vec<(&'static str, &'static str)>| {
        let server = &server;
        async move {
            let mut all = vec![("content-type", "application/json")];
            all.extend(headers);
            server.raw("POST", own, b"{}".to_vec(), &all).await
        }
    };
    let answer = send(vec![
        ("impersonate-user", "bob"),
        ("impersonate-group", "g1"),
        ("impersonate-group", "g2"),
        ("impersonate-uid", "u1"),
        ("impersonate-extra-scopes%2fa", "x"),
    ])
    .await;
    let user = &answer.ok()["status"]["userInfo"];
    assert_eq!(user["username"], "bob");
    assert_eq!(user["groups"], json!(["g1", "g2", "system:authenticated"]));
    assert_eq!(user["uid"], "u1");
    assert_eq!(user["extra"], json!({"scopes/a": ["x"]}));
    let account = send(vec![("impersonate-user", "system:serviceaccount:default:default")]).await.ok();
    assert_eq!(
        account["status"]["userInfo"]["groups"],
        json!(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])
    );
    send(vec![("impersonate-group", "g")]).await.fails(400, "BadRequest", "without impersonating a user");
    grant(&server, "alice", json!([{"apiGroups": [""], "resources": ["users"], "resourceNames": ["bob"], "verbs": ["impersonate"]}])).await;
    let alice = ("authorization", "Bearer token-alice");
    send(vec![alice, ("impersonate-user", "bob")]).await.ok();
    send(vec![alice, ("impersonate-user", "carol")]).await.fails(403, "Forbidden", r#"users "carol" is forbidden: User "alice" cannot impersonate resource "users" in API group "" at the cluster scope"#);
    send(vec![alice, ("impersonate-user", "bob"), ("impersonate-group", "system:masters")]).await.fails(
        403,
        "Forbidden",
        r#"groups "system:masters" is forbidden"#,
    );
    send(vec![alice, ("impersonate-user", "bob"), ("impersonate-extra-a", "x")]).await.fails(
        403,
        "Forbidden",
        r#"cannot impersonate resource "userextras/a" in API group "authentication.k8s.io""#,
    );
    send(vec![alice, ("impersonate-user", "bob"), ("impersonate-uid", "x")]).await.fails(
        403,
        "Forbidden",
        "uids",
    );
    send(vec![alice, ("impersonate-user", "system:serviceaccount:default:x")]).await.fails(
        403,
        "Forbidden",
        r#"serviceaccounts "x" is forbidden"#,
    );
}

#[tokio::test]
async fn reviews_answer() {
    let server = start().await;
    grant(
        &server,
        "alice",
        json!([{"apiGroups": ["example.io"], "resources": ["widgets"], "verbs": ["get"]}]),
    )
    .await;
    let base = "/apis/authorization.k8s.io/v1";
    let ask = |verb: &str| json!({"spec": {"resourceAttributes": {"group": "example.io", "resource": "widgets", "verb": verb, "namespace": "default"}}});
    let own = server.as_user("alice", "POST", &format!("{base}/selfsubjectaccessreviews"), ask("get")).await;
    assert_eq!(own.code, 201);
    assert_eq!(
        own.json()["status"],
        json!({"allowed": true, "reason": "RBAC: allowed by ClusterRoleBinding \"for-alice\" of ClusterRole \"for-alice\" to User \"alice\""})
    );
    let own = server
        .as_user("alice", "POST", &format!("{base}/selfsubjectaccessreviews"), ask("delete"))
        .await
        .ok();
    assert_eq!(own["status"]["allowed"], false);
    let mut other = ask("get");
    other["spec"]["user"] = "alice".into();
    assert_eq!(
        server.post(&format!("{base}/subjectaccessreviews"), other.clone()).await.ok()["status"]["allowed"],
        true
    );
    server.as_user("alice", "POST", &format!("{base}/subjectaccessreviews"), other.clone()).await.fails(
        403,
        "Forbidden",
        "",
    );
    assert_eq!(
        server
            .post(&format!("{base}/namespaces/default/localsubjectaccessreviews"), other.clone())
            .await
            .ok()["status"]["allowed"],
        true
    );
    server.post(&format!("{base}/namespaces/kube-system/localsubjectaccessreviews"), other).await.fails(
        422,
        "Invalid",
        "must match metadata.namespace",
    );
    server.post(&format!("{base}/selfsubjectaccessreviews"), json!({"spec": {}})).await.fails(
        422,
        "Invalid",
        "exactly one of",
    );
    let path = json!({"spec": {"nonResourceAttributes": {"path": "/api", "verb": "get"}}});
    assert_eq!(
        server.as_user("alice", "POST", &format!("{base}/selfsubjectaccessreviews"), path).await.ok()["status"]
            ["allowed"],
        true
    );
    let rules = server
        .as_user(
            "alice",
            "POST",
            &format!("{base}/selfsubjectrulesreviews"),
            json!({"spec": {"namespace": "default"}}),
        )
        .await
        .ok();
    assert!(
        rules["status"]["resourceRules"]
            .as_array()
            .expect("rules")
            .contains(&json!({"apiGroups": ["example.io"], "resources": ["widgets"], "verbs": ["get"]}))
    );
    let token = server
        .post("/apis/authentication.k8s.io/v1/tokenreviews", json!({"spec": {"token": "token-alice"}}))
        .await
        .ok();
    assert_eq!(token["status"]["authenticated"], true);
    assert_eq!(token["status"]["user"], json!({"username": "alice", "groups": ["system:authenticated"]}));
    let token = server
        .post("/apis/authentication.k8s.io/v1/tokenreviews", json!({"spec": {"token": "nope"}}))
        .await
        .ok();
    assert!(token["status"]["authenticated"].is_null());
}

#[tokio::test]
async fn roles_are_aggregated() {
    let server = start().await;
    let role = json!({
        "metadata": {"name": "widgets-view", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": ["example.io"], "resources": ["widgets"], "verbs": ["get", "list", "watch"]}],
    });
    server.post(&format!("{RBAC}/clusterroles"), role).await.ok();
    for name in ["view", "edit", "admin"] {
        server
            .until(&format!("{RBAC}/clusterroles/{name}"), |answer| answer.text().contains("widgets"))
            .await;
    }
    server.delete(&format!("{RBAC}/clusterroles/widgets-view")).await.ok();
    server.until(&format!("{RBAC}/clusterroles/admin"), |answer| !answer.text().contains("widgets")).await;
}
