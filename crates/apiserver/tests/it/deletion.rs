//! Deletion: finalizers, preconditions, owners.
use serde_json::{Value, json};

use crate::support::{Server, names, start};

const WIDGETS: &str = "/apis/example.io/v1/namespaces/default/widgets";
const PLANETS: &str = "/apis/example.io/v1/planets";

async fn widget(server: &Server, name: &str, metadata: Value) -> Value {
    let mut object = json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"name": name}});
    if let (Some(into), Some(from)) = (object["metadata"].as_object_mut(), metadata.as_object()) {
        into.extend(from.clone());
    }
    server.post(WIDGETS, object).await.ok()
}

fn owned_by(owner: &Value, blocks: bool) -> Value {
    json!({"ownerReferences": [{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "blockOwnerDeletion": blocks,
    }]})
}

async fn delete_with(server: &Server, path: &str, options: Value) -> crate::support::Answer {
    server
        .raw("DELETE", path, options.to_string().into_bytes(), &[("content-type", "application/json")])
        .await
}

#[tokio::test]
async fn a_finalizer_holds_an_object() {
    let server = start().await;
    widget(&server, "a", json!({"finalizers": ["example.io/hold"]})).await;
    let path = format!("{WIDGETS}/a");
    let pending = server.delete(&path).await.ok();
    assert_eq!(pending["kind"], "Widget");
    assert!(pending["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(pending["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(pending["metadata"]["generation"], 2);
    let again = server.delete(&path).await.ok();
    assert_eq!(again["metadata"]["deletionTimestamp"], pending["metadata"]["deletionTimestamp"]);
    server
        .merge(&path, json!({"metadata": {"finalizers": ["example.io/hold", "example.io/more"]}}))
        .await
        .fails(422, "Invalid", "no new finalizers can be added if the object is being deleted");
    server.merge(&path, json!({"metadata": {"finalizers": null}})).await.ok();
    server.get(&path).await.fails(404, "NotFound", "widgets.example.io \"a\" not found");
}

#[tokio::test]
async fn preconditions_are_kept() {
    let server = start().await;
    let made = widget(&server, "a", json!({})).await;
    let path = format!("{WIDGETS}/a");
    delete_with(&server, &path, json!({"preconditions": {"uid": "other"}})).await.fails(
        409,
        "Conflict",
        "the UID in the precondition (other) does not match the UID in record",
    );
    delete_with(&server, &path, json!({"preconditions": {"resourceVersion": "1"}})).await.fails(
        409,
        "Conflict",
        "the ResourceVersion in the precondition (1) does not match the ResourceVersion in record",
    );
    delete_with(&server, &path, json!({"propagationPolicy": "Sideways"})).await.fails(
        422,
        "Invalid",
        "propagationPolicy",
    );
    delete_with(&server, &path, json!({"kind": "Pod"})).await.fails(400, "BadRequest", "not DeleteOptions");
    delete_with(&server, &path, json!({"dryRun": ["All"]})).await.ok();
    server.get(&path).await.ok();
    delete_with(&server, &path, json!({"preconditions": {"uid": made["metadata"]["uid"]}})).await.ok();
    server.delete(&path).await.fails(404, "NotFound", "");
}

#[tokio::test]
async fn collections_are_deleted_by_selection() {
    let server = start().await;
    for (name, color) in [("a", "red"), ("b", "blue"), ("c", "red")] {
        widget(&server, name, json!({"labels": {"color": color}})).await;
    }
    let deleted = server.delete(&format!("{WIDGETS}?labelSelector=color%3Dred")).await.ok();
    assert_eq!((deleted["kind"].as_str(), names(&deleted)), (Some("WidgetList"), vec!["a", "c"]));
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["b"]);
}

#[tokio::test]
async fn dependents_follow_their_owner() {
    let server = start().await;
    let planet = json!({"apiVersion": "example.io/v1", "kind": "Planet", "metadata": {"name": "p"}});
    let planet = server.post(PLANETS, planet).await.ok();
    let child = widget(&server, "child", owned_by(&planet, false)).await;
    widget(&server, "grandchild", owned_by(&child, true)).await;
    widget(&server, "stranger", json!({})).await;
    server.delete(&format!("{PLANETS}/p")).await.ok();
    server.until_gone(&format!("{WIDGETS}/child")).await;
    server.until_gone(&format!("{WIDGETS}/grandchild")).await;
    server.get(&format!("{WIDGETS}/stranger")).await.ok();
    // An owner that never was: the claim is checked, then the object goes.
    let mut ghost = owned_by(&planet, false);
    ghost["ownerReferences"][0]["name"] = "ghost".into();
    widget(&server, "haunted", ghost).await;
    server.until_gone(&format!("{WIDGETS}/haunted")).await;
}

#[tokio::test]
async fn foreground_waits_for_blocking_dependents() {
    let server = start().await;
    let owner = widget(&server, "owner", json!({})).await;
    let mut held = owned_by(&owner, true);
    held["finalizers"] = json!(["example.io/hold"]);
    widget(&server, "held", held).await;
    let path = format!("{WIDGETS}/owner");
    let pending = delete_with(&server, &path, json!({"propagationPolicy": "Foreground"})).await.ok();
    assert_eq!(pending["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    let held = format!("{WIDGETS}/held");
    server.until(&held, |answer| answer.json()["metadata"]["deletionTimestamp"].is_string()).await;
    server.get(&path).await.ok();
    server.merge(&held, json!({"metadata": {"finalizers": null}})).await.ok();
    server.until_gone(&path).await;
}

#[tokio::test]
async fn orphans_stay() {
    let server = start().await;
    let owner = widget(&server, "owner", json!({})).await;
    widget(&server, "child", owned_by(&owner, true)).await;
    let path = format!("{WIDGETS}/owner?propagationPolicy=Orphan");
    server.delete(&path).await.ok();
    server.until_gone(&format!("{WIDGETS}/owner")).await;
    let child = server.get(&format!("{WIDGETS}/child")).await.ok();
    assert!(child["metadata"]["ownerReferences"].is_null());
}

#[tokio::test]
async fn one_living_owner_is_enough() {
    let server = start().await;
    let (one, two) = (widget(&server, "one", json!({})).await, widget(&server, "two", json!({})).await);
    let mut both = owned_by(&one, false);
    let second = owned_by(&two, false)["ownerReferences"][0].clone();
    both["ownerReferences"].as_array_mut().expect("a list").push(second.clone());
    widget(&server, "child", both).await;
    server.delete(&format!("{WIDGETS}/one")).await.ok();
    let child = server
        .until(&format!("{WIDGETS}/child"), |answer| {
            answer.json()["metadata"]["ownerReferences"].as_array().is_some_and(|list| list.len() == 1)
        })
        .await;
    assert_eq!(child.json()["metadata"]["ownerReferences"][0]["uid"], second["uid"]);
}
