//! Create and update: what the server fills in, what it refuses, and how it meets other writers.
//!
//! INVARIANT: every stored object went through [`finish_create`] or [`finish_update`]; system fields (uid,
//! creationTimestamp, generation, deletionTimestamp) are never taken from a client.
use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use grange_apimachinery::{
    FieldError, Object, Status, Value,
    apply::keep_times,
    name::{MAX_GENERATED_NAME_BASE, NameRule, validate_metadata, validate_metadata_update},
    status::FieldCause,
    time,
};
use grange_store::{Entry, Precondition, Revision, StoreError};
use rand::RngExt as _;

use crate::{
    UserInfo, decode,
    definitions::Pass,
    limits::{MAX_CONFLICT_RETRIES, MAX_GENERATE_NAME_RETRIES},
    namespaces::NamespaceGuard,
    ownership::Ownership,
    quota,
    registry::Served,
    request::FieldValidation,
    response::store_error,
    server::Inner,
    validation,
};

/// Letters of generated names: no vowels, so no words.
const NAME_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const GENERATED_SUFFIX: usize = 5;

/// Which part of an object an update may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything but the status, where that is separate.
    Main,
    /// How many there are, through the subresource `scale`.
    Scale,
    /// The status only.
    Status,
    /// A namespace's `spec.finalizers`.
    Finalize,
}

/// How a write was asked for.
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) field_validation: FieldValidation,
    /// The field manager.
    pub(crate) manager: Cow<'static, str>,
    /// Whether the request is a patch: Kubernetes words some refusals differently then.
    pub(crate) patches: bool,
    /// Whether the request applies a configuration.
    pub(crate) applies: bool,
    /// Whether the object got its types when the request was read ([`decode::parse_object`]).
    pub(crate) is_read: bool,
}

impl WriteOptions {
    /// As the server's own controllers write.
    pub(crate) const INTERNAL: WriteOptions = WriteOptions {
        dry_run: false,
        field_validation: FieldValidation::Ignore,
        manager: Cow::Borrowed(OWN_MANAGER),
        patches: false,
        applies: false,
        is_read: false,
    };
}

/// The field manager of what the server itself writes.
pub(crate) const OWN_MANAGER: &str = "grange";

/// What a request wants an object to be.
pub(crate) struct Wanted {
    pub(crate) object: Object,
    /// What strict reading found in the request.
    pub(crate) problems: Vec<String>,
    /// Whether its `managedFields` are settled, as apply does.
    pub(crate) owned: bool,
}

impl Wanted {
    /// A change by anything but apply.
    pub(crate) fn new(object: Object, problems: Vec<String>) -> Self {
        Wanted { object, problems, owned: false }
    }
}

/// What a write left behind.
pub(crate) struct Written {
    /// The stored form.
    pub(crate) stored: Bytes,
    /// Its revision; `None` if nothing was there before and nothing was written (dry run).
    pub(crate) revision: Option<u64>,
    /// Whether it is new.
    pub(crate) created: bool,
    /// What the client is to be told.
    pub(crate) warnings: Vec<String>,
}

/// Creates an object in `namespace` (`""` for cluster scope).
pub(crate) async fn create(
    inner: &Inner,
    served: &Served,
    user: &UserInfo,
    namespace: &str,
    mut object: Object,
    problems: &[String],
    options: &WriteOptions,
) -> Result<Written, Status> {
    let mut warnings = Vec::new();
    decode::admit_fields(served, &mut object, problems, options, &mut warnings)?;
    match create_admitted(inner, served, user, namespace, object, options).await {
        Ok(mut written) => {
            warnings.append(&mut written.warnings);
            Ok(Written { warnings, ..written })
        }
        Err(status) => Err(Status { warnings, ..status }),
    }
}

