//! ResourceQuota and LimitRange: what a namespace may hold, and how large its pods and claims may be.
//!
//! An object is charged to the quotas of its namespace before it is stored, by writing what is then used into their
//! status; of two writers that meet there, one looks again. What becomes free is found by the controller, which counts
//! anew ([`controller`]). A write that fails after it was charged leaves too much in the status until then, never too
//! little.
mod controller;
mod limit_range;
mod pod;
mod scope;
mod usage;
mod validation;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use grange_apimachinery::{Object, Status, Value, quantity::Amount};
use grange_store::{Entry, Precondition, Store, StoreError};
use serde_json::json;

pub(crate) use self::{
    controller::run,
    validation::{LimitRangeStrategy, ResourceQuotaStrategy},
};
use self::{
    limit_range::LimitRange,
    usage::{Usage, counts_as, usage},
};
use crate::{
    keys,
    limits::MAX_CONFLICT_RETRIES,
    mirror::{Mirror, Snapshot},
    registry::Served,
    response::store_error,
    server::Inner,
};

const QUOTAS: &str = "resourcequotas";
const LIMIT_RANGES: &str = "limitranges";

/// Values by namespace and name; clones share them.
struct ByNamespace<T>(HashMap<String, Arc<BTreeMap<String, Arc<T>>>>);

impl<T> Default for ByNamespace<T> {
    fn default() -> Self {
        ByNamespace(HashMap::new())
    }
}

impl<T> Clone for ByNamespace<T> {
    fn clone(&self) -> Self {
        ByNamespace(self.0.clone())
    }
}

impl<T> ByNamespace<T> {
    /// Reads an entry, or takes one away.
    fn apply(&mut self, entry: &Entry, deleted: bool, read: impl Fn(&Object) -> T) {
        let Some((_, _, object_key)) = keys::parse_key(&entry.key) else { return };
        let (namespace, name) = keys::split_object(object_key);
        let object =
            if deleted { None } else { Object::from_stored(&entry.value, entry.mod_revision.0).ok() };
        let inside = Arc::make_mut(self.0.entry(namespace.to_owned()).or_default());
        match object {
            Some(object) => {
                inside.insert(name.to_owned(), Arc::new(read(&object)));
            }
            None => {
                inside.remove(name);
            }
        }
        if inside.is_empty() {
            self.0.remove(namespace);
        }
    }
}

/// The names that each quota limits or is about to: those of its spec are there from its creation on, before the
/// controller writes them into the status that is charged ([`charge`] reads it anew).
#[derive(Clone, Default)]
struct LimitedNames(ByNamespace<BTreeSet<String>>);

impl Snapshot for LimitedNames {
    fn prefix() -> String {
        keys::resource_prefix("", QUOTAS)
    }
    fn apply(&mut self, entry: &Entry, deleted: bool) {
        self.0.apply(entry, deleted, |quota| {
            let names = |part| amounts(quota.get(&[part, "hard"])).into_keys();
            names("spec").chain(names("status")).collect()
        });
    }
}

/// The limit ranges.
#[derive(Clone, Default)]
struct LimitRanges(ByNamespace<LimitRange>);

impl Snapshot for LimitRanges {
    fn prefix() -> String {
        keys::resource_prefix("", LIMIT_RANGES)
    }
    fn apply(&mut self, entry: &Entry, deleted: bool) {
        self.0.apply(entry, deleted, LimitRange::read);
    }
}

/// Whether a change of an object may be charged.
pub(crate) fn charges_changes(served: &Served) -> bool {
    usage::is_measured(&served.resource.group, &served.resource.plural)
}

/// What of quotas and limit ranges is kept in memory: enough to know at once that a write concerns none.
#[derive(Default)]
pub(crate) struct Quotas {
    limited: Mirror<LimitedNames>,
    ranges: Mirror<LimitRanges>,
}

