//! Checking a value, with the words of Kubernetes' OpenAPI validator and in its order.
//!
//! On an update, what did not change is not looked at again (Kubernetes calls that ratcheting): whoever tightens a
//! schema does not lock its objects up.

use std::cmp::Ordering::{Equal, Greater, Less};

use serde_json::{Map, Number, Value};

use super::{
    MAX_FINDINGS, Path,
    formats::{self, Format},
    lists,
    node::{Additional, Kind, Limits, Node},
};
use crate::{FieldError, field_error::go_number, status::quote};

/// Most steps of one validation: a value is looked at once for each subschema that applies to it, and once for each
/// entry of an enum it is compared with.
pub const MAX_VALIDATION_STEPS: u64 = 20_000_000;

/// Where Kubernetes puts errors that its validator gives no place.
const NOWHERE: &str = "<nil>";

/// What a validation found.
#[derive(Default)]
struct Findings {
    errors: Vec<FieldError>,
    /// How many checks a value passed; of several schemas that all fail, the one with most of these is told.
    matches: u64,
    steps: u64,
}

impl Findings {
    fn add(&mut self, error: FieldError) {
        if self.errors.len() < MAX_FINDINGS && !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Counts work; once there was too much of it, says so and nothing more is done.
    fn spend(&mut self, steps: u64) -> bool {
        let before = self.steps;
        self.steps = self.steps.saturating_add(steps);
        if before <= MAX_VALIDATION_STEPS && self.steps > MAX_VALIDATION_STEPS {
            let detail = format!("checking the object takes more than {MAX_VALIDATION_STEPS} steps");
            self.errors.push(FieldError::forbidden(NOWHERE, detail));
        }
        self.steps <= MAX_VALIDATION_STEPS
    }

    /// The findings of a subschema, apart.
    fn apart(&mut self, check: impl FnOnce(&mut Findings)) -> Findings {
        let mut inner = Findings { steps: self.steps, ..Findings::default() };
        check(&mut inner);
        self.steps = inner.steps;
        inner
    }

    fn merge(&mut self, other: Findings) {
        self.matches += other.matches;
        other.errors.into_iter().for_each(|error| self.add(error));
    }
}

/// Checks a whole value; `old` is what stood in its place before.
pub(super) fn check(node: &Node, value: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut found = Findings::default();
    validate(node, value, old, &Path::Root, &mut found);
    found.errors
}

fn validate(node: &Node, value: &Value, old: Option<&Value>, path: &Path<'_>, found: &mut Findings) {
    if old != Some(value) {
        changed(node, value, old, path, found);
    }
}

fn changed(node: &Node, value: &Value, old: Option<&Value>, path: &Path<'_>, found: &mut Findings) {
    if !found.spend(1) {
        return;
    }
    check_type(node, value, path, found);
    if !value.is_null() {
        combinations(node, value, old, path, found);
    }
    match value {
        Value::String(text) => node.limits.check_string(text, path, found),
        Value::Number(number) => check_number(node, number, path, found),
        Value::Array(items) => check_list(node, items, old, path, found),
        _ => {}
    }
    check_enum(&node.limits, value, path, found);
    if let Value::Object(map) = value {
        check_object(node, map, old, path, found);
    }
    found.matches += 2;
}

fn check_type(node: &Node, value: &Value, path: &Path<'_>, found: &mut Findings) {
    let wanted: &[Kind] = match (&node.kind, node.int_or_string) {
        (_, true) => &[Kind::Integer, Kind::String],
        (Some(kind), false) => std::slice::from_ref(kind),
        (None, false) => return,
    };
    let (seen, go_format) = match value {
        Value::Null if node.nullable => return,
        Value::Null => ("null", ""),
        Value::Bool(_) => ("boolean", ""),
        Value::Number(number) if number.is_f64() => ("number", "float64"),
        Value::Number(_) => ("integer", "int64"),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
    };
    let fits = Kind::of(value).is_some_and(|seen| wanted.iter().any(|kind| kind.accepts(seen)));
    if fits {
        found.matches += 1;
        return;
    }
    let (wanted, seen) = match node.limits.format {
        // Kubernetes compares formats first, except for strings and lists.
        Some(format) if !matches!(value, Value::Null | Value::String(_) | Value::Array(_)) => {
            (format.name().to_owned(), go_format)
        }
        _ => (wanted.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(","), seen),
    };
    // Kubernetes shows the type that was found in place of the value.
    let detail = format!("{} must be of type {wanted}: {}", place(path), quote(seen));
    found.add(FieldError::type_invalid(path.to_string(), seen, detail));
}

/// `anyOf`, `oneOf`, `allOf` and `not`.
fn combinations(node: &Node, value: &Value, old: Option<&Value>, path: &Path<'_>, found: &mut Findings) {
    let all = |schemas: &[Node], found: &mut Findings| -> Vec<Findings> {
        let check = |schema| found.apart(|inner| changed(schema, value, old, path, inner));
        schemas.iter().map(check).collect()
    };
    let fault = |detail: &str| {
        FieldError::invalid(NOWHERE, "", format!("{} must {detail}", quote(&path.to_string())))
    };
    if !node.any_of.is_empty() {
        let mut results = all(&node.any_of, found);
        match results.iter().position(|result| result.errors.is_empty()) {
            Some(first) => found.merge(results.swap_remove(first)),
            None => {
                found.add(fault("validate at least one schema (anyOf)"));
                found.merge(best(results));
            }
        }
    }
    if !node.one_of.is_empty() {
        let results = all(&node.one_of, found);
        match results.iter().filter(|result| result.errors.is_empty()).count() {
            1 => {
                results.into_iter().filter(|result| result.errors.is_empty()).for_each(|one| found.merge(one))
            }
            0 => {
                found.add(fault("validate one and only one schema (oneOf). Found none valid"));
                found.merge(best(results));
            }
            several => found.add(fault(&format!(
                "validate one and only one schema (oneOf). Found {several} valid alternatives"
            ))),
        }
    }
    if !node.all_of.is_empty() {
        let results = all(&node.all_of, found);
        let valid = results.iter().filter(|result| result.errors.is_empty()).count();
        results.into_iter().for_each(|result| found.merge(result));
        match valid {
            0 => found.add(fault("validate all the schemas (allOf). None validated")),
            valid if valid < node.all_of.len() => found.add(fault("validate all the schemas (allOf)")),
            _ => {}
        }
    }
    if let Some(not) = &node.not
        && found.apart(|inner| changed(not, value, old, path, inner)).errors.is_empty()
    {
        found.add(fault("not validate the schema (not)"));
    }
    found.matches += 1;
}

/// Of schemas that all fail, the first of those that came furthest.
fn best(results: Vec<Findings>) -> Findings {
    let furthest = results.iter().map(|result| result.matches).max().unwrap_or_default();
    results.into_iter().find(|result| result.matches == furthest).unwrap_or_default()
}

fn check_enum(limits: &Limits, value: &Value, path: &Path<'_>, found: &mut Findings) {
    let Some(options) = limits.options.as_ref().filter(|options| !options.is_empty()) else { return };
    if !found.spend(options.len() as u64) || options.iter().any(|option| is_same(option, value)) {
        return;
    }
    let texts: Vec<String> = options
        .iter()
        .map(|option| option.as_str().map_or_else(|| option.to_string(), str::to_owned))
        .collect();
    let supported: Vec<&str> = texts.iter().map(String::as_str).collect();
    found.add(FieldError::not_supported(path.to_string(), value.clone(), &supported));
}

/// Numbers are the same whether they are written as integers or not; null is never listed, as in Kubernetes.
fn is_same(option: &Value, value: &Value) -> bool {
    match (option, value) {
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Number(left), Value::Number(right)) => compare(left, right) == Equal,
        (left, right) => left == right,
    }
}

