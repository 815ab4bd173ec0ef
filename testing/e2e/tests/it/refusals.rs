//! Wrong input gets a clear error that names the thing at fault, and nothing is half done.

use anyhow::{Context, Result};
use grange_harness::{Kubeconfig, Server, free_port, import, inventory, tls};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// A call that must be refused: what it is, its body with type, the code, and what the message must name.
struct Refused {
    what: &'static str,
    method: Method,
    path: String,
    kind: &'static str,
    body: String,
    code: u16,
    names: &'static str,
}

/// A refused POST of a Cluster.
fn cluster(
    what: &'static str,
    kind: &'static str,
    body: impl Into<String>,
    code: u16,
    names: &'static str,
) -> Refused {
    Refused {
        what,
        method: Method::POST,
        path: import::CLUSTERS.to_owned(),
        kind,
        body: body.into(),
        code,
        names,
    }
}

fn cluster_named(metadata: Value, spec: Value) -> String {
    json!({"apiVersion": "provisioning.cattle.io/v1", "kind": "Cluster", "metadata": metadata, "spec": spec})
        .to_string()
}

/// Nine aliases of nine aliases of …
fn yaml_bomb() -> String {
    let levels = ('b'..'k').map(|level| {
        let before = char::from(level as u8 - 1);
        format!("{level}: &{level} [{}]\n", vec![format!("*{before}"); 9].join(","))
    });
    format!("a: &a [x,x,x,x,x,x,x,x,x]\n{}", levels.collect::<String>())
}

fn bodies() -> Vec<Refused> {
    let fine = || cluster_named(json!({"name": "a"}), json!({}));
    let named = |metadata: Value| cluster_named(metadata, json!({}));
    let mut cases = vec![
        cluster("not JSON", JSON, "{", 400, "cannot be read"),
        cluster("nothing", JSON, "", 400, "cannot be read"),
        cluster("a list", JSON, "[]", 400, "not an object"),
        cluster("a number", JSON, "5", 400, "not an object"),
        cluster("more than one", JSON, fine().repeat(2), 400, "cannot be read"),
        cluster("bottomless JSON", JSON, "[".repeat(100_000), 400, "cannot be read"),
        cluster("broken characters", JSON, "{\"kind\": \"\\ud800\"}", 400, "cannot be read"),
        cluster("broken YAML", YAML, "a: [", 400, "cannot be read"),
        cluster("bottomless YAML", YAML, "[".repeat(100_000), 400, "cannot be read"),
        cluster("a YAML bomb", YAML, yaml_bomb(), 400, "cannot be read"),
        cluster("two YAML documents", YAML, "a: 1\n---\nb: 2\n", 400, "cannot be read"),
        cluster("an unknown YAML alias", YAML, "a: *b\n", 400, "cannot be read"),
        cluster("oversized", JSON, format!("{{\"a\":\"{}\"}}", "x".repeat(4 << 20)), 413, "3145728"),
        cluster("oversized YAML", YAML, format!("a: {}", "x".repeat(4 << 20)), 413, "3145728"),
        cluster("a table", "text/csv", "a,b", 415, JSON),
        cluster("a form", "application/x-www-form-urlencoded", "a=b", 415, JSON),
        cluster("no type that is one", "json", fine(), 415, JSON),
        cluster("protobuf that is none", "application/vnd.kubernetes.protobuf", fine(), 400, "protobuf"),
        cluster("another kind", JSON, json!({"apiVersion": "v1", "kind": "Secret"}).to_string(), 400, "kind"),
        cluster(
            "a wrong type",
            JSON,
            cluster_named(json!({"name": "a"}), json!({"agentEnvVars": 5})),
            422,
            "spec.agentEnvVars",
        ),
        cluster("a name of another type", JSON, named(json!({"name": 5})), 400, "metadata.name"),
        cluster("upper case", JSON, named(json!({"name": "Upper_Case"})), 422, "metadata.name"),
        cluster("a name that is a path", JSON, named(json!({"name": "../etc"})), 422, "metadata.name"),
        cluster("an endless name", JSON, named(json!({"name": "a".repeat(254)})), 422, "metadata.name"),
        cluster("no name", JSON, named(json!({})), 422, "name or generateName is required"),
        cluster(
            "a label with a space",
            JSON,
            named(json!({"name": "a", "labels": {"a b": "c"}})),
            422,
            "metadata.labels",
        ),
        cluster(
            "an endless label",
            JSON,
            named(json!({"name": "a", "labels": {"a": "b".repeat(64)}})),
            422,
            "metadata.labels",
        ),
        cluster(
            "a label that is a number",
            JSON,
            named(json!({"name": "a", "labels": {"a": 1}})),
            400,
            "metadata.labels",
        ),
        cluster(
            "annotations without end",
            JSON,
            named(json!({"name": "a", "annotations": {"a": "x".repeat(300 << 10)}})),
            422,
            "metadata.annotations",
        ),
        cluster(
            "a finalizer without domain",
            JSON,
            named(json!({"name": "a", "finalizers": ["x y"]})),
            422,
            "metadata.finalizers",
        ),
        cluster(
            "an owner without uid",
            JSON,
            named(json!({"name": "a", "ownerReferences": [{"kind": "A", "name": "b", "apiVersion": "v1"}]})),
            422,
            "metadata.ownerReferences",
        ),
        cluster(
            "another namespace",
            JSON,
            named(json!({"name": "a", "namespace": "elsewhere"})),
            400,
            "namespace",
        ),
        cluster(
            "a version of its own",
            JSON,
            named(json!({"name": "a", "resourceVersion": "5"})),
            500,
            "resourceVersion",
        ),
    ];
    let strict = format!("{}?fieldValidation=Strict", import::CLUSTERS);
    let unknown = cluster_named(json!({"name": "a"}), json!({"agentEnvVar": []}));
    let twice = fine().replace("\"spec\":{}", "\"spec\":{},\"spec\":{}");
    for (what, body, names) in [
        ("an unknown field", unknown, "unknown field \\\"spec.agentEnvVar\\\""),
        ("a field twice", twice, "duplicate field \\\"spec\\\""),
    ] {
        cases.push(Refused { path: strict.clone(), ..cluster(what, JSON, body, 400, names) });
    }
    cases
}

