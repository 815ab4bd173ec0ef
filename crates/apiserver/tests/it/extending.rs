//! What those who mount the server can add: hooks, versions, virtual resources, an authorizer; and starting again.
use std::sync::Arc;

use futures::future::BoxFuture;
use grange_apimachinery::{Object, Status};
use grange_apiserver::{
    Attributes, Authorized, Authorizer, Body, Config, Decision, Resource, Scope, Service, Strategy, UserInfo,
    VirtualResource,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{DEADLINE, Tokens, names, start, start_with, widgets};

const WIDGETS: &str = "/apis/example.io/v1/namespaces/default/widgets";

/// Fills in, refuses, blanks.
struct Hooks;
impl Strategy for Hooks {
    fn prepare_create(&self, user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        if object.text(&["spec", "color"]) == "forbidden" {
            return Err(Status::forbidden("example.io", "widgets", object.name(), "no such colour"));
        }
        object.set(&["metadata", "annotations", "example.io/creator"], user.username.as_str());
        object.set(&["status", "url"], format!("https://x/{}", object.name()));
        Ok(())
    }
    fn prepare_update(&self, _: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        if old.text(&["spec", "color"]) != new.text(&["spec", "color"]) {
            return Err(Status::bad_request("the colour stays"));
        }
        Ok(())
    }
    fn check_delete(&self, _: &UserInfo, object: &Object) -> Result<(), Status> {
        match object.label("keep") {
            Some(_) => Err(Status::forbidden("example.io", "widgets", object.name(), "it is kept")),
            None => Ok(()),
        }
    }
    fn accept_existing(&self, existing: &Object, requested: &Object) -> bool {
        existing.text(&["spec", "color"]) == requested.text(&["spec", "color"])
    }
    fn redacts(&self) -> bool {
        true
    }
    fn redact(&self, user: &UserInfo, object: &mut Object) {
        if user.username != "owner" && object.get(&["spec", "password"]).is_some() {
            object.set(&["spec", "password"], "[redacted]");
        }
    }
}

fn hooked(config: &mut Config) {
    config.resources = vec![Resource { strategy: Arc::new(Hooks), ..widgets() }];
}

fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

#[tokio::test]
async fn hooks_fill_in_and_refuse() {
    let server = start_with(hooked).await;
    let made = server.post(WIDGETS, widget("a", json!({"color": "red"}))).await;
    assert_eq!(made.code, 201);
    assert_eq!(made.json()["status"]["url"], "https://x/a", "a hook may fill in the status of a new object");
    assert_eq!(made.json()["metadata"]["annotations"]["example.io/creator"], "system:apiserver");
    let again = server.post(WIDGETS, widget("a", json!({"color": "red"}))).await;
    assert_eq!((again.code, &again.json()["metadata"]["uid"]), (200, &made.json()["metadata"]["uid"]));
    server.post(WIDGETS, widget("a", json!({"color": "blue"}))).await.fails(409, "AlreadyExists", "");
    let refused = server.post(WIDGETS, widget("b", json!({"color": "forbidden"}))).await;
    refused.fails(403, "Forbidden", "widgets.example.io \"b\" is forbidden: no such colour");
    let path = format!("{WIDGETS}/a");
    server.merge(&path, json!({"spec": {"color": "blue"}})).await.fails(
        400,
        "BadRequest",
        "the colour stays",
    );
    server.merge(&path, json!({"metadata": {"labels": {"keep": "yes"}}})).await.ok();
    server.delete(&path).await.fails(403, "Forbidden", "it is kept");
    server.delete(WIDGETS).await.fails(403, "Forbidden", "it is kept");
}

#[tokio::test]
async fn secrets_are_blanked_on_every_way_out() {
    let server = start_with(hooked).await;
    let mut events = server.watch(&format!("{WIDGETS}?watch=1")).await;
    let secret = "hunter2";
    let made = server.post(WIDGETS, widget("a", json!({"password": secret}))).await;
    let path = format!("{WIDGETS}/a");
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let with_objects = format!("{WIDGETS}?includeObject=Object");
    let mut texts = vec![made.text(), server.get(&path).await.text(), server.get(WIDGETS).await.text()];
    texts.push(server.raw("GET", &with_objects, Body::Empty, &table).await.text());
    texts.push(server.merge(&path, json!({"spec": {"size": 1}})).await.text());
    texts.push(events.next().await.expect("an event").1.to_string());
    texts.push(events.next().await.expect("an event").1.to_string());
    texts.push(server.delete(WIDGETS).await.text());
    texts.push(events.next().await.expect("an event").1.to_string());
    for text in texts {
        assert!(text.contains("[redacted]") && !text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn two_versions_share_their_objects() {
    let beta = Resource { version: "v1beta1".into(), ..widgets() };
    let server = start_with(|config| config.resources = vec![widgets(), beta]).await;
    let old = "/apis/example.io/v1beta1/namespaces/default/widgets";
    let mut object = widget("a", json!({"size": 1}));
    object["apiVersion"] = "example.io/v1beta1".into();
    let mut events = server.watch(&format!("{old}?watch=1")).await;
    assert_eq!(server.post(old, object).await.ok()["apiVersion"], "example.io/v1beta1");
    assert_eq!(server.get(&format!("{WIDGETS}/a")).await.ok()["apiVersion"], "example.io/v1");
    let read = server.get(&format!("{old}/a")).await.ok();
    assert_eq!(read["apiVersion"], "example.io/v1beta1");
    assert_eq!(events.next().await.expect("an event").1, read);
    let list = server.get(old).await.ok();
    assert_eq!((&list["apiVersion"], &list["items"][0]), (&json!("example.io/v1beta1"), &read));
    let patched = server.merge(&format!("{old}/a"), json!({"spec": {"size": 2}})).await.ok();
    assert_eq!(patched["metadata"]["generation"], 2);
    let group = server.get("/apis/example.io").await.ok();
    assert_eq!(group["versions"].as_array().map(Vec::len), Some(2));
    assert_eq!(group["preferredVersion"]["version"], "v1");
}

struct Adder;
impl VirtualResource for Adder {
    fn resource(&self) -> Resource {
        Resource::new("example.io", "v1", "Sum", "sums", Scope::Cluster)
    }
    fn create<'a>(
        &'a self,
        authorized: &'a Authorized<'a>,
        mut object: Object,
    ) -> BoxFuture<'a, Result<Object, Status>> {
        Box::pin(async move {
            let sum: i64 = object.0["spec"].as_array().into_iter().flatten().filter_map(Value::as_i64).sum();
            object.set(&["status"], json!({"sum": sum, "for": authorized.attributes.user.username}));
            Ok(object)
        })
    }
}

#[tokio::test]
async fn virtual_resources_answer() {
    let server = start_with(|config| config.virtual_resources = vec![Arc::new(Adder)]).await;
    let sums = "/apis/example.io/v1/sums";
    let answer = server.post(sums, json!({"spec": [1, 2]})).await;
    assert_eq!(answer.code, 201);
    assert_eq!(answer.json()["status"], json!({"sum": 3, "for": "system:apiserver"}));
    server.as_user("bob", "POST", sums, json!({"spec": []})).await.fails(
        403,
        "Forbidden",
        "cannot create resource \"sums\"",
    );
    server.get(sums).await.fails(405, "MethodNotAllowed", "");
    server.get(&format!("{sums}/x")).await.fails(404, "NotFound", "");
}

/// Everybody named carol may read.
struct Carol;
impl Authorizer for Carol {
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        if attributes.user.username == "carol" && attributes.verb == "list" {
            Decision::allow("she is carol")
        } else {
            Decision::deny("")
        }
    }
}

#[tokio::test]
async fn another_authorizer_is_asked_first() {
    let server = start_with(|config| config.authorizer = Some(Arc::new(Carol))).await;
    server.as_user("carol", "GET", "/api/v1/secrets", Value::Null).await.ok();
    server.as_user("carol", "GET", "/api/v1/namespaces/default", Value::Null).await.fails(
        403,
        "Forbidden",
        "",
    );
    server.as_user("dave", "GET", "/api/v1/secrets", Value::Null).await.fails(403, "Forbidden", "");
    server.as_user("carol", "GET", "/api", Value::Null).await.ok();
}

#[tokio::test]
async fn a_second_start_finds_what_is_there() {
    let server = start().await;
    server.post(WIDGETS, widget("owner", json!({}))).await.ok();
    let uid = server.get(&format!("{WIDGETS}/owner")).await.ok()["metadata"]["uid"].clone();
    let mut child = widget("child", json!({}));
    child["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "example.io/v1", "kind": "Widget", "name": "owner", "uid": uid}]);
    server.post(WIDGETS, child).await.ok();
    let binding = json!({
        "metadata": {"name": "bob"}, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": "bob"}],
    });
    server.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding).await.ok();
    server
        .until("/apis/rbac.authorization.k8s.io/v1/clusterroles/admin", |answer| {
            answer.text().contains("secrets")
        })
        .await;
    server.until("/api/v1/namespaces/kube-public/serviceaccounts/default", |answer| answer.code == 200).await;
    let store = server.store.clone();
    drop(server);
    // While nobody ran the collector, the owner went.
    store
        .delete("/registry/example.io/widgets/default/owner", grange_store::Precondition::Present)
        .await
        .expect("gone");
    let before = store.revision().await.expect("a revision");
    let mut config = Config::new(store.clone(), Arc::new(Tokens));
    config.resources = vec![widgets()];
    let (service, handle) = Service::new(config);
    let stop = CancellationToken::new();
    let running = tokio::spawn(service.run(stop.clone()));
    tokio::time::timeout(DEADLINE, handle.ready()).await.expect("ready");
    let server = crate::support::Server::over(handle, store.clone(), stop.clone());
    server.as_user("bob", "GET", "/api/v1/secrets", Value::Null).await.ok();
    server.until_gone(&format!("{WIDGETS}/child")).await;
    assert_eq!(names(&server.get(WIDGETS).await.ok()).len(), 0);
    let after = store.revision().await.expect("a revision");
    assert_eq!(after.0, before.0 + 1, "only the orphan's deletion was written");
    stop.cancel();
    tokio::time::timeout(DEADLINE, running).await.expect("it stops").expect("without a panic");
}
