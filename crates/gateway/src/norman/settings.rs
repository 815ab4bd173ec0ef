//! `/v3/settings`: what is set, and setting it. The objects themselves are the management API's; here they are shown as
//! clients of Rancher know them.
use grange_apimachinery::{Reason, Status};
use grange_resources::management;
use grange_settings::{ServerUrl, Setting, definition::SERVER_URL};
use http::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::clusters::name_segment;
use crate::{Body, dispatch::Call, front::Front, handlers::ask, respond};

const PATH: &str = "/v3/settings";

#[derive(Deserialize)]
struct Form {
    value: String,
}

/// `GET /v3/settings`.
pub(crate) fn collection(call: &Call) -> Response<Body> {
    let front = &call.front;
    let all = front.parts.settings.all();
    let data = all.iter().map(|(name, setting)| to_norman(front, name, setting)).collect();
    respond::json_ok(&super::collection(front, "setting", PATH, data))
}

/// `GET` and `PUT /v3/settings/<name>`. With `?dryRun=All` a value is only checked, and the answer shows what it would
/// be.
pub(crate) async fn one(mut call: Call) -> Result<Response<Body>, Status> {
    let path = call.request.uri().path().trim_end_matches('/').to_owned();
    let name = path.rsplit('/').next().unwrap_or_default();
    if call.request.method() != Method::PUT {
        let setting = call.front.parts.settings.get(name);
        let setting = setting.ok_or_else(|| Status::not_found("management.cattle.io", "settings", name))?;
        return Ok(respond::json_ok(&to_norman(&call.front, name, &setting)));
    }
    let user = call.person()?.user.clone();
    let is_dry_run = match call.query("dryRun").as_deref() {
        None | Some("") => false,
        Some("All") => true,
        Some(_) => return Err(Status::new(422, Reason::Invalid, "dryRun: the only value is All")),
    };
    let form: Form = call.take_json().await?;
    let front = &call.front;
    let mut target = format!("/apis/management.cattle.io/v3/settings/{}", name_segment(name)?);
    if is_dry_run {
        target.push_str("?dryRun=All");
    }
    let patch = json!({"value": form.value});
    let stored = ask(front, &user, Method::PATCH, &target, Some(&patch)).await?;
    if is_dry_run {
        let text = |field: &str| stored[field].as_str().unwrap_or_default().to_owned();
        let (value, default) = (text("value"), text("default"));
        let value = if value.is_empty() { default.clone() } else { value };
        let customized = stored["customized"].as_bool().unwrap_or(false);
        let shown = Setting { value, default, customized, source: text("source"), ..Setting::default() };
        return Ok(respond::json_ok(&to_norman(front, name, &shown)));
    }
    // The watch brings it too, but whoever reads next must find what was just written.
    let object: management::Setting = serde_json::from_value(stored)
        .map_err(|error| Status::internal(format!("reading the stored setting: {error}")))?;
    front.parts.settings.apply(&object);
    let setting = front.parts.settings.get(name).unwrap_or_default();
    Ok(respond::json_ok(&to_norman(front, name, &setting)))
}

fn to_norman(front: &Front, name: &str, setting: &Setting) -> Value {
    let url = front.server_url().join(&format!("{PATH}/{name}"));
    let created = setting.created.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let mut shown = json!({
        "id": name,
        "type": "setting",
        "baseType": "setting",
        "name": name,
        "uuid": setting.uid,
        "value": setting.value,
        "default": setting.default,
        "customized": setting.customized,
        "source": setting.source,
        "created": setting.created,
        "createdTS": created.map(jiff::Timestamp::as_millisecond),
        "creatorId": null,
        "links": {"self": url},
    });
    if name == SERVER_URL
        && let Ok(address) = ServerUrl::parse(&setting.value)
    {
        let reach = address.reach();
        shown["reach"] = json!(reach.as_str());
        shown["warning"] = json!(reach.warning());
    }
    shown
}
