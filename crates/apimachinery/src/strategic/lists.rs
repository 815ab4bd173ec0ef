//! Merging lists by key or as sets, and putting the result in order.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{DIRECTIVE, Directive, directive, merge_map, shapes::Shape};
use crate::{patch::PatchError, status::quote};

/// What tells an element from the others, as JSON text: its merge key's value, or (no key) the element itself.
fn identity(item: &Value, merge_key: &str) -> Option<String> {
    match merge_key {
        "" => Some(item.to_string()),
        key => item.get(key).map(Value::to_string),
    }
}

/// The place of each element; of equal ones the first.
fn places(items: &[Value], merge_key: &str) -> HashMap<String, usize> {
    let mut places = HashMap::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if let Some(identity) = identity(item, merge_key) {
            places.entry(identity).or_insert(index);
        }
    }
    places
}

/// Merges a list of objects that `merge_key` tells apart.
pub(super) fn merge_keyed(
    field: &str,
    merge_key: &str,
    shape: &Shape,
    mut before: Vec<Value>,
    patch: &[Value],
) -> Result<Vec<Value>, PatchError> {
    let (mut doomed, mut changes, mut replace) = (HashSet::new(), Vec::new(), false);
    for item in patch {
        let Value::Object(map) = item else {
            return Err(PatchError::Contradictory(format!("the items of {} must be objects", quote(field))));
        };
        let identity = identity(item, merge_key).ok_or_else(|| {
            let (field, key) = (quote(field), quote(merge_key));
            PatchError::Contradictory(format!("an item of {field} lacks its merge key {key}"))
        });
        match directive(map)? {
            Some(Directive::Delete) => {
                doomed.insert(identity?);
            }
            // An element that says nothing else stands for the list.
            Some(Directive::Replace) if map.len() == 1 => replace = true,
            _ => changes.push((identity?, map)),
        }
    }
    if replace {
        before.clear();
    }
    before.retain(|item| identity(item, merge_key).is_none_or(|identity| !doomed.contains(&identity)));
    let live = before.clone();
    let mut order = Vec::new();
    let mut known = places(&before, merge_key);
    for (identity, map) in changes {
        let index = *known.entry(identity).or_insert_with(|| {
            before.push(Value::Object(Map::new()));
            before.len() - 1
        });
        if let Some(Value::Object(target)) = before.get_mut(index) {
            merge_map(shape, target, map)?;
            if let Some(key) = map.get(merge_key) {
                // A replaced or emptied element stays itself.
                target.insert(merge_key.to_owned(), key.clone());
                order.push(before[index].clone());
            }
        }
    }
    reorder(&mut before, &order, &live, merge_key);
    Ok(before)
}

/// Merges a list of scalars as a set.
pub(super) fn merge_set(mut before: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    let patch: Vec<Value> = patch.iter().filter(|item| item.get(DIRECTIVE).is_none()).cloned().collect();
    let live = before.clone();
    before.extend(patch.iter().cloned());
    let mut seen = HashSet::new();
    before.retain(|item| seen.insert(item.to_string()));
    reorder(&mut before, &patch, &live, "");
    before
}

/// Removes every element that equals one of `doomed`.
pub(super) fn remove_all(items: &mut Vec<Value>, doomed: &[Value]) {
    let doomed: HashSet<String> = doomed.iter().map(Value::to_string).collect();
    items.retain(|item| !doomed.contains(&item.to_string()));
}

/// Whether the elements that a patch sets all stand in its `$setElementOrder`, in the same order.
pub(super) fn check_order(
    field: &str,
    patched: &[Value],
    order: &[Value],
    merge_key: &str,
) -> Result<(), PatchError> {
    let places = places(order, merge_key);
    let mut last = None;
    for item in patched.iter().filter(|item| item.get(DIRECTIVE).is_none()) {
        let place = identity(item, merge_key).and_then(|identity| places.get(&identity).copied());
        if place.is_none() || place < last {
            return Err(PatchError::Contradictory(format!(
                "the order of {} in the patch doesn't match its $setElementOrder",
                quote(field)
            )));
        }
        last = place;
    }
    Ok(())
}

/// Puts the elements that `order` names in that order. The others keep theirs among themselves, and each stands before the
/// first ordered element that it stood before in `live`.
pub(super) fn reorder(items: &mut Vec<Value>, order: &[Value], live: &[Value], merge_key: &str) {
    let (order, live) = (places(order, merge_key), places(live, merge_key));
    let place = |places: &HashMap<String, usize>, item: &Value| {
        identity(item, merge_key).and_then(|identity| places.get(&identity).copied())
    };
    let (mut ordered, mut others) = (Vec::new(), Vec::new());
    for item in items.drain(..) {
        let live_place = place(&live, &item);
        match place(&order, &item) {
            Some(index) => ordered.push((index, live_place, item)),
            None => others.push((live_place, item)),
        }
    }
    ordered.sort_by_key(|(index, _, _)| *index);
    others.sort_by_key(|(live_place, _)| live_place.unwrap_or(usize::MAX));
    let mut others = others.into_iter().peekable();
    for (_, ordered_place, item) in ordered {
        let stands_before = |other: &(Option<usize>, Value)| {
            other.0.zip(ordered_place).is_some_and(|(other, this)| other < this)
        };
        while let Some((_, other)) = others.next_if(stands_before) {
            items.push(other);
        }
        items.push(item);
    }
    items.extend(others.map(|(_, other)| other));
}
