//! Counts what namespaces hold, and writes it into the status of their quotas.
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use grange_apimachinery::{Object, quantity::Amount};
use grange_store::{Entry, ListRequest, Precondition, Revision, StoreError};
use tokio::time::Instant;

use super::{QUOTAS, Usage, add, amounts, scope, to_value, usage};
use crate::{
    controller::{Pages, keep_running},
    keys,
    limits::{MAX_CONFLICT_RETRIES, QUOTA_RESYNC},
    registry::Served,
    server::Inner,
};

/// Runs the controller.
pub(crate) async fn run(inner: &Inner) {
    keep_running("the quota controller", || follow(inner)).await;
}

/// Quotas to be looked at, by namespace.
type Due = HashMap<String, HashSet<String>>;

async fn follow(inner: &Inner) -> Result<(), StoreError> {
    let Ok(served) = inner.builtin("", QUOTAS) else { return Ok(()) };
    let (revision, due) = all(inner, &served).await?;
    sync_all(inner, &served, due).await?;
    let mut watch = inner.store.watch(keys::ROOT, revision).await?;
    let mut resync = tokio::time::interval_at(Instant::now() + QUOTA_RESYNC, QUOTA_RESYNC);
    loop {
        let mut due = Due::new();
        tokio::select! {
            batch = watch.next() => {
                for event in &batch?.events {
                    note(inner, &served, &event.entry, event.deleted, &mut due);
                }
            }
            // What was charged for a write that then failed shows here at last.
            _ = resync.tick() => due = all(inner, &served).await?.1,
        }
        sync_all(inner, &served, due).await?;
    }
}

async fn sync_all(inner: &Inner, served: &Arc<Served>, due: Due) -> Result<(), StoreError> {
    for (namespace, names) in due {
        for name in names {
            sync(inner, served, &namespace, &name).await?;
        }
    }
    Ok(())
}

/// Every quota there is.
async fn all(inner: &Inner, served: &Served) -> Result<(Revision, Due), StoreError> {
    let request = ListRequest { prefix: &served.prefix, ..ListRequest::default() };
    let page = inner.store.list(request).await?;
    let mut due = Due::new();
    for entry in &page.entries {
        if let Some((_, _, object)) = keys::parse_key(&entry.key) {
            let (namespace, name) = keys::split_object(object);
            due.entry(namespace.to_owned()).or_default().insert(name.to_owned());
        }
    }
    Ok((page.revision, due))
}

/// Which quotas an event is a reason to look at.
fn note(inner: &Inner, served: &Served, entry: &Entry, deleted: bool, due: &mut Due) {
    let Some((group, plural, object_key)) = keys::parse_key(&entry.key) else { return };
    let (namespace, name) = keys::split_object(object_key);
    if namespace.is_empty() {
        return;
    }
    if (group, plural) == ("", QUOTAS) && !deleted {
        // Its own writes, and those that charge it, change no limit.
        let quota = served.entry_object(entry).unwrap_or_default();
        if quota.get(&["spec", "hard"]) != quota.get(&["status", "hard"]) {
            due.entry(namespace.to_owned()).or_default().insert(name.to_owned());
        }
    }
    // What is new was charged when it was written.
    if deleted || usage::is_measured(group, plural) {
        let concerned = inner.quotas.limiting(namespace, |name| usage::counts_as(group, plural, name));
        if !concerned.is_empty() {
            due.entry(namespace.to_owned()).or_default().extend(concerned);
        }
    }
}

/// Brings the status of one quota up to date.
async fn sync(inner: &Inner, served: &Arc<Served>, namespace: &str, name: &str) -> Result<(), StoreError> {
    let key = served.key(namespace, name);
    for _ in 0..MAX_CONFLICT_RETRIES {
        let Some(entry) = inner.store.get(&key).await? else { return Ok(()) };
        let Ok(mut quota) = served.entry_object(&entry) else { return Ok(()) };
        // Whoever charged the quota as it was just read has by then stored what it was charged for; whoever charges
        // it from now on makes the write below fail.
        inner.namespaces.settled(namespace).await;
        let used = count(inner, namespace, &quota).await?;
        let hard = quota.get(&["spec", "hard"]).cloned();
        let is_current = quota.get(&["status", "hard"]) == hard.as_ref()
            && quota.get(&["status", "used"]).map(|used| amounts(Some(used))) == Some(used.clone());
        if is_current {
            return Ok(());
        }
        match hard {
            Some(hard) => quota.set(&["status", "hard"], hard),
            None => drop(quota.remove(&["status", "hard"])),
        }
        quota.set(&["status", "used"], to_value(&used));
        let precondition = Precondition::ModRevision(entry.mod_revision);
        match inner.put(served, &key, served.stored(&quota), precondition).await {
            Err(StoreError::PreconditionFailed { .. }) => {}
            other => return other.map(drop),
        }
    }
    // So many writers that the next event is not far.
    Ok(())
}

/// What a namespace holds of what a quota limits.
async fn count(inner: &Inner, namespace: &str, quota: &Object) -> Result<Usage, StoreError> {
    let hard = amounts(quota.get(&["spec", "hard"]));
    let scopes = scope::of_quota(quota);
    let mut sum = Usage::new();
    let registry = inner.registry.load_full();
    for served in registry.all_stored().filter(|served| served.namespaced()) {
        let (group, plural) = (&*served.resource.group, &*served.resource.plural);
        if !hard.keys().any(|name| usage::counts_as(group, plural, name)) {
            continue;
        }
        let prefix = keys::list_prefix(&served.prefix, namespace);
        if !usage::is_measured(group, plural) {
            if scopes.is_empty() {
                let request =
                    ListRequest { prefix: &prefix, start_after: None, limit: 1, revision: None, count: true };
                let page = inner.store.list(request).await?;
                let number = i64::try_from(page.entries.len() as u64 + page.remaining).unwrap_or(i64::MAX);
                for name in usage::usage(group, plural, &Object::default()).into_keys() {
                    sum.insert(name, Amount::of(number));
                }
            }
            continue;
        }
        let mut pages = Pages::new(inner.store.as_ref(), &prefix);
        while let Some(page) = pages.next().await? {
            for entry in &page.entries {
                let Ok(object) = served.entry_object(entry) else { continue };
                if scopes.iter().all(|scope| scope.matches(group, plural, &object)) {
                    add(&mut sum, &usage::usage(group, plural, &object));
                }
            }
        }
    }
    // Everything that is limited is told, though nothing of it is there.
    let used = |name: String| {
        let amount = sum.get(&name).copied().unwrap_or_default();
        (name, amount)
    };
    Ok(hard.into_keys().map(used).collect())
}
