//! Everything a cluster holds, found through discovery, so that "before" and "after" can be compared.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use crate::Api;

/// Objects that come and go by themselves and say nothing about what was installed.
const FLEETING: &[&str] = &["events", "leases"];

/// The names of all objects of all kinds that can be listed: `group/version/plural namespace/name`.
pub async fn inventory(api: &Api) -> Result<BTreeSet<String>> {
    let mut groups = vec!["/api/v1".to_owned()];
    for group in list(&api.get("/apis").await?["groups"]) {
        if let Some(version) = group["preferredVersion"]["groupVersion"].as_str() {
            groups.push(format!("/apis/{version}"));
        }
    }
    let mut found = BTreeSet::new();
    for group in groups {
        for resource in list(&api.get(&group).await?["resources"]) {
            let name = resource["name"].as_str().unwrap_or_default();
            let listable = list(&resource["verbs"]).any(|verb| verb == "list");
            if !listable || name.contains('/') || FLEETING.contains(&name) {
                continue;
            }
            for object in list(&api.get(&format!("{group}/{name}")).await?["items"]) {
                let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
                found.insert(format!("{group}/{name} {}/{}", text("namespace"), text("name")));
            }
        }
    }
    Ok(found)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
