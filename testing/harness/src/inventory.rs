//! Everything a cluster holds, found through discovery, so that "before" and "after" can be compared.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use serde_json::Value;

use crate::{Api, wait};

/// Objects that come and go by themselves and say nothing about what was installed.
const FLEETING: &[&str] = &["events", "leases"];
/// How long controllers may take to furnish a new namespace.
const FURNISHED_WITHIN: Duration = Duration::from_secs(60);

/// The names of all objects of all kinds that can be listed: `group/version/plural namespace/name`.
pub async fn inventory(api: &Api) -> Result<BTreeSet<String>> {
    wait::until("every namespace to be furnished", FURNISHED_WITHIN, async || {
        Ok(is_furnished(api).await?.then_some(()))
    })
    .await?;
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

/// Whether every namespace has what controllers put into each: until then a listing changes by itself.
async fn is_furnished(api: &Api) -> Result<bool> {
    let config_maps = api.get("/api/v1/configmaps?fieldSelector=metadata.name%3Dkube-root-ca.crt").await?;
    let accounts = api.get("/api/v1/serviceaccounts?fieldSelector=metadata.name%3Ddefault").await?;
    let namespaces = api.get("/api/v1/namespaces").await?;
    let has = |objects: &Value, namespace: &Value| {
        list(&objects["items"]).any(|object| object["metadata"]["namespace"] == namespace["metadata"]["name"])
    };
    Ok(list(&namespaces["items"])
        .filter(|namespace| namespace["status"]["phase"] == "Active")
        .all(|namespace| has(&config_maps, namespace) && has(&accounts, namespace)))
}
