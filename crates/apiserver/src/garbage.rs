//! The garbage collector: objects go when their owners are gone.
//!
//! Only dependents are kept in memory (an edge per ownerReference); whether an owner exists is asked of the store by
//! the reference's kind, name and uid, so the graph cannot be wrong about owners it never saw.
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use grange_apimachinery::{Object, StoredHeader, Value, object::OwnerReference};
use grange_store::{Entry, Revision, StoreError};

use crate::{
    UserInfo,
    controller::{Pages, keep_running},
    delete::{self, DeleteOptions, FOREGROUND, ORPHAN, Propagation},
    keys,
    limits::{CONTROLLER_RETRY, MAX_GRAPH_NODES, MAX_QUEUE},
    registry::{Registry, Served},
    server::Inner,
    write,
};

/// What is known of the objects that have owners, and of the owners that wait.
#[derive(Default)]
struct Graph {
    /// Owner uid → keys of its dependents.
    dependents: HashMap<String, HashSet<Arc<str>>>,
    /// Dependent key → uids of its owners, and which of these wait for it.
    owners: HashMap<Arc<str>, Vec<(String, bool)>>,
    /// Terminating owners with a finalizer of ours: uid → key.
    waiting: HashMap<String, Arc<str>>,
    queue: VecDeque<Arc<str>>,
    queued: HashSet<Arc<str>>,
}

impl Graph {
    fn enqueue(&mut self, key: &Arc<str>) {
        if self.queue.len() < MAX_QUEUE && self.queued.insert(key.clone()) {
            self.queue.push_back(key.clone());
        }
    }
    fn next(&mut self) -> Option<Arc<str>> {
        let key = self.queue.pop_front()?;
        self.queued.remove(&key);
        Some(key)
    }
    fn forget(&mut self, key: &Arc<str>) -> Vec<(String, bool)> {
        let owners = self.owners.remove(key).unwrap_or_default();
        for (uid, _) in &owners {
            if let Some(keys) = self.dependents.get_mut(uid) {
                keys.remove(key);
                if keys.is_empty() {
                    self.dependents.remove(uid);
                }
            }
        }
        owners
    }
    fn wake_owners(&mut self, owners: &[(String, bool)]) {
        for (uid, _) in owners {
            if let Some(key) = self.waiting.get(uid).cloned() {
                self.enqueue(&key);
            }
        }
    }
    /// Takes in an object that was written or is there at the start.
    fn observe(&mut self, entry: &Entry, at_start: bool) {
        let Ok(header) = StoredHeader::parse(&entry.value) else { return };
        let metadata = header.metadata;
        let before = self.forget(&entry.key);
        let owners: Vec<(String, bool)> = metadata
            .owner_references
            .iter()
            .map(|owner| (owner.uid.clone(), owner.block_owner_deletion == Some(true)))
            .collect();
        if !owners.is_empty() && self.owners.len() < MAX_GRAPH_NODES {
            for (uid, _) in &owners {
                self.dependents.entry(uid.clone()).or_default().insert(entry.key.clone());
            }
            if owners != before || at_start {
                self.enqueue(&entry.key);
            }
            self.owners.insert(entry.key.clone(), owners);
        }
        if before != self.owners.get(&entry.key).cloned().unwrap_or_default() {
            self.wake_owners(&before);
        }
        let ours = metadata.finalizers.iter().any(|finalizer| finalizer == FOREGROUND || finalizer == ORPHAN);
        if metadata.deletion_timestamp.is_some() && ours {
            self.waiting.insert(metadata.uid.into_owned(), entry.key.clone());
            self.enqueue(&entry.key);
        } else if !self.waiting.is_empty() {
            self.waiting.remove(&*metadata.uid);
        }
    }
    /// Takes in that an object is gone.
    fn observe_deleted(&mut self, entry: &Entry) {
        let owners = self.forget(&entry.key);
        self.wake_owners(&owners);
        let Ok(header) = StoredHeader::parse(&entry.value) else { return };
        self.waiting.remove(&*header.metadata.uid);
        for key in self.dependents.get(&*header.metadata.uid).cloned().unwrap_or_default() {
            self.enqueue(&key);
        }
    }
    /// The dependents of an owner, and whether any of them holds it back.
    fn dependents_of(&self, uid: &str) -> (Vec<Arc<str>>, bool) {
        let keys: Vec<Arc<str>> = self.dependents.get(uid).into_iter().flatten().cloned().collect();
        let blocked = keys.iter().any(|key| {
            self.owners
                .get(key)
                .is_some_and(|owners| owners.iter().any(|(owner, blocks)| owner == uid && *blocks))
        });
        (keys, blocked)
    }
}

