//! Reading a tree by typed fields, as Go's decoder reads into structs: what is unknown is dropped and named, what has
//! another type is refused in Go's words, and what comes out is exactly what Go would write again.

use serde_json::{Map, Value};

/// Most unknown fields reported of one object.
const MAX_UNKNOWN: usize = 64;

/// The type of a field.
pub(super) enum Shape {
    Text,
    Flag,
    Int32,
    Int64,
    Float,
    /// Base64.
    Bytes,
    /// Any JSON value; `null` counts as absent.
    Any,
    List(&'static Shape),
    Map(&'static Shape),
    Struct(&'static Struct),
    /// `true`, `false` or a struct.
    StructOrFlag(&'static Struct),
    /// A struct or a list of them.
    StructOrList(&'static Struct),
    /// A struct or a list of strings.
    StructOrTexts(&'static Struct),
}

/// A Go struct.
pub(super) struct Struct {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of a [`Struct`].
pub(super) struct Field(pub(super) &'static str, pub(super) Shape, pub(super) Written);

/// When Go writes a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Always, if need be as its zero value.
    Always,
    /// Unless it is its zero value (`omitempty`).
    NotZero,
    /// When it was there (a pointer with `omitempty`).
    Present,
}

/// What reading found.
#[derive(Default)]
pub(super) struct Findings {
    /// Paths of unknown fields.
    pub(super) unknown: Vec<String>,
    /// The first value of a wrong type, in Go's words.
    pub(super) fault: Option<String>,
}

/// Where reading is.
struct Place {
    /// The innermost struct.
    owner: &'static str,
    /// The path as Go's decoder tells it: without indexes and keys, from the last type with a decoder of its own.
    go_path: String,
    /// The path as it is.
    path: String,
    /// Whether unknown fields are told here: Go's types with a decoder of their own swallow them.
    told: bool,
}

impl Place {
    fn field(&self, owner: &'static str, name: &str) -> Place {
        let join = |path: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        Place { owner, go_path: join(&self.go_path), path: join(&self.path), told: self.told }
    }

    fn index(&self, index: usize) -> Place {
        let path = format!("{}[{index}]", self.path);
        Place { owner: self.owner, go_path: self.go_path.clone(), path, told: self.told }
    }

    fn key(&self, key: &str) -> Place {
        let path = format!("{}.{key}", self.path);
        Place { owner: self.owner, go_path: self.go_path.clone(), path, told: self.told }
    }

    /// Inside a type with a decoder of its own.
    fn apart(&self, owner: &'static str) -> Place {
        Place { owner, go_path: String::new(), path: self.path.clone(), told: false }
    }
}

/// Reads the members of `map` that `shape` names; the others stay as they are where `rest` says so.
pub(super) fn read_fields(shape: &'static Struct, map: Map<String, Value>, findings: &mut Findings) -> Value {
    let place = Place { owner: shape.name, go_path: String::new(), path: String::new(), told: true };
    read_struct(shape, map, &place, findings)
}

fn read(shape: &Shape, value: Value, place: &Place, findings: &mut Findings) -> Value {
    match (shape, value) {
        (_, Value::Null) => zero(shape),
        (Shape::Text | Shape::Bytes, value @ Value::String(_)) => value,
        (Shape::Flag, value @ Value::Bool(_)) => value,
        (Shape::Int32, Value::Number(number)) if number.as_i64().is_some_and(fits_32_bits) => number.into(),
        (Shape::Int64, Value::Number(number)) if number.is_i64() => number.into(),
        (Shape::Float, Value::Number(number)) => number.into(),
        (Shape::Any, value) => value,
        (Shape::List(item), Value::Array(items)) => {
            let read_item = |(index, value)| read(item, value, &place.index(index), findings);
            items.into_iter().enumerate().map(read_item).collect()
        }
        (Shape::Map(item), Value::Object(map)) => map
            .into_iter()
            .map(|(key, value)| {
                let value = read(item, value, &place.key(&key), findings);
                (key, value)
            })
            .collect::<Map<_, _>>()
            .into(),
        (Shape::Struct(shape), Value::Object(map)) => read_struct(shape, map, place, findings),
        (
            Shape::StructOrFlag(shape) | Shape::StructOrList(shape) | Shape::StructOrTexts(shape),
            Value::Object(map),
        ) => read_struct(shape, map, &place.apart(shape.name), findings),
        (Shape::StructOrFlag(_), value @ Value::Bool(_)) => value,
        (Shape::StructOrFlag(_), _) => {
            findings.fault.get_or_insert_with(|| "boolean or JSON schema expected".to_owned());
            Value::Null
        }
        (Shape::StructOrList(inner), Value::Array(items)) => {
            let apart = place.apart(inner.name);
            let read_item = |(index, item)| match item {
                Value::Object(map) => read_struct(inner, map, &apart.index(index), findings),
                other => mismatch(&format!("v1.{}", inner.name), &other, &apart, findings),
            };
            items.into_iter().enumerate().map(read_item).collect()
        }
        (Shape::StructOrTexts(inner), value @ Value::Array(_)) => {
            read(&Shape::List(&Shape::Text), value, &place.apart(inner.name), findings)
        }
        // Go's decoders of these two take everything else for nothing.
        (Shape::StructOrList(_) | Shape::StructOrTexts(_), _) => Value::Null,
        (shape, value) => mismatch(&go_type(shape), &value, place, findings),
    }
}

fn fits_32_bits(number: i64) -> bool {
    i32::try_from(number).is_ok()
}

fn read_struct(
    shape: &'static Struct,
    mut map: Map<String, Value>,
    place: &Place,
    findings: &mut Findings,
) -> Value {
    let mut out = Map::new();
    for Field(name, field, written) in shape.fields {
        let value = match map.remove(*name) {
            None | Some(Value::Null) if *written == Written::Always => zero(field),
            None | Some(Value::Null) => continue,
            Some(value) => read(field, value, &place.field(shape.name, name), findings),
        };
        if *written != Written::NotZero || !is_zero(&value) {
            out.insert((*name).to_owned(), value);
        }
    }
    if place.told {
        let room = MAX_UNKNOWN.saturating_sub(findings.unknown.len());
        findings.unknown.extend(map.keys().take(room).map(|key| place.field(shape.name, key).path));
    }
    Value::Object(out)
}

fn mismatch(wanted: &str, found: &Value, place: &Place, findings: &mut Findings) -> Value {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) if wanted.starts_with("int") => format!("number {number}"),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    };
    findings.fault.get_or_insert_with(|| {
        if place.go_path.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {wanted}");
        }
        let (owner, path) = (place.owner, &place.go_path);
        format!("json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {wanted}")
    });
    Value::Null
}

fn go_type(shape: &Shape) -> String {
    match shape {
        Shape::Text => "string".into(),
        Shape::Flag => "bool".into(),
        Shape::Int32 => "int32".into(),
        Shape::Int64 => "int64".into(),
        Shape::Float => "float64".into(),
        Shape::Bytes => "[]uint8".into(),
        Shape::Any => "v1.JSON".into(),
        Shape::List(item) => format!("[]{}", go_type(item)),
        Shape::Map(item) => format!("map[string]{}", go_type(item)),
        Shape::Struct(shape)
        | Shape::StructOrFlag(shape)
        | Shape::StructOrList(shape)
        | Shape::StructOrTexts(shape) => format!("v1.{}", shape.name),
    }
}

fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Text => "".into(),
        Shape::Flag => false.into(),
        Shape::Int32 | Shape::Int64 | Shape::Float => 0.into(),
        Shape::Struct(shape) => shape
            .fields
            .iter()
            .filter(|Field(.., written)| *written == Written::Always)
            .map(|Field(name, field, _)| ((*name).to_owned(), zero(field)))
            .collect::<Map<_, _>>()
            .into(),
        _ => Value::Null,
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}
