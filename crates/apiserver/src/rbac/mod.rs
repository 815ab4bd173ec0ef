//! The RBAC authorizer: decides by the four RBAC kinds, which are kept in memory.
mod aggregation;
mod strategy;
mod validation;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use grange_apimachinery::{Object, Value};
use grange_rbac::{PolicyRule, RequestAttributes, Subject, SubjectKind, rules_allow};
use grange_store::Entry;

pub(crate) use self::{aggregation::run_aggregation, strategy::RbacStrategy};
use crate::{
    Attributes, Authorizer, Decision, UserInfo,
    authentication::MASTERS,
    keys,
    mirror::{self, Mirror},
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
    mirror: Mirror<Snapshot>,
}

impl RbacAuthorizer {
    /// The roles and bindings that are kept.
    pub(crate) fn mirror(&self) -> &Mirror<impl mirror::Snapshot> {
        &self.mirror
    }
    /// The rules of a role; `None` if there is no such role.
    pub(crate) fn role_rules(&self, role: &RoleRef, namespace: &str) -> Option<Arc<Vec<PolicyRule>>> {
        self.mirror.load().rules(role, namespace).cloned()
    }
    /// Every rule that a user has in a namespace (`""`: cluster-wide only).
    pub(crate) fn rules_for(&self, user: &UserInfo, namespace: &str) -> Vec<Arc<Vec<PolicyRule>>> {
        let mut all = Vec::new();
        self.mirror.load().visit(user, namespace, |_, _, rules| {
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
            self.mirror.load().visit(attributes.user, attributes.namespace, |scope, binding, rules| {
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

impl mirror::Snapshot for Snapshot {
    fn prefix() -> String {
        format!("{}{GROUP}/", keys::ROOT)
    }
    fn apply(&mut self, entry: &Entry, deleted: bool) {
        let Some((GROUP, plural, object_key)) = keys::parse_key(&entry.key) else { return };
        let (namespace, name) = keys::split_object(object_key);
        let object =
            if deleted { None } else { Object::from_stored(&entry.value, entry.mod_revision.0).ok() };
        match plural {
            "roles" | "clusterroles" => {
                let key = (namespace.to_owned(), name.to_owned());
                match object {
                    Some(object) => self.roles.insert(key, Arc::new(rules_of(&object))),
                    None => self.roles.remove(&key),
                };
            }
            "rolebindings" | "clusterrolebindings" => {
                let bindings = Arc::make_mut(self.bindings.entry(namespace.to_owned()).or_default());
                match object {
                    Some(object) => {
                        bindings.insert(name.to_owned(), Arc::new(binding(name, &object)));
                    }
                    None => {
                        bindings.remove(name);
                    }
                }
                if bindings.is_empty() {
                    self.bindings.remove(namespace);
                }
            }
            _ => {}
        }
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
