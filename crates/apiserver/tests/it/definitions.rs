//! CustomResourceDefinitions: kinds that come and go while the server runs.
use std::sync::Arc;

use grange_apimachinery::{Object, Status};
use grange_apiserver::{Config, OwnDefinition, Service, Strategy, UserInfo};
use grange_store::ListRequest;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{DEADLINE, Server, Tokens, names, start, start_with};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const GADGETS: &str = "/apis/stable.example.com/v1/namespaces/default/gadgets";

fn schema() -> Value {
    json!({"openAPIV3Schema": {"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer", "default": 1, "maximum": 9}, "color": {"type": "string"},
        }},
        "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
    }}})
}

fn definition(plural: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.stable.example.com")},
        "spec": {
            "group": "stable.example.com", "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "shortNames": ["gd"], "categories": ["all"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema(),
                          "subresources": {"status": {}}}],
        },
    })
}

fn gadget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "stable.example.com/v1", "kind": "Gadget", "metadata": {"name": name}, "spec": spec})
}

fn condition(definition: &Value, kind: &str) -> Value {
    let conditions = definition["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let mut found = conditions.into_iter().find(|condition| condition["type"] == kind).unwrap_or(Value::Null);
    if let Some(map) = found.as_object_mut() {
        map.remove("lastTransitionTime");
    }
    found
}

impl Server {
    async fn establish(&self, definition: Value) -> Value {
        let made = self.post(DEFINITIONS, definition).await.ok();
        let name = made["metadata"]["name"].as_str().expect("a name");
        self.until_condition(name, "Established", "True").await
    }
    async fn until_condition(&self, name: &str, kind: &str, status: &str) -> Value {
        let path = format!("{DEFINITIONS}/{name}");
        self.until(&path, |answer| condition(&answer.json(), kind)["status"] == status).await.json()
    }
}

/// As in Kubernetes, where the names are a struct that is there before anything is in it.
#[tokio::test]
async fn who_makes_a_definition_owns_its_names_one_by_one() {
    let server = start().await;
    let made = server.post(DEFINITIONS, definition("gadgets", "Gadget")).await.ok();
    let entries = made["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let own = entries.iter().find(|entry| entry["subresource"].is_null()).expect("the maker's entry");
    let names = json!({
        "f:categories": {}, "f:kind": {}, "f:listKind": {}, "f:plural": {}, "f:shortNames": {}, "f:singular": {},
    });
    assert_eq!(own["fieldsV1"]["f:spec"]["f:names"], names);
}

#[tokio::test]
async fn a_definition_is_served_at_once() {
    let server = start().await;
    server.get(GADGETS).await.fails(404, "NotFound", "the server could not find the requested resource");
    let made = server.post(DEFINITIONS, definition("gadgets", "Gadget")).await;
    assert_eq!(made.code, 201);
    let made = made.json();
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["spec"]["names"]["listKind"], "GadgetList");
    assert_eq!(made["spec"]["conversion"], json!({"strategy": "None"}));
    assert_eq!(
        made["status"],
        json!({"conditions": null, "acceptedNames": {"kind": "", "plural": ""}, "storedVersions": ["v1"]})
    );
    let there = server.until_condition("gadgets.stable.example.com", "Established", "True").await;
    assert_eq!(there["status"]["acceptedNames"], there["spec"]["names"]);
    assert_eq!(
        condition(&there, "NamesAccepted"),
        json!({"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found"})
    );
    assert_eq!(
        condition(&there, "Established"),
        json!({"type": "Established", "status": "True", "reason": "InitialNamesAccepted",
               "message": "the initial names have been accepted"})
    );
    let list = server.get("/apis/stable.example.com/v1").await.ok();
    let entry = &list["resources"][0];
    assert_eq!((&entry["kind"], &entry["shortNames"]), (&json!("Gadget"), &json!(["gd"])));
    assert_eq!(list["resources"][1]["name"], "gadgets/status");
    let document = server.get("/openapi/v3/apis/stable.example.com/v1").await.ok();
    let schema = &document["components"]["schemas"]["com.example.stable.v1.Gadget"];
    assert_eq!(schema["properties"]["spec"]["properties"]["size"]["maximum"], 9);
    let object = server.post(GADGETS, gadget("a", json!({"color": "red", "odd": 1}))).await.ok();
    assert_eq!(object["spec"], json!({"color": "red", "size": 1}));
    server.post(GADGETS, gadget("b", json!({"size": 10}))).await.fails(
        422,
        "Invalid",
        "Gadget.stable.example.com \"b\" is invalid: spec.size: Invalid value: 10",
    );
    assert_eq!(names(&server.get(GADGETS).await.ok()), ["a"]);
}

#[tokio::test]
async fn bad_definitions_are_refused() {
    let server = start().await;
    let mut bad = definition("gadgets", "Gadget");
    bad["metadata"]["name"] = "others.stable.example.com".into();
    server.post(DEFINITIONS, bad).await.fails(
        422,
        "Invalid",
        "CustomResourceDefinition.apiextensions.k8s.io \"others.stable.example.com\" is invalid: metadata.name: Invalid value: \"others.stable.example.com\": must be spec.names.plural+\".\"+spec.group",
    );
    let mut bad = definition("gadgets", "Gadget");
    bad["spec"]["versions"] = "v1".into();
    server.post(DEFINITIONS, bad).await.fails(
        400,
        "BadRequest",
        "CustomResourceDefinition in version \"v1\" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal string into Go struct field CustomResourceDefinitionSpec.spec.versions of type []v1.CustomResourceDefinitionVersion",
    );
    let mut odd = definition("gadgets", "Gadget");
    odd["spec"]["odd"] = 1.into();
    server.post(&format!("{DEFINITIONS}?fieldValidation=Strict"), odd.clone()).await.fails(
        400,
        "BadRequest",
        "strict decoding error: unknown field \"spec.odd\"",
    );
    odd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["color"]["format"] =
        "colour".into();
    let warned = server.post(DEFINITIONS, odd).await;
    let warnings: Vec<_> = warned.headers.get_all("warning").iter().collect();
    assert_eq!(
        warnings,
        ["299 - \"unknown field \\\"spec.odd\\\"\"", "299 - \"unrecognized format \\\"colour\\\"\""]
    );
}

#[tokio::test]
async fn a_changed_schema_is_in_force_at_once_and_ends_watches() {
    let server = start().await;
    server.establish(definition("gadgets", "Gadget")).await;
    server.post(GADGETS, gadget("a", json!({"size": 2}))).await.ok();
    let mut events = server.watch(&format!("{GADGETS}?watch=1")).await;
    assert_eq!(events.brief().await, "ADDED a");
    let path = format!("{DEFINITIONS}/gadgets.stable.example.com");
    // A label is no reason to end a watch.
    server.merge(&path, json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    server.post(GADGETS, gadget("b", json!({}))).await.ok();
    assert_eq!(events.brief().await, "ADDED b");
    let mut changed = server.get(&path).await.ok();
    let size = &mut changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        ["size"];
    size["maximum"] = 1.into();
    let changed = server.put(&path, changed).await.ok();
    assert_eq!(changed["metadata"]["generation"], 2);
    server.post(GADGETS, gadget("c", json!({"size": 2}))).await.fails(422, "Invalid", "spec.size");
    assert_eq!(events.next().await, None, "the watch ends");
    let mut other = changed.clone();
    other["spec"]["scope"] = "Cluster".into();
    server.put(&path, other).await.fails(
        422,
        "Invalid",
        "spec.scope: Invalid value: \"Cluster\": field is immutable",
    );
    let mut unconditional = changed;
    unconditional["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    server.put(&path, unconditional).await.fails(
        422,
        "Invalid",
        "customresourcedefinitions.apiextensions.k8s.io \"gadgets.stable.example.com\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update",
    );
}

#[tokio::test]
async fn versions_come_and_go() {
    let server = start().await;
    let mut both = definition("gadgets", "Gadget");
    let mut beta = both["spec"]["versions"][0].clone();
    beta["name"] = "v1beta1".into();
    beta["storage"] = false.into();
    beta["deprecated"] = true.into();
    both["spec"]["versions"].as_array_mut().expect("versions").insert(0, beta);
    server.establish(both.clone()).await;
    let group = server.get("/apis/stable.example.com").await.ok();
    assert_eq!(group["preferredVersion"]["version"], "v1", "the released version, although it comes last");
    let old = "/apis/stable.example.com/v1beta1/namespaces/default/gadgets";
    let mut object = gadget("a", json!({"size": 2}));
    object["apiVersion"] = "stable.example.com/v1beta1".into();
    let made = server.post(old, object).await;
    assert_eq!(made.headers["warning"], "299 - \"stable.example.com/v1beta1 Gadget is deprecated\"");
    assert_eq!(made.ok()["apiVersion"], "stable.example.com/v1beta1");
    assert_eq!(server.get(&format!("{GADGETS}/a")).await.ok()["apiVersion"], "stable.example.com/v1");
    // Another version takes the storage over; the old one is not served any more.
    let path = format!("{DEFINITIONS}/gadgets.stable.example.com");
    let mut next = server.get(&path).await.ok();
    let mut second = next["spec"]["versions"][1].clone();
    second["name"] = "v2".into();
    let versions = next["spec"]["versions"].as_array_mut().expect("versions");
    versions[0]["served"] = false.into();
    versions[1]["storage"] = false.into();
    versions.push(second);
    let next = server.put(&path, next).await.ok();
    assert_eq!(next["status"]["storedVersions"], json!(["v1", "v2"]));
    server.get(old).await.fails(404, "NotFound", "");
    let newest = "/apis/stable.example.com/v2/namespaces/default/gadgets";
    for (path, version) in [(newest, "stable.example.com/v2"), (GADGETS, "stable.example.com/v1")] {
        let read = server.get(&format!("{path}/a")).await.ok();
        assert_eq!((&read["apiVersion"], &read["spec"]["size"]), (&json!(version), &json!(2)));
        assert_eq!(server.get(path).await.ok()["items"][0], read);
    }
    assert_eq!(
        server.merge(&format!("{newest}/a"), json!({"spec": {"size": 3}})).await.ok()["apiVersion"],
        "stable.example.com/v2"
    );
    assert_eq!(server.get(&format!("{GADGETS}/a")).await.ok()["spec"]["size"], 3);
    let mut dropped = server.get(&path).await.ok();
    dropped["spec"]["versions"].as_array_mut().expect("versions").remove(1);
    server.put(&path, dropped).await.fails(422, "Invalid", "status.storedVersions[0]: Invalid value: \"v1\"");
}

#[tokio::test]
async fn names_are_given_to_the_first() {
    let server = start().await;
    server.establish(definition("gadgets", "Gadget")).await;
    server.post(DEFINITIONS, definition("gizmos", "Gizmo")).await.ok();
    let late = server.until_condition("gizmos.stable.example.com", "NamesAccepted", "False").await;
    assert_eq!(
        condition(&late, "NamesAccepted"),
        json!({"type": "NamesAccepted", "status": "False", "reason": "ShortNamesConflict",
               "message": "\"gd\" is already in use"})
    );
    assert_eq!(condition(&late, "Established")["reason"], "NotAccepted");
    server.get("/apis/stable.example.com/v1/gizmos").await.fails(404, "NotFound", "");
    server.delete(&format!("{DEFINITIONS}/gadgets.stable.example.com")).await.ok();
    server.until_condition("gizmos.stable.example.com", "Established", "True").await;
    server.get("/apis/stable.example.com/v1/gizmos").await.ok();
}

#[tokio::test]
async fn deletion_takes_the_objects_along() {
    let server = start().await;
    server.establish(definition("gadgets", "Gadget")).await;
    let mut held = gadget("held", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    server.post(GADGETS, held).await.ok();
    server.post(GADGETS, gadget("free", json!({}))).await.ok();
    let path = format!("{DEFINITIONS}/gadgets.stable.example.com");
    let answer = server.delete(&path).await.ok();
    assert_eq!(answer["kind"], "CustomResourceDefinition");
    assert_eq!(answer["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
    assert_eq!(condition(&answer, "Terminating")["reason"], "InstanceDeletionPending");
    server.until_gone(&format!("{GADGETS}/free")).await;
    let waiting = server.get(&path).await.ok();
    assert_eq!(condition(&waiting, "Terminating")["reason"], "InstanceDeletionInProgress");
    server.post(GADGETS, gadget("late", json!({}))).await.fails(
        403,
        "Forbidden",
        "gadgets.stable.example.com \"late\" is forbidden: create not allowed while custom resource definition is terminating",
    );
    let list = server.get("/apis/stable.example.com/v1").await.ok();
    assert_eq!(list["resources"][0]["verbs"], json!(["delete", "deletecollection", "get", "list", "watch"]));
    server.merge(&format!("{GADGETS}/held"), json!({"metadata": {"finalizers": null}})).await.ok();
    server.until_gone(&path).await;
    server.get(GADGETS).await.fails(404, "NotFound", "the server could not find the requested resource");
    assert_eq!(server.get("/apis/stable.example.com").await.code, 404);
    server.establish(definition("gadgets", "Gadget")).await;
    assert_eq!(names(&server.get(GADGETS).await.ok()).len(), 0);
    server.post(GADGETS, gadget("late", json!({}))).await.ok();
}

#[tokio::test]
async fn an_object_is_scaled() {
    let server = start().await;
    let mut scaled = definition("gadgets", "Gadget");
    scaled["spec"]["versions"][0]["subresources"]["scale"] = json!({
        "specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size", "labelSelectorPath": ".status.selector",
    });
    server.establish(scaled).await;
    let list = server.get("/apis/stable.example.com/v1").await.ok();
    assert_eq!(
        list["resources"][2],
        json!({"name": "gadgets/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
               "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]})
    );
    let made = server.post(GADGETS, gadget("a", json!({"size": 2}))).await.ok();
    server.merge(&format!("{GADGETS}/a/status"), json!({"status": {"size": 1}})).await.ok();
    let path = format!("{GADGETS}/a/scale");
    let mut scale = server.get(&path).await.ok();
    assert_eq!((&scale["kind"], &scale["apiVersion"]), (&json!("Scale"), &json!("autoscaling/v1")));
    assert_eq!((&scale["spec"], &scale["status"]), (&json!({"replicas": 2}), &json!({"replicas": 1})));
    assert_eq!(scale["metadata"]["uid"], made["metadata"]["uid"]);
    scale["spec"]["replicas"] = 5.into();
    assert_eq!(server.put(&path, scale.clone()).await.ok()["spec"]["replicas"], 5);
    server.put(&path, scale).await.fails(409, "Conflict", "the object has been modified");
    let patched = server.merge(&path, json!({"spec": {"replicas": 3}})).await.ok();
    assert_eq!(patched["spec"]["replicas"], 3);
    let object = server.get(&format!("{GADGETS}/a")).await.ok();
    assert_eq!((&object["spec"]["size"], &object["metadata"]["generation"]), (&json!(3), &json!(3)));
    server.merge(&path, json!({"spec": {"replicas": -1}})).await.fails(422, "Invalid", "spec.replicas");
    server.merge(&path, json!({"spec": {"replicas": 10}})).await.fails(
        422,
        "Invalid",
        "spec.size: Invalid value: 10",
    );
    server.merge(&path, json!({"spec": {"replicas": "x"}})).await.fails(400, "BadRequest", "spec.replicas");
    server.get(&format!("{GADGETS}/none/scale")).await.fails(
        404,
        "NotFound",
        "gadgets.stable.example.com \"none\" not found",
    );
    server.post(GADGETS, gadget("b", json!({"size": -1}))).await.fails(
        422,
        "Invalid",
        ".spec.size: Invalid value: -1: should be a non-negative integer",
    );
}

#[tokio::test]
async fn fields_select_and_columns_show() {
    let server = start().await;
    let mut wide = definition("gadgets", "Gadget");
    let version = &mut wide["spec"]["versions"][0];
    version["selectableFields"] = json!([{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.size"}]);
    version["additionalPrinterColumns"] = json!([
        {"name": "Color", "type": "string", "jsonPath": ".spec.color", "description": "The colour."},
        {"name": "Born", "type": "date", "jsonPath": ".metadata.creationTimestamp", "priority": 1},
    ]);
    server.establish(wide).await;
    for (name, spec) in
        [("a", json!({"color": "red", "size": 2})), ("b", json!({"size": 2})), ("c", json!({"color": "red"}))]
    {
        server.post(GADGETS, gadget(name, spec)).await.ok();
    }
    for (selector, expect) in [
        ("spec.color%3Dred", &["a", "c"][..]),
        ("spec.color%21%3Dred", &["b"]),
        ("spec.size%3D2", &["a", "b"]),
        ("spec.color%3Dred,spec.size%3D1", &["c"]),
        ("spec.color%3D", &["b"]),
    ] {
        let list = server.get(&format!("{GADGETS}?fieldSelector={selector}")).await.ok();
        assert_eq!(names(&list), expect, "{selector}");
    }
    server.get(&format!("{GADGETS}?fieldSelector=spec.none%3Dx")).await.fails(
        400,
        "BadRequest",
        "field label not supported: spec.none",
    );
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = server.raw("GET", GADGETS, grange_apiserver::Body::Empty, &table).await.ok();
    let columns = &table["columnDefinitions"];
    assert_eq!(
        columns[1],
        json!({"name": "Color", "type": "string", "format": "", "description": "The colour.", "priority": 0})
    );
    assert_eq!(
        columns[2],
        json!({"name": "Born", "type": "date", "format": "", "priority": 1,
               "description": "Custom resource definition column (in JSONPath format): .metadata.creationTimestamp"})
    );
    assert_eq!(table["rows"][0]["cells"][1], "red");
    assert_eq!(table["rows"][1]["cells"][1], Value::Null);
}

/// Refuses one name.
struct Rules;
impl Strategy for Rules {
    fn prepare_create(&self, _: &UserInfo, object: &mut Object) -> Result<(), Status> {
        match object.name() {
            "bad" => Err(Status::bad_request("not that one")),
            _ => Ok(()),
        }
    }
}

fn own() -> Vec<OwnDefinition> {
    vec![OwnDefinition::new(definition("gadgets", "Gadget"), Arc::new(Rules)).expect("a definition")]
}

#[tokio::test]
async fn the_programs_own_definitions_are_there_with_their_hooks() {
    let server = start_with(|config| config.definitions = own()).await;
    let path = format!("{DEFINITIONS}/gadgets.stable.example.com");
    let there = server.get(&path).await.ok();
    assert_eq!(condition(&there, "Established")["status"], "True");
    server.post(GADGETS, gadget("good", json!({}))).await.ok();
    server.post(GADGETS, gadget("bad", json!({}))).await.fails(400, "BadRequest", "not that one");
    server.delete(&path).await.fails(403, "Forbidden", "belongs to the server and cannot be deleted");
    let mut changed = there.clone();
    changed["spec"]["names"]["shortNames"] = json!(["x"]);
    server.put(&path, changed).await.fails(403, "Forbidden", "its spec is the program's");
    server.merge(&path, json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
}

#[tokio::test]
async fn a_second_start_serves_what_is_stored() {
    let server = start_with(|config| config.definitions = own()).await;
    let mut theirs = definition("gizmos", "Gizmo");
    theirs["spec"]["names"]["shortNames"] = json!(["gz"]);
    server.establish(theirs).await;
    let gizmos = "/apis/stable.example.com/v1/namespaces/default/gizmos";
    let mut gizmo = gadget("a", json!({}));
    gizmo["kind"] = "Gizmo".into();
    server.post(gizmos, gizmo).await.ok();
    let store = server.store.clone();
    drop(server);
    let revisions = async || {
        let prefix = "/registry/apiextensions.k8s.io/";
        let request = ListRequest { prefix, ..ListRequest::default() };
        let page = store.list(request).await.expect("a page");
        page.entries.iter().map(|entry| entry.mod_revision).collect::<Vec<_>>()
    };
    let before = revisions().await;
    let mut config = Config::new(store.clone(), Arc::new(Tokens));
    config.definitions = own();
    let (service, handle) = Service::new(config);
    let stop = CancellationToken::new();
    tokio::spawn(service.run(stop.clone()));
    tokio::time::timeout(DEADLINE, handle.ready()).await.expect("ready");
    let server = Server::over(handle, store.clone(), stop);
    // Before anything else could have happened: both are served as soon as the server is ready.
    assert_eq!(names(&server.get(gizmos).await.ok()), ["a"]);
    server.get(GADGETS).await.ok();
    assert_eq!(revisions().await, before, "no definition was written again");
}
