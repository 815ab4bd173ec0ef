//! The kinds a Harvester cluster serves, as data: names, scope, short names, columns, whether status is separate.
//!
//! The facts are those of a Harvester's own CRDs (and of KubeVirt's, Longhorn's, Kubernetes' built-ins); schemas are
//! not among them yet, so any field is kept. Start at [`resources`] and [`definitions`].

use std::sync::Arc;

use grange_apimachinery::{FieldError, name::NameRule, table::Column};
use grange_apiserver::{NoHooks, OwnDefinition, Resource, Scope, Strategy};
use serde_json::json;

use crate::{client::Name, strategies};

mod harvester;
mod kubernetes;
mod neighbours;

/// What the controllers need to know of a kind to reach its objects.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) group: Name,
    pub(crate) version: Name,
    pub(crate) kind: Name,
    pub(crate) plural: Name,
    pub(crate) namespaced: bool,
    /// Whether `/status` is separate.
    pub(crate) status: bool,
}

impl Kind {
    const fn of(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
        namespaced: bool,
        status: bool,
    ) -> Self {
        Kind {
            group: Name::Borrowed(group),
            version: Name::Borrowed(version),
            kind: Name::Borrowed(kind),
            plural: Name::Borrowed(plural),
            namespaced,
            status,
        }
    }
    /// `group/version`, or `v1` for core.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
    /// The URL path; empty parts are left out.
    pub(crate) fn path(&self, namespace: &str, name: &str, subresource: &str) -> String {
        let mut path =
            if self.group.is_empty() { "/api/".to_owned() } else { format!("/apis/{}/", self.group) };
        path.push_str(&self.version);
        if self.namespaced && !namespace.is_empty() {
            path.push_str("/namespaces/");
            path.push_str(namespace);
        }
        for part in [&self.plural, name, subresource] {
            if !part.is_empty() {
                path.push('/');
                path.push_str(part);
            }
        }
        path
    }
}

pub(crate) static NAMESPACES: Kind = Kind::of("", "v1", "Namespace", "namespaces", false, true);
pub(crate) static NODES: Kind = Kind::of("", "v1", "Node", "nodes", false, true);
pub(crate) static SECRETS: Kind = Kind::of("", "v1", "Secret", "secrets", true, false);
pub(crate) static CONFIG_MAPS: Kind = Kind::of("", "v1", "ConfigMap", "configmaps", true, false);
pub(crate) static PODS: Kind = Kind::of("", "v1", "Pod", "pods", true, true);
pub(crate) static EVENTS: Kind = Kind::of("", "v1", "Event", "events", true, false);
pub(crate) static CLAIMS: Kind =
    Kind::of("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, true);
pub(crate) static VOLUMES: Kind = Kind::of("", "v1", "PersistentVolume", "persistentvolumes", false, true);
pub(crate) static DEPLOYMENTS: Kind = Kind::of("apps", "v1", "Deployment", "deployments", true, true);
pub(crate) static STORAGE_CLASSES: Kind =
    Kind::of("storage.k8s.io", "v1", "StorageClass", "storageclasses", false, false);
pub(crate) static CLUSTER_ROLES: Kind =
    Kind::of("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false, false);
pub(crate) static CLUSTER_ROLE_BINDINGS: Kind =
    Kind::of("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false, false);
pub(crate) static ROLE_BINDINGS: Kind =
    Kind::of("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true, false);
pub(crate) static NODE_METRICS: Kind =
    Kind::of("metrics.k8s.io", "v1beta1", "NodeMetrics", "nodes", false, false);
pub(crate) static SETTINGS: Kind =
    Kind::of("harvesterhci.io", "v1beta1", "Setting", "settings", false, false);
pub(crate) static IMAGES: Kind =
    Kind::of("harvesterhci.io", "v1beta1", "VirtualMachineImage", "virtualmachineimages", true, false);
pub(crate) static KEY_PAIRS: Kind =
    Kind::of("harvesterhci.io", "v1beta1", "KeyPair", "keypairs", true, false);
pub(crate) static TEMPLATES: Kind =
    Kind::of("harvesterhci.io", "v1beta1", "VirtualMachineTemplate", "virtualmachinetemplates", true, true);
pub(crate) static TEMPLATE_VERSIONS: Kind = Kind::of(
    "harvesterhci.io",
    "v1beta1",
    "VirtualMachineTemplateVersion",
    "virtualmachinetemplateversions",
    true,
    false,
);
pub(crate) static MACHINES: Kind =
    Kind::of("kubevirt.io", "v1", "VirtualMachine", "virtualmachines", true, true);
pub(crate) static INSTANCES: Kind =
    Kind::of("kubevirt.io", "v1", "VirtualMachineInstance", "virtualmachineinstances", true, false);

/// One row of the tables.
struct Row {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    status: bool,
    columns: &'static [Col],
    /// Served by a CRD on a Harvester, so listed among the CRDs.
    custom: bool,
    fields: &'static [&'static str],
}

/// Where the Kubernetes community approved the kinds of the snapshot controller.
const SNAPSHOT_APPROVAL: &str = "https://github.com/kubernetes-csi/external-snapshotter/pull/814";

/// A column: heading, type, JSONPath, priority.
struct Col(&'static str, &'static str, &'static str, i32);

const AGE: Col = Col("Age", "date", ".metadata.creationTimestamp", 0);
const AGE_UPPER: Col = Col("AGE", "date", ".metadata.creationTimestamp", 0);

impl Row {
    const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
        columns: &'static [Col],
    ) -> Row {
        Row {
            group,
            version,
            kind,
            plural,
            namespaced: true,
            short_names: &[],
            categories: &[],
            status: false,
            columns,
            custom: true,
            fields: &[],
        }
    }
    const fn cluster(mut self) -> Row {
        self.namespaced = false;
        self
    }
    const fn short(mut self, names: &'static [&'static str]) -> Row {
        self.short_names = names;
        self
    }
    const fn categories(mut self, names: &'static [&'static str]) -> Row {
        self.categories = names;
        self
    }
    const fn status(mut self) -> Row {
        self.status = true;
        self
    }
    const fn built_in(mut self) -> Row {
        self.custom = false;
        self
    }
    const fn fields(mut self, fields: &'static [&'static str]) -> Row {
        self.fields = fields;
        self
    }

    fn definition(&self) -> Result<OwnDefinition, FieldError> {
        let columns: Vec<_> = (self.columns.iter())
            .map(|Col(name, kind, path, priority)| {
                json!({"name": name, "type": kind, "jsonPath": path, "priority": priority})
            })
            .collect();
        let mut version = json!({
            "name": self.version, "served": true, "storage": true, "additionalPrinterColumns": columns,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        });
        if self.status {
            version["subresources"] = json!({"status": {}});
        }
        let mut metadata = json!({"name": format!("{}.{}", self.plural, self.group)});
        if self.group.ends_with(".k8s.io") {
            metadata["annotations"] = json!({"api-approved.kubernetes.io": SNAPSHOT_APPROVAL});
        }
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata,
            "spec": {
                "group": self.group, "scope": if self.namespaced { "Namespaced" } else { "Cluster" },
                "names": {"kind": self.kind, "plural": self.plural, "shortNames": self.short_names,
                          "categories": self.categories},
                "versions": [version],
            },
        });
        OwnDefinition::new(definition, self.strategy())
    }

    fn strategy(&self) -> Arc<dyn Strategy> {
        match strategies::of(self.group, self.kind) {
            Some(strategy) => strategy as Arc<dyn Strategy>,
            None => Arc::new(NoHooks),
        }
    }

    fn resource(&self) -> Resource {
        let scope = if self.namespaced { Scope::Namespaced } else { Scope::Cluster };
        let mut resource = Resource::new(self.group, self.version, self.kind, self.plural, scope);
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        resource.short_names = own(self.short_names);
        resource.categories = own(self.categories);
        resource.selectable_fields = own(self.fields);
        resource.status_subresource = self.status;
        resource.columns = (self.columns.iter())
            .map(|Col(name, kind, path, priority)| {
                let mut column = Column::new(name, kind, path);
                column.priority = *priority;
                column
            })
            .collect();
        if self.kind == "Service" {
            resource.name_rule = NameRule::Rfc1035Label;
        }
        resource.strategy = self.strategy();
        resource
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    kubernetes::ROWS.iter().chain(harvester::ROWS).chain(neighbours::ROWS)
}

