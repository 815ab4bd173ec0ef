//! The names of kinds: their form, and who may have them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Definition, Names,
    status::{Condition, ConditionStatus},
};
use crate::{FieldError, name, status::quote};

/// Checks the form of names at `path`.
pub(super) fn validate(names: &Names, path: &str, errors: &mut Vec<FieldError>) {
    let mut label = |field: String, value: &str, mixed_case: bool| {
        let checked = if mixed_case { value.to_lowercase() } else { value.to_owned() };
        if let Err(fault) = name::dns1035_label(&checked) {
            let detail = match mixed_case {
                true => format!("may have mixed case, but should otherwise match: {fault}"),
                false => fault,
            };
            errors.push(FieldError::invalid(field, value, detail));
        }
    };
    for (field, value, mixed_case) in [
        ("plural", &names.plural, false),
        ("singular", &names.singular, false),
        ("kind", &names.kind, true),
        ("listKind", &names.list_kind, true),
    ] {
        if !value.is_empty() {
            label(format!("{path}.{field}"), value, mixed_case);
        }
    }
    for (index, value) in names.short_names.iter().enumerate() {
        label(format!("{path}.shortNames[{index}]"), value, false);
    }
    if !names.kind.is_empty() && names.kind == names.list_kind {
        let detail = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(format!("{path}.listKind"), names.list_kind.as_str(), detail));
    }
    for (index, value) in names.categories.iter().enumerate() {
        if let Err(fault) = name::dns1035_label(value) {
            errors.push(FieldError::invalid(format!("{path}.categories[{index}]"), value.as_str(), fault));
        }
    }
}

/// The names that other definitions of a group hold.
#[derive(Debug, Default)]
pub struct Taken {
    resources: BTreeSet<String>,
    kinds: BTreeSet<String>,
}

impl Taken {
    /// Adds the accepted names of a definition.
    pub fn add(&mut self, names: &Names) {
        self.resources
            .extend([&names.plural, &names.singular].into_iter().chain(&names.short_names).cloned());
        self.kinds.extend([names.kind.clone(), names.list_kind.clone()]);
    }
}

/// Which of the wanted names a definition gets, given those it has and those of the others in its group; and the
/// condition that says so.
pub fn negotiate(definition: &Definition, accepted: &Names, taken: &Taken) -> (Names, ConditionStatus) {
    let wanted = &definition.names;
    let mut result = accepted.clone();
    // Of several conflicts the last one is told, as in Kubernetes.
    let mut conflict: Option<(&str, String)> = None;
    let mut settle =
        |reason, refused: Option<String>| conflict = refused.map(|why| (reason, why)).or(conflict.take());
    settle("PluralConflict", take(&wanted.plural, &mut result.plural, &taken.resources));
    settle("SingularConflict", take(&wanted.singular, &mut result.singular, &taken.resources));
    let refused: Vec<String> = wanted
        .short_names
        .iter()
        .filter(|short| !accepted.short_names.contains(short))
        .filter_map(|short| take(short, &mut String::new(), &taken.resources))
        .collect();
    settle(
        "ShortNamesConflict",
        match refused.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => Some(format!("[{}]", several.join(", "))),
        },
    );
    if refused.is_empty() {
        result.short_names.clone_from(&wanted.short_names);
    }
    settle("KindConflict", take(&wanted.kind, &mut result.kind, &taken.kinds));
    settle("ListKindConflict", take(&wanted.list_kind, &mut result.list_kind, &taken.kinds));
    result.categories.clone_from(&wanted.categories);
    let (reason, message) = conflict.clone().unwrap_or(("NoConflicts", "no conflicts found".into()));
    let status = conflict.is_none();
    (result, ConditionStatus { kind: Condition::NamesAccepted, status, reason, message })
}

/// Puts the wanted name into `slot` if that has it already or nobody else does; otherwise says so.
fn take(wanted: &str, slot: &mut String, used: &BTreeSet<String>) -> Option<String> {
    if wanted != slot && used.contains(wanted) {
        return Some(format!("{} is already in use", quote(wanted)));
    }
    wanted.clone_into(slot);
    None
}

/// The accepted names in a definition's status.
pub(super) fn accepted(status: &Value) -> Names {
    serde::Deserialize::deserialize(&status["acceptedNames"]).unwrap_or_default()
}
