//! Watches and lists: what they select, where they start, how they end.
use serde_json::json;

use crate::support::{Server, names, start};

const WIDGETS: &str = "/apis/example.io/v1/namespaces/default/widgets";

async fn make(server: &Server, name: &str, color: &str) -> serde_json::Value {
    let object = json!({
        "apiVersion": "example.io/v1", "kind": "Widget",
        "metadata": {"name": name, "labels": {"color": color}}, "spec": {"color": color},
    });
    server.post(WIDGETS, object).await.ok()
}

fn version(object: &serde_json::Value) -> String {
    object["metadata"]["resourceVersion"].as_str().expect("a version").to_owned()
}

#[tokio::test]
async fn a_watch_shows_what_is_there_and_then_every_change() {
    let server = start().await;
    make(&server, "a", "red").await;
    let mut events = server.watch(&format!("{WIDGETS}?watch=1")).await;
    assert_eq!(events.brief().await, "ADDED a");
    let made = make(&server, "b", "red").await;
    let (kind, object) = events.next().await.expect("an event");
    assert_eq!((kind.as_str(), &object), ("ADDED", &made));
    let patched = server.merge(&format!("{WIDGETS}/b"), json!({"spec": {"size": 2}})).await.ok();
    assert_eq!(patched["metadata"]["generation"], 2);
    let (kind, object) = events.next().await.expect("an event");
    assert_eq!((kind.as_str(), &object), ("MODIFIED", &patched));
    server.delete(&format!("{WIDGETS}/b")).await.ok();
    let (kind, object) = events.next().await.expect("an event");
    assert_eq!((kind.as_str(), object["metadata"]["name"].as_str()), ("DELETED", Some("b")));
    assert!(
        version(&object).parse::<u64>().expect("a number") > version(&patched).parse().expect("a number")
    );
}

