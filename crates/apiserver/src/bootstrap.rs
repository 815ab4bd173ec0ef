//! What is there from the first start: namespaces, cluster roles and their bindings.
use grange_apimachinery::{Object, Value};
use serde_json::json;

use crate::{
    UserInfo,
    limits::CONTROLLER_RETRY,
    namespaces, rbac,
    server::Inner,
    write::{self, Part, Target, Wanted, WriteOptions},
};

const NAMESPACES: &[&str] = &["default", "kube-system", "kube-public", "kube-node-lease"];
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";

/// Creates what is missing, then declares the server ready.
pub(crate) async fn run(inner: &Inner) {
    loop {
        match bootstrap(inner).await {
            Ok(()) => break,
            Err(status) => tracing::warn!(%status, "the first objects cannot be made yet"),
        }
        tokio::time::sleep(CONTROLLER_RETRY).await;
    }
    inner.ready.send_replace(true);
    inner.shutdown.cancelled().await;
}

async fn bootstrap(inner: &Inner) -> Result<(), grange_apimachinery::Status> {
    inner.rbac.mirror().fill(inner.store.as_ref()).await.map_err(crate::response::store_error)?;
    inner.quotas.fill(inner.store.as_ref()).await.map_err(crate::response::store_error)?;
    crate::definitions::fill(inner).await?;
    for name in NAMESPACES {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        namespaces::create(inner, "namespaces", "", namespace).await;
    }
    for role in cluster_roles() {
        ensure(inner, "clusterroles", role).await?;
    }
    for binding in cluster_role_bindings() {
        ensure(inner, "clusterrolebindings", binding).await?;
    }
    Ok(())
}

/// Creates an RBAC object, or brings its rules or subjects up to date unless somebody switched that off.
async fn ensure(inner: &Inner, plural: &str, wanted: Value) -> Result<(), grange_apimachinery::Status> {
    let served = inner.builtin(rbac::GROUP, plural)?;
    let Value::Object(map) = wanted else { return Ok(()) };
    let wanted = Object(map);
    let user = UserInfo::loopback();
    let options = WriteOptions::INTERNAL;
    let made = write::create(inner, &served, &user, "", wanted.clone(), &[], &options).await;
    match made {
        Ok(_) => return Ok(()),
        Err(status) if status.code == 409 => {}
        Err(status) => return Err(status),
    }
    let aggregated = wanted.0.get("aggregationRule").is_some_and(|rule| !rule.is_null());
    let target =
        Target { served: &served, user: &user, namespace: "", name: wanted.name(), part: Part::Main };
    write::update(inner, &target, &options, |old| {
        let mut new = old.clone();
        if old.annotation(AUTOUPDATE) != Some("false") {
            for field in ["rules", "subjects"] {
                if let Some(value) = wanted.0.get(field)
                    && !(aggregated && field == "rules")
                {
                    new.0.insert(field.into(), value.clone());
                }
            }
        }
        Ok(Wanted::new(new, Vec::new()))
    })
    .await
    .map(|_| ())
}

fn metadata(name: &str, labels: &Value) -> Value {
    let mut all = json!({BOOTSTRAPPING: "rbac-defaults"});
    if let (Some(all), Some(labels)) = (all.as_object_mut(), labels.as_object()) {
        all.extend(labels.clone());
    }
    json!({"name": name, "labels": all, "annotations": {AUTOUPDATE: "true"}})
}

fn role(name: &str, labels: &Value, rules: Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": metadata(name, labels), "rules": rules,
    })
}

/// A role made of the roles labelled for it.
fn aggregate(name: &str, labels: &Value) -> Value {
    let mut role = role(name, labels, json!([]));
    role["aggregationRule"] = json!({
        "clusterRoleSelectors": [{"matchLabels": {aggregation_label(name): "true"}}],
    });
    role
}

fn aggregation_label(role: &str) -> String {
    format!("rbac.authorization.k8s.io/aggregate-to-{role}")
}

fn cluster_roles() -> Vec<Value> {
    let read = json!(["get", "list", "watch"]);
    let write = json!(["create", "delete", "deletecollection", "patch", "update"]);
    let to = |name: &str| json!({ aggregation_label(name): "true" });
    vec![
        role(
            "cluster-admin",
            &json!({}),
            json!([
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["*"]},
            ]),
        ),
        aggregate("admin", &json!({})),
        aggregate("edit", &to("admin")),
        aggregate("view", &to("edit")),
        role(
            "system:aggregate-to-admin",
            &to("admin"),
            json!([
                {"apiGroups": ["authorization.k8s.io"], "resources": ["localsubjectaccessreviews"], "verbs": ["create"]},
                {"apiGroups": [rbac::GROUP], "resources": ["rolebindings", "roles"],
                 "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]},
            ]),
        ),
        role(
            "system:aggregate-to-edit",
            &to("edit"),
            json!([
                {"apiGroups": [""], "resources": ["secrets"], "verbs": read},
                {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]},
                {"apiGroups": [""], "resources": ["configmaps", "events", "secrets", "serviceaccounts"], "verbs": write},
                {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
                {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                 "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]},
            ]),
        ),
        role(
            "system:aggregate-to-view",
            &to("view"),
            json!([
                {"apiGroups": [""], "resources": ["configmaps", "serviceaccounts"], "verbs": read},
                {"apiGroups": [""], "resources": ["events", "namespaces", "namespaces/status"], "verbs": read},
            ]),
        ),
        role(
            "system:discovery",
            &json!({}),
            json!([{
                "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/"],
                "verbs": ["get"],
            }]),
        ),
        role(
            "system:basic-user",
            &json!({}),
            json!([
                {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], "verbs": ["create"]},
                {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"]},
            ]),
        ),
        role(
            "system:public-info-viewer",
            &json!({}),
            json!([{"nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"], "verbs": ["get"]}]),
        ),
        role(
            "system:service-account-issuer-discovery",
            &json!({}),
            json!([{
                "nonResourceURLs": ["/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks", "/openid/v1/jwks/"],
                "verbs": ["get"],
            }]),
        ),
        role(
            "system:auth-delegator",
            &json!({}),
            json!([
                {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
                {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
            ]),
        ),
    ]
}

fn binding(name: &str, role: &str, groups: &[&str]) -> Value {
    let subjects: Vec<Value> =
        groups.iter().map(|group| json!({"apiGroup": rbac::GROUP, "kind": "Group", "name": group})).collect();
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": metadata(name, &json!({})), "subjects": subjects,
        "roleRef": {"apiGroup": rbac::GROUP, "kind": "ClusterRole", "name": role},
    })
}

fn cluster_role_bindings() -> Vec<Value> {
    vec![
        binding("cluster-admin", "cluster-admin", &["system:masters"]),
        binding("system:discovery", "system:discovery", &["system:authenticated"]),
        binding("system:basic-user", "system:basic-user", &["system:authenticated"]),
        binding(
            "system:service-account-issuer-discovery",
            "system:service-account-issuer-discovery",
            &["system:serviceaccounts"],
        ),
        binding(
            "system:public-info-viewer",
            "system:public-info-viewer",
            &["system:authenticated", "system:unauthenticated"],
        ),
    ]
}
