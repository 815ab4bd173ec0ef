//! Kubernetes' JSONPath dialect, as far as printer columns use it: `.a.b`, `['a.b']`, `[0]`, `[-1]`, `[*]`,
//! `[?(@.type=="Ready")]`, escaped dots. Recursive descent, slices and unions are refused.

use std::{cmp::Ordering, str::FromStr};

use serde_json::Value;

/// Longest path accepted, bytes.
const MAX_PATH_BYTES: usize = 1024;

/// A compiled JSONPath.
#[derive(Clone, Debug)]
pub struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    /// From the end where negative.
    Index(i64),
    All,
    Filter(Filter),
}

#[derive(Clone, Debug)]
struct Filter {
    path: JsonPath,
    /// Absent: the path only has to exist.
    test: Option<(Comparison, Value)>,
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl JsonPath {
    /// Compiles Kubernetes' dialect (with or without braces).
    pub fn compile(path: &str) -> Result<Self, String> {
        if path.len() > MAX_PATH_BYTES {
            return Err(format!("a path may have at most {MAX_PATH_BYTES} bytes"));
        }
        let trimmed = path.trim();
        let inner = match trimmed.strip_prefix('{') {
            Some(rest) => rest.strip_suffix('}').ok_or_else(|| format!("unclosed brace in {trimmed:?}"))?,
            None => trimmed,
        };
        let inner = inner.strip_prefix('$').unwrap_or(inner);
        Self::compile_steps(inner).map_err(|fault| format!("{fault} in {trimmed:?}"))
    }

    /// The first matching value.
    pub fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        descend(&self.steps, value)
    }

    /// How many values match.
    pub fn count(&self, value: &Value) -> usize {
        count(&self.steps, value)
    }

    fn compile_steps(mut rest: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        while let Some(next) = rest.chars().next() {
            rest = match next {
                '[' => {
                    let end = closing_bracket(rest).ok_or("unclosed bracket")?;
                    steps.push(bracket(rest[1..end].trim())?);
                    &rest[end + 1..]
                }
                '.' if rest.starts_with("..") => return Err("recursive descent is not supported".into()),
                // A lone dot is the whole object.
                '.' if rest.len() == 1 || rest.starts_with(".[") => &rest[1..],
                _ => {
                    let (key, behind) = key(rest.strip_prefix('.').unwrap_or(rest))?;
                    steps.push(if key == "*" { Step::All } else { Step::Key(key) });
                    behind
                }
            };
        }
        Ok(JsonPath { steps })
    }
}

/// The first value at the end of the steps, trying the candidates of `[*]` and filters in order.
fn descend<'a>(steps: &[Step], value: &'a Value) -> Option<&'a Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(value) };
    match (step, value) {
        (Step::Key(key), _) => descend(rest, value.get(key)?),
        (Step::Index(index), Value::Array(items)) => descend(rest, at(items, *index)?),
        (Step::All, Value::Array(items)) => items.iter().find_map(|item| descend(rest, item)),
        (Step::All, Value::Object(map)) => map.values().find_map(|item| descend(rest, item)),
        (Step::Filter(filter), Value::Array(items)) => {
            items.iter().filter(|item| filter.accepts(item)).find_map(|item| descend(rest, item))
        }
        _ => None,
    }
}

fn count(steps: &[Step], value: &Value) -> usize {
    let Some((step, rest)) = steps.split_first() else { return 1 };
    match (step, value) {
        (Step::Key(key), _) => value.get(key).map_or(0, |value| count(rest, value)),
        (Step::Index(index), Value::Array(items)) => at(items, *index).map_or(0, |item| count(rest, item)),
        (Step::All, Value::Array(items)) => items.iter().map(|item| count(rest, item)).sum(),
        (Step::All, Value::Object(map)) => map.values().map(|item| count(rest, item)).sum(),
        (Step::Filter(filter), Value::Array(items)) => {
            items.iter().filter(|item| filter.accepts(item)).map(|item| count(rest, item)).sum()
        }
        _ => 0,
    }
}

