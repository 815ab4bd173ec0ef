//! Kubernetes' quantities.

use std::cmp::Ordering;

use super::{Failure, Row, Value, unfit};
use crate::quantity::Quantity;

pub(super) const ROWS: &[Row] = &[
    ("quantity(string): Quantity", |args, _| match args {
        [Value::String(text)] => {
            let quantity: Quantity = text.parse().map_err(Failure::Error)?;
            Ok(Value::Quantity(quantity, is_kept_whole(text)))
        }
        _ => unfit(),
    }),
    ("isQuantity(string): bool", |args, _| match args {
        [Value::String(text)] => Ok(Value::Bool(text.parse::<Quantity>().is_ok())),
        _ => unfit(),
    }),
    ("sign(Quantity): int", |args, _| match args {
        [Value::Quantity(quantity, _)] => Ok(Value::Int(i64::from(quantity.0.signum() as i8))),
        _ => unfit(),
    }),
    ("Quantity.isGreaterThan(Quantity): bool", |args, _| order(args).map(|is| Value::Bool(is.is_gt()))),
    ("Quantity.isLessThan(Quantity): bool", |args, _| order(args).map(|is| Value::Bool(is.is_lt()))),
    ("Quantity.compareTo(Quantity): int", |args, _| order(args).map(|is| Value::Int(is as i64))),
    ("Quantity.asApproximateFloat(): double", |args, _| match args {
        [Value::Quantity(quantity, _)] => Ok(Value::Double(quantity.0 as f64 / 1000.0)),
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
    let [Value::Quantity(left, _), Value::Quantity(right, _)] = args else { return unfit() };
    Ok(left.cmp(right))
}

/// Most digits of a number that Kubernetes keeps as an integer.
const INTEGER_DIGITS: usize = 18;

/// Whether Kubernetes keeps a quantity as an integer: that depends on how it is written.
fn is_kept_whole(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']).trim_start_matches('0');
    let end = text.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole_digits = whole.len().max(1);
    if let Some(power) = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|known| *known == suffix) {
        // A factor of 2^10 counts as three digits.
        return fraction.is_empty() && whole_digits + 3 * (power + 1) < 15;
    }
    let exponent =
        match ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"].iter().position(|known| *known == suffix) {
            Some(index) => 3 * (index as i64) - 9,
            None => suffix[1..].parse().unwrap_or(0),
        };
    whole_digits + fraction.len() <= INTEGER_DIGITS && exponent >= fraction.len() as i64
}

fn integer(args: &[Value<'_>]) -> Result<Option<i64>, Failure> {
    let [Value::Quantity(quantity, whole)] = args else { return unfit() };
    Ok(i64::try_from(quantity.value()).ok().filter(|_| *whole && quantity.0 % 1000 == 0))
}

fn combine<'a>(args: &[Value<'a>], run: fn(i128, i128) -> Option<i128>) -> Result<Value<'a>, Failure> {
    let (left, right, whole) = match args {
        [Value::Quantity(left, whole), Value::Quantity(right, also)] => (left.0, right.0, *whole && *also),
        [Value::Quantity(left, whole), Value::Int(right)] => (left.0, Quantity::of(*right).0, *whole),
        _ => return unfit(),
    };
    let combined = run(left, right).ok_or_else(|| Failure::error("quantity overflow"))?;
    Ok(Value::Quantity(Quantity(combined), whole))
}
