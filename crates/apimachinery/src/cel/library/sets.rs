//! Lists as sets.

use super::{Failure, Row, Site, Value, unfit};
use crate::cel::compare::contains;

pub(super) const ROWS: &[Row] = &[
    ("sets.contains(list(A), list(A)): bool", includes),
    ("sets.equivalent(list(A), list(A)): bool", equivalent),
    ("sets.intersects(list(A), list(A)): bool", intersects),
];

/// Two lists of a call.
fn two_lists<'a>(args: &[Value<'a>]) -> Result<[Vec<Value<'a>>; 2], Failure> {
    let [Value::List(left), Value::List(right)] = args else { return unfit() };
    Ok([left.iter().collect::<Result<_, _>>()?, right.iter().collect::<Result<_, _>>()?])
}

fn all_in<'a>(wanted: &[Value<'a>], items: &[Value<'a>], site: &mut Site<'_>) -> Result<bool, Failure> {
    for item in wanted {
        if !contains(items, item, site.meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn includes<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [list, wanted] = two_lists(args)?;
    all_in(&wanted, &list, site).map(Value::Bool)
}

fn equivalent<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [left, right] = two_lists(args)?;
    Ok(Value::Bool(all_in(&left, &right, site)? && all_in(&right, &left, site)?))
}

fn intersects<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [left, right] = two_lists(args)?;
    for item in &left {
        if contains(&right, item, site.meter)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}
