//! What is served, as an immutable table that is swapped whole when resources are added.
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use grange_apimachinery::{
    Object, Status,
    apply::Type,
    definition, name,
    object::{render_stored, split_stored, write_revision},
};
use grange_store::Entry;

use crate::{
    Resource, UserInfo,
    definitions::{Custom, CustomVersion, Life, Pass},
    keys, openapi,
    request::Query,
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
    /// Whether the server itself brought it: then its strategy validates everything, and the schema only decodes.
    pub(crate) own: bool,
    /// What its keys begin with.
    pub(crate) prefix: String,
    /// Its table.
    pub(crate) cells: Cells,
    /// Whether an update must say which revision it changes.
    pub(crate) conditional: bool,
    /// How objects of this version begin, where stored ones may be of another.
    opening: Option<String>,
    /// The version objects are stored in.
    pub(crate) stored_api_version: String,
    /// Where its objects are those of another group.
    translation: Option<Translation>,
    /// What the versions of a custom resource share; `None` for resources that no definition made.
    pub(crate) life: Option<Life>,
    /// What apply knows of its fields; made when it is first written.
    types: OnceLock<Arc<Type>>,
}

/// How a group shows the stored objects of another: pairs of a name there and the stored name of a field of the object.
#[derive(Clone, Copy)]
pub(crate) struct Translation(pub(crate) &'static [(&'static str, &'static str)]);

impl Translation {
    fn rename(object: &mut Object, pairs: impl Iterator<Item = (&'static str, &'static str)>) {
        for (from, to) in pairs {
            if let Some(value) = object.0.remove(from) {
                object.0.insert(to.to_owned(), value);
            }
        }
    }
    /// From the stored names.
    fn show(self, object: &mut Object) {
        Self::rename(object, self.0.iter().map(|(shown, stored)| (*stored, *shown)));
    }
    /// To the stored names.
    pub(crate) fn store(self, object: &mut Object) {
        Self::rename(object, self.0.iter().copied());
    }
    /// The stored path of a field.
    fn stored_path(self, path: &str) -> String {
        let (first, rest) = path.split_at(path.find('.').unwrap_or(path.len()));
        let stored = self.0.iter().find(|(shown, _)| *shown == first).map_or(first, |(_, stored)| stored);
        format!("{stored}{rest}")
    }
}

/// How every stored object begins.
const OPENING: &str = "{\"apiVersion\":\"";

fn opening(api_version: &str) -> String {
    format!("{OPENING}{api_version}\"")
}

impl Served {
    fn new(resource: Resource, builtin: bool, stored_api_version: &str) -> Self {
        let own = resource.api_version();
        Served {
            prefix: keys::resource_prefix(&resource.group, &resource.plural),
            cells: Cells::new(&resource.columns, false),
            opening: (own != stored_api_version).then(|| opening(&own)),
            stored_api_version: stored_api_version.to_owned(),
            conditional: !builtin || resource.group == definition::GROUP || resource.is_lease(),
            types: OnceLock::new(),
            translation: None,
            builtin,
            life: None,
            own: false,
            resource,
        }
    }
    fn custom(resource: Resource, stored_api_version: &str, life: Life) -> Self {
        // Objects may still be stored in a version that was the stored one before.
        let opening = Some(opening(&resource.api_version()));
        let builtin = KUBERNETES_GROUPS.contains(&resource.group.as_str());
        let cells = Cells::new(&resource.columns, true);
        Served { opening, cells, life: Some(life), ..Served::new(resource, builtin, stored_api_version) }
    }
    /// The right to create an object; refused while the definition of the kind is being deleted.
    pub(crate) fn enter(&self, name: &str) -> Result<Option<Pass>, Status> {
        let Some(life) = &self.life else { return Ok(None) };
        let pass = life.gate.enter().ok_or_else(|| {
            let why = "create not allowed while custom resource definition is terminating";
            Status::forbidden(&self.resource.group, &self.resource.plural, name, why)
        })?;
        Ok(Some(pass))
    }
    /// Whether the definition of the kind is being deleted.
    pub(crate) fn is_closing(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.gate.is_closed())
    }
    /// What apply knows of its fields.
    pub(crate) fn types(&self) -> Arc<Type> {
        let read = || Arc::new(Type::of_schema(&openapi::schema_of(&self.resource, self.builtin)));
        self.types.get_or_init(read).clone()
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
        self.is("", "namespaces")
    }
    /// Whether this is a resource, in whatever version.
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.resource.group == group && self.resource.plural == plural
    }
    /// The pieces of an entry's wire form before and after the revision, in this version.
    fn pieces(&self, stored: &Bytes) -> (Bytes, Bytes) {
        let (head, tail) = split_stored(stored);
        (self.reopen(&head).unwrap_or(head), tail)
    }
    fn reopen(&self, head: &[u8]) -> Option<Bytes> {
        let (opening, replaced) = self.other_opening(head)?;
        let mut out = Vec::with_capacity(opening.len() + head.len());
        out.extend_from_slice(opening.as_bytes());
        out.extend_from_slice(&head[replaced..]);
        Some(out.into())
    }
    /// What stored bytes are to begin with, and how many bytes that replaces; `None` where they begin like that.
    fn other_opening(&self, stored: &[u8]) -> Option<(&str, usize)> {
        let opening = self.opening.as_deref().filter(|opening| !stored.starts_with(opening.as_bytes()))?;
        let version = stored.strip_prefix(OPENING.as_bytes())?;
        // A version holds no quotes.
        let end = version.iter().position(|byte| *byte == b'"')?;
        Some((opening, OPENING.len() + end + 1))
    }
    /// Appends the wire form of stored bytes at a revision, as `user` may see it.
    pub(crate) fn render(&self, user: &UserInfo, stored: &Bytes, revision: u64, out: &mut Vec<u8>) {
        if self.resource.strategy.redacts() || self.translation.is_some() {
            match self.object(stored, revision) {
                Ok(mut object) => {
                    if self.resource.strategy.redacts() {
                        self.resource.strategy.redact(user, &mut object);
                    }
                    out.extend_from_slice(&object.to_bytes());
                }
                // INVARIANT: what cannot be read cannot be redacted, so nothing of it leaves.
                Err(_) => out.extend_from_slice(b"{}"),
            }
        } else if let Some((opening, replaced)) = self.other_opening(stored) {
            let start = out.len();
            render_stored(stored, revision, out);
            out.splice(start..start + replaced, opening.bytes());
        } else {
            render_stored(stored, revision, out);
        }
    }
    /// The same as shared pieces for large objects; `None` where a copy is needed anyway.
    pub(crate) fn render_shared(&self, stored: &Bytes, revision: u64) -> Option<[Bytes; 3]> {
        if self.resource.strategy.redacts() || self.translation.is_some() {
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
        if let Some(translation) = self.translation {
            translation.show(&mut object);
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
            if let Some(translation) = self.translation {
                translation.store(&mut object);
            }
            return object.to_stored();
        }
        object.to_stored()
    }
    /// A query with the stored names of fields.
    pub(crate) fn stored_query<'a>(&self, query: &'a Query) -> Cow<'a, Query> {
        let Some(translation) = self.translation else { return Cow::Borrowed(query) };
        let mut query = query.clone();
        for (path, ..) in &mut query.field_selector.requirements {
            *path = translation.stored_path(path);
        }
        Cow::Owned(query)
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
        let kubernetes = builtin || KUBERNETES_GROUPS.contains(&resource.group.as_str());
        let served = Served { own: builtin, ..Served::new(resource, kubernetes, &stored_api_version) };
        let served = Arc::new(served);
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
    /// Serves the objects of a stored resource as another group shows them.
    pub(crate) fn add_translated(
        &mut self,
        resource: Resource,
        stored: (&str, &str),
        translation: Translation,
    ) {
        let Some(stored) = self.storage(stored.0, stored.1) else { return };
        let served = Served {
            own: true,
            prefix: stored.prefix.clone(),
            translation: Some(translation),
            ..Served::new(resource, true, &stored.stored_api_version)
        };
        let names = &served.resource;
        self.note_version(&names.group, &names.version);
        let key = endpoint_key(&names.group, &names.version, &names.plural);
        self.endpoints.insert(key, Endpoint::Stored(Arc::new(served)));
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
        self.drop_unused_versions(group);
        self.serial += 1;
        true
    }
    /// Serves a custom resource as its definition says. What the server has without definitions goes first.
    pub(crate) fn set_custom(&mut self, custom: &Custom) {
        let (group, plural) = (&custom.group, &custom.plural);
        self.remove_custom(group, plural);
        let storage = (group.clone(), plural.clone());
        let Some(stored) = custom.versions.iter().find(|version| version.storage) else { return };
        if self.storage.contains_key(&storage) {
            return;
        }
        let stored_api_version = stored.resource.api_version();
        for CustomVersion { resource, served, storage: is_storage } in &custom.versions {
            let version =
                Arc::new(Served::custom(resource.clone(), &stored_api_version, custom.life.clone()));
            if *served {
                self.note_version(group, &resource.version);
                let key = endpoint_key(group, &resource.version, plural);
                self.endpoints.insert(key, Endpoint::Stored(version.clone()));
            }
            if *is_storage {
                self.kinds.insert((group.clone(), resource.kind.clone()), version.clone());
                self.storage.insert(storage.clone(), version);
            }
        }
        self.serial += 1;
    }
    /// Stops serving a custom resource; its stored objects stay.
    pub(crate) fn remove_custom(&mut self, group: &str, plural: &str) {
        let storage = (group.to_owned(), plural.to_owned());
        if self.storage.get(&storage).is_none_or(|served| served.life.is_none()) {
            return;
        }
        if let Some(served) = self.storage.remove(&storage) {
            self.kinds.remove(&(group.to_owned(), served.resource.kind.clone()));
        }
        self.endpoints.retain(|_, endpoint| {
            let names = endpoint.resource();
            names.group != group || names.plural != plural
        });
        self.drop_unused_versions(group);
        self.serial += 1;
    }
    fn drop_unused_versions(&mut self, group: &str) {
        let used = |version: &str| {
            let served = self.endpoints.values().any(|endpoint| {
                let names = endpoint.resource();
                names.group == group && names.version == version
            });
            served
                || self.subresources.values().any(|other| {
                    let (other_group, other_version, ..) = other.names();
                    other_group == group && other_version == version
                })
        };
        let kept: Vec<_> =
            self.group_versions.iter().filter(|(g, v)| g != group || used(v)).cloned().collect();
        self.group_versions = kept;
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
    /// What apply knows of a resource's fields in another of its versions.
    pub(crate) fn types(&self, group: &str, plural: &str, api_version: &str) -> Option<Arc<Type>> {
        let (own, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        match self.endpoint(group, version, plural)? {
            Endpoint::Stored(served) if own == group => Some(served.types()),
            _ => None,
        }
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
    /// Versions of a group in order of preference: released ones before betas before alphas, higher before lower.
    pub(crate) fn versions(&self, group: &str) -> Vec<&str> {
        let mut versions: Vec<&str> =
            self.group_versions.iter().filter(|(g, _)| g == group).map(|(_, v)| v.as_str()).collect();
        versions.sort_by(|a, b| name::compare_versions(b, a));
        versions
    }
    /// Groups without core: the server's own in order of registration, then those of custom resources by name.
    pub(crate) fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for (group, _) in &self.group_versions {
            if !group.is_empty() && !groups.contains(&group.as_str()) {
                groups.push(group);
            }
        }
        let own: HashSet<&str> = self
            .endpoints
            .values()
            .filter(|endpoint| !matches!(endpoint, Endpoint::Stored(served) if !served.builtin))
            .map(|endpoint| endpoint.resource().group.as_str())
            .collect();
        // The sort is stable: the own ones stay in their order.
        groups.sort_by_key(|group| if own.contains(group) { None } else { Some(*group) });
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
