//! The status of a definition: stored versions, accepted names, conditions.

use serde_json::{Value, json};

use super::{Definition, Names, names};
use crate::{FieldError, Object, time};

/// The conditions of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Condition {
    NamesAccepted,
    Established,
    Terminating,
    ApprovalPolicyConformant,
}

impl Condition {
    fn as_str(self) -> &'static str {
        match self {
            Condition::NamesAccepted => "NamesAccepted",
            Condition::Established => "Established",
            Condition::Terminating => "Terminating",
            Condition::ApprovalPolicyConformant => "KubernetesAPIApprovalPolicyConformant",
        }
    }
}

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionStatus {
    /// Which condition.
    pub kind: Condition,
    /// Whether it holds.
    pub status: bool,
    /// A word for machines.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// Whether a condition is there and true.
pub fn condition_is_true(object: &Object, kind: Condition) -> bool {
    find(object, kind).is_some_and(|condition| condition["status"] == "True")
}

fn find(object: &Object, kind: Condition) -> Option<&Value> {
    let conditions = object.get(&["status", "conditions"])?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind.as_str())
}

/// Sets a condition; its time changes only with its status. Says whether anything changed.
pub fn set_condition(object: &mut Object, wanted: &ConditionStatus) -> bool {
    let status = if wanted.status { "True" } else { "False" };
    let mut condition = json!({
        "type": wanted.kind.as_str(), "status": status, "reason": wanted.reason, "message": wanted.message,
        "lastTransitionTime": time::now(),
    });
    let mut conditions =
        object.get(&["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
    match conditions.iter_mut().find(|present| present["type"] == condition["type"]) {
        Some(present) => {
            if present["status"] == condition["status"] {
                condition["lastTransitionTime"] = present["lastTransitionTime"].clone();
            }
            if *present == condition {
                return false;
            }
            *present = condition;
        }
        None => conditions.push(condition),
    }
    object.set(&["status", "conditions"], conditions);
    true
}

impl Names {
    /// The accepted names in a definition's status.
    pub fn accepted(object: &Object) -> Names {
        object.0.get("status").map(names::accepted).unwrap_or_default()
    }
}

/// An empty status.
pub(super) fn fresh() -> Value {
    json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": null})
}

pub(super) fn note_storage_version(object: &mut Object) {
    let versions = object.get(&["spec", "versions"]).and_then(Value::as_array);
    let Some(storage) =
        versions.into_iter().flatten().find(|version| version["storage"] == true).map(|v| v["name"].clone())
    else {
        return;
    };
    let mut stored =
        object.get(&["status", "storedVersions"]).and_then(Value::as_array).cloned().unwrap_or_default();
    if !stored.contains(&storage) {
        stored.push(storage);
        object.set(&["status", "storedVersions"], stored);
    }
}

/// Checks the names in a status.
pub(super) fn validate(object: &Object) -> Vec<FieldError> {
    let mut errors = Vec::new();
    names::validate(&Names::accepted(object), "status.acceptedNames", &mut errors);
    errors
}

/// Checks that no version is dropped of which objects may be stored.
pub(super) fn validate_stored_versions(
    object: &Object,
    definition: &Definition,
    errors: &mut Vec<FieldError>,
) {
    const FIELD: &str = "status.storedVersions";
    let value = object.get(&["status", "storedVersions"]).cloned().unwrap_or(Value::Null);
    let stored: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if stored.is_empty() {
        errors.push(FieldError::invalid(FIELD, value.clone(), "must have at least one stored version"));
        return;
    }
    for version in definition.versions.iter().filter(|version| version.storage) {
        if !stored.contains(&version.name.as_str()) {
            let detail = format!("must have the storage version {}", version.name);
            errors.push(FieldError::invalid(FIELD, value.clone(), detail));
        }
    }
    for (index, name) in stored.iter().enumerate() {
        if !definition.versions.iter().any(|version| version.name == *name) {
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            );
            errors.push(FieldError::invalid(format!("{FIELD}[{index}]"), *name, detail));
        }
    }
}
