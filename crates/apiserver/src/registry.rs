//! What is served, as an immutable table that is swapped whole when resources are added.
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use grange_apimachinery::{
    Object, Status,
    object::{render_stored, split_stored, write_revision},
};
use grange_store::Entry;

use crate::{
    Resource, UserInfo, keys,
    resource::{Scope, Subresource, VirtualResource},
    table::Cells,
};

/// Groups that kube-apiserver serves itself: their kinds take strategic merge patches, whoever lists them here.
const KUBERNETES_GROUPS: &[&str] = &[
    "",
    "apps",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// A stored resource with what is computed from it once.
pub(crate) struct Served {
    /// The resource.
    pub(crate) resource: Resource,
    /// Whether it came with the server (then strategic merge patches and unconditional updates are allowed).
    pub(crate) builtin: bool,
    /// What its keys begin with.
    pub(crate) prefix: String,
    /// Its table.
    pub(crate) cells: Cells,
    /// The opening of stored objects and what it becomes in this version, when this is not the stored version.
    opening: Option<(String, String)>,
    /// The version objects are stored in.
    pub(crate) stored_api_version: String,
}

fn opening(api_version: &str, kind: &str) -> String {
    format!("{{\"apiVersion\":\"{api_version}\",\"kind\":\"{kind}\"")
}

impl Served {
    fn new(resource: Resource, builtin: bool, stored_api_version: &str) -> Self {
        let own = resource.api_version();
        Served {
            prefix: keys::resource_prefix(&resource.group, &resource.plural),
            cells: Cells::new(&resource.columns),
            opening: (own != stored_api_version)
                .then(|| (opening(stored_api_version, &resource.kind), opening(&own, &resource.kind))),
            stored_api_version: stored_api_version.to_owned(),
            builtin,
            resource,
        }
    }
    /// The key of an object.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> String {
        keys::object_key(&self.prefix, self.resource.scope, namespace, name)
    }
    /// Whether objects live in namespaces.
    pub(crate) fn namespaced(&self) -> bool {
        self.resource.scope == Scope::Namespaced
    }
    /// Whether this is the resource `namespaces` itself.
    pub(crate) fn is_namespaces(&self) -> bool {
        self.resource.group.is_empty() && self.resource.plural == "namespaces"
    }
    /// The pieces of an entry's wire form before and after the revision, in this version.
    fn pieces(&self, stored: &Bytes) -> (Bytes, Bytes) {
        let (head, tail) = split_stored(stored);
        (self.reopen(&head).unwrap_or(head), tail)
    }
    fn reopen(&self, head: &[u8]) -> Option<Bytes> {
        let (from, to) = self.opening.as_ref()?;
        let rest = head.strip_prefix(from.as_bytes())?;
        let mut out = Vec::with_capacity(to.len() + rest.len());
        out.extend_from_slice(to.as_bytes());
        out.extend_from_slice(rest);
        Some(out.into())
    }
    /// Appends the wire form of stored bytes at a revision, as `user` may see it.
    pub(crate) fn render(&self, user: &UserInfo, stored: &Bytes, revision: u64, out: &mut Vec<u8>) {
        if self.resource.strategy.redacts() {
            match self.object(stored, revision) {
                Ok(mut object) => {
                    self.resource.strategy.redact(user, &mut object);
                    out.extend_from_slice(&object.to_bytes());
                }
                // INVARIANT: what cannot be read cannot be redacted, so nothing of it leaves.
                Err(_) => out.extend_from_slice(b"{}"),
            }
        } else if let Some((from, to)) = &self.opening {
            let start = out.len();
            render_stored(stored, revision, out);
            if out[start..].starts_with(from.as_bytes()) {
                out.splice(start..start + from.len(), to.bytes());
            }
        } else {
            render_stored(stored, revision, out);
        }
    }
    /// The same as shared pieces for large objects; `None` where a copy is needed anyway.
    pub(crate) fn render_shared(&self, stored: &Bytes, revision: u64) -> Option<[Bytes; 3]> {
        if self.resource.strategy.redacts() {
            return None;
        }
        let (head, tail) = self.pieces(stored);
        let mut middle = Vec::with_capacity(40);
        write_revision(revision, &tail, &mut middle);
        Some([head, middle.into(), tail])
    }
    /// The tree of an entry in this version.
    pub(crate) fn object(&self, stored: &[u8], revision: u64) -> Result<Object, Status> {
        let mut object = Object::from_stored(stored, revision)
            .map_err(|error| Status::internal(format!("stored object cannot be read: {error}")))?;
        if self.opening.is_some() {
            object.set(&["apiVersion"], self.resource.api_version());
        }
        Ok(object)
    }
    /// The tree of an entry.
    pub(crate) fn entry_object(&self, entry: &Entry) -> Result<Object, Status> {
        self.object(&entry.value, entry.mod_revision.0)
    }
    /// The stored form of an object of this version.
    pub(crate) fn stored(&self, object: &Object) -> Bytes {
        if self.opening.is_some() {
            let mut object = object.clone();
            object.set(&["apiVersion"], self.stored_api_version.as_str());
            return object.to_stored();
        }
        object.to_stored()
    }
    /// 404 for one of its objects.
    pub(crate) fn not_found(&self, name: &str) -> Status {
        Status::not_found(&self.resource.group, &self.resource.plural, name)
    }
}

