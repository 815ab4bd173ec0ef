//! The management API beside a kube-apiserver with a durable etcd, on the same machine, turn by turn.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use grange_testing_kubernetes::{Cluster, Options};
use http::Method;
use serde_json::json;

use super::{
    kubernetes::{NOT_BUILT, kubeconfig},
    load::{self, Load, Target, Until},
    report::{self, Row},
};
use crate::{Api, Kubeconfig, Server, free_port};

/// How many clients at once.
const CLIENTS: usize = 16;
/// How long one side is measured at a time.
const TURN: Duration = Duration::from_secs(3);
/// How many turns each side has.
const TURNS: usize = 3;
/// How many objects are listed.
const LISTED: u64 = 20_000;
/// How often they are.
const LISTS: usize = 5;
/// What each object holds beside its metadata.
pub const OBJECT_BYTES: usize = 1024;
const NAMESPACE: &str = "bench";
const LISTED_NAMESPACE: &str = "listed";

/// One of the two API servers.
struct Side {
    target: Target,
    creates: Load,
    created: u64,
    gets: Load,
    list_ms: Vec<f64>,
    list_bytes: u64,
}

/// The rows `creates`, `GETs`, `list`.
pub async fn run() -> Result<Vec<Row>> {
    let rows = [
        ("durable creates, 16 clients, management API : kube-apiserver + etcd", "≥ 4×"),
        ("GETs, 16 connections, management API : kube-apiserver + etcd", "≥ 6×"),
        ("list of 20,000 ConfigMaps of 1 KiB, management API : kube-apiserver + etcd", "≥ 3×"),
    ];
    let Some(options) = Options::from_environment() else {
        return Ok(rows.map(|(what, bar)| Row::not_measured(what, bar, NOT_BUILT.into())).into());
    };
    let cluster = Cluster::start(options.durable().without_controller_manager()).await?;
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    let mut ours = Side::new(&Kubeconfig::read(&server.kubeconfig)?).await?;
    let mut theirs = Side::new(&kubeconfig(&cluster)).await?;

    for _ in 0..TURNS {
        ours.create(Until::Elapsed(TURN)).await?;
        theirs.create(Until::Elapsed(TURN)).await?;
    }
    for side in [&ours, &theirs] {
        let until = Until::Count(LISTED);
        create_config_maps(&side.target, LISTED_NAMESPACE, 0, OBJECT_BYTES, CLIENTS, until).await?;
    }
    for _ in 0..TURNS {
        ours.get().await?;
        theirs.get().await?;
    }
    for _ in 0..LISTS {
        ours.list().await?;
        theirs.list().await?;
    }

    let times = [
        (ours.creates.per_second() / theirs.creates.per_second(), 4.0),
        (ours.gets.per_second() / theirs.gets.per_second(), 6.0),
        (report::median(&theirs.list_ms) / report::median(&ours.list_ms), 3.0),
    ];
    let raw = [
        loads(ours.creates.clone(), theirs.creates.clone()),
        loads(ours.gets.clone(), theirs.gets.clone()),
        format!(
            "median {:.0} ms ({} bytes) against {:.0} ms ({} bytes)",
            report::median(&ours.list_ms),
            ours.list_bytes,
            report::median(&theirs.list_ms),
            theirs.list_bytes,
        ),
    ];
    let rows = rows.into_iter().zip(times).zip(raw).map(|(((what, bar), (times, least)), raw)| {
        Row::new(what, bar, format!("{times:.1}×"), times >= least).raw(raw)
    });
    Ok(rows.collect())
}

fn loads(mut ours: Load, mut theirs: Load) -> String {
    format!(
        "{:.0}/s (p50 {:.2} ms, p99 {:.2} ms) against {:.0}/s (p50 {:.2} ms, p99 {:.2} ms)",
        ours.per_second(),
        ours.latency_ms(0.5),
        ours.latency_ms(0.99),
        theirs.per_second(),
        theirs.latency_ms(0.5),
        theirs.latency_ms(0.99),
    )
}

impl Side {
    async fn new(kubeconfig: &Kubeconfig) -> Result<Self> {
        let api = Api::new(kubeconfig)?;
        for name in [NAMESPACE, LISTED_NAMESPACE] {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            api.create("/api/v1/namespaces", &namespace).await?;
        }
        Ok(Side {
            target: Target::new(kubeconfig)?,
            creates: Load::default(),
            created: 0,
            gets: Load::default(),
            list_ms: Vec::new(),
            list_bytes: 0,
        })
    }

    async fn create(&mut self, until: Until) -> Result<()> {
        let load =
            create_config_maps(&self.target, NAMESPACE, self.created, OBJECT_BYTES, CLIENTS, until).await?;
        self.created += load.requests;
        self.creates.add(load);
        Ok(())
    }

    async fn get(&mut self) -> Result<()> {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/{}", name(0));
        self.gets.add(load::gets(&self.target, &path, CLIENTS, TURN).await?);
        Ok(())
    }

    async fn list(&mut self) -> Result<()> {
        let mut connection = self.target.connect().await?;
        let request = self.target.get(&format!("/api/v1/namespaces/{LISTED_NAMESPACE}/configmaps"))?;
        let started = Instant::now();
        self.list_bytes = connection.expect_success(request).await?;
        self.list_ms.push(started.elapsed().as_secs_f64() * 1000.0);
        Ok(())
    }
}

/// Creates ConfigMaps that hold `bytes` of text, numbered from `first`.
pub async fn create_config_maps(
    target: &Target,
    namespace: &str,
    first: u64,
    bytes: usize,
    clients: usize,
    until: Until,
) -> Result<Load> {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let maker = target.clone();
    load::run(target, clients, until, move |number| {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name(first + number), "labels": {"app": "bench"}},
            "data": {"text": "x".repeat(bytes)},
        });
        maker.request(Method::POST, &path, Bytes::from(object.to_string()))
    })
    .await
}

fn name(number: u64) -> String {
    format!("object-{number:08}")
}
