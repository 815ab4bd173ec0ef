//! What is wrong with one field, in Kubernetes' words.

use std::fmt;

use serde::Serialize;
use serde_json::{Number, Value};

/// What is wrong with one field. Its text is `<field>: <cause>: <value>: <detail>`, as Kubernetes prints it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldError {
    /// The field's path, as Kubernetes writes it (`metadata.labels`, `spec.ports[0].port`).
    pub field: String,
    /// Kubernetes' cause (`FieldValueInvalid`, `FieldValueRequired`, …).
    pub cause: FieldCause,
    /// The refused value as JSON text, where there is one.
    pub value: Option<String>,
    /// What is wrong, in words.
    pub detail: String,
}

/// Kubernetes' causes of field errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub enum FieldCause {
    FieldValueInvalid,
    FieldValueRequired,
    FieldValueDuplicate,
    FieldValueNotSupported,
    FieldValueForbidden,
    FieldValueTooLong,
    FieldValueTooMany,
    FieldValueTypeInvalid,
    FieldValueNotFound,
    InternalError,
}

/// Longest value repeated in an error, bytes of its JSON text; a longer one is cut, so that an error never carries a
/// whole body back.
pub const MAX_VALUE_SHOWN_BYTES: usize = 1024;

impl FieldCause {
    /// The word as it stands in `details.causes[].reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldCause::FieldValueInvalid => "FieldValueInvalid",
            FieldCause::FieldValueRequired => "FieldValueRequired",
            FieldCause::FieldValueDuplicate => "FieldValueDuplicate",
            FieldCause::FieldValueNotSupported => "FieldValueNotSupported",
            FieldCause::FieldValueForbidden => "FieldValueForbidden",
            FieldCause::FieldValueTooLong => "FieldValueTooLong",
            FieldCause::FieldValueTooMany => "FieldValueTooMany",
            FieldCause::FieldValueTypeInvalid => "FieldValueTypeInvalid",
            FieldCause::FieldValueNotFound => "FieldValueNotFound",
            FieldCause::InternalError => "InternalError",
        }
    }

    /// The words that start the message.
    fn words(self) -> &'static str {
        match self {
            FieldCause::FieldValueInvalid | FieldCause::FieldValueTypeInvalid => "Invalid value",
            FieldCause::FieldValueRequired => "Required value",
            FieldCause::FieldValueDuplicate => "Duplicate value",
            FieldCause::FieldValueNotSupported => "Unsupported value",
            FieldCause::FieldValueForbidden => "Forbidden",
            FieldCause::FieldValueTooLong => "Too long",
            FieldCause::FieldValueTooMany => "Too many",
            FieldCause::FieldValueNotFound => "Not found",
            FieldCause::InternalError => "Internal error",
        }
    }
}

impl FieldError {
    /// `Invalid value: <value>: <detail>`.
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::with_value(field, FieldCause::FieldValueInvalid, &value.into(), detail)
    }
    /// `Required value: <detail>`; the detail may be empty.
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::without_value(field, FieldCause::FieldValueRequired, detail)
    }
    /// `Unsupported value: <value>: supported values: "a", "b"`.
    pub fn not_supported(field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|text| quote(text)).collect();
        let detail = match quoted.is_empty() {
            true => String::new(),
            false => format!("supported values: {}", quoted.join(", ")),
        };
        Self::with_value(field, FieldCause::FieldValueNotSupported, &value.into(), detail)
    }
    /// `Forbidden: <detail>`.
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::without_value(field, FieldCause::FieldValueForbidden, detail)
    }
    /// `Duplicate value: <value>`.
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::with_value(field, FieldCause::FieldValueDuplicate, &value.into(), "")
    }
    /// `Too long: may not be more than <limit> bytes`.
    pub fn too_long(field: impl Into<String>, limit_bytes: usize) -> Self {
        let unit = if limit_bytes == 1 { "byte" } else { "bytes" };
        let detail = format!("may not be more than {limit_bytes} {unit}");
        Self::without_value(field, FieldCause::FieldValueTooLong, detail)
    }
    /// `Too many: <count>: must have at most <limit> items`.
    pub fn too_many(field: impl Into<String>, count: usize, limit: usize) -> Self {
        let unit = if limit == 1 { "item" } else { "items" };
        let detail = format!("must have at most {limit} {unit}");
        Self::with_value(field, FieldCause::FieldValueTooMany, &Value::from(count), detail)
    }
    /// `Not found: <value>`.
    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::with_value(field, FieldCause::FieldValueNotFound, &value.into(), "")
    }
    /// `Invalid value: <value>: <detail>`, with the cause that tells a wrong type from a wrong value.
    pub fn type_invalid(
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self::with_value(field, FieldCause::FieldValueTypeInvalid, &value.into(), detail)
    }
    /// Everything behind the field: `<cause>: <value>: <detail>`, as in `details.causes[].message`.
    pub fn body(&self) -> String {
        let mut text = self.cause.words().to_owned();
        for part in self.value.iter().chain([&self.detail]).filter(|part| !part.is_empty()) {
            text.push_str(": ");
            text.push_str(part);
        }
        text
    }
    /// The same error with `prefix` before its field path.
    pub fn under(mut self, prefix: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => prefix.to_owned(),
            field if field.starts_with('[') => format!("{prefix}{field}"),
            field => format!("{prefix}.{field}"),
        };
        self
    }

    fn with_value(
        field: impl Into<String>,
        cause: FieldCause,
        value: &Value,
        detail: impl Into<String>,
    ) -> Self {
        FieldError { field: field.into(), cause, value: Some(shown(value)), detail: detail.into() }
    }
    fn without_value(field: impl Into<String>, cause: FieldCause, detail: impl Into<String>) -> Self {
        FieldError { field: field.into(), cause, value: None, detail: detail.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.body())
    }
}

