//! The documents an import brings into a cluster, built as values and never from text templates.
//!
//! INVARIANT: names are fixed (`grange_wire::names`), every document stands for itself, and applying the manifest a
//! second time changes nothing: the key that the agent put into its Secret stays, because the manifest's Secret has no
//! `data`. The namespace `cattle-system` is not part of it, so that deleting what it brought never deletes that.
//!
//! Rights. The agent impersonates the person whose request it carries, so the cluster's own RBAC decides about every
//! request; whoever holds the agent's account can impersonate anybody, which is as much as the cluster-admin that
//! Rancher's agent is given outright. Beyond that it reads nodes and the identity of `kube-system`, and it may change
//! and delete its own objects, by name.
use base64::{Engine, engine::general_purpose::STANDARD};
use grange_resources::management::EnvVar;
use grange_tenancy::CLUSTER_OWNER_GROUP;
use grange_wire::names;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Error;

/// Harvesters cut what they fetch at 1 MiB; the rendered manifest stays well below.
pub const MAX_MANIFEST_BYTES: usize = 512 * 1024;
/// The variable with the cluster's id.
pub(crate) const ENV_CLUSTER_ID: &str = "GRANGE_CLUSTER_ID";
/// The user the agent runs as; also the group that may read its credentials.
const AGENT_USER: u32 = 65_532;
/// Mode 0400; with `fsGroup` the kubelet makes it 0440 for the agent's group.
const CREDENTIALS_MODE: u32 = 0o400;
/// The label that the Deployment of a Rancher agent has too, so that it is changed in place.
const APP: &str = "cattle-cluster-agent";
/// Pods are replaced when the credentials change, and only then.
const CREDENTIALS_ANNOTATION: &str = "clusters.grange/credentials-hash";

/// What differs from cluster to cluster.
#[derive(Clone, Debug)]
pub(crate) struct Parameters<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) server_url: String,
    pub(crate) ca_checksum: &'a str,
    pub(crate) image: String,
    pub(crate) agent_env: &'a [EnvVar],
    /// `spec.clusterAgentDeploymentCustomization`.
    pub(crate) customization: Option<&'a Value>,
}

/// The whole manifest as text.
pub(crate) fn render(parameters: &Parameters<'_>, token: &str) -> Result<Vec<u8>, Error> {
    let mut text = String::new();
    for document in documents(parameters, token) {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&document).map_err(|error| Error::Render(error.to_string()))?);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    if text.len() > MAX_MANIFEST_BYTES {
        return Err(Error::Render(format!("{} bytes are more than {MAX_MANIFEST_BYTES}", text.len())));
    }
    Ok(text.into_bytes())
}

/// The documents, in the order in which they take effect soonest.
pub(crate) fn documents(parameters: &Parameters<'_>, token: &str) -> Vec<Value> {
    vec![
        cluster_role(),
        service_account(),
        binding(
            names::CLUSTER_ROLE_BINDING,
            names::CLUSTER_ROLE,
            &json!({
                "kind": "ServiceAccount", "name": names::SERVICE_ACCOUNT, "namespace": names::NAMESPACE
            }),
        ),
        binding(
            names::CLUSTER_OWNER_BINDING,
            "cluster-admin",
            &json!({
                "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": CLUSTER_OWNER_GROUP
            }),
        ),
        credentials(&parameters.server_url, token),
        key_secret(),
        deployment(parameters, token),
    ]
}

fn labels() -> Value {
    json!({ "app.kubernetes.io/name": "grange-agent", "app.kubernetes.io/managed-by": "grange" })
}

fn namespaced(api_version: &str, kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": { "name": name, "namespace": names::NAMESPACE, "labels": labels() }
    })
}

fn service_account() -> Value {
    namespaced("v1", "ServiceAccount", names::SERVICE_ACCOUNT)
}

fn cluster_role() -> Value {
    let own = ["get", "patch", "update", "delete"];
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": names::CLUSTER_ROLE, "labels": labels() },
        "rules": [
            { "apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"] },
            // Extras are subresources of any name, which RBAC can only match by "*".
            { "apiGroups": ["authentication.k8s.io"], "resources": ["*"], "verbs": ["impersonate"] },
            { "apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"] },
            { "apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"] },
            { "apiGroups": [""], "resources": ["secrets"],
              "resourceNames": [names::CREDENTIALS_SECRET, names::KEY_SECRET], "verbs": own },
            { "apiGroups": [""], "resources": ["serviceaccounts"],
              "resourceNames": [names::SERVICE_ACCOUNT], "verbs": own },
            { "apiGroups": ["apps"], "resources": ["deployments"],
              "resourceNames": [names::DEPLOYMENT], "verbs": own },
            { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"],
              "resourceNames": [names::CLUSTER_ROLE], "verbs": own },
            { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterrolebindings"],
              "resourceNames": [names::CLUSTER_ROLE_BINDING, names::CLUSTER_OWNER_BINDING], "verbs": own }
        ]
    })
}

