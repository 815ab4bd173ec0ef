//! Create, read, update, delete.
use serde_json::json;

use crate::support::{names, start};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn an_object_lives_and_dies() {
    let server = start().await;
    let made = server
        .post(
            MAPS,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}),
        )
        .await;
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

const WIDGETS: &str = "/apis/example.io/v1/namespaces/default/widgets";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";

fn widget(name: &str) -> serde_json::Value {
    json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": 1}})
}

#[tokio::test]
async fn status_and_spec_are_separate() {
    let server = start().await;
    let mut object = widget("a");
    object["status"] = json!({"phase": "Forged"});
    object["metadata"]["uid"] = "forged".into();
    object["metadata"]["generation"] = 7.into();
    let made = server.post(WIDGETS, object).await.ok();
    assert!(made["status"].is_null());
    assert_eq!(made["metadata"]["generation"], 1);
    assert_ne!(made["metadata"]["uid"], "forged");
    let path = format!("{WIDGETS}/a");
    let mut both = made.clone();
    both["status"] = json!({"phase": "Ready"});
    both["spec"]["size"] = 2.into();
    both["metadata"]["labels"] = json!({"a": "b"});
    let status = server.put(&format!("{path}/status"), both).await.ok();
    assert_eq!((&status["status"]["phase"], &status["spec"]["size"]), (&json!("Ready"), &json!(1)));
    assert!(status["metadata"]["labels"].is_null());
    assert_eq!(status["metadata"]["generation"], 1);
    assert_eq!(server.get(&format!("{path}/status")).await.ok(), status);
    let mut spec = status.clone();
    spec["status"] = json!({"phase": "Other"});
    spec["spec"]["size"] = 3.into();
    let spec = server.put(&path, spec).await.ok();
    assert_eq!((&spec["status"]["phase"], &spec["spec"]["size"]), (&json!("Ready"), &json!(3)));
    assert_eq!(spec["metadata"]["generation"], 2);
    let same = server.put(&path, spec.clone()).await.ok();
    assert_eq!(
        same["metadata"]["resourceVersion"], spec["metadata"]["resourceVersion"],
        "nothing changed, nothing written"
    );
    let labelled = server.merge(&path, json!({"metadata": {"labels": {"x": "y"}}})).await.ok();
    assert_eq!(labelled["metadata"]["generation"], 2);
}

#[tokio::test]
async fn updates_meet_other_writers() {
    let server = start().await;
    let made = server.post(WIDGETS, widget("a")).await.ok();
    let path = format!("{WIDGETS}/a");
    let mut without = made.clone();
    without["metadata"]["resourceVersion"] = serde_json::Value::Null;
    server.put(&path, without).await.fails(
        422,
        "Invalid",
        "metadata.resourceVersion: Invalid value: 0: must be specified for an update",
    );
    let mut named = made.clone();
    named["metadata"]["name"] = "b".into();
    server.put(&path, named).await.fails(
        400,
        "BadRequest",
        "the name of the object (b) does not match the name on the URL (a)",
    );
    server.put(&format!("{WIDGETS}/none"), made.clone()).await.fails(404, "NotFound", "");
    server.post(WIDGETS, widget("a")).await.fails(
        409,
        "AlreadyExists",
        "widgets.example.io \"a\" already exists",
    );
    let bodies: Vec<_> =
        (0..8).map(|index| json!({"metadata": {"labels": {format!("l{index}"): "x"}}})).collect();
    let patches = bodies.into_iter().map(|body| server.merge(&path, body));
    for answer in futures::future::join_all(patches).await {
        answer.ok();
    }
    assert_eq!(
        server.get(&path).await.ok()["metadata"]["labels"].as_object().map(|labels| labels.len()),
        Some(8)
    );
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let server = start().await;
    let before = server.store.revision().await.expect("a revision");
    let made = server.post(&format!("{WIDGETS}?dryRun=All"), widget("a")).await;
    assert_eq!(made.code, 201);
    assert!(made.json()["metadata"]["uid"].is_string());
    assert!(made.json()["metadata"]["resourceVersion"].is_null());
    assert_eq!(server.get(&format!("{WIDGETS}/a")).await.code, 404);
    let made = server.post(WIDGETS, widget("a")).await.ok();
    let path = format!("{WIDGETS}/a");
    let patched = server.merge(&format!("{path}?dryRun=All"), json!({"spec": {"size": 5}})).await.ok();
    assert_eq!(patched["spec"]["size"], 5);
    server.delete(&format!("{path}?dryRun=All")).await.ok();
    server.post(&format!("{WIDGETS}?dryRun=All"), widget("a")).await.fails(409, "AlreadyExists", "");
    assert_eq!(server.get(&path).await.ok(), made);
    assert!(server.store.revision().await.expect("a revision") > before);
}

