//! `'…'.format([…])`.

use super::{Failure, Site, Value, times, unfit};
use crate::{
    cel::{
        types::Type,
        value::{Key, List, Map},
    },
    field_error::{go_double, quote},
};

/// Digits behind the point, where the format does not say.
const DEFAULT_PRECISION: usize = 6;
/// Most digits behind the point.
const MAX_PRECISION: usize = 100;
/// Most lists and maps inside each other that are shown.
const MAX_DEPTH: usize = 32;

/// A part of a format.
enum Piece<'f> {
    Text(&'f str),
    Clause(char, usize),
}

/// Takes the next part off a format.
fn next_piece<'f>(rest: &mut &'f str) -> Result<Option<Piece<'f>>, Failure> {
    let unparsable = |why: &str| Err(Failure::error(format!("could not parse formatting clause: {why}")));
    if rest.is_empty() {
        return Ok(None);
    }
    let Some(mut clause) = rest.strip_prefix('%') else {
        let (text, behind) = rest.split_at(rest.find('%').unwrap_or(rest.len()));
        *rest = behind;
        return Ok(Some(Piece::Text(text)));
    };
    if let Some(behind) = clause.strip_prefix('%') {
        *rest = behind;
        return Ok(Some(Piece::Text("%")));
    }
    let mut precision = DEFAULT_PRECISION;
    if let Some(behind) = clause.strip_prefix('.') {
        let end = behind.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(behind.len());
        precision = match behind[..end].parse() {
            Ok(digits) if digits <= MAX_PRECISION => digits,
            _ => return unparsable("error while parsing precision"),
        };
        clause = &behind[end..];
    }
    let Some(verb) = clause.chars().next() else { return Err(Failure::error("unexpected end of string")) };
    if !"sdfebxXo".contains(verb) {
        return unparsable(&format!("unrecognized formatting clause \"{verb}\""));
    }
    *rest = &clause[verb.len_utf8()..];
    Ok(Some(Piece::Clause(verb, precision)))
}

fn out_of_range(index: usize) -> Failure {
    Failure::error(format!("index {index} out of range"))
}

/// What is wrong with a format for values of such types, and with which of them; `None` is the format.
pub(in crate::cel) fn fault(format: &str, types: &[&Type]) -> Option<(Option<usize>, String)> {
    let mut rest = format;
    let mut next = 0;
    loop {
        match next_piece(&mut rest) {
            Ok(None) => break,
            Ok(Some(Piece::Text(_))) => {}
            Ok(Some(Piece::Clause(verb, _))) => {
                let Some(ty) = types.get(next) else {
                    return Some((None, format!("index {next} out of range")));
                };
                if !accepts(verb, ty) {
                    return Some((Some(next), complaint(verb, ty.runtime_name())));
                }
                next += 1;
            }
            Err(Failure::Error(why)) => return Some((None, why)),
            Err(Failure::OverLimit) => return None,
        }
    }
    let count = types.len();
    let why = format!("too many arguments supplied to string.format (expected {next}, got {count})");
    (next < count).then_some((None, why))
}

fn accepts(verb: char, ty: &Type) -> bool {
    match (verb, ty) {
        (_, Type::Dyn) | ('d' | 'b' | 'o' | 'x' | 'X', Type::Int | Type::Uint) => true,
        ('f' | 'e', Type::Double | Type::String) | ('b', Type::Bool) => true,
        ('x' | 'X', Type::String | Type::Bytes) => true,
        ('s', Type::Object(_) | Type::Optional(_) | Type::Opaque(_)) => false,
        ('s', _) => true,
        _ => false,
    }
}

fn complaint(verb: char, found: &str) -> String {
    let rule = match verb {
        'b' => "only integers and bools can be formatted as binary",
        'd' => "decimal clause can only be used on integers",
        'f' => "fixed-point clause can only be used on doubles",
        'e' => "scientific clause can only be used on doubles",
        'o' => "octal clause can only be used on integers",
        'x' | 'X' => "only integers, byte buffers, and strings can be formatted as hex",
        _ => {
            "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"
        }
    };
    format!("error during formatting: {rule}, was given {found}")
}

pub(super) fn format<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::String(format), Value::List(values)] = args else { return unfit() };
    let mut out = String::new();
    let mut next = 0;
    let mut rest = &**format;
    while let Some(piece) = next_piece(&mut rest)? {
        let before = out.len();
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Clause(verb, precision) => {
                let value = values.get(next).ok_or_else(|| out_of_range(next))??;
                next += 1;
                out.push_str(&clause(verb, precision, &value, site)?);
            }
        }
        site.meter.work((out.len() - before) as u64)?;
    }
    Ok(Value::text(out))
}

fn clause(verb: char, precision: usize, value: &Value<'_>, site: &mut Site<'_>) -> Result<String, Failure> {
    Ok(match (verb, value) {
        ('s', value) => return text(value, MAX_DEPTH, site),
        ('d', Value::Int(number)) => number.to_string(),
        ('d', Value::Uint(number)) => number.to_string(),
        ('f', Value::Double(number)) => fixed(*number, precision),
        ('e', Value::Double(number)) => scientific(*number, precision),
        ('b', Value::Bool(flag)) => u8::from(*flag).to_string(),
        ('b' | 'o' | 'x' | 'X', Value::Int(number)) => {
            let sign = if *number < 0 { "-" } else { "" };
            format!("{sign}{}", radix(verb, number.unsigned_abs()))
        }
        ('b' | 'o' | 'x' | 'X', Value::Uint(number)) => radix(verb, *number),
        ('x' | 'X', Value::String(of)) => hex(verb, of.as_bytes()),
        ('x' | 'X', Value::Bytes(bytes)) => hex(verb, bytes),
        (verb, other) => return Err(Failure::error(complaint(verb, other.type_name()))),
    })
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

/// With six digits whatever is asked for, which only makes it wider.
fn scientific(number: f64, width: usize) -> String {
    let shown = format!("{number:.DEFAULT_PRECISION$e}");
    let Some((mantissa, exponent)) = shown.split_once('e') else { return shown };
    let (sign, digits) = exponent.strip_prefix('-').map_or(("", exponent), |digits| ("⁻", digits));
    let padded = format!("{digits:0>2}");
    let raised = padded.chars().filter_map(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit.to_digit(10)? as usize));
    let shown = format!("{mantissa}×10{sign}{}", raised.collect::<String>());
    format!("{shown:>width$}")
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
        other => return Err(Failure::error(complaint('s', other.type_name()))),
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
