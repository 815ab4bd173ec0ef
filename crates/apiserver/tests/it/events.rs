//! Events in the core group and in `events.k8s.io`: the same objects.
use serde_json::{Value, json};

use crate::support::start;

const NEWER: &str = "/apis/events.k8s.io/v1/namespaces/default/events";
const CORE: &str = "/api/v1/namespaces/default/events";

fn event(name: &str) -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name},
        "eventTime": "2026-01-02T03:04:05.000006Z", "reportingController": "example.io/c", "reportingInstance": "c-1",
        "action": "Do", "reason": "Done", "type": "Normal", "note": "it is done",
        "regarding": {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": "x"},
    })
}

#[tokio::test]
async fn both_groups_show_the_same_events() {
    let server = start().await;
    let mut watch = server.watch(&format!("{NEWER}?watch=1&fieldSelector=regarding.name=x")).await;
    let made = server.post(NEWER, event("new")).await.ok();
    assert_eq!((&made["apiVersion"], &made["note"]), (&json!("events.k8s.io/v1"), &json!("it is done")));
    let old = server.get(&format!("{CORE}/new")).await.ok();
    assert_eq!(
        (&old["apiVersion"], &old["message"], &old["note"]),
        (&json!("v1"), &json!("it is done"), &Value::Null)
    );
    assert_eq!(old["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(
        (&old["involvedObject"]["name"], &old["reportingComponent"]),
        (&json!("x"), &json!("example.io/c"))
    );

    let older = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "old"}, "count": 3, "message": "it was done",
        "involvedObject": {"kind": "ConfigMap", "namespace": "default", "name": "y"}, "source": {"component": "c"},
    });
    server.post(CORE, older).await.ok();
    let shown = server.get(&format!("{NEWER}/old")).await.ok();
    assert_eq!(
        (&shown["deprecatedCount"], &shown["deprecatedSource"]["component"]),
        (&json!(3), &json!("c"))
    );
    assert_eq!((&shown["regarding"]["name"], &shown["note"]), (&json!("y"), &json!("it was done")));

    let selected = server.get(&format!("{NEWER}?fieldSelector=regarding.name=x,reason=Done")).await.ok();
    assert_eq!(selected["items"].as_array().expect("items").len(), 1);
    assert_eq!(selected["items"][0]["note"], "it is done");
    let (kind, seen) = watch.next().await.expect("an event");
    assert_eq!((kind.as_str(), &seen["note"]), ("ADDED", &json!("it is done")));

    // As recorders count repetitions.
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-02T03:04:06.000006Z"}});
    server.merge(&format!("{NEWER}/new"), series).await.ok();
    assert_eq!(server.get(&format!("{CORE}/new")).await.ok()["series"]["count"], 2);
    let (kind, seen) = watch.next().await.expect("an event");
    assert_eq!((kind.as_str(), &seen["series"]["count"]), ("MODIFIED", &json!(2)));
    server.delete(&format!("{NEWER}/new")).await.ok();
    assert_eq!(server.get(&format!("{CORE}/new")).await.code, 404);
}

#[tokio::test]
async fn the_newer_group_checks_more() {
    let server = start().await;
    let mut wrong = event("e");
    wrong["action"] = json!("");
    server.post(NEWER, wrong).await.fails(422, "Invalid", "action: Required value");
    server.post(NEWER, event("e")).await.ok();
    server.merge(&format!("{NEWER}/e"), json!({"note": "another"})).await.fails(
        422,
        "Invalid",
        "field is immutable",
    );
    let elsewhere = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "f"},
        "involvedObject": {"namespace": "other"},
    });
    server.post(CORE, elsewhere).await.fails(422, "Invalid", "does not match event.namespace");
}