impl std::error::Error for FieldError {}

/// A string in double quotes with Go's escapes (`%q`), as Kubernetes quotes names and values in its messages.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' || control == '\u{7f}' => {
                out.push_str(&format!("\\x{:02x}", control as u32))
            }
            control if control.is_control() => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A number as Go prints it (`%v`): doubles from a million on with an exponent.
pub(crate) fn go_number(number: &Number) -> String {
    number.as_f64().filter(|_| number.is_f64()).map_or_else(|| number.to_string(), go_double)
}

/// A double as Go prints it.
pub(crate) fn go_double(double: f64) -> String {
    if !double.is_finite() {
        let sign = if double < 0.0 { "-" } else { "+" };
        return if double.is_nan() { "NaN".to_owned() } else { format!("{sign}Inf") };
    }
    let scientific = format!("{double:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return double.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn shown(value: &Value) -> String {
    let mut text = match value {
        Value::String(text) => quote(text),
        Value::Number(number) => go_number(number),
        other => other.to_string(),
    };
    if text.len() > MAX_VALUE_SHOWN_BYTES {
        let cut = text.floor_char_boundary(MAX_VALUE_SHOWN_BYTES);
        text.truncate(cut);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_those_of_kubernetes() {
        for (error, expect) in [
            (FieldError::invalid("a.b", "x\ny", "must be z"), r#"a.b: Invalid value: "x\ny": must be z"#),
            (FieldError::invalid("a", 5, "must be less"), "a: Invalid value: 5: must be less"),
            (FieldError::invalid("a", json!({"b": 1}), "no"), r#"a: Invalid value: {"b":1}: no"#),
            (FieldError::required("a", ""), "a: Required value"),
            (FieldError::required("a", "name it"), "a: Required value: name it"),
            (
                FieldError::not_supported("a", "x", &["b", "c"]),
                r#"a: Unsupported value: "x": supported values: "b", "c""#,
            ),
            (FieldError::forbidden("a", "not now"), "a: Forbidden: not now"),
            (FieldError::duplicate("a[1]", "x"), r#"a[1]: Duplicate value: "x""#),
            (FieldError::too_long("a", 63), "a: Too long: may not be more than 63 bytes"),
            (FieldError::too_many("a", 5, 3), "a: Too many: 5: must have at most 3 items"),
            (FieldError::not_found("a", "x"), r#"a: Not found: "x""#),
            (
                FieldError::type_invalid("b", 1, "must be a string").under("a"),
                "a.b: Invalid value: 1: must be a string",
            ),
            (FieldError::required("[0]", "").under("a"), "a[0]: Required value"),
        ] {
            assert_eq!(error.to_string(), expect);
        }
    }

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        for (number, expect) in [
            (json!(1_000_000), "1000000"),
            (json!(1.0), "1"),
            (json!(1.5), "1.5"),
            (json!(123456.5), "123456.5"),
            (json!(1e6), "1e+06"),
            (json!(1234567.5), "1.2345675e+06"),
            (json!(0.0001), "0.0001"),
            (json!(0.00001), "1e-05"),
            (json!(-2.5e300), "-2.5e+300"),
        ] {
            let Value::Number(number) = number else { unreachable!() };
            assert_eq!(go_number(&number), expect);
        }
    }

    #[test]
    fn a_huge_value_is_cut() {
        let error = FieldError::invalid("a", "é".repeat(100_000), "too much");
        assert!(error.to_string().len() < MAX_VALUE_SHOWN_BYTES + 100);
    }
}
