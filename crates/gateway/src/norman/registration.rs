//! `/v3/clusterregistrationtokens`: the addresses a cluster joins by.
use grange_apimachinery::{Reason, Status};
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::clusters::name_segment;
use crate::{Body, dispatch::Call, front::Front, handlers::ask, respond};

const KIND: &str = "clusterRegistrationToken";
const PATH: &str = "/v3/clusterregistrationtokens";
/// The token every cluster has.
const DEFAULT_TOKEN: &str = "default-token";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    #[serde(default)]
    cluster_id: String,
    #[serde(default)]
    name: String,
}

/// `GET ?clusterId=` and `POST {clusterId}`.
pub(crate) async fn collection(mut call: Call) -> Result<Response<Body>, Status> {
    let user = call.person()?.user.clone();
    if call.request.method() == Method::POST {
        let form: Form = call.take_json().await?;
        if form.cluster_id.is_empty() {
            return Err(Status::new(422, Reason::Invalid, "clusterId: a registration token needs a cluster"));
        }
        let name = if form.name.is_empty() { DEFAULT_TOKEN } else { &form.name };
        let object = json!({
            "apiVersion": "management.cattle.io/v3",
            "kind": "ClusterRegistrationToken",
            "metadata": {"name": name, "namespace": form.cluster_id},
            "spec": {"clusterName": form.cluster_id},
        });
        let path = tokens_of(&form.cluster_id)?;
        let created = ask(&call.front, &user, Method::POST, &path, Some(&object)).await?;
        return Ok(respond::json_with(StatusCode::CREATED, &to_norman(&call.front, &created)));
    }
    let path = match call.query("clusterId") {
        Some(cluster) => tokens_of(&cluster)?,
        None => "/apis/management.cattle.io/v3/clusterregistrationtokens".to_owned(),
    };
    let list = ask(&call.front, &user, Method::GET, &path, None).await?;
    let data =
        list["items"].as_array().into_iter().flatten().map(|item| to_norman(&call.front, item)).collect();
    Ok(respond::json_ok(&super::collection(&call.front, KIND, PATH, data)))
}

/// `GET /v3/clusterregistrationtokens/<cluster>:<name>`.
pub(crate) async fn one(call: &Call) -> Result<Response<Body>, Status> {
    let id = crate::dispatch::percent_decode(call.rest());
    let Some((cluster, name)) = id.split_once(':') else {
        return Err(Status::not_found("management.cattle.io", "clusterregistrationtokens", &id));
    };
    let path = format!("{}/{}", tokens_of(cluster)?, name_segment(name)?);
    let user = &call.person()?.user;
    let token = ask(&call.front, user, Method::GET, &path, None).await?;
    Ok(respond::json_ok(&to_norman(&call.front, &token)))
}

fn tokens_of(cluster: &str) -> Result<String, Status> {
    let cluster = name_segment(cluster)?;
    Ok(format!("/apis/management.cattle.io/v3/namespaces/{cluster}/clusterregistrationtokens"))
}

fn to_norman(front: &Front, token: &Value) -> Value {
    let cluster = token["metadata"]["namespace"].as_str().unwrap_or_default();
    let name = token["metadata"]["name"].as_str().unwrap_or_default();
    let id = format!("{cluster}:{name}");
    let mut fields = super::resource(front, KIND, &id, &format!("/v3/clusterRegistrationTokens/{id}"), token);
    for (key, value) in token["status"].as_object().into_iter().flatten() {
        fields.entry(key.clone()).or_insert_with(|| value.clone());
    }
    fields.insert("clusterId".into(), json!(cluster));
    fields.insert("namespaceId".into(), Value::Null);
    fields.insert("state".into(), json!("active"));
    fields.insert("transitioning".into(), json!("no"));
    fields.insert("transitioningMessage".into(), json!(""));
    Value::Object(fields)
}
