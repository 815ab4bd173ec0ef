//! Kubernetes' strategic merge patch: a merge patch that knows which lists are maps in disguise.
//!
//! What a list's merge key is depends on the built-in kind ([`shapes`]). Lists without one are replaced whole. Directives in
//! the patch say what a merge cannot: `$patch: delete|replace` (of an object, or of a list by one of its elements),
//! `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`, `$retainKeys`. Patches come from kubectl, which computes
//! them from the same table, so both must agree exactly.
//!
//! Every step is linear in target and patch; recursion is as deep as the patch, which [`crate::json::parse`] bounds.

mod describe;
mod lists;
mod shapes;

use serde_json::{Map, Value};

pub use describe::describe;

use crate::{patch::PatchError, status::quote};
use lists::{merge_keyed, merge_set, reorder};
use shapes::{Field, Shape};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ELEMENT_ORDER: &str = "$setElementOrder/";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";

/// Applies a strategic merge patch with the merge keys of the built-in kind `kind` (`$patch`, `$setElementOrder`,
/// `$deleteFromPrimitiveList`, `$retainKeys`). Of another kind only the metadata's lists merge. On error the target is
/// as before.
pub fn strategic_merge_patch(kind: &str, target: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let (Value::Object(before), Value::Object(changes)) = (&*target, patch) else {
        // A patch of nothing changes nothing.
        return if patch.is_null() { Ok(()) } else { Err(malformed("target and patch must be objects")) };
    };
    let mut draft = before.clone();
    merge_map(shapes::of_kind(kind), &mut draft, changes)?;
    *target = Value::Object(draft);
    Ok(())
}

fn malformed(fault: impl Into<String>) -> PatchError {
    PatchError::Malformed(fault.into())
}

/// What `$patch` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Replace,
    Delete,
}

fn directive(patch: &Map<String, Value>) -> Result<Option<Directive>, PatchError> {
    match patch.get(DIRECTIVE) {
        None => Ok(None),
        Some(Value::String(word)) if word == "replace" => Ok(Some(Directive::Replace)),
        Some(Value::String(word)) if word == "delete" => Ok(Some(Directive::Delete)),
        Some(other) => {
            Err(PatchError::Contradictory(format!("{DIRECTIVE} must be replace or delete, not {other}")))
        }
    }
}

fn merge_map(
    shape: &Shape,
    target: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), PatchError> {
    match directive(patch)? {
        Some(Directive::Delete) => {
            target.clear();
            return Ok(());
        }
        Some(Directive::Replace) => target.clear(),
        None => {}
    }
    retain_keys(target, patch)?;
    // Orders and deletions refer to lists as they were, so what changes the lists themselves comes in between.
    let live: Vec<(&str, &[Value], Vec<Value>)> = patch
        .iter()
        .filter_map(|(key, order)| Some((key.strip_prefix(SET_ELEMENT_ORDER)?, order)))
        .map(|(key, order)| {
            let live = target.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
            Ok((key, list(key, order)?, live))
        })
        .collect::<Result<_, PatchError>>()?;
    for (key, change) in patch {
        if let Some(key) = key.strip_prefix(DELETE_FROM_LIST) {
            let doomed = list(key, change)?;
            if let Some(Value::Array(items)) = target.get_mut(key) {
                lists::remove_all(items, doomed);
            }
        } else if key != DIRECTIVE && key != RETAIN_KEYS && !key.starts_with(SET_ELEMENT_ORDER) {
            merge_field(shape, target, key, change)?;
        }
    }
    for (key, order, live) in live {
        let Some((merge_key, _)) = shape.field(key).and_then(Field::merge) else {
            return Err(malformed(format!("{} has no order to set: it is replaced whole", quote(key))));
        };
        if let Some(Value::Array(patched)) = patch.get(key) {
            lists::check_order(key, patched, order, merge_key)?;
        }
        if let Some(Value::Array(items)) = target.get_mut(key) {
            reorder(items, order, &live, merge_key);
        }
    }
    Ok(())
}

fn merge_field(
    shape: &Shape,
    target: &mut Map<String, Value>,
    key: &str,
    change: &Value,
) -> Result<(), PatchError> {
    match change {
        Value::Null => {
            target.remove(key);
        }
        Value::Object(change) => {
            let inner = match shape.field(key) {
                Some(Field::Object(inner)) => inner,
                _ => &shapes::ANY,
            };
            if !matches!(target.get(key), Some(Value::Object(_))) {
                // Merging into nothing, rather than copying, is what processes the directives within.
                target.insert(key.to_owned(), Value::Object(Map::new()));
            }
            if let Some(Value::Object(map)) = target.get_mut(key) {
                merge_map(inner, map, change)?;
            }
        }
        // What is not there yet is not merged with anything, and needs no keys to tell its items apart.
        Value::Array(change) if !target.contains_key(key) && !holds_directives(change) => {
            target.insert(key.to_owned(), Value::Array(change.clone()));
        }
        Value::Array(change) => {
            let slot = target.entry(key).or_insert(Value::Null);
            let before = match slot.take() {
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            *slot = Value::Array(match shape.field(key).and_then(Field::merge) {
                Some(("", _)) => merge_set(before, change),
                Some((merge_key, item)) => merge_keyed(key, merge_key, item, before, change)?,
                // A list that is replaced whole knows no directives.
                None => change.clone(),
            });
        }
        scalar => {
            target.insert(key.to_owned(), scalar.clone());
        }
    }
    Ok(())
}

fn holds_directives(items: &[Value]) -> bool {
    items.iter().any(|item| match item {
        Value::Object(map) => map.iter().any(|(key, value)| {
            key.starts_with('$') || matches!(value, Value::Array(items) if holds_directives(items))
        }),
        _ => false,
    })
}

/// Applies `$retainKeys`: every key that it does not list goes.
fn retain_keys(target: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), PatchError> {
    let Some(keys) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let keys: std::collections::HashSet<&str> =
        list(RETAIN_KEYS, keys)?.iter().filter_map(Value::as_str).collect();
    let stray = patch
        .iter()
        .find(|(key, change)| !key.starts_with('$') && !change.is_null() && !keys.contains(key.as_str()));
    if stray.is_some() {
        return Err(malformed("invalid patch format of retainKeys"));
    }
    target.retain(|key, _| keys.contains(key.as_str()));
    Ok(())
}

fn list<'a>(key: &str, value: &'a Value) -> Result<&'a [Value], PatchError> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(malformed(format!("the directive for {} must be a list", quote(key)))),
    }
}

#[cfg(test)]
mod tests;
