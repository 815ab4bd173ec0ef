//! The live checklist of an import: conditions of the management Cluster as they turn true.
use std::io::{IsTerminal as _, Write as _};

use serde_json::Value;

/// Longest line on a terminal: a longer one would take two, and redrawing in place would go wrong.
const SHOWN_CHARACTERS: usize = 100;

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    kind: String,
    is_true: bool,
    message: String,
}

/// The conditions of a Cluster in the order they are kept. What several of them wait for is told once.
pub(crate) fn items(cluster: &Value) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for condition in cluster["status"]["conditions"].as_array().into_iter().flatten() {
        let mut item = Item {
            kind: condition["type"].as_str().unwrap_or_default().to_owned(),
            is_true: condition["status"] == "True",
            message: condition["message"].as_str().unwrap_or_default().to_owned(),
        };
        if items.iter().any(|earlier| !earlier.is_true && earlier.message == item.message) {
            item.message.clear();
        }
        items.push(item);
    }
    items
}

/// Whether the cluster is ready.
pub(crate) fn is_ready(cluster: &Value) -> bool {
    items(cluster).iter().any(|item| item.kind == "Ready" && item.is_true)
}

/// Draws the list on standard error: in place on a terminal, else one line a change.
#[derive(Default)]
pub(crate) struct Checklist {
    shown: Vec<Item>,
    lines: usize,
}

impl Checklist {
    pub(crate) fn show(&mut self, cluster: &Value) {
        let items = items(cluster);
        if items == self.shown {
            return;
        }
        if std::io::stderr().is_terminal() {
            self.redraw(&items);
        } else {
            for item in items.iter().filter(|item| !self.shown.contains(item)) {
                eprintln!("{}", line(item, usize::MAX));
            }
        }
        self.shown = items;
    }
    /// The first thing that is still false: what follows it waits for it.
    pub(crate) fn waiting_for(&self) -> String {
        let open = self.shown.iter().find(|item| !item.is_true);
        open.map_or_else(|| "its first condition".into(), |item| format!("{} ({})", item.kind, item.message))
    }
    fn redraw(&mut self, items: &[Item]) {
        let mut text = String::new();
        if self.lines > 0 {
            text.push_str(&format!("\x1b[{}A\x1b[J", self.lines));
        }
        for item in items {
            text.push_str(&line(item, SHOWN_CHARACTERS));
            text.push('\n');
        }
        self.lines = items.len();
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// An item on one line of at most `limit` characters.
fn line(item: &Item, limit: usize) -> String {
    let mark = if item.is_true { "[x]" } else { "[ ]" };
    let text = if item.is_true || item.message.is_empty() {
        format!("{mark} {}", item.kind)
    } else {
        format!("{mark} {}: {}", item.kind, item.message)
    };
    let text: String = text.chars().map(|symbol| if symbol.is_control() { ' ' } else { symbol }).collect();
    match text.char_indices().nth(limit) {
        Some((end, _)) => {
            let end = text[..end].char_indices().next_back().map_or(end, |(last, _)| last);
            format!("{}…", &text[..end])
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_become_lines() {
        let cluster = json!({"status": {"conditions": [
            {"type": "Connected", "status": "True", "message": "ignored"},
            {"type": "Ready", "status": "False", "message": "the API\nis not reached"},
        ]}});
        let lines: Vec<String> = items(&cluster).iter().map(|item| line(item, usize::MAX)).collect();
        assert_eq!(lines, ["[x] Connected", "[ ] Ready: the API is not reached"]);
        assert_eq!(line(&items(&cluster)[1], 16), "[ ] Ready: the …");
        assert!(!is_ready(&cluster));
    }

    #[test]
    fn what_several_wait_for_is_told_once() {
        let cluster = json!({"status": {"conditions": [
            {"type": "Connected", "status": "False", "message": "no agent"},
            {"type": "Updated", "status": "Unknown", "message": "no agent"},
            {"type": "Ready", "status": "Unknown", "message": "no version"},
        ]}});
        let lines: Vec<String> = items(&cluster).iter().map(|item| line(item, usize::MAX)).collect();
        assert_eq!(lines, ["[ ] Connected: no agent", "[ ] Updated", "[ ] Ready: no version"]);
    }
}
