//! Server-side apply and `managedFields`, as clients see them.
use std::sync::Arc;

use grange_apimachinery::{Value, schema::StructuralSchema};
use grange_apiserver::{Authorizer, Decision};
use serde_json::json;

use crate::support::{Server, start, start_with, widgets};

const WIDGETS: &str = "/apis/example.io/v1/namespaces/default/widgets";
const ONE: &str = "/apis/example.io/v1/namespaces/default/widgets/one";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "color": {"type": "string"}, "size": {"type": "integer", "default": 3},
            "parts": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string"}, "count": {"type": "integer"}}},
            },
        }},
        "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
    }})
}

/// A server whose widgets have a schema.
async fn typed() -> Server {
    start_with(|config| {
        let mut widgets = widgets();
        widgets.schema = Some(Arc::new(StructuralSchema::compile(&schema()).expect("a schema")));
        config.resources = vec![widgets];
    })
    .await
}

fn widget(spec: Value) -> Value {
    json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": spec})
}

/// `manager operation[/subresource]: fields` of every entry.
fn owners(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            assert_eq!(entry["fieldsType"], "FieldsV1");
            let subresource = entry["subresource"].as_str().map_or(String::new(), |name| format!("/{name}"));
            format!(
                "{} {}{subresource}: {}",
                entry["manager"].as_str().expect("a manager"),
                entry["operation"].as_str().expect("an operation"),
                entry["fieldsV1"]
            )
        })
        .collect()
}

