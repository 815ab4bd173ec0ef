//! Field ownership in the write path: what the pure tracker of `apimachinery::apply` needs to know of a resource.
use std::sync::{Arc, LazyLock};

use grange_apimachinery::{
    Map, Object, Status,
    apply::{ApplyError, FieldSet, Tracker},
    time,
};

use crate::{
    registry::{Registry, Served},
    server::Inner,
    write::{Part, WriteOptions},
};

static NOTHING: LazyLock<FieldSet> = LazyLock::new(FieldSet::default);
static STATUS: LazyLock<FieldSet> = LazyLock::new(|| FieldSet::of_fields(&[&["status"]]));
static ALL_BUT_STATUS: LazyLock<FieldSet> =
    LazyLock::new(|| FieldSet::of_fields(&[&["metadata"], &["spec"]]));
/// The structs that are written even when nothing is in them, the outer ones first; those in which all fields belong
/// together have no owner but for the whole anyway. `spec.names` is a definition's.
const STRUCTS: &[&[&str]] = &[&["spec"], &["spec", "names"], &["status"], &["source"]];

/// The ownership of fields of one resource's objects, for one write.
pub(crate) struct Ownership<'a> {
    registry: Arc<Registry>,
    served: &'a Served,
    part: Part,
    manager: &'a str,
}

impl<'a> Ownership<'a> {
    pub(crate) fn new(inner: &Inner, served: &'a Served, part: Part, options: &'a WriteOptions) -> Self {
        Ownership { registry: inner.registry.load_full(), served, part, manager: &options.manager }
    }

    /// Sets `managedFields` of an object that is about to be written by anything but apply.
    pub(crate) fn update(&self, live: Option<&Object>, new: &mut Object) {
        let empty = self.empty(new);
        self.track(&empty, |tracker| tracker.update(live, new, self.manager));
    }

    /// The present object with a configuration applied, and its `managedFields`.
    pub(crate) fn apply(
        &self,
        live: Option<&Object>,
        config: &Object,
        force: bool,
    ) -> Result<Object, Status> {
        let empty = live.map(|live| self.empty(live)).unwrap_or_default();
        let applied: Result<Object, ApplyError> =
            self.track(&empty, |tracker| tracker.apply(live, config, self.manager, force));
        applied.map_err(Status::from)
    }

    /// What kube-apiserver compares a new object with. Its built-in kinds are Go structs, which are there before anything
    /// is in them, so that nobody comes to own them as wholes.
    fn empty(&self, object: &Object) -> Object {
        let mut empty = Object::default();
        for path in STRUCTS.iter().filter(|_| self.served.builtin) {
            if object.get(path).is_some() {
                empty.set(path, Map::new());
            }
        }
        empty
    }

    fn track<T>(&self, empty: &Object, run: impl FnOnce(&Tracker<'_>) -> T) -> T {
        let resource = &self.served.resource;
        let (subresource, ignored) = match self.part {
            Part::Main if resource.status_subresource => ("", &*STATUS),
            Part::Main => ("", &*NOTHING),
            Part::Scale => ("scale", &*STATUS),
            Part::Status => ("status", &*ALL_BUT_STATUS),
            Part::Finalize => ("finalize", &*STATUS),
        };
        let api_version = resource.api_version();
        run(&Tracker {
            types: &|version| match version == api_version {
                true => Some(self.served.types()),
                false => self.registry.types(&resource.group, &resource.plural, version),
            },
            api_version: &api_version,
            kind: &resource.kind,
            subresource,
            empty,
            ignored,
            now: &time::now(),
        })
    }
}
