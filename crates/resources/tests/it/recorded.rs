//! Objects recorded from a real Rancher pass our schemas without losing a field. The recordings are not part of the
//! repository; without them the test says so and passes.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use grange_apiserver::resource::NoHooks;
use grange_resources::{custom_resource_definitions, management, own_definition, provisioning};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn recordings() -> Option<PathBuf> {
    let given = std::env::var_os("GRANGE_RECORDINGS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/data"))
        .find(|folder| folder.is_dir());
    let found = given.or(beside).map(|folder| folder.join("rancher")).filter(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("SKIPPED: no recorded objects; set GRANGE_RECORDINGS to their folder");
    }
    found
}

fn read(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(recordings()?.join(name)).unwrap();
    Some(serde_saphyr::from_str(&text).unwrap())
}

/// Passes the object through defaulting, pruning and validation of its kind; it must come out as it went in,
/// but for defaults that are added.
fn round_trips(object: &Value) {
    let (group, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let group = group.split('/').next().unwrap();
    let definition = custom_resource_definitions()
        .into_iter()
        .find(|definition| definition.spec.group == group && definition.spec.names.kind == kind)
        .unwrap_or_else(|| panic!("no definition of {kind}.{group}"));
    let schema = own_definition(&definition, Arc::new(NoHooks)).unwrap().resource().unwrap().schema.unwrap();
    let mut copy = object.clone();
    let unknown = schema.prune(&mut copy);
    assert_eq!(unknown.0, Vec::<String>::new(), "{kind}: fields lost");
    schema.drop_nulls(&mut copy);
    schema.default(&mut copy);
    assert_eq!(schema.validate(&copy), vec![], "{kind}: refused");
    contains(kind, &copy, object);
}

fn contains(path: &str, actual: &Value, expected: &Value) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (key, value) in expected {
                let found = actual.get(key).unwrap_or_else(|| panic!("{path}.{key} is gone"));
                contains(&format!("{path}.{key}"), found, value);
            }
        }
        _ => assert_eq!(actual, expected, "{path}"),
    }
}

fn typed<T: DeserializeOwned>(object: &Value) -> T {
    serde_json::from_value(object.clone()).unwrap()
}

#[test]
fn management_clusters_of_every_stage() {
    for stage in ["1-created", "2-agent-stage1-connected", "3-ready", "4-disconnected"] {
        let Some(object) = read(&format!("mgmt-cluster-stage{stage}.yaml")) else { return };
        round_trips(&object);
        let cluster: management::Cluster = typed(&object);
        assert_eq!(cluster.spec.display_name, "harv1");
        assert!(cluster.status.unwrap().conditions.len() >= 7);
    }
    let ready: management::Cluster = typed(&read("mgmt-cluster-stage3-ready.yaml").unwrap());
    let status = ready.status.unwrap();
    assert_eq!(status.version.unwrap().git_version, "v1.36.3");
    assert_eq!(status.capacity["memory"], "32Gi");
    assert!(grange_resources::condition::find(&status.conditions, "Ready").unwrap().is_true());
}

#[test]
fn provisioning_clusters_of_every_stage() {
    for (stage, ready) in [("1-created", None), ("3-ready", Some(true))] {
        let Some(object) = read(&format!("prov-cluster-stage{stage}.yaml")) else { return };
        round_trips(&object);
        let cluster: provisioning::Cluster = typed(&object);
        let status = cluster.status.unwrap();
        assert_eq!(status.cluster_name.as_deref(), Some("c-m-r4q9tvgz"));
        assert_eq!(status.ready, ready);
    }
}

#[test]
fn registration_tokens_and_projects() {
    let Some(object) = read("crt-default-token.yaml") else { return };
    round_trips(&object);
    let token: management::ClusterRegistrationToken = typed(&object);
    assert!(token.status.unwrap().command.unwrap().starts_with("kubectl apply -f https://"));
    let projects = read("projects-mgmt.yaml").unwrap();
    for project in projects["items"].as_array().unwrap() {
        round_trips(project);
        assert_eq!(typed::<management::Project>(project).spec.cluster_name, "c-m-r4q9tvgz");
    }
}

/// Kinds of which only Norman's form was recorded, written as Rancher's own API server holds them.
#[test]
fn kinds_with_fields_beside_metadata() {
    for object in [
        json!({"apiVersion": "management.cattle.io/v3", "kind": "Setting", "metadata": {"name": "server-url"},
               "value": "https://grange.example", "default": "", "customized": false, "source": "env"}),
        json!({"apiVersion": "management.cattle.io/v3", "kind": "User", "metadata": {"name": "user-svhrd"},
               "username": "admin", "displayName": "Default Admin", "mustChangePassword": true,
               "principalIds": ["local://user-svhrd"], "enabled": true, "spec": {}, "password": ""}),
        json!({"apiVersion": "management.cattle.io/v3", "kind": "Token", "metadata": {"name": "token-abcde"},
               "token": "hash", "userId": "user-svhrd", "authProvider": "local", "ttl": 57600000, "isDerived": false,
               "description": "", "expired": false, "expiresAt": "", "current": false, "groupPrincipals": null,
               "userPrincipal": {"metadata": {"name": "local://user-svhrd"}, "me": true}}),
        json!({"apiVersion": "management.cattle.io/v3", "kind": "RoleTemplate", "metadata": {"name": "cluster-owner"},
               "displayName": "Cluster Owner", "context": "cluster", "builtin": true, "administrative": true,
               "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}], "projectCreatorDefault": false}),
    ] {
        round_trips(&object);
    }
    let setting: management::Setting =
        typed(&json!({"apiVersion": "management.cattle.io/v3", "kind": "Setting",
        "metadata": {"name": "x"}, "value": "", "default": "d"}));
    assert_eq!(setting.spec.effective(), "d");
}
