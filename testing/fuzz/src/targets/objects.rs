//! Objects: metadata, the stored form, names of managers.

use grange_apimachinery::{
    Object, StoredHeader, Value,
    apply::{self, Managers},
    definition,
    name::{self, NameRule},
    object,
    selector::LabelSelector,
};
use serde_json::json;

use super::{LARGE, SMALL};
use crate::{Source, Target, mutate, trees};

pub(super) fn targets() -> Vec<Target> {
    vec![
        Target::new("stored-objects", LARGE, stored, check_stored),
        Target::new("metadata", LARGE, |source| (object(source), object(source)), check_metadata),
        Target::new("managed-fields", LARGE, managed_fields, check_managed_fields),
        Target::new("definitions", LARGE, definition, check_definition),
        Target::new(
            "user-agents",
            SMALL,
            |source| mutate::text(source, "kubectl/v1.36 (linux)".into()),
            |agent| {
                let manager = apply::manager_of_user_agent(agent);
                assert!(manager.len() <= 128, "the limit of a manager's name");
            },
        ),
    ]
}

/// An object with metadata that is nearly right.
pub(super) fn object(source: &mut Source) -> Value {
    let mut metadata = json!({
        "name": mutate::word(source),
        "namespace": mutate::word(source),
        "labels": trees::object(source, 1),
        "annotations": trees::object(source, 1),
        "finalizers": source.list(3, mutate::word),
        "ownerReferences": source.list(2, |source| json!({
            "apiVersion": "v1", "kind": "ConfigMap", "name": mutate::word(source), "uid": mutate::word(source),
            "controller": source.one_in(2), "blockOwnerDeletion": trees::scalar(source),
        })),
    });
    if source.one_in(2) {
        metadata = trees::changed(source, &metadata);
    }
    let mut object = trees::object(source, 3);
    object.insert("apiVersion".into(), "example.com/v1".into());
    object.insert("kind".into(), "Thing".into());
    object.insert("metadata".into(), metadata);
    if source.one_in(3) { trees::changed(source, &Value::Object(object)) } else { object.into() }
}

fn as_object(value: &Value) -> Option<Object> {
    value.as_object().map(|map| Object(map.clone()))
}

fn stored(source: &mut Source) -> (Value, u64, String) {
    let path = source.list(4, mutate::word).join(".");
    (object(source), source.number(), mutate::text(source, format!("metadata.{path}")))
}

fn check_stored((value, revision, path): &(Value, u64, String)) {
    let Some(object) = as_object(value) else { return };
    let stored = object.to_stored();
    let mut rendered = Vec::new();
    object::render_stored(&stored, *revision, &mut rendered);
    let read = Object::from_stored(&stored, *revision).expect("what is stored can be read");
    let wire: Value = serde_json::from_slice(&rendered).expect("what is rendered is JSON");
    assert_eq!(wire["metadata"]["resourceVersion"], json!(revision.to_string()));
    assert_eq!(wire, Value::Object(read.0.clone()), "both ways of reading");
    assert_eq!(read.to_stored(), stored, "the stored form settles");
    object::stored_field(&stored, path);
    // Metadata that no client could have stored is refused, not read wrongly.
    if let Ok(header) = StoredHeader::parse(&stored)
        && let Some(name) = value["metadata"]["name"].as_str()
    {
        assert_eq!(header.metadata.name, name);
        assert_eq!(object::stored_field(&stored, "metadata.name"), name);
    }
}

fn check_metadata((old, new): &(Value, Value)) {
    let (Some(old), Some(new)) = (as_object(old), as_object(new)) else { return };
    for rule in [NameRule::Subdomain, NameRule::Label] {
        name::validate_metadata(&new, rule, true);
        name::validate_metadata(&new, rule, false);
    }
    name::validate_metadata_update(&old, &new);
    name::validate_core_finalizers(new.get(&["metadata", "finalizers"]), "spec.finalizers");
    let _ = (new.finalizers(), new.owner_references(), new.generation(), new.label("a"), new.annotation("a"));
    let _ = LabelSelector::from_value(&Value::Object(new.0.clone()));
    // To check against oneself is to check nothing.
    let same = name::validate_metadata_update(&new, &new);
    assert!(same.iter().all(|error| !error.to_string().contains("immutable")), "{same:?}");
}

