//! Deletion: preconditions, finalizers, propagation policies, collections.
use std::sync::Arc;

use grange_apimachinery::{Object, Status, time};
use grange_store::{Entry, ListRequest, Precondition, StoreError};
use serde_json::json;

use crate::{
    UserInfo,
    limits::{MAX_CONFLICT_RETRIES, PAGE_ENTRIES},
    read::Selection,
    registry::Served,
    response::store_error,
    server::Inner,
    write::{self, Written},
};

/// The finalizer of foreground deletion.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of orphaning deletion.
pub(crate) const ORPHAN: &str = "orphan";

/// What happens to dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// `metav1.DeleteOptions`.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) propagation: Option<Propagation>,
    /// The old form of the propagation policy, as it was asked for.
    pub(crate) orphan_dependents: Option<bool>,
    pub(crate) dry_run: bool,
}

/// What a deletion did.
pub(crate) enum Deleted {
    /// The object is gone; this was it.
    Gone(Object),
    /// Something still holds it.
    Pending(Written),
}

/// Deletes one object.
pub(crate) async fn delete(
    inner: &Inner,
    served: &Served,
    user: &UserInfo,
    key: &str,
    name: &str,
    options: &DeleteOptions,
) -> Result<Deleted, Status> {
    for _ in 0..MAX_CONFLICT_RETRIES {
        let Some(entry) = inner.store.get(key).await.map_err(store_error)? else {
            return Err(served.not_found(name));
        };
        match delete_entry(inner, served, user, &entry, name, options).await? {
            Ok(deleted) => return Ok(deleted),
            Err(StoreError::PreconditionFailed { .. }) => {}
            Err(error) => return Err(store_error(error)),
        }
    }
    Err(write::conflict(served, name))
}

async fn delete_entry(
    inner: &Inner,
    served: &Served,
    user: &UserInfo,
    entry: &Entry,
    name: &str,
    options: &DeleteOptions,
) -> Result<Result<Deleted, StoreError>, Status> {
    let mut old = served.entry_object(entry)?;
    check_preconditions(served, &old, name, options)?;
    served.resource.strategy.check_delete(user, &old)?;
    let mut new = old.clone();
    let begun = served.resource.strategy.begin_delete(&mut new);
    if !begun {
        set_propagation(&mut new, options.propagation);
    }
    if !new.is_terminating() {
        new.set(&["metadata", "deletionTimestamp"], time::now());
        if !served.is_namespaces() {
            new.set(&["metadata", "deletionGracePeriodSeconds"], 0);
        }
        if new.generation() > 0 && served.resource.generation {
            new.set(&["metadata", "generation"], new.generation() + 1);
        }
    }
    if served.is_namespaces() {
        new.set(&["status", "phase"], "Terminating");
    }
    if write::is_released(served, &new) {
        if !options.dry_run {
            let precondition = Precondition::ModRevision(entry.mod_revision);
            match inner.delete_key(served, &entry.key, precondition).await {
                Ok(gone) => old.set(&["metadata", "resourceVersion"], gone.mod_revision.to_string()),
                Err(error) => return Ok(Err(error)),
            }
        }
        return Ok(Ok(Deleted::Gone(old)));
    }
    Ok(write::store_update(inner, served, &entry.key, entry, &new, options.dry_run).await.map(
        |(stored, revision)| {
            Deleted::Pending(Written {
                stored,
                revision: Some(revision.0),
                created: false,
                warnings: Vec::new(),
            })
        },
    ))
}

fn check_preconditions(
    served: &Served,
    old: &Object,
    name: &str,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let refuse =
        |why: String| Err(Status::conflict(&served.resource.group, &served.resource.kind, name, &why));
    if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != old.uid()) {
        return refuse(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            old.uid()
        ));
    }
    if let Some(version) =
        options.resource_version.as_deref().filter(|version| *version != old.resource_version())
    {
        return refuse(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
            old.resource_version()
        ));
    }
    Ok(())
}

fn set_propagation(object: &mut Object, propagation: Option<Propagation>) {
    let Some(propagation) = propagation else { return };
    let wanted = match propagation {
        Propagation::Background => None,
        Propagation::Foreground => Some(FOREGROUND),
        Propagation::Orphan => Some(ORPHAN),
    };
    let mut finalizers: Vec<String> = object
        .finalizers()
        .into_iter()
        .filter(|finalizer| *finalizer != FOREGROUND && *finalizer != ORPHAN)
        .map(str::to_owned)
        .collect();
    finalizers.extend(wanted.map(str::to_owned));
    set_finalizers(object, finalizers);
}

/// Replaces the finalizers; an empty list is left out.
pub(crate) fn set_finalizers(object: &mut Object, finalizers: Vec<String>) {
    if finalizers.is_empty() {
        object.remove(&["metadata", "finalizers"]);
    } else {
        object.set(&["metadata", "finalizers"], finalizers);
    }
}

/// The answer to a finished deletion.
pub(crate) fn success(served: &Served, object: &Object) -> Vec<u8> {
    let mut details = json!({"name": object.name(), "kind": served.resource.plural, "uid": object.uid()});
    if !served.resource.group.is_empty() {
        details["group"] = served.resource.group.as_str().into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
        .to_string()
        .into_bytes()
}

/// Deletes everything selected; returns what was selected, as it was.
pub(crate) async fn delete_collection(
    inner: &Inner,
    served: &Arc<Served>,
    user: &UserInfo,
    namespace: &str,
    selection: &Selection<'_>,
    options: &DeleteOptions,
) -> Result<Vec<Entry>, Status> {
    let prefix = crate::keys::list_prefix(&served.prefix, namespace);
    let mut deleted = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = inner
            .store
            .list(ListRequest {
                prefix: &prefix,
                start_after: after.as_deref(),
                limit: PAGE_ENTRIES,
                revision: None,
                count: false,
            })
            .await
            .map_err(store_error)?;
        let last = page.entries.last().map(|entry| entry.key.to_string());
        for entry in page.entries {
            if !selection.matches(&entry.value) {
                continue;
            }
            let object_key = entry.key.strip_prefix(served.prefix.as_str()).unwrap_or_default();
            let (_, name) = crate::keys::split_object(object_key);
            match delete(inner, served, user, &entry.key, name, options).await {
                Ok(_) => deleted.push(entry),
                Err(status) if status.code == 404 => {}
                Err(status) => return Err(status),
            }
        }
        if page.remaining == 0 || last.is_none() {
            return Ok(deleted);
        }
        after = last;
    }
}
