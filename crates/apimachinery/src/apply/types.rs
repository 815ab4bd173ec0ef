//! What a schema says to apply: which lists are keyed, which values are atomic, which fields there are.

use std::{collections::BTreeMap, fmt, sync::LazyLock};

use serde_json::{Map, Value, json};

use super::path::PathElement;
use crate::{schema::MAX_SCHEMA_DEPTH, status::quote};

/// What may stand in one place: a scalar, a list, a map, or several of these.
#[derive(Debug, Default)]
pub struct Type {
    pub(super) scalar: Option<Scalar>,
    pub(super) list: Option<ListType>,
    pub(super) map: Option<MapType>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    String,
    Number,
    Boolean,
    Any,
}

#[derive(Debug)]
pub(super) struct ListType {
    pub(super) relation: Relation,
    pub(super) items: TypeRef,
}

/// How the elements of a list are told apart.
#[derive(Debug, PartialEq)]
pub(super) enum Relation {
    /// Not at all: the list is one value.
    Atomic,
    /// By what they are.
    Set,
    /// By these fields, each with what stands for an absent one.
    Keyed(Vec<(String, Option<Value>)>),
}

#[derive(Debug)]
pub(super) struct MapType {
    pub(super) atomic: bool,
    pub(super) fields: BTreeMap<String, TypeRef>,
    /// The type of fields that are not listed; `None`: there are none.
    pub(super) others: Option<TypeRef>,
}

impl MapType {
    pub(super) fn field(&self, name: &str) -> Option<&Type> {
        self.fields.get(name).or(self.others.as_ref()).map(TypeRef::get)
    }
}

/// A type, or one of the three that need no schema.
#[derive(Debug)]
pub(super) enum TypeRef {
    Own(Box<Type>),
    Deduced,
    Untyped,
    Metadata,
}

impl TypeRef {
    pub(super) fn get(&self) -> &Type {
        match self {
            TypeRef::Own(own) => own,
            TypeRef::Deduced => &DEDUCED,
            TypeRef::Untyped => &UNTYPED,
            TypeRef::Metadata => &METADATA,
        }
    }
}

fn anything(atomic: bool, others: TypeRef) -> Type {
    Type {
        scalar: Some(Scalar::Any),
        list: Some(ListType { relation: Relation::Atomic, items: TypeRef::Untyped }),
        map: Some(MapType { atomic, fields: BTreeMap::new(), others: Some(others) }),
    }
}

/// Where there is no schema maps are granular and lists atomic.
static DEDUCED: LazyLock<Type> = LazyLock::new(|| anything(false, TypeRef::Deduced));
/// What is inside an atomic value.
static UNTYPED: LazyLock<Type> = LazyLock::new(|| anything(true, TypeRef::Untyped));

static METADATA: LazyLock<Type> = LazyLock::new(|| {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    let owner = json!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "apiVersion": text(), "kind": text(), "name": text(), "uid": text(),
            "controller": {"type": "boolean"}, "blockOwnerDeletion": {"type": "boolean"},
        },
    });
    read(
        &json!({
            "type": "object",
            "properties": {
                "name": text(), "generateName": text(), "namespace": text(), "selfLink": text(),
                "uid": text(), "resourceVersion": text(), "generation": {"type": "integer"},
                "creationTimestamp": text(), "deletionTimestamp": text(),
                "deletionGracePeriodSeconds": {"type": "integer"},
                "labels": texts(), "annotations": texts(),
                "finalizers": {"type": "array", "items": text(), "x-kubernetes-list-type": "set"},
                "ownerReferences": {
                    "type": "array", "items": owner,
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"],
                },
                "managedFields": {"type": "array", "items": {}},
            },
        }),
        false,
        0,
    )
});

impl Type {
    /// The type of the objects that an `openAPIV3Schema` describes; it has compiled before.
    pub fn of_schema(document: &Value) -> Type {
        let mut root = read(document, false, 0);
        root.make_resource();
        root
    }

