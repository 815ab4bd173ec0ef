//! What operations cost, in Kubernetes' units: a unit is about what looking at a field takes.
//!
//! The figures are those of kube-apiserver (`common/cost.go` of its language, `cel/library/cost.go` of its own functions):
//! a rule that is affordable there is so here.

use super::{
    meter::traversal,
    syntax::FoldKind,
    types::Opaque,
    value::{List, Map, Value},
};

/// Making a list.
pub(super) const LIST: u64 = 10;
/// Making a map.
pub(super) const MAP: u64 = 30;
/// Looking at the value of an optional for a macro.
pub(super) const ON_VALUE: u64 = 14;

/// What a macro costs for an element that it does not take.
pub(super) const PASSED_BY: u64 = 1;

/// What a macro costs for each element that it takes, besides its expressions.
pub(super) fn step(kind: FoldKind, filtered: bool) -> u64 {
    match kind {
        FoldKind::All => 3,
        FoldKind::Exists => 4,
        FoldKind::ExistsOne => 2,
        FoldKind::Map | FoldKind::SortBy => 12,
        FoldKind::Filter => 13,
        FoldKind::TransformMap => 3 + u64::from(filtered),
        FoldKind::TransformEntries => 2 + u64::from(filtered),
    }
}

/// What a macro costs beside its elements.
pub(super) fn end(kind: FoldKind) -> u64 {
    match kind {
        FoldKind::All | FoldKind::Exists => 1,
        FoldKind::ExistsOne => 2,
        FoldKind::Map | FoldKind::Filter => LIST + 1,
        FoldKind::TransformMap | FoldKind::TransformEntries => MAP + 1,
        FoldKind::SortBy => 2 * LIST + 3,
    }
}

/// Going through a pattern and a text.
fn matching(text: u64, pattern: u64) -> u64 {
    traversal(text.saturating_add(1)).saturating_mul(pattern.div_ceil(4))
}

fn allocating(size: u64) -> u64 {
    size.saturating_add(1 + LIST)
}

/// What comparing all items of a list with each other costs, and listing them.
pub(super) fn self_comparison(size: u64, texts: bool) -> u64 {
    let squared = size.saturating_mul(size);
    let compared = squared.saturating_mul(2).saturating_add(if texts { traversal(squared) } else { 0 });
    allocating(compared)
}

/// What a call costs by the sizes of its arguments; the target of a method is the first of them.
pub(super) fn call(function: &str, size: impl Fn(usize) -> u64) -> u64 {
    match function {
        "startsWith"
        | "endsWith"
        | "strings.quote"
        | "format"
        | "url"
        | "jsonpatch.escapeKey"
        | "lowerAscii"
        | "upperAscii"
        | "substring"
        | "trim"
        | "cidr"
        | "isIP"
        | "isCIDR"
        | "ip"
        | "quantity"
        | "isQuantity"
        | "semver"
        | "isSemver" => traversal(size(0)),
        "replace" | "split" | "ip.isCanonical" => size(0).div_ceil(5),
        "matches" | "find" | "findAll" => matching(size(0), size(1)),
        "contains" => traversal(size(0)).saturating_mul(traversal(size(1))),
        "_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_" => traversal(size(0).min(size(1))),
        "_+_" => traversal(size(0).saturating_add(size(1))),
        "@in" => size(1),
        "containsIP" => 4,
        "containsCIDR" => 7,
        "slice" | "reverse" => allocating(size(0)),
        "flatten" => allocating(size(0)),
        "distinct" | "sort" => self_comparison(size(0), false),
        "lists.range" => 1 + LIST,
        "sets.contains" | "sets.intersects" => size(0).saturating_mul(size(1)).saturating_add(1),
        "sets.equivalent" => size(0).saturating_mul(size(1)).saturating_mul(2).saturating_add(1),
        _ => 1,
    }
}

/// What a call costs that is about to be made.
pub(super) fn before(function: &str, arguments: &[Value<'_>]) -> u64 {
    match (function, arguments) {
        ("isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf", [first, ..]) => through(first),
        ("validate", [Value::Format(format), text]) => matching(text.size(), format.pattern_size),
        ("_+_", [Value::List(_), _]) | ("@in", [_, Value::Map(_)]) | ("ip", [Value::Cidr(_)]) => 1,
        ("bytes", [Value::String(_)]) | ("string", [Value::Bytes(_)]) => traversal(arguments[0].size()),
        _ => call(function, |index| arguments.get(index).map_or(1, Value::size)),
    }
}

/// What a call costs by its result.
pub(super) fn after(function: &str, result: &Value<'_>) -> u64 {
    match function {
        "join" => result.size().div_ceil(5),
        "lists.range" => result.size(),
        _ => 0,
    }
}

/// Whether an equality of this type costs no more than one of numbers.
pub(super) fn is_flat(opaque: Opaque) -> bool {
    !matches!(opaque, Opaque::Url | Opaque::Format)
}

/// What going through everything in a value costs; deep values are cut off, the meter's work counts them.
fn through(value: &Value<'_>) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 / 10,
        Value::Bytes(bytes) => bytes.len() as u64 / 10,
        Value::List(list @ List::Of(..)) => list.iter().map(|item| item.map_or(1, |item| flat(&item))).sum(),
        Value::List(List::Made(items) | List::Union(items)) => items.iter().map(flat).sum(),
        other => flat(other),
    }
}

fn flat(value: &Value<'_>) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 / 10,
        Value::Bytes(bytes) => bytes.len() as u64 / 10,
        Value::List(list) => list.len() as u64,
        Value::Map(Map::Of(map, _)) => 2 * map.len() as u64,
        Value::Map(map) => 2 * map.len() as u64,
        _ => 1,
    }
}
