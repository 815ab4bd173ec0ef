//! CustomResourceDefinitions: what is stored of them is what is served.
//!
//! INVARIANT: a write of a definition through this process is in force before the writer gets its answer
//! ([`Definitions::observe`] is called by the write path as well as by the watch; the higher revision wins).
//!
//! [`run`] gives names, establishes, and empties kinds whose definition is being deleted.
mod cleanup;
mod gate;
mod serve;
mod strategy;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use grange_apimachinery::{
    Object, Value,
    definition::{
        self, CLEANUP_FINALIZER, Condition, ConditionStatus, Definition, GROUP, Names, PLURAL, Taken,
        condition_is_true,
    },
};
use grange_store::{Entry, ListRequest, Revision, StoreError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use self::serve::OwnDefinition;
pub(crate) use self::{
    gate::{Gate, Pass},
    serve::{Custom, CustomVersion, Life},
};
use crate::{
    NoHooks, Resource, Scope, Strategy, builtin,
    controller::keep_running,
    keys,
    registry::{Registry, Served},
    server::Inner,
    write,
};
use strategy::DefinitionStrategy;

/// The resource of definitions; `own` are those that the program brings along.
pub(crate) fn resource(own: &[OwnDefinition]) -> Resource {
    let own = own.iter().map(|own| own.object.name().to_owned()).collect();
    Resource {
        short_names: vec!["crd".into(), "crds".into()],
        categories: vec!["api-extensions".into()],
        columns: vec![grange_apimachinery::table::Column::new(
            "Created At",
            "date-time",
            ".metadata.creationTimestamp",
        )],
        schema: builtin::schema(&builtin::schemas::custom_resource_definition()),
        strategy: Arc::new(DefinitionStrategy { own }),
        ..Resource::new(GROUP, "v1", definition::KIND, PLURAL, Scope::Cluster)
    }
}

/// What is served of every definition.
pub(crate) struct Definitions {
    own: Vec<OwnDefinition>,
    known: Mutex<HashMap<String, Known>>,
    /// Held while names are given.
    settling: tokio::sync::Mutex<()>,
    /// Told when a kind that is being emptied may have become empty.
    emptied: Arc<Notify>,
}

/// What is known of a definition.
struct Known {
    revision: Revision,
    /// `None` once it is gone.
    current: Option<Current>,
}

struct Current {
    uid: String,
    group: String,
    accepted: Names,
    established: bool,
    spec: Option<Value>,
    life: Life,
}

impl Definitions {
    pub(crate) fn new(own: Vec<OwnDefinition>) -> Self {
        Definitions {
            own,
            known: Mutex::default(),
            settling: tokio::sync::Mutex::default(),
            emptied: Arc::default(),
        }
    }

    fn strategy(&self, name: &str) -> Arc<dyn Strategy> {
        let own = self.own.iter().find(|own| own.object.name() == name);
        own.map_or_else(|| Arc::new(NoHooks) as Arc<dyn Strategy>, |own| own.strategy.clone())
    }

    /// Takes a write into the registry, unless something newer is there already.
    pub(crate) fn observe(&self, inner: &Inner, entry: &Entry, deleted: bool) {
        let Some((GROUP, PLURAL, name)) = keys::parse_key(&entry.key) else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(name);
        if before.is_some_and(|before| before.revision >= entry.mod_revision) {
            return;
        }
        let before = before.and_then(|known| known.current.as_ref());
        let current = if deleted { None } else { self.current(name, entry, before) };
        let custom = current
            .as_ref()
            .and_then(|(current, custom)| current.established.then_some(()).and(custom.as_ref()));
        let changes = !matches!((&current, before), (Some((_, None)), Some(_)) | (None, None));
        if changes {
            let (group, plural) = name.split_once('.').map_or(("", name), |(plural, group)| (group, plural));
            inner.registry.rcu(|registry| {
                let mut registry = Registry::clone(registry);
                match custom {
                    Some(custom) => registry.set_custom(custom),
                    None => registry.remove_custom(group, plural),
                }
                registry
            });
            if let Some(before) = before {
                before.life.retired.cancel();
            }
        }
        let current = current.map(|(current, _)| current);
        known.insert(name.to_owned(), Known { revision: entry.mod_revision, current });
    }

    /// What a stored definition says, and what is to be served of it if that is not what is served already.
    fn current(
        &self,
        name: &str,
        entry: &Entry,
        before: Option<&Current>,
    ) -> Option<(Current, Option<Custom>)> {
        let object = Object::from_stored(&entry.value, entry.mod_revision.0)
            .inspect_err(|error| tracing::error!(%error, name, "a stored definition cannot be read"))
            .ok()?;
        let spec = object.0.get("spec").cloned();
        let accepted = Names::accepted(&object);
        let established = condition_is_true(&object, Condition::Established);
        let before = before.filter(|before| before.uid == object.uid());
        let gate = match before {
            Some(before) => before.life.gate.clone(),
            None => Arc::new(Gate::new(self.emptied.clone())),
        };
        if object.is_terminating() {
            gate.close();
        }
        if let Some(before) = before
            && (&before.spec, &before.accepted, before.established) == (&spec, &accepted, established)
        {
            let life = before.life.clone();
            let group = before.group.clone();
            let uid = before.uid.clone();
            return Some((Current { uid, group, accepted, established, spec, life }, None));
        }
        let definition = Definition::read(&object)
            .inspect_err(|error| tracing::error!(%error, name, "a stored definition cannot be read"))
            .ok()?;
        let life = Life { gate, retired: CancellationToken::new() };
        let versions = serve::versions(&definition, &accepted, &self.strategy(name))
            .inspect_err(|error| tracing::error!(%error, name, "a stored definition cannot be served"))
            .ok()?;
        let custom = Custom {
            group: definition.group.clone(),
            plural: definition.names.plural.clone(),
            versions,
            life: life.clone(),
        };
        let current =
            Current { uid: object.uid().into(), group: definition.group, accepted, established, spec, life };
        Some((current, Some(custom)))
    }

    /// Forgets a deleted definition that no late event can bring back: the watch has passed it.
    fn forget_deleted(&self, entry: &Entry, name: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(name).is_some_and(|known| known.revision == entry.mod_revision) {
            known.remove(name);
        }
    }

    /// The names that the other definitions of a group hold.
    fn taken(&self, group: &str, except: &str) -> Taken {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Taken::default();
        for (name, known) in known.iter() {
            if let Some(current) = known.current.as_ref().filter(|current| current.group == group)
                && name != except
            {
                taken.add(&current.accepted);
            }
        }
        taken
    }

    /// The other definitions of a group.
    fn siblings(&self, name: &str) -> Vec<String> {
        let group = name.split_once('.').map_or("", |(_, group)| group);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .filter(|(other, known)| {
                *other != name && known.current.as_ref().is_some_and(|current| current.group == group)
            })
            .map(|(other, _)| other.clone())
            .collect()
    }
}

/// Serves what is stored, and brings the program's own definitions: before the server is ready.
pub(crate) async fn fill(inner: &Inner) -> Result<(), grange_apimachinery::Status> {
    let error = crate::response::store_error;
    let served = inner.builtin(GROUP, PLURAL)?;
    let request = ListRequest { prefix: &served.prefix, ..ListRequest::default() };
    for entry in &inner.store.list(request).await.map_err(error)?.entries {
        inner.definitions.observe(inner, entry, false);
    }
    for own in &inner.definitions.own {
        bring(inner, &served, &own.object).await?;
        sync(inner, &served, own.object.name()).await.map_err(error)?;
    }
    Ok(())
}

/// Makes one of the program's own definitions, or brings its spec up to date.
async fn bring(
    inner: &Inner,
    served: &Arc<Served>,
    wanted: &Object,
) -> Result<(), grange_apimachinery::Status> {
    let user = crate::UserInfo::loopback();
    let made =
        write::create(inner, served, &user, "", wanted.clone(), &[], &write::WriteOptions::INTERNAL).await;
    match made {
        Ok(_) => return Ok(()),
        Err(status) if status.code == 409 => {}
        Err(status) => return Err(status),
    }
    let key = served.key("", wanted.name());
    write::mutate(inner, served, &key, |object| {
        if object.0.get("spec") == wanted.0.get("spec") {
            return false;
        }
        if let Some(spec) = wanted.0.get("spec") {
            object.0.insert("spec".into(), spec.clone());
        }
        definition::note_storage_version(object);
        object.set(&["metadata", "generation"], object.generation() + 1);
        true
    })
    .await
    .map_err(crate::response::store_error)
}

/// Runs the part until the server stops.
pub(crate) async fn run(inner: &Inner) {
    keep_running("the definitions' part", || follow(inner)).await;
}

/// Looks at every definition once, then at those that something happened to.
async fn follow(inner: &Inner) -> Result<(), StoreError> {
    let Ok(served) = inner.builtin(GROUP, PLURAL) else { return Ok(()) };
    let request = ListRequest { prefix: &served.prefix, ..ListRequest::default() };
    let page = inner.store.list(request).await?;
    let mut touched = BTreeSet::new();
    for entry in &page.entries {
        inner.definitions.observe(inner, entry, false);
        touched.insert(entry.key.strip_prefix(served.prefix.as_str()).unwrap_or_default().to_owned());
    }
    let mut terminating = BTreeSet::new();
    let mut watch = inner.store.watch(keys::ROOT, page.revision).await?;
    loop {
        while let Some(name) = touched.pop_first() {
            let state = sync(inner, &served, &name).await?;
            if state == State::Terminating {
                terminating.insert(name.clone());
            } else {
                terminating.remove(&name);
            }
            if matches!(state, State::Gone | State::Renamed) {
                touched.extend(inner.definitions.siblings(&name));
            }
        }
        tokio::select! {
            batch = watch.next() => {
                for event in batch?.events {
                    let Some((group, plural, object)) = keys::parse_key(&event.entry.key) else { continue };
                    if (group, plural) == (GROUP, PLURAL) {
                        inner.definitions.observe(inner, &event.entry, event.deleted);
                        if event.deleted {
                            inner.definitions.forget_deleted(&event.entry, object);
                        }
                        touched.insert(object.to_owned());
                    } else if !terminating.is_empty() {
                        touched.extend(terminating.get(&format!("{plural}.{group}")).cloned());
                    }
                }
            }
            () = inner.definitions.emptied.notified() => touched.extend(terminating.iter().cloned()),
        }
    }
}

/// What became of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Gone,
    Terminating,
    /// Its names changed, so that others may be free.
    Renamed,
    Settled,
}

