//! Who may what: people without rights, with some, impersonating, escalating; paths that lead nowhere.
use grange_differential::{Case, Person, Step};
use serde_json::{Value, json};

use super::{CONFIG_MAPS, KINDS, config_map};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn grant(rules: Value) -> Vec<Step> {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "granted"}, "rules": rules});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "granted"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "granted"},
        "subjects": [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}]});
    vec![
        Step::post(format!("{RBAC}/namespaces/{{ns}}/roles"), &role).silent(),
        Step::post(format!("{RBAC}/namespaces/{{ns}}/rolebindings"), &binding).silent(),
        Step::post(CONFIG_MAPS, &config_map("a", &json!({"k": "v"}))).silent(),
        Step::post(CONFIG_MAPS, &config_map("b", &json!({"k": "v"}))).silent(),
        // Rights take a moment on the real side: wait until the wanted one is there.
        Step::get(format!("{RBAC}/namespaces/{{ns}}/roles/granted")).by(Person::User).until(200).silent(),
    ]
}

fn with_grant(mut rules: Value, steps: Vec<Step>) -> Vec<Step> {
    let probe = json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["get"], "resourceNames": ["granted"]});
    rules.as_array_mut().expect("rules").push(probe);
    [grant(rules), steps].concat()
}

/// What a person may try on config maps.
fn attempts(person: Person) -> Vec<Step> {
    let a = format!("{CONFIG_MAPS}/a");
    vec![
        Step::get(a.clone()).by(person),
        Step::get(format!("{CONFIG_MAPS}/missing")).by(person),
        Step::get(format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3Da")).by(person),
        Step::get(format!("{CONFIG_MAPS}?labelSelector=none")).by(person),
        Step::post(CONFIG_MAPS, &config_map("new", &json!({}))).by(person),
        Step::put(a.clone(), &config_map("a", &json!({"k": "w"}))).by(person),
        Step::merge_patch(a.clone(), &json!({"data": {"k": "z"}})).by(person),
        Step::delete(format!("{CONFIG_MAPS}?labelSelector=none")).by(person),
        Step::delete(a).by(person),
        Step::get("/api/v1/configmaps?labelSelector=none").by(person),
        Step::get("/api/v1/namespaces/{ns}").by(person),
        Step::get("/api/v1/nodes").by(person),
        Step::get("/apis/odd.io/v1/things").by(person),
        Step::get(format!("{CONFIG_MAPS}/a/status")).by(person),
    ]
}

fn rule_sets() -> Vec<(&'static str, Value)> {
    let maps = |verbs: Value| json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}]);
    vec![
        ("get", maps(json!(["get"]))),
        ("list", maps(json!(["list"]))),
        ("watch", maps(json!(["watch"]))),
        ("create", maps(json!(["create"]))),
        ("update", maps(json!(["update"]))),
        ("patch", maps(json!(["patch", "get"]))),
        ("delete", maps(json!(["delete"]))),
        ("deletecollection", maps(json!(["deletecollection"]))),
        ("everything", maps(json!(["*"]))),
        ("any resource", json!([{"apiGroups": [""], "resources": ["*"], "verbs": ["get", "list"]}])),
        ("any group", json!([{"apiGroups": ["*"], "resources": ["configmaps"], "verbs": ["get", "list"]}])),
        ("another group", json!([{"apiGroups": ["apps"], "resources": ["configmaps"], "verbs": ["*"]}])),
        (
            "one name",
            json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "update", "delete"], "resourceNames": ["a"]}]),
        ),
        (
            "another name",
            json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"], "resourceNames": ["b"]}]),
        ),
        ("status only", json!([{"apiGroups": [""], "resources": ["configmaps/status"], "verbs": ["*"]}])),
        ("any status", json!([{"apiGroups": [""], "resources": ["*/status"], "verbs": ["*"]}])),
        ("upper case", json!([{"apiGroups": [""], "resources": ["ConfigMaps"], "verbs": ["GET"]}])),
    ]
}