impl Quotas {
    /// Takes in a write of an object of the core group.
    pub(crate) fn observe(&self, plural: &str, entry: &Entry, deleted: bool) {
        match plural {
            QUOTAS => self.limited.observe(entry, deleted),
            LIMIT_RANGES => self.ranges.observe(entry, deleted),
            _ => {}
        }
    }
    /// Reads everything there is, once, before the watches take over.
    pub(crate) async fn fill(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.limited.fill(store).await?;
        self.ranges.fill(store).await
    }
    /// Fills the snapshots and keeps them.
    pub(crate) async fn run(&self, store: &dyn Store) {
        tokio::join!(self.limited.run(store), self.ranges.run(store));
    }
    fn ranges_of(&self, namespace: &str) -> Option<Arc<BTreeMap<String, Arc<LimitRange>>>> {
        self.ranges.load().0.0.get(namespace).cloned()
    }
    /// The quotas of a namespace that limit any of these names.
    fn limiting(&self, namespace: &str, is_concerned: impl Fn(&str) -> bool) -> Vec<String> {
        let limited = self.limited.load();
        let quotas = limited.0.0.get(namespace).into_iter().flat_map(|quotas| quotas.iter());
        let concerned = quotas.filter(|(_, names)| names.iter().any(|name| is_concerned(name)));
        concerned.map(|(name, _)| name.clone()).collect()
    }
}

/// Quantities by name; what is none is left out.
fn amounts(value: Option<&Value>) -> Usage {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.parse().ok()?))).collect()
}

/// Fills in what the limit ranges of its namespace give a new object.
pub(crate) fn complete(inner: &Inner, served: &Served, namespace: &str, object: &mut Object) {
    if !served.is("", "pods") {
        return;
    }
    let Some(ranges) = inner.quotas.ranges_of(namespace) else { return };
    for range in ranges.values() {
        range.complete_pod(object);
    }
}

/// Lets an object be written, `old` being what is there: checks it against the limit ranges of its namespace and
/// charges it to the quotas.
pub(crate) async fn admit(
    inner: &Inner,
    served: &Served,
    namespace: &str,
    old: Option<&Object>,
    new: &Object,
    dry_run: bool,
) -> Result<(), Status> {
    if namespace.is_empty() {
        return Ok(());
    }
    let resource = &served.resource;
    let refuse = |why: &str| Err(Status::forbidden(&resource.group, &resource.plural, new.name(), why));
    let is_checked = match old {
        None => served.is("", "pods") || served.is("", "persistentvolumeclaims"),
        Some(old) => served.is("", "persistentvolumeclaims") && !old.is_terminating(),
    };
    if is_checked && let Some(ranges) = inner.quotas.ranges_of(namespace) {
        for range in ranges.values() {
            if let Err(why) = range.check(&resource.plural, new) {
                return refuse(&why);
            }
        }
    }
    // What is counted does not change with an object; what is measured does.
    if old.is_some() && !charges_changes(served) {
        return Ok(());
    }
    let is_concerned = |name: &str| counts_as(&resource.group, &resource.plural, name);
    let quotas = inner.quotas.limiting(namespace, is_concerned);
    if quotas.is_empty() {
        return Ok(());
    }
    // What is there already is refused later, and costs nothing.
    let key = || served.key(namespace, new.name());
    let exists = old.is_none() && inner.store.get(&key()).await.map_err(store_error)?.is_some();
    let request = Request { served, old, new, used: usage(&resource.group, &resource.plural, new) };
    match charge(inner, namespace, quotas, &request, dry_run || exists).await? {
        Ok(()) => Ok(()),
        Err(why) => refuse(&why),
    }
}

/// An object that is to be charged.
struct Request<'a> {
    served: &'a Served,
    old: Option<&'a Object>,
    new: &'a Object,
    used: Usage,
}