    /// Adds the three fields of every resource.
    fn make_resource(&mut self) {
        let map = self.map.get_or_insert_with(|| MapType {
            atomic: false,
            fields: BTreeMap::new(),
            others: Some(TypeRef::Deduced),
        });
        for field in ["apiVersion", "kind"] {
            let text = Type { scalar: Some(Scalar::String), ..Type::default() };
            map.fields.insert(field.to_owned(), TypeRef::Own(Box::new(text)));
        }
        map.fields.insert("metadata".into(), TypeRef::Metadata);
    }

    /// What of this type a value is; everything, when it is nothing of it (null stands for anything).
    pub(super) fn of_value(&self, value: Option<&Value>) -> Atom<'_> {
        let whole = Atom { scalar: self.scalar, list: self.list.as_ref(), map: self.map.as_ref() };
        match value {
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) if self.scalar.is_some() => {
                Atom { list: None, map: None, ..whole }
            }
            Some(Value::Array(_)) if self.list.is_some() => Atom { scalar: None, map: None, ..whole },
            Some(Value::Object(_)) if self.map.is_some() => Atom { scalar: None, list: None, ..whole },
            _ => whole,
        }
    }
}

/// What a value is treated as: the first of map, scalar, list that is there.
#[derive(Clone, Copy)]
pub(super) struct Atom<'a> {
    pub(super) scalar: Option<Scalar>,
    pub(super) list: Option<&'a ListType>,
    pub(super) map: Option<&'a MapType>,
}

/// An atom's choice.
pub(super) enum Choice<'a> {
    Map(&'a MapType),
    Scalar(Scalar),
    List(&'a ListType),
    /// The schema has no place for this.
    Nothing,
}

impl<'a> Atom<'a> {
    pub(super) fn choice(self) -> Choice<'a> {
        match self {
            Atom { map: Some(map), .. } => Choice::Map(map),
            Atom { scalar: Some(scalar), .. } => Choice::Scalar(scalar),
            Atom { list: Some(list), .. } => Choice::List(list),
            _ => Choice::Nothing,
        }
    }
    /// Whether two atoms of the same type are the same.
    pub(super) fn is(self, other: Self) -> bool {
        self.scalar.is_some() == other.scalar.is_some()
            && self.list.is_some() == other.list.is_some()
            && self.map.is_some() == other.map.is_some()
    }
}

fn read(document: &Value, preserve: bool, depth: usize) -> Type {
    let flag = |key: &str| document.get(key) == Some(&Value::Bool(true));
    // Whoever asks for unknown fields asks for them in everything inside, too.
    let preserve = preserve || flag("x-kubernetes-preserve-unknown-fields");
    if depth > MAX_SCHEMA_DEPTH {
        return anything(false, TypeRef::Deduced);
    }
    let kind = document.get("type").and_then(Value::as_str).unwrap_or("");
    let mut read = match kind {
        "object" => Type { map: Some(read_map(document, preserve, depth)), ..Type::default() },
        "array" => Type { list: Some(read_list(document, preserve, depth)), ..Type::default() },
        "string" => Type { scalar: Some(Scalar::String), ..Type::default() },
        "integer" | "number" => Type { scalar: Some(Scalar::Number), ..Type::default() },
        "boolean" => Type { scalar: Some(Scalar::Boolean), ..Type::default() },
        _ => Type {
            scalar: Some(Scalar::Any),
            list: Some(read_list(document, preserve, depth)),
            map: Some(read_map(document, preserve, depth)),
        },
    };
    if flag("x-kubernetes-embedded-resource") {
        read.make_resource();
    }
    read
}

fn read_map(document: &Value, preserve: bool, depth: usize) -> MapType {
    let inner = |schema: &Value| TypeRef::Own(Box::new(read(schema, preserve, depth + 1)));
    let properties = document.get("properties").and_then(Value::as_object);
    let others = match document.get("additionalProperties") {
        Some(Value::Bool(false)) => None,
        Some(Value::Bool(true)) => Some(TypeRef::Deduced),
        Some(schema) => Some(inner(schema)),
        None if preserve || properties.is_none_or(Map::is_empty) => Some(TypeRef::Deduced),
        None => None,
    };
    MapType {
        atomic: document.get("x-kubernetes-map-type").is_some_and(|kind| kind == "atomic"),
        fields: properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.clone(), inner(schema)))
            .collect(),
        others,
    }
}