/// Paths of fields as managedFields has them.
fn fields(source: &mut Source, depth: usize) -> Value {
    let mut fields = serde_json::Map::new();
    for _ in 0..source.below(4) {
        let key = match source.below(6) {
            0 => ".".to_owned(),
            1 => format!("k:{{\"name\":\"{}\"}}", mutate::word(source)),
            2 => format!("v:{}", trees::scalar(source)),
            3 => format!("i:{}", source.number() as i64),
            _ => format!("f:{}", mutate::word(source)),
        };
        let below = if depth == 0 { json!({}) } else { fields_below(source, depth) };
        fields.insert(mutate::text(source, key), below);
    }
    fields.into()
}

fn fields_below(source: &mut Source, depth: usize) -> Value {
    fields(source, depth - 1)
}

fn managed_fields(source: &mut Source) -> Value {
    let entries = source.list(5, |source| {
        let entry = json!({
            "manager": mutate::word(source),
            "operation": source.pick(&["Apply", "Update", "Delete", ""]),
            "apiVersion": source.pick(&["v1", "example.com/v1", "", "a/b/c"]),
            "time": mutate::text(source, "2026-11-29T01:02:03Z".into()),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields(source, 4),
            "subresource": source.pick(&["", "status", "scale"]),
        });
        if source.one_in(3) { trees::changed(source, &entry) } else { entry }
    });
    if source.one_in(10) { trees::value(source, 3) } else { entries.into() }
}

fn check_managed_fields(entries: &Value) {
    apply::validate_managed_fields(entries);
    let Ok(managers) = Managers::read(Some(entries)) else { return };
    let written = managers.to_value();
    let read = Managers::read(written.as_ref()).expect("what is written can be read");
    assert_eq!(read.to_value(), written, "writing settles");
}

/// A CustomResourceDefinition that is nearly right.
fn definition(source: &mut Source) -> Value {
    let version = |source: &mut Source| {
        json!({
            "name": source.pick(&["v1", "v2", "v1beta1"]),
            "served": true,
            "storage": source.one_in(2),
            "schema": {"openAPIV3Schema": super::schemas::schema(source, 3)},
            "subresources": {"status": {}, "scale": {
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
            }},
            "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".spec.a"}],
            "selectableFields": [{"jsonPath": format!(".spec.{}", mutate::word(source))}],
        })
    };
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": source.pick(&["Namespaced", "Cluster"]),
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": source.list(3, version),
        },
    });
    trees::changed(source, &definition)
}

fn check_definition(value: &Value) {
    let Some(mut object) = as_object(value) else { return };
    let mut unknown = Vec::new();
    if definition::decode(&mut object, &mut unknown).is_err() {
        return;
    }
    let mut again = object.clone();
    let mut unknown = Vec::new();
    definition::decode(&mut again, &mut unknown).expect("what was decoded can be");
    // As in Go, what may be a schema or a list and is neither becomes null, and nothing when it is read again.
    let full = |object: &Object| trees::without_nothing(&Value::Object(object.0.clone()));
    assert_eq!(full(&again), full(&object), "decoding settles");
    assert!(unknown.is_empty(), "{unknown:?}");
    let errors = definition::validate_new(&object);
    definition::validate_change(&object, &object);
    definition::validate_status(&object);
    definition::unrecognized_formats(&object);
    definition::reset_status(&mut object);
    definition::note_storage_version(&mut object);
    if errors.is_empty() {
        let read = definition::Definition::read(&object).expect("a good definition can be read");
        assert!(read.storage_version().is_some());
    }
}
