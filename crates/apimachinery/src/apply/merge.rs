//! An applied configuration merged into the present object: nothing goes away, what both say the configuration decides.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    path::PathElement,
    types::{Choice, ListType, MapType, Relation, Type, TypeError, TypeRef, Walk},
    validate::scalar_fault,
};

type Side<'a> = Option<&'a Value>;

impl Type {
    /// Merges a configuration into an object.
    pub(super) fn merge(
        &self,
        live: &Map<String, Value>,
        config: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Vec<TypeError>> {
        let mut walk = Walk::default();
        let merged = match &self.map {
            Some(map) => merge_maps(map, live, config, &mut walk),
            None => config.clone(),
        };
        walk.finish(merged)
    }
}

fn merge(kind: &Type, live: Side<'_>, config: Side<'_>, walk: &mut Walk) -> Option<Value> {
    let (was, is) = (kind.of_value(live), kind.of_value(config));
    match (live, config) {
        (_, None) => merge_as(was.choice(), live, config, walk),
        (Some(_), Some(_)) if !was.is(is) => {
            // The present value's reading is only checked: the configuration's replaces it.
            merge_as(was.choice(), live, config, walk);
            merge_as(is.choice(), live, config, walk)
        }
        _ => merge_as(is.choice(), live, config, walk),
    }
}

fn merge_as(choice: Choice<'_>, live: Side<'_>, config: Side<'_>, walk: &mut Walk) -> Option<Value> {
    let chosen = || config.or(live).cloned();
    match choice {
        Choice::Scalar(scalar) => {
            let faults = (scalar_fault(scalar, live, "lhs: "), scalar_fault(scalar, config, "rhs: "));
            if let (Some(own), Some(theirs)) = faults {
                walk.error(own);
                walk.error(theirs);
                return None;
            }
            chosen()
        }
        Choice::Map(map) => {
            let [own, theirs] = [live, config].map(|side| side.and_then(Value::as_object));
            // Two that are empty are no merge: so an empty one stays different from null.
            if map.atomic || [own, theirs].iter().all(|side| side.is_none_or(Map::is_empty)) {
                return chosen();
            }
            let nothing = Map::new();
            let merged = merge_maps(map, own.unwrap_or(&nothing), theirs.unwrap_or(&nothing), walk);
            (!merged.is_empty()).then_some(Value::Object(merged))
        }
        Choice::List(list) => {
            let [own, theirs] =
                [live, config].map(|side| side.and_then(Value::as_array).map_or(&[][..], Vec::as_slice));
            if list.relation == Relation::Atomic || (own.is_empty() && theirs.is_empty()) {
                return chosen();
            }
            let merged = merge_lists(list, own, theirs, walk);
            (!merged.is_empty()).then_some(Value::Array(merged))
        }
        Choice::Nothing => {
            walk.error("schema error: invalid atom: inlined");
            None
        }
    }
}

fn merge_maps(
    kind: &MapType,
    live: &Map<String, Value>,
    config: &Map<String, Value>,
    walk: &mut Walk,
) -> Map<String, Value> {
    let mut merged = Map::new();
    let new = config
        .iter()
        .filter(|(key, _)| !live.contains_key(*key))
        .map(|(key, value)| (key, None, Some(value)));
    let old = live.iter().map(|(key, value)| (key, Some(value), config.get(key)));
    for (key, own, theirs) in old.chain(new) {
        let value = walk.at(PathElement::Field(key.clone()), |walk| match kind.field(key) {
            Some(field) => merge(field, own, theirs, walk),
            None => {
                walk.error("schema error: invalid atom: inlined");
                None
            }
        });
        if let Some(value) = value {
            merged.insert(key.clone(), value);
        }
    }
    merged
}

/// A list's elements by what tells them apart.
struct Elements<'a> {
    order: Vec<(PathElement, &'a Value)>,
    /// `None` where several elements cannot be told apart.
    by_step: BTreeMap<PathElement, Option<&'a Value>>,
}

impl<'a> Elements<'a> {
    fn new(kind: &ListType, items: &'a [Value], duplicates: bool, walk: &mut Walk) -> Self {
        let mut elements = Elements { order: Vec::with_capacity(items.len()), by_step: BTreeMap::new() };
        for (index, item) in items.iter().enumerate() {
            let step = match kind.step(item) {
                Ok(step) => step,
                Err(why) => {
                    walk.error(format!("element {index}: {why}"));
                    continue;
                }
            };
            if elements.by_step.contains_key(&step) {
                if !duplicates {
                    walk.error(format!("duplicate entries for key {step}"));
                    continue;
                }
                elements.by_step.insert(step.clone(), None);
            } else {
                elements.by_step.insert(step.clone(), Some(item));
            }
            elements.order.push((step, item));
        }
        elements
    }
}

/// The elements of both lists. Those that the configuration names stand in its order; the others keep their places
/// relative to the elements they stood between.
fn merge_lists(kind: &ListType, live: &[Value], config: &[Value], walk: &mut Walk) -> Vec<Value> {
    let theirs = Elements::new(kind, config, false, walk);
    let own = Elements::new(kind, live, true, walk);
    if !walk.errors.is_empty() {
        return Vec::new();
    }
    let items = TypeRef::get(&kind.items);
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    let mut take = |step: &PathElement, own: Side<'_>, theirs: Side<'_>| {
        if let Some(value) = walk.at(step.clone(), |walk| merge(items, own, theirs, walk)) {
            merged.push(value);
        }
    };
    let both = |step: &PathElement| {
        // Repeated elements are not merged into: the configuration's one takes their place.
        let own = own.by_step.get(step).map(|item| item.unwrap_or(&Value::Null));
        (own, theirs.by_step.get(step).copied().flatten())
    };
    let mut shared =
        theirs.order.iter().map(|(step, _)| step).filter(|step| own.by_step.contains_key(step)).peekable();
    let mut done = std::collections::BTreeSet::new();
    let (mut left, mut right) = (own.order.iter().peekable(), theirs.order.iter().peekable());
    while left.peek().is_some() || right.peek().is_some() {
        if let (Some((step, _)), Some((wanted, _))) = (left.peek(), right.peek()) {
            if step == wanted {
                let (mine, theirs) = both(step);
                take(step, mine, theirs);
                done.insert(step);
                left.next();
                right.next();
                shared.next();
                continue;
            }
            if theirs.by_step.contains_key(step) && shared.peek().is_some_and(|next| *next != step) {
                // Its turn comes where the configuration has it.
                left.next();
                continue;
            }
        }
        if let Some((step, item)) = left.peek() {
            if !theirs.by_step.contains_key(step) {
                take(step, Some(item), None);
                left.next();
                continue;
            }
            if done.contains(step) {
                left.next();
            }
        }
        if let Some((step, _)) = right.next() {
            let (mine, theirs) = both(step);
            take(step, mine, theirs);
            done.insert(step);
            if shared.peek().is_some_and(|next| *next == step) {
                shared.next();
            }
        }
    }
    merged
}
