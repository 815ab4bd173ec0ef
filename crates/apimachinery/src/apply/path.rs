//! One step from a value into it, as field sets name it.

use std::{cmp::Ordering, fmt};

use serde_json::{Map, Value};

use super::go;
use crate::{json, status::quote};

/// How a part of a value is found in it. Steps are ordered as Kubernetes orders them: fields, keys, values, indices.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// The field of an object.
    Field(String),
    /// The element of a keyed list that has these fields; sorted by name.
    Key(Vec<(String, Value)>),
    /// The element of a set that is this value.
    Value(Value),
    /// The element of a list by its place.
    Index(i64),
}

impl PathElement {
    /// Reads the serialized form (`f:spec`, `k:{"name":"x"}`, `v:"x"`, `i:3`); `Ok(None)` is a form of the future.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        let (form, rest) = text
            .split_at_checked(2)
            .filter(|(form, _)| form.ends_with(':'))
            .ok_or_else(|| format!("{} is no step of a field path", quote(text)))?;
        let value = || {
            json::parse(rest.as_bytes())
                .map(|parsed| parsed.value)
                .map_err(|error| format!("{} is no step of a field path: {error}", quote(text)))
        };
        Ok(Some(match form {
            "f:" => PathElement::Field(rest.to_owned()),
            "v:" => PathElement::Value(value()?),
            "k:" => match value()? {
                Value::Object(map) => PathElement::Key(map.into_iter().collect()),
                _ => return Err(format!("{} is no step of a field path: a key is an object", quote(text))),
            },
            "i:" => PathElement::Index(
                rest.parse().map_err(|_| format!("{} is no step of a field path", quote(text)))?,
            ),
            _ => return Ok(None),
        }))
    }

    /// The serialized form.
    pub(super) fn serialized(&self) -> String {
        match self {
            PathElement::Field(name) => format!("f:{name}"),
            PathElement::Key(fields) => {
                let map: Map<String, Value> =
                    fields.iter().map(|(name, value)| (name.clone(), canonical(value))).collect();
                format!("k:{}", Value::Object(map))
            }
            PathElement::Value(value) => format!("v:{}", canonical(value)),
            PathElement::Index(index) => format!("i:{index}"),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            PathElement::Field(_) => 0,
            PathElement::Key(_) => 1,
            PathElement::Value(_) => 2,
            PathElement::Index(_) => 3,
        }
    }
}

/// A number without a fraction in the form of an integer, as Go writes it.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < go::MAX_EXACT_INTEGER => {
                Value::from(float as i64)
            }
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

impl fmt::Display for PathElement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathElement::Field(name) => write!(formatter, ".{name}"),
            PathElement::Key(fields) => {
                formatter.write_str("[")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(formatter, "{comma}{name}={}", go::shown(value))?;
                }
                formatter.write_str("]")
            }
            PathElement::Value(value) => write!(formatter, "[={}]", go::shown(value)),
            PathElement::Index(index) => write!(formatter, "[{index}]"),
        }
    }
}

/// A whole path, as it stands in messages.
pub(super) fn display(path: &[PathElement]) -> String {
    path.iter().map(ToString::to_string).collect()
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (PathElement::Field(own), PathElement::Field(theirs)) => own.cmp(theirs),
            (PathElement::Key(own), PathElement::Key(theirs)) => {
                for ((name, value), (other_name, other_value)) in own.iter().zip(theirs) {
                    let order = name.cmp(other_name).then_with(|| compare_values(value, other_value));
                    if order.is_ne() {
                        return order;
                    }
                }
                own.len().cmp(&theirs.len())
            }
            (PathElement::Value(own), PathElement::Value(theirs)) => compare_values(own, theirs),
            (PathElement::Index(own), PathElement::Index(theirs)) => own.cmp(theirs),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

/// The order of values: numbers, strings, booleans, lists, objects, null.
fn compare_values(own: &Value, theirs: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    };
    match (own, theirs) {
        (Value::Number(own), Value::Number(theirs)) => match (own.as_i64(), theirs.as_i64()) {
            (Some(own), Some(theirs)) => own.cmp(&theirs),
            _ => own.as_f64().unwrap_or(0.0).total_cmp(&theirs.as_f64().unwrap_or(0.0)),
        },
        (Value::String(own), Value::String(theirs)) => own.cmp(theirs),
        (Value::Bool(own), Value::Bool(theirs)) => own.cmp(theirs),
        (Value::Array(own), Value::Array(theirs)) => {
            let differing =
                own.iter().zip(theirs).map(|(a, b)| compare_values(a, b)).find(|order| order.is_ne());
            differing.unwrap_or(own.len().cmp(&theirs.len()))
        }
        (Value::Object(own), Value::Object(theirs)) => {
            let differing = own
                .iter()
                .zip(theirs)
                .map(|((key, value), (other_key, other))| {
                    key.cmp(other_key).then_with(|| compare_values(value, other))
                })
                .find(|order| order.is_ne());
            differing.unwrap_or(own.len().cmp(&theirs.len()))
        }
        _ => rank(own).cmp(&rank(theirs)),
    }
}

/// Whether two values are equal; numbers by what they are worth, not by how they are written.
pub(super) fn equal(own: &Value, theirs: &Value) -> bool {
    match (own, theirs) {
        (Value::Array(own), Value::Array(theirs)) => {
            own.len() == theirs.len() && own.iter().zip(theirs).all(|(a, b)| equal(a, b))
        }
        (Value::Object(own), Value::Object(theirs)) => equal_maps(own, theirs),
        (Value::Number(_), Value::Number(_)) => compare_values(own, theirs).is_eq(),
        _ => own == theirs,
    }
}

pub(super) fn equal_maps(own: &Map<String, Value>, theirs: &Map<String, Value>) -> bool {
    own.len() == theirs.len()
        && own
            .iter()
            .zip(theirs)
            .all(|((key, value), (other_key, other))| key == other_key && equal(value, other))
}
