//! Server-side apply of a custom resource, and what a lot of objects costs in memory, beside a kube-apiserver with a
//! durable etcd.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use grange_testing_kubernetes::{Cluster, Options};
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};

use super::{
    kubernetes::{NOT_BUILT, kubeconfig},
    load::{self, Load, Target, Until},
    machine,
    management::create_config_maps,
    memory::settled,
    report::Row,
};
use crate::{Api, Kubeconfig, Server, free_port, wait};

/// How many clients apply at once.
const CLIENTS: usize = 16;
/// How long one side is measured at a time.
const TURN: Duration = Duration::from_secs(4);
/// How many turns each side has.
const TURNS: usize = 3;
/// How many objects are applied to, again and again.
const OBJECTS: u64 = 64;
/// How large each is, about, as JSON.
const OBJECT_BYTES: usize = 4 * 1024;
const APPLY_WHAT: &str =
    "applies of a 4 KiB custom resource, 16 clients, management API : kube-apiserver + etcd";
const APPLY_BAR: &str = "≥ 4×";

/// How many objects lie there when memory is looked at.
const STORED: u64 = 100_000;
/// What each holds beside its metadata: 1.7 KiB in all.
const STORED_BYTES: usize = 1_350;
const MEMORY_WHAT: &str =
    "resident memory with 100,000 objects of 1.7 KiB, after a list: management API : kube-apiserver + etcd";
const MEMORY_BAR: &str = "≤ 1/4";

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const COLLECTION: &str = "/apis/bench.example/v1/namespaces/default/wagons";
const NAMESPACE: &str = "stored";
/// How long a definition may take until it is served.
const LIMIT: Duration = Duration::from_secs(60);

fn no_kubernetes(what: &'static str, bar: &'static str) -> Vec<Row> {
    vec![Row::not_measured(what, bar, NOT_BUILT.into())]
}

/// A kind with a schema as controllers have them: maps, a list with keys, a status.
fn definition() -> Value {
    let text = json!({"type": "string"});
    let axle = json!({"type": "object", "required": ["name"], "properties": {
        "name": text, "load": {"type": "integer", "minimum": 0}, "note": text}});
    let spec = json!({"type": "object", "properties": {
        "text": text, "turn": {"type": "integer"}, "marks": {"type": "object", "additionalProperties": text},
        "axles": {"type": "array", "items": axle, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "wagons.bench.example"},
        "spec": {
            "group": "bench.example", "scope": "Namespaced", "names": {"plural": "wagons", "kind": "Wagon"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status":
                    {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}],
        },
    })
}

/// One of the objects; every turn changes a number in it.
fn wagon(number: u64) -> Value {
    let axles: Vec<Value> = (0..20)
        .map(|axle| json!({"name": format!("axle-{axle}"), "load": axle, "note": "x".repeat(40)}))
        .collect();
    let marks: serde_json::Map<String, Value> =
        (0..10).map(|mark| (format!("mark-{mark}"), json!("y".repeat(40)))).collect();
    let mut object = json!({
        "apiVersion": "bench.example/v1", "kind": "Wagon",
        "metadata": {"name": format!("wagon-{}", number % OBJECTS), "namespace": "default"},
        "spec": {"turn": number, "axles": axles, "marks": marks, "text": ""},
    });
    let missing = OBJECT_BYTES.saturating_sub(object.to_string().len());
    object["spec"]["text"] = json!("z".repeat(missing));
    object
}

async fn apply(target: &Target, begun: u64) -> Result<Load> {
    let maker = target.clone();
    load::run(target, CLIENTS, Until::Elapsed(TURN), move |number| {
        let object = wagon(begun + number);
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("{COLLECTION}/{name}?fieldManager=bench&force=true");
        let mut request = maker.request(Method::PATCH, &path, Bytes::from(object.to_string()))?;
        let kind = HeaderValue::from_static("application/apply-patch+yaml");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(request)
    })
    .await
}

async fn serve_wagons(api: &Api) -> Result<()> {
    api.create(DEFINITIONS, &definition()).await?;
    wait::until("the definition to be served", LIMIT, async || {
        Ok((api.try_get(COLLECTION).await?.code == 200).then_some(()))
    })
    .await
}

/// The row `applies`.
pub async fn run() -> Result<Vec<Row>> {
    let Some(options) = Options::from_environment() else { return Ok(no_kubernetes(APPLY_WHAT, APPLY_BAR)) };
    let cluster = Cluster::start(options.durable().without_controller_manager()).await?;
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let mut sides = Vec::new();
    for kubeconfig in [Kubeconfig::read(&server.kubeconfig)?, kubeconfig(&cluster)] {
        serve_wagons(&Api::new(&kubeconfig)?).await?;
        sides.push((Target::new(&kubeconfig)?, Load::default()));
    }
    let mut begun = 0;
    for _ in 0..TURNS {
        for (target, all) in &mut sides {
            let load = apply(target, begun).await?;
            begun += load.requests;
            all.add(load);
        }
    }
    let [(_, ours), (_, theirs)] = sides.as_mut_slice() else { anyhow::bail!("two sides") };
    let times = ours.per_second() / theirs.per_second();
    let side = |load: &mut Load| {
        let (middle, worst) = (load.latency_ms(0.5), load.latency_ms(0.99));
        format!("{:.0}/s (p50 {middle:.2} ms, p99 {worst:.2} ms)", load.per_second())
    };
    let raw = format!("{} against {}", side(ours), side(theirs));
    Ok(vec![Row::new(APPLY_WHAT, APPLY_BAR, format!("{times:.1}×"), times >= 4.0).raw(raw)])
}

/// The row `memory`.
pub async fn memory() -> Result<Vec<Row>> {
    let Some(options) = Options::from_environment() else {
        return Ok(no_kubernetes(MEMORY_WHAT, MEMORY_BAR));
    };
    let cluster = Cluster::start(options.durable().without_controller_manager()).await?;
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    for kubeconfig in [Kubeconfig::read(&server.kubeconfig)?, kubeconfig(&cluster)] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        Api::new(&kubeconfig)?.create("/api/v1/namespaces", &namespace).await?;
        let target = Target::new(&kubeconfig)?;
        create_config_maps(&target, NAMESPACE, 0, STORED_BYTES, CLIENTS, Until::Count(STORED)).await?;
        let mut connection = target.connect().await?;
        let list = target.get(&format!("/api/v1/namespaces/{NAMESPACE}/configmaps"))?;
        connection.expect_success(list).await.context("listing all")?;
    }
    let ours = settled(server.process.id()).await?;
    let mut theirs = machine::Memory { resident_kib: 0, anonymous_kib: 0 };
    let mut parts = Vec::new();
    for (name, process) in cluster.process_ids() {
        let memory = settled(process).await?;
        theirs.resident_kib += memory.resident_kib;
        theirs.anonymous_kib += memory.anonymous_kib;
        parts.push(format!("{name} {memory}"));
    }
    let share = ours.resident_kib as f64 / theirs.resident_kib as f64;
    let raw = format!("{ours} against {theirs} ({})", parts.join(", "));
    Ok(vec![Row::new(MEMORY_WHAT, MEMORY_BAR, format!("1/{:.1}", 1.0 / share), share <= 0.25).raw(raw)])
}
