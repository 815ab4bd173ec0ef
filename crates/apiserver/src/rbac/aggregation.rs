//! Aggregated cluster roles: `aggregationRule` collects the rules of the cluster roles its selectors match.
use grange_apimachinery::{Object, Value, selector::LabelSelector};
use grange_store::{Entry, ListRequest, StoreError};

use super::GROUP;
use crate::{limits::CONTROLLER_RETRY, server::Inner, write};

/// Keeps aggregated roles up to date.
pub(crate) async fn run_aggregation(inner: &Inner) {
    loop {
        if let Err(error) = follow(inner).await {
            tracing::warn!(%error, "role aggregation starts over");
        }
        tokio::time::sleep(CONTROLLER_RETRY).await;
    }
}

async fn follow(inner: &Inner) -> Result<(), StoreError> {
    let Ok(served) = inner.builtin(GROUP, "clusterroles") else { return Ok(()) };
    loop {
        let page = inner
            .store
            .list(ListRequest { prefix: &served.prefix, start_after: None, limit: 0, revision: None })
            .await?;
        let roles: Vec<Object> = page.entries.iter().filter_map(|entry: &Entry| served.entry_object(entry).ok()).collect();
        for role in &roles {
            let Some(rules) = aggregated(role, &roles) else { continue };
            if role.0.get("rules") != Some(&rules) {
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

/// The rules an aggregating role must have; `None` if it does not aggregate.
fn aggregated(role: &Object, roles: &[Object]) -> Option<Value> {
    let selectors: Vec<LabelSelector> = role
        .get(&["aggregationRule", "clusterRoleSelectors"])?
        .as_array()?
        .iter()
        .filter_map(|selector| LabelSelector::from_value(selector).ok())
        .collect();
    let mut rules: Vec<Value> = Vec::new();
    for other in roles.iter().filter(|other| other.name() != role.name()) {
        if selectors.iter().any(|selector| selector.matches(|key| other.label(key))) {
            for rule in other.0.get("rules").and_then(Value::as_array).into_iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    Some(Value::Array(rules))
}
