//! Operators, conversions, optionals and sets.

use std::{cmp::Ordering, sync::Arc};

use super::{Failure, Row, Site, Value, unfit};
use crate::{
    cel::{
        compare::{compare, contains, equal},
        value::{Key, List, Map},
    },
    field_error::go_double,
};

pub(super) const ROWS: &[Row] = &[
    ("_==_(A, A): bool", |args, site| same(args, site, true)),
    ("_!=_(A, A): bool", |args, site| same(args, site, false)),
    ("_+_(int, int): int", |args, _| ints(args, i64::checked_add)),
    ("_-_(int, int): int", |args, _| ints(args, i64::checked_sub)),
    ("_*_(int, int): int", |args, _| ints(args, i64::checked_mul)),
    ("_/_(int, int): int", |args, _| divide(args, "division", i64::checked_div)),
    ("_%_(int, int): int", |args, _| divide(args, "modulus", i64::checked_rem)),
    ("_+_(uint, uint): uint", |args, _| uints(args, u64::checked_add)),
    ("_-_(uint, uint): uint", |args, _| uints(args, u64::checked_sub)),
    ("_*_(uint, uint): uint", |args, _| uints(args, u64::checked_mul)),
    ("_/_(uint, uint): uint", |args, _| divide_unsigned(args, "division", u64::checked_div)),
    ("_%_(uint, uint): uint", |args, _| divide_unsigned(args, "modulus", u64::checked_rem)),
    ("_+_(double, double): double", |args, _| doubles(args, |left, right| left + right)),
    ("_-_(double, double): double", |args, _| doubles(args, |left, right| left - right)),
    ("_*_(double, double): double", |args, _| doubles(args, |left, right| left * right)),
    ("_/_(double, double): double", |args, _| doubles(args, |left, right| left / right)),
    ("_+_(string, string): string", concatenate),
    ("_+_(bytes, bytes): bytes", concatenate_bytes),
    ("_+_(list(A), list(A)): list(A)", concatenate_lists),
    ("-_(int): int", negate),
    ("-_(double): double", negate),
    ("!_(bool): bool", not),
    ("@in(A, list(A)): bool", is_in_list),
    ("@in(A, map(A, B)): bool", is_in_map),
    ("_[_](list(A), int): A", at_index),
    ("_[_](map(A, B), A): B", at_key),
    ("_[_](optional(list(A)), int): optional(A)", maybe_inside),
    ("_[_](optional(map(A, B)), A): optional(B)", maybe_inside),
    ("_[?_](list(A), int): optional(A)", maybe_inside),
    ("_[?_](map(A, B), A): optional(B)", maybe_inside),
    ("_[?_](optional(list(A)), int): optional(A)", maybe_inside),
    ("_[?_](optional(map(A, B)), A): optional(B)", maybe_inside),
    ("size(string): int", size),
    ("size(bytes): int", size),
    ("size(list(A)): int", size),
    ("size(map(A, B)): int", size),
    ("string.size(): int", size),
    ("bytes.size(): int", size),
    ("list(A).size(): int", size),
    ("map(A, B).size(): int", size),
];

/// The comparisons, for everything that has an order.
pub(super) const ORDER: &[(&str, super::Run)] = &[
    ("_<_", |args, _| order(args, Ordering::is_lt)),
    ("_<=_", |args, _| order(args, Ordering::is_le)),
    ("_>_", |args, _| order(args, Ordering::is_gt)),
    ("_>=_", |args, _| order(args, Ordering::is_ge)),
];

fn same<'a>(args: &[Value<'a>], site: &mut Site<'_>, wanted: bool) -> Result<Value<'a>, Failure> {
    let [left, right] = args else { return unfit() };
    Ok(Value::Bool(equal(left, right, site.meter)? == wanted))
}

fn order<'a>(args: &[Value<'a>], is: fn(Ordering) -> bool) -> Result<Value<'a>, Failure> {
    let [left, right] = args else { return unfit() };
    Ok(Value::Bool(is(compare(left, right)?)))
}

fn ints<'a>(args: &[Value<'a>], run: fn(i64, i64) -> Option<i64>) -> Result<Value<'a>, Failure> {
    let [Value::Int(left), Value::Int(right)] = args else { return unfit() };
    run(*left, *right).map(Value::Int).ok_or_else(|| Failure::error("integer overflow"))
}

fn uints<'a>(args: &[Value<'a>], run: fn(u64, u64) -> Option<u64>) -> Result<Value<'a>, Failure> {
    let [Value::Uint(left), Value::Uint(right)] = args else { return unfit() };
    run(*left, *right).map(Value::Uint).ok_or_else(|| Failure::error("unsigned integer overflow"))
}

fn divide<'a>(
    args: &[Value<'a>],
    what: &str,
    run: fn(i64, i64) -> Option<i64>,
) -> Result<Value<'a>, Failure> {
    match args {
        [_, Value::Int(0)] => Err(Failure::error(format!("{what} by zero"))),
        _ => ints(args, run),
    }
}