/// What answers for a resource.
#[derive(Clone)]
pub(crate) enum Endpoint {
    /// Kept in the store.
    Stored(Arc<Served>),
    /// Answered, not stored.
    Virtual(Arc<dyn VirtualResource>, Arc<Resource>),
}

impl Endpoint {
    /// Its names.
    pub(crate) fn resource(&self) -> &Resource {
        match self {
            Endpoint::Stored(served) => &served.resource,
            Endpoint::Virtual(_, resource) => resource,
        }
    }
}

/// Everything served.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    endpoints: HashMap<String, Endpoint>,
    subresources: HashMap<String, Arc<dyn Subresource>>,
    /// (group, kind) → the stored version.
    kinds: HashMap<(String, String), Arc<Served>>,
    /// (group, plural) → the stored version.
    storage: BTreeMap<(String, String), Arc<Served>>,
    /// Registration order of group versions: the first version of a group is preferred.
    group_versions: Vec<(String, String)>,
    /// Rises with every change; part of the ETags of discovery and OpenAPI.
    pub(crate) serial: u64,
}

fn endpoint_key(group: &str, version: &str, plural: &str) -> String {
    format!("{group}/{version}/{plural}")
}

impl Registry {
    /// Adds or replaces a stored resource.
    pub(crate) fn add(&mut self, resource: Resource, builtin: bool) {
        let storage = (resource.group.clone(), resource.plural.clone());
        let own = resource.api_version();
        let stored_api_version =
            self.storage.get(&storage).map_or(own.clone(), |first| first.stored_api_version.clone());
        let builtin = builtin || KUBERNETES_GROUPS.contains(&resource.group.as_str());
        let served = Arc::new(Served::new(resource, builtin, &stored_api_version));
        let names = &served.resource;
        self.note_version(&names.group, &names.version);
        self.endpoints.insert(
            endpoint_key(&names.group, &names.version, &names.plural),
            Endpoint::Stored(served.clone()),
        );
        if own == stored_api_version {
            self.kinds.insert((names.group.clone(), names.kind.clone()), served.clone());
            self.storage.insert(storage, served.clone());
        }
        self.serial += 1;
    }
    /// Removes a resource in one version; its stored objects stay.
    pub(crate) fn remove(&mut self, group: &str, version: &str, plural: &str) -> bool {
        let Some(endpoint) = self.endpoints.remove(&endpoint_key(group, version, plural)) else {
            return false;
        };
        if let Endpoint::Stored(served) = endpoint
            && served.resource.api_version() == served.stored_api_version
        {
            self.kinds.remove(&(group.to_owned(), served.resource.kind.clone()));
            self.storage.remove(&(group.to_owned(), plural.to_owned()));
        }
        let used = self.endpoints.values().any(|other| {
            let other = other.resource();
            other.group == group && other.version == version
        });
        if !used {
            self.group_versions.retain(|(g, v)| g != group || v != version);
        }
        self.serial += 1;
        true
    }
    /// Adds a create-only resource.
    pub(crate) fn add_virtual(&mut self, resource: Arc<dyn VirtualResource>) {
        let names = Arc::new(resource.resource());
        self.note_version(&names.group, &names.version);
        let key = endpoint_key(&names.group, &names.version, &names.plural);
        self.endpoints.insert(key, Endpoint::Virtual(resource, names));
        self.serial += 1;
    }
    /// Adds a subresource.
    pub(crate) fn add_subresource(&mut self, subresource: Arc<dyn Subresource>) {
        let (group, version, plural, name) = subresource.names();
        let key = format!("{group}/{version}/{plural}/{name}");
        let (group, version) = (group.to_owned(), version.to_owned());
        self.note_version(&group, &version);
        self.subresources.insert(key, subresource);
        self.serial += 1;
    }
    fn note_version(&mut self, group: &str, version: &str) {
        if !self.group_versions.iter().any(|(g, v)| g == group && v == version) {
            self.group_versions.push((group.to_owned(), version.to_owned()));
        }
    }
    /// What answers for a resource.
    pub(crate) fn endpoint(&self, group: &str, version: &str, plural: &str) -> Option<&Endpoint> {
        self.endpoints.get(&endpoint_key(group, version, plural))
    }
    /// A subresource with a handler of its own.
    pub(crate) fn subresource(
        &self,
        group: &str,
        version: &str,
        plural: &str,
        name: &str,
    ) -> Option<&Arc<dyn Subresource>> {
        self.subresources.get(&format!("{group}/{version}/{plural}/{name}"))
    }
    /// The stored version of a kind.
    pub(crate) fn kind(&self, group: &str, kind: &str) -> Option<&Arc<Served>> {
        self.kinds.get(&(group.to_owned(), kind.to_owned()))
    }
    /// The stored version of a resource.
    pub(crate) fn storage(&self, group: &str, plural: &str) -> Option<&Arc<Served>> {
        self.storage.get(&(group.to_owned(), plural.to_owned()))
    }
    /// Every stored resource once.
    pub(crate) fn all_stored(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.storage.values()
    }
    /// Versions of a group in order of preference.
    pub(crate) fn versions(&self, group: &str) -> Vec<&str> {
        self.group_versions.iter().filter(|(g, _)| g == group).map(|(_, v)| v.as_str()).collect()
    }
    /// Groups in order of registration, without core.
    pub(crate) fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for (group, _) in &self.group_versions {
            if !group.is_empty() && !groups.contains(&group.as_str()) {
                groups.push(group);
            }
        }
        groups
    }
    /// The endpoints of a group version, by plural.
    pub(crate) fn endpoints_of(&self, group: &str, version: &str) -> Vec<&Endpoint> {
        let mut list: Vec<_> = self
            .endpoints
            .values()
            .filter(|endpoint| endpoint.resource().group == group && endpoint.resource().version == version)
            .collect();
        list.sort_by(|a, b| a.resource().plural.cmp(&b.resource().plural));
        list
    }
    /// The subresource handlers of a group version, by plural and name.
    pub(crate) fn subresources_of(&self, group: &str, version: &str) -> Vec<&Arc<dyn Subresource>> {
        let mut list: Vec<_> = self
            .subresources
            .values()
            .filter(|subresource| {
                let (g, v, ..) = subresource.names();
                g == group && v == version
            })
            .collect();
        list.sort_by_key(|subresource| {
            let (_, _, plural, name) = subresource.names();
            (plural.to_owned(), name.to_owned())
        });
        list
    }
}
