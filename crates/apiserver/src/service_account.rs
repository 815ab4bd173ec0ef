//! Service-account tokens: ES256 JWTs, issued through TokenRequest and checked before anybody else is asked.
//!
//! Signed and verified with aws-lc-rs directly: one algorithm, one key, so nothing in a token's header is ever trusted.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        UnparsedPublicKey,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::BoxFuture;
use grange_apimachinery::{FieldError, Object, Status, StoredHeader, Value, time};
use http::{Response, StatusCode};
use serde_json::json;

use crate::{
    Body, UserInfo,
    authentication::{AUTHENTICATED, Authenticated, service_account_groups, service_account_username},
    authorization::Authorized,
    decode,
    limits::{DEFAULT_TOKEN_LIFETIME, MAX_TOKEN_LIFETIME, MIN_TOKEN_LIFETIME},
    negotiate, pipeline,
    resource::Subresource,
    response::{self, store_error},
    server::Inner,
    typed,
};

/// Who signs: the `iss` claim, and the audience of tokens that name none.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc";

/// Tokens whose signature need not be computed again; beyond this the memory starts anew.
const MAX_VERIFIED_TOKENS: usize = 4096;

/// Signs and verifies.
pub(crate) struct TokenIssuer {
    key: EcdsaKeyPair,
    /// The fixed first part of every token.
    header: String,
    /// What tokens with a good signature say, by their digest: a signature that was right stays so, and computing it
    /// costs more than everything else about a small request. Expiry and account are looked at each time.
    verified: Mutex<HashMap<[u8; 32], Arc<Claims>>>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(default)]
    aud: Vec<String>,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: String,
    #[serde(rename = "kubernetes.io")]
    kubernetes: KubernetesClaims,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct KubernetesClaims {
    namespace: String,
    serviceaccount: ObjectClaims,
    /// The secret with which the token goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<ObjectClaims>,
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct ObjectClaims {
    name: String,
    uid: String,
}

/// A new key for [`Config::service_account_key`](crate::Config::service_account_key); `None` if the machine has no
/// randomness.
pub fn new_key() -> Option<Vec<u8>> {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    key.ok().map(|key| key.as_ref().to_vec())
}

/// Whether this can be a [`Config::service_account_key`](crate::Config::service_account_key).
pub fn is_key(pkcs8: &[u8]) -> bool {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).is_ok()
}

