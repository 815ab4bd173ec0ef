//! From a schema document to its compiled form.

use serde_json::{Map, Number, Value};

use super::{
    MAX_SCHEMA_DEPTH,
    formats::Format,
    node::{Additional, Kind, Limits, ListType, Node},
    rules,
};
use crate::FieldError;

/// Largest compiled pattern, bytes.
pub(crate) const MAX_PATTERN_SIZE_BYTES: usize = 1024 * 1024;

pub(super) fn compile(document: &Value) -> Result<Node, FieldError> {
    const ROOT: &str = "openAPIV3Schema";
    let mut root = node(document, ROOT, 0)?;
    rules::compile(&mut root, ROOT)?;
    Ok(root)
}

fn node(document: &Value, path: &str, depth: usize) -> Result<Node, FieldError> {
    if depth > MAX_SCHEMA_DEPTH {
        return Err(FieldError::forbidden(
            path,
            format!("schemas may nest at most {MAX_SCHEMA_DEPTH} levels"),
        ));
    }
    let document = match document {
        Value::Bool(true) => return Ok(Node { preserve_unknown: true, ..Node::default() }),
        Value::Object(map) => Document { map, path, depth },
        other => return Err(FieldError::invalid(path, other.clone(), "must be a schema")),
    };
    if document.get("$ref").is_some() {
        return Err(FieldError::forbidden(document.at("$ref"), "references are not supported"));
    }
    let kind = document.string("type")?;
    let kind = match kind {
        None | Some("") => None,
        Some(text) => Some(Kind::parse(text).ok_or_else(|| {
            let supported = ["array", "boolean", "integer", "number", "object", "string"];
            FieldError::not_supported(document.at("type"), text, &supported)
        })?),
    };
    let mut compiled = Node {
        kind,
        nullable: document.flag("nullable")?,
        int_or_string: document.flag("x-kubernetes-int-or-string")?,
        preserve_unknown: document.flag("x-kubernetes-preserve-unknown-fields")?,
        embedded_resource: document.flag("x-kubernetes-embedded-resource")?,
        atomic_map: document.string("x-kubernetes-map-type")? == Some("atomic"),
        items: document.schema("items")?,
        list_type: match document.string("x-kubernetes-list-type")? {
            Some("set") => ListType::Set,
            Some("map") => ListType::Map,
            _ => ListType::Atomic,
        },
        map_keys: document.strings("x-kubernetes-list-map-keys")?,
        additional: document.additional()?,
        required: document.strings("required")?,
        default: document.get("default").cloned(),
        rules: rules::read(document.map),
        limits: limits(&document)?,
        all_of: document.schemas("allOf")?,
        any_of: document.schemas("anyOf")?,
        one_of: document.schemas("oneOf")?,
        not: document.schema("not")?,
        ..Node::default()
    };
    for (key, schema) in document.map_of("properties")? {
        let path = format!("{path}.properties[{key}]");
        compiled.properties.insert(key.clone(), node(schema, &path, depth + 1)?);
    }
    compiled.has_sets = compiled.list_type != ListType::Atomic
        || compiled.items.as_ref().is_some_and(|items| items.has_sets)
        || compiled.properties.values().any(|property| property.has_sets)
        || matches!(&compiled.additional, Additional::Schema(schema) if schema.has_sets);
    compiled.has_rules = compiled.rules.is_some()
        || compiled.items.as_ref().is_some_and(|items| items.has_rules)
        || compiled.properties.values().any(|property| property.has_rules)
        || matches!(&compiled.additional, Additional::Schema(schema) if schema.has_rules);
    let says_nothing = kind.is_none() && compiled.properties.is_empty() && compiled.items.is_none();
    if says_nothing && matches!(compiled.additional, Additional::Nothing) {
        // A schema without a type (`{}`) lets anything stand; Kubernetes wants that said with this very flag.
        compiled.preserve_unknown = true;
    }
    Ok(compiled)
}