/// The item at an index, from the end where negative.
fn at(items: &[Value], index: i64) -> Option<&Value> {
    let length = i64::try_from(items.len()).ok()?;
    let index = if index < 0 { length.checked_add(index)? } else { index };
    items.get(usize::try_from(index).ok()?)
}

impl Filter {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().strip_prefix('@').ok_or("a filter must start with @")?;
        let operators = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let Some(at) = outside_quotes(text, |byte| matches!(byte, b'=' | b'!' | b'<' | b'>')) else {
            return Ok(Filter { path: JsonPath::compile_steps(text.trim())?, test: None });
        };
        let (path, rest) = text.split_at(at);
        let (operator, comparison) =
            operators.iter().find(|(operator, _)| rest.starts_with(operator)).ok_or("unknown operator")?;
        let literal = literal(rest[operator.len()..].trim())?;
        Ok(Filter { path: JsonPath::compile_steps(path.trim())?, test: Some((*comparison, literal)) })
    }

    fn accepts(&self, item: &Value) -> bool {
        let Some(found) = self.path.first(item) else { return false };
        let Some((comparison, wanted)) = &self.test else { return true };
        let order = match (found, wanted) {
            (Value::Number(left), Value::Number(right)) => {
                left.as_f64().zip(right.as_f64()).and_then(|(left, right)| left.partial_cmp(&right))
            }
            (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
            (left, right) => (left == right).then_some(Ordering::Equal),
        };
        match comparison {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// A bare key up to the next dot or bracket; a backslash takes the next character as it is.
fn key(text: &str) -> Result<(String, &str), String> {
    let mut key = String::new();
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => key.push(characters.next().ok_or("a backslash at the end")?.1),
            '.' | '[' => {
                end = at;
                break;
            }
            ' ' | '(' | ')' | ']' | '{' | '}' | '"' | '\'' | '?' | '@' => {
                return Err(format!("unexpected {character:?}"));
            }
            other => key.push(other),
        }
    }
    if key.is_empty() { Err("an empty key".into()) } else { Ok((key, &text[end..])) }
}

fn bracket(content: &str) -> Result<Step, String> {
    if content == "*" {
        return Ok(Step::All);
    }
    if let Some(filter) = content.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')) {
        return Ok(Step::Filter(Filter::parse(filter)?));
    }
    if content.starts_with(['\'', '"']) {
        return match literal(content)? {
            Value::String(key) => Ok(Step::Key(key)),
            _ => Err("a key must be quoted".into()),
        };
    }
    i64::from_str(content).map(Step::Index).map_err(|_| format!("[{content}] is not supported"))
}

/// A quoted string, a number, or a boolean.
fn literal(text: &str) -> Result<Value, String> {
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) else {
        return match serde_json::from_str(text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value),
            _ => Err(format!("unexpected {text:?}")),
        };
    };
    let mut out = String::new();
    let mut characters = text[1..].chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.push(characters.next().ok_or("a backslash at the end")?),
            end if end == quote => {
                return if characters.as_str().is_empty() {
                    Ok(Value::String(out))
                } else {
                    Err(format!("unexpected {:?}", characters.as_str()))
                };
            }
            other => out.push(other),
        }
    }
    Err("unclosed quote".into())
}

/// Where the bracket that opens the text closes.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    outside_quotes(text, |byte| {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })
}

