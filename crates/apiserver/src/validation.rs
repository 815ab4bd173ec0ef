//! What an object must fulfil before it is stored: its schema, its scale, and the validation rules of its definition.

use std::sync::Arc;

use grange_apimachinery::{
    FieldError, Object, Status, Value,
    apply::validate_managed_fields,
    schema::{Effort, StructuralSchema, Verdict},
    status::FieldCause,
};

use crate::{registry::Served, scale};

/// Refuses an object that is wrong; `errors` were found already. Warns of what was as wrong before.
pub(crate) async fn validate(
    served: &Served,
    object: &Object,
    old: Option<&Object>,
    mut errors: Vec<FieldError>,
    warnings: &mut Vec<String>,
) -> Result<(), Status> {
    if let Some(entries) = object.get(&["metadata", "managedFields"]) {
        errors.extend(validate_managed_fields(entries));
    }
    let schema = served.resource.schema.as_ref().filter(|_| !served.own);
    let value = |object: &Object| Value::Object(object.0.clone());
    let values = schema.map(|schema| (schema, value(object), old.map(value)));
    if let Some((schema, value, old)) = &values {
        errors.extend(match old {
            None => schema.validate(value),
            Some(old) => schema.validate_change(value, old),
        });
    }
    if let Some(scale) = &served.resource.scale {
        scale::validate(scale, object, &mut errors);
    }
    if let Some((schema, value, old)) = values.filter(|(schema, ..)| schema.has_rules()) {
        if errors.iter().any(|error| keeps_rules_from(error.cause)) {
            let detail = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            errors.push(FieldError::invalid("<nil>", Value::Null, detail));
        } else {
            let verdict = judge(schema.clone(), value, old).await?;
            errors.extend(verdict.errors);
            warnings.extend(verdict.warnings);
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    let name =
        if object.name().is_empty() { object.text(&["metadata", "generateName"]) } else { object.name() };
    Err(Status::invalid(&served.resource.group, &served.resource.kind, name, errors))
}

/// Whether rules would stumble over an object that is wrong in such a way.
fn keeps_rules_from(cause: FieldCause) -> bool {
    matches!(
        cause,
        FieldCause::FieldValueNotSupported
            | FieldCause::FieldValueRequired
            | FieldCause::FieldValueTooLong
            | FieldCause::FieldValueTooMany
            | FieldCause::FieldValueTypeInvalid
    )
}

/// Evaluates validation rules. What takes longer than a moment is put aside, so that it holds nobody else up.
async fn judge(schema: Arc<StructuralSchema>, value: Value, old: Option<Value>) -> Result<Verdict, Status> {
    if let Some(verdict) = schema.enforce_rules(&value, old.as_ref(), Effort::Little) {
        return Ok(verdict);
    }
    let evaluate = move || schema.enforce_rules(&value, old.as_ref(), Effort::Full);
    let verdict = tokio::task::spawn_blocking(evaluate).await;
    let lost = || Status::internal("validation rules were not evaluated");
    verdict.map_err(|_| lost())?.ok_or_else(lost)
}
