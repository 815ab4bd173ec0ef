//! Events, in the core group and, newer, in `events.k8s.io`: the same objects with other names of fields. Controllers
//! write both, people read the older ones.
use grange_apimachinery::{
    FieldError, Object, Value,
    name::{NameRule, qualified_name, validate_metadata, validate_metadata_update},
    table::Column,
};
use serde_json::json;

use super::{
    plain, schema,
    schemas::{kind, micro_time, text, time},
    validation::core_metadata,
};
use crate::{Resource, Scope, registry::Translation, resource::Strategy};

/// The newer group.
pub(crate) const GROUP: &str = "events.k8s.io";
/// Names there and in the core group.
pub(crate) const NAMES: Translation = Translation(&[
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
]);

const MAX_INSTANCE_BYTES: usize = 128;
const MAX_ACTION_BYTES: usize = 128;
const MAX_REASON_BYTES: usize = 128;
const MAX_NOTE_BYTES: usize = 1024;
/// What an event through the newer group never changes.
const FIXED: &[&str] = &[
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingController",
    "reportingInstance",
];

/// Events of the core group.
pub(super) fn core() -> Resource {
    Resource {
        selectable_fields: [&["source"][..], SELECTABLE].concat().into_iter().map(str::to_owned).collect(),
        strategy: std::sync::Arc::new(Events { newer: false }),
        columns: columns(
            ".lastTimestamp",
            "object(.involvedObject)",
            ".involvedObject.fieldPath",
            ".source.component",
            ".message",
            ".firstTimestamp",
            ".count",
        ),
        schema: schema(&core_schema()),
        ..plain("", "Event", "events", Scope::Namespaced, &["ev"])
    }
}

/// The same in the newer group.
pub(crate) fn newer() -> Resource {
    Resource {
        selectable_fields: SELECTABLE.iter().map(|name| (*name).to_owned()).collect(),
        strategy: std::sync::Arc::new(Events { newer: true }),
        columns: columns(
            ".deprecatedLastTimestamp",
            "object(.regarding)",
            ".regarding.fieldPath",
            ".reportingController",
            ".note",
            ".deprecatedFirstTimestamp",
            ".deprecatedCount",
        ),
        schema: schema(&newer_schema()),
        ..plain(GROUP, "Event", "events", Scope::Namespaced, &["ev"])
    }
}

/// As they are stored; the newer group's names are translated before they are looked at.
const SELECTABLE: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "type",
];

fn columns(
    last: &str,
    object: &str,
    part: &str,
    source: &str,
    note: &str,
    first: &str,
    count: &str,
) -> Vec<Column> {
    vec![
        Column::new("Last Seen", "date", last),
        Column::new("Type", "string", ".type"),
        Column::new("Reason", "string", ".reason"),
        Column::new("Object", "string", object),
        Column::new("Subobject", "string", part).wide(),
        Column::new("Source", "string", source).wide(),
        Column::new("Message", "string", note),
        Column::new("First Seen", "date", first).wide(),
        Column::new("Count", "integer", count).wide(),
    ]
}

fn reference(description: &str) -> Value {
    json!({"type": "object", "description": description, "properties": {
        "apiVersion": text(""), "kind": text(""), "name": text(""), "namespace": text(""), "uid": text(""),
        "fieldPath": text(""), "resourceVersion": text(""),
    }})
}

fn source() -> Value {
    json!({"type": "object", "default": {}, "properties": {"component": text(""), "host": text("")}})
}

fn series() -> Value {
    json!({"type": "object", "nullable": true, "description": "How the same happened again and again.", "properties": {
        "count": {"type": "integer", "format": "int32"}, "lastObservedTime": micro_time(""),
    }})
}

fn core_schema() -> Value {
    kind(
        "An event says what happened to an object.",
        json!({
            "involvedObject": reference("The object the event is about."), "related": reference("Another one that has to do with it."),
            "reason": text("A word for machines."), "message": text("A sentence for people."),
            "type": text("Normal or Warning."), "action": text("What was done."),
            "count": {"type": "integer", "format": "int32", "description": "How often it happened."},
            "firstTimestamp": time("When it happened first."), "lastTimestamp": time("When it happened last."),
            "eventTime": micro_time("When it was noticed."), "source": source(), "series": series(),
            "reportingComponent": {"type": "string", "default": "", "description": "Which controller says so."},
            "reportingInstance": {"type": "string", "default": "", "description": "Which instance of it."},
        }),
        &[],
    )
}