impl Limits {
    fn check_string(&self, text: &str, path: &Path<'_>, found: &mut Findings) {
        let fault = |detail: String| invalid(path, text, &detail);
        let mut length = None;
        let mut count = || *length.get_or_insert_with(|| text.chars().count() as i64);
        let error = if let Some(limit) = self.max_length.filter(|limit| count() > *limit) {
            Some(FieldError::too_long(path.to_string(), usize::try_from(limit).unwrap_or_default()))
        } else if let Some(limit) = self.min_length.filter(|limit| count() < *limit) {
            Some(fault(format!("should be at least {limit} chars long")))
        } else {
            let pattern = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text));
            pattern.map(|pattern| fault(format!("should match '{pattern}'")))
        };
        error.into_iter().for_each(|error| found.add(error));
        if let Some(format) = self.format.filter(|format| !formats::fits(*format, text)) {
            let detail = format!("{} must be of type {}: {}", place(path), format.name(), quote(text));
            found.add(FieldError::type_invalid(path.to_string(), text, detail));
        }
    }
}

fn check_number(node: &Node, number: &Number, path: &Path<'_>, found: &mut Findings) {
    let limits = &node.limits;
    check_range(node, "Checked", number, path, found);
    if let Some(step) = &limits.multiple_of {
        check_range(node, "MultipleOf", step, path, found);
        let step = alike(step, number);
        let shown = go_number(&step);
        match is_multiple(number, &step) {
            Some(true) => {}
            Some(false) => {
                found.add(invalid(path, number.clone(), &format!("should be a multiple of {shown}")))
            }
            None => {
                let detail = format!("factor MultipleOf declared for {path} must be positive: {shown}");
                found.add(FieldError::invalid(path.to_string(), step, detail));
            }
        }
    }
    for (limit, what, exclusive, words, outside) in [
        (&limits.minimum, "Minimum boundary", limits.exclusive_minimum, "greater than", Less),
        (&limits.maximum, "Maximum boundary", limits.exclusive_maximum, "less than", Greater),
    ] {
        let Some(limit) = limit else { continue };
        check_range(node, what, limit, path, found);
        let limit = alike(limit, number);
        let order = compare(number, &limit);
        if order == outside || (exclusive && order == Equal) {
            let or_equal = if exclusive { "" } else { " or equal to" };
            let detail = format!("should be {words}{or_equal} {}", go_number(&limit));
            found.add(invalid(path, number.clone(), &detail));
        }
    }
    found.matches += 1;
}

