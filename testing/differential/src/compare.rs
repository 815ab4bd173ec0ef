//! Where two answers differ.
use serde_json::Value;

use crate::side::Answer;

/// Longest value that a finding shows.
const SHOWN: usize = 4000;

/// One difference between the two sides' answers to one request.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The case.
    pub case: String,
    /// Which request of it, from 1.
    pub step: usize,
    /// The request.
    pub request: String,
    /// The HTTP status codes, ours first: only where they are equal may a sentence be another.
    pub codes: (u16, u16),
    /// Where in the answer: `code`, `body.message`, `header.warning`.
    pub place: String,
    /// What we said.
    pub ours: String,
    /// What Kubernetes said.
    pub theirs: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} [{}] {}", self.case, self.step, self.request)?;
        writeln!(f, "    {}", self.place)?;
        writeln!(f, "    ours:       {}", self.ours)?;
        write!(f, "    kubernetes: {}", self.theirs)
    }
}

/// A place in the answer, what we said, what they said.
pub(crate) type Difference = (String, String, String);

/// The places where two masked answers differ.
pub(crate) fn differences(ours: &Answer, theirs: &Answer) -> Vec<Difference> {
    let mut found = Vec::new();
    if ours.code != theirs.code {
        found.push(("code".into(), ours.code.to_string(), theirs.code.to_string()));
    }
    for (name, mine) in &ours.headers {
        let other = theirs.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value);
        if mine != other {
            found.push((format!("header.{name}"), mine.clone(), other.to_owned()));
        }
    }
    walk(&ours.body, &theirs.body, "body", &mut found);
    found
}

fn walk(ours: &Value, theirs: &Value, place: &str, found: &mut Vec<Difference>) {
    match (ours, theirs) {
        (Value::Object(mine), Value::Object(other)) => {
            for (key, value) in mine {
                walk(value, other.get(key).unwrap_or(&Value::Null), &format!("{place}.{key}"), found);
            }
            for (key, value) in other.iter().filter(|(key, _)| !mine.contains_key(*key)) {
                walk(&Value::Null, value, &format!("{place}.{key}"), found);
            }
        }
        (Value::Array(mine), Value::Array(other)) if mine.len() == other.len() => {
            for (index, (mine, other)) in mine.iter().zip(other).enumerate() {
                walk(mine, other, &format!("{place}[{index}]"), found);
            }
        }
        (mine, other) if mine != other => found.push((place.to_owned(), shown(mine), shown(other))),
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "(absent)".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