#[tokio::test]
async fn every_refused_body_is_a_status_that_names_the_fault() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let before = inventory(&server.api).await?;
    for case in bodies() {
        refused(&server, case).await?;
    }
    assert_eq!(before, inventory(&server.api).await?, "a refused call must leave nothing");
    Ok(())
}

async fn refused(server: &Server, case: Refused) -> Result<()> {
    let Refused { what, method, path, kind, body, code, names } = case;
    let request = server.api.request(method, &path).header("content-type", kind).body(body);
    let answer = server.api.send(request).await.with_context(|| what.to_owned())?;
    assert_eq!(answer.code, code, "{what}: {}", answer.text);
    let status = answer.json();
    assert_eq!(
        (&status["kind"], &status["code"]),
        (&json!("Status"), &json!(code)),
        "{what}: {}",
        answer.text
    );
    assert!(answer.text.contains(names), "{what} does not name {names}: {}", answer.text);
    assert!(answer.text.len() < 4096, "{what}: an error is no echo: {} bytes", answer.text.len());
    Ok(())
}

#[tokio::test]
async fn versions_that_cannot_be_are_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}});
    let first = server.api.create(MAPS, &map).await?;
    let path = format!("{MAPS}/a");
    let second = server.api.merge_patch(&path, &json!({"data": {"k": "2"}})).await?;
    let version =
        |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let (old, new) = (version(&first), version(&second));

    let stale = || {
        let mut stale = first.clone();
        stale["data"]["k"] = json!("3");
        stale
    };
    let merge = "application/merge-patch+json";
    let old_in_patch = json!({"metadata": {"resourceVersion": old}, "data": {"k": "3"}}).to_string();
    let case = |what, method, path: &str, kind, body: String, code, names| Refused {
        what,
        method,
        path: path.to_owned(),
        kind,
        body,
        code,
        names,
    };
    let precondition = json!({"preconditions": {"resourceVersion": old}}).to_string();
    let mut nonsense = stale();
    nonsense["metadata"]["resourceVersion"] = json!("yesterday");
    for refusal in [
        case("a stale PUT", Method::PUT, &path, JSON, stale().to_string(), 409, "has been modified"),
        case(
            "a version that is none",
            Method::PUT,
            &path,
            JSON,
            nonsense.to_string(),
            500,
            "no resource version",
        ),
        case("a stale PATCH", Method::PATCH, &path, merge, old_in_patch, 409, "has been modified"),
        case("a stale DELETE", Method::DELETE, &path, JSON, precondition, 409, "recondition"),
        case(
            "a list of the future",
            Method::GET,
            &format!("{MAPS}?resourceVersion=99999999"),
            JSON,
            String::new(),
            504,
            "Too large resource version",
        ),
        case(
            "a list of no time",
            Method::GET,
            &format!("{MAPS}?resourceVersion=soon"),
            JSON,
            String::new(),
            400,
            "resourceVersion",
        ),
        case(
            "a watch of no time",
            Method::GET,
            &format!("{MAPS}?watch=1&resourceVersion=-1"),
            JSON,
            String::new(),
            500,
            "resourceVersion",
        ),
        case(
            "a continuation of nothing",
            Method::GET,
            &format!("{MAPS}?limit=1&continue=abc"),
            JSON,
            String::new(),
            400,
            "continue",
        ),
    ] {
        refused(&server, refusal).await?;
    }
    assert_eq!(server.api.get(&path).await?["data"]["k"], "2", "nothing of it was written");

    let expired = async |from: &str| {
        let mut watch = server.api.lines(&format!("{MAPS}?watch=1&resourceVersion={from}")).await?;
        let event = watch.next().await?.context("an event")?;
        anyhow::Ok((event["type"].clone(), event["object"]["code"].clone()))
    };
    assert_eq!(expired("99999999").await?, (json!("ERROR"), json!(410)), "a watch of the future");
    // So much is written that the history of the first write is forgotten.
    let big = "x".repeat(900 << 10);
    for round in 0..100 {
        let patch = json!({"data": {"big": format!("{round}{big}")}});
        server.api.merge_patch(&path, &patch).await?;
    }
    assert_eq!(expired(&new).await?, (json!("ERROR"), json!(410)), "a watch of the forgotten past");
    Ok(())
}

