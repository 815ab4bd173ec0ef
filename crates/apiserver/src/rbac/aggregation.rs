//! Aggregated cluster roles: `aggregationRule` collects the rules of the cluster roles its selectors match.
use std::collections::BTreeMap;

use grange_apimachinery::{Object, Value};
use grange_rbac::{AggregationRule, LabelledRole, PolicyRule, aggregate};
use grange_store::{Entry, ListRequest, StoreError};

use super::GROUP;
use crate::{controller::keep_running, server::Inner, write};

/// Keeps aggregated roles up to date.
pub(crate) async fn run_aggregation(inner: &Inner) {
    keep_running("role aggregation", || follow(inner)).await;
}

async fn follow(inner: &Inner) -> Result<(), StoreError> {
    let Ok(served) = inner.builtin(GROUP, "clusterroles") else { return Ok(()) };
    loop {
        let page = inner.store.list(ListRequest { prefix: &served.prefix, ..ListRequest::default() }).await?;
        let roles: Vec<Object> =
            page.entries.iter().filter_map(|entry: &Entry| served.entry_object(entry).ok()).collect();
        let labelled: Vec<Labelled> = roles.iter().map(Labelled::new).collect();
        let all: Vec<LabelledRole<'_>> = labelled.iter().map(Labelled::borrow).collect();
        for role in &roles {
            let Some(rules) = aggregated(role, &all) else { continue };
            let present = role.0.get("rules").cloned().unwrap_or_else(|| Value::Array(Vec::new()));
            if present != rules {
                let key = served.key("", role.name());
                write::mutate(inner, &served, &key, |object| {
                    object.0.insert("rules".into(), rules.clone());
                    true
                })
                .await?;
            }
        }
        let mut watch = inner.store.watch(&served.prefix, page.revision).await?;
        while watch.next().await?.events.is_empty() {}
    }
}

struct Labelled {
    name: String,
    labels: BTreeMap<String, String>,
    rules: Vec<PolicyRule>,
}

impl Labelled {
    fn new(role: &Object) -> Self {
        let labels = role.get(&["metadata", "labels"]).cloned().unwrap_or_default();
        Labelled {
            name: role.name().to_owned(),
            labels: serde_json::from_value(labels).unwrap_or_default(),
            rules: super::rules_of(role),
        }
    }
    fn borrow(&self) -> LabelledRole<'_> {
        LabelledRole { name: &self.name, labels: &self.labels, rules: &self.rules }
    }
}

/// The rules an aggregating role must have; `None` if it does not aggregate.
fn aggregated(role: &Object, all: &[LabelledRole<'_>]) -> Option<Value> {
    let aggregation = role.0.get("aggregationRule").filter(|rule| !rule.is_null())?;
    let aggregation: AggregationRule = serde_json::from_value(aggregation.clone()).ok()?;
    let rules = aggregate(role.name(), &aggregation, all).ok()?;
    serde_json::to_value(rules).ok()
}
