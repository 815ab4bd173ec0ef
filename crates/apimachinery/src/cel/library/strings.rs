//! Texts.

use super::{Failure, Row, Site, Value, sprintf, unfit};
use crate::cel::library::operators::LIST_ITEM_WORK;

pub(super) const ROWS: &[Row] = &[
    ("string.contains(string): bool", |args, _| about(args, |text, part| text.contains(part))),
    ("string.startsWith(string): bool", |args, _| about(args, |text, part| text.starts_with(part))),
    ("string.endsWith(string): bool", |args, _| about(args, |text, part| text.ends_with(part))),
    ("string.charAt(int): string", char_at),
    ("string.indexOf(string): int", index_of),
    ("string.indexOf(string, int): int", index_of),
    ("string.lastIndexOf(string): int", last_index_of),
    ("string.lastIndexOf(string, int): int", last_index_of),
    ("string.lowerAscii(): string", |args, _| changed(args, |text| text.to_ascii_lowercase())),
    ("string.upperAscii(): string", |args, _| changed(args, |text| text.to_ascii_uppercase())),
    ("string.trim(): string", |args, _| changed(args, |text| text.trim().to_owned())),
    ("string.replace(string, string): string", replace),
    ("string.replace(string, string, int): string", replace),
    ("string.split(string): list(string)", split),
    ("string.split(string, int): list(string)", split),
    ("string.substring(int): string", substring),
    ("string.substring(int, int): string", substring),
    ("list(string).join(): string", join),
    ("list(string).join(string): string", join),
    ("strings.quote(string): string", |args, _| changed(args, quote)),
    ("string.format(list(dyn)): string", sprintf::format),
];

fn about<'a>(args: &[Value<'a>], is: fn(&str, &str) -> bool) -> Result<Value<'a>, Failure> {
    let [Value::String(text), Value::String(part)] = args else { return unfit() };
    Ok(Value::Bool(is(text, part)))
}

fn changed<'a>(args: &[Value<'a>], change: fn(&str) -> String) -> Result<Value<'a>, Failure> {
    let [Value::String(text)] = args else { return unfit() };
    Ok(Value::text(change(text)))
}

fn out_of_range(index: i64) -> Failure {
    Failure::error(format!("index out of range: {index}"))
}

fn char_at<'a>(args: &[Value<'a>], _: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::String(text), Value::Int(index)] = args else { return unfit() };
    let at = usize::try_from(*index).map_err(|_| out_of_range(*index))?;
    match text.chars().nth(at) {
        Some(character) => Ok(Value::text(character.to_string())),
        None if text.chars().count() == at => Ok(Value::text("")),
        None => Err(out_of_range(*index)),
    }
}

fn characters(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn index_of<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let (text, part, offset) = match args {
        [Value::String(text), Value::String(part)] => (text, part, 0),
        [Value::String(text), Value::String(part), Value::Int(offset)] => (text, part, *offset),
        _ => return unfit(),
    };
    if part.is_empty() {
        return Ok(Value::Int(offset));
    }
    let start = usize::try_from(offset).map_err(|_| out_of_range(offset))?;
    site.meter.work(text.len() as u64)?;
    let mut places = text.char_indices().map(|(at, _)| at);
    // A text search finds a byte; what is asked for is a count of characters.
    let Some(first) = places.nth(start) else { return Ok(Value::Int(-1)) };
    let found = text[first..].find(&**part).map(|at| start + text[first..first + at].chars().count());
    Ok(Value::Int(found.and_then(|found| i64::try_from(found).ok()).unwrap_or(-1)))
}