async fn create_admitted(
    inner: &Inner,
    served: &Served,
    user: &UserInfo,
    namespace: &str,
    mut object: Object,
    options: &WriteOptions,
) -> Result<Written, Status> {
    let mut warnings = Vec::new();
    match_namespace(served, namespace, &mut object)?;
    let _right = right_to_create(inner, served, namespace, object.name()).await?;
    served.resource.strategy.complete(&mut object);
    // Nobody comes to own what only the server sets.
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        object.remove(&["metadata", field]);
    }
    Ownership::new(inner, served, Part::Main, options).update(None, &mut object);
    quota::complete(inner, served, namespace, &mut object);
    let generated = object.name().is_empty() && !object.text(&["metadata", "generateName"]).is_empty();
    let requested = object;
    for attempt in 1.. {
        let object = finish_create(served, user, &requested, generated).await?;
        if attempt == 1 {
            warnings.extend(served.resource.strategy.warnings(None, &object));
        }
        if !requested.resource_version().is_empty() {
            // Kubernetes finds this out in its storage, and has no better answer.
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Status::unexplained(message));
        }
        quota::admit(inner, served, namespace, None, &object, options.dry_run).await?;
        let key = served.key(namespace, object.name());
        let stored = served.stored(&object);
        if options.dry_run {
            return match inner.store.get(&key).await.map_err(store_error)? {
                None => Ok(Written { stored, revision: None, created: true, warnings }),
                Some(entry) => accept_existing(served, &entry, &requested, object.name(), warnings),
            };
        }
        match inner.put(served, &key, stored, Precondition::Absent).await {
            Ok(entry) => {
                return Ok(Written {
                    stored: entry.value,
                    revision: Some(entry.mod_revision.0),
                    created: true,
                    warnings,
                });
            }
            Err(StoreError::PreconditionFailed { .. })
                if generated && attempt < MAX_GENERATE_NAME_RETRIES => {}
            Err(StoreError::PreconditionFailed { current: Some(entry), .. }) => {
                return accept_existing(served, &entry, &requested, object.name(), warnings);
            }
            Err(StoreError::PreconditionFailed { current: None, .. }) if attempt < MAX_CONFLICT_RETRIES => {}
            Err(error) => return Err(store_error(error)),
        }
    }
    Err(Status::internal("invariant: the loop returns"))
}

fn accept_existing(
    served: &Served,
    entry: &Entry,
    requested: &Object,
    name: &str,
    warnings: Vec<String>,
) -> Result<Written, Status> {
    let existing = served.entry_object(entry)?;
    if served.resource.strategy.accept_existing(&existing, requested) {
        let revision = Some(entry.mod_revision.0);
        return Ok(Written { stored: entry.value.clone(), revision, created: false, warnings });
    }
    let mut status = Status::already_exists(&served.resource.group, &served.resource.plural, name);
    if existing.is_terminating() {
        status.message = format!("object is being deleted: {}", status.message);
    }
    Err(status)
}

/// Held while an object is made; refused where its kind or its namespace is on its way out.
pub(crate) async fn right_to_create(
    inner: &Inner,
    served: &Served,
    namespace: &str,
    name: &str,
) -> Result<(Option<Pass>, Option<NamespaceGuard>), Status> {
    let pass = served.enter(name)?;
    let guard = match served.namespaced() {
        true => Some(inner.require_namespace(served, namespace, name).await?),
        false => None,
    };
    Ok((pass, guard))
}

/// Puts the namespace of the URL into the object, or refuses another one.
pub(crate) fn match_namespace(served: &Served, namespace: &str, object: &mut Object) -> Result<(), Status> {
    if !served.namespaced() {
        // A namespace has no meaning here; Kubernetes drops it.
        object.remove(&["metadata", "namespace"]);
        return Ok(());
    }
    if namespace.is_empty() {
        return Err(Status::bad_request("an empty namespace may not be set during creation"));
    }
    match object.namespace() {
        "" => object.set(&["metadata", "namespace"], namespace),
        own if own == namespace => {}
        _ => {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
    }
    Ok(())
}

/// Refuses an object without a name, or with another than the URL's.
pub(crate) fn match_name(name: &str, object: &Object) -> Result<(), Status> {
    match object.name() {
        "" => Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        own if own == name => Ok(()),
        own => Err(Status::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        ))),
    }
}

