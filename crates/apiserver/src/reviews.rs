//! Questions that are answered, not stored: who am I, who is this token, may they.
use std::sync::{Arc, Weak};

use futures::future::BoxFuture;
use grange_apimachinery::{Object, Reason, Status, Value};
use serde_json::json;

use crate::{
    Attributes, Resource, Scope, UserInfo, authentication::authenticate_token, authorization::Authorized,
    resource::VirtualResource, server::Inner, service_account::ISSUER,
};

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";

#[derive(Clone, Copy)]
enum Kind {
    Token,
    SelfSubject,
    SubjectAccess,
    LocalSubjectAccess,
    SelfSubjectAccess,
    SelfSubjectRules,
}

/// Every review.
pub(crate) fn all(inner: &Weak<Inner>) -> Vec<Arc<dyn VirtualResource>> {
    [
        Kind::Token,
        Kind::SelfSubject,
        Kind::SubjectAccess,
        Kind::LocalSubjectAccess,
        Kind::SelfSubjectAccess,
        Kind::SelfSubjectRules,
    ]
    .into_iter()
    .map(|kind| Arc::new(Review { kind, inner: inner.clone() }) as Arc<dyn VirtualResource>)
    .collect()
}

struct Review {
    kind: Kind,
    inner: Weak<Inner>,
}

impl VirtualResource for Review {
    fn resource(&self) -> Resource {
        let (group, kind, plural, scope) = match self.kind {
            Kind::Token => (AUTHENTICATION, "TokenReview", "tokenreviews", Scope::Cluster),
            Kind::SelfSubject => (AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews", Scope::Cluster),
            Kind::SubjectAccess => {
                (AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews", Scope::Cluster)
            }
            Kind::LocalSubjectAccess => {
                (AUTHORIZATION, "LocalSubjectAccessReview", "localsubjectaccessreviews", Scope::Namespaced)
            }
            Kind::SelfSubjectAccess => {
                (AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews", Scope::Cluster)
            }
            Kind::SelfSubjectRules => {
                (AUTHORIZATION, "SelfSubjectRulesReview", "selfsubjectrulesreviews", Scope::Cluster)
            }
        };
        Resource::new(group, "v1", kind, plural, scope)
    }

    fn create<'a>(
        &'a self,
        authorized: &'a Authorized<'a>,
        mut object: Object,
    ) -> BoxFuture<'a, Result<Object, Status>> {
        Box::pin(async move {
            let inner =
                self.inner.upgrade().ok_or_else(|| Status::unavailable("the server is stopping", 1))?;
            let user = authorized.attributes.user;
            let status = match self.kind {
                Kind::Token => token_review(&inner, &object).await?,
                Kind::SelfSubject => json!({"userInfo": user}),
                Kind::SubjectAccess => subject_access_review(&inner, &object, "")?,
                Kind::LocalSubjectAccess => {
                    subject_access_review(&inner, &object, authorized.attributes.namespace)?
                }
                Kind::SelfSubjectAccess => access_review(&inner, user, &object)?,
                Kind::SelfSubjectRules => rules_review(&inner, user, &object)?,
            };
            object.0.insert("status".into(), status);
            Ok(object)
        })
    }
}

fn invalid(message: &str) -> Status {
    Status::new(422, Reason::Invalid, message)
}

async fn token_review(inner: &Inner, object: &Object) -> Result<Value, Status> {
    let token = object.text(&["spec", "token"]);
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let wanted: Vec<&str> = object
        .get(&["spec", "audiences"])
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    Ok(match authenticate_token(inner, token).await? {
        Some(authenticated) => {
            // Who names no audience asks on behalf of this server.
            let wanted =
                if wanted.is_empty() && !authenticated.audiences.is_empty() { vec![ISSUER] } else { wanted };
            let audiences: Vec<&str> = if authenticated.audiences.is_empty() {
                wanted.clone()
            } else {
                authenticated
                    .audiences
                    .iter()
                    .map(String::as_str)
                    .filter(|own| wanted.is_empty() || wanted.contains(own))
                    .collect()
            };
            if audiences.is_empty() && !wanted.is_empty() {
                return Ok(json!({"user": {}, "error": "the token is for other audiences"}));
            }
            let mut status = json!({"authenticated": true, "user": authenticated.user});
            if !audiences.is_empty() {
                status["audiences"] = json!(audiences);
            }
            status
        }
        None => json!({"user": {}, "error": "the token is unknown or expired"}),
    })
}

fn subject_access_review(inner: &Inner, object: &Object, namespace: &str) -> Result<Value, Status> {
    let spec = object.0.get("spec").cloned().unwrap_or_default();
    let user: UserInfo = UserInfo {
        username: spec["user"].as_str().unwrap_or_default().to_owned(),
        uid: spec["uid"].as_str().unwrap_or_default().to_owned(),
        groups: serde_json::from_value(spec["groups"].clone()).unwrap_or_default(),
        extra: serde_json::from_value(spec["extra"].clone()).unwrap_or_default(),
    };
    if user.username.is_empty() && user.groups.is_empty() {
        return Err(invalid(
            "spec.user: Invalid value: \"\": at least one of user or group must be specified",
        ));
    }
    if !namespace.is_empty() {
        let asked = object.text(&["spec", "resourceAttributes", "namespace"]);
        if asked != namespace {
            return Err(invalid(&format!(
                "spec.resourceAttributes.namespace: Invalid value: {asked:?}: must match metadata.namespace"
            )));
        }
    }
    access_review(inner, &user, object)
}

fn access_review(inner: &Inner, user: &UserInfo, object: &Object) -> Result<Value, Status> {
    let resource = object.get(&["spec", "resourceAttributes"]).filter(|value| !value.is_null());
    let path = object.get(&["spec", "nonResourceAttributes"]).filter(|value| !value.is_null());
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let decision = match (resource, path) {
        (Some(resource), None) => {
            let (verb, group, version) =
                (text(resource, "verb"), text(resource, "group"), text(resource, "version"));
            let (plural, subresource) = (text(resource, "resource"), text(resource, "subresource"));
            let (namespace, name) = (text(resource, "namespace"), text(resource, "name"));
            inner.authorizer.authorize(&Attributes {
                user,
                verb: &verb,
                group: &group,
                version: &version,
                resource: if plural.is_empty() { "*" } else { &plural },
                subresource: &subresource,
                namespace: &namespace,
                name: &name,
                path: "",
            })
        }
        (None, Some(path)) => {
            let (verb, path) = (text(path, "verb"), text(path, "path"));
            inner
                .authorizer
                .authorize(&Attributes { path: &path, ..Attributes::of_resource(user, &verb, "", "") })
        }
        _ => {
            return Err(invalid(
                "spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified",
            ));
        }
    };
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.into();
    }
    Ok(status)
}

fn rules_review(inner: &Inner, user: &UserInfo, object: &Object) -> Result<Value, Status> {
    let namespace = object.text(&["spec", "namespace"]);
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let (mut resource_rules, mut path_rules) = (Vec::new(), Vec::new());
    for rule in inner.rbac.rules_for(user, namespace).iter().flat_map(|rules| rules.iter()) {
        if rule.non_resource_urls.is_empty() {
            resource_rules.push(json!(rule));
        } else {
            path_rules.push(json!(rule));
        }
    }
    Ok(json!({"resourceRules": resource_rules, "nonResourceRules": path_rules, "incomplete": false}))
}