fn last_index_of<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let (text, part, offset) = match args {
        [Value::String(text), Value::String(part)] => (text, part, None),
        [Value::String(text), Value::String(part), Value::Int(offset)] => (text, part, Some(*offset)),
        _ => return unfit(),
    };
    site.meter.work(text.len() as u64)?;
    let (text, part) = (characters(text), characters(part));
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if part.is_empty() {
        return Ok(Value::Int(offset.unwrap_or(length)));
    }
    let offset = match offset {
        None => length - 1,
        Some(negative) if negative < 0 => return Err(out_of_range(negative)),
        Some(far) if far >= length => return Ok(Value::Int(-1)),
        Some(offset) => offset,
    };
    let Some(last) = text.len().checked_sub(part.len()) else { return Ok(Value::Int(-1)) };
    let from = last.min(usize::try_from(offset).unwrap_or_default());
    site.meter.work((from as u64).saturating_mul(part.len() as u64))?;
    let found = (0..=from).rev().find(|at| text[*at..].starts_with(&part));
    Ok(Value::Int(found.and_then(|found| i64::try_from(found).ok()).unwrap_or(-1)))
}

fn replace<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let (text, old, new, count) = match args {
        [Value::String(text), Value::String(old), Value::String(new)] => (text, old, new, usize::MAX),
        [Value::String(text), Value::String(old), Value::String(new), Value::Int(count)] => {
            (text, old, new, usize::try_from(*count).unwrap_or(usize::MAX))
        }
        _ => return unfit(),
    };
    let places = text.matches(&**old).take(count).count() as u64;
    site.meter.work((text.len() as u64).saturating_add(places.saturating_mul(new.len() as u64)))?;
    Ok(Value::text(text.replacen(&**old, new, count)))
}

fn split<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let (text, separator, limit) = match args {
        [Value::String(text), Value::String(separator)] => (text, separator, usize::MAX),
        [Value::String(text), Value::String(separator), Value::Int(limit)] => {
            (text, separator, usize::try_from(*limit).unwrap_or(usize::MAX))
        }
        _ => return unfit(),
    };
    let count = if separator.is_empty() { text.len() } else { text.matches(&**separator).count() + 1 };
    site.meter.work((text.len() as u64).saturating_add(count as u64 * LIST_ITEM_WORK))?;
    let parts: Vec<&str> = match separator.is_empty() {
        true => single_characters(text, limit),
        false => text.splitn(limit, &**separator).collect(),
    };
    Ok(Value::list(parts.into_iter().map(Value::text).collect()))
}

/// At most `limit` parts of one character each; the last one is the rest.
fn single_characters(text: &str, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next().filter(|_| parts.len() < limit) {
        let end = if parts.len() + 1 == limit { rest.len() } else { first.len_utf8() };
        let (part, behind) = rest.split_at(end);
        parts.push(part);
        rest = behind;
    }
    parts
}

fn substring<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let (text, start, end) = match args {
        [Value::String(text), Value::Int(start)] => (text, *start, None),
        [Value::String(text), Value::Int(start), Value::Int(end)] => (text, *start, Some(*end)),
        _ => return unfit(),
    };
    site.meter.work(text.len() as u64)?;
    let characters = characters(text);
    let place = |at: i64| usize::try_from(at).ok().filter(|at| *at <= characters.len());
    let last = end.unwrap_or(i64::try_from(characters.len()).unwrap_or(i64::MAX));
    if end.is_some() && start > last {
        let why = format!("invalid substring range. start: {start}, end: {last}");
        return Err(Failure::error(why));
    }
    let from = place(start).ok_or_else(|| out_of_range(start))?;
    let to = place(last).ok_or_else(|| out_of_range(last))?;
    Ok(Value::text(characters[from..to].iter().collect::<String>()))
}

fn join<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let (list, separator) = match args {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::String(separator)] => (list, &**separator),
        _ => return unfit(),
    };
    let mut joined = String::new();
    for (index, item) in list.iter().enumerate() {
        let Value::String(item) = item? else { return Err(Failure::error("join: invalid input")) };
        site.meter.work((item.len() + separator.len()) as u64)?;
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&item);
    }
    Ok(Value::text(joined))
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
