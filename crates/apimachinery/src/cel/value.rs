//! What expressions are evaluated to.
//!
//! An object is not converted: lists, maps and texts of it are looked at where they stand ([`Value::read`]), each with
//! what it is declared to be.

use std::{cmp::Ordering, collections::BTreeMap, ops::Deref, sync::Arc};

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    library::{formats::Named, ips::Cidr, semvers::Semver, urls::Url},
    meter::Failure,
    types::{Declared, DeclaredKind, Items, Opaque, Type, escape, unescape},
};
use crate::{quantity::Quantity, schema::readings};

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Text<'a>),
    Bytes(Arc<[u8]>),
    Timestamp(Moment),
    /// In nanoseconds, as Go counts it.
    Duration(i64),
    List(List<'a>),
    Map(Map<'a>),
    /// The name of a type.
    Type(&'static str),
    Optional(Option<Arc<Value<'a>>>),
    Ip(std::net::IpAddr),
    Cidr(Cidr),
    Url(Arc<Url>),
    /// With whether Kubernetes keeps it as an integer.
    Quantity(Quantity, bool),
    Semver(Arc<Semver>),
    Format(&'static Named),
    /// Something that nothing is declared of; it can only be compared.
    Unknown(&'a Json),
}

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    /// The offset from UTC that it was written with; only showing it knows that.
    pub(crate) offset_seconds: i32,
}

/// A text.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
}

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Shared(text) => text,
        }
    }
}

