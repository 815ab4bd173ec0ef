//! Reads the current context of a kubeconfig: token or client certificate, inline or in files.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use grange_apimachinery::yaml;
use serde::Deserialize;

use super::access::{Access, Parts, Source};

/// Why a kubeconfig cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// Not YAML of the right form.
    #[error("it cannot be parsed: {0}")]
    Parse(String),
    /// A name that nothing carries.
    #[error("it has no {kind} named {name:?}")]
    Missing {
        /// What is missing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Inline data that is not base64.
    #[error("{0} is not base64")]
    Base64(&'static str),
    /// Something this agent does not do.
    #[error("{0} is not supported here; use a token or a client certificate")]
    Unsupported(&'static str),
    /// No credential.
    #[error("its user has neither a token nor a client certificate")]
    NoCredential,
    /// The server's address.
    #[error("its server {0}")]
    Server(String),
}

#[derive(Deserialize)]
struct Kubeconfig {
    #[serde(rename = "current-context", default)]
    current_context: String,
    #[serde(default)]
    clusters: Vec<Named<Cluster>>,
    #[serde(default)]
    contexts: Vec<Named<Context>>,
    #[serde(default)]
    users: Vec<Named<User>>,
}

#[derive(Deserialize)]
struct Named<T> {
    name: String,
    #[serde(alias = "cluster", alias = "context", alias = "user")]
    value: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority_data: Option<String>,
    certificate_authority: Option<String>,
    tls_server_name: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    client_certificate_data: Option<String>,
    client_certificate: Option<String>,
    client_key_data: Option<String>,
    client_key: Option<String>,
    exec: Option<serde::de::IgnoredAny>,
    username: Option<serde::de::IgnoredAny>,
}

/// Reads the current context; relative paths start at `folder`.
pub fn read_kubeconfig(text: &str, folder: &Path) -> Result<Access, KubeconfigError> {
    let document = yaml::parse(text.as_bytes()).map_err(|error| KubeconfigError::Parse(error.message))?;
    let config: Kubeconfig =
        serde_json::from_value(document.value).map_err(|error| KubeconfigError::Parse(error.to_string()))?;
    let context = find(&config.contexts, "context", &config.current_context)?;
    let cluster = find(&config.clusters, "cluster", &context.cluster)?;
    let user = find(&config.users, "user", &context.user)?;
    if cluster.insecure_skip_tls_verify {
        return Err(KubeconfigError::Unsupported("insecure-skip-tls-verify"));
    }
    if user.exec.is_some() {
        return Err(KubeconfigError::Unsupported("an exec credential"));
    }
    if user.username.is_some() {
        return Err(KubeconfigError::Unsupported("a user name with password"));
    }
    let source = |data: &Option<String>, file: &Option<String>, what: &'static str| match (data, file) {
        (Some(data), _) => STANDARD
            .decode(data.trim())
            .map(|bytes| Some(Source::Inline(bytes.into())))
            .map_err(|_| KubeconfigError::Base64(what)),
        (None, Some(file)) => Ok(Some(Source::File(folder.join(file)))),
        (None, None) => Ok(None),
    };
    let token = match (&user.token, &user.token_file) {
        (_, Some(file)) => Some(Source::File(folder.join(file))),
        (Some(token), None) => Some(Source::Inline(token.as_bytes().into())),
        (None, None) => None,
    };
    let certificate =
        source(&user.client_certificate_data, &user.client_certificate, "client-certificate-data")?
            .zip(source(&user.client_key_data, &user.client_key, "client-key-data")?);
    if token.is_none() && certificate.is_none() {
        return Err(KubeconfigError::NoCredential);
    }
    let roots = source(
        &cluster.certificate_authority_data,
        &cluster.certificate_authority,
        "certificate-authority-data",
    )?;
    let server_name = cluster.tls_server_name.clone();
    Access::new(Parts { url: cluster.server.clone(), server_name, token, roots, certificate })
        .map_err(KubeconfigError::Server)
}

fn find<'a, T>(list: &'a [Named<T>], kind: &'static str, name: &str) -> Result<&'a T, KubeconfigError> {
    list.iter()
        .find(|entry| entry.name == name)
        .map(|entry| &entry.value)
        .ok_or_else(|| KubeconfigError::Missing { kind, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts:\n- name: x\n  context: {{cluster: c, user: u}}\n\
             clusters:\n- name: c\n  cluster: {cluster}\nusers:\n- name: u\n  user: {user}\n"
        )
    }

    fn check(cluster: &str, user: &str, expect: Result<(&str, u16), &str>) {
        let read = read_kubeconfig(&config(cluster, user), Path::new("/nowhere"));
        match (read, expect) {
            (Ok(access), Ok(address)) => assert_eq!(access.address(), address),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (read, expect) => panic!("{read:?}, expected {expect:?}"),
        }
    }

    #[test]
    fn kubeconfigs() {
        check("{server: 'https://[::1]:6443'}", "{token: t}", Ok(("::1", 6443)));
        check("{server: 'https://k/'}", "{tokenFile: t}", Ok(("k", 443)));
        check(
            "{server: 'https://k', certificate-authority-data: YQ==}",
            "{client-certificate-data: YQ==, client-key-data: YQ==}",
            Ok(("k", 443)),
        );
        check("{server: 'https://[]'}", "{token: t}", Err("no host"));
        check("{server: 'http://k'}", "{token: t}", Err("https://"));
        check("{server: 'https://k/k8s/clusters/x'}", "{token: t}", Err("path"));
        check("{server: 'https://k', insecure-skip-tls-verify: true}", "{token: t}", Err("insecure"));
        check("{server: 'https://k', certificate-authority-data: '%'}", "{token: t}", Err("base64"));
        check("{server: 'https://k'}", "{}", Err("neither"));
        check("{server: 'https://k'}", "{exec: {command: x}}", Err("exec"));
    }

    #[test]
    fn a_missing_context_is_named() {
        let error = read_kubeconfig("current-context: nope", Path::new("/")).unwrap_err();
        assert_eq!(error.to_string(), "it has no context named \"nope\"");
    }
}
