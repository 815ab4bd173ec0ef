//! `/v3/clusters`: Path A of the import (reference/import-and-tunnel 1.1), lists, kubeconfigs, removal.
use grange_apimachinery::{Reason, Status};
use grange_apiserver::UserInfo;
use grange_identity::{TokenKind, TokenRequest};
use grange_settings::definition::KUBECONFIG_TTL;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::login::{no_store, refusal};
use crate::{
    Body,
    dispatch::Call,
    front::Front,
    handlers::{LOCAL, ask},
    kubeconfig, respond,
};

const CLUSTERS: &str = "/apis/management.cattle.io/v3/clusters";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    labels: Map<String, Value>,
    #[serde(default)]
    annotations: Map<String, Value>,
    #[serde(default)]
    agent_env_vars: Vec<Value>,
}

/// `GET` and `POST /v3/clusters`.
pub(crate) async fn collection(mut call: Call) -> Result<Response<Body>, Status> {
    let user = call.person()?.user.clone();
    if call.request.method() == Method::POST {
        let form: Form = call.take_json().await?;
        let created = create(&call.front, &user, form).await?;
        return Ok(respond::json_with(StatusCode::CREATED, &to_norman(&call.front, &created)));
    }
    let list = ask(&call.front, &user, Method::GET, CLUSTERS, None).await?;
    let wanted = call.query("name");
    let data = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| to_norman(&call.front, item))
        .filter(|item| wanted.as_deref().is_none_or(|name| item["name"] == name))
        .collect();
    Ok(respond::json_ok(&super::collection(&call.front, "cluster", "/v3/clusters", data)))
}

/// `GET`, `DELETE` and actions of one cluster.
pub(crate) async fn one(call: Call) -> Result<Response<Body>, Status> {
    let person = call.person()?.clone();
    let id = call.rest().to_owned();
    let path = format!("{CLUSTERS}/{}", name_segment(&id)?);
    let front = &call.front;
    if call.request.method() == Method::DELETE {
        let cluster = ask(front, &person.user, Method::GET, &path, None).await?;
        ask(front, &person.user, Method::DELETE, &path, None).await?;
        let mut answer = to_norman(front, &cluster);
        answer["state"] = json!("removing");
        return Ok(respond::json_ok(&answer));
    }
    let is_action = call.request.method() == Method::POST;
    // The management API is reached like a cluster, and everybody who may ask at all may reach it.
    let cluster = if is_action && id == LOCAL {
        json!({"metadata": {"name": LOCAL}})
    } else {
        ask(front, &person.user, Method::GET, &path, None).await?
    };
    if !is_action {
        return Ok(respond::json_ok(&to_norman(front, &cluster)));
    }
    match call.query("action").as_deref() {
        Some("generateKubeconfig") => {
            let name = display_name(&cluster);
            let request = TokenRequest {
                user_id: &person.user_id,
                kind: TokenKind::Kubeconfig,
                ttl: front.parts.settings.duration(KUBECONFIG_TTL),
                description: &format!("Kubeconfig of {name}"),
            };
            let token = front.parts.identity.issue(request).await.map_err(refusal)?;
            let server = front.server_url().join(&format!("/k8s/clusters/{id}"));
            let config = kubeconfig(name, &server, &front.ca, &person.user_id, &token.credential);
            let mut response = respond::json_ok(&json!({
                "type": "generateKubeconfigOutput", "baseType": "generateKubeConfigOutput", "config": config,
            }));
            no_store(&mut response);
            Ok(response)
        }
        _ => Err(Status::new(404, Reason::NotFound, "the action is generateKubeconfig")),
    }
}

async fn create(front: &Front, user: &UserInfo, form: Form) -> Result<Value, Status> {
    if form.name.trim().is_empty() {
        return Err(Status::new(422, Reason::Invalid, "name: a cluster needs a name"));
    }
    // Compared and created under one lock, so that two requests cannot take the same name.
    let _names = front.cluster_names.lock().await;
    let list = ask(front, &UserInfo::loopback(), Method::GET, CLUSTERS, None).await?;
    let is_taken = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|item| display_name(item).to_lowercase() == form.name.to_lowercase());
    if is_taken {
        let message = format!("name: a cluster named {:?} exists already", form.name);
        return Err(Status::new(422, Reason::Invalid, message));
    }
    let Form { name, description, mut labels, mut annotations, agent_env_vars } = form;
    labels.insert("cattle.io/creator".into(), json!("norman"));
    annotations.insert("field.cattle.io/creatorId".into(), json!(user.username));
    if !description.is_empty() {
        annotations.entry("field.cattle.io/description").or_insert_with(|| json!(description));
    }
    let object = json!({
        "apiVersion": "management.cattle.io/v3",
        "kind": "Cluster",
        "metadata": {"generateName": "c-", "labels": labels, "annotations": annotations},
        "spec": {
            "displayName": name,
            "description": description,
            "agentEnvVars": agent_env_vars,
            "fleetWorkspaceName": "fleet-default",
        },
    });
    ask(front, user, Method::POST, CLUSTERS, Some(&object)).await
}

fn display_name(cluster: &Value) -> &str {
    cluster["spec"]["displayName"]
        .as_str()
        .filter(|name| !name.is_empty())
        .or_else(|| cluster["metadata"]["name"].as_str())
        .unwrap_or_default()
}

/// A name that may stand in a path.
pub(super) fn name_segment(name: &str) -> Result<&str, Status> {
    let is_name = !name.is_empty()
        && name.len() <= 253
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
    if is_name { Ok(name) } else { Err(crate::handlers::cluster_not_found(name)) }
}

fn to_norman(front: &Front, cluster: &Value) -> Value {
    let id = cluster["metadata"]["name"].as_str().unwrap_or_default();
    let path = format!("/v3/clusters/{id}");
    let mut fields = super::resource(front, "cluster", id, &path, cluster);
    for part in ["spec", "status"] {
        for (key, value) in cluster[part].as_object().into_iter().flatten() {
            fields.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    fields.insert("name".into(), json!(display_name(cluster)));
    let url = front.server_url().join(&path);
    fields
        .insert("actions".into(), json!({"generateKubeconfig": format!("{url}?action=generateKubeconfig")}));
    let (state, transitioning, message) = state(cluster);
    fields.insert("state".into(), json!(state));
    fields.insert("transitioning".into(), json!(transitioning));
    fields.insert("transitioningMessage".into(), json!(message));
    Value::Object(fields)
}

/// One word and one sentence over all conditions (reference/import-and-tunnel 1.6).
fn state(cluster: &Value) -> (&'static str, &'static str, String) {
    let condition = |kind: &str| {
        let conditions = cluster["status"]["conditions"].as_array()?;
        conditions.iter().find(|condition| condition["type"] == kind)
    };
    let status = |kind: &str| condition(kind).and_then(|found| found["status"].as_str()).unwrap_or_default();
    let message = |kind: &str| {
        condition(kind).and_then(|found| found["message"].as_str()).unwrap_or_default().to_owned()
    };
    if !cluster["metadata"]["deletionTimestamp"].is_null() {
        return ("removing", "yes", message("Removed"));
    }
    if status("Ready") == "True" {
        return ("active", "no", String::new());
    }
    if status("Provisioned") == "True" {
        return ("unavailable", "error", message("Ready"));
    }
    (
        "pending",
        "yes",
        [message("Waiting"), message("Connected"), message("Ready")]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default(),
    )
}
