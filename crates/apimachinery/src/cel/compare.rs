//! Whether values are the same, and their order.

use std::{cmp::Ordering, collections::HashMap};

use serde_json::Value as Json;

use super::{
    meter::{Failure, Meter},
    types::{DeclaredKind, Items},
    value::{List, Map, Value},
};
use crate::schema::lists::identity;

/// Whether two values are the same. Numbers of different types are compared as numbers; what has no order (sets and
/// lists that are maps) is compared without it.
pub(crate) fn equal<'a>(left: &Value<'a>, right: &Value<'a>, meter: &mut Meter) -> Result<bool, Failure> {
    meter.work(1)?;
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::String(left), Value::String(right)) => **left == **right,
        (Value::Bytes(left), Value::Bytes(right)) => left == right,
        (Value::Timestamp(left), Value::Timestamp(right)) => left.at == right.at,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::Type(left), Value::Type(right)) => left == right,
        (Value::Ip(left), Value::Ip(right)) => left == right,
        (Value::Cidr(left), Value::Cidr(right)) => left == right,
        (Value::Url(left), Value::Url(right)) => left.text() == right.text(),
        (Value::Quantity(left, _), Value::Quantity(right, _)) => left == right,
        (Value::Semver(left), Value::Semver(right)) => left.cmp(right) == Ordering::Equal,
        (Value::Format(left), Value::Format(right)) => left.name == right.name,
        (Value::Unknown(left), Value::Unknown(right)) => left == right,
        (Value::Optional(left), Value::Optional(right)) => match (left, right) {
            (Some(left), Some(right)) => equal(left, right, meter)?,
            (left, right) => left.is_none() && right.is_none(),
        },
        (Value::List(left), Value::List(right)) => lists_are_equal(left, right, meter)?,
        (Value::Map(left), Value::Map(right)) => maps_are_equal(left, right, meter)?,
        (left, right) => compare_numbers(left, right) == Some(Ordering::Equal),
    })
}

fn lists_are_equal<'a>(left: &List<'a>, right: &List<'a>, meter: &mut Meter) -> Result<bool, Failure> {
    if left.len() != right.len() {
        return Ok(false);
    }
    match left {
        List::Of(_, _, Items::Set) | List::Union(_) => {
            let items = left.iter().collect::<Result<Vec<_>, _>>()?;
            for other in right.iter() {
                if !contains(&items, &other?, meter)? {
                    return Ok(false);
                }
            }
        }
        List::Of(items, declared, Items::Map(keys)) => {
            let List::Of(others, ..) = right else {
                return ordered_are_equal(left, right, meter);
            };
            meter.work(2 * (items.len() * keys.len()) as u64)?;
            let known: HashMap<String, &Json> =
                items.iter().filter_map(|item| Some((identity(keys, item)?, item))).collect();
            for (other, value) in others.iter().zip(right.iter()) {
                let item = identity(keys, other).and_then(|identity| known.get(&identity));
                let Some(item) = item else { return Ok(false) };
                if !equal(&Value::read(item, declared)?, &value?, meter)? {
                    return Ok(false);
                }
            }
        }
        _ => return ordered_are_equal(left, right, meter),
    }
    Ok(true)
}

fn ordered_are_equal<'a>(left: &List<'a>, right: &List<'a>, meter: &mut Meter) -> Result<bool, Failure> {
    for (left, right) in left.iter().zip(right.iter()) {
        if !equal(&left?, &right?, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether one of the items is the value.
pub(crate) fn contains<'a>(
    items: &[Value<'a>],
    value: &Value<'a>,
    meter: &mut Meter,
) -> Result<bool, Failure> {
    for item in items {
        if equal(item, value, meter)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn maps_are_equal<'a>(left: &Map<'a>, right: &Map<'a>, meter: &mut Meter) -> Result<bool, Failure> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for key in left.keys() {
        match (left.find(&key), right.find(&key)) {
            (None, None) => {}
            (Some(left), Some(right)) => {
                if !equal(&left?, &right?, meter)? {
                    return Ok(false);
                }
            }
            _ => return Ok(false),
        }
    }
    // What an object holds beyond its declaration is compared as it stands, where both hold it.
    if let (Map::Of(left, declared), Map::Of(right, _)) = (left, right)
        && let DeclaredKind::Object(fields) = &declared.kind
    {
        for (key, value) in left.iter().filter(|(key, _)| !fields.contains_key(*key)) {
            meter.work(1)?;
            if right.get(key).is_some_and(|other| other != value) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// How two numbers of any type compare; `None` if one is no number or not a number.
pub(crate) fn compare_numbers(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    let whole = |value: &Value<'_>| match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Uint(number) => Some(i128::from(*number)),
        _ => None,
    };
    match (left, right) {
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Double(left), right) => compare_double(*left, whole(right)?),
        (left, Value::Double(right)) => compare_double(*right, whole(left)?).map(Ordering::reverse),
        (left, right) => Some(whole(left)?.cmp(&whole(right)?)),
    }
}

fn compare_double(double: f64, whole: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // The cast saturates; what it cuts off decides between numbers that look the same.
    let rest = double.fract().partial_cmp(&0.0)?;
    Some((double.trunc() as i128).cmp(&whole).then(rest))
}

/// How two values of the same ordered type compare.
pub(crate) fn compare(left: &Value<'_>, right: &Value<'_>) -> Result<Ordering, Failure> {
    Ok(match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::String(left), Value::String(right)) => (**left).cmp(&**right),
        (Value::Bytes(left), Value::Bytes(right)) => left.cmp(right),
        (Value::Timestamp(left), Value::Timestamp(right)) => left.at.cmp(&right.at),
        (Value::Duration(left), Value::Duration(right)) => left.cmp(right),
        (left, right) => match compare_numbers(left, right) {
            Some(order) => order,
            None if matches!((left, right), (Value::Double(_), _) | (_, Value::Double(_))) => {
                return Err(Failure::error("NaN values cannot be ordered"));
            }
            None => return Err(Failure::no_such_overload()),
        },
    })
}