/// Whether a number fits the type it is declared to have.
fn check_range(node: &Node, what: &str, number: &Number, path: &Path<'_>, found: &mut Findings) {
    if node.kind != Some(Kind::Integer) || node.int_or_string {
        return;
    }
    let fits = match node.limits.format {
        Some(Format::Int32) => integer(number).is_some_and(|number| i32::try_from(number).is_ok()),
        _ => integer(number).is_some(),
    };
    if !fits {
        let format = match node.limits.format {
            Some(format) => format!("with format {}", format.name()),
            None => "(default format)".to_owned(),
        };
        let detail = format!("{what} value must be of type integer {format} in {path}");
        found.add(FieldError::invalid(NOWHERE, "", detail));
    }
}

/// A bound as it is compared with a number: with an integer as one, cut off, otherwise as a double.
fn alike(bound: &Number, number: &Number) -> Number {
    // Kubernetes keeps bounds as doubles. The cast saturates.
    let double = bound.as_f64().unwrap_or_default();
    match number.is_i64() {
        true => Number::from(double as i64),
        false => Number::from_f64(double).unwrap_or_else(|| bound.clone()),
    }
}

fn check_list(node: &Node, items: &[Value], old: Option<&Value>, path: &Path<'_>, found: &mut Findings) {
    if let Some(schema) = &node.items {
        let before = lists::Correlated::new(node, old);
        for (index, item) in items.iter().enumerate() {
            validate(schema, item, before.partner(item), &Path::Index(path, index), found);
        }
    }
    let count = items.len() as i64;
    if let Some(limit) = node.limits.min_items.filter(|limit| count < *limit) {
        found.add(invalid(path, count, &format!("should have at least {limit} items")));
    }
    if let Some(limit) = node.limits.max_items.filter(|limit| count > *limit) {
        found.add(FieldError::too_many(
            path.to_string(),
            items.len(),
            usize::try_from(limit).unwrap_or_default(),
        ));
    }
    if node.limits.unique_items {
        let mut seen = std::collections::HashSet::new();
        if !items.iter().all(|item| seen.insert(item.to_string())) {
            found.add(invalid(path, "", "shouldn't contain duplicates"));
        }
    }
    found.matches += 1;
}

fn check_object(
    node: &Node,
    map: &Map<String, Value>,
    old: Option<&Value>,
    path: &Path<'_>,
    found: &mut Findings,
) {
    let count = map.len() as i64;
    if let Some(limit) = node.limits.min_properties.filter(|limit| count < *limit) {
        found.add(invalid(path, count, &format!("should have at least {limit} properties")));
    }
    if let Some(limit) = node.limits.max_properties.filter(|limit| count > *limit) {
        found.add(FieldError::too_many(
            path.to_string(),
            map.len(),
            usize::try_from(limit).unwrap_or_default(),
        ));
    }
    // Whether a key was there before counts only where keys are things of their own.
    let old = old.and_then(Value::as_object).filter(|_| !node.atomic_map);
    let before = |key: &str| old.and_then(|old| old.get(key));
    if let Additional::Schema(schema) = &node.additional {
        for (key, value) in map.iter().filter(|(key, _)| !node.properties.contains_key(*key)) {
            validate(schema, value, before(key), &Path::Key(path, key), found);
        }
    }
    for (key, schema) in &node.properties {
        if let Some(value) = map.get(key) {
            validate(schema, value, before(key), &Path::Key(path, key), found);
        }
    }
    for key in node.required.iter().filter(|key| !map.contains_key(*key)) {
        found.add(FieldError::required(Path::Key(path, key).to_string(), ""));
    }
}

fn invalid(path: &Path<'_>, value: impl Into<Value>, detail: &str) -> FieldError {
    FieldError::invalid(path.to_string(), value, format!("{} {detail}", place(path)))
}

/// How the validator names a place in its sentences.
fn place(path: &Path<'_>) -> String {
    format!("{path} in body")
}

/// The number as an integer, if it is one that fits 64 bits.
fn integer(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let double = number.as_f64().filter(|_| number.is_f64())?;
        // The bounds are exact as doubles; the upper one is the first that does not fit.
        (double.fract() == 0.0
            && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&double))
        .then_some(double as i64)
    })
}

/// Integers exactly, everything else as doubles.
fn compare(left: &Number, right: &Number) -> std::cmp::Ordering {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.as_f64().unwrap_or_default().total_cmp(&right.as_f64().unwrap_or_default()),
    }
}

/// `None` if there are no multiples of the step.
fn is_multiple(number: &Number, step: &Number) -> Option<bool> {
    if let (Some(number), Some(step)) = (number.as_i64(), step.as_i64()) {
        return (step > 0).then(|| number % step == 0);
    }
    let factor = step.as_f64().filter(|factor| *factor > 0.0)?;
    let number = number.as_f64().unwrap_or_default();
    let quotient = if factor < 1.0 { 1.0 / factor * number } else { number / factor };
    Some((quotient - quotient.round()).abs() < 1e-9)
}
