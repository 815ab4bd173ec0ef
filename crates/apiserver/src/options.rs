//! The options of requests, checked as Kubernetes does: each kind of request has its kind of options, named in the refusal.
use grange_apimachinery::{FieldError, Status, Value, apply::validate_manager};
use serde_json::json;

use crate::{
    decode,
    delete::{DeleteOptions, Propagation},
    negotiate::BodyForm,
    request::{Query, ResourceVersionMatch},
};

const META_GROUP: &str = "meta.k8s.io";
const MATCH: &str = "resourceVersionMatch";

/// 422 with the options' kind, if there are errors.
fn refuse(kind: &str, errors: Vec<FieldError>) -> Result<(), Status> {
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid(META_GROUP, kind, "", errors)) }
}

fn dry_run(values: &[String]) -> Option<FieldError> {
    let known = values.iter().all(|value| value == "All");
    (!known).then(|| FieldError::not_supported("dryRun", values.to_vec(), &["All"]))
}

/// The options of a create, an update or a patch.
pub(crate) fn check_write(query: &Query, verb: &str, applies: bool) -> Result<(), Status> {
    let kind = match verb {
        "create" => "CreateOptions",
        "update" => "UpdateOptions",
        _ => "PatchOptions",
    };
    let mut errors: Vec<FieldError> = dry_run(&query.dry_run_values).into_iter().collect();
    let validation = query.field_validation_word.as_str();
    if !["", "Ignore", "Strict", "Warn"].contains(&validation) {
        let known = ["", "Ignore", "Strict", "Warn"];
        errors.push(FieldError::not_supported("fieldValidation", validation, &known));
    }
    if applies && query.field_manager.is_empty() {
        errors.push(FieldError::required("fieldManager", "is required for apply patch"));
    }
    if verb == "patch" && !applies && query.force.is_some() {
        errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
    }
    errors.extend(validate_manager("fieldManager", &query.field_manager));
    refuse(kind, errors)
}

/// The options of a list or a watch.
pub(crate) fn check_list(query: &Query, watch: bool) -> Result<(), Status> {
    if let Some(fault) = &query.list_fault {
        return Err(Status::bad_request(fault.clone()));
    }
    let mut matching = query.resource_version_match_word.as_str();
    let mut initial = query.send_initial_events.is_some();
    let mut errors = Vec::new();
    let mut forbid = |field: &str, detail: &str| errors.push(FieldError::forbidden(field, detail));
    if watch {
        if !initial && matching.is_empty() && matches!(query.resource_version.as_str(), "" | "0") {
            // Such a watch asks for the present objects first; Kubernetes fills in what that is called today.
            (matching, initial) = ("NotOlderThan", true);
        }
        if initial && matching != "NotOlderThan" {
            forbid(MATCH, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        if !matching.is_empty() {
            if !initial {
                forbid(
                    MATCH,
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                );
            }
            if matching != "NotOlderThan" {
                errors.push(FieldError::not_supported(MATCH, matching, &["NotOlderThan"]));
            }
            if !query.continue_token.is_empty() {
                errors.push(FieldError::forbidden(
                    MATCH,
                    "resourceVersionMatch is forbidden when continue is provided",
                ));
            }
        }
        return refuse("ListOptions", errors);
    }
    if !matching.is_empty() {
        if query.resource_version.is_empty() {
            forbid(MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided");
        }
        if !query.continue_token.is_empty() {
            forbid(MATCH, "resourceVersionMatch is forbidden when continue is provided");
        }
        if query.resource_version_match.is_none() {
            let known = ["Exact", "NotOlderThan", ""];
            errors.push(FieldError::not_supported(MATCH, matching, &known));
        }
        if query.resource_version_match == Some(ResourceVersionMatch::Exact) && query.resource_version == "0"
        {
            let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            errors.push(FieldError::forbidden(MATCH, detail));
        }
    }
    if initial {
        errors.push(FieldError::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    }
    refuse("ListOptions", errors)?;
    if !query.continue_token.is_empty() && !matches!(query.resource_version.as_str(), "" | "0") {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    Ok(())
}

fn delete_schema() -> Value {
    let (text, flag) = (json!({"type": "string"}), json!({"type": "boolean", "nullable": true}));
    json!({"type": "object", "properties": {
        "gracePeriodSeconds": {"type": "integer", "nullable": true}, "orphanDependents": flag,
        "propagationPolicy": {"type": "string", "nullable": true},
        "dryRun": {"type": "array", "items": text},
        "preconditions": {"type": "object", "properties": {
            "uid": {"type": "string", "nullable": true}, "resourceVersion": {"type": "string", "nullable": true},
        }},
        "ignoreStoreReadErrorWithClusterBreakingPotential": flag,
    }})
}

/// The options of a deletion: the body, or the query where there is none.
pub(crate) fn delete_options(body: &[u8], form: BodyForm, query: &Query) -> Result<DeleteOptions, Status> {
    let mut options = DeleteOptions::default();
    let (policy, orphan, dry_run_values);
    if body.is_empty() {
        if let Some(fault) = &query.delete_fault {
            return Err(Status::bad_request(fault.clone()));
        }
        policy = query.propagation_policy.clone();
        orphan = query.orphan_dependents;
        dry_run_values = query.dry_run_values.clone();
    } else {
        let object = decode::parse_options(body, form, "DeleteOptions", &delete_schema())?;
        let text = |path: &[&str]| object.get(path).and_then(Value::as_str).map(str::to_owned);
        options.uid = text(&["preconditions", "uid"]);
        options.resource_version = text(&["preconditions", "resourceVersion"]);
        policy = text(&["propagationPolicy"]);
        orphan = object.get(&["orphanDependents"]).and_then(Value::as_bool);
        let values = object.get(&["dryRun"]).and_then(Value::as_array);
        let values = values.into_iter().flatten().filter_map(Value::as_str);
        dry_run_values = values.map(str::to_owned).collect();
    }
    let mut errors = Vec::new();
    if let Some(policy) = policy.as_deref() {
        if orphan.is_some() {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid("propagationPolicy", policy, detail));
        }
        options.propagation = match policy {
            "Background" => Some(Propagation::Background),
            "Foreground" => Some(Propagation::Foreground),
            "Orphan" => Some(Propagation::Orphan),
            other => {
                let known = ["Foreground", "Background", "Orphan", "nil"];
                errors.push(FieldError::not_supported("propagationPolicy", other, &known));
                None
            }
        };
    } else {
        options.propagation = orphan.map(|orphan| match orphan {
            true => Propagation::Orphan,
            false => Propagation::Background,
        });
    }
    errors.extend(dry_run(&dry_run_values));
    refuse("DeleteOptions", errors)?;
    options.orphan_dependents = orphan;
    options.dry_run = !dry_run_values.is_empty();
    Ok(options)
}

/// The refusal of an unknown `includeObject`.
pub(crate) fn include_object(word: &str) -> Status {
    let error = FieldError::invalid("includeObject", word, "must be 'Metadata', 'Object', 'None', or empty");
    Status::bad_request(format!("Unable to convert to Table as requested: {error}"))
}
