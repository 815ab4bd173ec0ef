//! A compiled schema.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Number, Value};

use super::{formats::Format, rules::Rules};

/// A JSON type as schemas name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Kind {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "object" => Kind::Object,
            "array" => Kind::Array,
            "string" => Kind::String,
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            _ => return None,
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::Object => "object",
            Kind::Array => "array",
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
        }
    }

    /// The type of a value; `None` is null. Doubles without a fraction are integers.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(number) if !number.is_f64() || number.as_f64().is_some_and(is_integer) => {
                Kind::Integer
            }
            Value::Number(_) => Kind::Number,
            Value::String(_) => Kind::String,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        })
    }

    /// Whether a value of type `found` may stand where this type is asked for.
    pub(super) fn accepts(self, found: Kind) -> bool {
        self == found || (self == Kind::Number && found == Kind::Integer)
    }
}

/// Whether a double is an integer that every JSON reader takes for the same.
fn is_integer(double: f64) -> bool {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    double.fract() == 0.0 && double.abs() <= LARGEST
}

/// What a list is (`x-kubernetes-list-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::schema) enum ListType {
    /// One value.
    #[default]
    Atomic,
    /// Items that are there or not.
    Set,
    /// Items told apart by the values of their keys.
    Map,
}

/// What a schema says of keys that `properties` does not list.
#[derive(Debug, Default)]
pub(super) enum Additional {
    /// Nothing: they are unknown.
    #[default]
    Nothing,
    /// They may hold anything.
    Anything,
    /// They follow this schema.
    Schema(Box<Node>),
}

/// One compiled schema.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) kind: Option<Kind>,
    pub(super) nullable: bool,
    pub(super) int_or_string: bool,
    pub(super) preserve_unknown: bool,
    pub(super) embedded_resource: bool,
    pub(super) properties: BTreeMap<String, Node>,
    pub(super) additional: Additional,
    /// Whether an object is one value (`x-kubernetes-map-type: atomic`).
    pub(super) atomic_map: bool,
    pub(super) items: Option<Box<Node>>,
    pub(super) list_type: ListType,
    /// The keys of items of a [`ListType::Map`].
    pub(super) map_keys: Vec<String>,
    /// Whether there are sets or maps here or below.
    pub(super) has_sets: bool,
    /// The validation rules of this very schema.
    pub(super) rules: Option<Box<Rules>>,
    /// Whether there are rules here or below.
    pub(super) has_rules: bool,
    pub(super) required: Vec<String>,
    pub(super) default: Option<Value>,
    pub(super) limits: Limits,
    pub(super) all_of: Vec<Node>,
    pub(super) any_of: Vec<Node>,
    pub(super) one_of: Vec<Node>,
    pub(super) not: Option<Box<Node>>,
}

/// The checks of a single value.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) options: Option<Vec<Value>>,
    pub(super) pattern: Option<Regex>,
    pub(super) format: Option<Format>,
    pub(super) min_length: Option<i64>,
    pub(super) max_length: Option<i64>,
    pub(super) min_items: Option<i64>,
    pub(super) max_items: Option<i64>,
    pub(super) unique_items: bool,
    pub(super) min_properties: Option<i64>,
    pub(super) max_properties: Option<i64>,
    pub(super) minimum: Option<Number>,
    pub(super) exclusive_minimum: bool,
    pub(super) maximum: Option<Number>,
    pub(super) exclusive_maximum: bool,
    pub(super) multiple_of: Option<Number>,
}

impl Node {
    /// The schema of a key's value.
    pub(super) fn property(&self, key: &str) -> Option<&Node> {
        self.properties.get(key).or(match &self.additional {
            Additional::Schema(schema) => Some(schema.as_ref()),
            _ => None,
        })
    }
}