impl Request<'_> {
    /// What the quota's status says is used once the object is there; `None` when the quota does not apply or nothing
    /// more is used. The error says why the object may not be there.
    fn charge(&self, quota: &Object) -> Result<Option<Usage>, String> {
        let resource = &self.served.resource;
        let (group, plural) = (&*resource.group, &*resource.plural);
        let scopes = scope::of_quota(quota);
        let is_in_scope = |object: &Object| scopes.iter().all(|scope| scope.matches(group, plural, object));
        let hard = amounts(quota.get(&["status", "hard"]));
        let restricted: Vec<&str> =
            hard.keys().map(String::as_str).filter(|name| counts_as(group, plural, name)).collect();
        if restricted.is_empty() || !is_in_scope(self.new) {
            return Ok(None);
        }
        if (group, plural) == ("", "pods")
            && let Err(missing) = pod::require(self.new, &restricted)
        {
            return Err(format!("failed quota: {}: {missing}", quota.name()));
        }
        let used = amounts(quota.get(&["status", "used"]));
        if restricted.iter().any(|name| !used.contains_key(*name)) {
            let names = restricted.join(",");
            return Err(format!("status unknown for quota: {}, resources: {names}", quota.name()));
        }
        // What another quota was charged for before is new to this one.
        let before = self.old.filter(|old| is_in_scope(old)).map(|old| usage(group, plural, old));
        let before = before.unwrap_or_default();
        let (mut after, mut more) = (used.clone(), Usage::new());
        for (name, now) in self.used.iter().filter(|(name, _)| restricted.contains(&name.as_str())) {
            let added = now.minus(before.get(name).copied().unwrap_or_default());
            if added.quantity.0 > 0 {
                more.insert(name.clone(), added);
            }
        }
        add(&mut after, &more);
        if more.is_empty() {
            return Ok(None);
        }
        let exceeded: BTreeSet<&String> =
            more.keys().filter(|name| after[*name].quantity > hard[*name].quantity).collect();
        if exceeded.is_empty() {
            return Ok(Some(after));
        }
        let list = |usage: &Usage| {
            let parts = usage.iter().filter(|(name, _)| exceeded.contains(name));
            parts.map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(",")
        };
        Err(format!(
            "exceeded quota: {}, requested: {}, used: {}, limited: {}",
            quota.name(),
            list(&more),
            list(&used),
            list(&hard)
        ))
    }
}

/// Charges an object to quotas, all or none unless the store fails in between; the inner error says why none.
async fn charge(
    inner: &Inner,
    namespace: &str,
    mut names: Vec<String>,
    request: &Request<'_>,
    only_look: bool,
) -> Result<Result<(), String>, Status> {
    let served = inner.builtin("", QUOTAS)?;
    for _ in 0..MAX_CONFLICT_RETRIES {
        let mut charges = Vec::new();
        for name in &names {
            let key = served.key(namespace, name);
            // One that is gone limits nothing.
            let Some(entry) = inner.store.get(&key).await.map_err(store_error)? else { continue };
            let mut quota = served.entry_object(&entry)?;
            match request.charge(&quota) {
                Ok(Some(used)) => {
                    quota.set(&["status", "used"], to_value(&used));
                    charges.push((name.clone(), key, served.stored(&quota), entry.mod_revision));
                }
                Ok(None) => {}
                Err(why) => return Ok(Err(why)),
            }
        }
        if only_look {
            return Ok(Ok(()));
        }
        names.clear();
        for (name, key, stored, revision) in charges {
            match inner.put(&served, &key, stored, Precondition::ModRevision(revision)).await {
                Ok(_) => {}
                Err(StoreError::PreconditionFailed { .. }) => names.push(name),
                Err(error) => return Err(store_error(error)),
            }
        }
        if names.is_empty() {
            return Ok(Ok(()));
        }
    }
    Err(Status::unavailable(
        format!("too many writers charge the quotas of namespace {namespace} at once"),
        1,
    ))
}

fn to_value(usage: &Usage) -> Value {
    json!(usage.iter().map(|(name, amount)| (name.clone(), amount.to_string())).collect::<BTreeMap<_, _>>())
}

/// Adds what one more object uses.
fn add(sum: &mut Usage, more: &Usage) {
    for (name, amount) in more {
        let sum: &mut Amount = sum.entry(name.clone()).or_default();
        *sum = sum.plus(*amount);
    }
}
