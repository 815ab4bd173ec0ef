//! What a write does to the ownership of fields, and what an applied configuration does to an object.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde_json::{Map, Value};

use super::{
    ApplyError, FieldSet, ManagerKey, Managers, Operation, Owned,
    compare::Comparison,
    conflict, last_applied,
    managers::{equal_but_for_times, is_reset},
    path::equal_maps,
    types::{self, Type, TypeError},
    validate::Duplicates,
};
use crate::Object;

const MANAGED_FIELDS: &[&str] = &["metadata", "managedFields"];
/// Who is said to own what was there before anybody applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
/// Who is said to write when a request does not tell.
const UNKNOWN: &str = "unknown";

/// Fields that the server sets, or that say which object this is: nobody owns them.
static SYSTEM_FIELDS: LazyLock<FieldSet> = LazyLock::new(|| {
    FieldSet::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
});

/// Follows the ownership of fields through one write.
pub struct Tracker<'a> {
    /// The type of the kind's objects in an API version; `None` where the version is not served (any more).
    pub types: &'a dyn Fn(&str) -> Option<Arc<Type>>,
    /// The version that is written.
    pub api_version: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The subresource that is written, or `""`.
    pub subresource: &'a str,
    /// What the kind's objects have even when nothing is in them: structs of built-in kinds.
    pub empty: &'a Object,
    /// Fields that a write to this (sub)resource cannot change, with everything in them.
    pub ignored: &'a FieldSet,
    /// The present moment, as `metav1.Time`.
    pub now: &'a str,
}