fn newer_schema() -> Value {
    kind(
        "An event says what happened to an object.",
        json!({
            "regarding": reference("The object the event is about."), "related": reference("Another one that has to do with it."),
            "reason": text("A word for machines."), "note": text("A sentence for people."),
            "type": text("Normal or Warning."), "action": text("What was done."),
            "eventTime": micro_time("When it was noticed."), "series": series(),
            "reportingController": text("Which controller says so."),
            "reportingInstance": text("Which instance of it."),
            "deprecatedSource": source(),
            "deprecatedCount": {"type": "integer", "format": "int32", "description": "How often it happened, in older events."},
            "deprecatedFirstTimestamp": time("When it happened first, in older events."),
            "deprecatedLastTimestamp": time("When it happened last, in older events."),
        }),
        &[],
    )
}

struct Events {
    newer: bool,
}

impl Strategy for Events {
    fn validate(&self, old: Option<&Object>, new: &Object) -> Vec<FieldError> {
        if !self.newer {
            let mut errors = sense(new, "reportingComponent");
            errors.extend(core_metadata(new));
            return errors;
        }
        // Faults are told with the names of the core group, whoever asks.
        let core = |object: &Object| {
            let mut object = object.clone();
            NAMES.store(&mut object);
            object
        };
        let (old, new) = (old.map(core), core(new));
        let mut errors = sense(&new, "reportingController");
        match &old {
            None => errors.extend(strict(&new)),
            Some(old) => errors.extend(unchanged(old, &new)),
        }
        errors
    }
}

fn is_set(object: &Object, field: &str) -> bool {
    object.get(&[field]).is_some_and(|value| !value.is_null())
}

/// What every event must say to make sense. One with a time of its own is of the newer sort and must say more.
fn sense(event: &Object, controller_field: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let namespace = event.text(&["metadata", "namespace"]);
    let about = event.text(&["involvedObject", "namespace"]);
    let mismatch =
        || FieldError::invalid("involvedObject.namespace", about, "does not match event.namespace");
    if !is_set(event, "eventTime") {
        let agrees = if about.is_empty() { matches!(namespace, "" | "default") } else { about == namespace };
        return if agrees { errors } else { vec![mismatch()] };
    }
    if about.is_empty() && !matches!(namespace, "default" | "kube-system") {
        errors.push(mismatch());
    }
    let controller = event.text(&["reportingComponent"]);
    if controller.is_empty() {
        errors.push(FieldError::required(controller_field, ""));
    }
    if let Err(fault) = qualified_name(controller) {
        errors.push(FieldError::invalid(controller_field, controller, fault));
    }
    for (field, limit, required) in [
        ("reportingInstance", MAX_INSTANCE_BYTES, true),
        ("action", MAX_ACTION_BYTES, true),
        ("reason", MAX_REASON_BYTES, true),
        ("message", MAX_NOTE_BYTES, false),
    ] {
        let text = event.text(&[field]);
        if required && text.is_empty() {
            errors.push(FieldError::required(field, ""));
        }
        if text.len() > limit {
            errors.push(FieldError::invalid(field, "", format!("can have at most {limit} characters")));
        }
    }
    errors
}

/// What the newer group asks of a new event.
fn strict(event: &Object) -> Vec<FieldError> {
    let mut errors = validate_metadata(event, NameRule::Subdomain, true);
    errors.extend(core_metadata(event));
    errors.extend(series_faults(event));
    if !is_set(event, "eventTime") {
        errors.push(FieldError::required("eventTime", ""));
    }
    let sort = event.text(&["type"]);
    if !matches!(sort, "Normal" | "Warning") {
        errors.push(FieldError::invalid("type", "", format!("has invalid value: {sort}")));
    }
    let unset = |field: &str| FieldError::invalid(field, "", "needs to be unset");
    errors.extend(
        ["firstTimestamp", "lastTimestamp"]
            .iter()
            .filter(|field| is_set(event, field))
            .map(|field| unset(field)),
    );
    if event.get(&["count"]).and_then(Value::as_i64).is_some_and(|count| count != 0) {
        errors.push(unset("count"));
    }
    if !event.text(&["source", "component"]).is_empty() || !event.text(&["source", "host"]).is_empty() {
        errors.push(unset("source"));
    }
    errors
}

