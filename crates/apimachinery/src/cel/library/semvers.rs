//! Semantic versions.

use std::{cmp::Ordering, sync::Arc};

use super::{Failure, Row, Value, unfit};

pub(super) const ROWS: &[Row] = &[
    ("semver(string): Semver", |args, _| read(args).map(|version| Value::Semver(Arc::new(version)))),
    ("semver(string, bool): Semver", |args, _| read(args).map(|version| Value::Semver(Arc::new(version)))),
    ("isSemver(string): bool", |args, _| Ok(Value::Bool(read(args).is_ok()))),
    ("isSemver(string, bool): bool", |args, _| Ok(Value::Bool(read(args).is_ok()))),
    ("Semver.isGreaterThan(Semver): bool", |args, _| order(args).map(|is| Value::Bool(is.is_gt()))),
    ("Semver.isLessThan(Semver): bool", |args, _| order(args).map(|is| Value::Bool(is.is_lt()))),
    ("Semver.compareTo(Semver): int", |args, _| order(args).map(|is| Value::Int(is as i64))),
    ("Semver.major(): int", |args, _| number(args, 0)),
    ("Semver.minor(): int", |args, _| number(args, 1)),
    ("Semver.patch(): int", |args, _| number(args, 2)),
];

/// A version; what was built (`+…`) does not count.
#[derive(Debug)]
pub(crate) struct Semver {
    numbers: [u64; 3],
    before: Vec<Identifier>,
}

#[derive(Debug)]
enum Identifier {
    Number(u64),
    Word(String),
}

impl Semver {
    pub(crate) fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.numbers.cmp(&other.numbers);
        // What comes before a release is older than it.
        let released = other.before.is_empty().cmp(&self.before.is_empty()).reverse();
        let words = || {
            let pairs = self.before.iter().zip(&other.before).map(|(left, right)| match (left, right) {
                (Identifier::Number(left), Identifier::Number(right)) => left.cmp(right),
                (Identifier::Number(_), Identifier::Word(_)) => Ordering::Less,
                (Identifier::Word(_), Identifier::Number(_)) => Ordering::Greater,
                (Identifier::Word(left), Identifier::Word(right)) => left.cmp(right),
            });
            pairs.fold(Ordering::Equal, Ordering::then).then(self.before.len().cmp(&other.before.len()))
        };
        numbers.then(released).then_with(words)
    }
}

fn read(args: &[Value<'_>]) -> Result<Semver, Failure> {
    match args {
        [Value::String(text)] | [Value::String(text), Value::Bool(false)] => parse(text),
        [Value::String(text), Value::Bool(true)] => parse(&normalized(text)?),
        _ => unfit(),
    }
}

/// With three numbers, none of which begins with a zero, and without a `v`.
fn normalized(text: &str) -> Result<String, Failure> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<String> = text.splitn(3, '.').map(str::to_owned).collect();
    for part in &mut parts {
        if part.len() > 1 {
            let short = part.trim_start_matches('0');
            let zero = if short.starts_with(|first: char| first.is_ascii_digit()) { "" } else { "0" };
            *part = format!("{zero}{short}");
        }
    }
    if parts.len() < 3 {
        if parts.last().is_some_and(|last| last.contains(['+', '-'])) {
            let why = "short version cannot contain PreRelease/Build meta data";
            return Err(Failure::error(why));
        }
        parts.resize(3, "0".to_owned());
    }
    Ok(parts.join("."))
}

fn parse(text: &str) -> Result<Semver, Failure> {
    if text.is_empty() {
        return Err(Failure::error("Version string empty"));
    }
    let mut parts = text.splitn(3, '.');
    let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::error("No Major.Minor.Patch elements found"));
    };
    let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
    let (patch, before) = rest.split_once('-').map_or((rest, None), |(patch, before)| (patch, Some(before)));
    let mut numbers = [0; 3];
    for (number, (text, name)) in
        numbers.iter_mut().zip([(major, "major"), (minor, "minor"), (patch, "patch")])
    {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let mut name = name.to_owned();
            name[..1].make_ascii_uppercase();
            return Err(Failure::error(format!("Invalid character(s) found in {name} number {text:?}")));
        }
        if text.len() > 1 && text.starts_with('0') {
            let mut name = name.to_owned();
            name[..1].make_ascii_uppercase();
            return Err(Failure::error(format!("{name} number must not contain leading zeroes {text:?}")));
        }
        *number = text.parse().map_err(|_| Failure::error(format!("{name} number {text:?} is too large")))?;
    }
    let words = |text: Option<&str>| -> Result<Vec<Identifier>, Failure> {
        text.into_iter().flat_map(|text| text.split('.')).map(identifier).collect()
    };
    let before = words(before)?;
    for part in build.into_iter().flat_map(|build| build.split('.')) {
        if part.is_empty() || !part.bytes().all(is_word) {
            return Err(Failure::error(format!("Invalid character(s) found in build meta data {part:?}")));
        }
    }
    Ok(Semver { numbers, before })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn identifier(text: &str) -> Result<Identifier, Failure> {
    if text.is_empty() {
        return Err(Failure::error("prerelease is empty"));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        if text.len() > 1 && text.starts_with('0') {
            let why = format!("Numeric PreRelease version must not contain leading zeroes {text:?}");
            return Err(Failure::error(why));
        }
        let number = text.parse().map_err(|_| Failure::error(format!("{text:?} is too large")))?;
        return Ok(Identifier::Number(number));
    }
    match text.bytes().all(is_word) {
        true => Ok(Identifier::Word(text.to_owned())),
        false => Err(Failure::error(format!("Invalid character(s) found in prerelease {text:?}"))),
    }
}

fn order(args: &[Value<'_>]) -> Result<Ordering, Failure> {
    let [Value::Semver(left), Value::Semver(right)] = args else { return unfit() };
    Ok(left.cmp(right))
}

fn number<'a>(args: &[Value<'a>], index: usize) -> Result<Value<'a>, Failure> {
    let [Value::Semver(version)] = args else { return unfit() };
    Ok(Value::Int(i64::try_from(version.numbers[index]).unwrap_or(i64::MAX)))
}
