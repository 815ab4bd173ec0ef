//! Logging in with name and password.
use grange_apimachinery::{Reason, Status};
use grange_identity::{Error, LoginRequest, Secret, TokenKind};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Body,
    credentials::{self, COOKIE, CSRF_COOKIE},
    dispatch::Call,
    respond,
};

/// The body; no `Debug`, it holds a password.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    #[serde(default, rename = "type")]
    provider: String,
    username: String,
    password: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    response_type: String,
}

pub(crate) async fn login(mut call: Call) -> Result<Response<Body>, Status> {
    let is_norman = call.request.uri().path().to_ascii_lowercase().starts_with("/v3-public");
    if is_norman && call.query("action").as_deref() != Some("login") {
        return Err(Status::new(404, Reason::NotFound, "the action is login"));
    }
    let form: Form = call.take_json().await?;
    if !matches!(form.provider.as_str(), "" | "localProvider" | "local") {
        return Err(Status::new(422, Reason::Invalid, "type: the only provider is localProvider"));
    }
    let kind = match form.response_type.as_str() {
        "" | "json" | "cookie" => TokenKind::Session,
        other if other == "kubeconfig" || other.starts_with("kubeconfig_") => TokenKind::Kubeconfig,
        _ => return Err(Status::new(422, Reason::Invalid, "responseType: one of json, cookie, kubeconfig")),
    };
    let wants_cookie = form.response_type == "cookie";
    let (headers, uri) = (call.request.headers(), call.request.uri());
    if wants_cookie && !credentials::comes_from_us(headers, uri, &call.front.server_url()) {
        // Otherwise another site could log its visitors in here as somebody of its choice.
        let message = "another site's page cannot log anybody in here (Origin)";
        return Err(Status::new(403, Reason::Forbidden, message));
    }
    let request = LoginRequest {
        username: &form.username,
        password: Secret::new(form.password),
        description: &form.description,
        address: call.remote.ip(),
        kind,
    };
    let token = call.front.parts.identity.login(request).await.map_err(refusal)?;
    let mut response = if wants_cookie {
        let mut response = respond::empty(StatusCode::OK);
        let session = token.credential.expose();
        set_cookies(
            &mut response,
            [(COOKIE, session), (CSRF_COOKIE, &credentials::csrf_token(session))],
            "",
        )?;
        response
    } else {
        respond::json_with(
            StatusCode::CREATED,
            &json!({
                "type": "token",
                "baseType": "token",
                "id": token.name,
                "token": token.credential.expose(),
                "expiresAt": token.expires_at,
                "userId": token.user_id,
            }),
        )
    };
    no_store(&mut response);
    Ok(response)
}

pub(crate) fn providers(call: &Call) -> Response<Body> {
    let url = call.front.server_url();
    let provider = json!({
        "id": "local",
        "type": "localProvider",
        "baseType": "authProvider",
        "actions": {"login": url.join("/v3-public/localProviders/local?action=login")},
        "links": {"self": url.join("/v3-public/localProviders/local")},
        "logoutAllEnabled": false,
        "logoutAllForced": false,
        "logoutAllSupported": false,
    });
    let is_norman = call.request.uri().path().starts_with("/v3");
    let answer: Value = if is_norman {
        super::collection(&call.front, "authProvider", "/v3-public/authProviders", vec![provider])
    } else {
        json!({"data": [provider]})
    };
    respond::json_ok(&answer)
}

/// What a client is told of an identity error; the log has the rest.
pub(crate) fn refusal(error: Error) -> Status {
    match error {
        Error::Refused => Status::unauthorized("authentication failed"),
        Error::Disabled => Status::new(403, Reason::Forbidden, "the user is disabled"),
        Error::Throttled { retry_after_seconds } => {
            respond::too_many("too many failed logins; wait and try again", retry_after_seconds)
        }
        Error::Busy => respond::too_many("too many logins at once; try again", 1),
        Error::PasswordRule(rule) => Status::new(422, Reason::Invalid, rule),
        Error::NoSuchUser(id) => Status::not_found("management.cattle.io", "users", &id),
        Error::NoSpace(why) => Status::new(507, Reason::InsufficientStorage, why),
        Error::Api(error) => {
            tracing::error!(%error, "the management API failed");
            Status::unavailable("users and tokens cannot be read or written now", 1)
        }
        Error::PasswordHash(reason) => {
            tracing::error!(reason, "hashing a password failed");
            Status::internal("the password could not be checked")
        }
    }
}

/// Ends the cookies of a session in the browser that holds them.
pub(crate) fn clear_cookies(response: &mut Response<Body>) -> Result<(), Status> {
    set_cookies(response, [(COOKIE, ""), (CSRF_COOKIE, "")], "; Max-Age=0")
}

/// Both cookies are for this site's own pages only, and no script sees the session itself.
fn set_cookies(response: &mut Response<Body>, cookies: [(&str, &str); 2], life: &str) -> Result<(), Status> {
    for (name, value) in cookies {
        let reach = if name == COOKIE { "; HttpOnly" } else { "" };
        let cookie = format!("{name}={value}; Path=/; Secure{reach}; SameSite=Strict{life}");
        let cookie =
            HeaderValue::from_str(&cookie).map_err(|_| Status::internal("a cookie cannot be written"))?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(())
}

pub(crate) fn no_store(response: &mut Response<Body>) {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
