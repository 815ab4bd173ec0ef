//! The RBAC authorizer: an in-memory snapshot of the four RBAC kinds, kept by a store watch.
//!
//! INVARIANT: a write of an RBAC object through this process is in the snapshot before the writer gets its answer
//! ([`RbacAuthorizer::observe`] is called by the write path as well as by the watch; the higher revision wins).
mod aggregation;
mod strategy;
mod validation;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use grange_apimachinery::{Object, Value};
use grange_rbac::{PolicyRule, RequestAttributes, Subject, SubjectKind, rules_allow};
use grange_store::{Entry, ListRequest, Revision, Store, StoreError};

pub(crate) use self::{aggregation::run_aggregation, strategy::RbacStrategy};
use crate::{
    Attributes, Authorizer, Decision, UserInfo, authentication::MASTERS, keys, limits::CONTROLLER_RETRY,
    server::Inner,
};

/// The API group of the RBAC kinds.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";

/// The role a binding hands out.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RoleRef {
    pub(crate) kind: String,
    pub(crate) name: String,
}

struct Binding {
    name: String,
    subjects: Vec<Subject>,
    role: RoleRef,
}

impl Binding {
    /// The first subject that is the user.
    fn subject(&self, user: &UserInfo, namespace: &str) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.is(&user.username, &user.groups, namespace))
    }
}

/// Rules of roles and the bindings that hand them out. Cheap to clone: the maps share their values.
#[derive(Clone, Default)]
struct Snapshot {
    /// Rules by (namespace, name); cluster roles have namespace `""`.
    roles: HashMap<(String, String), Arc<Vec<PolicyRule>>>,
    /// Bindings by namespace (`""` for cluster role bindings) and name.
    bindings: HashMap<String, Arc<BTreeMap<String, Arc<Binding>>>>,
}

impl Snapshot {
    fn rules(&self, role: &RoleRef, namespace: &str) -> Option<&Arc<Vec<PolicyRule>>> {
        let namespace = if role.kind == "Role" { namespace } else { "" };
        self.roles.get(&(namespace.to_owned(), role.name.clone()))
    }
    /// Calls `visit` with the rules of each binding of the user, cluster-wide ones first, until it returns true.
    fn visit(
        &self,
        user: &UserInfo,
        namespace: &str,
        mut visit: impl FnMut(&str, &Binding, &Arc<Vec<PolicyRule>>) -> bool,
    ) -> bool {
        let scopes: &[&str] = if namespace.is_empty() { &[""] } else { &["", namespace] };
        scopes.iter().any(|scope| {
            self.bindings.get(*scope).is_some_and(|bindings| {
                bindings.values().any(|binding| {
                    binding.subject(user, scope).is_some()
                        && self.rules(&binding.role, scope).is_some_and(|rules| visit(scope, binding, rules))
                })
            })
        })
    }
}

/// Decides by the stored roles and bindings; nothing is granted by default.
#[derive(Default)]
pub(crate) struct RbacAuthorizer {
    snapshot: ArcSwap<Snapshot>,
    /// The revision last seen of each key, so that a late watch event never undoes a newer write.
    seen: Mutex<HashMap<Arc<str>, Revision>>,
}

impl RbacAuthorizer {
    /// Takes a write into the snapshot, unless something newer is there already.
    pub(crate) fn observe(&self, entry: &Entry, deleted: bool) {
        self.observe_all(std::iter::once((entry, deleted)));
    }
    fn observe_all<'a>(&self, writes: impl Iterator<Item = (&'a Entry, bool)>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = Snapshot::clone(&self.snapshot.load());
        for (entry, deleted) in writes {
            let last = seen.entry(entry.key.clone()).or_default();
            if *last < entry.mod_revision {
                *last = entry.mod_revision;
                apply(&mut snapshot, entry, deleted);
            }
        }
        self.snapshot.store(Arc::new(snapshot));
    }
    /// Reads everything there is, once, before the watch takes over.
    pub(crate) async fn fill(&self, store: &dyn Store) -> Result<(), StoreError> {
        let prefix = format!("{}{GROUP}/", keys::ROOT);
        let page =
            store.list(ListRequest { prefix: &prefix, start_after: None, limit: 0, revision: None }).await?;
        self.observe_all(page.entries.iter().map(|entry| (entry, false)));
        Ok(())
    }
    /// Forgets deleted keys that no late event can bring back: the watch has passed them.
    fn forget_deleted(&self, entry: &Entry) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(&entry.key) == Some(&entry.mod_revision) {
            seen.remove(&entry.key);
        }
    }
    /// The rules of a role; `None` if there is no such role.
    pub(crate) fn role_rules(&self, role: &RoleRef, namespace: &str) -> Option<Arc<Vec<PolicyRule>>> {
        self.snapshot.load().rules(role, namespace).cloned()
    }
    /// Every rule that a user has in a namespace (`""`: cluster-wide only).
    pub(crate) fn rules_for(&self, user: &UserInfo, namespace: &str) -> Vec<Arc<Vec<PolicyRule>>> {
        let mut all = Vec::new();
        self.snapshot.load().visit(user, namespace, |_, _, rules| {
            all.push(rules.clone());
            false
        });
        all
    }
}

