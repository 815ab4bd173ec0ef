//! Whether a value fits its type. Applied configurations must: what they own is read off them.

use serde_json::{Map, Value};

use super::{
    go,
    path::PathElement,
    types::{Choice, ListType, MapType, Relation, Scalar, Type, TypeError, TypeRef, Walk},
};

/// Whether equal elements may stand in a set or under one key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicates {
    Allowed,
    Refused,
}

impl Type {
    /// Checks an object.
    pub(super) fn check(
        &self,
        object: &Map<String, Value>,
        duplicates: Duplicates,
    ) -> Result<(), Vec<TypeError>> {
        let mut walk = Walk::default();
        if let Some(map) = &self.map {
            check_map(map, object, duplicates, &mut walk);
        }
        walk.finish(())
    }
}

fn check(kind: &Type, value: &Value, duplicates: Duplicates, walk: &mut Walk) {
    match kind.of_value(Some(value)).choice() {
        Choice::Map(map) => match value {
            Value::Null => {}
            Value::Object(object) => check_map(map, object, duplicates, walk),
            other => walk.error(format!("expected map, got &{{{}}}", go::plain(other))),
        },
        Choice::List(list) => match value {
            Value::Null => {}
            Value::Array(items) => check_list(list, items, duplicates, walk),
            other => walk.error(format!("expected list, got &{{{}}}", go::plain(other))),
        },
        Choice::Scalar(scalar) => {
            if let Some(fault) = scalar_fault(scalar, Some(value), "") {
                walk.error(fault);
            }
        }
        Choice::Nothing => walk.error("schema error: invalid atom: inlined"),
    }
}

fn check_map(kind: &MapType, object: &Map<String, Value>, duplicates: Duplicates, walk: &mut Walk) {
    for (key, value) in object {
        walk.at(PathElement::Field(key.clone()), |walk| match kind.field(key) {
            Some(field) => check(field, value, duplicates, walk),
            None => walk.error("field not declared in schema"),
        });
    }
}

fn check_list(kind: &ListType, items: &[Value], duplicates: Duplicates, walk: &mut Walk) {
    let mut seen = std::collections::BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let step = if kind.relation == Relation::Atomic {
            PathElement::Index(i64::try_from(index).unwrap_or(i64::MAX))
        } else {
            match kind.step(item) {
                Ok(step) => step,
                Err(why) => return walk.error(format!("element {index}: {why}")),
            }
        };
        if kind.relation != Relation::Atomic
            && !seen.insert(step.clone())
            && duplicates == Duplicates::Refused
        {
            walk.error(format!("duplicate entries for key {step}"));
        }
        walk.at(step, |walk| check(TypeRef::get(&kind.items), item, duplicates, walk));
    }
}

/// Why a value is no such scalar; nothing and null are.
pub(super) fn scalar_fault(kind: Scalar, value: Option<&Value>, side: &str) -> Option<String> {
    let value = value.filter(|value| !value.is_null())?;
    match kind {
        Scalar::Number if !value.is_number() => {
            Some(format!("{side}expected numeric (int or float), got {}", go::type_name(value)))
        }
        Scalar::String if !value.is_string() => Some(format!(
            "{side}expected string, got &value.valueUnstructured{{Value:{}}}",
            go::syntax(value)
        )),
        Scalar::Boolean if !value.is_boolean() => {
            Some(format!("{side}expected boolean, got &{{{}}}", go::plain(value)))
        }
        Scalar::Any if value.is_array() || value.is_object() => {
            Some(format!("{side}expected any scalar, got &{{{}}}", go::plain(value)))
        }
        _ => None,
    }
}
