//! The admin's kubeconfig: one context for each cluster.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// One cluster in a kubeconfig.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) server: String,
    pub(crate) authority_pem: &'a str,
    pub(crate) token: &'a str,
}

/// The file's text. JSON is YAML, and every client reads it.
pub(crate) fn render(entries: &[Entry<'_>]) -> String {
    let all = |make: &dyn Fn(&Entry<'_>) -> Value| entries.iter().map(make).collect::<Vec<_>>();
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": all(&|entry| json!({
            "name": entry.name,
            "cluster": {
                "server": entry.server,
                "certificate-authority-data": STANDARD.encode(entry.authority_pem),
            },
        })),
        "users": all(&|entry| json!({"name": entry.name, "user": {"token": entry.token}})),
        "contexts": all(&|entry| json!({
            "name": entry.name, "context": {"cluster": entry.name, "user": entry.name},
        })),
        "current-context": entries.first().map(|entry| entry.name).unwrap_or(""),
    });
    grange_apimachinery::yaml::to_string(&config)
}