fn escalations() -> Vec<(&'static str, Value, Value)> {
    let manage = json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create", "update", "patch", "delete"]});
    let maps = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]});
    let rules = |extra: &[Value]| {
        let mut rules = vec![manage.clone()];
        rules.extend_from_slice(extra);
        Value::Array(rules)
    };
    let escalate =
        json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]});
    let secrets = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]});
    vec![
        ("holds", rules(std::slice::from_ref(&maps)), json!([maps])),
        (
            "holds less",
            rules(std::slice::from_ref(&maps)),
            json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "delete"]}]),
        ),
        ("holds nothing", rules(&[]), json!([maps])),
        (
            "wants everything",
            rules(std::slice::from_ref(&maps)),
            json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]),
        ),
        ("may escalate", rules(&[escalate]), json!([secrets.clone()])),
        (
            "two missing",
            rules(std::slice::from_ref(&maps)),
            json!([secrets, {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}, maps]),
        ),
        (
            "one name of all",
            rules(std::slice::from_ref(&maps)),
            json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["a"]}]),
        ),
        (
            "all of one name",
            rules(&[
                json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["a"]}),
            ]),
            json!([maps]),
        ),
        (
            "subresource",
            rules(std::slice::from_ref(&maps)),
            json!([{"apiGroups": [""], "resources": ["configmaps/status"], "verbs": ["get"]}]),
        ),
        ("nothing", rules(&[]), json!([])),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, person) in
        [("user", Person::User), ("anonymous", Person::Anonymous), ("unknown", Person::Unknown)]
    {
        cases.push(Case::new(format!("access/{name} without rights"), attempts(person)));
    }
    for (name, rules) in rule_sets() {
        cases.push(Case::new(format!("access/rules {name}"), with_grant(rules, attempts(Person::User))));
    }
    let roles = format!("{RBAC}/namespaces/{{ns}}/roles");
    let bindings = format!("{RBAC}/namespaces/{{ns}}/rolebindings");
    for (name, held, wanted) in escalations() {
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "wanted"}, "rules": wanted});
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "wanted"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "wanted"},
            "subjects": [{"kind": "User", "name": "x", "apiGroup": "rbac.authorization.k8s.io"}]});
        cases.push(Case::new(
            format!("access/escalation {name}"),
            with_grant(
                held,
                vec![
                    Step::post(roles.clone(), &role).by(Person::User),
                    Step::post(roles.clone(), &role).silent(),
                    Step::post(bindings.clone(), &binding).by(Person::User),
                    Step::merge_patch(format!("{roles}/granted"), &json!({"rules": role["rules"]}))
                        .by(Person::User),
                ],
            ),
        ));
    }
    for kind in KINDS {
        cases.push(Case::new(
            format!("access/impersonation/{}", kind.plural),
            vec![
                Step::get(kind.path("x")).header("impersonate-user", "jane"),
                Step::get(kind.path("x"))
                    .header("impersonate-user", "jane")
                    .header("impersonate-group", "system:masters"),
                Step::get(kind.path("x")).header("impersonate-group", "system:masters"),
                Step::get(kind.path("x")).header("impersonate-user", "system:serviceaccount:{ns}:x"),
                Step::get(kind.path("x")).by(Person::User).header("impersonate-user", "admin"),
                Step::get(kind.path("x")).by(Person::User).header("impersonate-user", "jane"),
                Step::get(kind.path("x")).header("impersonate-uid", "5"),
                Step::get(kind.path("x"))
                    .header("impersonate-user", "jane")
                    .header("impersonate-extra-scope", "a"),
            ],
        ));
    }
    for (index, (method, path)) in [
        ("GET", "/api/v1/odd"),
        ("GET", "/api/v2"),
        ("GET", "/api/v1/namespaces/{ns}/odd"),
        ("GET", "/apis/odd.io"),
        ("GET", "/apis/odd.io/v1"),
        ("GET", "/odd"),
        ("POST", "/api/v1/odd"),
        ("GET", "/api/v1/namespaces/{ns}/configmaps/a/b/c"),
        ("POST", "/api/v1"),
        ("PUT", "/version"),
        ("GET", "/apis/rbac.authorization.k8s.io/v9/roles"),
        ("GET", "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/clusterroles"),
        ("PATCH", "/api/v1/namespaces/{ns}/configmaps"),
        ("GET", "/api/v1/namespaces/{ns}/namespaces"),
        ("OPTIONS", "/api/v1/namespaces/{ns}/configmaps"),
        ("POST", "/api/v1/namespaces/{ns}/configmaps/a"),
        ("GET", "/healthz"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("DELETE", "/api/v1/namespaces"),
        ("GET", "/api/v1/namespaces/{ns}/configmaps/"),
        ("GET", "/api/v1//configmaps"),
    ]
    .into_iter()
    .enumerate()
    {
        cases.push(Case::new(
            format!("access/path {index} {method} {path}"),
            vec![
                Step::new(method, path).text("application/json", "{}"),
                Step::new(method, path).text("application/json", "{}").by(Person::User),
            ],
        ));
    }
    cases
}
