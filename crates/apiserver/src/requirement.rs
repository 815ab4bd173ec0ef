//! The checks that every form of a selector's requirement shares: those of label selectors and those of access reviews.
use grange_apimachinery::{
    FieldError, Value,
    name::{label_value, qualified_name},
};

/// Whether there are values where the operator wants some, and none where it does not.
pub(crate) fn presence(operator: &str, values: &[Value], field: &str) -> Option<FieldError> {
    match (operator, values.is_empty()) {
        ("In" | "NotIn", true) => {
            Some(FieldError::required(field, "must be specified when `operator` is 'In' or 'NotIn'"))
        }
        ("Exists" | "DoesNotExist", false) => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            Some(FieldError::forbidden(field, detail))
        }
        _ => None,
    }
}

/// Whether key and values can be those of a label; they stand below `field`.
pub(crate) fn label(key: &str, values: &[Value], field: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let fault = qualified_name(key).err();
    errors.extend(fault.map(|fault| FieldError::invalid(format!("{field}.key"), key, fault)));
    for (index, value) in values.iter().enumerate() {
        let value = value.as_str().unwrap_or_default();
        let field = format!("{field}.values[{index}]");
        errors.extend(label_value(value).err().map(|fault| FieldError::invalid(field, value, fault)));
    }
    errors
}
