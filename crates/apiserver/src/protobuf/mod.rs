//! Bodies in Kubernetes' protobuf form, read as JSON trees.
//!
//! kubectl's typed commands (`create configmap`, `auth can-i`) send the built-in kinds so and take JSON back; nothing is
//! ever written in this form. Which field number is which JSON field stands in `fields.txt`, generated from Kubernetes'
//! own types by `testing/kubernetes/protobuf-fields`.
mod wire;

use std::{collections::HashMap, sync::OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use grange_apimachinery::{Map, Value};

use self::wire::{Payload, Reader};

/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Deepest nesting of messages.
const MAX_DEPTH: usize = 64;
const FIELDS: &str = include_str!("fields.txt");

/// Why a body cannot be read.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum ProtobufError {
    /// It is not protobuf, or cut off.
    #[error("malformed protobuf: {0}")]
    Malformed(&'static str),
    /// It is protobuf of a kind that is not in the table.
    #[error("{0} is not read as protobuf")]
    UnknownKind(String),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Bytes,
    Boolean,
    Integer,
    Double,
    Time,
    MicroTime,
    Quantity,
    IntOrString,
    Json,
    Message(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    One,
    List,
    Map,
    /// A map whose values are lists of texts, each wrapped in a message.
    MapOfLists,
}

#[derive(Debug)]
struct Field {
    name: &'static str,
    kind: Kind,
    shape: Shape,
    /// Whether a zero value is left out of JSON.
    omit_zero: bool,
}

type Message = HashMap<u32, Field>;

fn table() -> &'static HashMap<&'static str, Message> {
    static TABLE: OnceLock<HashMap<&'static str, Message>> = OnceLock::new();
    TABLE.get_or_init(|| {
        FIELDS
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(name, fields)| (name, fields.split(' ').filter_map(parse_field).collect()))
            .collect()
    })
}

fn parse_field(text: &'static str) -> Option<(u32, Field)> {
    let (number, rest) = text.split_once('=')?;
    let (name, kind) = rest.split_once(':')?;
    let (omit_zero, kind) = kind.strip_prefix('?').map_or((false, kind), |kind| (true, kind));
    let (shape, kind) = if let Some(kind) = kind.strip_prefix("{}[]") {
        (Shape::MapOfLists, kind)
    } else if let Some(kind) = kind.strip_prefix("{}") {
        (Shape::Map, kind)
    } else if let Some(kind) = kind.strip_prefix("[]") {
        (Shape::List, kind)
    } else {
        (Shape::One, kind)
    };
    let kind = match kind {
        "s" => Kind::Text,
        "b" => Kind::Bytes,
        "t" => Kind::Boolean,
        "i" => Kind::Integer,
        "d" => Kind::Double,
        "T" => Kind::Time,
        "M" => Kind::MicroTime,
        "Q" => Kind::Quantity,
        "I" => Kind::IntOrString,
        "R" | "V" => Kind::Json,
        message => Kind::Message(message),
    };
    Some((number.parse().ok()?, Field { name, kind, shape, omit_zero }))
}

/// Reads a body: the envelope, then the object in it, as the JSON tree it stands for.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let body = bytes.strip_prefix(MAGIC).ok_or(ProtobufError::Malformed("it does not begin with k8s\\0"))?;
    let (mut api_version, mut kind, mut raw, mut content_type) = ("", "", &b""[..], "");
    let mut reader = Reader(body);
    while let Some((number, payload)) = reader.next()? {
        match number {
            1 => {
                let mut names = Reader(payload.bytes()?);
                while let Some((number, payload)) = names.next()? {
                    match number {
                        1 => api_version = payload.text()?,
                        2 => kind = payload.text()?,
                        _ => {}
                    }
                }
            }
            2 => raw = payload.bytes()?,
            3 if !payload.bytes()?.is_empty() => return Err(ProtobufError::Malformed("an encoded object")),
            4 => content_type = payload.text()?,
            _ => {}
        }
    }
    if content_type == "application/json" {
        return json(raw);
    }
    let mut map = Map::new();
    if !kind.is_empty() {
        let name = message_name(api_version, kind);
        let (&name, _) =
            table().get_key_value(name.as_str()).ok_or_else(|| ProtobufError::UnknownKind(name.clone()))?;
        map.insert("apiVersion".into(), api_version.into());
        map.insert("kind".into(), kind.into());
        message(name, raw, 0, &mut map)?;
    }
    Ok(Value::Object(map))
}

