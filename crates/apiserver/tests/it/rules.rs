//! Validation rules of definitions, on every way that an object is written.
use grange_apimachinery::Value;
use serde_json::json;

use crate::support::{Answer, Server, start};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const THINGS: &str = "/apis/rules.example.com/v1/namespaces/default/things";
const THING: &str = "/apis/rules.example.com/v1/namespaces/default/things/a";

fn definition(size: Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.rules.example.com"},
        "spec": {
            "group": "rules.example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": {"type": "object", "properties": {
                            "size": size, "color": {"type": "string", "maxLength": 10},
                            "list": {"type": "array", "items": {"type": "integer"}},
                        }},
                        "status": {"type": "object", "properties": {
                            "size": {"type": "integer", "x-kubernetes-validations": [{"rule": "self != 7", "message": "no seven"}]},
                        }},
                    },
                }},
            }],
        },
    })
}

fn limited() -> Value {
    json!({"type": "integer", "x-kubernetes-validations": [
        {"rule": "self < 10", "messageExpression": "'%d is too much'.format([self])"},
        {"rule": "self >= oldSelf", "message": "never shrinks", "reason": "FieldValueForbidden"},
    ]})
}

fn thing(spec: Value) -> Value {
    json!({"apiVersion": "rules.example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec})
}

async fn serving(size: Value) -> Server {
    let server = start().await;
    server.post(DEFINITIONS, definition(size)).await.ok();
    server.until(THINGS, |answer| answer.code == 200).await;
    server
}

fn refused(answer: &Answer, why: &str) {
    answer.fails(422, "Invalid", &format!("Thing.rules.example.com \"a\" is invalid: {why}"));
}

#[tokio::test]
async fn every_write_meets_the_rules() {
    let server = serving(limited()).await;
    let too_much = "spec.size: Invalid value: 20: 20 is too much";
    let shrinks = "spec.size: Forbidden: never shrinks";
    refused(&server.post(THINGS, thing(json!({"size": 20}))).await, too_much);
    let made = server.post(THINGS, thing(json!({"size": 5}))).await.ok();
    let mut smaller = made.clone();
    smaller["spec"]["size"] = 4.into();
    refused(&server.put(THING, smaller).await, shrinks);
    let patch = |kind: &'static str, path: String, body: Value| {
        let server = &server;
        async move { server.raw("PATCH", &path, body.to_string().into_bytes(), &[("content-type", kind)]).await }
    };
    let merge = "application/merge-patch+json";
    refused(&patch(merge, THING.into(), json!({"spec": {"size": 20}})).await, too_much);
    let replace = json!([{"op": "replace", "path": "/spec/size", "value": 1}]);
    refused(&patch("application/json-patch+json", THING.into(), replace).await, shrinks);
    let apply = |spec: Value| {
        let path = format!("{THING}?fieldManager=me&force=true");
        patch("application/apply-patch+yaml", path, thing(spec))
    };
    refused(&apply(json!({"size": 20})).await, too_much);
    refused(&apply(json!({"size": 1})).await, shrinks);
    apply(json!({"size": 6})).await.ok();
    let status = |size: u8| patch(merge, format!("{THING}/status"), json!({"status": {"size": size}}));
    refused(&status(7).await, "status.size: Invalid value: 7: no seven");
    status(6).await.ok();
    let scale =
        |replicas: u8| patch(merge, format!("{THING}/scale"), json!({"spec": {"replicas": replicas}}));
    refused(&scale(20).await, too_much);
    refused(&scale(5).await, shrinks);
    scale(9).await.ok();
    let dry = server.post(&format!("{THINGS}?dryRun=All"), thing(json!({"size": 20}))).await;
    refused(&dry, too_much);
    assert_eq!(server.get(THING).await.ok()["spec"]["size"], 9);
}

#[tokio::test]
async fn rules_wait_for_good_types() {
    let server = serving(limited()).await;
    let answer = server.post(THINGS, thing(json!({"size": "many"}))).await;
    refused(&answer, "[spec.size: Invalid value: \"string\": spec.size in body must be of type integer");
    assert!(answer.text().contains("<nil>: Invalid value: null: some validation rules were not checked"));
    assert!(!answer.text().contains("too much"));
}

#[tokio::test]
async fn what_broke_a_new_rule_before_is_warned_of() {
    let server = serving(json!({"type": "integer"})).await;
    server.post(THINGS, thing(json!({"size": 20}))).await.ok();
    let path = format!("{DEFINITIONS}/things.rules.example.com");
    let mut stored = server.get(&path).await.ok();
    stored["spec"] = definition(limited())["spec"].clone();
    server.put(&path, stored).await.ok();
    let mut thing = server.get(THING).await.ok();
    thing["spec"]["color"] = "red".into();
    let answer = server.put(THING, thing.clone()).await;
    let warning = answer.headers.get("warning").map(|value| value.to_str().expect("text").to_owned());
    assert_eq!(warning.as_deref(), Some("299 - \"spec.size: Invalid value: 20: 20 is too much\""));
    let mut thing = answer.ok();
    thing["spec"]["size"] = 21.into();
    refused(&server.put(THING, thing).await, "spec.size: Invalid value: 21: 21 is too much");
}

#[tokio::test]
async fn bad_rules_are_refused_with_their_definition() {
    let server = start().await;
    let rule = |rule: &str| json!({"type": "integer", "x-kubernetes-validations": [{"rule": rule}]});
    let made = server.post(DEFINITIONS, definition(rule("self > 0"))).await;
    assert_eq!((made.code, made.headers.get("warning")), (201, None));
    let path = format!("{DEFINITIONS}/things.rules.example.com");
    for (bad, why) in [
        ("self.x > 0", "type 'int' does not support field selection"),
        ("self > 'a'", "found no matching overload for '_>_' applied to '(int, string)'"),
        ("self >", "Syntax error"),
        ("unknown(self)", "undeclared reference to 'unknown'"),
    ] {
        let answer = server.put(&path, {
            let mut stored = server.get(&path).await.ok();
            stored["spec"] = definition(rule(bad))["spec"].clone();
            stored
        });
        let at = "spec.validation.openAPIV3Schema.properties[spec].properties[size].x-kubernetes-validations[0].rule";
        let answer = answer.await;
        answer.fails(422, "Invalid", &format!("{at}: Invalid value: {{\"Rule\":"));
        answer.fails(422, "Invalid", why);
    }
    // What failed changed nothing: the rule that was there still holds.
    server.until(THINGS, |answer| answer.code == 200).await;
    refused(
        &server.post(THINGS, thing(json!({"size": 0}))).await,
        "spec.size: Invalid value: 0: failed rule: self > 0",
    );
}

#[tokio::test]
async fn rules_that_take_long_hold_nobody_up() {
    let server = start().await;
    let mut costly = definition(json!({"type": "integer"}));
    let list = &mut costly["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        ["list"];
    list["maxItems"] = 1000.into();
    list["x-kubernetes-validations"] =
        json!([{"rule": "self.all(a, self.exists(b, a == b))", "message": "m"}]);
    server.post(DEFINITIONS, costly).await.ok();
    server.until(THINGS, |answer| answer.code == 200).await;
    // More than a little, and less than is allowed.
    let fits: Vec<u64> = (0..400).collect();
    server.post(THINGS, thing(json!({"list": fits}))).await.ok();
    let far_too_many: Vec<u64> = (0..1000).collect();
    let mut thing = server.get(THING).await.ok();
    thing["spec"]["list"] = json!(far_too_many);
    refused(
        &server.put(THING, thing).await,
        "spec.list: Invalid value: \"array\": 'operation cancelled: actual cost limit exceeded'",
    );
}