impl Tracker<'_> {
    /// Sets `managedFields` of `new`, which `manager` makes of `live` (`None`: creates). What `new` holds there is what
    /// the client wants there: nothing (as before), a reset, or entries to begin with.
    pub fn update(&self, live: Option<&Object>, new: &mut Object, manager: &str) {
        let wanted = new.remove(MANAGED_FIELDS);
        // A write whose ownership cannot be told (its values do not fit the schema) is judged by validation, not here.
        if let Ok(Some(entries)) = self.updated(live, new, wanted, manager) {
            new.set(MANAGED_FIELDS, entries);
        }
    }

    fn updated(
        &self,
        live: Option<&Object>,
        new: &Object,
        wanted: Option<Value>,
        manager: &str,
    ) -> Result<Option<Value>, ApplyError> {
        let present = live.and_then(|live| live.get(MANAGED_FIELDS));
        let wanted = wanted.filter(|wanted| self.subresource.is_empty() && Some(wanted) != present);
        let own = wanted.as_ref().map(|wanted| Managers::read(Some(wanted)).unwrap_or_default());
        let reset = is_reset(wanted.as_ref());
        let as_before = !reset && own.as_ref().is_none_or(|own| own.0.is_empty());
        if as_before && let Some(live) = live {
            if present.is_none() {
                // Nobody has applied yet, and nobody tracked this object before.
                return Ok(None);
            }
            if self.compare(self.api_version, &live.0, &new.0)?.is_none_or(|found| found.is_empty()) {
                return Ok(present.cloned());
            }
        }
        let mut managers = match own {
            _ if reset => Managers::default(),
            Some(own) if !as_before => own,
            _ => Managers::read(present).unwrap_or_default(),
        };
        if managers.0.is_empty() && live.is_some() {
            return Ok(None);
        }
        self.reconcile(&mut managers);
        self.change(&mut managers, &live.unwrap_or(self.empty).0, &new.0, manager)?;
        managers.cap();
        Ok(managers.to_value())
    }

    /// Merges a configuration into the present object (`None`: there is none yet); the result has its `managedFields`.
    pub fn apply(
        &self,
        live: Option<&Object>,
        config: &Object,
        manager: &str,
        force: bool,
    ) -> Result<Object, ApplyError> {
        let managers = Managers::read(live.and_then(|live| live.get(MANAGED_FIELDS)))
            .map_err(|error| ApplyError::Unfit(format!("failed to decode managed fields: {error}")))?;
        self.check_config(config)?;
        let nothing = Object::default();
        let present = live.unwrap_or(&nothing);
        let mut result = self.merged(live.is_some(), present, config, managers.clone(), manager, force);
        if manager == last_applied::MANAGER
            && let Err(ApplyError::Conflicts(conflicts)) = &result
            && let Some(allowed) = self.kind().ok().and_then(|kind| last_applied::fields(&kind, present))
        {
            // What kubectl applied on the client's side, and nobody changed since, is not taken from anybody else.
            let left: Vec<_> =
                conflicts.iter().filter(|conflict| !allowed.has(&conflict.path)).cloned().collect();
            result = match left.is_empty() {
                true => self.merged(live.is_some(), present, config, managers, manager, true),
                false => Err(ApplyError::Conflicts(left)),
            };
        }
        let (mut object, managers) = result?;
        if manager == last_applied::MANAGER {
            last_applied::refresh(&mut object, config);
        }
        match managers.to_value() {
            Some(entries) => object.set(MANAGED_FIELDS, entries),
            None => drop(object.remove(MANAGED_FIELDS)),
        }
        Ok(object)
    }

    fn check_config(&self, config: &Object) -> Result<(), ApplyError> {
        if config.api_version() != self.api_version || config.kind() != self.kind {
            let named = named_kind(config.api_version(), config.kind());
            return Err(ApplyError::Refused(format!("invalid object type: {named}")));
        }
        match config.get(MANAGED_FIELDS) {
            Some(Value::Array(_)) => Err(ApplyError::Refused("metadata.managedFields must be nil".into())),
            _ => Ok(()),
        }
    }

    fn kind(&self) -> Result<Arc<Type>, ApplyError> {
        (self.types)(self.api_version)
            .ok_or_else(|| ApplyError::Unfit(format!("no corresponding type for {}", self.named_kind())))
    }

    fn named_kind(&self) -> String {
        named_kind(self.api_version, self.kind)
    }

    fn unfit(&self, what: &str, object: &Object, errors: &[TypeError]) -> ApplyError {
        ApplyError::Unfit(format!(
            "failed to create typed {what} object ({}/{}; {}): {}",
            object.namespace(),
            object.name(),
            self.named_kind(),
            types::join(errors)
        ))
    }

    /// The merged object, still with the old `managedFields`, and the new managers.
    fn merged(
        &self,
        exists: bool,
        live: &Object,
        config: &Object,
        mut managers: Managers,
        manager: &str,
        force: bool,
    ) -> Result<(Object, Managers), ApplyError> {
        if managers.0.is_empty() && exists {
            self.change(&mut managers, &self.empty.0, &live.0, BEFORE_FIRST_APPLY)?;
        }
        let kind = self.kind()?;
        kind.check(&config.0, Duplicates::Refused).map_err(|errors| self.unfit("patch", config, &errors))?;
        kind.check(&live.0, Duplicates::Allowed).map_err(|errors| self.unfit("live", live, &errors))?;
        self.reconcile(&mut managers);
        let failed = |what: &str, errors: &[TypeError]| {
            ApplyError::Unfit(format!("failed to {what}: {}", types::join(errors)))
        };
        let merged = kind.merge(&live.0, &config.0).map_err(|errors| failed("merge config", &errors))?;
        let fields = kind.fields_of(&config.0).map_err(|errors| failed("get field set", &errors))?;
        let key = self.key(manager, Operation::Apply);
        let last = managers.0.get(&key).cloned();
        let owned = Owned {
            fields: fields.recursive_difference(self.ignored),
            api_version: self.api_version.to_owned(),
            time: last.as_ref().and_then(|last| last.time.clone()),
        };
        managers.0.insert(key.clone(), owned);
        let merged = match &last {
            Some(last) => {
                self.pruned(merged, &managers, last).map_err(|errors| failed("prune fields", &errors))?
            }
            None => merged,
        };
        let found = self.compare(self.api_version, &live.0, &merged)?.unwrap_or_default();
        self.take(&mut managers, &live.0, &merged, &found, Some(&key), force)?;
        let changed = !equal_maps(&live.0, &merged);
        if let Some(owned) = managers.0.get_mut(&key) {
            owned.fields = owned.fields.difference(&SYSTEM_FIELDS);
            if changed {
                owned.time = Some(self.now.to_owned());
            }
            if owned.fields.is_empty() {
                managers.0.remove(&key);
            }
        }
        Ok((Object(merged), managers))
    }

    fn key(&self, manager: &str, operation: Operation) -> ManagerKey {
        let named = if manager.is_empty() { UNKNOWN } else { manager };
        ManagerKey {
            manager: named.to_owned(),
            operation,
            api_version: match operation {
                Operation::Apply => String::new(),
                Operation::Update => self.api_version.to_owned(),
            },
            subresource: self.subresource.to_owned(),
        }
    }

    /// What differs in a version; `None` where the version has no type. System fields never count.
    fn compare(
        &self,
        api_version: &str,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Option<Comparison>, ApplyError> {
        let Some(kind) = (self.types)(api_version) else { return Ok(None) };
        let found = kind.compare(before, after).map_err(|errors| {
            ApplyError::Unfit(format!("failed to compare objects: {}", types::join(&errors)))
        })?;
        let found = found.without(self.ignored);
        Ok(Some(Comparison {
            added: found.added.difference(&SYSTEM_FIELDS),
            modified: found.modified.difference(&SYSTEM_FIELDS),
            removed: found.removed.difference(&SYSTEM_FIELDS),
        }))
    }

    /// Gives an updating manager what it changes.
    fn change(
        &self,
        managers: &mut Managers,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
        manager: &str,
    ) -> Result<(), ApplyError> {
        let found = self.compare(self.api_version, before, after)?.unwrap_or_default();
        // Its own earlier entry loses and regains what it changes now, so that its time tells of this change.
        self.take(managers, before, after, &found, None, true)?;
        let fields = found.modified.union(&found.added);
        if fields.is_empty() {
            return Ok(());
        }
        let key = self.key(manager, Operation::Update);
        let fields = match managers.0.get(&key) {
            Some(previous) => fields.union(&previous.fields),
            None => fields,
        };
        let owned =
            Owned { fields, api_version: self.api_version.to_owned(), time: Some(self.now.to_owned()) };
        managers.0.insert(key, owned);
        Ok(())
    }

    /// Takes what changed from those who owned it, `writer` excepted; without `force` that is a conflict.
    fn take(
        &self,
        managers: &mut Managers,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
        found: &Comparison,
        writer: Option<&ManagerKey>,
        force: bool,
    ) -> Result<(), ApplyError> {
        let mut versions: BTreeMap<String, Option<Comparison>> = BTreeMap::new();
        let mut conflicts = Vec::new();
        let mut left = BTreeMap::new();
        for (key, owned) in &managers.0 {
            if Some(key) == writer {
                left.insert(key.clone(), owned.clone());
                continue;
            }
            if owned.api_version != self.api_version && !versions.contains_key(&owned.api_version) {
                let found = self.compare(&owned.api_version, before, after)?;
                versions.insert(owned.api_version.clone(), found);
            }
            let found = match versions.get(&owned.api_version) {
                None => found,
                Some(Some(found)) => found,
                // Nothing can be said in a version that is gone.
                Some(None) => continue,
            };
            let taken = owned.fields.intersection(&found.modified.union(&found.added));
            conflicts.extend(conflict::of_manager(key, &taken));
            let fields = owned.fields.difference(&taken).difference(&found.removed);
            if !fields.is_empty() {
                left.insert(key.clone(), Owned { fields, ..owned.clone() });
            }
        }
        if !force && !conflicts.is_empty() {
            return Err(ApplyError::Conflicts(conflicts));
        }
        left.retain(|_, owned| !owned.fields.is_empty());
        managers.0 = left;
        Ok(())
    }

    /// Brings entries in line with today's types, and drops those of versions that are gone.
    fn reconcile(&self, managers: &mut Managers) {
        managers.0.retain(|_, owned| {
            let Some(kind) = (self.types)(&owned.api_version) else { return false };
            if let Some(fields) = kind.reconciled(&owned.fields) {
                owned.fields = fields;
            }
            true
        });
    }

    /// The merged object without what the manager applied last time, does not apply now, and nobody else owns.
    fn pruned(
        &self,
        merged: Map<String, Value>,
        managers: &Managers,
        last: &Owned,
    ) -> Result<Map<String, Value>, Vec<TypeError>> {
        let Some(kind) = (self.types)(&last.api_version).filter(|_| !last.fields.is_empty()) else {
            return Ok(merged);
        };
        let last_fields = last.fields.with_named_parents(Some(&kind));
        let mut pruned = kind.without(&merged, &last_fields);
        let mut owned: BTreeMap<&str, FieldSet> = BTreeMap::new();
        for entry in managers.0.values() {
            let fields = owned.entry(&entry.api_version).or_default();
            *fields = fields.union(&entry.fields);
        }
        // The version of the last application goes first: what it needs is back before others look.
        let first = owned.remove_entry(last.api_version.as_str());
        for (version, fields) in first.into_iter().chain(owned) {
            let Some(kind) = (self.types)(version) else { continue };
            let named = |set: &FieldSet| set.with_named_parents(Some(&kind));
            let there = named(&kind.fields_of(&merged)?);
            let left = named(&kind.fields_of(&pruned)?).union(&named(&fields));
            pruned = kind.without(&merged, &there.difference(&left));
        }
        // What nobody owns was not this manager's to remove.
        let named = |set: &FieldSet| set.with_named_parents(Some(&kind));
        let gone = named(&kind.fields_of(&merged)?).difference(&named(&kind.fields_of(&pruned)?));
        Ok(kind.without(&merged, &gone.intersection(&last_fields)))
    }
}