/// Runs the collector.
pub(crate) async fn run(inner: &Inner) {
    keep_running("the garbage collector", || follow(inner)).await;
}

async fn follow(inner: &Inner) -> Result<(), StoreError> {
    let mut graph = Graph::default();
    let mut revision = Revision(0);
    let mut pages = Pages::snapshot(inner.store.as_ref(), keys::ROOT);
    while let Some(page) = pages.next().await? {
        revision = page.revision;
        for entry in &page.entries {
            graph.observe(entry, true);
        }
    }
    let mut watch = inner.store.watch(keys::ROOT, revision).await?;
    let mut retry: Vec<Arc<str>> = Vec::new();
    loop {
        while let Some(key) = graph.next() {
            if let Err(error) = attempt(inner, &mut graph, &key).await {
                tracing::debug!(%error, %key, "the garbage collector will try again");
                retry.push(key);
            }
        }
        let batch = if retry.is_empty() {
            watch.next().await?
        } else {
            match tokio::time::timeout(CONTROLLER_RETRY, watch.next()).await {
                Ok(batch) => batch?,
                Err(_) => {
                    for key in retry.drain(..) {
                        graph.enqueue(&key);
                    }
                    continue;
                }
            }
        };
        for event in &batch.events {
            if event.deleted {
                graph.observe_deleted(&event.entry);
            } else {
                graph.observe(&event.entry, false);
            }
        }
    }
}

/// How an owner stands.
enum Owner {
    /// There, or not for us to judge.
    Solid,
    /// There, but going as soon as this dependent is gone.
    Waiting,
    /// Not there.
    Absent,
}

async fn owner_state(
    inner: &Inner,
    registry: &Registry,
    namespace: &str,
    reference: &OwnerReference,
) -> Result<Owner, StoreError> {
    let group = reference.api_version.split_once('/').map_or("", |(group, _)| group);
    let Some(served) = registry.kind(group, &reference.kind) else { return Ok(Owner::Solid) };
    if served.namespaced() && namespace.is_empty() {
        // A cluster-scoped object cannot be owned by one in a namespace; nothing is deleted on such a claim.
        return Ok(Owner::Solid);
    }
    let Some(entry) = inner.store.get(&served.key(namespace, &reference.name)).await? else {
        return Ok(Owner::Absent);
    };
    let Ok(header) = StoredHeader::parse(&entry.value) else { return Ok(Owner::Solid) };
    let metadata = header.metadata;
    if metadata.uid != reference.uid {
        return Ok(Owner::Absent);
    }
    let waiting = metadata.deletion_timestamp.is_some()
        && metadata.finalizers.iter().any(|finalizer| finalizer == FOREGROUND);
    Ok(if waiting { Owner::Waiting } else { Owner::Solid })
}

