//! Service-account tokens.
use std::time::Duration;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use grange_apiserver::Body;
use serde_json::{Value, json};

use crate::support::{Server, start, start_with};

fn key() -> Vec<u8> {
    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .expect("a key")
        .as_ref()
        .to_vec()
}

async fn who(server: &Server, token: &str) -> (u16, Value) {
    let header = format!("Bearer {token}");
    let headers = [("authorization", header.as_str()), ("content-type", "application/json")];
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer = server.raw("POST", path, b"{}".to_vec(), &headers).await;
    (answer.code, answer.json())
}

#[tokio::test]
async fn a_token_is_its_account_while_that_exists() {
    let server = start_with(|config| config.service_account_key = Some(key())).await;
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    assert!(server.get("/api/v1").await.text().contains("serviceaccounts/token"));
    server.get(&format!("{accounts}/default/token")).await.fails(405, "MethodNotAllowed", "");
    let made = server.post(accounts, json!({"metadata": {"name": "robot"}})).await.ok();
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}});
    let issued = server.post(&format!("{accounts}/robot/token"), asked).await;
    assert_eq!(issued.code, 201);
    let issued = issued.json();
    assert!(issued["status"]["expirationTimestamp"].is_string());
    let token = issued["status"]["token"].as_str().expect("a token");
    let (code, review) = who(&server, token).await;
    assert_eq!(code, 201);
    let user = &review["status"]["userInfo"];
    assert_eq!(user["username"], "system:serviceaccount:default:robot");
    assert_eq!(user["uid"], made["metadata"]["uid"]);
    assert_eq!(
        user["groups"],
        json!(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])
    );
    let review = json!({"spec": {"token": token, "audiences": ["b"]}});
    let review = server.post("/apis/authentication.k8s.io/v1/tokenreviews", review).await.ok();
    assert!(review["status"]["authenticated"].is_null(), "another audience");
    let inside = server
        .handle
        .issue_service_account_token("default", "robot", &[], Duration::from_secs(60))
        .await
        .expect("a token");
    assert_eq!(who(&server, &inside).await.0, 201);
    let elsewhere = ["x".to_owned()];
    let elsewhere =
        server.handle.issue_service_account_token("default", "robot", &elsewhere, Duration::from_secs(60));
    let elsewhere = elsewhere.await.expect("a token");
    assert_eq!(who(&server, &elsewhere).await.0, 401, "for another audience");
    let review =
        |spec: Value| server.post("/apis/authentication.k8s.io/v1/tokenreviews", json!({"spec": spec}));
    let review_of_its_own = review(json!({"token": elsewhere, "audiences": ["x", "y"]})).await.ok();
    assert_eq!(review_of_its_own["status"]["audiences"], json!(["x"]));
    assert!(review(json!({"token": elsewhere})).await.ok()["status"]["authenticated"].is_null());
    let mut forged = inside.clone();
    forged.replace_range(inside.len() - 4.., "AAAA");
    assert_eq!(who(&server, &forged).await.0, 401);
    let expired = server
        .handle
        .issue_service_account_token("default", "robot", &[], Duration::ZERO)
        .await
        .expect("a token");
    assert_eq!(who(&server, &expired).await.0, 401);
    server.delete(&format!("{accounts}/robot")).await.ok();
    assert_eq!(who(&server, token).await.0, 401, "the account is gone");
    server.post(accounts, json!({"metadata": {"name": "robot"}})).await.ok();
    assert_eq!(who(&server, token).await.0, 401, "another account of the same name");
    server.post(&format!("{accounts}/nobody/token"), json!({})).await.fails(
        404,
        "NotFound",
        "serviceaccounts \"nobody\" not found",
    );
    server.post(&format!("{accounts}/robot/token"), json!({"spec": {"expirationSeconds": 5}})).await.fails(
        422,
        "Invalid",
        "10 minutes",
    );
}

#[tokio::test]
async fn without_a_key_there_are_no_tokens() {
    let server = start().await;
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    server.raw("POST", path, Body::from(b"{}".to_vec()), &[]).await.fails(404, "NotFound", "could not find");
    let issued =
        server.handle.issue_service_account_token("default", "default", &[], Duration::from_secs(60)).await;
    assert!(issued.expect_err("no key").message.contains("no key"));
}

/// Somebody who has only what is published can check a token.
#[tokio::test]
async fn tokens_can_be_checked_with_the_published_key() {
    let server = start_with(|config| config.service_account_key = Some(key())).await;
    let configuration = server.get("/.well-known/openid-configuration").await.ok();
    let keys = configuration["jwks_uri"].as_str().expect("an address");
    let path =
        keys.strip_prefix(configuration["issuer"].as_str().expect("an issuer")).expect("below the issuer");
    let answer = server.get(path).await;
    assert_eq!(answer.headers["content-type"], "application/jwk-set+json");
    let key = answer.ok()["keys"][0].clone();

    let token = server
        .handle
        .issue_service_account_token("default", "default", &[], Duration::from_secs(60))
        .await
        .expect("a token");
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64");
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let header: Value =
        serde_json::from_slice(&decode(signed.split('.').next().expect("a header"))).expect("JSON");
    assert_eq!((&header["kid"], &header["alg"]), (&key["kid"], &key["alg"]));
    let half = |name: &str| decode(key[name].as_str().expect("a coordinate"));
    let point = [vec![4], half("x"), half("y")].concat();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    public.verify(signed.as_bytes(), &decode(signature)).expect("a good signature");
    public.verify(b"something else", &decode(signature)).expect_err("another text");

    // Accounts may read it, strangers may not, and a server without a key has none.
    let account = format!("Bearer {token}");
    let answer = server.raw("GET", path, Body::Empty, &[("authorization", account.as_str())]).await;
    assert_eq!(answer.code, 200);
    assert_eq!(
        server.raw("GET", path, Body::Empty, &[("authorization", "Bearer token-alice")]).await.code,
        403
    );
    start().await.get(path).await.fails(404, "NotFound", "");
}