/// System fields, hooks and validation of a new object.
pub(crate) async fn finish_create(
    served: &Served,
    user: &UserInfo,
    requested: &Object,
    generate: bool,
) -> Result<Object, Status> {
    let resource = &served.resource;
    let mut object = requested.clone();
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"] {
        object.remove(&["metadata", field]);
    }
    if resource.status_subresource {
        object.0.remove("status");
    }
    if generate {
        let base = object.text(&["metadata", "generateName"]);
        let name = generate_name(base);
        object.set(&["metadata", "name"], name);
    }
    object.set(&["metadata", "uid"], uuid::Uuid::new_v4().to_string());
    object.set(&["metadata", "creationTimestamp"], time::now());
    if resource.generation {
        object.set(&["metadata", "generation"], 1);
    }
    resource.strategy.prepare_create(user, &mut object)?;
    decode::tidy_metadata(&mut object);
    let mut errors = validate_metadata(&object, resource.name_rule, served.namespaced());
    errors.extend(resource.strategy.validate(None, &object));
    // What is new was not wrong before.
    validation::validate(served, &object, None, errors, &mut Vec::new()).await?;
    Ok(object)
}

/// `base` plus five random letters.
pub(crate) fn generate_name(base: &str) -> String {
    let mut end = base.len().min(MAX_GENERATED_NAME_BASE);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    let mut name = base[..end].to_owned();
    let mut random = rand::rng();
    for _ in 0..GENERATED_SUFFIX {
        name.push(char::from(NAME_ALPHABET[random.random_range(0..NAME_ALPHABET.len())]));
    }
    name
}

/// A field error.
pub(crate) fn field_error(field: &str, cause: FieldCause, value: Option<&Value>, detail: &str) -> FieldError {
    FieldError { field: field.into(), cause, value: value.map(Value::to_string), detail: detail.into() }
}

/// What an update is about, and who wants it.
pub(crate) struct Target<'a> {
    pub(crate) served: &'a Served,
    pub(crate) user: &'a UserInfo,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) part: Part,
}

/// Changes an object: `make` turns the present object into the wanted one (and says what strict reading found in the
/// request); it may be called again if another writer was faster. A resourceVersion that it leaves in the object must
/// still be the present one.
pub(crate) async fn update(
    inner: &Inner,
    target: &Target<'_>,
    options: &WriteOptions,
    make: impl Fn(&Object) -> Result<Wanted, Status>,
) -> Result<Written, Status> {
    let (served, name) = (target.served, target.name);
    let key = served.key(target.namespace, name);
    let _guard = quota::charges_changes(served).then(|| inner.namespaces.enter(target.namespace));
    for _ in 0..MAX_CONFLICT_RETRIES {
        let Some(entry) = inner.store.get(&key).await.map_err(store_error)? else {
            return Err(served.not_found(name));
        };
        let old = served.entry_object(&entry)?;
        let wanted = make(&old)?;
        let mut warnings = Vec::new();
        let new = match finish_update(inner, target, &old, wanted, options, &mut warnings).await {
            Ok(new) => new,
            Err(status) => return Err(Status { warnings, ..status }),
        };
        quota::admit(inner, served, target.namespace, Some(&old), &new, options.dry_run).await?;
        match store_update(inner, served, &key, &entry, &new, options.dry_run).await {
            Ok((stored, revision)) => {
                return Ok(Written { stored, revision: Some(revision.0), created: false, warnings });
            }
            Err(StoreError::PreconditionFailed { .. }) => {}
            Err(error) => return Err(store_error(error)),
        }
    }
    Err(conflict(served, name))
}

