//! An object without some of its fields.

use serde_json::{Map, Value};

use super::{
    path::PathElement,
    set::FieldSet,
    types::{Choice, ListType, MapType, Relation, Type, TypeRef},
};

impl Type {
    /// The object without these fields. A value that loses everything becomes null.
    pub(super) fn without(&self, object: &Map<String, Value>, fields: &FieldSet) -> Map<String, Value> {
        match &self.map {
            Some(map) if !map.atomic => from_map(map, object, fields),
            _ => object.clone(),
        }
    }
}

fn from(kind: &Type, value: &Value, fields: &FieldSet) -> Value {
    match (kind.of_value(Some(value)).choice(), value) {
        (Choice::Map(MapType { atomic: true, .. }), _) => Value::Null,
        (Choice::List(ListType { relation: Relation::Atomic, .. }), _) => Value::Null,
        (Choice::Map(map), Value::Object(object)) => match from_map(map, object, fields) {
            left if left.is_empty() => Value::Null,
            left => Value::Object(left),
        },
        (Choice::List(list), Value::Array(items)) => match from_list(list, items, fields) {
            left if left.is_empty() => Value::Null,
            left => Value::Array(left),
        },
        (Choice::Scalar(_), scalar) => scalar.clone(),
        _ => Value::Null,
    }
}

fn from_map(kind: &MapType, object: &Map<String, Value>, fields: &FieldSet) -> Map<String, Value> {
    let mut left = Map::new();
    for (key, value) in object {
        let step = PathElement::Field(key.clone());
        if fields.has_step(&step) {
            continue;
        }
        let value = match (fields.below(&step), kind.field(key)) {
            (Some(below), Some(field)) => from(field, value, below),
            _ => value.clone(),
        };
        left.insert(key.clone(), value);
    }
    left
}

fn from_list(kind: &ListType, items: &[Value], fields: &FieldSet) -> Vec<Value> {
    let mut left = Vec::with_capacity(items.len());
    for item in items {
        // What cannot be told apart is in no set of fields.
        let Ok(step) = kind.step(item) else {
            left.push(item.clone());
            continue;
        };
        if fields.has_step(&step) {
            continue;
        }
        left.push(match fields.below(&step) {
            Some(below) => from(TypeRef::get(&kind.items), item, below),
            None => item.clone(),
        });
    }
    left
}