/// Kubernetes' own resources that the API server does not bring itself.
pub(crate) fn resources() -> Vec<Resource> {
    rows().filter(|row| !row.custom).map(Row::resource).collect()
}

/// The custom resources of a Harvester.
///
/// # Errors
/// When Kubernetes would not accept one of their definitions; a test proves that it accepts all.
pub(crate) fn definitions() -> Result<Vec<OwnDefinition>, FieldError> {
    rows().filter(|row| row.custom).map(Row::definition).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_short_names_too_within_a_group() {
        let mut plurals = BTreeSet::new();
        let mut short_names = BTreeSet::new();
        for row in rows() {
            assert!(plurals.insert((row.group, row.plural)), "{} {}", row.group, row.plural);
            for name in row.short_names {
                assert!(short_names.insert((row.group, name)), "{} {name}", row.group);
            }
        }
    }

    #[test]
    fn every_definition_is_accepted() {
        assert_eq!(definitions().unwrap().len(), rows().filter(|row| row.custom).count());
    }

    #[test]
    fn the_controllers_kinds_agree_with_the_tables() {
        for kind in [
            &NODES,
            &PODS,
            &CLAIMS,
            &VOLUMES,
            &DEPLOYMENTS,
            &STORAGE_CLASSES,
            &NODE_METRICS,
            &SETTINGS,
            &IMAGES,
            &KEY_PAIRS,
            &TEMPLATES,
            &TEMPLATE_VERSIONS,
            &MACHINES,
            &INSTANCES,
        ] {
            let row = rows().find(|row| row.group == kind.group && row.plural == kind.plural).unwrap();
            assert_eq!((row.kind, row.version), (&*kind.kind, &*kind.version));
            assert_eq!((row.namespaced, row.status), (kind.namespaced, kind.status), "{}", kind.kind);
        }
    }

    #[test]
    fn paths_are_kubernetes_own() {
        assert_eq!(PODS.path("a", "b", "log"), "/api/v1/namespaces/a/pods/b/log");
        assert_eq!(PODS.path("", "", ""), "/api/v1/pods");
        assert_eq!(SETTINGS.path("", "x", ""), "/apis/harvesterhci.io/v1beta1/settings/x");
        assert_eq!(NODES.path("ignored", "n", "status"), "/api/v1/nodes/n/status");
    }
}
