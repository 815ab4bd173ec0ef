//! Patterns. They are matched in linear time.

use std::borrow::Cow;

use regex::Regex;

use super::{Failure, Row, Site, Value, operators::LIST_ITEM_WORK, unfit};

/// Largest compiled pattern, bytes.
const MAX_PATTERN_SIZE_BYTES: usize = 256 * 1024;
/// What compiling a pattern counts, for each of its bytes.
const COMPILE_WORK: u64 = 1000;

pub(super) const ROWS: &[Row] = &[
    ("matches(string, string): bool", matches),
    ("string.matches(string): bool", matches),
    ("string.find(string): string", find),
    ("string.findAll(string): list(string)", find_all),
    ("string.findAll(string, int): list(string)", find_all),
];

/// Compiles a pattern.
pub(in crate::cel) fn compile(text: &str) -> Result<Regex, String> {
    crate::pattern::compile(text, MAX_PATTERN_SIZE_BYTES).map_err(|error| error.to_string())
}

fn pattern<'s>(text: &str, site: &mut Site<'s>) -> Result<Cow<'s, Regex>, Failure> {
    if let Some(pattern) = site.pattern {
        return Ok(Cow::Borrowed(pattern));
    }
    site.meter.work((text.len() as u64).saturating_mul(COMPILE_WORK))?;
    compile(text).map(Cow::Owned).map_err(|error| Failure::error(format!("Illegal regex: {error}")))
}

fn matches<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::String(text), Value::String(wanted)] = args else { return unfit() };
    Ok(Value::Bool(pattern(wanted, site)?.is_match(text)))
}

fn find<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let [Value::String(text), Value::String(wanted)] = args else { return unfit() };
    let found = pattern(wanted, site)?.find(text).map_or("", |found| found.as_str()).to_owned();
    Ok(Value::text(found))
}

fn find_all<'a>(args: &[Value<'a>], site: &mut Site<'_>) -> Result<Value<'a>, Failure> {
    let (text, wanted, limit) = match args {
        [Value::String(text), Value::String(wanted)] => (text, wanted, usize::MAX),
        [Value::String(text), Value::String(wanted), Value::Int(limit)] => {
            (text, wanted, usize::try_from(*limit).unwrap_or(usize::MAX))
        }
        _ => return unfit(),
    };
    let pattern = pattern(wanted, site)?;
    let mut all = Vec::new();
    for found in pattern.find_iter(text).take(limit) {
        site.meter.work(LIST_ITEM_WORK + found.len() as u64)?;
        all.push(Value::text(found.as_str()));
    }
    Ok(Value::list(all))
}
