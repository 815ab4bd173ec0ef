//! JSONPaths into a schema (`.spec.color`, `.labels['a.b']`), as selectable fields and validation rules use them.

use serde_json::{Map, Value};

type Document = Map<String, Value>;

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// The steps.
    pub(crate) steps: Vec<Step>,
    /// The schema there; `None` under `additionalProperties: true`.
    pub(crate) schema: Option<&'a Document>,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A property.
    Field(String),
    /// A key of a map.
    Key(String),
}

/// Follows a path; `brackets` allows `['key']`. The error is Kubernetes' sentence.
pub(crate) fn follow<'a>(path: &str, schema: &'a Document, brackets: bool) -> Result<Found<'a>, String> {
    let end = || "unexpected end of JSON path".to_owned();
    let mut found = Found { steps: Vec::new(), schema: Some(schema) };
    let mut tokens = Tokens(path);
    while let Some(token) = tokens.next() {
        match token {
            "[" if !brackets => return Err("array notation is not allowed".into()),
            "[" => {
                let quoted = tokens.next().ok_or_else(end)?;
                let inner = quoted
                    .strip_prefix('\'')
                    .and_then(|rest| rest.strip_suffix('\''))
                    .ok_or_else(|| format!("expected single quoted string but got {quoted}"))?;
                let key = unescape(inner)?;
                found.step(&key)?;
                match tokens.next().ok_or_else(end)? {
                    "]" => {}
                    other => return Err(format!("expected ] but got {other}")),
                }
            }
            "." => found.step(tokens.next().ok_or_else(end)?)?,
            other => return Err(format!("expected [ or . but got: {other}")),
        }
    }
    Ok(found)
}

impl Found<'_> {
    fn step(&mut self, name: &str) -> Result<(), String> {
        let lost = || "does not refer to a valid field".to_owned();
        let schema = self.schema.ok_or_else(lost)?;
        if let Some(Value::Object(properties)) = schema.get("properties") {
            self.schema = properties.get(name).ok_or_else(lost)?.as_object();
            self.steps.push(Step::Field(name.to_owned()));
        } else {
            self.schema = match schema.get("additionalProperties") {
                None => return Err(lost()),
                Some(inner) => inner.as_object(),
            };
            self.steps.push(Step::Key(name.to_owned()));
        }
        Ok(())
    }

    /// The first step's name.
    pub(crate) fn root(&self) -> Option<&str> {
        self.steps.first().map(Step::name)
    }
}

impl Step {
    /// The property or key.
    pub(crate) fn name(&self) -> &str {
        match self {
            Step::Field(name) | Step::Key(name) => name,
        }
    }
}

/// Splits at `.`, `[` and `]`, which are tokens themselves; a quoted string is one token.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<&'a str> {
        let text = self.0;
        let first = text.chars().next()?;
        let end = if first == '\'' {
            let mut escaped = false;
            text.char_indices()
                .skip(1)
                .find(|(_, character)| {
                    let closing = *character == '\'' && !escaped;
                    escaped = *character == '\\';
                    closing
                })
                .map_or(text.len(), |(at, _)| at + 1)
        } else {
            match text.find(['.', '[', ']']) {
                Some(0) => 1,
                Some(at) => at,
                None => text.len(),
            }
        };
        let (token, rest) = text.split_at(end);
        self.0 = rest;
        Some(token)
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.push(characters.next().ok_or("invalid string literal: unexpected end")?),
            '\'' => return Err("invalid string literal: unexpected quote".into()),
            other => out.push(other),
        }
    }
    Ok(out)
}