fn series_faults(event: &Object) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if is_set(event, "series") {
        if event.get(&["series", "count"]).and_then(Value::as_i64).unwrap_or(0) < 2 {
            errors.push(FieldError::invalid("series.count", "", "should be at least 2"));
        }
        if event.text(&["series", "lastObservedTime"]).is_empty() {
            errors.push(FieldError::required("series.lastObservedTime", ""));
        }
    }
    errors
}

/// What the newer group lets nobody change: everything but the series.
fn unchanged(old: &Object, new: &Object) -> Vec<FieldError> {
    let mut errors = validate_metadata_update(old, new);
    errors.extend(core_metadata(new));
    if old.get(&["series"]) != new.get(&["series"]) {
        errors.extend(series_faults(new));
    }
    for field in FIXED {
        let stored = if *field == "reportingController" { "reportingComponent" } else { field };
        let value = new.get(&[stored]).cloned().unwrap_or(Value::Null);
        if old.get(&[stored]).unwrap_or(&Value::Null) != &value {
            errors.push(FieldError::invalid(*field, value, "field is immutable"));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(fields: Value) -> Object {
        let mut object = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e", "namespace": "ns"}});
        if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
            object.extend(fields);
        }
        match object {
            Value::Object(map) => Object(map),
            _ => unreachable!("an object was written above"),
        }
    }

    fn whole() -> Value {
        json!({
            "eventTime": "2026-01-02T03:04:05.000006Z", "reportingController": "example.io/c", "reportingInstance": "c-1",
            "action": "Do", "reason": "Done", "type": "Normal", "note": "n", "regarding": {"namespace": "ns", "name": "x"},
        })
    }

    fn faults(newer: bool, old: Option<Value>, new: Value) -> Vec<String> {
        let old = old.map(event);
        Events { newer }.validate(old.as_ref(), &event(new)).iter().map(|error| error.field.clone()).collect()
    }

    fn with(mut value: Value, field: &str, other: Value) -> Value {
        value[field] = other;
        value
    }

    #[test]
    fn the_newer_group_asks_for_more() {
        let check =
            |new: Value, fields: &[&str]| assert_eq!(faults(true, None, new.clone()), fields, "{new}");
        check(whole(), &[]);
        check(with(whole(), "type", json!("Odd")), &["type"]);
        check(with(whole(), "action", json!("")), &["action"]);
        check(with(whole(), "note", json!("n".repeat(1025))), &["message"]);
        check(with(whole(), "deprecatedCount", json!(1)), &["count"]);
        check(with(whole(), "regarding", json!({"name": "x"})), &["involvedObject.namespace"]);
        check(with(whole(), "series", json!({"count": 1})), &["series.count", "series.lastObservedTime"]);
        check(json!({"regarding": {"namespace": "ns"}, "type": "Normal"}), &["eventTime"]);
    }

    #[test]
    fn only_the_series_changes() {
        let series = json!({"count": 2, "lastObservedTime": "2026-01-02T03:04:05.000006Z"});
        assert_eq!(faults(true, Some(whole()), with(whole(), "series", series)), [""; 0]);
        assert_eq!(faults(true, Some(whole()), with(whole(), "note", json!("other"))), ["message"]);
        let later = json!("2026-01-02T03:04:05.000007Z");
        assert_eq!(faults(true, Some(whole()), with(whole(), "eventTime", later)), ["eventTime"]);
        assert_eq!(
            faults(true, Some(whole()), with(whole(), "reportingController", json!("other"))),
            ["reportingController"]
        );
    }

    #[test]
    fn older_events_must_be_in_the_namespace_of_their_object() {
        assert_eq!(faults(false, None, json!({"involvedObject": {"namespace": "ns"}})), [""; 0]);
        assert_eq!(
            faults(false, None, json!({"involvedObject": {"namespace": "other"}})),
            ["involvedObject.namespace"]
        );
        assert_eq!(faults(false, None, json!({})), ["involvedObject.namespace"]);
    }
}