fn binding(name: &str, role: &str, subject: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": name, "labels": labels() },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [subject]
    })
}

fn credentials(server_url: &str, token: &str) -> Value {
    let mut secret = namespaced("v1", "Secret", names::CREDENTIALS_SECRET);
    secret["type"] = json!("Opaque");
    secret["data"] = json!({
        names::CREDENTIALS_URL_KEY: STANDARD.encode(server_url),
        names::CREDENTIALS_TOKEN_KEY: STANDARD.encode(token)
    });
    secret
}

/// Empty, so that the agent needs no right to create Secrets, which RBAC cannot limit to a name.
fn key_secret() -> Value {
    let mut secret = namespaced("v1", "Secret", names::KEY_SECRET);
    secret["type"] = json!("Opaque");
    secret
}

fn deployment(parameters: &Parameters<'_>, token: &str) -> Value {
    let custom = |key: &str| {
        parameters.customization.and_then(|custom| custom.get(key)).filter(|value| !value.is_null())
    };
    let mut tolerations = vec![
        json!({ "key": "node-role.kubernetes.io/controlplane", "value": "true", "effect": "NoSchedule" }),
        json!({ "key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule" }),
    ];
    if let Some(Value::Array(more)) = custom("appendTolerations") {
        tolerations.extend(more.iter().cloned());
    }
    let resources = custom("overrideResourceRequirements").cloned().unwrap_or_else(
        || json!({ "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "128Mi" } }),
    );
    let mut deployment = namespaced("apps/v1", "Deployment", names::DEPLOYMENT);
    deployment["spec"] = json!({
        "replicas": 1,
        "selector": { "matchLabels": { "app": APP } },
        "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } },
        "template": {
            "metadata": {
                "labels": { "app": APP },
                "annotations": { CREDENTIALS_ANNOTATION: credentials_hash(&parameters.server_url, token) }
            },
            "spec": {
                "serviceAccountName": names::SERVICE_ACCOUNT,
                "terminationGracePeriodSeconds": 30,
                "affinity": custom("overrideAffinity").cloned().unwrap_or_else(affinity),
                "tolerations": tolerations,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": AGENT_USER, "runAsGroup": AGENT_USER, "fsGroup": AGENT_USER,
                    "seccompProfile": { "type": "RuntimeDefault" }
                },
                "containers": [{
                    "name": "cluster-register",
                    "image": parameters.image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": ["agent"],
                    "env": environment(parameters),
                    "resources": resources,
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] }
                    },
                    "volumeMounts": [{
                        "name": "cattle-credentials", "mountPath": names::CREDENTIALS_DIRECTORY, "readOnly": true
                    }]
                }],
                "volumes": [{
                    "name": "cattle-credentials",
                    "secret": { "secretName": names::CREDENTIALS_SECRET, "defaultMode": CREDENTIALS_MODE }
                }]
            }
        }
    });
    deployment
}

fn environment(parameters: &Parameters<'_>) -> Vec<Value> {
    let mut environment = vec![
        json!({ "name": names::ENV_SERVER, "value": parameters.server_url }),
        json!({ "name": names::ENV_CA_CHECKSUM, "value": parameters.ca_checksum }),
        json!({ "name": ENV_CLUSTER_ID, "value": parameters.cluster }),
        json!({ "name": "CATTLE_CLUSTER", "value": "true" }),
    ];
    environment
        .extend(parameters.agent_env.iter().filter_map(|variable| serde_json::to_value(variable).ok()));
    environment
}

/// Where the agent prefers to run: beside the control plane, never on Windows, not twice on one node.
fn affinity() -> Value {
    let prefer = |key: &str, weight: u32| {
        json!({
            "weight": weight,
            "preference": { "matchExpressions": [{ "key": key, "operator": "In", "values": ["true"] }] }
        })
    };
    json!({
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{
                    "matchExpressions": [{ "key": "kubernetes.io/os", "operator": "NotIn", "values": ["windows"] }]
                }]
            },
            "preferredDuringSchedulingIgnoredDuringExecution": [
                prefer("node-role.kubernetes.io/controlplane", 100),
                prefer("node-role.kubernetes.io/control-plane", 100),
                prefer("cattle.io/cluster-agent", 1)
            ]
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{
                "weight": 100,
                "podAffinityTerm": {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {
                        "matchExpressions": [{ "key": "app", "operator": "In", "values": [APP] }]
                    }
                }
            }]
        }
    })
}