#[tokio::test]
async fn objects_enter_and_leave_a_selection() {
    let server = start().await;
    for selector in ["labelSelector=color%3Dred", "fieldSelector=spec.color%3Dred"] {
        let list = server.get(WIDGETS).await.ok();
        let mut events =
            server.watch(&format!("{WIDGETS}?watch=1&{selector}&resourceVersion={}", version(&list))).await;
        let made = make(&server, "x", "blue").await;
        let path = format!("{WIDGETS}/x");
        let red = json!({"metadata": {"labels": {"color": "red"}}, "spec": {"color": "red"}});
        server.merge(&path, red).await.ok();
        assert_eq!(events.brief().await, "ADDED x");
        server.merge(&path, json!({"spec": {"size": 3}})).await.ok();
        assert_eq!(events.brief().await, "MODIFIED x");
        let blue = json!({"metadata": {"labels": {"color": "blue"}}, "spec": {"color": "blue"}});
        let left = server.merge(&path, blue).await.ok();
        let (kind, object) = events.next().await.expect("an event");
        assert_eq!(kind, "DELETED");
        assert_eq!(object["spec"]["color"], "red", "the object as it was last selected");
        assert_eq!(version(&object), version(&left), "at the revision of the change");
        server.delete(&path).await.ok();
        make(&server, "y", "red").await;
        assert_eq!(events.brief().await, "ADDED y");
        server.delete(&format!("{WIDGETS}/y")).await.ok();
        assert_eq!(made["metadata"]["name"], "x");
    }
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let server = start().await;
    make(&server, "a", "red").await;
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events = server.watch(&format!("{WIDGETS}?{query}")).await;
    assert_eq!(events.brief().await, "ADDED a");
    let (kind, object) = events.next().await.expect("an event");
    assert_eq!(kind, "BOOKMARK");
    assert_eq!(object["kind"], "Widget");
    assert_eq!(object["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    let refused = server.get(&format!("{WIDGETS}?watch=1&sendInitialEvents=true")).await;
    refused.fails(422, "Invalid", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    let refused = server.get(&format!("{WIDGETS}?sendInitialEvents=true")).await;
    refused.fails(422, "Invalid", "sendInitialEvents is forbidden for list");
}

#[tokio::test]
async fn a_watch_that_cannot_start_says_expired() {
    let server = start().await;
    for _ in 0..3 {
        make(&server, "a", "red").await;
        server.delete(&format!("{WIDGETS}/a")).await.ok();
    }
    let newest = server.store.revision().await.expect("a revision");
    server.store.compact(newest).await.expect("compaction");
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion=1")).await;
    let (kind, object) = events.next().await.expect("an event");
    assert_eq!(
        (kind.as_str(), object["code"].as_u64(), object["reason"].as_str()),
        ("ERROR", Some(410), Some("Expired"))
    );
    assert!(events.next().await.is_none());
    let list = server.get(&format!("{WIDGETS}?resourceVersion=1&resourceVersionMatch=Exact")).await;
    list.fails(410, "Expired", "The resourceVersion for the provided list is too old.");
}

#[tokio::test]
async fn a_watch_ends_in_time() {
    let server = start().await;
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&timeoutSeconds=1&allowWatchBookmarks=1")).await;
    let (kind, _) = events.next().await.expect("a last bookmark");
    assert_eq!(kind, "BOOKMARK");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn the_future_is_refused() {
    let server = start().await;
    let far = server.get(&format!("{WIDGETS}?resourceVersion=99999")).await;
    far.fails(504, "Timeout", "Too large resource version: 99999, current: ");
    assert_eq!(far.json()["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    assert_eq!(far.headers["retry-after"], "1");
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion=99999")).await;
    let (kind, object) = events.next().await.expect("an event");
    assert_eq!((kind.as_str(), object["code"].as_u64()), ("ERROR", Some(410)));
}

#[tokio::test]
async fn tables_are_watched_too() {
    let server = start().await;
    make(&server, "a", "red").await;
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let mut events = server.watch_with(&format!("{WIDGETS}?watch=1"), &accept).await;
    let (_, first) = events.next().await.expect("an event");
    assert_eq!(first["kind"], "Table");
    assert_eq!(first["columnDefinitions"][0]["name"], "Name");
    assert_eq!(first["rows"][0]["cells"][0], "a");
    make(&server, "b", "red").await;
    let (kind, second) = events.next().await.expect("an event");
    assert_eq!(kind, "ADDED");
    assert!(second["columnDefinitions"].is_null(), "only the first event defines columns");
    assert_eq!(second["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn a_list_goes_on_where_it_stopped() {
    let server = start().await;
    for index in 0..7 {
        make(&server, &format!("w{index}"), if index % 2 == 0 { "red" } else { "blue" }).await;
    }
    let first = server.get(&format!("{WIDGETS}?limit=3")).await.ok();
    assert_eq!(names(&first), ["w0", "w1", "w2"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 4);
    let next = first["metadata"]["continue"].as_str().expect("a token").to_owned();
    make(&server, "w3a", "red").await;
    let second = server.get(&format!("{WIDGETS}?limit=10&continue={next}")).await.ok();
    assert_eq!(names(&second), ["w3", "w4", "w5", "w6"], "as of the first page");
    assert_eq!(version(&second), version(&first));
    assert!(second["metadata"]["continue"].is_null());

    let first = server.get(&format!("{WIDGETS}?limit=2&labelSelector=color%3Dblue")).await.ok();
    assert_eq!(names(&first), ["w1", "w3"]);
    assert!(first["metadata"]["remainingItemCount"].is_null());
    let token = first["metadata"]["continue"].as_str().expect("a token");
    let second =
        server.get(&format!("{WIDGETS}?limit=2&labelSelector=color%3Dblue&continue={token}")).await.ok();
    assert_eq!(names(&second), ["w5"]);

    let newest = server.store.revision().await.expect("a revision");
    server.store.compact(newest).await.expect("compaction");
    let expired = server.get(&format!("{WIDGETS}?limit=10&continue={next}")).await;
    expired.fails(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result.",
    );
    let fresh = expired.json()["metadata"]["continue"].as_str().expect("a fresh token").to_owned();
    let rest = server.get(&format!("{WIDGETS}?continue={fresh}")).await.ok();
    assert_eq!(names(&rest), ["w3", "w3a", "w4", "w5", "w6"]);

    for bad in ["nonsense!", "e30", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi94In0"] {
        server.get(&format!("{WIDGETS}?continue={bad}")).await.fails(
            400,
            "BadRequest",
            "continue key is not valid",
        );
    }
}

#[tokio::test]
async fn selectors_select() {
    let server = start().await;
    for (name, color) in [("a", "red"), ("b", "blue"), ("c", "red")] {
        make(&server, name, color).await;
    }
    for (query, expect) in [
        ("labelSelector=color%3Dred", vec!["a", "c"]),
        ("labelSelector=color+in+(blue,green)", vec!["b"]),
        ("labelSelector=!color", vec![]),
        ("fieldSelector=metadata.name%3Db", vec!["b"]),
        ("fieldSelector=metadata.name!%3Db,spec.color%3Dred", vec!["a", "c"]),
        ("fieldSelector=metadata.namespace%3Dother", vec![]),
    ] {
        assert_eq!(names(&server.get(&format!("{WIDGETS}?{query}")).await.ok()), expect, "{query}");
    }
    server.get(&format!("{WIDGETS}?fieldSelector=spec.size%3D1")).await.fails(
        400,
        "BadRequest",
        "field label not supported: spec.size",
    );
    server.get(&format!("{WIDGETS}?labelSelector=a%3D%3D%3Db")).await.fails(400, "BadRequest", "");
    assert_eq!(names(&server.get("/apis/example.io/v1/widgets").await.ok()).len(), 3, "over all namespaces");
}

#[tokio::test]
async fn large_lists_are_streamed_and_compressed() {
    let server = start().await;
    let filler = "x".repeat(1000);
    for index in 0..300 {
        let object = json!({
            "apiVersion": "example.io/v1", "kind": "Widget",
            "metadata": {"name": format!("w{index:03}")}, "spec": {"filler": filler},
        });
        server.post(WIDGETS, object).await.ok();
    }
    let plain = server.get(WIDGETS).await;
    assert_eq!(names(&plain.ok()).len(), 300);
    let packed =
        server.raw("GET", WIDGETS, grange_apiserver::Body::Empty, &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert!(packed.body.len() < plain.body.len() / 5);
    let mut unpacked = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut unpacked)
        .expect("gzip");
    assert_eq!(unpacked.as_bytes(), plain.body);
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = server.raw("GET", WIDGETS, grange_apiserver::Body::Empty, &table).await.ok();
    assert_eq!(table["rows"].as_array().map(Vec::len), Some(300));
    let partial = [("accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")];
    let partial = server.raw("GET", WIDGETS, grange_apiserver::Body::Empty, &partial).await.ok();
    assert_eq!(partial["kind"], "PartialObjectMetadataList");
    assert!(partial["items"][0]["spec"].is_null());
}