fn divide_unsigned<'a>(
    args: &[Value<'a>],
    what: &str,
    run: fn(u64, u64) -> Option<u64>,
) -> Result<Value<'a>, Failure> {
    match args {
        [_, Value::Uint(0)] => Err(Failure::error(format!("{what} by zero"))),
        _ => uints(args, run),
    }
}

fn doubles<'a>(args: &[Value<'a>], run: fn(f64, f64) -> f64) -> Result<Value<'a>, Failure> {
    let [Value::Double(left), Value::Double(right)] = args else { return unfit() };
    Ok(Value::Double(run(*left, *right)))
}

fn concatenate<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::String(left), Value::String(right)] = args else { return unfit() };
    site.meter.work((left.len() + right.len()) as u64)?;
    Ok(Value::text([&**left, &**right].concat()))
}

fn concatenate_bytes<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::Bytes(left), Value::Bytes(right)] = args else { return unfit() };
    site.meter.work((left.len() + right.len()) as u64)?;
    Ok(Value::Bytes([&**left, &**right].concat().into()))
}

/// What is a set stays one: only new items are added. What is a map keeps its places, and the right side's items.
fn concatenate_lists<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    use crate::{cel::types::Items, schema::lists::identity};
    let [Value::List(left), Value::List(right)] = args else { return unfit() };
    site.meter.work((left.len() + right.len()) as u64 * LIST_ITEM_WORK)?;
    let mut items = left.iter().collect::<Result<Vec<_>, _>>()?;
    match (left, right) {
        (List::Of(_, _, Items::Set) | List::Union(_), _) => {
            for item in right.iter() {
                let item = item?;
                if !contains(&items, &item, site.meter)? {
                    items.push(item);
                }
            }
            return Ok(Value::List(List::Union(items.into())));
        }
        (List::Of(own, _, Items::Map(keys)), List::Of(others, ..)) => {
            let mut places: std::collections::HashMap<_, _> =
                own.iter().enumerate().map(|(at, item)| (identity(keys, item), at)).collect();
            for (other, value) in others.iter().zip(right.iter()) {
                let next = items.len();
                let at = *places.entry(identity(keys, other)).or_insert(next);
                match items.get_mut(at) {
                    Some(place) => *place = value?,
                    None => items.push(value?),
                }
            }
        }
        _ => {
            for item in right.iter() {
                items.push(item?);
            }
        }
    }
    Ok(Value::list(items))
}

/// What making an item of a list counts: it takes about as many bytes.
pub(in crate::cel) const LIST_ITEM_WORK: u64 = 32;

fn negate<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    match args {
        [Value::Int(number)] => {
            number.checked_neg().map(Value::Int).ok_or_else(|| Failure::error("integer overflow"))
        }
        [Value::Double(number)] => Ok(Value::Double(-number)),
        _ => unfit(),
    }
}

fn not<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::Bool(flag)] = args else { return unfit() };
    Ok(Value::Bool(!flag))
}

fn is_in_list<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [wanted, Value::List(list)] = args else { return unfit() };
    for item in list.iter() {
        if equal(&item?, wanted, site.meter)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn is_in_map<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [wanted, Value::Map(map)] = args else { return unfit() };
    let found = Key::of(wanted).and_then(|key| map.find(&key));
    found.transpose().map(|found| Value::Bool(found.is_some()))
}

/// A key as it is shown in an error.
pub(in crate::cel) fn shown(value: &Value<'_>) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => go_double(*number),
        Value::Bool(flag) => flag.to_string(),
        other => other.type_name().to_owned(),
    }
}

fn at_index<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::List(list), Value::Int(index)] = args else { return unfit() };
    let found = usize::try_from(*index).ok().and_then(|index| list.get(index));
    found.unwrap_or_else(|| Err(Failure::error(format!("index out of bounds: {index}"))))
}

fn at_key<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::Map(map), key] = args else { return unfit() };
    let found = Key::of(key).and_then(|key| map.find(&key));
    found.unwrap_or_else(|| Err(Failure::error(format!("no such key: {}", shown(key)))))
}

fn maybe_inside<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [container, key] = args else { return unfit() };
    let container = match container {
        Value::Optional(None) => return Ok(Value::Optional(None)),
        Value::Optional(Some(inner)) => inner,
        other => other,
    };
    let found = match (container, key) {
        (Value::List(list), Value::Int(index)) => {
            usize::try_from(*index).ok().and_then(|index| list.get(index))
        }
        (Value::Map(map), key) => Key::of(key).and_then(|key| map.find(&key)),
        _ => return unfit(),
    };
    found.transpose().map(Value::optional)
}

fn size<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [of] = args else { return unfit() };
    Ok(Value::Int(i64::try_from(of.size()).unwrap_or(i64::MAX)))
}

/// A map that was made.
pub(in crate::cel) fn made_map<'a>(entries: std::collections::BTreeMap<Key<'a>, Value<'a>>) -> Value<'a> {
    Value::Map(Map::Made(Arc::new(entries)))
}