/// Does what is due for one object, as an owner and as a dependent.
async fn attempt(inner: &Inner, graph: &mut Graph, key: &Arc<str>) -> Result<(), StoreError> {
    let registry = inner.registry.load_full();
    let Some((group, plural, object_key)) = keys::parse_key(key) else { return Ok(()) };
    let Some(served) = registry.storage(group, plural) else { return Ok(()) };
    let Some(entry) = inner.store.get(key).await? else { return Ok(()) };
    let Ok(object) = served.entry_object(&entry) else { return Ok(()) };
    if object.is_terminating() {
        attempt_owner(inner, graph, served, key, &object).await?;
        return Ok(());
    }
    let (namespace, name) =
        if served.namespaced() { keys::split_object(object_key) } else { ("", object_key) };
    let references = object.owner_references();
    if references.is_empty() {
        return Ok(());
    }
    let (mut solid, mut waiting) = (Vec::new(), 0);
    for reference in &references {
        match owner_state(inner, &registry, namespace, reference).await? {
            Owner::Solid => solid.push(reference.uid.clone()),
            Owner::Waiting => waiting += 1,
            Owner::Absent => {}
        }
    }
    if solid.len() == references.len() {
        return Ok(());
    }
    if !solid.is_empty() {
        return keep_references(inner, served, key, &object, |uid| solid.iter().any(|kept| kept == uid))
            .await;
    }
    let finalizers = object.finalizers();
    let (dependents, _) = graph.dependents_of(object.uid());
    let propagation = if waiting > 0 && !dependents.is_empty() {
        Propagation::Foreground
    } else if finalizers.contains(&ORPHAN) {
        Propagation::Orphan
    } else if finalizers.contains(&FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    };
    let options = DeleteOptions {
        uid: Some(object.uid().to_owned()),
        propagation: Some(propagation),
        ..DeleteOptions::default()
    };
    match delete::delete(inner, served, &UserInfo::loopback(), key, name, &options).await {
        Ok(_) => Ok(()),
        Err(status) if matches!(status.code, 404 | 409) => Ok(()),
        Err(status) => Err(StoreError::Unavailable(status.message)),
    }
}

/// Removes our finalizers from a terminating owner once its dependents allow it.
async fn attempt_owner(
    inner: &Inner,
    graph: &mut Graph,
    served: &Arc<Served>,
    key: &Arc<str>,
    object: &Object,
) -> Result<(), StoreError> {
    let finalizers = object.finalizers();
    let uid = object.uid();
    let (dependents, blocked) = graph.dependents_of(uid);
    if finalizers.contains(&ORPHAN) {
        let registry = inner.registry.load_full();
        for dependent in &dependents {
            let Some((group, plural, _)) = keys::parse_key(dependent) else { continue };
            let Some(other) = registry.storage(group, plural) else { continue };
            write::mutate(inner, other, dependent, |object| {
                let references = object.owner_references();
                let has = references.iter().any(|reference| reference.uid == uid);
                if has {
                    set_references(object, |other| other != uid);
                }
                has
            })
            .await?;
        }
        return remove_finalizer(inner, served, key, ORPHAN).await;
    }
    if finalizers.contains(&FOREGROUND) {
        if !blocked {
            for dependent in &dependents {
                graph.enqueue(dependent);
            }
            return remove_finalizer(inner, served, key, FOREGROUND).await;
        }
        for dependent in &dependents {
            graph.enqueue(dependent);
        }
    }
    Ok(())
}

async fn remove_finalizer(
    inner: &Inner,
    served: &Arc<Served>,
    key: &str,
    finalizer: &str,
) -> Result<(), StoreError> {
    write::mutate(inner, served, key, |object| {
        let rest: Vec<String> =
            object.finalizers().into_iter().filter(|entry| *entry != finalizer).map(str::to_owned).collect();
        let changed = rest.len() != object.finalizers().len() && object.is_terminating();
        delete::set_finalizers(object, rest);
        changed
    })
    .await
}

async fn keep_references(
    inner: &Inner,
    served: &Arc<Served>,
    key: &str,
    seen: &Object,
    keep: impl Fn(&str) -> bool,
) -> Result<(), StoreError> {
    write::mutate(inner, served, key, |object| {
        // Decided for exactly the object that was looked at.
        if object.uid() != seen.uid() || object.resource_version() != seen.resource_version() {
            return false;
        }
        set_references(object, &keep);
        true
    })
    .await
}

fn set_references(object: &mut Object, keep: impl Fn(&str) -> bool) {
    let Some(Value::Array(list)) = object.get(&["metadata", "ownerReferences"]) else { return };
    let rest: Vec<Value> =
        list.iter().filter(|reference| keep(reference["uid"].as_str().unwrap_or(""))).cloned().collect();
    if rest.is_empty() {
        object.remove(&["metadata", "ownerReferences"]);
    } else {
        object.set(&["metadata", "ownerReferences"], rest);
    }
}