#[tokio::test]
async fn a_configuration_makes_the_object_and_merges_into_it() {
    let server = typed().await;
    let made = server.apply(ONE, "ada", widget(json!({"color": "red"}))).await;
    assert_eq!(made.code, 201);
    let made = made.ok();
    assert_eq!(made["spec"], json!({"color": "red", "size": 3}));
    assert_eq!(made["metadata"]["generation"], 1);
    // What the schema fills in belongs to nobody when it was applied.
    assert_eq!(owners(&made), [r#"ada Apply: {"f:spec":{"f:color":{}}}"#]);

    let parts = json!({"parts": [{"name": "a", "count": 1}]});
    let merged = server.apply(ONE, "bob", widget(parts)).await;
    assert_eq!(merged.code, 200);
    let merged = merged.ok();
    assert_eq!(merged["spec"], json!({"color": "red", "size": 3, "parts": [{"name": "a", "count": 1}]}));
    assert_eq!(merged["metadata"]["generation"], 2);

    let again = server.apply(ONE, "bob", widget(json!({"parts": [{"name": "a", "count": 1}]}))).await.ok();
    assert_eq!(again, merged, "applying the same again writes nothing");
    let dropped = server.apply(ONE, "bob", widget(json!({}))).await.ok();
    assert_eq!(dropped["spec"], json!({"color": "red", "size": 3}));
    // An empty map is something to own.
    assert_eq!(owners(&dropped), [r#"ada Apply: {"f:spec":{"f:color":{}}}"#, r#"bob Apply: {"f:spec":{}}"#]);
}

#[tokio::test]
async fn conflicts_name_the_field_and_its_manager() {
    let server = typed().await;
    server.apply(ONE, "ada", widget(json!({"color": "red"}))).await.ok();
    let answer = server.apply(ONE, "bob", widget(json!({"color": "blue"}))).await;
    answer.fails(409, "Conflict", r#"Apply failed with 1 conflict: conflict with "ada": .spec.color"#);
    assert_eq!(
        answer.json()["details"],
        json!({"causes": [{"reason": "FieldManagerConflict", "message": "conflict with \"ada\"", "field": ".spec.color"}]})
    );
    let forced = server.apply(ONE, "bob&force=true", widget(json!({"color": "blue"}))).await.ok();
    assert_eq!(forced["spec"]["color"], "blue");
    assert_eq!(owners(&forced), [r#"bob Apply: {"f:spec":{"f:color":{}}}"#]);
    // An update takes what it changes.
    let mut changed = forced;
    changed["spec"]["color"] = "green".into();
    let changed = server.put(&format!("{ONE}?fieldManager=eve"), changed).await.ok();
    assert_eq!(owners(&changed), [r#"eve Update: {"f:spec":{"f:color":{}}}"#]);
    server.apply(ONE, "bob", widget(json!({"color": "blue"}))).await.fails(
        409,
        "Conflict",
        r#"conflict with "eve" using example.io/v1: .spec.color"#,
    );
}

#[tokio::test]
async fn requests_that_cannot_be_applied() {
    let server = typed().await;
    server.apply(ONE, "ada", widget(json!({"color": "red"}))).await.ok();
    let with = |field: &str, value: &str| {
        let mut config = widget(json!({}));
        config["metadata"][field] = value.into();
        config
    };
    for (path, query, body, code, message) in [
        (
            ONE,
            "",
            widget(json!({})),
            422,
            r#"PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch"#,
        ),
        (
            ONE,
            "a%07",
            widget(json!({})),
            422,
            "fieldManager: Invalid value: \"a\\a\": invalid character U+0007 (at position 1)",
        ),
        (
            ONE,
            "ada",
            json!([1]),
            400,
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (ONE, "ada", Value::Null, 400, "invalid object type: /, Kind="),
        (ONE, "ada", json!({"kind": "Widget"}), 400, "invalid object type: /, Kind=Widget"),
        (
            ONE,
            "ada",
            with("name", "two"),
            400,
            "the name of the object (two) does not match the name on the URL (one)",
        ),
        (ONE, "ada", with("namespace", "other"), 400, "does not match the namespace"),
        (ONE, "ada", with("resourceVersion", "1"), 409, "the object has been modified"),
        (ONE, "ada", with("uid", "x"), 422, "metadata.uid: Invalid value: \"x\": field is immutable"),
        (
            "/apis/example.io/v1/namespaces/default/widgets/new",
            "ada",
            json!({"apiVersion": "example.io/v1", "kind": "Widget"}),
            400,
            "the name of the object (new based on URL) was undeterminable: name must be provided",
        ),
        (
            "/apis/example.io/v1/namespaces/default/widgets/new",
            "ada",
            json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"name": "new", "uid": "x"}}),
            409,
            "uid mismatch: the provided object specified uid x, and no existing object was found",
        ),
        (ONE, "ada", widget(json!({"colour": 1})), 500, ".spec.colour: field not declared in schema"),
        (ONE, "ada", widget(json!({"color": 1})), 500, ".spec.color: expected string"),
        (
            "/apis/example.io/v1/namespaces/default/widgets/new/status",
            "ada",
            widget(json!({})),
            404,
            r#"widgets.example.io "new" not found"#,
        ),
        ("/apis/example.io/v1/namespaces/nowhere/widgets/one", "ada", widget(json!({})), 404, "nowhere"),
    ] {
        let answer = server.apply(path, query, body.clone()).await;
        let (got, _, found) = answer.status();
        assert!(got == code && found.contains(message), "{query} {body}: {got} {found}");
    }
    let managed = json!({
        "apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"name": "one", "managedFields": []},
    });
    server.apply(ONE, "ada", managed).await.fails(400, "BadRequest", "metadata.managedFields must be nil");
    let headers = [("content-type", "application/merge-patch+json")];
    server.raw("PATCH", &format!("{ONE}?force=true"), b"{}".to_vec(), &headers).await.fails(
        422,
        "Invalid",
        "force: Forbidden: may not be specified for non-apply patch",
    );
    let yaml = "apiVersion: example.io/v1\nkind: Widget\nspec: {color: red, color: red}\n";
    let headers = [("content-type", "application/apply-patch+yaml")];
    server
        .raw(
            "PATCH",
            &format!("{ONE}?fieldManager=ada&fieldValidation=Strict"),
            yaml.as_bytes().to_vec(),
            &headers,
        )
        .await
        .fails(400, "BadRequest", "error strict decoding YAML");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let server = typed().await;
    let tried = server.apply(ONE, "ada&dryRun=All", widget(json!({"color": "red"}))).await;
    assert_eq!(tried.code, 201);
    assert_eq!(owners(&tried.ok()).len(), 1);
    assert_eq!(server.get(ONE).await.code, 404);
    let made = server.apply(ONE, "ada", widget(json!({"color": "red"}))).await.ok();
    let tried = server.apply(ONE, "ada&dryRun=All", widget(json!({"color": "blue"}))).await.ok();
    assert_eq!(tried["spec"]["color"], "blue");
    assert_eq!(server.get(ONE).await.ok(), made);
}

#[tokio::test]
async fn every_way_to_write_tracks_its_manager() {
    let server = typed().await;
    let agent = [("content-type", "application/json"), ("user-agent", "kubectl/v1.36 (x)")];
    let made = server
        .raw("POST", WIDGETS, widget(json!({"color": "red"})).to_string().into_bytes(), &agent)
        .await
        .ok();
    assert_eq!(owners(&made), [r#"kubectl Update: {"f:spec":{".":{},"f:color":{},"f:size":{}}}"#]);
    let merged =
        server.merge(&format!("{ONE}?fieldManager=m"), json!({"spec": {"color": "blue"}})).await.ok();
    let kubectl = r#"kubectl Update: {"f:spec":{".":{},"f:size":{}}}"#;
    let mut seen = owners(&merged);
    seen.sort();
    assert_eq!(seen, [kubectl, r#"m Update: {"f:spec":{"f:color":{}}}"#]);
    let patch = json!([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]);
    let patched = server.json_patch(&format!("{ONE}?fieldManager=j"), patch).await.ok();
    assert!(
        owners(&patched).contains(&r#"j Update: {"f:metadata":{"f:labels":{".":{},"f:a":{}}}}"#.to_owned())
    );
    let status = json!({"status": {"phase": "x"}, "spec": {"color": "ignored"}});
    let patched = server.merge(&format!("{ONE}/status?fieldManager=s"), status).await.ok();
    assert!(owners(&patched).contains(&r#"s Update/status: {"f:status":{".":{},"f:phase":{}}}"#.to_owned()));
    let config = json!({"apiVersion": "example.io/v1", "kind": "Widget", "status": {"phase": "y"}});
    let applied = server.apply(&format!("{ONE}/status"), "t&force=true", config).await.ok();
    assert_eq!(applied["status"]["phase"], "y");
    assert!(owners(&applied).contains(&r#"t Apply/status: {"f:status":{"f:phase":{}}}"#.to_owned()));
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_none() {
    let server = typed().await;
    let made = server.post(WIDGETS, widget(json!({"color": "red"}))).await.ok();
    for attempt in 0..2 {
        let same = server.put(&format!("{ONE}?fieldManager=other{attempt}"), made.clone()).await.ok();
        assert_eq!(same, made);
        let mut forgetful = made.clone();
        forgetful["metadata"].as_object_mut().unwrap().remove("managedFields");
        assert_eq!(server.put(ONE, forgetful).await.ok(), made);
    }
    let reset = server.merge(ONE, json!({"metadata": {"managedFields": [{}]}})).await.ok();
    assert_eq!(reset["metadata"].get("managedFields"), None);
    assert_eq!(reset["spec"], made["spec"]);
}

#[tokio::test]
async fn built_in_kinds_are_owned_as_in_kubernetes() {
    let server = start().await;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}});
    let made = server.post(&format!("{MAPS}?fieldManager=m"), map).await.ok();
    assert_eq!(owners(&made), [r#"m Update: {"f:data":{".":{},"f:k":{}}}"#]);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"k": "v"},
    });
    let made = server.post("/api/v1/namespaces/default/secrets?fieldManager=m", secret).await.ok();
    assert_eq!(owners(&made), [r#"m Update: {"f:data":{".":{},"f:k":{}},"f:type":{}}"#]);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    let made = server.apply("/api/v1/namespaces/n", "m", namespace).await.ok();
    assert_eq!(made["metadata"]["labels"]["kubernetes.io/metadata.name"], "n");
    assert_eq!(owners(&made), Vec::<String>::new(), "it applied nothing but the name");
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s"},
        "secrets": [{"name": "a"}, {"name": "b"}],
    });
    let accounts = "/api/v1/namespaces/default/serviceaccounts/s";
    server.apply(accounts, "m", account.clone()).await.ok();
    let mut other = account;
    other["secrets"] = json!([{"name": "c"}]);
    let merged = server.apply(accounts, "o", other).await.ok();
    assert_eq!(merged["secrets"], json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]));
    assert!(owners(&merged).contains(&r#"o Apply: {"f:secrets":{"k:{\"name\":\"c\"}":{}}}"#.to_owned()));
}

/// Lets `patcher` patch and nothing else.
struct PatchOnly;
impl Authorizer for PatchOnly {
    fn authorize(&self, attributes: &grange_apiserver::Attributes<'_>) -> Decision {
        match (attributes.user.username.as_str(), attributes.verb) {
            ("patcher", "patch") | ("system:apiserver", _) => Decision::allow("test"),
            _ => Decision::deny("no"),
        }
    }
}

#[tokio::test]
async fn making_an_object_by_apply_takes_the_right_to_create() {
    let server = start_with(|config| config.authorizer = Some(Arc::new(PatchOnly))).await;
    let headers =
        [("content-type", "application/apply-patch+yaml"), ("authorization", "Bearer token-patcher")];
    let config = || widget(json!({})).to_string().into_bytes();
    let path = format!("{ONE}?fieldManager=p");
    server.raw("PATCH", &path, config(), &headers).await.fails(
        403,
        "Forbidden",
        r#"User "patcher" cannot create resource "widgets" in API group "example.io""#,
    );
    server.post(WIDGETS, widget(json!({}))).await.ok();
    assert_eq!(server.raw("PATCH", &path, config(), &headers).await.code, 200);
}

#[tokio::test]
async fn documents_say_which_lists_merge() {
    let server = typed().await;
    let document = server.get("/openapi/v3/api/v1").await.ok();
    let schemas = &document["components"]["schemas"];
    let secrets = &schemas["io.k8s.api.core.v1.ServiceAccount"]["properties"]["secrets"];
    assert_eq!(secrets["x-kubernetes-list-type"], "map");
    assert_eq!(secrets["x-kubernetes-list-map-keys"], json!(["name"]));
    let document = server.get("/openapi/v3/apis/example.io/v1").await.ok();
    let widget = &document["components"]["schemas"]["io.example.v1.Widget"]["properties"];
    assert_eq!(widget["spec"]["properties"]["parts"]["x-kubernetes-list-type"], "map");
    let patch =
        &document["paths"][format!("{}/{{name}}", WIDGETS.replace("default", "{namespace}"))]["patch"];
    assert!(patch["requestBody"]["content"].get("application/apply-patch+yaml").is_some());
}