fn limits(document: &Document<'_>) -> Result<Limits, FieldError> {
    let pattern = match document.string("pattern")? {
        None | Some("") => None,
        Some(pattern) => {
            let compiled = crate::pattern::compile(pattern, MAX_PATTERN_SIZE_BYTES);
            Some(compiled.map_err(|error| {
                let detail = format!("must be a valid regular expression, but isn't: {error}");
                FieldError::invalid(document.at("pattern"), pattern, detail)
            })?)
        }
    };
    let options = match document.get("enum") {
        None => None,
        Some(Value::Array(options)) => Some(options.clone()),
        Some(other) => return Err(document.wrong("enum", other, "a list")),
    };
    let kind = document.string("type")?.unwrap_or_default();
    let format = document.string("format")?.and_then(|format| Format::parse(kind, format));
    Ok(Limits {
        options,
        pattern,
        format,
        min_length: document.count("minLength")?,
        max_length: document.count("maxLength")?,
        min_items: document.count("minItems")?,
        max_items: document.count("maxItems")?,
        unique_items: document.flag("uniqueItems")?,
        min_properties: document.count("minProperties")?,
        max_properties: document.count("maxProperties")?,
        minimum: document.number("minimum")?,
        exclusive_minimum: document.flag("exclusiveMinimum")?,
        maximum: document.number("maximum")?,
        exclusive_maximum: document.flag("exclusiveMaximum")?,
        multiple_of: document.number("multipleOf")?,
    })
}

/// A schema document with its place, for errors.
struct Document<'a> {
    map: &'a Map<String, Value>,
    path: &'a str,
    depth: usize,
}

impl<'a> Document<'a> {
    /// The member; `null` counts as absent.
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    fn wrong(&self, key: &str, found: &Value, wanted: &str) -> FieldError {
        FieldError::type_invalid(self.at(key), found.clone(), format!("must be {wanted}"))
    }

    fn string(&self, key: &str) -> Result<Option<&'a str>, FieldError> {
        let read = |value: &'a Value| value.as_str().ok_or_else(|| self.wrong(key, value, "a string"));
        self.get(key).map(read).transpose()
    }

    fn flag(&self, key: &str) -> Result<bool, FieldError> {
        let read = |value: &Value| value.as_bool().ok_or_else(|| self.wrong(key, value, "a boolean"));
        self.get(key).map_or(Ok(false), read)
    }

    fn count(&self, key: &str) -> Result<Option<i64>, FieldError> {
        let read = |value: &Value| value.as_i64().ok_or_else(|| self.wrong(key, value, "an integer"));
        self.get(key).map(read).transpose()
    }

    fn number(&self, key: &str) -> Result<Option<Number>, FieldError> {
        let read = |value: &Value| match value {
            Value::Number(number) => Ok(number.clone()),
            other => Err(self.wrong(key, other, "a number")),
        };
        self.get(key).map(read).transpose()
    }

    fn strings(&self, key: &str) -> Result<Vec<String>, FieldError> {
        let read = |value: &Value| {
            serde_json::from_value(value.clone()).map_err(|_| self.wrong(key, value, "a list of strings"))
        };
        self.get(key).map_or(Ok(Vec::new()), read)
    }

    fn map_of(&self, key: &str) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, FieldError> {
        match self.get(key) {
            None => Ok(None.into_iter().flatten()),
            Some(Value::Object(map)) => Ok(Some(map).into_iter().flatten()),
            Some(other) => Err(self.wrong(key, other, "an object")),
        }
    }

    fn schema(&self, key: &str) -> Result<Option<Box<Node>>, FieldError> {
        let read = |value| node(value, &self.at(key), self.depth + 1).map(Box::new);
        self.get(key).map(read).transpose()
    }

    fn schemas(&self, key: &str) -> Result<Vec<Node>, FieldError> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => list
                .iter()
                .enumerate()
                .map(|(index, schema)| node(schema, &format!("{}[{index}]", self.at(key)), self.depth + 1))
                .collect(),
            Some(other) => Err(self.wrong(key, other, "a list")),
        }
    }

    fn additional(&self) -> Result<Additional, FieldError> {
        Ok(match self.get("additionalProperties") {
            None | Some(Value::Bool(false)) => Additional::Nothing,
            Some(Value::Bool(true)) => Additional::Anything,
            Some(_) => self.schema("additionalProperties")?.map_or(Additional::Nothing, Additional::Schema),
        })
    }
}