/// `group/version, Kind=kind`, as Go prints a kind.
fn named_kind(api_version: &str, kind: &str) -> String {
    match api_version.split_once('/') {
        Some((_, version)) if version.contains('/') => format!("/, Kind={kind}"),
        Some(_) => format!("{api_version}, Kind={kind}"),
        None => format!("/{api_version}, Kind={kind}"),
    }
}

/// Gives `new` the old times of `managedFields` if times are all that the write changes, so that it changes nothing.
pub fn keep_times(old: &Object, new: &mut Object) {
    let (Some(before), Some(after)) = (old.get(MANAGED_FIELDS), new.get(MANAGED_FIELDS)) else { return };
    if before == after || !equal_but_for_times(before, after) {
        return;
    }
    let before = before.clone();
    let Some(after) = new.remove(MANAGED_FIELDS) else { return };
    let same = old.0.len() == new.0.len()
        && old.0.iter().all(|(key, value)| match (key.as_str(), value, new.0.get(key)) {
            ("metadata", Value::Object(value), Some(Value::Object(other))) => {
                value.len() == other.len() + 1
                    && value
                        .iter()
                        .all(|(key, value)| key == "managedFields" || other.get(key) == Some(value))
            }
            (_, value, other) => other == Some(value),
        });
    new.set(MANAGED_FIELDS, if same { before } else { after });
}