#[tokio::test]
async fn names_are_generated() {
    let server = start().await;
    let object = json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"generateName": format!("{}-", "x".repeat(70))}});
    let made = server.post(WIDGETS, object).await.ok();
    let name = made["metadata"]["name"].as_str().expect("a name");
    assert_eq!(name.len(), 63);
    assert!(name[58..].bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte)));
}

#[tokio::test]
async fn unknown_and_duplicate_fields() {
    let server = start().await;
    let body = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","shoe":1},"data":{"k":"1","k":"2"},"extra":{}}"#;
    let send = |query: &'static str| {
        let server = &server;
        async move {
            let path = format!("{MAPS}?dryRun=All&{query}");
            server.raw("POST", &path, body.as_bytes().to_vec(), &[("content-type", "application/json")]).await
        }
    };
    let strict = send("fieldValidation=Strict").await;
    strict.fails(400, "BadRequest", "strict decoding error: duplicate field \"data.k\", unknown field \"metadata.shoe\", unknown field \"extra\"");
    let warned = send("fieldValidation=Warn").await;
    assert!(warned.ok()["extra"].is_null());
    let warnings: Vec<_> = warned
        .headers
        .get_all("warning")
        .iter()
        .map(|value| value.to_str().expect("text").to_owned())
        .collect();
    assert_eq!(warnings.len(), 3);
    assert!(warnings.contains(&r#"299 - "unknown field \"extra\"""#.to_owned()), "{warnings:?}");
    assert!(send("fieldValidation=Ignore").await.headers.get("warning").is_none());
}

#[tokio::test]
async fn secrets_and_maps_have_their_rules() {
    let server = start().await;
    let empty = json!({"metadata": {"name": "empty"}, "data": {"a": ""}});
    assert_eq!(server.post(SECRETS, empty).await.ok()["data"], json!({"a": ""}));
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"a": "hello"}, "data": {"b": "d29ybGQ="}});
    let made = server.post(SECRETS, secret).await.ok();
    assert_eq!(made["type"], "Opaque");
    assert_eq!(made["data"], json!({"a": "aGVsbG8=", "b": "d29ybGQ="}));
    assert!(made["stringData"].is_null());
    let path = format!("{SECRETS}/s");
    server.merge(&path, json!({"type": "other"})).await.fails(
        422,
        "Invalid",
        "type: Invalid value: \"other\": field is immutable",
    );
    server.merge(&path, json!({"data": {"c": "not base64!"}})).await.fails(
        422,
        "Invalid",
        "illegal base64 data",
    );
    server.merge(&path, json!({"data": {"c/d": "aGVsbG8="}})).await.fails(
        422,
        "Invalid",
        "a valid config key",
    );
    server.merge(&path, json!({"immutable": true})).await.ok();
    server.merge(&path, json!({"data": {"a": null}})).await.fails(
        422,
        "Invalid",
        "data: Forbidden: field is immutable when `immutable` is set",
    );
    server.merge(&path, json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = server.raw("GET", &path, grange_apiserver::Body::Empty, &table).await.ok();
    let cells = table["rows"][0]["cells"].as_array().expect("cells");
    assert_eq!(cells[..3], [json!("s"), json!("Opaque"), json!(2)]);
}
