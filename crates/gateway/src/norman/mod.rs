//! Rancher's `/v3` (Norman) shapes where clients need them: thin translations of the management API, asked for as the
//! person, so that its authorizer decides.
pub(crate) mod clusters;
pub(crate) mod login;
pub(crate) mod registration;
pub(crate) mod settings;
pub(crate) mod tokens;
pub(crate) mod users;

use serde_json::{Map, Value, json};

use crate::front::Front;

/// Most entries of a collection (Rancher's default limit).
const MAX_COLLECTION: usize = 1000;

/// A collection in Norman's form; longer ones are cut and say so.
pub(crate) fn collection(front: &Front, kind: &str, path: &str, mut data: Vec<Value>) -> Value {
    let url = front.server_url().join(path);
    let total = data.len();
    data.truncate(MAX_COLLECTION);
    json!({
        "type": "collection",
        "resourceType": kind,
        "links": {"self": url},
        "createTypes": {kind: url},
        "actions": {},
        "pagination": {"limit": MAX_COLLECTION, "total": total, "partial": total > MAX_COLLECTION},
        "sort": {"order": "asc"},
        "filters": {},
        "data": data,
    })
}

/// The fields every Norman resource has, from an object's metadata.
pub(crate) fn resource(
    front: &Front,
    kind: &str,
    id: &str,
    path: &str,
    object: &Value,
) -> Map<String, Value> {
    let metadata = &object["metadata"];
    let url = front.server_url().join(path);
    let created = metadata["creationTimestamp"].as_str().unwrap_or_default();
    let created_ms = created.parse::<jiff::Timestamp>().map(|at| at.as_millisecond()).ok();
    let mut fields = Map::new();
    fields.insert("id".into(), json!(id));
    fields.insert("type".into(), json!(kind));
    fields.insert("baseType".into(), json!(kind));
    fields.insert("name".into(), metadata["name"].clone());
    fields.insert("uuid".into(), metadata["uid"].clone());
    fields.insert("created".into(), json!(created));
    fields.insert("createdTS".into(), json!(created_ms));
    fields.insert("creatorId".into(), metadata["annotations"]["field.cattle.io/creatorId"].clone());
    fields.insert("labels".into(), object_or_empty(&metadata["labels"]));
    fields.insert("annotations".into(), object_or_empty(&metadata["annotations"]));
    fields.insert("links".into(), json!({"self": url, "remove": url}));
    fields.insert("actions".into(), json!({}));
    fields
}

fn object_or_empty(value: &Value) -> Value {
    if value.is_object() { value.clone() } else { json!({}) }
}
