//! Rules that become too expensive.
use serde_json::{Value, json};

use super::{Probe, with_rules};

/// What evaluations cost: each is refused from some length on, the same on both sides.
pub(super) fn all() -> Vec<Probe> {
    [
        ("exists", "self.all(x, self.exists(y, x == y))"),
        ("all", "self.all(x, self.all(y, x + y >= 0))"),
        ("one", "self.all(x, self.exists_one(y, x == y))"),
        ("map filtered", "self.all(x, self.map(y, y > 100, x * y).size() >= 0)"),
        ("filter", "self.all(x, self.filter(y, y > x).size() >= 0)"),
        ("in", "self.all(x, x in self && x in self && x in self && x in self && x in self && x in self)"),
        ("equal", "self.all(x, self == self && self == self && self == self && self == self && self == self && self == self)"),
        ("two", "self.all(i, x, self.exists(j, y, x == y && i == j))"),
        ("sort", "self.sort().size() > 0 && self.distinct().size() > 0 && self.sort().size() > 0 && self.sort().size() > 0"),
        ("sets", "sets.contains(self, self) && sets.equivalent(self, self) && sets.equivalent(self, self)"),
        ("sum", "self.all(x, self.sum() > -1 && self.max() > -1 && self.indexOf(x) >= 0)"),
    ]
    .into_iter()
    .map(|(name, rule)| {
        let list = json!({"type": "array", "maxItems": 440, "items": {"type": "integer"}});
        let schema = with_rules(list, &[json!({"rule": rule, "message": "m"})]);
        let values: Vec<Value> =
            COSTLY_LENGTHS.iter().map(|length| json!((0..*length).collect::<Vec<i32>>())).collect();
        Probe { apart: true, ..Probe::new(format!("cost {name}"), schema, &values) }
    })
    .collect()
}

/// How long lists are whose rules become too expensive somewhere between.
const COSTLY_LENGTHS: &[i32] = &[200, 300, 440];
