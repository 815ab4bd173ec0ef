//! `grange store copy`: everything from one engine to another, while no server runs.
//!
//! Revisions are given out anew, above all that the source ever gave out, and the target's history begins where the copy
//! ends: whatever a client knows from before is old, and what it reads is newer.
use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use grange_store::{Entry, ListRequest, Precondition, Revision, Store, StoreError};

use crate::{arguments::StoreCopy, exit::Refusal, server, store::Place};

/// Keys read at a time.
const PAGE: usize = 500;
/// Writes under way at a time: each waits for the disk, and an engine takes many in one go.
const WRITES: usize = 64;
/// The Lease by which servers on one etcd settle who leads. A server that stopped has given it back.
const LEASE_KEY: &str = "/registry/coordination.k8s.io/leases/kube-system/grange-controllers";
/// A lease that does not change for so long belongs to nobody who lives.
const LEASE_WATCH: Duration = Duration::from_secs(17);

pub(crate) async fn run(arguments: StoreCopy) -> anyhow::Result<ExitCode> {
    let from = Place::parse("--from", &arguments.from, &arguments.etcd)?;
    let to = Place::parse("--to", &arguments.to, &arguments.etcd)?;
    if arguments.from == arguments.to {
        return Err(Refusal::usage("--from and --to are the same place"));
    }
    if !from.exists() {
        return Err(Refusal::usage(format!("--from: there is no grange.db in {}", from.data_dir.display())));
    }
    if !to.engine.is_shared() {
        server::prepare(&to.data_dir)?;
    }
    let source = from.engine.open(&from.data_dir).await.context("--from")?;
    refuse_if_in_use(&*source).await.context("--from")?;
    let origin = source.revision().await.context("--from")?;
    let target = to.engine.open_at(&to.data_dir, origin).await.context("--to")?;
    let copied = copy(&*source, &*target).await?;
    eprintln!(
        "copied {} keys, {} bytes, from revision {} to revision {}",
        copied.keys, copied.bytes, copied.from, copied.to
    );
    eprintln!("hint: start the server with --store on the target; the source is as it was");
    Ok(ExitCode::SUCCESS)
}

/// What was copied.
#[derive(Debug, PartialEq)]
struct Copied {
    keys: u64,
    bytes: u64,
    from: Revision,
    to: Revision,
}

/// Copies everything into an empty store.
async fn copy(source: &dyn Store, target: &dyn Store) -> anyhow::Result<Copied> {
    let there = target.list(ListRequest { limit: 1, ..ListRequest::default() }).await.context("--to")?;
    ensure!(there.entries.is_empty(), "--to: it is not empty; a copy goes into an empty store only");
    let from = source.revision().await.context("--from")?;
    let (mut keys, mut bytes) = (0_u64, 0_u64);
    let mut after: Option<String> = None;
    loop {
        let request = ListRequest {
            start_after: after.as_deref(),
            limit: PAGE,
            revision: Some(from),
            ..ListRequest::default()
        };
        let page = source.list(request).await.context("--from")?;
        after = page.entries.last().map(|entry| entry.key.to_string());
        keys += page.entries.len() as u64;
        bytes += page.entries.iter().map(|entry| entry.value.len() as u64).sum::<u64>();
        stream::iter(page.entries)
            .map(|entry| write(target, entry))
            .buffer_unordered(WRITES)
            .try_collect::<()>()
            .await?;
        if page.remaining == 0 {
            break;
        }
    }
    let meanwhile = source.revision().await.context("--from")?;
    if has_events(source, from, meanwhile).await? {
        bail!(
            "--from: it was written to while it was copied: a server runs on it; empty the target and try again"
        );
    }
    let to = target.revision().await.context("--to")?;
    ensure!(to >= from, "--to: it is at revision {to}, below the source's {from}");
    // Nobody may go on from a revision of the source as if it were one of the target.
    target.compact(to).await.context("--to")?;
    Ok(Copied { keys, bytes, from, to })
}

async fn write(target: &dyn Store, entry: Entry) -> anyhow::Result<()> {
    let written = target.put(&entry.key, entry.value, Precondition::Absent).await;
    written.map(|_| ()).with_context(|| {
        format!("--to: writing {}; the target is incomplete: empty it and try again", entry.key)
    })
}

/// Whether anything was written after `from`, up to `until`.
async fn has_events(source: &dyn Store, from: Revision, until: Revision) -> anyhow::Result<bool> {
    let mut cursor = from;
    let mut watch = source.watch("", from).await.context("--from")?;
    while cursor < until {
        let batch = watch.next().await.context("--from")?;
        if !batch.events.is_empty() {
            return Ok(true);
        }
        cursor = batch.revision;
    }
    Ok(false)
}

/// An embedded store is locked by its server. Of a shared one, a server that leads renews a lease.
async fn refuse_if_in_use(source: &dyn Store) -> anyhow::Result<()> {
    let Some(entry) = source.get(LEASE_KEY).await? else { return Ok(()) };
    let lease: serde_json::Value = serde_json::from_slice(&entry.value).unwrap_or_default();
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
    if holder.is_empty() {
        return Ok(());
    }
    eprintln!("{holder} was the last to run controllers on it; looking whether it still does …");
    let mut watch = source.watch(LEASE_KEY, entry.mod_revision).await?;
    let renewed = async {
        while watch.next().await?.events.is_empty() {}
        Ok::<(), StoreError>(())
    };
    match tokio::time::timeout(LEASE_WATCH, renewed).await {
        Ok(renewed) => {
            renewed?;
            bail!("the server {holder} runs on it; stop all servers first")
        }
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use grange_store::memory::MemoryStore;

    use super::*;

    async fn filled(count: usize) -> MemoryStore {
        let store = MemoryStore::default();
        for number in 0..count {
            let value = Bytes::from(format!("value {number}"));
            store.put(&format!("/registry/{number:05}"), value, Precondition::None).await.expect("put");
        }
        store
    }

    #[tokio::test]
    async fn everything_is_copied_and_old_revisions_are_gone() {
        let source = filled(1_203).await;
        let target = MemoryStore::default();
        let copied = copy(&source, &target).await.expect("copied");
        assert_eq!((copied.keys, copied.from), (1_203, Revision(1_203)));
        let all = |page: grange_store::ListPage| {
            page.entries.into_iter().map(|entry| (entry.key, entry.value)).collect::<Vec<_>>()
        };
        let expected = all(source.list(ListRequest::default()).await.expect("list"));
        assert_eq!(all(target.list(ListRequest::default()).await.expect("list")), expected);
        let gone = target.watch("", Revision(1_000)).await.err();
        assert!(matches!(gone, Some(StoreError::Compacted { .. })), "{gone:?}");
    }

    #[tokio::test]
    async fn a_target_that_holds_something_or_is_behind_is_refused() {
        let error = copy(&filled(3).await, &filled(1).await).await.expect_err("refused").to_string();
        assert!(error.contains("not empty"), "{error}");
        let source = filled(3).await;
        source.delete("/registry/00000", Precondition::None).await.expect("delete");
        // Without an origin, a memory store would give out revisions that the source gave out before.
        let error = copy(&source, &MemoryStore::default()).await.expect_err("refused").to_string();
        assert!(error.contains("below the source's"), "{error}");
    }

    #[tokio::test]
    async fn a_lease_that_was_given_back_is_nobodys() {
        let store = MemoryStore::default();
        let lease = Bytes::from_static(br#"{"spec":{"holderIdentity":""}}"#);
        store.put(LEASE_KEY, lease, Precondition::None).await.expect("put");
        refuse_if_in_use(&store).await.expect("free");
    }
}
