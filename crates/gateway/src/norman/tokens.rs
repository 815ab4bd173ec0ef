//! Logging out, and tokens for scripts.
use std::time::Duration;

use grange_apimachinery::{Reason, Status};
use grange_identity::{TokenKind, TokenRequest};
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::login::{no_store, refusal};
use crate::{Body, credentials::COOKIE, dispatch::Call, respond};

/// Longest and default life of a token for scripts (Rancher's `auth-token-max-ttl-minutes`).
const MAX_TTL: Duration = Duration::from_secs(129_600 * 60);

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    description: String,
    #[serde(default)]
    ttl: u64,
}

/// Ends the session: cookie and stored token.
pub(crate) async fn logout(call: &Call) -> Result<Response<Body>, Status> {
    let token = call.person()?.token.clone();
    call.front.parts.identity.revoke(&token).await.map_err(refusal)?;
    let mut response = respond::empty(StatusCode::OK);
    let gone = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    if let Ok(gone) = HeaderValue::from_str(&gone) {
        response.headers_mut().insert(header::SET_COOKIE, gone);
    }
    Ok(response)
}

/// `POST /v3/tokens`, its `logout` actions, and the list of one's own.
pub(crate) async fn collection(mut call: Call) -> Result<Response<Body>, Status> {
    let identity = call.front.parts.identity.clone();
    let user_id = call.person()?.user_id.clone();
    if call.request.method() != Method::POST {
        let own = identity.tokens_of(&user_id);
        let data = own.into_iter().map(|name| json!({"id": name, "type": "token", "userId": &*user_id}));
        return Ok(respond::json_ok(&super::collection(&call.front, "token", "/v3/tokens", data.collect())));
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
    let wanted = if form.ttl == 0 { MAX_TTL } else { Duration::from_millis(form.ttl).min(MAX_TTL) };
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
    if !identity.tokens_of(&person.user_id).iter().any(|own| own == name) {
        return Err(Status::not_found("management.cattle.io", "tokens", name));
    }
    identity.revoke(name).await.map_err(refusal)?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}
