//! Patches of all kinds, and apply.

use std::sync::Arc;

use grange_apimachinery::{
    Object, Value,
    apply::{FieldSet, Managers, Tracker, Type},
    patch::{json_patch, merge_patch, strategic_merge_patch},
};
use serde_json::json;

use super::{LARGE, objects, schemas};
use crate::{Source, Target, mutate, trees};

pub(super) fn targets() -> Vec<Target> {
    vec![
        Target::new("json-patches", LARGE, json_patch_input, check_json_patch),
        Target::new("merge-patches", LARGE, merge_patch_input, check_merge_patch),
        Target::new("strategic-patches", LARGE, strategic_input, check_strategic),
        Target::new("apply", LARGE, apply_input, check_apply),
    ]
}

fn pointer(source: &mut Source) -> String {
    let steps = source.list(4, |source| match source.below(5) {
        0 => "-".to_owned(),
        1 => source.below(4).to_string(),
        2 => format!("~{}{}", source.below(3), mutate::word(source)),
        _ => mutate::word(source).replace('/', "~1"),
    });
    let pointer: String = steps.iter().map(|step| format!("/{step}")).collect();
    mutate::text(source, pointer)
}

fn json_patch_input(source: &mut Source) -> (Value, Value) {
    let target = trees::value(source, 4);
    let steps = source.list(8, |source| {
        let operation = source.pick(&["add", "remove", "replace", "move", "copy", "test", "other"]);
        let step = json!({
            "op": operation, "path": pointer(source), "from": pointer(source), "value": trees::value(source, 2),
        });
        if source.one_in(6) { trees::changed(source, &step) } else { step }
    });
    (target, steps.into())
}

fn check_json_patch((target, patch): &(Value, Value)) {
    let mut patched = target.clone();
    if json_patch(&mut patched, patch).is_err() {
        assert_eq!(patched, *target, "a patch that fails changes nothing");
    }
}

fn merge_patch_input(source: &mut Source) -> (Value, Value) {
    let target = trees::value(source, 4);
    let patch = if source.one_in(2) { trees::changed(source, &target) } else { trees::value(source, 4) };
    (target, patch)
}

fn check_merge_patch((target, patch): &(Value, Value)) {
    let mut once = target.clone();
    merge_patch(&mut once, patch);
    let mut twice = once.clone();
    merge_patch(&mut twice, patch);
    assert_eq!(twice, once, "merging twice is merging once");
}

fn strategic_input(source: &mut Source) -> (String, Value, Value) {
    let kind =
        source.pick(&["Pod", "Deployment", "Service", "ServiceAccount", "Namespace", "Other"]).to_owned();
    let target = pod(source);
    let mut patch = if source.one_in(2) { trees::changed(source, &target) } else { pod(source) };
    for _ in 0..source.below(4) {
        directive(source, &mut patch);
    }
    (kind, target, patch)
}

/// Something like a Pod: lists with merge keys in their places.
fn pod(source: &mut Source) -> Value {
    let container = |source: &mut Source| {
        json!({
            "name": source.pick(&["a", "b", "c"]),
            "ports": source.list(3, |source| json!({"containerPort": source.below(3), "protocol": "TCP"})),
            "env": source.list(3, |source| json!({"name": source.pick(&["a", "b"]), "value": mutate::word(source)})),
        })
    };
    let pod = json!({
        "metadata": {"finalizers": source.list(3, mutate::word), "labels": trees::object(source, 1)},
        "spec": {
            "containers": source.list(3, container),
            "tolerations": source.list(2, |source| json!({"key": mutate::word(source)})),
            "volumes": source.list(2, |source| json!({"name": source.pick(&["a", "b"]), "emptyDir": {}})),
        },
        "other": trees::value(source, 2),
    });
    if source.one_in(3) { trees::changed(source, &pod) } else { pod }
}

