//! What the values of a schema are to expressions, and how large they can be.

use std::{collections::BTreeMap, sync::Arc};

use super::super::{
    formats::Format,
    node::{Additional, Kind, ListType, Node},
};
use crate::cel::{Declared, DeclaredKind, Items};

/// Most bytes of a request, by which Kubernetes bounds what has no bound of its own.
pub(super) const MAX_REQUEST_BYTES: u64 = 3 * 1024 * 1024;

/// What fits a request beside the quotes or brackets around it.
const MAX_CONTENT_BYTES: u64 = MAX_REQUEST_BYTES - 2;
const DURATION_BYTES: u64 = 32;
const DATE_BYTES: u64 = 12;
const DATE_TIME_BYTES: u64 = 32;

/// What a schema declares; at the root of an object, `apiVersion`, `kind` and names are always declared.
pub(super) fn declare(node: &Node, is_resource: bool) -> Arc<Declared> {
    let (kind, max_elements, min_size) = kind(node, is_resource);
    Arc::new(Declared { kind, nullable: node.nullable, max_elements, min_size })
}

/// Kind, most elements, fewest bytes.
fn kind(node: &Node, is_resource: bool) -> (DeclaredKind, u64, u64) {
    let limit = |limit: Option<i64>| limit.map(|most| u64::try_from(most).unwrap_or(0));
    // Length is in characters, of which one has up to four bytes.
    let max_bytes = limit(node.limits.max_length).map(|most| most.saturating_mul(4));
    if node.int_or_string {
        return (DeclaredKind::IntOrString, max_bytes.unwrap_or(MAX_CONTENT_BYTES), 1);
    }
    match node.kind {
        Some(Kind::Boolean) => (DeclaredKind::Bool, 0, 4),
        Some(Kind::Integer) => (DeclaredKind::Int, 0, 1),
        Some(Kind::Number) => (DeclaredKind::Double, 0, 1),
        Some(Kind::String) => match node.limits.format {
            Some(Format::Byte) => {
                (DeclaredKind::Bytes, limit(node.limits.max_length).unwrap_or(MAX_CONTENT_BYTES), 2)
            }
            Some(Format::Duration) => (DeclaredKind::Duration, DURATION_BYTES, 3),
            Some(Format::Date) => (DeclaredKind::Date, DATE_BYTES, DATE_BYTES),
            Some(Format::DateTime) => (DeclaredKind::DateTime, DATE_TIME_BYTES, 21),
            _ => (DeclaredKind::String, max_bytes.unwrap_or_else(|| longest_option(node)), 2),
        },
        Some(Kind::Array) => list(node),
        Some(Kind::Object) => object(node, is_resource),
        None => (DeclaredKind::Unknown, 0, 0),
    }
}

fn longest_option(node: &Node) -> u64 {
    match node.limits.options.as_deref() {
        None | Some([]) => MAX_CONTENT_BYTES,
        Some(options) => {
            let length = |option: &serde_json::Value| option.as_str().map_or(0, str::len) as u64;
            options.iter().map(length).max().unwrap_or(0)
        }
    }
}

fn list(node: &Node) -> (DeclaredKind, u64, u64) {
    let Some(items) = &node.items else { return (DeclaredKind::Unknown, 0, 0) };
    let item = declare(items, items.embedded_resource);
    if !item.is_exposed() {
        return (DeclaredKind::Unknown, 0, 0);
    }
    let most = match node.limits.max_items {
        Some(most) => u64::try_from(most).unwrap_or(0),
        None => MAX_CONTENT_BYTES / (item.min_size + 1),
    };
    let items = match node.list_type {
        ListType::Atomic => Items::Atomic,
        ListType::Set => Items::Set,
        ListType::Map => Items::Map(node.map_keys.clone().into()),
    };
    (DeclaredKind::List(item, items), most, 2)
}

fn object(node: &Node, is_resource: bool) -> (DeclaredKind, u64, u64) {
    if let Additional::Schema(schema) = &node.additional {
        let value = declare(schema, schema.embedded_resource);
        if !value.is_exposed() {
            return (DeclaredKind::Unknown, 0, 0);
        }
        let most = match node.limits.max_properties {
            Some(most) => u64::try_from(most).unwrap_or(0),
            // A key is quoted, and separated from its value and the next key.
            None => MAX_CONTENT_BYTES / (value.min_size + 6),
        };
        return (DeclaredKind::Map(value), most, 2);
    }
    let mut fields: BTreeMap<String, Arc<Declared>> = node
        .properties
        .iter()
        .map(|(name, property)| (name.clone(), declare(property, property.embedded_resource)))
        .collect();
    if is_resource {
        add_object_fields(&mut fields);
    }
    let required = |name: &String| {
        node.required.contains(name)
            && node.properties.get(name).is_some_and(|property| property.default.is_none())
    };
    let min_size = fields
        .iter()
        .filter(|(name, field)| field.is_exposed() && required(name))
        .fold(2, |sum, (name, field)| sum + name.len() as u64 + field.min_size + 4);
    (DeclaredKind::Object(fields), 0, min_size)
}

/// Adds what every object has, unless the schema declares all of it.
fn add_object_fields(fields: &mut BTreeMap<String, Arc<Declared>>) {
    let is_string =
        |field: Option<&Arc<Declared>>| matches!(field.map(|field| &field.kind), Some(DeclaredKind::String));
    let names = |field: Option<&Arc<Declared>>| match field.map(|field| &field.kind) {
        Some(DeclaredKind::Object(fields)) => {
            is_string(fields.get("name")) && is_string(fields.get("generateName"))
        }
        _ => false,
    };
    if is_string(fields.get("kind")) && is_string(fields.get("apiVersion")) && names(fields.get("metadata")) {
        return;
    }
    let text = || {
        let kind = DeclaredKind::String;
        Arc::new(Declared { kind, nullable: false, max_elements: MAX_CONTENT_BYTES, min_size: 2 })
    };
    let names = ["name", "generateName"].map(|name| (name.to_owned(), text()));
    let metadata = DeclaredKind::Object(names.into());
    let metadata = Declared { kind: metadata, nullable: false, max_elements: 0, min_size: 2 };
    fields.insert("kind".to_owned(), text());
    fields.insert("apiVersion".to_owned(), text());
    fields.insert("metadata".to_owned(), Arc::new(metadata));
}