impl TokenIssuer {
    /// Reads a PKCS#8 P-256 key; an unusable one issues nothing, which is logged.
    pub(crate) fn new(pkcs8: &[u8]) -> Option<Self> {
        let key = match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8) {
            Ok(key) => key,
            Err(error) => {
                tracing::error!(%error, "the service account key cannot be used");
                return None;
            }
        };
        let mut issuer = TokenIssuer { key, header: String::new(), verified: Mutex::default() };
        let header = json!({"alg": "ES256", "kid": issuer.key_id(), "typ": "JWT"});
        issuer.header = URL_SAFE_NO_PAD.encode(header.to_string());
        Some(issuer)
    }

    /// Names the key, in tokens and in the published set.
    pub(crate) fn key_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.key.public_key().as_ref()))
    }

    /// The public key's two coordinates. Behind the mark of an uncompressed point (SEC 1, 2.3.3) they stand side by side.
    pub(crate) fn public_point(&self) -> [&[u8]; 2] {
        let point = self.key.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at(point.len() / 2);
        [x, y]
    }

    fn sign(&self, claims: &Claims) -> Result<String, Status> {
        let claims = serde_json::to_vec(claims).map_err(|error| Status::internal(error.to_string()))?;
        let signed = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .map_err(|_| Status::internal("the token could not be signed"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token of ours that has not expired.
    fn open(&self, token: &str, now: i64) -> Option<Arc<Claims>> {
        let id: [u8; 32] = digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()?;
        let known = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let claims = match known {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.verify(token)?);
                let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
                if verified.len() >= MAX_VERIFIED_TOKENS {
                    verified.clear();
                }
                verified.insert(id, claims.clone());
                claims
            }
        };
        (claims.iss == ISSUER && claims.nbf <= now && now < claims.exp).then_some(claims)
    }

    /// The claims of a token that this key signed.
    fn verify(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        if header != self.header {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

/// A fresh token.
pub(crate) struct Issued {
    pub(crate) token: String,
    expires: jiff::Timestamp,
    audiences: Vec<String>,
}

/// The name and uid of an object of the core group that exists.
async fn find(inner: &Inner, plural: &str, namespace: &str, name: &str) -> Result<ObjectClaims, Status> {
    let served = inner.builtin("", plural)?;
    let entry = inner.store.get(&served.key(namespace, name)).await.map_err(store_error)?;
    let entry = entry.ok_or_else(|| served.not_found(name))?;
    let header = StoredHeader::parse(&entry.value)
        .map_err(|error| Status::internal(format!("stored object: {error}")))?;
    Ok(ObjectClaims { name: name.to_owned(), uid: header.metadata.uid.into_owned() })
}

/// Whether what a token goes by is still the same object.
async fn is_there(
    inner: &Inner,
    plural: &str,
    namespace: &str,
    claims: &ObjectClaims,
) -> Result<bool, Status> {
    match find(inner, plural, namespace, &claims.name).await {
        Ok(found) => Ok(found.uid == claims.uid),
        Err(status) if status.code == 404 => Ok(false),
        Err(status) => Err(status),
    }
}

/// Issues a token for an account that exists.
pub(crate) async fn issue(
    inner: &Inner,
    namespace: &str,
    name: &str,
    audiences: &[String],
    lifetime: Duration,
) -> Result<Issued, Status> {
    issue_bound(inner, namespace, name, audiences, lifetime, None).await
}

/// The same for a token that goes with a secret.
async fn issue_bound(
    inner: &Inner,
    namespace: &str,
    name: &str,
    audiences: &[String],
    lifetime: Duration,
    secret: Option<ObjectClaims>,
) -> Result<Issued, Status> {
    let Some(issuer) = &inner.issuer else {
        return Err(Status::internal("this server has no key for service account tokens"));
    };
    let account = find(inner, "serviceaccounts", namespace, name).await?;
    let now = jiff::Timestamp::now();
    let lifetime = lifetime.min(MAX_TOKEN_LIFETIME);
    let expires = now
        .checked_add(jiff::SignedDuration::from_secs(lifetime.as_secs() as i64))
        .map_err(|error| Status::internal(error.to_string()))?;
    let audiences = if audiences.is_empty() { vec![ISSUER.to_owned()] } else { audiences.to_vec() };
    let token = issuer.sign(&Claims {
        iss: ISSUER.into(),
        sub: service_account_username(namespace, name),
        aud: audiences.clone(),
        exp: expires.as_second(),
        iat: now.as_second(),
        nbf: now.as_second(),
        jti: uuid::Uuid::new_v4().to_string(),
        kubernetes: KubernetesClaims { namespace: namespace.into(), serviceaccount: account, secret },
    })?;
    Ok(Issued { token, expires, audiences })
}

/// Who a token of ours is; `None` if it is not ours, expired, or its account is gone.
pub(crate) async fn verify(inner: &Inner, token: &str) -> Result<Option<Authenticated>, Status> {
    let Some(claims) =
        inner.issuer.as_ref().and_then(|issuer| issuer.open(token, jiff::Timestamp::now().as_second()))
    else {
        return Ok(None);
    };
    let (namespace, account) = (&claims.kubernetes.namespace, &claims.kubernetes.serviceaccount);
    if !is_there(inner, "serviceaccounts", namespace, account).await? {
        return Ok(None);
    }
    if let Some(secret) = &claims.kubernetes.secret
        && !is_there(inner, "secrets", namespace, secret).await?
    {
        return Ok(None);
    }
    let mut groups = service_account_groups(namespace);
    groups.push(AUTHENTICATED.into());
    let user = UserInfo {
        username: service_account_username(namespace, &account.name),
        uid: account.uid.clone(),
        groups,
        extra: [(
            "authentication.kubernetes.io/credential-id".to_owned(),
            vec![format!("JTI={}", claims.jti)],
        )]
        .into(),
    };
    Ok(Some(Authenticated { user, audiences: claims.aud.clone() }))
}

/// `serviceaccounts/token`.
pub(crate) fn token_subresource(inner: &Weak<Inner>) -> Arc<dyn Subresource> {
    Arc::new(TokenRequest { inner: inner.clone() })
}

struct TokenRequest {
    inner: Weak<Inner>,
}

impl Subresource for TokenRequest {
    fn names(&self) -> (&str, &str, &str, &str) {
        ("", "v1", "serviceaccounts", "token")
    }
    fn kind(&self) -> &str {
        "TokenRequest"
    }
    fn verbs(&self) -> &[&str] {
        &["create"]
    }
    fn handle<'a>(
        &'a self,
        authorized: &'a Authorized<'a>,
        request: http::Request<Body>,
    ) -> BoxFuture<'a, Result<Response<Body>, Status>> {
        Box::pin(async move {
            let inner =
                self.inner.upgrade().ok_or_else(|| Status::unavailable("the server is stopping", 1))?;
            let form = negotiate::object_form(request.headers())?;
            let body = pipeline::collect(request.into_body()).await?;
            let (mut object, _) =
                decode::parse_object_as(&body, form, "authentication.k8s.io/v1", KIND, true)?;
            decode_request(&mut object)?;
            let (namespace, name) = (authorized.attributes.namespace, authorized.attributes.name);
            let account = find(&inner, "serviceaccounts", namespace, name).await?;
            check_request(&object, namespace, &account)?;
            let secret = bound_secret(&inner, &object, namespace).await?;
            let audiences: Vec<String> = object
                .get(&["spec", "audiences"])
                .and_then(|list| serde_json::from_value(list.clone()).ok())
                .unwrap_or_default();
            let seconds = object.get(&["spec", "expirationSeconds"]).and_then(Value::as_u64);
            let lifetime = seconds.map_or(DEFAULT_TOKEN_LIFETIME, Duration::from_secs);
            let issued = issue_bound(&inner, namespace, name, &audiences, lifetime, secret).await?;
            object.set(&["metadata", "uid"], account.uid);
            object.set(&["spec", "expirationSeconds"], lifetime.min(MAX_TOKEN_LIFETIME).as_secs());
            object.set(&["metadata", "name"], name);
            object.set(&["metadata", "namespace"], namespace);
            object.set(&["metadata", "creationTimestamp"], time::now());
            object.set(&["spec", "audiences"], issued.audiences);
            object.set(&["status", "token"], issued.token);
            object.set(&["status", "expirationTimestamp"], time::rfc3339(issued.expires));
            Ok(response::json(StatusCode::CREATED, object.to_bytes()))
        })
    }
}

const GROUP: &str = "authentication.k8s.io";
const KIND: &str = "TokenRequest";
/// Longer than any token may be asked for.
const MAX_ASKED_SECONDS: i64 = 1 << 32;

fn decode_request(object: &mut Object) -> Result<(), Status> {
    let text = json!({"type": "string"});
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "audiences": {"type": "array", "items": text},
        "expirationSeconds": {"type": "integer", "nullable": true},
        "boundObjectRef": {"type": "object", "properties": {
            "apiVersion": text, "kind": text, "name": text, "uid": text,
        }},
    }}}});
    let mut unknown = Vec::new();
    typed::decode_metadata(object, &mut unknown)
        .and_then(|()| typed::decode_fields(&schema, object, &mut unknown))
        .map_err(|why| decode::cannot_be_handled(KIND, "v1", &why))
}

