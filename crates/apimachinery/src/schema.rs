//! Structural schemas (the OpenAPI v3 subset of CRDs): prune, default, validate. CEL and list types come later.
use crate::FieldError;
use serde_json::Value;

/// A compiled structural schema.
#[derive(Clone, Debug, Default)]
pub struct StructuralSchema {
    _private: (),
}

/// What pruning found: paths of fields the schema does not know.
#[derive(Debug, Default, PartialEq)]
pub struct Unknown(pub Vec<String>);

impl StructuralSchema {
    /// Compiles an `openAPIV3Schema` document; the error names the path at fault.
    pub fn compile(document: &Value) -> Result<Self, FieldError> {
        let _ = document;
        todo!()
    }
    /// Removes unknown fields (never `apiVersion`, `kind`, `metadata` at the root) and says which.
    pub fn prune(&self, value: &mut Value) -> Unknown {
        let _ = value;
        todo!()
    }
    /// Fills in defaults.
    pub fn default(&self, value: &mut Value) {
        let _ = value;
        todo!()
    }
    /// Checks types, enums, patterns, bounds, required fields.
    pub fn validate(&self, value: &Value) -> Vec<FieldError> {
        let _ = value;
        todo!()
    }
    /// The document it was compiled from (for OpenAPI).
    pub fn document(&self) -> &Value {
        todo!()
    }
}
