//! JSON of all kinds, and changes to it.

use serde_json::{Map, Value, json};

use crate::{Source, mutate};

/// A scalar, often one at an edge.
pub(crate) fn scalar(source: &mut Source) -> Value {
    source.choose(&[
        |_| Value::Null,
        |source| (source.below(2) == 1).into(),
        |source| (source.number() as i64).into(),
        |source| source.number().into(),
        |source| {
            let number = f64::from_bits(source.number());
            serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
        },
        |source| (source.below(1000) as f64 / 8.0).into(),
        |source| mutate::word(source).into(),
        |source| mutate::text(source, "2026-11-29T01:02:03Z".into()).into(),
    ])
}

/// A value of some depth with few different keys, so that two of them have much in common.
pub(crate) fn value(source: &mut Source, depth: usize) -> Value {
    if depth == 0 {
        return scalar(source);
    }
    match source.below(4) {
        0 => scalar(source),
        1 => Value::Array(source.list(4, |source| value(source, depth - 1))),
        2 => Value::Array(source.list(4, |source| keyed(source, depth - 1))),
        _ => object(source, depth).into(),
    }
}

/// An object.
pub(crate) fn object(source: &mut Source, depth: usize) -> Map<String, Value> {
    source
        .list(5, |source| (mutate::word(source), value(source, depth.saturating_sub(1))))
        .into_iter()
        .collect()
}

/// An element of a list that is a map, as Kubernetes has many.
fn keyed(source: &mut Source, depth: usize) -> Value {
    let mut element = object(source, depth);
    element.insert("name".into(), source.pick(&["a", "b", "c"]).into());
    if source.one_in(3) {
        element.insert("containerPort".into(), source.below(4).into());
    }
    element.into()
}

/// A value deeper than any limit allows.
pub(crate) fn deep(source: &mut Source) -> Value {
    let mut value = scalar(source);
    for _ in 0..source.below(400) {
        value = if source.one_in(2) { json!([value]) } else { json!({ "a": value }) };
    }
    value
}

/// The same value with something else in a place or two.
pub(crate) fn changed(source: &mut Source, value: &Value) -> Value {
    let mut value = value.clone();
    for _ in 0..source.range(0..=3) {
        change(source, &mut value);
    }
    value
}

fn change(source: &mut Source, value: &mut Value) {
    let stays = !source.one_in(3);
    match value {
        Value::Object(map) if stays && !map.is_empty() => {
            let at = source.below(map.len());
            if let Some(child) = map.values_mut().nth(at) {
                change(source, child);
            }
        }
        Value::Array(list) if stays && !list.is_empty() => {
            let at = source.below(list.len());
            match source.below(4) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                2 => list.reverse(),
                _ => change(source, &mut list[at]),
            }
        }
        Value::Object(map) if source.one_in(2) => {
            map.insert(mutate::word(source), scalar(source));
        }
        _ => *value = self::value(source, 2),
    }
}

/// The value without nulls and what holds nothing else.
pub(crate) fn without_nothing(value: &Value) -> Value {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    match value {
        Value::Array(list) => list.iter().map(without_nothing).collect(),
        Value::Object(map) => {
            let members = map.iter().map(|(key, value)| (key.clone(), without_nothing(value)));
            Value::Object(members.filter(|(_, value)| !is_nothing(value)).collect())
        }
        other => other.clone(),
    }
}