/// 409 with Kubernetes' sentence.
pub(crate) fn conflict(served: &Served, name: &str) -> Status {
    Status::conflict(
        &served.resource.group,
        &served.resource.plural,
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
    )
}

/// Writes a changed object, or removes it when nothing holds it any more, or does nothing when nothing changed.
pub(crate) async fn store_update(
    inner: &Inner,
    served: &Served,
    key: &str,
    entry: &Entry,
    new: &Object,
    dry_run: bool,
) -> Result<(Bytes, Revision), StoreError> {
    let stored = served.stored(new);
    let precondition = Precondition::ModRevision(entry.mod_revision);
    if is_released(served, new) {
        if dry_run {
            return Ok((stored, entry.mod_revision));
        }
        // The answer shows the object as it would have been; Kubernetes leaves it the last revision that was stored.
        inner.delete_key(served, key, precondition).await?;
        return Ok((stored, entry.mod_revision));
    }
    if stored == entry.value || dry_run {
        return Ok((stored, entry.mod_revision));
    }
    let entry = inner.put(served, key, stored, precondition).await?;
    Ok((entry.value, entry.mod_revision))
}

/// Whether a terminating object has nothing left that holds it.
pub(crate) fn is_released(served: &Served, object: &Object) -> bool {
    let held_by_spec = || {
        object
            .get(&["spec", "finalizers"])
            .and_then(Value::as_array)
            .is_some_and(|finalizers| !finalizers.is_empty())
    };
    object.is_terminating() && object.finalizers().is_empty() && !(served.is_namespaces() && held_by_spec())
}

