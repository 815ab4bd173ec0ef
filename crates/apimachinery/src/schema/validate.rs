//! Checking a value, with the words of Kubernetes' OpenAPI validator.

use serde_json::{Number, Value};

use super::{
    MAX_FINDINGS, Path,
    node::{Format, Kind, Limits, Node},
};
use crate::{FieldError, status::quote};

pub(super) fn validate(node: &Node, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    if errors.len() >= MAX_FINDINGS || (value.is_null() && node.nullable) {
        return;
    }
    if let Some(error) = wrong_type(node, value, path) {
        errors.push(error);
        return;
    }
    node.limits.check(value, path, errors);
    match value {
        Value::Array(items) => {
            if let Some(schema) = &node.items {
                for (index, item) in items.iter().enumerate() {
                    validate(schema, item, &Path::Index(path, index), errors);
                }
            }
        }
        Value::Object(map) => {
            for key in node.required.iter().filter(|key| !map.contains_key(*key)) {
                errors.push(FieldError::required(Path::Key(path, key).to_string(), ""));
            }
            for (key, value) in map {
                if let Some(schema) = node.property(key) {
                    validate(schema, value, &Path::Key(path, key), errors);
                }
            }
        }
        _ => {}
    }
    combinations(node, value, path, errors);
}

fn wrong_type(node: &Node, value: &Value, path: &Path<'_>) -> Option<FieldError> {
    let found = Kind::of(value);
    let (fits, wanted) = match node.kind {
        _ if node.int_or_string => (matches!(found, Some(Kind::Integer | Kind::String)), "integer,string"),
        Some(kind) => (found.is_some_and(|found| kind.accepts(found)), kind.as_str()),
        None => return None,
    };
    if fits {
        return None;
    }
    // Kubernetes shows the type that was found in place of the value.
    let found = found.map_or("null", Kind::as_str);
    let detail = format!("{} must be of type {wanted}: {}", place(path), quote(found));
    Some(FieldError::type_invalid(path.to_string(), found, detail))
}

/// `allOf`, `anyOf`, `oneOf` and `not`.
fn combinations(node: &Node, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let fits = |schema: &Node| {
        let mut errors = Vec::new();
        validate(schema, value, path, &mut errors);
        errors.is_empty()
    };
    for schema in &node.all_of {
        validate(schema, value, path, errors);
    }
    let mut fault = |detail: &str| {
        let detail = format!("{} must {detail}", quote(&path.to_string()));
        errors.push(FieldError::invalid(path.to_string(), "", detail));
    };
    if !node.any_of.is_empty() && !node.any_of.iter().any(fits) {
        fault("validate at least one schema (anyOf)");
    }
    if !node.one_of.is_empty() {
        match node.one_of.iter().filter(|schema| fits(schema)).count() {
            1 => {}
            0 => fault("validate one and only one schema (oneOf). Found none valid"),
            several => fault(&format!(
                "validate one and only one schema (oneOf). Found {several} valid alternatives"
            )),
        }
    }
    if node.not.as_deref().is_some_and(fits) {
        fault("not validate the schema (not)");
    }
}