/// The first byte outside quotes that `wanted` accepts.
fn outside_quotes(text: &str, mut wanted: impl FnMut(u8) -> bool) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    text.bytes().position(|byte| {
        let skip = escaped;
        escaped = byte == b'\\' && !skip;
        match quote {
            _ if skip => false,
            Some(open) => {
                if byte == open {
                    quote = None;
                }
                false
            }
            None if matches!(byte, b'\'' | b'"') => {
                quote = Some(byte);
                false
            }
            None => wanted(byte),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn object() -> Value {
        json!({
            "metadata": {"name": "x", "labels": {"a.b/c": "dotted", "it's": "quoted"}},
            "status": {
                "conditions": [
                    {"type": "Synced", "status": "False", "age": 5},
                    {"type": "Ready", "status": "True", "age": 7, "reason": "a]b"},
                ],
                "addresses": [{}, {"ip": "1.1.1.1"}, {"ip": "2.2.2.2"}],
                "empty": [],
                "nested": [[1, 2], [3]],
            },
        })
    }

    #[test]
    fn matches_are_counted() {
        for (path, expect) in [
            (".status.addresses[*]", 3),
            (".status.addresses[*].ip", 2),
            (".status.nested[*][*]", 3),
            (".status.empty[*]", 0),
            (".status.conditions[?(@.age>5)]", 1),
            (".status.conditions[-1]", 1),
            (".status.conditions[9]", 0),
            (".metadata.name", 1),
            (".none", 0),
        ] {
            assert_eq!(JsonPath::compile(path).unwrap().count(&object()), expect, "{path}");
        }
    }

    #[test]
    fn paths_find_what_kubernetes_finds() {
        for (path, expect) in [
            (".metadata.name", json!("x")),
            ("metadata.name", json!("x")),
            ("{.metadata.name}", json!("x")),
            ("{$.metadata.name}", json!("x")),
            ("$['metadata']['name']", json!("x")),
            (r".metadata.labels.a\.b/c", json!("dotted")),
            (".metadata.labels['a.b/c']", json!("dotted")),
            (r".metadata.labels['it\'s']", json!("quoted")),
            (r#".metadata.labels["it's"]"#, json!("quoted")),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!("True")),
            (".status.conditions[?(@.type == 'Ready')].status", json!("True")),
            (".status.conditions[?(@.type!='Ready')].type", json!("Synced")),
            (".status.conditions[?(@.age>5)].type", json!("Ready")),
            (".status.conditions[?(@.age>=5)].type", json!("Synced")),
            (".status.conditions[?(@.age<6)].type", json!("Synced")),
            (".status.conditions[?(@.reason)].type", json!("Ready")),
            (".status.conditions[?(@.reason=='a]b')].type", json!("Ready")),
            (".status.conditions[0].type", json!("Synced")),
            (".status.conditions[-1].type", json!("Ready")),
            (".status.addresses[*].ip", json!("1.1.1.1")),
            (".status.nested[1][0]", json!(3)),
            (".metadata.*", json!({"a.b/c": "dotted", "it's": "quoted"})),
        ] {
            assert_eq!(JsonPath::compile(path).unwrap().first(&object()), Some(&expect), "{path}");
        }
        for path in [
            ".metadata.none",
            ".metadata.name.deeper",
            ".status.conditions[9]",
            ".status.conditions[-9]",
            ".status.empty[*]",
            ".metadata[0]",
            ".status.conditions.type",
            ".status.conditions[?(@.type=='None')].status",
            ".status.conditions[?(@.type>5)].status",
            ".status.nested[-9223372036854775808]",
        ] {
            assert_eq!(JsonPath::compile(path).unwrap().first(&object()), None, "{path}");
        }
        assert_eq!(JsonPath::compile(".").unwrap().first(&object()), Some(&object()));
    }

    #[test]
    fn what_the_dialect_lacks_is_refused() {
        for path in [
            "..name",
            ".a..b",
            "{.a",
            ".a[",
            ".a[]",
            ".a['b]",
            ".a['b'x]",
            ".a[0:2]",
            ".a['b','c']",
            ".a[?(b)]",
            ".a[?(@.b=c)]",
            ".a[?(@.b=='c)]",
            ".a b",
            r".a\",
            ".a]",
            ".a[?(@.b~'c')]",
            &"a".repeat(MAX_PATH_BYTES + 1),
        ] {
            assert!(JsonPath::compile(path).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_text_compiles_or_is_refused(path in "[\\[\\]().?@=!<>'\"a*{}$\\\\1-]{0,24}") {
            if let Ok(path) = JsonPath::compile(&path) {
                path.first(&object());
            }
        }
    }
}
