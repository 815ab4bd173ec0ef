//! Lists.

use std::cmp::Ordering;

use super::{Failure, Row, Site, Value, unfit};
use crate::cel::{
    compare::{compare, contains, equal},
    library::operators::LIST_ITEM_WORK,
    value::List,
};

/// Most numbers that `lists.range` counts.
const MAX_RANGE: i64 = 1_000_000;
/// Most lists inside each other that are flattened.
const MAX_FLATTEN_DEPTH: i64 = 64;

pub(super) const ROWS: &[Row] = &[
    ("list(int).sum(): int", sum),
    ("list(uint).sum(): uint", sum),
    ("list(double).sum(): double", sum),
    ("list(duration).sum(): duration", sum),
    ("list(A).indexOf(A): int", |args, site| find(args, site, false)),
    ("list(A).lastIndexOf(A): int", |args, site| find(args, site, true)),
    ("list(A).slice(int, int): list(A)", slice),
    ("list(list(A)).flatten(): list(A)", flatten),
    ("list(dyn).flatten(int): list(dyn)", flatten),
    ("list(A).reverse(): list(A)", reverse),
    ("list(A).distinct(): list(A)", distinct),
    ("list(A).first(): optional(A)", |args, _| at_end(args, false)),
    ("list(A).last(): optional(A)", |args, _| at_end(args, true)),
    ("lists.range(int): list(int)", range),
];

/// What the functions do that want a list of something that has an order.
pub(super) const ORDERED: &[(&str, super::Run)] = &[
    ("isSorted", is_sorted),
    ("min", |args, _| extreme(args, "min", Ordering::Greater)),
    ("max", |args, _| extreme(args, "max", Ordering::Less)),
    ("sort", sort),
];

fn items<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Vec<Value<'a>>, Failure> {
    let Some(Value::List(list)) = args.first() else { return unfit() };
    site.meter.work(list.len() as u64 * LIST_ITEM_WORK)?;
    list.iter().collect()
}

fn is_sorted<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    for pair in items(args, site)?.windows(2) {
        if let [left, right] = pair
            && compare(left, right)?.is_gt()
        {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sum<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let overflow = || Failure::error("integer overflow");
    let mut total: Option<Value<'a>> = None;
    for item in items(args, site)? {
        total = Some(match (total, item) {
            (None, item) => item,
            (Some(Value::Int(left)), Value::Int(right)) => {
                Value::Int(left.checked_add(right).ok_or_else(overflow)?)
            }
            (Some(Value::Uint(left)), Value::Uint(right)) => {
                Value::Uint(left.checked_add(right).ok_or_else(overflow)?)
            }
            (Some(Value::Duration(left)), Value::Duration(right)) => {
                Value::Duration(left.checked_add(right).ok_or_else(overflow)?)
            }
            (Some(Value::Double(left)), Value::Double(right)) => Value::Double(left + right),
            _ => return unfit(),
        });
    }
    // What an empty list was declared to hold is not known here; zero equals zero of any number's type.
    Ok(total.unwrap_or(Value::Int(0)))
}

fn extreme<'a>(args: &[Value<'a>], name: &str, replace: Ordering) -> Result<Value<'a>, Failure> {
    let [Value::List(list)] = args else { return unfit() };
    let mut best: Option<Value<'a>> = None;
    for item in list.iter() {
        let item = item?;
        best = match best {
            Some(best) if compare(&best, &item)? != replace => Some(best),
            _ => Some(item),
        };
    }
    best.ok_or_else(|| Failure::error(format!("{name} called on empty list")))
}

fn find<'a>(args: &[Value<'a>], site: &mut Site<'_>, from_end: bool) -> Result<Value<'a>, Failure> {
    let [Value::List(list), wanted] = args else { return unfit() };
    for step in 0..list.len() {
        let index = if from_end { list.len() - 1 - step } else { step };
        let Some(item) = list.get(index) else { break };
        if equal(&item?, wanted, site.meter)? {
            return Ok(Value::Int(i64::try_from(index).unwrap_or(-1)));
        }
    }
    Ok(Value::Int(-1))
}

fn slice<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = args else { return unfit() };
    let wrong = |why: &str| Err(Failure::error(format!("cannot slice({start}, {end}), {why}")));
    let (Ok(from), Ok(to)) = (usize::try_from(*start), usize::try_from(*end)) else {
        return wrong("negative indexes not supported");
    };
    if from > to {
        return wrong("start index must be less than or equal to end index");
    }
    if to > list.len() {
        return wrong(&format!("list is length {}", list.len()));
    }
    site.meter.work((to - from) as u64 * LIST_ITEM_WORK)?;
    Ok(Value::list((from..to).filter_map(|index| list.get(index)).collect::<Result<_, _>>()?))
}

fn flatten<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let (list, depth) = match args {
        [Value::List(list)] => (list, 1),
        [Value::List(list), Value::Int(depth)] if *depth >= 0 => (list, (*depth).min(MAX_FLATTEN_DEPTH)),
        [_, Value::Int(_)] => return Err(Failure::error("level must be non-negative")),
        _ => return unfit(),
    };
    let mut flat = Vec::new();
    flatten_into(list, depth, &mut flat, site)?;
    Ok(Value::list(flat))
}

fn flatten_into<'a>(
    list: &List<'a>,
    depth: i64,
    flat: &mut Vec<Value<'a>>,
    site: &mut Site<'_>,
) -> Result<(), Failure> {
    for item in list.iter() {
        site.meter.work(LIST_ITEM_WORK)?;
        match item? {
            Value::List(inner) if depth > 0 => flatten_into(&inner, depth - 1, flat, site)?,
            item => flat.push(item),
        }
    }
    Ok(())
}

fn reverse<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let mut items = items(args, site)?;
    items.reverse();
    Ok(Value::list(items))
}

fn distinct<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let mut unique = Vec::new();
    for item in items(args, site)? {
        if !contains(&unique, &item, site.meter)? {
            unique.push(item);
        }
    }
    Ok(Value::list(unique))
}

fn sort<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let items = items(args, site)?;
    let keyed = items.into_iter().map(|item| (item.clone(), item)).collect();
    sort_by_keys(keyed, site)
}

/// Sorts items by keys of one type.
pub(in crate::cel) fn sort_by_keys<'a>(
    mut keyed: Vec<(Value<'a>, Value<'a>)>,
    site: &mut Site<'_>,
) -> Result<Value<'a>, Failure> {
    let count = keyed.len() as u64;
    site.meter.work(count.saturating_mul(u64::from(64 - count.leading_zeros())))?;
    let mut failure = None;
    keyed.sort_by(|(left, _), (right, _)| match compare(left, right) {
        Ok(order) if left.type_name() == right.type_name() => order,
        Ok(_) => {
            failure = Some(Failure::error("list elements must have the same type"));
            Ordering::Equal
        }
        Err(error) => {
            failure = Some(error);
            Ordering::Equal
        }
    });
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Value::list(keyed.into_iter().map(|(_, item)| item).collect())),
    }
}

fn at_end<'a>(args: &[Value<'a>], last: bool) -> Result<Value<'a>, Failure> {
    let [Value::List(list)] = args else { return unfit() };
    let index = if last { list.len().saturating_sub(1) } else { 0 };
    list.get(index).transpose().map(Value::optional)
}

fn range<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::Int(count)] = args else { return unfit() };
    if *count > MAX_RANGE {
        return Err(Failure::OverLimit);
    }
    site.meter.work(u64::try_from(*count).unwrap_or_default() * LIST_ITEM_WORK)?;
    Ok(Value::list((0..*count).map(Value::Int).collect()))
}
