//! Refused requests: every one is a Status that says why.
use grange_apiserver::Body;
use serde_json::json;

use crate::support::start;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const WIDGETS: &str = "/apis/example.io/v1/namespaces/default/widgets";

#[tokio::test]
async fn path_tricks_are_refused() {
    let server = start().await;
    for path in [
        "/api/v1/namespaces/default/configmaps/../secrets",
        "/api/v1/namespaces/default/configmaps/%2e%2e/secrets",
        "/api/v1/namespaces/default/configmaps/a%2fb",
        "/api/v1/namespaces/default/configmaps/a%252fb",
        "/api/v1//namespaces",
        "//api/v1/namespaces",
        "/api/v1/namespaces/default/configmaps/a%00",
        "/api/v1/namespaces/default/configmaps/%zz",
        "/api/v1/namespaces/default/configmaps/a%5cb",
    ] {
        server.get(path).await.fails(400, "BadRequest", "invalid request path");
    }
    for path in [
        "/api/v1/watch/namespaces/default/configmaps",
        "/api/v1/nothing",
        "/apis/example.io/v2/widgets",
        "/apis/nobody.io",
        "/nowhere",
        "/api/v1/namespaces/default/namespaces/x",
        "/api/v1/configmaps/a",
        "/api/v1/namespaces/default/configmaps/a/status",
        "/apis/example.io/v1/namespaces/default/planets/p",
        "/apis/example.io/v1/namespaces/default/widgets/a/scale",
        "/apis/example.io/v1/namespaces/default/widgets/a/status/more",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.code, 404, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn methods_that_make_no_sense_are_refused() {
    let server = start().await;
    for (method, path) in [
        ("POST", "/api/v1/namespaces/default/configmaps/a"),
        ("PUT", "/api/v1/namespaces/default/configmaps"),
        ("PATCH", "/api/v1/namespaces/default/configmaps"),
        ("DELETE", "/apis/example.io/v1/namespaces/default/widgets/a/status"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("POST", "/version"),
    ] {
        let answer = server.raw(method, path, b"{}".to_vec(), &[("content-type", "application/json")]).await;
        answer.fails(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        );
    }
}

#[tokio::test]
async fn bodies_are_checked() {
    let server = start().await;
    let json_type = ("content-type", "application/json");
    for (body, headers, code, reason, message) in [
        (r#"{"kind":"#.to_owned(), [json_type], 400, "BadRequest", "cannot be read"),
        ("[]".to_owned(), [json_type], 400, "BadRequest", "not an object"),
        ("[".repeat(500), [json_type], 400, "BadRequest", "cannot be read"),
        (
            json!({"apiVersion": "v2", "kind": "ConfigMap"}).to_string(),
            [json_type],
            400,
            "BadRequest",
            "the API version in the data (v2) does not match the expected API version (v1)",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Secret"}).to_string(),
            [json_type],
            400,
            "BadRequest",
            "does not match the expected kind (ConfigMap)",
        ),
        (
            json!({"metadata": {"name": "a", "namespace": "other"}}).to_string(),
            [json_type],
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            json!({"metadata": {"labels": {"a": 1}, "name": "a"}}).to_string(),
            [json_type],
            400,
            "BadRequest",
            "metadata.labels",
        ),
        (json!({"metadata": 5}).to_string(), [json_type], 400, "BadRequest", "metadata: must be an object"),
        (
            json!({"metadata": {"name": "a", "resourceVersion": "5"}}).to_string(),
            [json_type],
            500,
            "",
            "resourceVersion should not be set on objects to be created",
        ),
        (
            json!({"metadata": {}}).to_string(),
            [json_type],
            422,
            "Invalid",
            "name or generateName is required",
        ),
        (
            json!({"metadata": {"name": "A_b"}}).to_string(),
            [json_type],
            422,
            "Invalid",
            "metadata.name: Invalid value: \"A_b\"",
        ),
        (
            json!({"metadata": {"name": "a", "labels": {"-": "x"}}}).to_string(),
            [json_type],
            422,
            "Invalid",
            "metadata.labels",
        ),
        (
            json!({"metadata": {"name": "a"}, "data": {"k": 5}}).to_string(),
            [json_type],
            400,
            "BadRequest",
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: data.k: must be a string, not number",
        ),
        (
            "x".to_owned(),
            [("content-type", "application/vnd.kubernetes.protobuf")],
            400,
            "BadRequest",
            "malformed protobuf",
        ),
        ("x".to_owned(), [("content-type", "text/plain")], 415, "UnsupportedMediaType", ""),
    ] {
        let answer = server.raw("POST", MAPS, body.into_bytes(), &headers).await;
        answer.fails(code, reason, message);
    }
    let huge = format!(r#"{{"data":{{"a":"{}"}}}}"#, "x".repeat(4 << 20));
    server.raw("POST", MAPS, huge.into_bytes(), &[json_type]).await.fails(
        413,
        "RequestEntityTooLarge",
        "Request entity too large: limit is 3145728",
    );
    let accept = [("accept", "application/vnd.kubernetes.protobuf")];
    server.raw("GET", MAPS, Body::Empty, &accept).await.fails(
        406,
        "NotAcceptable",
        "406: Not Acceptable\n\nAvailable representations: application/json",
    );
    let accept = [("accept", "application/vnd.kubernetes.protobuf,application/json")];
    server.raw("GET", MAPS, Body::Empty, &accept).await.ok();
    assert_eq!(server.handle.panics(), 0);
}

#[tokio::test]
async fn yaml_is_understood() {
    let server = start().await;
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata:\n  k: \"1\"\n";
    let answer =
        server.raw("POST", MAPS, yaml.as_bytes().to_vec(), &[("content-type", "application/yaml")]).await;
    assert_eq!(answer.ok()["data"]["k"], "1");
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let answer =
        server.raw("POST", MAPS, bomb.as_bytes().to_vec(), &[("content-type", "application/yaml")]).await;
    assert_eq!(answer.code, 400, "{}", answer.text());
}

#[tokio::test]
async fn query_parameters_are_checked() {
    let server = start().await;
    for (query, code, message) in [
        ("resourceVersion=abc", 400, "resourceVersion: Invalid value"),
        ("limit=abc", 400, "limit: Invalid value"),
        (
            "resourceVersionMatch=Exact",
            422,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        ("resourceVersionMatch=Exact&resourceVersion=0", 422, "is forbidden for resourceVersion \"0\""),
        ("resourceVersionMatch=Maybe&resourceVersion=1", 422, "Unsupported value"),
        (
            "watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1",
            422,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (
            "continue=abc&resourceVersion=5",
            400,
            "specifying resource version is not allowed when using continue",
        ),
        ("labelSelector=%zz", 400, "percent"),
    ] {
        let answer = server.get(&format!("{MAPS}?{query}")).await;
        assert_eq!(answer.code, code, "{query}: {}", answer.text());
        assert!(answer.status().2.contains(message), "{query}: {}", answer.text());
    }
    for (query, message) in [
        ("dryRun=Some", "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]"),
        ("fieldValidation=Loose", "fieldValidation: Unsupported value: \"Loose\""),
    ] {
        let answer = server.post(&format!("{MAPS}?{query}"), json!({"metadata": {"name": "a"}})).await;
        answer.fails(422, "Invalid", message);
    }
}

#[tokio::test]
async fn answers_may_be_yaml() {
    let server = start().await;
    server.post(MAPS, json!({"metadata": {"name": "a"}, "data": {"k": "v"}})).await.ok();
    let accept = [("accept", "application/yaml")];
    let answer = server.raw("GET", &format!("{MAPS}/a"), Body::Empty, &accept).await;
    assert_eq!((answer.code, &answer.headers["content-type"]), (200, &"application/yaml".parse().unwrap()));
    assert!(answer.text().contains("data:\n  k: v\n"), "{}", answer.text());
    let missing = server.raw("GET", &format!("{MAPS}/none"), Body::Empty, &accept).await;
    assert!(missing.code == 404 && missing.text().contains("reason: NotFound"), "{}", missing.text());
    let watch = server.raw("GET", &format!("{MAPS}?watch=1"), Body::Empty, &accept).await;
    assert_eq!(watch.code, 406, "{}", watch.text());
}

#[tokio::test]
async fn patches_are_checked() {
    let server = start().await;
    server.post(MAPS, json!({"metadata": {"name": "a"}, "data": {"k": "v"}})).await.ok();
    let path = format!("{MAPS}/a");
    for (kind, body, code, reason) in [
        ("application/json-patch+json", r#"[{"op":"test","path":"/data/k","value":"x"}]"#, 422, "Invalid"),
        ("application/json-patch+json", r#"[{"op":"remove","path":"/nothing"}]"#, 422, "Invalid"),
        ("application/json-patch+json", r#"{"op":"remove"}"#, 400, "BadRequest"),
        ("application/json-patch+json", r#"[{"op":"jump","path":"/data"}]"#, 422, "Invalid"),
        ("application/merge-patch+json", "[]", 400, "BadRequest"),
        ("application/merge-patch+json", r#"{"metadata":{"name":"b"}}"#, 400, "BadRequest"),
        ("application/merge-patch+json", r#"{"metadata":{"resourceVersion":"1"}}"#, 409, "Conflict"),
        ("application/merge-patch+json", r#"{"metadata":{"uid":"x"}}"#, 422, "Invalid"),
        ("application/merge-patch+json", r#"{"kind":"Secret"}"#, 422, "Invalid"),
        ("application/apply-patch+yaml", "{}", 422, "Invalid"),
        ("application/json", "{}", 415, "UnsupportedMediaType"),
    ] {
        let answer = server.raw("PATCH", &path, body.as_bytes().to_vec(), &[("content-type", kind)]).await;
        let (got, got_reason, message) = answer.status();
        assert_eq!((got, got_reason.as_str()), (code, reason), "{kind} {body}: {message}");
    }
    let strategic = [("content-type", "application/strategic-merge-patch+json")];
    let patched = server.raw("PATCH", &path, br#"{"data":{"l":"w"}}"#.to_vec(), &strategic).await.ok();
    assert_eq!(patched["data"], json!({"k": "v", "l": "w"}));
    server.raw("PATCH", &format!("{WIDGETS}/x"), b"{}".to_vec(), &strategic).await.fails(
        415,
        "UnsupportedMediaType",
        "accepted media types include: application/json-patch+json",
    );
    server.merge(&format!("{MAPS}/missing"), json!({})).await.fails(
        404,
        "NotFound",
        "configmaps \"missing\" not found",
    );
    let patched =
        server.json_patch(&path, json!([{"op": "add", "path": "/data/m", "value": "x"}])).await.ok();
    assert_eq!(patched["data"]["m"], "x");
}

#[tokio::test]
async fn a_head_has_no_body() {
    let server = start().await;
    let answer = server.raw("HEAD", "/api/v1/namespaces/default", Body::Empty, &[]).await;
    assert_eq!((answer.code, answer.body.len()), (200, 0));
}

#[tokio::test]
async fn protobuf_bodies_are_read() {
    let server = start().await;
    let field = |number: u8, payload: &[u8]| [&[number << 3 | 2, payload.len() as u8], payload].concat();
    let body = |kind: &str, object: &[u8]| {
        let names = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), field(1, &names), field(2, object)].concat()
    };
    let headers = [
        ("content-type", "application/vnd.kubernetes.protobuf"),
        ("accept", "application/vnd.kubernetes.protobuf,application/json"),
    ];
    let metadata = field(1, &[field(1, b"pb"), field(8, b"")].concat());
    let data = field(2, &[field(1, b"k"), field(2, b"v")].concat());
    let made = server.raw("POST", MAPS, body("ConfigMap", &[metadata, data].concat()), &headers).await.ok();
    assert_eq!((&made["metadata"]["name"], &made["data"]), (&json!("pb"), &json!({"k": "v"})));
    server.raw("POST", MAPS, body("Secret", b""), &headers).await.fails(
        400,
        "BadRequest",
        "does not match the expected kind",
    );
    server.raw("POST", MAPS, body("Gizmo", b""), &headers).await.fails(
        415,
        "UnsupportedMediaType",
        "core.Gizmo is not read as protobuf",
    );
    let options = body("DeleteOptions", &field(4, b"Background"));
    server.raw("DELETE", &format!("{MAPS}/pb"), options, &headers).await.ok();
}
