//! Patterns. They are matched in linear time.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

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

/// Compiles a pattern as Go reads it.
pub(in crate::cel) fn compile(pattern: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(&from_go(pattern)).size_limit(MAX_PATTERN_SIZE_BYTES).build();
    compiled.map_err(|error| error.to_string())
}

/// A pattern of Go's in our syntax: there `\\d`, `\\s`, `\\w` and `\\b` know ASCII only, and a class holds no class and knows no
/// operators.
fn from_go(pattern: &str) -> String {
    let mut ours = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    // In a class: how many characters of it came before.
    let mut class: Option<usize> = None;
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match (character, class) {
            ('\\', _) => {
                characters.next();
                ours.push_str(&escape(next, class.is_some()));
                class = class.map(|before| before + 1);
            }
            ('[', None) => {
                ours.push('[');
                if next == Some('^') {
                    ours.push('^');
                    characters.next();
                }
                class = Some(0);
            }
            (']', Some(before)) if before > 0 => {
                ours.push(']');
                class = None;
            }
            ('[', Some(before)) if next == Some(':') => {
                // `[:alpha:]` up to its end.
                ours.push('[');
                for inner in characters.by_ref() {
                    ours.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
                class = Some(before + 1);
            }
            (special @ ('[' | ']'), Some(before)) => {
                ours.push('\\');
                ours.push(special);
                class = Some(before + 1);
            }
            (twice @ ('&' | '-' | '~'), Some(before)) if next == Some(twice) => {
                ours.push('\\');
                ours.push(twice);
                class = Some(before + 1);
            }
            (other, _) => {
                ours.push(other);
                class = class.map(|before| before + 1);
            }
        }
    }
    ours
}

/// What stands for a backslash and a character.
fn escape(character: Option<char>, in_class: bool) -> Cow<'static, str> {
    match (character, in_class) {
        (Some('d'), false) => "[0-9]".into(),
        (Some('D'), _) => "[^0-9]".into(),
        (Some('w'), false) => "[0-9A-Za-z_]".into(),
        (Some('W'), _) => "[^0-9A-Za-z_]".into(),
        (Some('s'), false) => "[\\t\\n\\f\\r ]".into(),
        (Some('S'), _) => "[^\\t\\n\\f\\r ]".into(),
        (Some('d'), true) => "0-9".into(),
        (Some('w'), true) => "0-9A-Za-z_".into(),
        (Some('s'), true) => "\\t\\n\\f\\r ".into(),
        (Some(boundary @ ('b' | 'B')), false) => format!("(?-u:\\{boundary})").into(),
        (Some(other), _) => format!("\\{other}").into(),
        (None, _) => "\\".into(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_go_reads_them() {
        for (pattern, text, expect) in [
            (r"^\w+$", "aZ_9", true),
            (r"^\w$", "é", false),
            (r"^\d$", "٣", false),
            (r"^[\d\s]+$", "1 2", true),
            (r"^[^\w]$", "é", true),
            (r"^[\W]$", "é", true),
            (r"\bc", "ab c", true),
            (r"^[[a]+$", "[a", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^]a]$", "b", true),
            (r"^[a&&b]+$", "&ab", true),
            (r"^[a~~b]+$", "~ab", true),
            (r"^[[:alpha:]-]+$", "a-b", true),
            (r"^\[\d\]$", "[1]", true),
            (r"^\pL$", "é", true),
            (r"^.$", "é", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), expect, "{pattern} {text}");
        }
        assert!(compile("[").is_err() && compile("(").is_err() && compile("\\").is_err());
    }
}
