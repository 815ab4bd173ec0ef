//! What clients learn about the server.
use std::sync::Arc;

use futures::future::BoxFuture;
use grange_apimachinery::{Status, schema::StructuralSchema};
use grange_apiserver::{Authorized, Body, Resource, Subresource};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::support::{start, start_with, widgets};

/// Echoes the body's length and the name; reads the body itself, so no limit applies.
struct Echo;
impl Subresource for Echo {
    fn names(&self) -> (&str, &str, &str, &str) {
        ("subresources.example.io", "v1", "widgets", "echo")
    }
    fn verbs(&self) -> &[&str] {
        &["update", "get"]
    }
    fn handle<'a>(
        &'a self,
        authorized: &'a Authorized<'a>,
        request: Request<Body>,
    ) -> BoxFuture<'a, Result<Response<Body>, Status>> {
        Box::pin(async move {
            if authorized.attributes.name == "bomb" {
                panic!("a handler that panics");
            }
            let body =
                request.into_body().collect().await.map_err(|error| Status::internal(error.to_string()))?;
            let text = format!("{} {}", authorized.attributes.name, body.to_bytes().len());
            Ok(Response::new(Body::from(text.into_bytes())))
        })
    }
}

#[tokio::test]
async fn plain_discovery() {
    let server = start().await;
    assert_eq!(server.get("/api").await.ok()["versions"], json!(["v1"]));
    let groups = server.get("/apis").await.ok();
    let names: Vec<_> = groups["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|group| group["name"].as_str().expect("a name"))
        .collect();
    for name in [
        "example.io",
        "rbac.authorization.k8s.io",
        "coordination.k8s.io",
        "authorization.k8s.io",
        "authentication.k8s.io",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert_eq!(
        server.get("/apis/example.io").await.ok()["preferredVersion"]["groupVersion"],
        "example.io/v1"
    );
    let list = server.get("/apis/example.io/v1").await.ok();
    assert_eq!(list["groupVersion"], "example.io/v1");
    let resources = list["resources"].as_array().expect("resources");
    let widget = resources.iter().find(|resource| resource["name"] == "widgets").expect("widgets");
    assert_eq!(widget["kind"], "Widget");
    assert_eq!(widget["shortNames"], json!(["wd"]));
    assert_eq!(widget["categories"], json!(["all"]));
    assert_eq!(
        widget["verbs"],
        json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"])
    );
    assert!(resources.iter().any(|resource| resource["name"] == "widgets/status"));
    let core = server.get("/api/v1").await.ok();
    assert!(
        core["resources"]
            .as_array()
            .expect("resources")
            .iter()
            .any(|resource| resource["name"] == "namespaces/finalize")
    );
    assert_eq!(server.get("/version").await.ok()["gitVersion"], "v1.36.0+grange");
    assert_eq!(server.get("/version").await.ok()["minor"], "36");
}

#[tokio::test]
async fn aggregated_discovery_and_etags() {
    let server = start().await;
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let answer = server.raw("GET", "/apis", Body::Empty, &[("accept", accept)]).await;
    assert_eq!(
        answer.headers["content-type"],
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    let list = answer.ok();
    let group = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|item| item["metadata"]["name"] == "example.io")
        .expect("the group")
        .clone();
    let widget = group["versions"][0]["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .find(|resource| resource["resource"] == "widgets")
        .expect("widgets")
        .clone();
    assert_eq!(widget["responseKind"], json!({"group": "example.io", "version": "v1", "kind": "Widget"}));
    assert_eq!(widget["scope"], "Namespaced");
    assert_eq!(widget["subresources"][0]["subresource"], "status");
    let tag = answer.headers["etag"].to_str().expect("text").to_owned();
    let again = server.raw("GET", "/apis", Body::Empty, &[("accept", accept), ("if-none-match", &tag)]).await;
    assert_eq!((again.code, again.body.len()), (304, 0));
    server.handle.add_resource(Resource {
        plural: "gadgets".into(),
        ..Resource::new("example.io", "v1", "Gadget", "gadgets", grange_apiserver::Scope::Cluster)
    });
    let changed =
        server.raw("GET", "/apis", Body::Empty, &[("accept", accept), ("if-none-match", &tag)]).await;
    assert!(changed.text().contains("gadgets"));
    server
        .post(
            "/apis/example.io/v1/gadgets",
            json!({"apiVersion": "example.io/v1", "kind": "Gadget", "metadata": {"name": "g"}}),
        )
        .await
        .ok();
    assert!(server.handle.remove_resource("example.io", "v1", "gadgets"));
    assert_eq!(server.get("/apis/example.io/v1/gadgets/g").await.code, 404);
}

#[tokio::test]
async fn openapi_names_kinds_and_parameters() {
    let server = start_with(|config| {
        let schema = StructuralSchema::compile(&json!({
            "type": "object", "properties": {"spec": {"type": "object", "properties": {"color": {"type": "string"}}}},
        }))
        .expect("a schema");
        config.resources = vec![Resource { schema: Some(Arc::new(schema)), ..widgets() }];
    })
    .await;
    let index = server.get("/openapi/v3").await.ok();
    let url = index["paths"]["apis/example.io/v1"]["serverRelativeURL"].as_str().expect("a url").to_owned();
    let answer = server.get(&url).await;
    assert!(answer.headers.contains_key("etag"));
    let document = answer.ok();
    let schema = &document["components"]["schemas"]["io.example.v1.Widget"];
    assert_eq!(
        schema["x-kubernetes-group-version-kind"],
        json!([{"group": "example.io", "version": "v1", "kind": "Widget"}])
    );
    assert_eq!(schema["properties"]["spec"]["properties"]["color"]["type"], "string");
    let patch = &document["paths"]["/apis/example.io/v1/namespaces/{namespace}/widgets/{name}"]["patch"];
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Widget");
    assert!(
        patch["parameters"]
            .as_array()
            .expect("parameters")
            .iter()
            .any(|parameter| parameter["name"] == "fieldValidation")
    );
    assert_eq!(server.get("/openapi/v3/apis/nobody.io/v1").await.code, 404);
}

#[tokio::test]
async fn the_second_openapi_version_describes_everything_in_both_forms() {
    let server = start().await;
    let document = server.get("/openapi/v2").await.ok();
    assert_eq!(document["swagger"], "2.0");
    let widget = &document["definitions"]["io.example.v1.Widget"];
    assert_eq!(widget["x-kubernetes-group-version-kind"][0]["kind"], "Widget");
    let map = &document["definitions"]["io.k8s.api.core.v1.ConfigMap"]["properties"];
    assert_eq!(map["data"]["additionalProperties"]["type"], "string");
    let metadata = map["metadata"]["$ref"].as_str().expect("a reference");
    assert!(document["definitions"][metadata.trim_start_matches("#/definitions/")].is_object(), "{metadata}");
    // By this kubectl tells whether a dry run is possible.
    let patch = &document["paths"]["/apis/example.io/v1/namespaces/{namespace}/widgets/{name}"]["patch"];
    let parameters = patch["parameters"].as_array().expect("parameters");
    assert!(
        parameters.iter().any(|parameter| parameter["name"] == "dryRun" && parameter["type"] == "string")
    );

    let kind = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let encoded = server.raw("GET", "/openapi/v2", Vec::new(), &[("accept", kind)]).await;
    assert_eq!(encoded.code, 200);
    assert_eq!(encoded.headers["content-type"], "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    // Field 1 is the version, field 2 a message.
    assert!(encoded.body.starts_with(b"\x0a\x032.0\x12"));
    let text = String::from_utf8_lossy(&encoded.body);
    assert!(text.contains("io.example.v1.Widget") && text.contains("x-kubernetes-group-version-kind"));
    let image = server.raw("GET", "/openapi/v2", Vec::new(), &[("accept", "image/png")]).await;
    assert_eq!(image.code, 406);
}

#[tokio::test]
async fn subresources_get_the_whole_body_and_panics_are_caught() {
    let server = start_with(|config| config.subresources = vec![Arc::new(Echo)]).await;
    let base = "/apis/subresources.example.io/v1/namespaces/default/widgets";
    let answer = server.raw("PUT", &format!("{base}/x/echo"), vec![b'a'; 5 << 20], &[]).await;
    assert_eq!((answer.code, answer.text().as_str()), (200, "x 5242880"));
    server.delete(&format!("{base}/x/echo")).await.fails(405, "MethodNotAllowed", "");
    server.get(&format!("{base}/bomb/echo")).await.fails(500, "InternalError", "an unexpected failure");
    assert_eq!(server.handle.panics(), 1);
    let list = server.get("/apis/subresources.example.io/v1").await.ok();
    assert_eq!(list["resources"][0]["name"], "widgets/echo");
    server.as_user("bob", "GET", &format!("{base}/x/echo"), serde_json::Value::Null).await.fails(
        403,
        "Forbidden",
        r#"cannot get resource "widgets/echo" in API group "subresources.example.io""#,
    );
}