fn check_request(object: &Object, namespace: &str, account: &ObjectClaims) -> Result<(), Status> {
    let name = account.name.as_str();
    for (field, wanted) in [("name", name), ("namespace", namespace)] {
        let own = object.text(&["metadata", field]);
        if !own.is_empty() && own != wanted {
            let what = if field == "name" { "name" } else { "namespace" };
            let detail = format!("must match the service account {what} if specified");
            let error = FieldError::invalid(format!("metadata.{field}"), own, detail);
            return Err(Status::invalid(GROUP, KIND, name, vec![error]));
        }
    }
    if !object.uid().is_empty() && object.uid() != account.uid {
        let why = format!(
            "the UID in the token request ({}) does not match the UID of the service account ({})",
            object.uid(),
            account.uid
        );
        return Err(Status::conflict(GROUP, KIND, name, &why));
    }
    let seconds = object.get(&["spec", "expirationSeconds"]).and_then(Value::as_i64);
    let shortest = MIN_TOKEN_LIFETIME.as_secs() as i64;
    let detail = match seconds {
        Some(seconds) if seconds < shortest => "may not specify a duration less than 10 minutes",
        Some(seconds) if seconds > MAX_ASKED_SECONDS => "may not specify a duration larger than 2^32 seconds",
        _ => return Ok(()),
    };
    let error = FieldError::invalid("spec.expirationSeconds", seconds, detail);
    Err(Status::invalid(GROUP, KIND, "", vec![error]))
}

/// The secret that a token is to go with. Pods and nodes have none of their own here, so none is ever found.
async fn bound_secret(
    inner: &Inner,
    object: &Object,
    namespace: &str,
) -> Result<Option<ObjectClaims>, Status> {
    let Some(reference) = object.get(&["spec", "boundObjectRef"]) else { return Ok(None) };
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let (group, version) = text("apiVersion").rsplit_once('/').unwrap_or(("", text("apiVersion")));
    let (kind, name, uid) = (text("kind"), text("name"), text("uid"));
    let secret = match (group, kind) {
        ("", "Secret") => find(inner, "secrets", namespace, name).await?,
        ("", "Pod") => return Err(Status::not_found("", "pods", name)),
        ("", "Node") => return Err(Status::not_found("", "nodes", name)),
        _ => {
            return Err(Status::bad_request(format!(
                "cannot bind token to object of type {group}/{version}, Kind={kind}"
            )));
        }
    };
    if !uid.is_empty() && uid != secret.uid {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Status::conflict(group, kind, name, &why));
    }
    Ok(Some(secret))
}