fn read_list(document: &Value, preserve: bool, depth: usize) -> ListType {
    let items = document.get("items");
    let key = |name: &str| {
        let default = items.and_then(|items| items.get("properties")?.get(name)?.get("default"));
        (name.to_owned(), default.cloned())
    };
    let relation = match document.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => Relation::Set,
        Some("map") => {
            let keys = document.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
            let mut keys: Vec<_> = keys.into_iter().flatten().filter_map(Value::as_str).map(key).collect();
            keys.sort_by(|(own, _), (theirs, _)| own.cmp(theirs));
            Relation::Keyed(keys)
        }
        _ => Relation::Atomic,
    };
    let items = match items {
        Some(schema) => TypeRef::Own(Box::new(read(schema, preserve, depth + 1))),
        None => TypeRef::Untyped,
    };
    ListType { relation, items }
}

impl ListType {
    /// What tells an element from the others; the error says why it cannot be told.
    pub(super) fn step(&self, item: &Value) -> Result<PathElement, String> {
        match (&self.relation, item) {
            (Relation::Atomic, _) => Err("invalid indexing of non-associative list".into()),
            (Relation::Set, Value::Object(_)) => {
                Err("associative list without keys has an element that's a map type".into())
            }
            (Relation::Set, Value::Array(_)) => {
                Err("not supported: associative list with lists as elements".into())
            }
            (Relation::Set, Value::Null) => {
                Err("associative list without keys has an element that's an explicit null".into())
            }
            (Relation::Set, scalar) => Ok(PathElement::Value(scalar.clone())),
            (Relation::Keyed(keys), Value::Object(map)) => {
                let present: Vec<_> = keys
                    .iter()
                    .filter_map(|(name, default)| {
                        let value = map.get(name).or(default.as_ref())?;
                        Some((name.clone(), value.clone()))
                    })
                    .collect();
                if present.is_empty() && !keys.is_empty() {
                    let keys: Vec<_> = keys.iter().map(|(name, _)| quote(name)).collect();
                    return Err(format!(
                        "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
                        keys.join(" ")
                    ));
                }
                Ok(PathElement::Key(present))
            }
            (Relation::Keyed(_), Value::Null) => {
                Err("associative list with keys may not have a null element".into())
            }
            (Relation::Keyed(_), _) => Err("associative list with keys may not have non-map elements".into()),
        }
    }
}

/// A value does not fit its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// Where, as messages write paths; empty at the root.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for TypeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => formatter.write_str(&self.message),
            path => write!(formatter, "{path}: {}", self.message),
        }
    }
}

/// Several errors as Kubernetes lists them.
pub(super) fn join(errors: &[TypeError]) -> String {
    match errors {
        [only] => only.to_string(),
        several => {
            let lines: Vec<_> = several.iter().map(|error| format!("  {error}")).collect();
            format!("errors:\n{}", lines.join("\n"))
        }
    }
}

/// Where a walk is, and what it found wrong on its way.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) path: Vec<PathElement>,
    pub(super) errors: Vec<TypeError>,
}

/// Most errors reported of one object.
pub(super) const MAX_ERRORS: usize = 64;

impl Walk {
    pub(super) fn error(&mut self, message: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(TypeError { path: super::path::display(&self.path), message: message.into() });
        }
    }
    /// Runs a step of the walk one level down.
    pub(super) fn at<T>(&mut self, step: PathElement, run: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = run(self);
        self.path.pop();
        result
    }
    pub(super) fn finish<T>(self, result: T) -> Result<T, Vec<TypeError>> {
        if self.errors.is_empty() { Ok(result) } else { Err(self.errors) }
    }
}
