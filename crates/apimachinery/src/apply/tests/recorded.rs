//! What a kube-apiserver 1.36 answered to random steps of three managers, replayed (`recorded.json`; times are masked).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::{FieldSet, Tracker, Type, keep_times};
use crate::{Object, Status, patch::merge_patch, schema::StructuralSchema};

/// The schema of the CustomResourceDefinition that was recorded.
fn schema() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": text});
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "text": text, "number": {"type": "integer"}, "size": {"type": "integer", "default": 3},
            "flag": {"type": "boolean"}, "either": {"x-kubernetes-int-or-string": true},
            "labels": texts,
            "selector": {"type": "object", "additionalProperties": text, "x-kubernetes-map-type": "atomic"},
            "items": {"type": "array", "items": text},
            "set": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
            "ports": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
                "items": {"type": "object", "required": ["port"], "properties": {
                    "port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}, "name": text,
                    "names": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
                }},
            },
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "inner": {"type": "object", "properties": {"a": text, "b": text}},
            "maybe": {"type": "string", "nullable": true},
            "template": {
                "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
            },
        }},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }})
}

/// The object as our server would keep it.
struct Replay {
    schema: StructuralSchema,
    types: Arc<Type>,
    live: Option<Object>,
}

impl Replay {
    fn step(&mut self, step: &Value) -> Result<(), Status> {
        let (operation, manager) = (step["operation"].as_str().unwrap(), step["manager"].as_str().unwrap());
        let Value::Object(body) = step["body"].clone() else { panic!("{step}") };
        let types = self.types.clone();
        let types = move |version: &str| (version == "example.io/v1").then(|| types.clone());
        let status = operation.starts_with("status");
        let ignored = match status {
            true => FieldSet::of_fields(&[&["metadata"], &["spec"]]),
            false => FieldSet::of_fields(&[&["status"]]),
        };
        let tracker = Tracker {
            types: &types,
            api_version: "example.io/v1",
            kind: "Widget",
            subresource: if status { "status" } else { "" },
            empty: &Object::default(),
            ignored: &ignored,
            now: "2024-01-01T00:00:00Z",
        };
        let live = self.live.as_ref();
        let new = match operation {
            "apply" | "force" | "status-apply" => {
                let mut new = tracker.apply(live, &Object(body), manager, operation != "apply")?;
                self.finish(&mut new);
                new
            }
            _ => {
                let mut new = match operation {
                    "put" => Object(body),
                    _ => patched(live.unwrap(), &Value::Object(body)),
                };
                self.finish(&mut new);
                tracker.update(live, &mut new, manager);
                new
            }
        };
        self.keep(new, status)
    }

    /// Prunes and fills in defaults.
    fn finish(&self, new: &mut Object) {
        let mut value = Value::Object(std::mem::take(&mut new.0));
        self.schema.prune(&mut value);
        self.schema.default(&mut value);
        if let Value::Object(map) = value {
            new.0 = map;
        }
    }

    /// Validates the object and brings back what the (sub)resource cannot change.
    fn keep(&mut self, mut new: Object, status: bool) -> Result<(), Status> {
        if status {
            let mut old = self.live.clone().unwrap();
            for path in [&["status"][..], &["metadata", "managedFields"]] {
                match new.remove(path) {
                    Some(value) => old.set(path, value),
                    None => drop(old.remove(path)),
                }
            }
            new = old;
        } else {
            match self.live.as_ref().and_then(|live| live.0.get("status")) {
                Some(status) => new.0.insert("status".into(), status.clone()),
                None => new.0.remove("status"),
            };
        }
        if let Some(old) = &self.live {
            keep_times(old, &mut new);
        }
        let errors = self.schema.validate(&Value::Object(new.0.clone()));
        if !errors.is_empty() {
            return Err(Status::invalid("example.io", "Widget", "", errors));
        }
        self.live = Some(new);
        Ok(())
    }
}

fn patched(object: &Object, patch: &Value) -> Object {
    let mut value = Value::Object(object.0.clone());
    merge_patch(&mut value, patch);
    super::object(value)
}

/// The parts that were recorded, with entries in an order that does not depend on time.
fn masked(object: &Map<String, Value>) -> Value {
    let mut object = Value::Object(object.clone());
    for key in ["apiVersion", "kind"] {
        object.as_object_mut().unwrap().remove(key);
    }
    let metadata = object["metadata"].as_object_mut().unwrap();
    for key in ["name", "namespace"] {
        metadata.remove(key);
    }
    if let Some(Value::Array(entries)) = metadata.get_mut("managedFields") {
        for entry in entries.iter_mut() {
            if entry.get("time").is_some() {
                entry["time"] = "T".into();
            }
        }
        entries.sort_by_key(|entry| {
            format!(
                "{} {} {}",
                entry["manager"],
                entry["operation"],
                entry.get("subresource").unwrap_or(&Value::Null)
            )
        });
    }
    object
}

#[test]
fn our_answers_are_those_of_kubernetes() {
    let stories: Vec<Value> = serde_json::from_str(include_str!("recorded.json")).unwrap();
    assert!(!stories.is_empty());
    let mut failures = Vec::new();
    for story in &stories {
        let mut replay = Replay {
            schema: StructuralSchema::compile(&schema()).unwrap(),
            types: Arc::new(Type::of_schema(&schema())),
            live: None,
        };
        for (index, step) in story["steps"].as_array().unwrap().iter().enumerate() {
            let answer = &step["answer"];
            let expect = (answer["code"].as_u64().unwrap(), answer["object"].as_object());
            let got = replay.step(step);
            let fault = match (&got, expect) {
                (Ok(()), (_, Some(object))) => {
                    let (ours, theirs) = (masked(&replay.live.as_ref().unwrap().0), masked(object));
                    (ours != theirs).then(|| format!("ours   {ours}\ntheirs {theirs}"))
                }
                // What a schema says of values has tests of its own.
                (Err(status), (422, None)) if status.code == 422 => None,
                (Err(status), (code, None)) => {
                    let same = u64::from(status.code) == code && answer["message"] == status.message;
                    (!same).then(|| format!("ours   {} {}\ntheirs {answer}", status.code, status.message))
                }
                (got, _) => Some(format!("ours   {got:?}\ntheirs {answer}")),
            };
            if let Some(fault) = fault {
                failures.push(format!("seed {} step {index} {}\n{fault}", story["seed"], step["operation"]));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), stories.len(), failures.join("\n\n"));
}
