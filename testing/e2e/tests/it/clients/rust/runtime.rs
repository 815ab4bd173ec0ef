//! Watchers, a reflector's store, and a controller with a finalizer and an owned object.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use grange_harness::wait;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, PartialObjectMeta, Patch, PatchParams, PostParams},
    runtime::{
        Controller, WatchStreamExt,
        controller::Action,
        finalizer::{self, finalizer},
        reflector, watcher,
    },
};
use serde_json::json;
use tokio::task::JoinHandle;

use super::{LIMIT, Loom, MANAGER, NAMESPACE, Target, loom};

const FINALIZER: &str = "weaving.example/cut-from-loom";

/// Everything that watches.
pub(super) async fn all(target: &mut Target, client: &Client) -> Result<()> {
    for configuration in [
        watcher::Config::default().page_size(2),
        watcher::Config::default().any_semantic(),
        watcher::Config::default().streaming_lists(),
    ] {
        a_store_follows(client, configuration.clone()).await.with_context(|| format!("{configuration:?}"))?;
    }
    metadata_is_watched(client).await.context("metadata")?;
    a_controller_works_through_a_restart(target, client).await.context("a controller")
}

/// A store and the task that feeds it.
fn store(client: &Client, configuration: watcher::Config) -> (reflector::Store<Loom>, JoinHandle<()>) {
    let (reader, writer) = reflector::store();
    let events = watcher(Api::<Loom>::namespaced(client.clone(), NAMESPACE), configuration).default_backoff();
    let feeding = reflector(writer, events).for_each(async |_| {});
    (reader, tokio::spawn(feeding))
}

fn patterns(store: &reflector::Store<Loom>) -> BTreeMap<String, String> {
    store.state().iter().map(|loom| (loom.name_any(), loom.spec.pattern.clone())).collect()
}

async fn shows(store: &reflector::Store<Loom>, expected: &[(&str, &str)]) -> Result<()> {
    let expected: BTreeMap<String, String> =
        expected.iter().map(|(name, pattern)| ((*name).to_owned(), (*pattern).to_owned())).collect();
    wait::until("the store to follow", LIMIT, async || {
        let seen = patterns(store);
        anyhow::ensure!(seen == expected, "{seen:?} instead of {expected:?}");
        Ok(Some(()))
    })
    .await
}

async fn a_store_follows(client: &Client, configuration: watcher::Config) -> Result<()> {
    let looms: Api<Loom> = Api::namespaced(client.clone(), NAMESPACE);
    for name in ["a", "b", "c"] {
        looms.create(&PostParams::default(), &loom(name, "plain", 1)).await?;
    }
    let (store, feeding) = store(client, configuration);
    tokio::time::timeout(LIMIT, store.wait_until_ready()).await.context("the store does not fill")??;
    assert_eq!(store.len(), 3, "ready before it is full");
    looms.create(&PostParams::default(), &loom("d", "twill", 1)).await?;
    looms.patch("a", &PatchParams::default(), &Patch::Merge(json!({"spec": {"pattern": "satin"}}))).await?;
    looms.delete("b", &DeleteParams::default()).await?;
    shows(&store, &[("a", "satin"), ("c", "plain"), ("d", "twill")]).await?;
    for name in ["a", "c", "d"] {
        looms.delete(name, &DeleteParams::default()).await?;
    }
    shows(&store, &[]).await?;
    feeding.abort();
    Ok(())
}

async fn metadata_is_watched(client: &Client) -> Result<()> {
    let looms: Api<Loom> = Api::namespaced(client.clone(), NAMESPACE);
    looms.create(&PostParams::default(), &loom("labelled", "plain", 1)).await?;
    let metadata: Api<PartialObjectMeta<Loom>> = Api::namespaced(client.clone(), NAMESPACE);
    let mut names = watcher(metadata, watcher::Config::default().labels("shown=yes"))
        .default_backoff()
        .touched_objects()
        .boxed();
    // By the label it comes into the watch, without it it leaves.
    for label in [json!("yes"), json!(null)] {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"shown": label}}}));
        looms.patch_metadata("labelled", &PatchParams::default(), &patch).await?;
        let event = tokio::time::timeout(LIMIT, names.try_next()).await.context("no event")??;
        assert_eq!(event.context("the watch ended")?.name_any(), "labelled");
    }
    looms.delete("labelled", &DeleteParams::default()).await?;
    Ok(())
}

