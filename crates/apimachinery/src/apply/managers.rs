//! `metadata.managedFields`: which manager owns which fields, in which version, since when.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::{Map, Value};

use super::{MAX_MANAGER_NAME_BYTES, MAX_SUBRESOURCE_BYTES, MAX_UPDATE_MANAGERS, set::FieldSet};
use crate::{FieldError, time};

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Server-side apply: says all it wants, each time.
    Apply,
    /// Anything else: changes what it wants to.
    Update,
}

impl Operation {
    /// The word in `managedFields`.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

/// What tells one entry from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManagerKey {
    /// The manager's name.
    pub manager: String,
    /// How it writes.
    pub operation: Operation,
    /// The version it writes; empty when it applies: then a new version replaces the old entry.
    pub api_version: String,
    /// The subresource it writes through, or empty.
    pub subresource: String,
}

/// What a manager owns.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// The fields.
    pub fields: FieldSet,
    /// The version the fields are named in.
    pub api_version: String,
    /// When it last changed something.
    pub time: Option<String>,
}

/// Why `managedFields` cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(String);

/// The name of the entry that takes up old updates.
const ANCIENT: &str = "ancient-changes";

/// All entries of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managers(pub BTreeMap<ManagerKey, Owned>);

impl Managers {
    /// Reads a list of entries; nothing is no entries.
    pub fn read(entries: Option<&Value>) -> Result<Self, ReadError> {
        let refuse = |why: String| Err(ReadError(why));
        let entries = match entries {
            None | Some(Value::Null) => return Ok(Managers::default()),
            Some(Value::Array(entries)) => entries,
            Some(_) => return refuse("managedFields must be a list".into()),
        };
        let mut managers = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let text = |field: &str| match entry.get(field) {
                None | Some(Value::Null) => Ok(""),
                Some(Value::String(text)) => Ok(text.as_str()),
                Some(_) => Err(ReadError(format!("managedFields[{index}].{field} must be a string"))),
            };
            let operation = match text("operation")? {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return refuse("operation must be `Apply` or `Update`".into()),
            };
            let api_version = text("apiVersion")?.to_owned();
            if api_version.is_empty() {
                return refuse("apiVersion must not be empty".into());
            }
            match text("fieldsType")? {
                "FieldsV1" => {}
                "" => return refuse(format!("missing fieldsType in managed fields entry {index}")),
                other => {
                    return refuse(format!(
                        "invalid fieldsType {} in managed fields entry {index}",
                        crate::status::quote(other)
                    ));
                }
            }
            let fields = match entry.get("fieldsV1") {
                None | Some(Value::Null) => FieldSet::default(),
                Some(value) => FieldSet::from_value(value)
                    .map_err(|why| ReadError(format!("managedFields[{index}].fieldsV1: {why}")))?,
            };
            let time = match text("time")? {
                "" => None,
                text => match time::parse(text) {
                    Some(moment) => Some(time::rfc3339(moment)),
                    None => return refuse(format!("managedFields[{index}].time is no RFC 3339 time")),
                },
            };
            let key = ManagerKey {
                manager: text("manager")?.to_owned(),
                operation,
                api_version: if operation == Operation::Apply { String::new() } else { api_version.clone() },
                subresource: text("subresource")?.to_owned(),
            };
            managers.insert(key, Owned { fields, api_version, time });
        }
        Ok(Managers(managers))
    }

    /// The list of entries: those that apply first, then by age; `None` when there are none.
    pub fn to_value(&self) -> Option<Value> {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by(|(own, owned), (theirs, other)| {
            let order = own.operation.cmp(&theirs.operation);
            order
                .then_with(|| by_time(owned, other))
                .then_with(|| own.manager.cmp(&theirs.manager))
                .then_with(|| owned.api_version.cmp(&other.api_version))
                .then_with(|| own.subresource.cmp(&theirs.subresource))
        });
        let entries: Vec<_> = entries.into_iter().map(|(key, owned)| entry(key, owned)).collect();
        (!entries.is_empty()).then_some(Value::Array(entries))
    }

    /// Merges the oldest entries of updates of each version into one, as long as there are too many.
    pub(super) fn cap(&mut self) {
        let mut updates: Vec<_> =
            self.0.iter().filter(|(key, _)| key.operation == Operation::Update).collect();
        let mut count = updates.len();
        if count <= MAX_UPDATE_MANAGERS {
            return;
        }
        updates.sort_by(|(own, owned), (theirs, other)| by_time(owned, other).then_with(|| own.cmp(theirs)));
        let updates: Vec<_> = updates.into_iter().map(|(key, _)| key.clone()).collect();
        let mut first: BTreeMap<String, ManagerKey> = BTreeMap::new();
        for key in updates {
            if count <= MAX_UPDATE_MANAGERS {
                return;
            }
            let Some(earlier) = first.get(&key.api_version) else {
                first.insert(key.api_version.clone(), key);
                continue;
            };
            let bucket = ManagerKey {
                manager: ANCIENT.into(),
                operation: Operation::Update,
                api_version: key.api_version.clone(),
                subresource: String::new(),
            };
            let Some(newer) = self.0.remove(&key) else { continue };
            let merged = match self.0.remove(&bucket).or_else(|| self.0.remove(earlier)) {
                Some(older) => Owned { fields: older.fields.union(&newer.fields), ..newer },
                None => newer,
            };
            self.0.insert(bucket, merged);
            count -= 1;
        }
    }
}

