//! A resource as data.
use std::sync::Arc;

use futures::future::BoxFuture;
use grange_apimachinery::{
    FieldError, Object, Status, definition::Scale, name::NameRule, schema::StructuralSchema, table::Column,
};

use crate::{Body, UserInfo, authorization::Authorized};

/// Whether objects live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /** In a namespace. */
    Namespaced,
    /** In the cluster as a whole. */
    Cluster,
}

/// Everything the server needs to know about a resource.
#[derive(Clone)]
pub struct Resource {
    /// API group; `""` is core.
    pub group: String,
    /// API version.
    pub version: String,
    /// `VirtualMachine`.
    pub kind: String,
    /// `virtualmachines`.
    pub plural: String,
    /// `virtualmachine`.
    pub singular: String,
    /// `vm`, `vms`.
    pub short_names: Vec<String>,
    /// `all`.
    pub categories: Vec<String>,
    /// Namespaced or not.
    pub scope: Scope,
    /// Whether `/status` is separate: then the main endpoint ignores status and only spec changes raise the generation.
    pub status_subresource: bool,
    /// Whether there is a `/scale`, and of what.
    pub scale: Option<Scale>,
    /// Whether `metadata.generation` is kept.
    pub generation: bool,
    /// Table columns after NAME (AGE is added by the resource itself when wanted).
    pub columns: Vec<Column>,
    /// `None` accepts and keeps any field.
    pub schema: Option<Arc<StructuralSchema>>,
    /// Field selector paths beside `metadata.name` and `metadata.namespace`.
    pub selectable_fields: Vec<String>,
    /// The naming rule.
    pub name_rule: NameRule,
    /// What a client that uses this version is warned of.
    pub deprecation: Option<String>,
    /// Hooks.
    pub strategy: Arc<dyn Strategy>,
}

impl Resource {
    /// A resource with the common defaults: any fields, status subresource, generation, no hooks, AGE column.
    pub fn new(group: &str, version: &str, kind: &str, plural: &str, scope: Scope) -> Self {
        Resource {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: kind.to_lowercase(),
            short_names: Vec::new(),
            categories: Vec::new(),
            scope,
            status_subresource: true,
            scale: None,
            generation: true,
            columns: vec![Column::new("Age", "date", ".metadata.creationTimestamp")],
            schema: None,
            selectable_fields: Vec::new(),
            name_rule: NameRule::Subdomain,
            deprecation: None,
            strategy: Arc::new(NoHooks),
        }
    }
    /// `kind` + `List`.
    pub fn list_kind(&self) -> String {
        format!("{}List", self.kind)
    }
    /// Whether a PUT creates what is not there.
    pub(crate) fn is_created_by_update(&self) -> bool {
        self.is_lease()
            || self.group == "rbac.authorization.k8s.io"
            || (self.group.is_empty() && self.plural == "limitranges")
    }
    /// Whether these are leases, the one built-in kind that is never updated without a resourceVersion.
    pub(crate) fn is_lease(&self) -> bool {
        self.group == "coordination.k8s.io" && self.plural == "leases"
    }
    /// Whether a deletion is answered with the object that is gone, as of service accounts, rather than with a status.
    pub(crate) fn returns_deleted(&self) -> bool {
        self.group.is_empty() && matches!(self.plural.as_str(), "serviceaccounts" | "resourcequotas")
    }
    /// `group/version`, or `v1` for core.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// Hooks of a resource; pure and quick, called inside the write path before the object is stored. They see the
/// object after defaulting and pruning and before validation of metadata.
pub trait Strategy: Send + Sync + 'static {
    /// Whether [`Strategy::decode`] reads the object, instead of the schema.
    fn decodes(&self) -> bool {
        false
    }
    /// Brings what a client sent into the form that is stored, before the schema sees it; names the unknown fields it drops.
    fn decode(&self, object: &mut Object, unknown: &mut Vec<String>) -> Result<(), Status> {
        let _ = (object, unknown);
        Ok(())
    }
    /// Fills in what the schema cannot: normal forms and defaults that belong to the kind's own reading. Whoever sends the
    /// object owns what is filled in; what the hooks below change belongs to nobody.
    fn complete(&self, object: &mut Object) {
        let _ = object;
    }
    /// Fills in or refuses a new object.
    fn prepare_create(&self, user: &UserInfo, object: &mut Object) -> Result<(), Status> {
        let _ = (user, object);
        Ok(())
    }
    /// Fills in or refuses a change (spec and status writes alike).
    fn prepare_update(&self, user: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        let _ = (user, old, new);
        Ok(())
    }
    /// What is wrong with a new object, or (`old` is there) with a change, beside what metadata's rules for all kinds find.
    fn validate(&self, old: Option<&Object>, new: &Object) -> Vec<FieldError> {
        let _ = (old, new);
        Vec::new()
    }
    /// Refuses a deletion.
    fn check_delete(&self, user: &UserInfo, object: &Object) -> Result<(), Status> {
        let _ = (user, object);
        Ok(())
    }
    /// Turns a deletion into a change of the object, and says so; what is left then removes itself.
    fn begin_delete(&self, object: &mut Object) -> bool {
        let _ = object;
        false
    }
    /// What a writer is to be told of an object that is accepted; `old` is absent for a new one.
    fn warnings(&self, old: Option<&Object>, new: &Object) -> Vec<String> {
        let _ = (old, new);
        Vec::new()
    }
    /// Whether a create of something that exists returns the existing object (200) instead of 409.
    fn accept_existing(&self, existing: &Object, requested: &Object) -> bool {
        let _ = (existing, requested);
        false
    }
    /// Changes an object on its way out to `user` (blank secrets). `None` (the default answer of [`Strategy::redacts`]) keeps stored bytes untouched.
    fn redacts(&self) -> bool {
        false
    }
    /// Called only where [`Strategy::redacts`] is true.
    fn redact(&self, user: &UserInfo, object: &mut Object) {
        let _ = (user, object);
    }
}

/// The strategy without hooks.
#[derive(Debug)]
pub struct NoHooks;
impl Strategy for NoHooks {}

/// A create-only resource that is answered, not stored (TokenReview, SubjectAccessReview and their like are built in; others may be added).
pub trait VirtualResource: Send + Sync + 'static {
    /// Its names (schema, columns and strategy are not used).
    fn resource(&self) -> Resource;
    /// Answers a create.
    fn create<'a>(
        &'a self,
        authorized: &'a Authorized<'a>,
        object: Object,
    ) -> BoxFuture<'a, Result<Object, Status>>;
}

/// A subresource (or a whole API group's odd paths) with a handler of its own: `virtualmachines/start`, `pods/log`, `serviceaccounts/token`.
pub trait Subresource: Send + Sync + 'static {
    /// Group, version, plural, subresource (`("subresources.kubevirt.io", "v1", "virtualmachines", "start")`).
    fn names(&self) -> (&str, &str, &str, &str);
    /// Kind reported in discovery.
    fn kind(&self) -> &str {
        "Status"
    }
    /// The HTTP methods' verbs for discovery (`["update"]`).
    fn verbs(&self) -> &[&str];
    /// Answers a request that was authorized for it. The request keeps its body and `hyper` upgrade extension.
    fn handle<'a>(
        &'a self,
        authorized: &'a Authorized<'a>,
        request: http::Request<Body>,
    ) -> BoxFuture<'a, Result<http::Response<Body>, Status>>;
}
