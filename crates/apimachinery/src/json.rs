//! Strict, bounded JSON reading.
use serde_json::Value;

/// Deepest nesting accepted in a body.
pub const MAX_DEPTH: usize = 96;

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    /// What is wrong, with line and column.
    pub message: String,
}

/// A parsed body and the paths of keys that occurred twice (the last one won).
#[derive(Debug)]
pub struct Parsed {
    /// The tree.
    pub value: Value,
    /// Duplicate field paths in Kubernetes' form, such as `spec.replicas`.
    pub duplicates: Vec<String>,
}

/// Parses one JSON document (trailing garbage refused), noting duplicate keys, refusing more than [`MAX_DEPTH`] levels.
pub fn parse(bytes: &[u8]) -> Result<Parsed, JsonError> {
    let _ = bytes;
    todo!()
}