fn by_time(own: &Owned, theirs: &Owned) -> Ordering {
    let seconds =
        |owned: &Owned| owned.time.as_deref().and_then(time::parse).map_or(0, jiff::Timestamp::as_second);
    seconds(own).cmp(&seconds(theirs))
}

fn entry(key: &ManagerKey, owned: &Owned) -> Value {
    let mut entry = Map::new();
    let mut set = |name: &str, value: &str| {
        if !value.is_empty() {
            entry.insert(name.to_owned(), value.into());
        }
    };
    set("manager", &key.manager);
    set("operation", key.operation.as_str());
    set("apiVersion", &owned.api_version);
    set("time", owned.time.as_deref().unwrap_or_default());
    set("fieldsType", "FieldsV1");
    set("subresource", &key.subresource);
    entry.insert("fieldsV1".into(), owned.fields.to_value());
    Value::Object(entry)
}

/// Whether a client asks to forget all ownership: by an empty list, or by a list of one empty entry.
pub(super) fn is_reset(entries: Option<&Value>) -> bool {
    match entries {
        Some(Value::Array(entries)) => match entries.as_slice() {
            [] => true,
            [only] => only.as_object().is_some_and(|map| map.values().all(Value::is_null)),
            _ => false,
        },
        _ => false,
    }
}

/// Whether two lists of entries differ in nothing but times.
pub(super) fn equal_but_for_times(own: &Value, theirs: &Value) -> bool {
    let (Value::Array(own), Value::Array(theirs)) = (own, theirs) else { return false };
    own.len() == theirs.len()
        && own.iter().zip(theirs).all(|(own, theirs)| {
            let (Value::Object(own), Value::Object(theirs)) = (own, theirs) else { return false };
            let rest = |map: &Map<String, Value>| map.len() - usize::from(map.contains_key("time"));
            rest(own) == rest(theirs)
                && own.iter().all(|(key, value)| key == "time" || theirs.get(key) == Some(value))
        })
}

/// What is wrong with a manager's name.
pub fn validate_manager(field: &str, manager: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if manager.len() > MAX_MANAGER_NAME_BYTES {
        errors.push(FieldError::too_long(field, MAX_MANAGER_NAME_BYTES));
    }
    for (position, character) in manager.char_indices().filter(|(_, character)| !is_printable(*character)) {
        let detail = format!("invalid character U+{:04X} (at position {position})", u32::from(character));
        errors.push(FieldError::invalid(field, manager, detail));
    }
    errors
}

/// What is wrong with `metadata.managedFields`.
pub fn validate_managed_fields(entries: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (index, entry) in entries.as_array().into_iter().flatten().enumerate() {
        let at = |field: &str| format!("metadata.managedFields[{index}].{field}");
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        if !matches!(text("operation"), "Apply" | "Update") {
            errors.push(FieldError::invalid(
                at("operation"),
                text("operation"),
                "must be `Apply` or `Update`",
            ));
        }
        if !matches!(text("fieldsType"), "" | "FieldsV1") {
            errors.push(FieldError::invalid(at("fieldsType"), text("fieldsType"), "must be `FieldsV1`"));
        }
        errors.extend(validate_manager(&at("manager"), text("manager")));
        if text("subresource").len() > MAX_SUBRESOURCE_BYTES {
            errors.push(FieldError::too_long(at("subresource"), MAX_SUBRESOURCE_BYTES));
        }
    }
    errors
}

/// The manager's name that a `User-Agent` gives: what stands before the first slash, printable, not too long.
pub fn manager_of_user_agent(user_agent: &str) -> String {
    let mut name = String::new();
    for character in user_agent.split('/').next().unwrap_or_default().chars() {
        if !is_printable(character) {
            continue;
        }
        if name.len() + character.len_utf8() > MAX_MANAGER_NAME_BYTES {
            break;
        }
        name.push(character);
    }
    name
}

/// Go's `unicode.IsPrint`: letters, marks, digits, punctuation, symbols, and of spaces only the ordinary one.
fn is_printable(character: char) -> bool {
    match character {
        ' '..='~' => true,
        '\u{0300}'..='\u{036f}' => true,
        _ if character.is_whitespace() => false,
        _ => character.escape_debug().next() == Some(character),
    }
}
