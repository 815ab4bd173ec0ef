//! KubeVirt's conditions: a list in which each kind is there at most once and keeps the time of its last change.

use grange_apimachinery::time;
use serde_json::{Value, json};

/// A condition to be.
pub(super) struct Condition {
    pub(super) kind: &'static str,
    pub(super) holds: bool,
    pub(super) reason: Option<&'static str>,
    pub(super) message: Option<String>,
}

impl Condition {
    pub(super) fn new(kind: &'static str, holds: bool) -> Self {
        Condition { kind, holds, reason: None, message: None }
    }
    pub(super) fn because(mut self, reason: &'static str, message: impl Into<String>) -> Self {
        self.reason = Some(reason);
        self.message = Some(message.into());
        self
    }
}

/// The list of these conditions, taking over from `before` the times of those that did not change.
pub(super) fn list(before: Option<&Value>, wanted: Vec<Condition>) -> Value {
    let before = before.and_then(Value::as_array);
    wanted
        .into_iter()
        .map(|condition| {
            let status = if condition.holds { "True" } else { "False" };
            let present = before.and_then(|list| list.iter().find(|entry| entry["type"] == condition.kind));
            let since = match present {
                Some(present) if present["status"] == status => present["lastTransitionTime"].clone(),
                _ => time::now().into(),
            };
            let mut entry = json!({
                "type": condition.kind, "status": status,
                "lastProbeTime": null, "lastTransitionTime": since,
            });
            if let Some(reason) = condition.reason {
                entry["reason"] = reason.into();
            }
            if let Some(message) = condition.message {
                entry["message"] = message.into();
            }
            entry
        })
        .collect()
}