#[tokio::test]
async fn path_tricks_are_refused_as_they_are_written() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let kubeconfig = Kubeconfig::read(&server.kubeconfig)?;
    let cluster = import::create(&server.api, "paddock").await?;
    for path in [
        "//api/v1/secrets",
        "/api//v1/secrets",
        "/api/v1/namespaces/default/configmaps/../secrets",
        "/api/v1/namespaces/default/configmaps/./a",
        "/api/v1/namespaces/%2e%2e/secrets",
        "/api/v1/namespaces/default%2fsecrets",
        "/api/v1/namespaces/default/configmaps/a%00",
        "/api/v1/namespaces/default/configmaps/a%0d%0ax:y",
        "/api/v1/namespaces/default/configmaps/%252e%252e",
        "/api/v1/namespaces/default/configmaps/a\\b",
        "/k8s/clusters/CLUSTER/../../api/v1/secrets",
        "/k8s/clusters/CLUSTER/%2e%2e/%2e%2e/api/v1/secrets",
        "/k8s/clusters/CLUSTER%2f..%2flocal/api",
        "/k8s/clusters/../clusters/CLUSTER/api",
        "/k8s/clusters//api",
        "/v3/import/../clusters",
        "/v3/clusters/%2e%2e/users",
    ] {
        let path = path.replace("CLUSTER", &cluster.id);
        let (code, body) = raw_get(&kubeconfig, &path).await?;
        assert!((400..500).contains(&code), "{path}: {code} {body}");
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        let is_error = answer["kind"] == "Status" || answer["type"] == "error" || path.contains("/import/");
        assert!(is_error, "{path}: {body}");
    }
    Ok(())
}

/// A GET with its path exactly as written, which HTTP libraries would tidy.
async fn raw_get(at: &Kubeconfig, path: &str) -> Result<(u16, String)> {
    let mut stream = tls::connect_to(at).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: grange\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        at.token
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // Some peers end TLS without a farewell.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let code = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((code, body.to_owned()))
}