fn credentials_hash(server_url: &str, token: &str) -> String {
    let digest = Sha256::new().chain_update(server_url).chain_update(".").chain_update(token).finalize();
    digest[..5].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn parameters() -> Parameters<'static> {
        Parameters {
            cluster: "c-m-abcdefgh",
            server_url: "https://grange.example:8443".into(),
            ca_checksum: "c0ffee",
            image: "grange.example:8443/grange/agent:0.1.0".into(),
            agent_env: &[],
            customization: None,
        }
    }

    fn read(bytes: &[u8]) -> Vec<Value> {
        serde_saphyr::from_multiple(std::str::from_utf8(bytes).unwrap()).unwrap()
    }

    #[test]
    fn brings_exactly_what_the_agent_will_remove() {
        let documents = read(&render(&parameters(), "TOKEN").unwrap());
        let brought: BTreeSet<(String, String)> = documents
            .iter()
            .map(|document| {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                (text(&document["kind"]), text(&document["metadata"]["name"]))
            })
            .collect();
        let removed: BTreeSet<(String, String)> = names::OWNED
            .iter()
            .chain([&names::OWNER])
            .map(|object| (object.kind.to_owned(), object.name.to_owned()))
            .collect();
        assert_eq!(brought, removed);
        assert_eq!(documents.len(), brought.len());
        assert!(documents.len() <= 12);
        assert!(documents.iter().all(|document| document["kind"] != "Namespace"));
    }

    #[test]
    fn says_who_the_agent_is_and_where_it_goes() {
        let documents = read(&render(&parameters(), "TOKEN").unwrap());
        let find = |kind: &str, name: &str| {
            documents
                .iter()
                .find(|document| document["kind"] == kind && document["metadata"]["name"] == name)
                .unwrap()
        };
        let secret = find("Secret", "grange-agent-credentials");
        assert_eq!(secret["data"]["token"], STANDARD.encode("TOKEN"));
        assert_eq!(secret["data"]["url"], STANDARD.encode("https://grange.example:8443"));
        let deployment = find("Deployment", "cattle-cluster-agent");
        assert_eq!(deployment["spec"]["selector"]["matchLabels"], json!({ "app": "cattle-cluster-agent" }));
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(container["name"], "cluster-register");
        assert_eq!(container["image"], "grange.example:8443/grange/agent:0.1.0");
        assert_eq!(
            container["env"],
            json!([
                { "name": "CATTLE_SERVER", "value": "https://grange.example:8443" },
                { "name": "CATTLE_CA_CHECKSUM", "value": "c0ffee" },
                { "name": "GRANGE_CLUSTER_ID", "value": "c-m-abcdefgh" },
                { "name": "CATTLE_CLUSTER", "value": "true" }
            ])
        );
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["volumes"][0]["secret"]["defaultMode"], 256);
        let owner = find("ClusterRoleBinding", "grange-cluster-owner");
        assert_eq!(owner["roleRef"]["name"], "cluster-admin");
        assert_eq!(owner["subjects"][0]["name"], "grange:cluster:cluster-owner");
    }

    #[test]
    fn a_second_apply_changes_nothing() {
        let once = render(&parameters(), "TOKEN").unwrap();
        assert_eq!(once, render(&parameters(), "TOKEN").unwrap());
        let key = documents(&parameters(), "TOKEN")
            .into_iter()
            .find(|d| d["metadata"]["name"] == "grange-agent-key");
        let key = key.unwrap();
        assert!(key.get("data").is_none() && key.get("stringData").is_none(), "would wipe the agent's key");
        assert!(once.len() < MAX_MANIFEST_BYTES);
    }

    #[test]
    fn hostile_values_stay_values() {
        let nasty = "\"\n---\nkind: Namespace\n#";
        let agent_env = [EnvVar { name: "X".into(), value: Some(nasty.into()), value_from: None }];
        let hostile = Parameters {
            image: nasty.into(),
            server_url: nasty.into(),
            agent_env: &agent_env,
            ..parameters()
        };
        let documents = read(&render(&hostile, nasty).unwrap());
        assert_eq!(documents.len(), 7);
        let deployment = documents.iter().find(|document| document["kind"] == "Deployment").unwrap();
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], nasty);
        assert_eq!(container["env"][4]["value"], nasty);
    }

    #[test]
    fn customization_is_followed() {
        let customization = json!({
            "appendTolerations": [{ "key": "edge", "operator": "Exists" }],
            "overrideAffinity": { "nodeAffinity": {} },
            "overrideResourceRequirements": { "requests": { "memory": "64Mi" } }
        });
        let custom = Parameters { customization: Some(&customization), ..parameters() };
        let deployment = deployment(&custom, "TOKEN");
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["tolerations"][2]["key"], "edge");
        assert_eq!(pod["affinity"], json!({ "nodeAffinity": {} }));
        assert_eq!(pod["containers"][0]["resources"], json!({ "requests": { "memory": "64Mi" } }));
    }

    #[test]
    fn pods_are_replaced_when_the_token_changes() {
        let hash = |token: &str| {
            deployment(&parameters(), token)["spec"]["template"]["metadata"]["annotations"].clone()
        };
        assert_eq!(hash("A"), hash("A"));
        assert_ne!(hash("A"), hash("B"));
    }
}
