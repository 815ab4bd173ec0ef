//! `meta.k8s.io/v1` Tables: columns and their cells, with the ages that kubectl shows.

use jiff::Timestamp;
use serde_json::Value;

pub use crate::jsonpath::JsonPath;

/// One column of a resource's table.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean`, `date`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A format of the type, such as `date-time`; for clients, it changes nothing here.
    #[serde(default)]
    pub format: String,
    /// What it shows.
    #[serde(default)]
    pub description: String,
    /// 0 is always shown; more only with `-o wide`.
    #[serde(default)]
    pub priority: i32,
    /// Kubernetes' JSONPath, such as `.status.phase` or `.status.conditions[?(@.type=="Ready")].status`.
    pub json_path: String,
}

impl Column {
    /// A column shown always.
    pub fn new(name: &str, kind: &str, json_path: &str) -> Self {
        Column {
            name: name.into(),
            kind: kind.into(),
            format: String::new(),
            description: String::new(),
            priority: 0,
            json_path: json_path.into(),
        }
    }
    /// The same with a priority.
    pub fn wide(mut self) -> Self {
        self.priority = 1;
        self
    }
}

/// The cell of a column for an object: dates as ages (`5m`, `3d2h`, as kubectl prints), absent or of another type as
/// `null`. Of several matches the first is shown; a list or object in a `string` column appears as JSON, as in Kubernetes.
pub fn cell(column: &Column, path: &JsonPath, object: &Value, now: Timestamp) -> Value {
    match (column.kind.as_str(), path.first(object)) {
        (_, None | Some(Value::Null)) => Value::Null,
        ("string" | "timestamp", Some(text @ Value::String(_))) => text.clone(),
        ("string", Some(other)) => Value::String(other.to_string()),
        ("integer", Some(Value::Number(number))) => match number.as_f64() {
            // The cast saturates, and cuts the fraction off, as Kubernetes does.
            Some(double) if number.is_f64() => Value::from(double as i64),
            _ => Value::Number(number.clone()),
        },
        ("number", Some(number @ Value::Number(_))) => number.clone(),
        ("boolean", Some(flag @ Value::Bool(_))) => flag.clone(),
        ("date", Some(Value::String(text))) => Value::String(age(text, now)),
        _ => Value::Null,
    }
}

/// The age of an RFC 3339 time as kubectl prints it; `<invalid>` if it is no time or lies in the future.
pub fn age(time: &str, now: Timestamp) -> String {
    match crate::time::parse(time) {
        Some(time) => human_duration((now - time).total(jiff::Unit::Millisecond).unwrap_or(f64::NAN)),
        None => INVALID.to_owned(),
    }
}

const INVALID: &str = "<invalid>";

/// A duration in at most two units, the fewer the longer it is. Clocks may differ by up to two seconds.
fn human_duration(milliseconds: f64) -> String {
    if milliseconds.is_nan() || milliseconds <= -2000.0 {
        return INVALID.to_owned();
    }
    let seconds = milliseconds.max(0.0) as u64 / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    match seconds {
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two_units(minutes, "m", seconds % 60, "s"),
        _ if minutes < 3 * 60 => format!("{minutes}m"),
        _ if hours < 8 => two_units(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if days < 8 => two_units(days, "d", hours % 24, "h"),
        _ if days < 2 * 365 => format!("{days}d"),
        _ if days < 8 * 365 => two_units(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

fn two_units(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit}{small}{small_unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ages_are_those_of_kubectl() {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        let now = crate::time::parse("2030-01-01T00:00:00Z").unwrap();
        for (seconds, expect) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (5 * MINUTE + 30, "5m30s"),
            (10 * MINUTE - 1, "9m59s"),
            (10 * MINUTE + 30, "10m"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 25 * MINUTE, "3h25m"),
            (8 * HOUR - 1, "7h59m"),
            (8 * HOUR + 30 * MINUTE, "8h"),
            (2 * DAY - 1, "47h"),
            (2 * DAY, "2d"),
            (2 * DAY + 5 * HOUR, "2d5h"),
            (8 * DAY + 5 * HOUR, "8d"),
            (729 * DAY, "729d"),
            (730 * DAY, "2y"),
            (3 * 365 * DAY + 40 * DAY, "3y40d"),
            (8 * 365 * DAY + 40 * DAY, "8y"),
        ] {
            let time = Timestamp::from_second(now.as_second() - seconds).unwrap();
            assert_eq!(age(&crate::time::rfc3339(time), now), expect);
        }
        assert_eq!(age("soon", now), "<invalid>");
    }

    #[test]
    fn cells_have_the_type_of_their_column() {
        let now = crate::time::parse("2030-01-01T00:00:00Z").unwrap();
        let object = json!({"s": "x", "i": 5, "f": 1.9, "b": true, "l": ["a", 1], "n": null, "t": "2029-12-31T23:59:00Z"});
        for (kind, path, expect) in [
            ("string", ".s", json!("x")),
            ("string", ".i", json!("5")),
            ("string", ".l", json!("[\"a\",1]")),
            ("string", ".l[*]", json!("a")),
            ("string", ".n", json!(null)),
            ("string", ".none", json!(null)),
            ("integer", ".i", json!(5)),
            ("integer", ".f", json!(1)),
            ("integer", ".s", json!(null)),
            ("number", ".f", json!(1.9)),
            ("boolean", ".b", json!(true)),
            ("boolean", ".s", json!(null)),
            ("date", ".t", json!("60s")),
            ("date", ".s", json!("<invalid>")),
            ("date", ".none", json!(null)),
        ] {
            let column = Column::new("X", kind, path);
            assert_eq!(
                cell(&column, &JsonPath::compile(path).unwrap(), &object, now),
                expect,
                "{kind} {path}"
            );
        }
    }
}
