//! Logging out, and tokens for scripts.
use std::time::Duration;

use grange_apimachinery::{Reason, Status};
use grange_identity::{TokenKind, TokenRequest, TokenSummary};
use grange_settings::definition::TOKEN_MAX_TTL;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::login::{clear_cookies, no_store, refusal};
use crate::{Body, dispatch::Call, front::Front, respond};

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    description: String,
    #[serde(default)]
    ttl: u64,
}

/// Ends the session: cookies, stored token, open streams.
pub(crate) async fn logout(call: &Call) -> Result<Response<Body>, Status> {
    let token = call.person()?.token.clone();
    call.front.parts.identity.revoke(&token).await.map_err(refusal)?;
    let mut response = respond::empty(StatusCode::OK);
    clear_cookies(&mut response)?;
    Ok(response)
}

/// `POST /v3/tokens`, its `logout` actions, and the list of one's own.
pub(crate) async fn collection(mut call: Call) -> Result<Response<Body>, Status> {
    let identity = call.front.parts.identity.clone();
    let user_id = call.person()?.user_id.clone();
    if call.request.method() != Method::POST {
        let current = call.person()?.token.clone();
        let own = identity.tokens_of(&user_id);
        let data = own.iter().map(|token| to_norman(&call.front, token, &user_id, &current)).collect();
        return Ok(respond::json_ok(&super::collection(&call.front, "token", "/v3/tokens", data)));
    }
    match call.query("action").as_deref() {
        Some("logout") => return logout(&call).await,
        Some("logoutAll") => {
            identity.revoke_all(&user_id).await.map_err(refusal)?;
            return logout(&call).await;
        }
        Some(_) => return Err(Status::new(404, Reason::NotFound, "the actions are logout and logoutAll")),
        None => {}
    }
    let form: Form = call.take_json().await?;
    let longest = call.front.parts.settings.duration(TOKEN_MAX_TTL);
    let wanted = if form.ttl == 0 { longest } else { Duration::from_millis(form.ttl).min(longest) };
    let request =
        TokenRequest { user_id: &user_id, kind: TokenKind::Api, ttl: wanted, description: &form.description };
    let token = identity.issue(request).await.map_err(refusal)?;
    let mut response = respond::json_with(
        StatusCode::CREATED,
        &json!({
            "type": "token",
            "baseType": "token",
            "id": token.name,
            "name": token.name,
            "token": token.credential.expose(),
            "userId": &*user_id,
            "isDerived": true,
            "description": form.description,
            "ttl": u64::try_from(wanted.as_millis()).unwrap_or(u64::MAX),
            "expiresAt": token.expires_at,
        }),
    );
    no_store(&mut response);
    Ok(response)
}

/// `DELETE /v3/tokens/<id>`: one's own only; others' do not exist.
pub(crate) async fn delete(call: &Call) -> Result<Response<Body>, Status> {
    let person = call.person()?;
    let name = call.rest();
    let identity = &call.front.parts.identity;
    if name == &*person.token {
        return Err(Status::bad_request("this token made the request; use logout"));
    }
    if !identity.tokens_of(&person.user_id).iter().any(|own| own.name == name) {
        return Err(Status::not_found("management.cattle.io", "tokens", name));
    }
    identity.revoke(name).await.map_err(refusal)?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

fn to_norman(front: &Front, token: &TokenSummary, user_id: &str, current: &str) -> Value {
    let url = front.server_url().join(&format!("/v3/tokens/{}", token.name));
    let now = jiff::Timestamp::now();
    json!({
        "id": token.name,
        "type": "token",
        "baseType": "token",
        "name": token.name,
        "userId": user_id,
        "description": token.description,
        "labels": {"authn.management.cattle.io/kind": token.kind.as_str()},
        "isDerived": token.kind != TokenKind::Session,
        "current": token.name == current,
        "created": token.created,
        "createdTS": token.created.map(jiff::Timestamp::as_millisecond),
        "lastUsedAt": token.last_used_at,
        "expiresAt": token.expires_at,
        "expired": token.expires_at.is_some_and(|at| at <= now),
        "clusterId": token.cluster_name,
        "links": {"self": url, "remove": url},
    })
}