/// Everything between the wanted object and the one that is written.
pub(crate) async fn finish_update(
    inner: &Inner,
    target: &Target<'_>,
    old: &Object,
    wanted: Wanted,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Object, Status> {
    let Target { served, user, part, .. } = *target;
    let resource = &served.resource;
    let name = old.name();
    let Wanted { object: mut new, problems, owned } = wanted;
    decode::check_kind(&mut new, &resource.api_version(), &resource.kind, served.builtin).map_err(
        |status| match options.patches {
            true => decode::unreadable_patch(&new, &status.message),
            false => status,
        },
    )?;
    decode::admit_fields(served, &mut new, &problems, options, warnings)?;
    match_name(name, &new)?;
    match_namespace(served, old.namespace(), &mut new)?;
    // A patch asks for no uid; one that changes it is told by validation.
    if !options.patches && !new.uid().is_empty() && new.uid() != old.uid() {
        return Err(Status::conflict(
            &resource.group,
            &resource.plural,
            name,
            &format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {}, UID in object meta: {}",
                resource.plural,
                [old.namespace(), name]
                    .iter()
                    .filter(|part| !part.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join("/"),
                new.uid(),
                old.uid()
            ),
        ));
    }
    match new.resource_version() {
        "" if served.conditional => {
            return Err(Status::invalid(
                &resource.group,
                &resource.plural,
                name,
                vec![field_error(
                    "metadata.resourceVersion",
                    FieldCause::FieldValueInvalid,
                    Some(&Value::from(0)),
                    "must be specified for an update",
                )],
            ));
        }
        "" => {}
        version if version == old.resource_version() => {}
        version if version.parse::<u64>().is_err() => {
            return Err(Status::unexplained(format!("{version:?} is no resource version")));
        }
        _ => return Err(conflict(served, name)),
    }
    resource.strategy.complete(&mut new);
    if !owned {
        Ownership::new(inner, served, part, options).update(Some(old), &mut new);
    }
    keep_other_parts(served, old, &mut new, part);
    keep_system_fields(old, &mut new);
    resource.strategy.prepare_update(user, old, &mut new)?;
    decode::tidy_metadata(&mut new);
    raise_generation(served, old, &mut new);
    keep_times(old, &mut new);
    // What is stored had a good name once; Kubernetes checks here only that it has its place in a path.
    let mut errors = validate_metadata(&new, NameRule::PathSegment, served.namespaced());
    errors.extend(validate_metadata_update(old, &new));
    errors.extend(resource.strategy.validate(Some(old), &new));
    validation::validate(served, &new, Some(old), errors, warnings).await?;
    warnings.extend(resource.strategy.warnings(Some(old), &new));
    Ok(new)
}

/// Brings back what this (sub)resource cannot change; who owns what is known by now.
fn keep_other_parts(served: &Served, old: &Object, new: &mut Object, part: Part) {
    let owners = new.remove(&["metadata", "managedFields"]);
    match part {
        Part::Main | Part::Scale => {
            if served.resource.status_subresource {
                match old.0.get("status") {
                    Some(status) => new.0.insert("status".into(), status.clone()),
                    None => new.0.remove("status"),
                };
            }
            // These change through /finalize only.
            if served.is_namespaces() {
                match old.get(&["spec", "finalizers"]) {
                    Some(kept) => new.set(&["spec", "finalizers"], kept.clone()),
                    None => drop(new.0.remove("spec")),
                }
            }
        }
        Part::Status => {
            let status = new.0.remove("status");
            // Whoever may write the status of Kubernetes' own kinds may write their metadata.
            let metadata = if served.own { new.0.remove("metadata") } else { None };
            *new = old.clone();
            new.0.extend(metadata.map(|metadata| ("metadata".to_owned(), metadata)));
            match status {
                Some(status) => new.0.insert("status".into(), status),
                None => new.0.remove("status"),
            };
        }
        Part::Finalize => {
            let finalizers = new.remove(&["spec", "finalizers"]).unwrap_or_else(|| Value::Array(Vec::new()));
            *new = old.clone();
            new.set(&["spec", "finalizers"], finalizers);
        }
    }
    match owners {
        Some(owners) => new.set(&["metadata", "managedFields"], owners),
        None => drop(new.remove(&["metadata", "managedFields"])),
    }
}

fn keep_system_fields(old: &Object, new: &mut Object) {
    new.remove(&["metadata", "selfLink"]);
    for field in ["uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"]
    {
        match old.get(&["metadata", field]) {
            Some(_) if field == "uid" && !new.uid().is_empty() => {}
            Some(value) => new.set(&["metadata", field], value.clone()),
            // Nobody begins a deletion like this; validation says so.
            None if field.starts_with("deletion") => {}
            None => {
                new.remove(&["metadata", field]);
            }
        }
    }
    new.set(&["metadata", "resourceVersion"], old.resource_version());
}

/// Kubernetes counts a generation for every change outside metadata (and status, where that is separate).
fn raise_generation(served: &Served, old: &Object, new: &mut Object) {
    if !served.resource.generation {
        return;
    }
    let counted = |key: &str| key != "metadata" && !(key == "status" && served.resource.status_subresource);
    let differs = old.0.iter().any(|(key, value)| counted(key) && new.0.get(key) != Some(value))
        || new.0.keys().any(|key| counted(key) && !old.0.contains_key(key));
    if differs {
        new.set(&["metadata", "generation"], old.generation() + 1);
    }
}

/// A change by one of the server's own controllers, without hooks; `change` returns `false` to leave the object alone.
pub(crate) async fn mutate(
    inner: &Inner,
    served: &Arc<Served>,
    key: &str,
    change: impl Fn(&mut Object) -> bool,
) -> Result<(), StoreError> {
    for _ in 0..MAX_CONFLICT_RETRIES {
        let Some(entry) = inner.store.get(key).await? else { return Ok(()) };
        let Ok(old) = served.entry_object(&entry) else { return Ok(()) };
        let mut new = old.clone();
        if !change(&mut new) {
            return Ok(());
        }
        match store_update(inner, served, key, &entry, &new, false).await {
            Err(StoreError::PreconditionFailed { .. }) => {}
            other => return other.map(|_| ()),
        }
    }
    Err(StoreError::Unavailable("too many writers on one object".into()))
}