/// Puts a directive somewhere into a patch.
fn directive(source: &mut Source, patch: &mut Value) {
    match patch {
        Value::Object(map) if map.is_empty() || source.one_in(3) => {
            let list = source.pick(&["containers", "ports", "env", "finalizers", "x"]);
            let (key, value) = match source.below(5) {
                0 => ("$patch".into(), source.pick(&["delete", "replace", "merge", ""]).into()),
                1 => ("$retainKeys".into(), source.list(3, mutate::word).into()),
                2 => {
                    let order = source.list(4, |source| json!({"name": source.pick(&["a", "b", "c", "d"])}));
                    (format!("$setElementOrder/{list}"), order.into())
                }
                3 => (format!("$deleteFromPrimitiveList/{list}"), source.list(3, mutate::word).into()),
                _ => (format!("$setElementOrder/{list}"), trees::value(source, 2)),
            };
            map.insert(key, value);
        }
        Value::Object(map) => {
            let at = source.below(map.len());
            if let Some(child) = map.values_mut().nth(at) {
                directive(source, child);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let at = source.below(list.len());
            directive(source, &mut list[at]);
        }
        _ => {}
    }
}

fn check_strategic((kind, target, patch): &(String, Value, Value)) {
    let mut patched = target.clone();
    if strategic_merge_patch(kind, &mut patched, patch).is_err() {
        assert_eq!(patched, *target, "a patch that fails changes nothing");
    }
}

/// Writes of several managers, one after the other.
#[derive(serde::Serialize, serde::Deserialize)]
struct Story {
    schema: Value,
    writes: Vec<Write>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Write {
    manager: String,
    object: Value,
    applies: bool,
    force: bool,
}

fn apply_input(source: &mut Source) -> Story {
    let schema = schemas::root(source, 3);
    let mut last = objects::object(source);
    let writes = source.list(6, |source| {
        let mut object = if source.one_in(2) { last.clone() } else { schemas::fitting(source, &schema, 5) };
        if let Some(map) = object.as_object_mut() {
            map.insert("apiVersion".into(), "example.com/v1".into());
            map.insert("kind".into(), "Thing".into());
            map.insert("metadata".into(), json!({"name": "a", "labels": trees::object(source, 1)}));
        }
        if source.one_in(2) {
            object = trees::changed(source, &object);
        }
        last = object.clone();
        let manager = source.pick(&["ada", "bob", "kubectl"]).to_owned();
        Write { manager, object, applies: source.one_in(2), force: source.one_in(2) }
    });
    Story { schema, writes }
}

fn check_apply(story: &Story) {
    let types = Arc::new(Type::of_schema(&story.schema));
    let of_version = |version: &str| (version == "example.com/v1").then(|| types.clone());
    let (empty, ignored) = (Object::default(), FieldSet::default());
    let tracker = Tracker {
        types: &of_version,
        api_version: "example.com/v1",
        kind: "Thing",
        subresource: "",
        empty: &empty,
        ignored: &ignored,
        now: "2026-11-29T01:02:03Z",
    };
    let mut live: Option<Object> = None;
    for write in &story.writes {
        let Some(object) = write.object.as_object().map(|map| Object(map.clone())) else { continue };
        if !write.applies {
            let mut new = object;
            tracker.update(live.as_ref(), &mut new, &write.manager);
            live = Some(new);
        } else if let Ok(applied) = tracker.apply(live.as_ref(), &object, &write.manager, write.force) {
            // By force: a map that is emptied is null, and whoever shares it must agree to its being empty.
            let again = tracker.apply(Some(&applied), &object, &write.manager, true);
            let again = again.expect("what was applied can be applied");
            // Whoever reads an object takes empty maps and nulls for the same.
            assert_eq!(values(&again), values(&applied), "applying twice is applying once");
            live = Some(applied);
        }
        let managed = live.as_ref().and_then(|live| live.get(&["metadata", "managedFields"]));
        Managers::read(managed).expect("what is written can be read");
    }
}

/// What an object says, whoever owns it.
fn values(object: &Object) -> Value {
    let mut object = object.clone();
    object.remove(&["metadata", "managedFields"]);
    trees::without_nothing(&Value::Object(object.0))
}