/// A list.
#[derive(Clone, Debug)]
pub(crate) enum List<'a> {
    /// Of an object, with what its items are.
    Of(&'a [Json], &'a Declared, &'a Items),
    Made(Arc<[Value<'a>]>),
    /// A set with more items.
    Union(Arc<[Value<'a>]>),
}

/// A map or an object.
#[derive(Clone, Debug)]
pub(crate) enum Map<'a> {
    /// Of an object, with what it is.
    Of(&'a serde_json::Map<String, Json>, &'a Declared),
    Made(Arc<BTreeMap<Key<'a>, Value<'a>>>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(crate) enum Key<'a> {
    Bool(bool),
    /// Signed or not.
    Number(i128),
    String(Text<'a>),
}

impl Key<'_> {
    fn order(&self) -> (u8, i128, &str) {
        match self {
            Key::Bool(flag) => (0, i128::from(*flag), ""),
            Key::Number(number) => (1, *number, ""),
            Key::String(text) => (2, 0, text),
        }
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key<'_> {}

impl<'a> Key<'a> {
    /// A value as a key; `None` if it cannot be one. Whole doubles are the keys that integers are.
    pub(crate) fn of(value: &Value<'a>) -> Option<Key<'a>> {
        Some(match value {
            Value::Bool(flag) => Key::Bool(*flag),
            Value::Int(number) => Key::Number(i128::from(*number)),
            Value::Uint(number) => Key::Number(i128::from(*number)),
            Value::Double(number) if number.fract() == 0.0 && number.abs() < 1e18 => {
                Key::Number(*number as i128)
            }
            Value::String(text) => Key::String(text.clone()),
            _ => return None,
        })
    }

    /// The key as a value.
    pub(crate) fn value(&self) -> Value<'a> {
        match self {
            Key::Bool(flag) => Value::Bool(*flag),
            Key::Number(number) => match i64::try_from(*number) {
                Ok(number) => Value::Int(number),
                Err(_) => Value::Uint(u64::try_from(*number).unwrap_or_default()),
            },
            Key::String(text) => Value::String(text.clone()),
        }
    }
}

impl<'a> Value<'a> {
    /// A text that was made.
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Value<'a> {
        Value::String(Text::Shared(text.into()))
    }

    /// A list that was made.
    pub(crate) fn list(items: Vec<Value<'a>>) -> Value<'a> {
        Value::List(List::Made(items.into()))
    }

    /// Nothing, or something.
    pub(crate) fn optional(value: Option<Value<'a>>) -> Value<'a> {
        Value::Optional(value.map(Arc::new))
    }

    /// A value of an object. The error is what Kubernetes says when the value is not what it is declared to be.
    pub(crate) fn read(json: &'a Json, declared: &'a Declared) -> Result<Value<'a>, Failure> {
        let wrong = |what: &str| Err(Failure::error(format!("invalid data, expected {what}")));
        Ok(match (&declared.kind, json) {
            (DeclaredKind::Unknown, json) => Value::Unknown(json),
            (_, Json::Null) if declared.nullable => Value::Null,
            (_, Json::Null) => {
                return Err(Failure::error("invalid data, got null for schema with nullable=false"));
            }
            (DeclaredKind::Bool, Json::Bool(flag)) => Value::Bool(*flag),
            (DeclaredKind::Int | DeclaredKind::IntOrString, Json::Number(number)) if number.is_i64() => {
                Value::Int(number.as_i64().unwrap_or_default())
            }
            (DeclaredKind::Double, Json::Number(number)) => {
                Value::Double(number.as_f64().unwrap_or_default())
            }
            (DeclaredKind::String | DeclaredKind::IntOrString, Json::String(text)) => {
                Value::String(Text::Borrowed(text))
            }
            (DeclaredKind::Bytes, Json::String(text)) => match readings::base64(text) {
                Some(bytes) => Value::Bytes(bytes.into()),
                None => return Err(Failure::error(format!("Invalid byte formatted string {text}"))),
            },
            (DeclaredKind::Duration, Json::String(text)) => match readings::duration(text) {
                Some(nanoseconds) => Value::Duration(nanoseconds),
                None => return Err(Failure::error(format!("Invalid duration {text}"))),
            },
            (DeclaredKind::Date, Json::String(text)) => match readings::date(text) {
                Some(at) => Value::Timestamp(Moment { at, offset_seconds: 0 }),
                None => return Err(Failure::error(format!("Invalid date formatted string {text}"))),
            },
            (DeclaredKind::DateTime, Json::String(text)) => match readings::date_time(text) {
                Some(at) => Value::Timestamp(Moment { at, offset_seconds: readings::offset(text) }),
                None => return Err(Failure::error(format!("Invalid date-time formatted string {text}"))),
            },
            (DeclaredKind::List(item, items), Json::Array(array)) => {
                Value::List(List::Of(array, item, items))
            }
            (DeclaredKind::Object(_) | DeclaredKind::Map(_), Json::Object(map)) => {
                Value::Map(Map::Of(map, declared))
            }
            (DeclaredKind::IntOrString, _) => {
                return wrong("XIntOrString value to be either a string or integer");
            }
            (DeclaredKind::Object(_) | DeclaredKind::Map(_), _) => {
                return wrong("a map for the provided schema with type=object");
            }
            (DeclaredKind::List(..), _) => {
                return wrong("an array for the provided schema with type=array");
            }
            (DeclaredKind::Bool, _) => return wrong("bool"),
            (DeclaredKind::Int, _) => return wrong("int"),
            (DeclaredKind::Double, _) => return wrong("float"),
            _ => return wrong("string"),
        })
    }

    /// The name of the value's type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "google.protobuf.Timestamp",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Type(_) => "type",
            Value::Optional(_) => "optional_type",
            Value::Ip(_) => Opaque::Ip.name(),
            Value::Cidr(_) => Opaque::Cidr.name(),
            Value::Url(_) => Opaque::Url.name(),
            Value::Quantity(..) => Opaque::Quantity.name(),
            Value::Semver(_) => Opaque::Semver.name(),
            Value::Format(_) => Opaque::Format.name(),
            Value::Unknown(_) => "unknown",
        }
    }

    /// Whether the value may be passed where a signature says `ty`; what is inside is not looked at.
    pub(crate) fn fits(&self, ty: &Type) -> bool {
        match ty {
            Type::Dyn | Type::Parameter(_) => true,
            Type::Null => matches!(self, Value::Null),
            Type::Bool => matches!(self, Value::Bool(_)),
            Type::Int => matches!(self, Value::Int(_)),
            Type::Uint => matches!(self, Value::Uint(_)),
            Type::Double => matches!(self, Value::Double(_)),
            Type::String => matches!(self, Value::String(_)),
            Type::Bytes => matches!(self, Value::Bytes(_)),
            Type::Timestamp => matches!(self, Value::Timestamp(_)),
            Type::Duration => matches!(self, Value::Duration(_)),
            Type::Meta => matches!(self, Value::Type(_)),
            Type::List(_) => matches!(self, Value::List(_)),
            Type::Map(..) | Type::Object(_) => matches!(self, Value::Map(_)),
            Type::Optional(_) => matches!(self, Value::Optional(_)),
            Type::Opaque(opaque) => self.type_name() == opaque.name(),
        }
    }

    /// How many elements, characters or bytes the value has; what has none counts as one.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Value::String(text) => text.chars().count() as u64,
            Value::Bytes(bytes) => bytes.len() as u64,
            Value::List(list) => list.len() as u64,
            Value::Map(map) => map.len() as u64,
            Value::Optional(Some(inner)) => inner.size(),
            _ => 1,
        }
    }
}

impl<'a> List<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            List::Of(items, ..) => items.len(),
            List::Made(items) | List::Union(items) => items.len(),
        }
    }

    /// The item at an index, if there is one.
    pub(crate) fn get(&self, index: usize) -> Option<Result<Value<'a>, Failure>> {
        match self {
            List::Of(items, declared, _) => items.get(index).map(|item| Value::read(item, declared)),
            List::Made(items) | List::Union(items) => items.get(index).cloned().map(Ok),
        }
    }

    /// The items in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<Value<'a>, Failure>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Map<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Map::Of(map, _) => map.len(),
            Map::Made(map) => map.len(),
        }
    }

    /// The value of a key, if there is one. A null field of an object is absent.
    pub(crate) fn find(&self, key: &Key<'a>) -> Option<Result<Value<'a>, Failure>> {
        match self {
            Map::Of(map, declared) => {
                let Key::String(key) = key else { return Some(Err(Failure::no_such_overload())) };
                match &declared.kind {
                    DeclaredKind::Object(fields) => {
                        let name = unescape(key)?;
                        let value = map.get(name.as_ref()).filter(|value| !value.is_null())?;
                        Some(Value::read(value, fields.get(name.as_ref())?))
                    }
                    DeclaredKind::Map(declared) => Some(Value::read(map.get(&**key)?, declared)),
                    _ => None,
                }
            }
            Map::Made(map) => map.get(key).cloned().map(Ok),
        }
    }

    /// The keys in order; of an object those that are declared.
    pub(crate) fn keys(&self) -> Vec<Key<'a>> {
        match self {
            Map::Of(map, declared) => {
                let name = |key: &'a String| match &declared.kind {
                    DeclaredKind::Object(fields) => fields.contains_key(key).then(|| match escape(key) {
                        Some(escaped) if escaped != *key => Text::Shared(escaped.into()),
                        _ => Text::Borrowed(key),
                    }),
                    _ => Some(Text::Borrowed(key)),
                };
                map.keys().filter_map(name).map(Key::String).collect()
            }
            Map::Made(map) => map.keys().cloned().collect(),
        }
    }
}