/// `core.ConfigMap` for v1 ConfigMap; only versions `v1` are in the table.
fn message_name(api_version: &str, kind: &str) -> String {
    if kind == "DeleteOptions" {
        return "meta.DeleteOptions".into();
    }
    match api_version.split_once('/') {
        None if api_version == "v1" => format!("core.{kind}"),
        Some((group, "v1")) => format!("{}.{kind}", group.split('.').next().unwrap_or(group)),
        _ => format!("{api_version}.{kind}"),
    }
}

fn json(bytes: &[u8]) -> Result<Value, ProtobufError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    grange_apimachinery::json::parse(bytes)
        .map(|parsed| parsed.value)
        .map_err(|_| ProtobufError::Malformed("an embedded document is not JSON"))
}

fn message(
    name: &str,
    bytes: &[u8],
    depth: usize,
    out: &mut Map<String, Value>,
) -> Result<(), ProtobufError> {
    if depth > MAX_DEPTH {
        return Err(ProtobufError::Malformed("nested too deeply"));
    }
    let fields = table().get(name).ok_or_else(|| ProtobufError::UnknownKind(name.to_owned()))?;
    let mut reader = Reader(bytes);
    while let Some((number, payload)) = reader.next()? {
        let Some(field) = fields.get(&number) else { continue };
        if field.name.is_empty() {
            if let Kind::Message(inner) = field.kind {
                message(inner, payload.bytes()?, depth + 1, out)?;
            }
            continue;
        }
        match field.shape {
            Shape::One => {
                let value = single(field.kind, payload, depth)?;
                if !(value.is_null() || field.omit_zero && is_zero(&value)) {
                    out.insert(field.name.to_owned(), value);
                }
            }
            Shape::List => list(field, payload, depth, out)?,
            Shape::Map | Shape::MapOfLists => entry(field, payload, depth, out)?,
        }
    }
    Ok(())
}

fn list(
    field: &Field,
    payload: Payload<'_>,
    depth: usize,
    out: &mut Map<String, Value>,
) -> Result<(), ProtobufError> {
    let slot = out.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(items) = slot else { return Ok(()) };
    match (field.kind, payload) {
        (Kind::Integer, Payload::Bytes(packed)) => {
            let mut reader = Reader(packed);
            while !reader.0.is_empty() {
                items.push(Value::from(reader.varint()? as i64));
            }
        }
        (kind, payload) => items.push(single(kind, payload, depth)?),
    }
    Ok(())
}

fn entry(
    field: &Field,
    payload: Payload<'_>,
    depth: usize,
    out: &mut Map<String, Value>,
) -> Result<(), ProtobufError> {
    let (mut key, mut value) = ("", zero(field));
    let mut reader = Reader(payload.bytes()?);
    while let Some((number, payload)) = reader.next()? {
        match (number, field.shape) {
            (1, _) => key = payload.text()?,
            (2, Shape::MapOfLists) => {
                let mut items = Vec::new();
                let mut list = Reader(payload.bytes()?);
                while let Some((number, payload)) = list.next()? {
                    if number == 1 {
                        items.push(single(field.kind, payload, depth)?);
                    }
                }
                value = Value::Array(items);
            }
            (2, _) => value = single(field.kind, payload, depth)?,
            _ => {}
        }
    }
    let slot = out.entry(field.name).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(map) = slot {
        map.insert(key.to_owned(), value);
    }
    Ok(())
}

