//! The fields that a value holds: its leaves, and the elements of its keyed lists and of its maps.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    path::PathElement,
    set::FieldSet,
    types::{Choice, ListType, MapType, Relation, Type, TypeError, TypeRef, Walk},
};

impl Type {
    /// The fields of an object.
    pub(super) fn fields_of(&self, object: &Map<String, Value>) -> Result<FieldSet, Vec<TypeError>> {
        let (mut walk, mut set) = (Walk::default(), FieldSet::default());
        if let Some(map) = &self.map {
            of_map(map, object, &mut set, &mut walk);
        }
        walk.finish(set)
    }
}

fn of(kind: &Type, value: &Value, set: &mut FieldSet, walk: &mut Walk) {
    match kind.of_value(Some(value)).choice() {
        Choice::Map(map) if map.atomic => set.insert(&walk.path),
        Choice::Map(map) => {
            if let Value::Object(object) = value {
                of_map(map, object, set, walk);
            }
        }
        Choice::Scalar(_) => set.insert(&walk.path),
        Choice::List(list) if list.relation == Relation::Atomic => set.insert(&walk.path),
        Choice::List(list) => {
            if let Value::Array(items) = value {
                of_list(list, items, set, walk);
            }
        }
        Choice::Nothing => walk.error("schema error: invalid atom: inlined"),
    }
}

fn of_map(kind: &MapType, object: &Map<String, Value>, set: &mut FieldSet, walk: &mut Walk) {
    for (key, value) in object {
        walk.at(PathElement::Field(key.clone()), |walk| {
            match kind.field(key) {
                Some(field) => of(field, value, set, walk),
                None => walk.error("schema error: invalid atom: inlined"),
            }
            // What is empty has no leaves that could stand for it, and the keys of maps are owned like values.
            let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
            if empty || !kind.fields.contains_key(key) {
                set.insert(&walk.path);
            }
        });
    }
}

fn of_list(kind: &ListType, items: &[Value], set: &mut FieldSet, walk: &mut Walk) {
    let steps: Vec<_> = items.iter().filter_map(|item| Some((kind.step(item).ok()?, item))).collect();
    let (mut seen, mut repeated) = (BTreeSet::new(), BTreeSet::new());
    for (step, _) in &steps {
        if !seen.insert(step) {
            repeated.insert(step);
        }
    }
    for (step, item) in &steps {
        walk.at(step.clone(), |walk| {
            // Of elements that cannot be told apart only the whole can be owned.
            if !repeated.contains(step) {
                of(TypeRef::get(&kind.items), item, set, walk);
            }
            set.insert(&walk.path);
        });
    }
}