/// What cluster-admin may do.
pub(crate) fn everything() -> Vec<PolicyRule> {
    let any = || vec!["*".to_owned()];
    vec![
        PolicyRule { verbs: any(), api_groups: any(), resources: any(), ..PolicyRule::default() },
        PolicyRule { verbs: any(), non_resource_urls: any(), ..PolicyRule::default() },
    ]
}

/// The rules of a stored role; one that cannot be read grants nothing.
pub(crate) fn rules_of(object: &Object) -> Vec<PolicyRule> {
    object
        .0
        .get("rules")
        .and_then(Value::as_array)
        .map(|rules| rules.iter().filter_map(|rule| serde_json::from_value(rule.clone()).ok()).collect())
        .unwrap_or_default()
}

fn is_master(user: &UserInfo) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
}

impl Authorizer for RbacAuthorizer {
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        if is_master(attributes.user) {
            return Decision::allow("");
        }
        let request = RequestAttributes {
            verb: attributes.verb,
            group: attributes.group,
            resource: attributes.resource,
            subresource: attributes.subresource,
            name: attributes.name,
            path: attributes.path,
            is_resource: !attributes.resource.is_empty(),
        };
        let mut reason = String::new();
        let allowed =
            self.snapshot.load().visit(attributes.user, attributes.namespace, |scope, binding, rules| {
                let allowed = rules_allow(rules.iter(), request);
                if allowed {
                    let kind = if scope.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
                    let place = if scope.is_empty() { String::new() } else { format!("/{scope}") };
                    reason = format!(
                        "RBAC: allowed by {kind} \"{}{place}\" of {} {:?} to {}",
                        binding.name,
                        binding.role.kind,
                        binding.role.name,
                        binding.subject(attributes.user, scope).map(describe_subject).unwrap_or_default(),
                    );
                }
                allowed
            });
        Decision { allowed, reason }
    }
}

fn describe_subject(subject: &Subject) -> String {
    match subject.kind {
        SubjectKind::User => format!("User {:?}", subject.name),
        SubjectKind::Group => format!("Group {:?}", subject.name),
        SubjectKind::ServiceAccount => format!("ServiceAccount \"{}/{}\"", subject.name, subject.namespace),
    }
}

fn apply(snapshot: &mut Snapshot, entry: &Entry, deleted: bool) {
    let Some((GROUP, plural, object_key)) = keys::parse_key(&entry.key) else { return };
    let (namespace, name) = keys::split_object(object_key);
    let object = if deleted { None } else { Object::from_stored(&entry.value, entry.mod_revision.0).ok() };
    match plural {
        "roles" | "clusterroles" => {
            let key = (namespace.to_owned(), name.to_owned());
            match object {
                Some(object) => snapshot.roles.insert(key, Arc::new(rules_of(&object))),
                None => snapshot.roles.remove(&key),
            };
        }
        "rolebindings" | "clusterrolebindings" => {
            let bindings = Arc::make_mut(snapshot.bindings.entry(namespace.to_owned()).or_default());
            match object {
                Some(object) => {
                    bindings.insert(name.to_owned(), Arc::new(binding(name, &object)));
                }
                None => {
                    bindings.remove(name);
                }
            }
            if bindings.is_empty() {
                snapshot.bindings.remove(namespace);
            }
        }
        _ => {}
    }
}

fn binding(name: &str, object: &Object) -> Binding {
    let read = |field: &str| object.0.get(field).cloned().unwrap_or_default();
    Binding {
        name: name.to_owned(),
        // A subject that cannot be read is nobody; the others count.
        subjects: read("subjects")
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|subject| serde_json::from_value(subject.clone()).ok())
            .collect(),
        role: serde_json::from_value(read("roleRef")).unwrap_or_default(),
    }
}

/// Fills the snapshot and keeps it.
pub(crate) async fn run(inner: &Inner) {
    loop {
        if let Err(error) = follow(inner).await {
            tracing::warn!(%error, "the RBAC cache lost its watch and starts over");
        }
        tokio::time::sleep(CONTROLLER_RETRY).await;
    }
}

async fn follow(inner: &Inner) -> Result<(), StoreError> {
    let prefix = format!("{}{GROUP}/", keys::ROOT);
    let page = inner
        .store
        .list(ListRequest { prefix: &prefix, start_after: None, limit: 0, revision: None })
        .await?;
    let stale: Vec<Entry> = {
        let present: std::collections::HashSet<&str> = page.entries.iter().map(|entry| &*entry.key).collect();
        let seen = inner.rbac.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter()
            .filter(|(key, revision)| **revision <= page.revision && !present.contains(&***key))
            .map(|(key, _)| Entry {
                key: key.clone(),
                value: Default::default(),
                create_revision: page.revision,
                mod_revision: Revision(page.revision.0),
            })
            .collect()
    };
    let all = page.entries.iter().map(|entry| (entry, false)).chain(stale.iter().map(|entry| (entry, true)));
    inner.rbac.observe_all(all);
    let mut watch = inner.store.watch(&prefix, page.revision).await?;
    loop {
        let batch = watch.next().await?;
        if batch.events.is_empty() {
            continue;
        }
        inner.rbac.observe_all(batch.events.iter().map(|event| (&event.entry, event.deleted)));
        for event in batch.events.iter().filter(|event| event.deleted) {
            inner.rbac.forget_deleted(&event.entry);
        }
    }
}
