//! Who am I; changing passwords.
use grange_apimachinery::{Reason, Status};
use grange_apiserver::Attributes;
use grange_identity::{Secret, UserProfile};
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::login::refusal;
use crate::{Body, dispatch::Call, front::Front, respond};

/// No `Debug`: it holds passwords.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PasswordForm {
    #[serde(default)]
    current_password: String,
    new_password: String,
}

/// `GET /v3/users?me=true` and `POST /v3/users?action=changepassword`.
pub(crate) async fn collection(mut call: Call) -> Result<Response<Body>, Status> {
    let person = call.person()?.clone();
    let identity = call.front.parts.identity.clone();
    if call.request.method() == Method::POST {
        if call.query("action").as_deref() != Some("changepassword") {
            return Err(Status::new(404, Reason::NotFound, "the action is changepassword"));
        }
        let form: PasswordForm = call.take_json().await?;
        let (current, new) = (Secret::new(form.current_password), Secret::new(form.new_password));
        let address = call.remote.ip();
        identity
            .change_password(&person.user_id, current, new, address, &person.token)
            .await
            .map_err(refusal)?;
        return Ok(respond::empty(StatusCode::OK));
    }
    // Without `me=true` one sees oneself all the same: listing others is the management API's, where RBAC decides.
    let own = identity.user(&person.user_id).map(|user| to_norman(&call.front, &user, true));
    let data = own.into_iter().collect();
    Ok(respond::json_ok(&super::collection(&call.front, "user", "/v3/users", data)))
}

/// `GET /v3/users/<id>` and `POST /v3/users/<id>?action=setpassword`.
pub(crate) async fn one(mut call: Call) -> Result<Response<Body>, Status> {
    let person = call.person()?.clone();
    let id = call.rest().to_owned();
    let identity = call.front.parts.identity.clone();
    let is_me = *id == *person.user_id;
    if call.request.method() == Method::POST {
        if call.query("action").as_deref() != Some("setpassword") {
            return Err(Status::new(404, Reason::NotFound, "the action is setpassword"));
        }
        // Authorized first, acted afterwards; one's own password needs the present one (changepassword).
        require(&call, "update", &id)?;
        let form: PasswordForm = call.take_json().await?;
        identity.set_password(&id, Secret::new(form.new_password), &person.token).await.map_err(refusal)?;
    } else if !is_me {
        require(&call, "get", &id)?;
    }
    let user = identity.user(&id).ok_or_else(|| Status::not_found("management.cattle.io", "users", &id))?;
    Ok(respond::json_ok(&to_norman(&call.front, &user, is_me)))
}

fn require(call: &Call, verb: &str, id: &str) -> Result<(), Status> {
    let user = &call.person()?.user;
    let attributes = Attributes {
        user,
        verb,
        group: "management.cattle.io",
        version: "v3",
        resource: "users",
        subresource: "",
        namespace: "",
        name: id,
        path: "",
    };
    if call.front.parts.apiserver.authorizer().authorize(&attributes).allowed {
        return Ok(());
    }
    let why = format!(
        "User {:?} cannot {verb} resource \"users\" in API group \"management.cattle.io\" at the cluster scope",
        user.username
    );
    Err(Status::forbidden("management.cattle.io", "users", id, &why))
}

fn to_norman(front: &Front, user: &UserProfile, is_me: bool) -> Value {
    let url = front.server_url().join(&format!("/v3/users/{}", user.id));
    json!({
        "id": user.id,
        "type": "user",
        "baseType": "user",
        "uuid": user.uid,
        "name": user.display_name,
        "username": user.username,
        "description": user.description,
        "enabled": user.enabled,
        "me": is_me,
        "mustChangePassword": user.must_change_password,
        "principalIds": user.principal_ids,
        "created": user.created,
        "links": {"self": url},
        "actions": {"setpassword": format!("{url}?action=setpassword")},
    })
}