impl Limits {
    fn check(&self, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
        if let Some(options) = self.options.as_ref().filter(|options| !options.contains(value)) {
            let texts: Vec<String> = options
                .iter()
                .map(|option| option.as_str().map_or_else(|| option.to_string(), str::to_owned))
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            errors.push(FieldError::not_supported(path.to_string(), value.clone(), &texts));
        }
        match value {
            Value::String(text) => self.check_string(text, path, errors),
            Value::Number(number) => self.check_number(number, path, errors),
            Value::Array(items) => self.check_list(items, path, errors),
            Value::Object(map) => {
                let count = map.len();
                if let Some(limit) = self.max_properties.filter(|limit| count as u64 > *limit) {
                    errors.push(FieldError::too_many(path.to_string(), count, limit as usize));
                }
                if let Some(limit) = self.min_properties.filter(|limit| (count as u64) < *limit) {
                    errors.push(invalid(
                        path,
                        value.clone(),
                        &format!("should have at least {limit} properties"),
                    ));
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn check_string(&self, text: &str, path: &Path<'_>, errors: &mut Vec<FieldError>) {
        if self.min_length.is_some() || self.max_length.is_some() {
            let length = text.chars().count() as u64;
            if let Some(limit) = self.max_length.filter(|limit| length > *limit) {
                errors.push(FieldError::too_long(path.to_string(), limit as usize));
            }
            if let Some(limit) = self.min_length.filter(|limit| length < *limit) {
                errors.push(invalid(path, text, &format!("should be at least {limit} chars long")));
            }
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            errors.push(invalid(path, text, &format!("should match '{pattern}'")));
        }
        let (fits, name) = match self.format {
            None => return,
            Some(Format::DateTime) => (crate::time::parse(text).is_some(), "date-time"),
            Some(Format::Date) => (text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(), "date"),
            Some(Format::Byte) => (is_base64(text), "byte"),
        };
        if !fits {
            errors.push(invalid(path, text, &format!("must be of type {name}: {}", quote(text))));
        }
    }

    fn check_number(&self, number: &Number, path: &Path<'_>, errors: &mut Vec<FieldError>) {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let mut fault = |detail: String| errors.push(invalid(path, number.clone(), &detail));
        if let Some(limit) = &self.minimum {
            match (compare(number, limit), self.exclusive_minimum) {
                (Less | Equal, true) => fault(format!("should be greater than {limit}")),
                (Less, false) => fault(format!("should be greater than or equal to {limit}")),
                _ => {}
            }
        }
        if let Some(limit) = &self.maximum {
            match (compare(number, limit), self.exclusive_maximum) {
                (Greater | Equal, true) => fault(format!("should be less than {limit}")),
                (Greater, false) => fault(format!("should be less than or equal to {limit}")),
                _ => {}
            }
        }
        if let Some(step) = self.multiple_of.as_ref().filter(|step| !is_multiple(number, step)) {
            fault(format!("should be a multiple of {step}"));
        }
    }

    fn check_list(&self, items: &[Value], path: &Path<'_>, errors: &mut Vec<FieldError>) {
        let count = items.len();
        if let Some(limit) = self.max_items.filter(|limit| count as u64 > *limit) {
            errors.push(FieldError::too_many(path.to_string(), count, limit as usize));
        }
        if let Some(limit) = self.min_items.filter(|limit| (count as u64) < *limit) {
            errors.push(invalid(path, items.to_vec(), &format!("should have at least {limit} items")));
        }
        if self.unique_items {
            let mut seen = std::collections::HashSet::new();
            if !items.iter().all(|item| seen.insert(item.to_string())) {
                errors.push(invalid(path, items.to_vec(), "shouldn't contain duplicates"));
            }
        }
    }
}

fn invalid(path: &Path<'_>, value: impl Into<Value>, detail: &str) -> FieldError {
    FieldError::invalid(path.to_string(), value, format!("{} {detail}", place(path)))
}

/// How the validator names a place in its sentences.
fn place(path: &Path<'_>) -> String {
    match path {
        Path::Root => "body".to_owned(),
        path => format!("{path} in body"),
    }
}

/// Integers exactly, everything else as doubles.
fn compare(left: &Number, right: &Number) -> std::cmp::Ordering {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.as_f64().unwrap_or_default().total_cmp(&right.as_f64().unwrap_or_default()),
    }
}

fn is_multiple(number: &Number, step: &Number) -> bool {
    match (number.as_i128(), step.as_i128()) {
        (_, Some(0)) => true,
        (Some(number), Some(step)) => number % step == 0,
        _ => {
            let quotient = number.as_f64().unwrap_or_default() / step.as_f64().unwrap_or(1.0);
            (quotient - quotient.round()).abs() < 1e-9
        }
    }
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}
