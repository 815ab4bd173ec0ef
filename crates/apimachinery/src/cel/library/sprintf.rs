//! `'…'.format([…])`.

use super::{Failure, Site, Value, times, unfit};
use crate::{
    cel::value::{Key, List, Map},
    field_error::{go_double, quote},
};

/// Digits behind the point, where the format does not say.
const DEFAULT_PRECISION: usize = 6;
/// Most digits behind the point.
const MAX_PRECISION: usize = 100;
/// Most lists and maps inside each other that are shown.
const MAX_DEPTH: usize = 32;

pub(super) fn format<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::String(format), Value::List(values)] = args else { return unfit() };
    let mut out = String::new();
    let mut next = 0;
    let mut rest = &**format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            out.push('%');
            rest = behind;
            continue;
        }
        let mut precision = None;
        if let Some(behind) = rest.strip_prefix('.') {
            let end = behind.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(behind.len());
            let digits = behind[..end].parse().ok().filter(|digits| *digits <= MAX_PRECISION);
            precision = Some(digits.ok_or_else(|| wrong("precision", "of a clause is no small number"))?);
            rest = &behind[end..];
        }
        let verb = rest.chars().next().ok_or_else(|| wrong("format", "ends with an open clause"))?;
        rest = &rest[verb.len_utf8()..];
        let value =
            values.get(next).ok_or_else(|| Failure::error(format!("index {next} out of range")))??;
        next += 1;
        let shown = clause(verb, precision.unwrap_or(DEFAULT_PRECISION), &value, site)?;
        out.push_str(&shown);
        site.meter.work(shown.len() as u64)?;
    }
    out.push_str(rest);
    site.meter.work(out.len() as u64)?;
    Ok(Value::text(out))
}

fn wrong(what: &str, why: &str) -> Failure {
    Failure::error(format!("error during formatting: {what} {why}"))
}

fn clause(verb: char, precision: usize, value: &Value<'_>, site: &mut Site<'_>) -> Result<String, Failure> {
    let unsupported = |kinds: &str| {
        let found = value.type_name();
        Err(wrong(&format!("{verb}"), &format!("clause can only be used on {kinds}, was given {found}")))
    };
    match (verb, value) {
        ('s', value) => text(value, MAX_DEPTH, site),
        ('d', Value::Int(number)) => Ok(number.to_string()),
        ('d', Value::Uint(number)) => Ok(number.to_string()),
        ('d', _) => unsupported("integers"),
        ('f', Value::Double(number)) => Ok(fixed(*number, precision)),
        ('f', _) => unsupported("doubles"),
        ('e', Value::Double(number)) => Ok(scientific(*number, precision)),
        ('e', _) => unsupported("doubles"),
        ('b', Value::Bool(flag)) => Ok(u8::from(*flag).to_string()),
        ('b' | 'o' | 'x' | 'X', Value::Int(number)) => {
            let sign = if *number < 0 { "-" } else { "" };
            Ok(format!("{sign}{}", radix(verb, number.unsigned_abs())))
        }
        ('b' | 'o' | 'x' | 'X', Value::Uint(number)) => Ok(radix(verb, *number)),
        ('x' | 'X', Value::String(of)) => Ok(hex(verb, of.as_bytes())),
        ('x' | 'X', Value::Bytes(bytes)) => Ok(hex(verb, bytes)),
        ('b' | 'o' | 'x' | 'X', _) => unsupported("integers, texts, bytes and truth values"),
        (other, _) => Err(wrong("clause", &format!("unrecognized: {other:?}"))),
    }
}

fn radix(verb: char, number: u64) -> String {
    match verb {
        'b' => format!("{number:b}"),
        'o' => format!("{number:o}"),
        'x' => format!("{number:x}"),
        _ => format!("{number:X}"),
    }
}

fn hex(verb: char, bytes: &[u8]) -> String {
    let digits = |byte: &u8| if verb == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") };
    bytes.iter().map(digits).collect()
}

fn fixed(number: f64, precision: usize) -> String {
    let (sign, magnitude) = if number < 0.0 { ("-", -number) } else { ("", number) };
    if !number.is_finite() {
        return format!("{sign}{}", if number.is_nan() { "NaN" } else { "∞" });
    }
    // Thousands are told apart, as in the English of Go's printer.
    let plain = format!("{magnitude:.precision$}");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{fraction}")
}

fn scientific(number: f64, precision: usize) -> String {
    let shown = format!("{number:.precision$e}");
    let Some((mantissa, exponent)) = shown.split_once('e') else { return shown };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa} × 10{}", superscript(sign, digits))
}

fn superscript(sign: char, digits: &str) -> String {
    let sign = if sign == '-' { "⁻" } else { "⁺" };
    let padded = format!("{digits:0>2}");
    let raised = padded.chars().filter_map(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit.to_digit(10)? as usize));
    format!("{sign}{}", raised.collect::<String>())
}

/// A value as text, as `%s` shows it.
fn text(value: &Value<'_>, depth: usize, site: &mut Site<'_>) -> Result<String, Failure> {
    Ok(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => go_double(*number),
        Value::String(text) => text.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Timestamp(time) => times::show(*time),
        Value::Duration(nanoseconds) => times::show_duration(*nanoseconds),
        Value::Type(name) => (*name).to_owned(),
        Value::List(list) => list_text(list, depth, site)?,
        Value::Map(map) => map_text(map, depth, site)?,
        other => {
            let kinds = "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps";
            let found = other.type_name();
            return Err(wrong("string", &format!("clause can only be used on {kinds}, was given {found}")));
        }
    })
}

/// A value inside a list or a map: as an expression would write it.
fn inner_text(value: &Value<'_>, depth: usize, site: &mut Site<'_>) -> Result<String, Failure> {
    let depth = depth.checked_sub(1).ok_or(Failure::OverLimit)?;
    let shown = match value {
        Value::String(text) => quote(text),
        Value::Bytes(bytes) => format!("b{}", quote(&String::from_utf8_lossy(bytes))),
        Value::Timestamp(time) => format!("timestamp({})", quote(&times::show(*time))),
        Value::Duration(span) => format!("duration({})", quote(&times::show_duration(*span))),
        Value::Double(number) => format!("{number:.DEFAULT_PRECISION$}"),
        other => text(other, depth, site)?,
    };
    site.meter.work(shown.len() as u64)?;
    Ok(shown)
}

fn list_text(list: &List<'_>, depth: usize, site: &mut Site<'_>) -> Result<String, Failure> {
    let mut items = Vec::new();
    for item in list.iter() {
        items.push(inner_text(&item?, depth, site)?);
    }
    Ok(format!("[{}]", items.join(", ")))
}

fn map_text(map: &Map<'_>, depth: usize, site: &mut Site<'_>) -> Result<String, Failure> {
    let mut entries = Vec::new();
    for key in map.keys() {
        let Some(value) = map.find(&key) else { continue };
        let shown = match &key {
            Key::String(text) => quote(text),
            other => text(&other.value(), depth, site)?,
        };
        entries.push(format!("{shown}:{}", inner_text(&value?, depth, site)?));
    }
    entries.sort();
    Ok(format!("{{{}}}", entries.join(", ")))
}
