//! Create, read, update, delete.
use serde_json::json;

use crate::support::{names, start};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn an_object_lives_and_dies() {
    let server = start().await;
    let made = server.post(MAPS, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}})).await;
    assert_eq!(made.code, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["metadata"]["namespace"], "default");
    assert_eq!(made["metadata"]["uid"].as_str().map(str::len), Some(36));
    assert!(made["metadata"]["creationTimestamp"].is_string());
    assert!(made["metadata"]["generation"].is_null());
    let path = format!("{MAPS}/a");
    assert_eq!(server.get(&path).await.ok(), made);
    let list = server.get(MAPS).await.ok();
    assert_eq!(list["kind"], "ConfigMapList");
    assert_eq!(list["apiVersion"], "v1");
    assert_eq!(names(&list), ["a"]);
    let patched = server.merge(&path, json!({"data": {"k": "w"}})).await.ok();
    assert_eq!(patched["data"]["k"], "w");
    assert_ne!(patched["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    server.put(&path, made).await.fails(409, "Conflict", "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again");
    let gone = server.delete(&path).await.ok();
    assert_eq!((gone["kind"].as_str(), gone["status"].as_str()), (Some("Status"), Some("Success")));
    assert_eq!(gone["details"]["kind"], "configmaps");
    server.get(&path).await.fails(404, "NotFound", "configmaps \"a\" not found");
}
