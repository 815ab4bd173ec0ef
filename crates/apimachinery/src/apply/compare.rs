//! What differs between two objects, as fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    path::{PathElement, equal},
    set::FieldSet,
    types::{Choice, ListType, MapType, Relation, Type, TypeError, TypeRef, Walk},
    validate::scalar_fault,
};

/// The difference between an object and a later one; no field is in two of the sets.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Comparison {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

impl Comparison {
    /// The difference without these fields and what is in them.
    pub(super) fn without(self, fields: &FieldSet) -> Self {
        if fields.is_empty() {
            return self;
        }
        Comparison {
            added: self.added.recursive_difference(fields),
            modified: self.modified.recursive_difference(fields),
            removed: self.removed.recursive_difference(fields),
        }
    }
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

type Side<'a> = Option<&'a Value>;

impl Type {
    /// Compares an object with a later one.
    pub(super) fn compare(
        &self,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) -> Result<Comparison, Vec<TypeError>> {
        let (mut walk, mut found) = (Walk::default(), Comparison::default());
        if let Some(map) = &self.map {
            compare_maps(map, before, after, &mut found, &mut walk);
        }
        walk.finish(found)
    }
}

fn compare(kind: &Type, before: Side<'_>, after: Side<'_>, found: &mut Comparison, walk: &mut Walk) {
    let (was, is) = (kind.of_value(before), kind.of_value(after));
    let whole = match (before, after) {
        (_, None) => compare_as(was.choice(), before, after, found, walk),
        (Some(_), Some(_)) if !was.is(is) => {
            // What was a map may have become a scalar: both readings count.
            compare_as(was.choice(), before, after, found, walk);
            compare_as(is.choice(), before, after, found, walk)
        }
        _ => compare_as(is.choice(), before, after, found, walk),
    };
    if !whole {
        match (before, after) {
            (None, _) => found.added.insert(&walk.path),
            (_, None) => found.removed.insert(&walk.path),
            _ => {}
        }
    }
}

/// Compares as one of the readings; whether the values counted as wholes.
fn compare_as(
    choice: Choice<'_>,
    before: Side<'_>,
    after: Side<'_>,
    found: &mut Comparison,
    walk: &mut Walk,
) -> bool {
    match choice {
        Choice::Scalar(scalar) => {
            let faults = (scalar_fault(scalar, before, "lhs: "), scalar_fault(scalar, after, "rhs: "));
            if let (Some(own), Some(theirs)) = faults {
                walk.error(own);
                walk.error(theirs);
                return false;
            }
            compare_wholes(before, after, found, walk)
        }
        Choice::Map(map) => {
            let [old, new] = [before, after].map(|side| side.and_then(Value::as_object));
            if map.atomic || [old, new].iter().all(|side| side.is_none_or(Map::is_empty)) {
                return compare_wholes(before, after, found, walk);
            }
            let nothing = Map::new();
            compare_maps(map, old.unwrap_or(&nothing), new.unwrap_or(&nothing), found, walk);
            false
        }
        Choice::List(list) => {
            let [old, new] =
                [before, after].map(|side| side.and_then(Value::as_array).map_or(&[][..], Vec::as_slice));
            if list.relation == Relation::Atomic || (old.is_empty() && new.is_empty()) {
                return compare_wholes(before, after, found, walk);
            }
            compare_lists(list, old, new, found, walk);
            false
        }
        Choice::Nothing => {
            walk.error("schema error: invalid atom: inlined");
            false
        }
    }
}

fn compare_wholes(before: Side<'_>, after: Side<'_>, found: &mut Comparison, walk: &mut Walk) -> bool {
    match (before, after) {
        (None, _) => found.added.insert(&walk.path),
        (_, None) => found.removed.insert(&walk.path),
        (Some(before), Some(after)) if !equal(before, after) => found.modified.insert(&walk.path),
        _ => {}
    }
    true
}

fn compare_maps(
    kind: &MapType,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    found: &mut Comparison,
    walk: &mut Walk,
) {
    let new = after
        .iter()
        .filter(|(key, _)| !before.contains_key(*key))
        .map(|(key, value)| (key, None, Some(value)));
    let old = before.iter().map(|(key, value)| (key, Some(value), after.get(key)));
    for (key, before, after) in old.chain(new) {
        if before.is_some() && before == after {
            continue;
        }
        walk.at(PathElement::Field(key.clone()), |walk| match kind.field(key) {
            Some(field) => compare(field, before, after, found, walk),
            None => walk.error("schema error: invalid atom: inlined"),
        });
    }
}

fn compare_lists(
    kind: &ListType,
    before: &[Value],
    after: &[Value],
    found: &mut Comparison,
    walk: &mut Walk,
) {
    let mut elements: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for (is_after, items) in [(false, before), (true, after)] {
        for (index, item) in items.iter().enumerate() {
            match kind.step(item) {
                Ok(step) => {
                    let (old, new) = elements.entry(step).or_default();
                    if is_after { new.push(item) } else { old.push(item) }
                }
                Err(why) => walk.error(format!("element {index}: {why}")),
            }
        }
    }
    let items = TypeRef::get(&kind.items);
    for (step, (old, new)) in elements {
        walk.at(step, |walk| match (old.as_slice(), new.as_slice()) {
            ([] | [_], [] | [_]) => {
                compare(items, old.first().copied(), new.first().copied(), found, walk);
            }
            // Elements that cannot be told apart are compared as one value.
            ([_, _, ..], [_, _, ..]) => {
                if old.len() != new.len() || !old.iter().zip(&new).all(|(old, new)| equal(old, new)) {
                    found.modified.insert(&walk.path);
                }
            }
            ([_, _, ..], rest) => {
                if let Some(left) = rest.first() {
                    compare(items, None, Some(left), found, walk);
                }
                found.removed.insert(&walk.path);
            }
            (rest, _) => {
                if let Some(first) = rest.first() {
                    compare(items, Some(first), None, found, walk);
                }
                found.added.insert(&walk.path);
            }
        });
    }
}
