//! The environment of a container: what its spec says, what every Pod gets, and what tells Grange's agent that its
//! mounts are elsewhere.

use std::collections::BTreeMap;

use grange_apimachinery::Object;
use serde_json::Value;

use super::{Node, files::Files};
use crate::{
    client::{Client, ClientError, Key},
    kinds,
};

/// Names the folder that stands for the mount of the agent's credentials.
const CREDENTIALS_DIRECTORY: &str = "GRANGE_CREDENTIALS_DIR";
/// Names the folder that stands for `/var/run/secrets/kubernetes.io/serviceaccount`.
const SERVICE_ACCOUNT_DIRECTORY: &str = "GRANGE_SERVICE_ACCOUNT_DIR";
/// Tells the child that its standard input is a pipe from the one who started it: when it closes, that one is dead,
/// however it died, and the child must end.
const PARENT_PIPE: &str = "GRANGE_PARENT_PIPE";
/// What a child inherits of the environment of this process.
const INHERITED: [&str; 8] =
    ["PATH", "HOME", "TMPDIR", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "RUST_BACKTRACE"];

/// The whole environment; `Err` with a sentence when it needs something that is not there.
pub(super) async fn of(
    client: &Client,
    pod: &Object,
    node: &Node,
    files: &Files,
) -> Result<BTreeMap<String, String>, String> {
    let mut environment: BTreeMap<String, String> = INHERITED
        .iter()
        .filter_map(|name| std::env::var(name).ok().map(|value| ((*name).to_owned(), value)))
        .collect();
    let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
    set("HOSTNAME", pod.name().to_owned());
    set("KUBERNETES_SERVICE_HOST", node.api_host.clone());
    set("KUBERNETES_SERVICE_PORT", node.api_port.to_string());
    set("KUBERNETES_SERVICE_PORT_HTTPS", node.api_port.to_string());
    set("KUBERNETES_PORT", format!("tcp://{}:{}", node.api_host, node.api_port));
    let container = pod.get(&["spec", "containers"]).map_or(Value::Null, |list| list[0].clone());
    for source in container["envFrom"].as_array().into_iter().flatten() {
        environment.extend(env_from(client, pod, source).await?);
    }
    for entry in container["env"].as_array().into_iter().flatten() {
        let Some(name) = entry["name"].as_str() else { continue };
        let value = match entry["value"].as_str() {
            Some(text) => Some(expand(text, &environment)),
            None if entry["valueFrom"].is_null() => Some(String::new()),
            None => value_from(client, pod, node, &entry["valueFrom"]).await?,
        };
        if let Some(value) = value {
            environment.insert(name.to_owned(), value);
        }
    }
    // Last, so that a manifest cannot point the agent elsewhere.
    if let Some(folder) = &files.credentials {
        environment.insert(CREDENTIALS_DIRECTORY.into(), folder.display().to_string());
    }
    environment.insert(SERVICE_ACCOUNT_DIRECTORY.into(), files.service_account.display().to_string());
    environment.insert(PARENT_PIPE.into(), "stdin".into());
    Ok(environment)
}

async fn env_from(client: &Client, pod: &Object, source: &Value) -> Result<Vec<(String, String)>, String> {
    let prefix = source["prefix"].as_str().unwrap_or("");
    for (field, kind, secret) in
        [("secretRef", &kinds::SECRETS, true), ("configMapRef", &kinds::CONFIG_MAPS, false)]
    {
        let Some(name) = source[field]["name"].as_str() else { continue };
        let optional = source[field]["optional"] == true;
        return match data(client, kind, pod.namespace(), name, secret).await? {
            Some(data) => Ok((data.into_iter())
                .filter_map(|(key, value)| Some((format!("{prefix}{key}"), String::from_utf8(value).ok()?)))
                .collect()),
            None if optional => Ok(Vec::new()),
            None => Err(format!("{} {name:?} not found", kind.kind.to_lowercase())),
        };
    }
    Ok(Vec::new())
}

async fn value_from(
    client: &Client,
    pod: &Object,
    node: &Node,
    source: &Value,
) -> Result<Option<String>, String> {
    if let Some(path) = source["fieldRef"]["fieldPath"].as_str() {
        return field(pod, node, path).map(Some);
    }
    for (field, kind, secret) in
        [("secretKeyRef", &kinds::SECRETS, true), ("configMapKeyRef", &kinds::CONFIG_MAPS, false)]
    {
        let reference = &source[field];
        let (Some(name), Some(key)) = (reference["name"].as_str(), reference["key"].as_str()) else {
            continue;
        };
        let value = data(client, kind, pod.namespace(), name, secret)
            .await?
            .and_then(|mut data| data.remove(key))
            .and_then(|value| String::from_utf8(value).ok());
        return match value {
            Some(value) => Ok(Some(value)),
            None if reference["optional"] == true => Ok(None),
            None => Err(format!("couldn't find key {key} in {} {name}", kind.kind)),
        };
    }
    Ok(None)
}

fn field(pod: &Object, node: &Node, path: &str) -> Result<String, String> {
    Ok(match path {
        "metadata.name" => pod.name().to_owned(),
        "metadata.namespace" => pod.namespace().to_owned(),
        "metadata.uid" => pod.uid().to_owned(),
        "spec.nodeName" => node.name.clone(),
        "spec.serviceAccountName" => pod.text(&["spec", "serviceAccountName"]).to_owned(),
        "status.podIP" | "status.podIPs" | "status.hostIP" | "status.hostIPs" => node.address.clone(),
        other => return Err(format!("unsupported fieldPath: {other}")),
    })
}

/// The data of a Secret or ConfigMap.
pub(super) async fn data(
    client: &Client,
    kind: &kinds::Kind,
    namespace: &str,
    name: &str,
    secret: bool,
) -> Result<Option<BTreeMap<String, Vec<u8>>>, String> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let object =
        client.get(kind, &Key::new(namespace, name)).await.map_err(|error: ClientError| error.to_string())?;
    Ok(object.map(|object| {
        let data = object.get(&["data"]).and_then(Value::as_object);
        (data.into_iter().flatten())
            .filter_map(|(key, value)| {
                let text = value.as_str()?;
                let bytes = if secret { STANDARD.decode(text).ok()? } else { text.as_bytes().to_vec() };
                Some((key.clone(), bytes))
            })
            .collect()
    }))
}

/// Kubernetes' `$(NAME)`; `$$(NAME)` stays as `$(NAME)`.
fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(index) = rest.find('$') {
        out.push_str(&rest[..index]);
        rest = &rest[index..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix("$(").and_then(|after| after.split_once(')')) {
            match environment.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_expanded_as_in_kubernetes() {
        let environment = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (text, expected) in
            [("x$(A)y", "x1y"), ("$(B)", "$(B)"), ("$$(A)", "$(A)"), ("$A $", "$A $"), ("", "")]
        {
            assert_eq!(expand(text, &environment), expected, "{text}");
        }
    }
}
