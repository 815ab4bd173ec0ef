//! What the tests share: types by schema, and steps of several managers on one object.

mod applying;
mod laws;
mod recorded;
mod sets;
mod tracking;
mod values;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{Object, Status};

/// A type with one of everything.
fn schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "text": text,
                    "number": {"type": "integer"},
                    "flag": {"type": "boolean"},
                    "either": {"x-kubernetes-int-or-string": true},
                    "labels": {"type": "object", "additionalProperties": text},
                    "selector": {"type": "object", "additionalProperties": text, "x-kubernetes-map-type": "atomic"},
                    "items": {"type": "array", "items": text},
                    "set": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
                    "ports": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {"type": "object", "properties": {
                            "port": {"type": "integer"},
                            "protocol": {"type": "string", "default": "TCP"},
                            "name": text,
                            "names": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
                        }},
                    },
                    "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "inner": {"type": "object", "properties": {"a": text, "b": text}},
                    "template": {
                        "type": "object",
                        "x-kubernetes-embedded-resource": true,
                        "x-kubernetes-preserve-unknown-fields": true,
                    },
                },
            },
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    })
}

fn kind() -> Type {
    Type::of_schema(&schema())
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(map) => Object(map),
        other => panic!("not an object: {other}"),
    }
}

/// A widget with this spec.
fn widget(spec: Value) -> Object {
    object(json!({
        "apiVersion": "example.io/v1", "kind": "Widget",
        "metadata": {"name": "w", "namespace": "default"}, "spec": spec,
    }))
}

/// An object that managers write one after another; the time moves on a minute with each.
struct Story {
    kind: Arc<Type>,
    live: Option<Object>,
    minute: u32,
    subresource: &'static str,
}

impl Story {
    fn new() -> Self {
        Story::of(kind())
    }
    fn of(kind: Type) -> Self {
        Story { kind: Arc::new(kind), live: None, minute: 0, subresource: "" }
    }
    fn with<T>(&mut self, run: impl FnOnce(&Tracker<'_>, Option<&Object>) -> T) -> T {
        self.minute += 1;
        let now = format!("2024-01-01T00:{:02}:00Z", self.minute);
        let kind = self.kind.clone();
        let types = move |version: &str| (version != "example.io/v0").then(|| kind.clone());
        let ignored = match self.subresource {
            "" => FieldSet::of_fields(&[&["status"]]),
            _ => FieldSet::of_fields(&[&["metadata"], &["spec"]]),
        };
        let tracker = Tracker {
            types: &types,
            api_version: "example.io/v1",
            kind: "Widget",
            subresource: self.subresource,
            empty: &Object::default(),
            ignored: &ignored,
            now: &now,
        };
        run(&tracker, self.live.as_ref())
    }
    fn try_apply(&mut self, manager: &str, spec: Value, force: bool) -> Result<(), Status> {
        self.try_apply_object(manager, widget(spec), force)
    }
    fn try_apply_object(&mut self, manager: &str, config: Object, force: bool) -> Result<(), Status> {
        let applied = self.with(|tracker, live| tracker.apply(live, &config, manager, force))?;
        self.live = Some(applied);
        Ok(())
    }
    #[track_caller]
    fn apply(&mut self, manager: &str, spec: Value) {
        self.try_apply(manager, spec, false).unwrap();
    }
    #[track_caller]
    fn refused(&mut self, manager: &str, spec: Value) -> Status {
        self.try_apply(manager, spec, false).unwrap_err()
    }
    /// Replaces the spec, as by PUT.
    fn update(&mut self, manager: &str, spec: Value) {
        let mut new = self.live.clone().unwrap_or_else(|| widget(json!({})));
        new.0.insert("spec".into(), spec);
        self.replace(manager, new);
    }
    fn replace(&mut self, manager: &str, mut new: Object) {
        self.with(|tracker, live| tracker.update(live, &mut new, manager));
        self.live = Some(new);
    }
    fn spec(&self) -> Value {
        self.live.as_ref().and_then(|live| live.0.get("spec")).cloned().unwrap_or_default()
    }
    fn managed(&self) -> Option<&Value> {
        self.live.as_ref()?.get(&["metadata", "managedFields"])
    }
    /// Who owns what of the spec (and of the rest, under its own name), one line an entry.
    fn owners(&self) -> Vec<String> {
        let managers = Managers::read(self.managed()).unwrap();
        let entries = self.managed().and_then(Value::as_array).cloned().unwrap_or_default();
        assert_eq!(entries.len(), managers.0.len());
        entries
            .iter()
            .map(|entry| {
                let fields = FieldSet::from_value(&entry["fieldsV1"]).unwrap();
                let fields: Vec<_> = fields.paths().iter().map(|path| path::display(path)).collect();
                let minute = entry["time"].as_str().map_or("-", |time| &time[14..16]);
                let subresource =
                    entry["subresource"].as_str().map_or(String::new(), |name| format!("/{name}"));
                format!(
                    "{} {}{subresource} {minute}: {}",
                    entry["manager"].as_str().unwrap(),
                    entry["operation"].as_str().unwrap(),
                    fields.join(" ").replace(".spec.", ".")
                )
            })
            .collect()
    }
}
