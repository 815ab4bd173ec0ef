//! Server-side apply: a configuration is merged into an object, or makes it.
use grange_apimachinery::{FieldError, Object, Status, Value};
use grange_store::{Precondition, StoreError};

use crate::{
    decode,
    limits::{MAX_CONFLICT_RETRIES, MAX_WARNINGS},
    negotiate::BodyForm,
    ownership::Ownership,
    quota,
    request::FieldValidation,
    response::store_error,
    server::Inner,
    write::{self, Part, Target, Wanted, WriteOptions, Written},
};

/// An applied configuration.
pub(crate) struct Configuration {
    object: Object,
    duplicates: Vec<String>,
    force: bool,
}

impl Configuration {
    /// Reads one; `force` takes fields from other managers.
    pub(crate) fn parse(body: &[u8], force: bool) -> Result<Self, Status> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Configuration { object: Object::default(), duplicates: Vec::new(), force });
        }
        let (value, duplicates) = decode::parse_body(body, BodyForm::ApplyPatch)?;
        let found = match value {
            Value::Object(map) => return Ok(Configuration { object: Object(map), duplicates, force }),
            Value::Null => return Ok(Configuration { object: Object::default(), duplicates, force }),
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Bool(_) => "bool",
        };
        // Go's words, by which clients' authors know the mistake.
        Err(Status::bad_request(format!(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        )))
    }

    /// Fields that the configuration names twice are refused or warned about, as the request wishes.
    fn check_duplicates(&self, options: &WriteOptions, warnings: &mut Vec<String>) -> Result<(), Status> {
        if self.duplicates.is_empty() {
            return Ok(());
        }
        let problems: Vec<_> = self.duplicates.iter().take(MAX_WARNINGS).cloned().collect();
        match options.field_validation {
            FieldValidation::Ignore => {}
            FieldValidation::Warn => warnings.extend(problems),
            FieldValidation::Strict => {
                return Err(Status::bad_request(format!(
                    "error strict decoding YAML: {}",
                    problems.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// Applies a configuration. `may_create` is asked before an object is made that was not there.
pub(crate) async fn apply(
    inner: &Inner,
    target: &Target<'_>,
    options: &WriteOptions,
    configuration: &Configuration,
    may_create: impl Fn() -> Result<(), Status>,
) -> Result<Written, Status> {
    let Target { served, namespace, name, part, .. } = *target;
    let key = served.key(namespace, name);
    for _ in 0..MAX_CONFLICT_RETRIES {
        let mut warnings = Vec::new();
        let Some(entry) = inner.store.get(&key).await.map_err(store_error)? else {
            if part != Part::Main {
                return Err(served.not_found(name));
            }
            may_create()?;
            match create(inner, target, options, configuration).await? {
                Some(written) => return Ok(written),
                // Somebody else was faster: then there is something to merge into.
                None => continue,
            }
        };
        let old = served.entry_object(&entry)?;
        let ownership = Ownership::new(inner, served, part, options);
        let object = ownership.apply(Some(&old), &configuration.object, configuration.force)?;
        configuration.check_duplicates(options, &mut warnings)?;
        if object.uid() != old.uid() {
            // Not a precondition here, as in an update: the configuration says what the uid is to become.
            let error = FieldError::invalid("metadata.uid", object.uid(), "field is immutable");
            let resource = &served.resource;
            // Kubernetes finds it twice.
            return Err(Status::invalid(&resource.group, &resource.kind, name, vec![error.clone(), error]));
        }
        let wanted = Wanted { object, problems: Vec::new(), owned: true };
        let new = match write::finish_update(inner, target, &old, wanted, options, &mut warnings).await {
            Ok(new) => new,
            Err(status) => return Err(Status { warnings, ..status }),
        };
        quota::admit(inner, served, target.namespace, Some(&old), &new, options.dry_run).await?;
        match write::store_update(inner, served, &key, &entry, &new, options.dry_run).await {
            Ok((stored, revision)) => {
                return Ok(Written { stored, revision: Some(revision.0), created: false, warnings });
            }
            Err(StoreError::PreconditionFailed { .. }) => {}
            Err(error) => return Err(store_error(error)),
        }
    }
    Err(write::conflict(served, name))
}

/// Makes the object; `None` if it is there by now.
async fn create(
    inner: &Inner,
    target: &Target<'_>,
    options: &WriteOptions,
    configuration: &Configuration,
) -> Result<Option<Written>, Status> {
    let Target { served, user, namespace, name, part } = *target;
    let resource = &served.resource;
    let mut warnings = Vec::new();
    let ownership = Ownership::new(inner, served, part, options);
    let mut object = ownership.apply(None, &configuration.object, configuration.force)?;
    configuration.check_duplicates(options, &mut warnings)?;
    if !object.uid().is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {}, and no existing object was found",
            object.uid()
        );
        return Err(Status::conflict(&resource.group, &resource.plural, name, &why));
    }
    write::match_namespace(served, namespace, &mut object)?;
    write::match_name(name, &object)?;
    object.remove(&["metadata", "resourceVersion"]);
    let _right = write::right_to_create(inner, served, namespace, name).await?;
    decode::admit_fields(served, &mut object, &[], options, &mut warnings)?;
    resource.strategy.complete(&mut object);
    quota::complete(inner, served, namespace, &mut object);
    let object = write::finish_create(served, user, &object, false).await?;
    quota::admit(inner, served, namespace, None, &object, options.dry_run).await?;
    let (key, stored) = (served.key(namespace, name), served.stored(&object));
    if options.dry_run {
        return Ok(Some(Written { stored, revision: None, created: true, warnings }));
    }
    match inner.put(served, &key, stored, Precondition::Absent).await {
        Ok(entry) => {
            let revision = Some(entry.mod_revision.0);
            Ok(Some(Written { stored: entry.value, revision, created: true, warnings }))
        }
        Err(StoreError::PreconditionFailed { .. }) => Ok(None),
        Err(error) => Err(store_error(error)),
    }
}
