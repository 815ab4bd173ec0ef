//! kube-rs: its client, its watchers and its controller runtime, on a kind made by its derive.

mod requests;
mod runtime;

use anyhow::{Context, Result};
use k8s_openapi::{
    api::core::v1::Namespace, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, CustomResource, CustomResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
    runtime::wait::{await_condition, conditions},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LIMIT, Target};

const MANAGER: &str = "weaver";
const NAMESPACE: &str = "weaving";

/// A kind as an author of controllers writes it.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "weaving.example",
    version = "v1",
    kind = "Loom",
    namespaced,
    shortname = "lm",
    status = "LoomStatus",
    selectable = ".spec.pattern",
    scale(spec_replicas_path = ".spec.threads", status_replicas_path = ".status.woven"),
    printcolumn(json_path = ".spec.threads", name = "Threads", type_ = "integer")
)]
struct LoomSpec {
    pattern: String,
    #[serde(default = "default_threads")]
    #[schemars(range(min = 1))]
    threads: i32,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
struct LoomStatus {
    woven: i32,
}

fn default_threads() -> i32 {
    2
}

fn loom(name: &str, pattern: &str, threads: i32) -> Loom {
    Loom::new(name, LoomSpec { pattern: pattern.to_owned(), threads })
}

#[tokio::test]
async fn the_server() -> Result<()> {
    suite(Target::server().await?).await
}

#[tokio::test]
async fn solo() -> Result<()> {
    suite(Target::solo().await?).await
}

#[tokio::test]
async fn kubernetes() -> Result<()> {
    match Target::kubernetes().await? {
        Some(target) => suite(target).await,
        None => Ok(()),
    }
}

async fn suite(mut target: Target) -> Result<()> {
    let client = target.client(&target.kubeconfig()).await?;
    prepare(&client).await.context("preparing")?;
    requests::all(&client).await?;
    runtime::all(&mut target, &client).await
}

/// The definition, applied and awaited as the documentation of kube-rs shows it, and a namespace.
async fn prepare(client: &Client) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = Loom::crd_name();
    definitions.patch(name, &PatchParams::apply(MANAGER), &Patch::Apply(Loom::crd())).await?;
    let established = await_condition(definitions, name, conditions::is_crd_established());
    tokio::time::timeout(LIMIT, established).await.context("the definition is not established")??;

    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = Namespace {
        metadata: ObjectMeta { name: Some(NAMESPACE.to_owned()), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    namespaces.create(&PostParams::default(), &namespace).await?;
    Ok(())
}
