//! From one type to another.

use super::{Failure, Row, Site, Value, times, unfit};
use crate::field_error::go_double;

pub(super) const ROWS: &[Row] = &[
    ("dyn(A): dyn", itself),
    ("type(A): type", |args, _| args.first().map_or_else(unfit, |of| Ok(Value::Type(of.type_name())))),
    ("bool(bool): bool", itself),
    ("bool(string): bool", to_bool),
    ("int(int): int", itself),
    ("int(uint): int", to_int),
    ("int(double): int", to_int),
    ("int(string): int", to_int),
    ("int(timestamp): int", to_int),
    ("int(duration): int", to_int),
    ("uint(uint): uint", itself),
    ("uint(int): uint", to_uint),
    ("uint(double): uint", to_uint),
    ("uint(string): uint", to_uint),
    ("double(double): double", itself),
    ("double(int): double", to_double),
    ("double(uint): double", to_double),
    ("double(string): double", to_double),
    ("string(string): string", itself),
    ("string(bool): string", to_string),
    ("string(int): string", to_string),
    ("string(uint): string", to_string),
    ("string(double): string", to_string),
    ("string(bytes): string", to_string),
    ("string(timestamp): string", to_string),
    ("string(duration): string", to_string),
    ("bytes(bytes): bytes", itself),
    ("bytes(string): bytes", to_bytes),
];

fn itself<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    args.first().cloned().map_or_else(unfit, Ok)
}

fn cannot_convert(from: &str, to: &str) -> Failure {
    Failure::error(format!("type conversion error from '{from}' to '{to}'"))
}

fn to_bool<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::String(text)] = args else { return unfit() };
    match &**text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
        _ => Err(cannot_convert("string", "bool")),
    }
}

fn to_int<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let overflow = || Failure::error("integer overflow");
    Ok(Value::Int(match args {
        [Value::Uint(number)] => i64::try_from(*number).map_err(|_| overflow())?,
        // The bounds are exact as doubles.
        [Value::Double(number)] if *number > i64::MIN as f64 && *number < i64::MAX as f64 => *number as i64,
        [Value::Double(_)] => return Err(overflow()),
        [Value::String(text)] => text.parse().map_err(|_| cannot_convert("string", "int"))?,
        [Value::Timestamp(time)] => times::second(*time),
        [Value::Duration(nanoseconds)] => *nanoseconds,
        _ => return unfit(),
    }))
}

fn to_uint<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let overflow = || Failure::error("unsigned integer overflow");
    Ok(Value::Uint(match args {
        [Value::Int(number)] => u64::try_from(*number).map_err(|_| overflow())?,
        [Value::Double(number)] if *number >= 0.0 && *number < u64::MAX as f64 => *number as u64,
        [Value::Double(_)] => return Err(overflow()),
        [Value::String(text)] => text.parse().map_err(|_| cannot_convert("string", "uint"))?,
        _ => return unfit(),
    }))
}

fn to_double<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    Ok(Value::Double(match args {
        [Value::Int(number)] => *number as f64,
        [Value::Uint(number)] => *number as f64,
        [Value::String(text)] => text.parse().map_err(|_| cannot_convert("string", "double"))?,
        _ => return unfit(),
    }))
}

fn to_string<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    Ok(Value::text(match args {
        [Value::Bool(flag)] => flag.to_string(),
        [Value::Int(number)] => number.to_string(),
        [Value::Uint(number)] => number.to_string(),
        [Value::Double(number)] => go_double(*number),
        [Value::Bytes(bytes)] => {
            site.meter.work(bytes.len() as u64)?;
            let invalid = |_| Failure::error("invalid UTF-8 in bytes, cannot convert to string");
            String::from_utf8(bytes.to_vec()).map_err(invalid)?
        }
        [Value::Timestamp(time)] => times::show(*time),
        [Value::Duration(nanoseconds)] => times::show_duration(*nanoseconds),
        _ => return unfit(),
    }))
}

fn to_bytes<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::String(text)] = args else { return unfit() };
    site.meter.work(text.len() as u64)?;
    Ok(Value::Bytes(text.as_bytes().into()))
}
