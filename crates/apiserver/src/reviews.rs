//! Questions that are answered, not stored: who am I, who is this token, may they.
use std::sync::{Arc, Weak};

use futures::future::BoxFuture;
use grange_apimachinery::{Object, Status, Value, time};
use serde_json::json;

use crate::{
    Attributes, Resource, Scope, UserInfo,
    authentication::authenticate_token,
    authorization::Authorized,
    resource::VirtualResource,
    review_validation::{self, Asked},
    server::Inner,
    service_account::ISSUER,
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
            review_validation::decode(&self.resource().kind, &mut object)?;
            let status = match self.kind {
                Kind::Token => token_review(&inner, &object).await?,
                Kind::SelfSubject => {
                    object.set(&["metadata", "creationTimestamp"], time::now());
                    json!({"userInfo": user})
                }
                Kind::SubjectAccess => subject_access_review(&inner, &object, Asked::Somebody)?,
                Kind::LocalSubjectAccess => {
                    let namespace = authorized.attributes.namespace;
                    subject_access_review(&inner, &object, Asked::SomebodyIn(namespace))?
                }
                Kind::SelfSubjectAccess => {
                    review_validation::check(&object, Asked::Oneself)?;
                    access_review(&inner, user, &object)
                }
                Kind::SelfSubjectRules => {
                    let status = rules_review(&inner, user, &object)?;
                    // As in Kubernetes the answer does not repeat the question.
                    object.0.insert("spec".into(), json!({}));
                    status
                }
            };
            object.0.insert("status".into(), status);
            Ok(object)
        })
    }
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
        None => json!({"user": {}, "error": "invalid bearer token"}),
    })
}

fn subject_access_review(inner: &Inner, object: &Object, asked: Asked<'_>) -> Result<Value, Status> {
    review_validation::check(object, asked)?;
    let spec = object.0.get("spec").cloned().unwrap_or_default();
    let user: UserInfo = UserInfo {
        username: spec["user"].as_str().unwrap_or_default().to_owned(),
        uid: spec["uid"].as_str().unwrap_or_default().to_owned(),
        groups: serde_json::from_value(spec["groups"].clone()).unwrap_or_default(),
        extra: serde_json::from_value(spec["extra"].clone()).unwrap_or_default(),
    };
    Ok(access_review(inner, &user, object))
}

/// Decides; the object was checked.
fn access_review(inner: &Inner, user: &UserInfo, object: &Object) -> Value {
    let resource = object.get(&["spec", "resourceAttributes"]);
    let path = object.get(&["spec", "nonResourceAttributes"]).unwrap_or(&Value::Null);
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let decision = match resource {
        Some(resource) => {
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
        None => {
            let (verb, path) = (text(path, "verb"), text(path, "path"));
            inner
                .authorizer
                .authorize(&Attributes { path: &path, ..Attributes::of_resource(user, &verb, "", "") })
        }
    };
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.into();
    }
    status
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