/// Brings one definition forward.
async fn sync(inner: &Inner, served: &Arc<Served>, name: &str) -> Result<State, StoreError> {
    let key = served.key("", name);
    let Some(entry) = inner.store.get(&key).await? else { return Ok(State::Gone) };
    let Ok(object) = served.entry_object(&entry) else { return Ok(State::Settled) };
    if object.is_terminating() {
        if object.finalizers().contains(&CLEANUP_FINALIZER) {
            cleanup::advance(inner, served, &object).await?;
        }
        return Ok(State::Terminating);
    }
    // One at a time, or two could get the same name.
    let _alone = inner.definitions.settling.lock().await;
    let changed = AtomicBool::new(false);
    write::mutate(inner, served, &key, |object| {
        let is_changed = settle(inner, name, object);
        changed.store(is_changed, Ordering::Relaxed);
        is_changed
    })
    .await?;
    Ok(if changed.into_inner() { State::Renamed } else { State::Settled })
}

/// Writes the accepted names and the conditions into a definition; says whether they were others before.
fn settle(inner: &Inner, name: &str, object: &mut Object) -> bool {
    let Ok(definition) = Definition::read(object) else { return false };
    if object.is_terminating() {
        return false;
    }
    let before = object.clone();
    if let Some(condition) = definition::approval_condition(object, &definition.group) {
        definition::set_condition(object, &condition);
    }
    let accepted = Names::accepted(object);
    if accepted != definition.names || !condition_is_true(object, Condition::NamesAccepted) {
        let taken = inner.definitions.taken(&definition.group, name);
        let (names, condition) = definition::negotiate(&definition, &accepted, &taken);
        if let Ok(names) = serde_json::to_value(&names) {
            object.set(&["status", "acceptedNames"], names);
        }
        definition::set_condition(object, &condition);
    }
    if !condition_is_true(object, Condition::Established) {
        let (status, reason, message) = match condition_is_true(object, Condition::NamesAccepted) {
            true => (true, "InitialNamesAccepted", "the initial names have been accepted"),
            false => (false, "NotAccepted", "not all names are accepted"),
        };
        let message = message.to_owned();
        let condition = ConditionStatus { kind: Condition::Established, status, reason, message };
        definition::set_condition(object, &condition);
    }
    *object != before
}