/// What the controller below shares among its reconciliations.
struct Workshop {
    client: Client,
    cut: AtomicUsize,
}

async fn reconcile(
    loom: Arc<Loom>,
    workshop: Arc<Workshop>,
) -> Result<Action, finalizer::Error<kube::Error>> {
    let looms: Api<Loom> = Api::namespaced(workshop.client.clone(), NAMESPACE);
    finalizer(&looms, FINALIZER, loom, async |event| match event {
        finalizer::Event::Apply(loom) => weave(&looms, &loom, &workshop.client).await,
        finalizer::Event::Cleanup(_) => {
            workshop.cut.fetch_add(1, Ordering::Relaxed);
            Ok(Action::await_change())
        }
    })
    .await
}

/// Applies the owned ConfigMap and tells what was done in the status.
async fn weave(looms: &Api<Loom>, loom: &Loom, client: &Client) -> kube::Result<Action> {
    let name = loom.name_any();
    let cloth = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": format!("cloth-of-{name}"), "ownerReferences": [loom.controller_owner_ref(&())]},
        "data": {"pattern": loom.spec.pattern},
    });
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    maps.patch(&format!("cloth-of-{name}"), &PatchParams::apply(MANAGER).force(), &Patch::Apply(cloth))
        .await?;
    let status = json!({
        "apiVersion": "weaving.example/v1", "kind": "Loom", "metadata": {"name": name}, "status": {"woven": loom.spec.threads},
    });
    looms.patch_status(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(status)).await?;
    Ok(Action::await_change())
}

async fn a_controller_works_through_a_restart(target: &mut Target, client: &Client) -> Result<()> {
    let looms: Api<Loom> = Api::namespaced(client.clone(), NAMESPACE);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let workshop = Arc::new(Workshop { client: client.clone(), cut: AtomicUsize::new(0) });
    let controller = Controller::new(looms.clone(), watcher::Config::default())
        .owns(maps.clone(), watcher::Config::default())
        .run(reconcile, |_, _, _| Action::requeue(std::time::Duration::from_millis(100)), workshop.clone());
    let running = tokio::spawn(controller.for_each(async |_| {}));

    looms.create(&PostParams::default(), &loom("great", "twill", 3)).await?;
    woven(&looms, &maps, "great", "twill", 3).await?;
    // Somebody else's change of what it owns is put right.
    maps.patch(
        "cloth-of-great",
        &PatchParams::default(),
        &Patch::Merge(json!({"data": {"pattern": "torn"}})),
    )
    .await?;
    woven(&looms, &maps, "great", "twill", 3).await?;

    target.restart().await?;
    looms
        .patch(
            "great",
            &PatchParams::default(),
            &Patch::Merge(json!({"spec": {"threads": 5, "pattern": "plain"}})),
        )
        .await?;
    woven(&looms, &maps, "great", "plain", 5).await?;
    looms.create(&PostParams::default(), &loom("small", "satin", 1)).await?;
    woven(&looms, &maps, "small", "satin", 1).await?;

    looms.delete("great", &DeleteParams::default()).await?;
    wait::until("the finalizer to be lifted and the cloth to be collected", LIMIT, async || {
        let gone = looms.get_opt("great").await?.is_none() && maps.get_opt("cloth-of-great").await?.is_none();
        Ok(gone.then_some(()))
    })
    .await?;
    assert!(workshop.cut.load(Ordering::Relaxed) >= 1, "deleted without its clean-up");
    assert!(looms.get_opt("small").await?.is_some());
    running.abort();
    Ok(())
}

/// Waits until the controller has done its work on a loom.
async fn woven(
    looms: &Api<Loom>,
    maps: &Api<ConfigMap>,
    name: &str,
    pattern: &str,
    threads: i32,
) -> Result<()> {
    wait::until("the controller's work", LIMIT, async || {
        let loom = looms.get(name).await?;
        let map = maps.get(&format!("cloth-of-{name}")).await?;
        let data = map.data.unwrap_or_default();
        let done = loom.status.is_some_and(|status| status.woven == threads)
            && data.get("pattern").is_some_and(|cloth| cloth == pattern)
            && loom.metadata.finalizers.is_some_and(|all| all.contains(&FINALIZER.to_owned()));
        Ok(done.then_some(()))
    })
    .await
}
