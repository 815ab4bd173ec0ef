//! The few settings that agents and clients ask for.
use grange_apimachinery::Status;
use http::Response;
use serde_json::json;

use crate::{Body, dispatch::Call, respond};

pub(crate) fn get(call: &Call) -> Result<Response<Body>, Status> {
    let front = &call.front;
    let path = call.request.uri().path().trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or_default();
    let (value, source) = match name {
        "cacerts" => (front.ca.pem().to_owned(), "db"),
        "first-login" => (front.parts.identity.is_first_login().to_string(), "default"),
        "server-url" => (front.config.server_url.as_str().to_owned(), "env"),
        "server-version" => (front.config.version.clone(), "default"),
        _ => return Err(Status::not_found("management.cattle.io", "settings", name)),
    };
    let url = front.config.server_url.join(&format!("/v3/settings/{name}"));
    Ok(respond::json_ok(&json!({
        "id": name,
        "type": "setting",
        "baseType": "setting",
        "name": name,
        "value": value,
        "default": "",
        "customized": source == "db",
        "source": source,
        "creatorId": null,
        "links": {"self": url},
    })))
}