fn zero(field: &Field) -> Value {
    match (field.shape, field.kind) {
        (Shape::MapOfLists, _) => Value::Array(Vec::new()),
        (_, Kind::Message(_)) => Value::Object(Map::new()),
        (_, Kind::Integer) => Value::from(0),
        _ => Value::String(String::new()),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn single(kind: Kind, payload: Payload<'_>, depth: usize) -> Result<Value, ProtobufError> {
    Ok(match kind {
        Kind::Text => Value::from(payload.text()?),
        Kind::Bytes => Value::from(STANDARD.encode(payload.bytes()?)),
        Kind::Boolean => Value::from(payload.integer()? != 0),
        Kind::Integer => Value::from(payload.integer()?),
        Kind::Double => Value::from(payload.double()?),
        Kind::Time => time(payload, "%Y-%m-%dT%H:%M:%SZ")?,
        Kind::MicroTime => time(payload, "%Y-%m-%dT%H:%M:%S.%6fZ")?,
        Kind::Quantity => {
            let mut text = "0";
            let mut reader = Reader(payload.bytes()?);
            while let Some((number, payload)) = reader.next()? {
                if number == 1 {
                    text = payload.text()?;
                }
            }
            Value::from(text)
        }
        Kind::IntOrString => int_or_string(payload)?,
        Kind::Json => {
            let mut value = Value::Null;
            let mut reader = Reader(payload.bytes()?);
            while let Some((number, payload)) = reader.next()? {
                if number == 1 {
                    value = json(payload.bytes()?)?;
                }
            }
            value
        }
        Kind::Message(name) => {
            let mut map = Map::new();
            message(name, payload.bytes()?, depth + 1, &mut map)?;
            Value::Object(map)
        }
    })
}

/// Seconds and nanoseconds; both zero is no time at all.
fn time(payload: Payload<'_>, format: &str) -> Result<Value, ProtobufError> {
    let (mut seconds, mut nanoseconds) = (0, 0);
    let mut reader = Reader(payload.bytes()?);
    while let Some((number, payload)) = reader.next()? {
        match number {
            1 => seconds = payload.integer()?,
            2 => nanoseconds = payload.integer()?,
            _ => {}
        }
    }
    if (seconds, nanoseconds) == (0, 0) {
        return Ok(Value::Null);
    }
    let nanoseconds = i32::try_from(nanoseconds).map_err(|_| ProtobufError::Malformed("a time"))?;
    let timestamp =
        jiff::Timestamp::new(seconds, nanoseconds).map_err(|_| ProtobufError::Malformed("a time"))?;
    Ok(Value::from(timestamp.strftime(format).to_string()))
}

fn int_or_string(payload: Payload<'_>) -> Result<Value, ProtobufError> {
    let (mut is_text, mut integer, mut text) = (false, 0, "");
    let mut reader = Reader(payload.bytes()?);
    while let Some((number, payload)) = reader.next()? {
        match number {
            1 => is_text = payload.integer()? == 1,
            2 => integer = payload.integer()?,
            3 => text = payload.text()?,
            _ => {}
        }
    }
    Ok(if is_text { Value::from(text) } else { Value::from(integer) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// A length-delimited field.
    fn field(number: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut length = payload.len();
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(payload);
        out
    }

    fn body(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
        let names = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &names), field(2, object)].concat()
    }

    #[test]
    fn the_table_is_whole() {
        for (name, fields) in table() {
            for field in fields.values() {
                if let Kind::Message(inner) = field.kind {
                    assert!(table().contains_key(inner), "{name}: {inner}");
                }
            }
        }
    }

    #[test]
    fn objects_are_read_as_json() {
        let metadata = [
            field(1, b"a"),
            field(2, b""),
            field(8, b""),
            field(11, &[field(1, b"k"), field(2, b"v")].concat()),
        ]
        .concat();
        let object = [field(1, &metadata), field(2, &[field(1, b"x"), field(2, b"1")].concat())].concat();
        assert_eq!(
            parse(&body("v1", "ConfigMap", &object)),
            Ok(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": {"x": "1"},
                "metadata": {"name": "a", "labels": {"k": "v"}},
            }))
        );
        let rule = [field(1, b"get"), field(1, b"list"), field(2, b""), field(3, b"pods")].concat();
        assert_eq!(
            parse(&body("rbac.authorization.k8s.io/v1", "Role", &field(2, &rule))),
            Ok(json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                "rules": [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}],
            }))
        );
    }

    #[test]
    fn garbage_is_refused() {
        for bytes in [
            &b""[..],
            b"{}",
            b"k8s\0\x0a",
            b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"k8s\0\x0f",
        ] {
            let result = parse(bytes);
            assert!(matches!(result, Err(ProtobufError::Malformed(_))), "{bytes:?}: {result:?}");
        }
        let unknown = parse(&body("v1", "Gizmo", b""));
        assert_eq!(unknown, Err(ProtobufError::UnknownKind("core.Gizmo".into())));
        let object = body("v1", "ConfigMap", &field(1, &field(1, b"name")));
        for length in 4..object.len() {
            let _ = parse(&object[..length]);
        }
    }

    /// Fields of any number that hold fields of any number, and bytes that are none.
    fn message() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop::collection::vec(any::<u8>(), 0..16);
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop::collection::vec((1..16_u8, inner), 0..6).prop_map(|fields| {
                fields.iter().flat_map(|(number, payload)| field(*number, payload)).collect()
            })
        })
    }

    proptest! {
        #[test]
        fn any_message_is_read_or_refused(
            message in message(),
            kind in prop::sample::select(vec!["ConfigMap", "Pod", "Role", "Namespace", "Secret", "DeleteOptions"]),
        ) {
            for version in ["v1", "rbac.authorization.k8s.io/v1"] {
                if let Ok(value) = parse(&body(version, kind, &message)) {
                    // Zeros that JSON shows and protobuf does not cost a little; nothing is multiplied.
                    prop_assert!(value.to_string().len() <= 4096 + 64 * message.len());
                }
            }
        }
    }
}
