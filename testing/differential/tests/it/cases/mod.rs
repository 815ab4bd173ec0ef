//! The cases by area.
mod access;
mod applies;
mod deletion;
mod fields;
mod lists;
mod metadata;
mod patches;
mod quotas;
pub(crate) mod random_applies;
mod reviews;
pub(crate) mod rules;
mod tables;
mod updates;
mod watches;

use grange_differential::Case;
use serde_json::{Value, json};

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    [
        metadata::cases(),
        fields::cases(),
        updates::cases(),
        patches::cases(),
        lists::cases(),
        watches::cases(),
        deletion::cases(),
        access::cases(),
        applies::cases(),
        reviews::cases(),
        rules::cases(),
        tables::cases(),
        quotas::cases(),
        random_applies::cases(),
    ]
    .concat()
}

/// A kind that both sides serve, for cases that try the same with every kind.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// `configmaps`.
    pub(crate) plural: &'static str,
    group: &'static str,
    kind: &'static str,
    namespaced: bool,
}

/// The kinds that come with both sides.
pub(crate) const KINDS: &[Kind] = &[
    Kind { plural: "configmaps", group: "", kind: "ConfigMap", namespaced: true },
    Kind { plural: "secrets", group: "", kind: "Secret", namespaced: true },
    Kind { plural: "serviceaccounts", group: "", kind: "ServiceAccount", namespaced: true },
    Kind { plural: "leases", group: "coordination.k8s.io", kind: "Lease", namespaced: true },
    Kind { plural: "roles", group: "rbac.authorization.k8s.io", kind: "Role", namespaced: true },
    Kind {
        plural: "rolebindings",
        group: "rbac.authorization.k8s.io",
        kind: "RoleBinding",
        namespaced: true,
    },
    Kind { plural: "limitranges", group: "", kind: "LimitRange", namespaced: true },
    Kind {
        plural: "clusterroles",
        group: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        namespaced: false,
    },
];

impl Kind {
    /// `v1`, `coordination.k8s.io/v1`.
    pub(crate) fn api_version(self) -> String {
        if self.group.is_empty() { "v1".into() } else { format!("{}/v1", self.group) }
    }
    /// The collection in the case's namespace.
    pub(crate) fn collection(self) -> String {
        let root = if self.group.is_empty() { "/api/v1".into() } else { format!("/apis/{}/v1", self.group) };
        let namespace = if self.namespaced { "/namespaces/{ns}" } else { "" };
        format!("{root}{namespace}/{}", self.plural)
    }
    /// A name that is the case's own, also in cluster scope.
    pub(crate) fn name(self, name: &str) -> String {
        if self.namespaced { name.into() } else { format!("{{ns}}-{name}") }
    }
    /// One object's path.
    pub(crate) fn path(self, name: &str) -> String {
        format!("{}/{}", self.collection(), self.name(name))
    }
    /// A good object.
    pub(crate) fn object(self, name: &str) -> Value {
        let mut object = json!({
            "apiVersion": self.api_version(), "kind": self.kind, "metadata": {"name": self.name(name)},
        });
        if self.kind == "RoleBinding" {
            object["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"});
        }
        if self.kind == "LimitRange" {
            object["spec"] = json!({"limits": [{"type": "Pod"}]});
        }
        object
    }
}

/// A config map of the case's namespace.
pub(crate) fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// The config maps of the case's namespace.
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/{ns}/configmaps";

/// Sets a value at a path of keys.
pub(crate) fn with(mut object: Value, path: &[&str], value: Value) -> Value {
    let mut place = &mut object;
    for key in path {
        place = &mut place[*key];
    }
    *place = value;
    object
}
