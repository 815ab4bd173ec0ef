//! What may be there or not.

use super::{Failure, Row, Site, Value, operators::LIST_ITEM_WORK, unfit};

pub(super) const ROWS: &[Row] = &[
    ("optional.none(): optional(A)", |_, _| Ok(Value::Optional(None))),
    ("optional.of(A): optional(A)", |args, _| Ok(Value::optional(args.first().cloned()))),
    ("optional.ofNonZeroValue(A): optional(A)", non_zero),
    ("optional(A).hasValue(): bool", |args, _| Ok(Value::Bool(matches!(args, [Value::Optional(Some(_))])))),
    ("optional(A).value(): A", inner),
    ("optional(A).or(optional(A)): optional(A)", first_present),
    ("optional(A).orValue(A): A", value_or),
    ("optional.unwrap(list(optional(A))): list(A)", unwrap),
    ("list(optional(A)).unwrapOpt(): list(A)", unwrap),
];

fn non_zero<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [value] = args else { return unfit() };
    let is_zero = match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Int(number) => *number == 0,
        Value::Uint(number) => *number == 0,
        Value::Double(number) => *number == 0.0,
        Value::Duration(nanoseconds) => *nanoseconds == 0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.len() == 0,
        Value::Map(map) => map.len() == 0,
        _ => false,
    };
    Ok(Value::optional((!is_zero).then(|| value.clone())))
}

fn inner<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    match args {
        [Value::Optional(Some(inner))] => Ok(Value::clone(inner)),
        _ => Err(Failure::error("optional.none() dereference")),
    }
}

fn first_present<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    match args {
        [Value::Optional(None), other] => Ok(other.clone()),
        [some, _] => Ok(some.clone()),
        _ => unfit(),
    }
}

fn value_or<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    match args {
        [Value::Optional(Some(inner)), _] => Ok(Value::clone(inner)),
        [Value::Optional(None), other] => Ok(other.clone()),
        _ => unfit(),
    }
}

fn unwrap<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::List(list)] = args else { return unfit() };
    site.meter.work(list.len() as u64 * LIST_ITEM_WORK)?;
    let mut items = Vec::new();
    for item in list.iter() {
        match item? {
            Value::Optional(Some(inner)) => items.push(Value::clone(&inner)),
            Value::Optional(None) => {}
            _ => return unfit(),
        }
    }
    Ok(Value::list(items))
}
