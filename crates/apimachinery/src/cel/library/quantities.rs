//! Kubernetes' quantities.

use std::cmp::Ordering;

use super::{Failure, Row, Value, unfit};
use crate::quantity::Quantity;

pub(super) const ROWS: &[Row] = &[
    ("quantity(string): Quantity", |args, _| match args {
        [Value::String(text)] => text.parse().map(Value::Quantity).map_err(Failure::Error),
        _ => unfit(),
    }),
    ("isQuantity(string): bool", |args, _| match args {
        [Value::String(text)] => Ok(Value::Bool(text.parse::<Quantity>().is_ok())),
        _ => unfit(),
    }),
    ("sign(Quantity): int", |args, _| match args {
        [Value::Quantity(quantity)] => Ok(Value::Int(i64::from(quantity.0.signum() as i8))),
        _ => unfit(),
    }),
    ("Quantity.isGreaterThan(Quantity): bool", |args, _| order(args).map(|is| Value::Bool(is.is_gt()))),
    ("Quantity.isLessThan(Quantity): bool", |args, _| order(args).map(|is| Value::Bool(is.is_lt()))),
    ("Quantity.compareTo(Quantity): int", |args, _| order(args).map(|is| Value::Int(is as i64))),
    ("Quantity.asApproximateFloat(): double", |args, _| match args {
        [Value::Quantity(quantity)] => Ok(Value::Double(quantity.0 as f64 / 1000.0)),
        _ => unfit(),
    }),
    ("Quantity.asInteger(): int", |args, _| {
        integer(args)?.map(Value::Int).ok_or_else(|| Failure::error("cannot convert value to integer"))
    }),
    ("Quantity.isInteger(): bool", |args, _| Ok(Value::Bool(integer(args)?.is_some()))),
    ("Quantity.add(Quantity): Quantity", |args, _| combine(args, i128::checked_add)),
    ("Quantity.add(int): Quantity", |args, _| combine(args, i128::checked_add)),
    ("Quantity.sub(Quantity): Quantity", |args, _| combine(args, i128::checked_sub)),
    ("Quantity.sub(int): Quantity", |args, _| combine(args, i128::checked_sub)),
];

fn order(args: &[Value<'_>]) -> Result<Ordering, Failure> {
    let [Value::Quantity(left), Value::Quantity(right)] = args else { return unfit() };
    Ok(left.cmp(right))
}

fn integer(args: &[Value<'_>]) -> Result<Option<i64>, Failure> {
    let [Value::Quantity(quantity)] = args else { return unfit() };
    Ok(i64::try_from(quantity.value()).ok().filter(|_| quantity.0 % 1000 == 0))
}

fn combine<'a>(args: &[Value<'a>], run: fn(i128, i128) -> Option<i128>) -> Result<Value<'a>, Failure> {
    let (left, right) = match args {
        [Value::Quantity(left), Value::Quantity(right)] => (left.0, right.0),
        [Value::Quantity(left), Value::Int(right)] => (left.0, Quantity::of(*right).0),
        _ => return unfit(),
    };
    let combined = run(left, right).ok_or_else(|| Failure::error("quantity overflow"))?;
    Ok(Value::Quantity(Quantity(combined)))
}
