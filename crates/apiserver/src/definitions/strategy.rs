//! The hooks of CustomResourceDefinitions themselves.
use std::collections::BTreeSet;

use grange_apimachinery::{
    FieldError, Object, Status,
    definition::{self, CLEANUP_FINALIZER, Condition, ConditionStatus, GROUP, KIND, PLURAL},
    name::{NameRule, validate_metadata},
    time,
};

use crate::{UserInfo, delete, resource::Strategy};

/// Knows which definitions the program brings along: what its own parts rely on stays as it is.
pub(crate) struct DefinitionStrategy {
    pub(super) own: BTreeSet<String>,
}

impl DefinitionStrategy {
    fn refuse(&self, object: &Object, what: &str) -> Result<(), Status> {
        if !self.own.contains(object.name()) {
            return Ok(());
        }
        let why = format!("this definition belongs to the server and {what}");
        Err(Status::forbidden(GROUP, PLURAL, object.name(), &why))
    }
}

fn invalid(object: &Object, errors: Vec<FieldError>) -> Result<(), Status> {
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid(GROUP, KIND, object.name(), errors)) }
}

impl Strategy for DefinitionStrategy {
    fn decodes(&self) -> bool {
        true
    }
    fn decode(&self, object: &mut Object, unknown: &mut Vec<String>) -> Result<(), Status> {
        definition::decode(object, unknown).map_err(|fault| {
            let version = "in version \"v1\" cannot be handled as a";
            Status::bad_request(format!("{KIND} {version} {KIND}: {fault}"))
        })
    }

    fn prepare_create(&self, _: &UserInfo, object: &mut Object) -> Result<(), Status> {
        definition::reset_status(object);
        let mut errors = validate_metadata(object, NameRule::Subdomain, false);
        errors.extend(definition::validate_new(object));
        invalid(object, errors)
    }

    fn prepare_update(&self, _: &UserInfo, old: &Object, new: &mut Object) -> Result<(), Status> {
        let differs = |field: &str| old.0.get(field) != new.0.get(field);
        if !differs("spec") && differs("status") {
            return invalid(new, definition::validate_status(new));
        }
        if differs("spec") {
            self.refuse(old, "its spec is the program's")?;
        }
        definition::note_storage_version(new);
        invalid(new, definition::validate_change(new, old))
    }

    fn check_delete(&self, _: &UserInfo, object: &Object) -> Result<(), Status> {
        self.refuse(object, "cannot be deleted")
    }

    /// The first deletion only marks: the objects of the kind go first.
    fn begin_delete(&self, object: &mut Object) -> bool {
        if object.is_terminating() {
            return false;
        }
        object.set(&["metadata", "deletionTimestamp"], time::now());
        let mut finalizers: Vec<String> = object.finalizers().into_iter().map(str::to_owned).collect();
        if !finalizers.iter().any(|finalizer| finalizer == CLEANUP_FINALIZER) {
            finalizers.push(CLEANUP_FINALIZER.to_owned());
        }
        delete::set_finalizers(object, finalizers);
        definition::set_condition(
            object,
            &ConditionStatus {
                kind: Condition::Terminating,
                status: true,
                reason: "InstanceDeletionPending",
                message:
                    "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
                        .into(),
            },
        );
        true
    }

    fn warnings(&self, old: Option<&Object>, new: &Object) -> Vec<String> {
        let before = old.map(definition::unrecognized_formats).unwrap_or_default();
        let mut formats = definition::unrecognized_formats(new);
        formats.retain(|format| !before.contains(format));
        formats.iter().map(|format| format!("unrecognized format {format:?}")).collect()
    }
}
