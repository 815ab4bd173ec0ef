//! The little of a kubeconfig that a client needs.

use std::path::Path;

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

/// Where a cluster is and how to enter it: the current context's server, CA and token.
#[derive(Clone)]
pub struct Kubeconfig {
    /// `https://host:port[/k8s/clusters/<id>]`.
    pub server: String,
    /// The CA, PEM.
    pub ca_pem: Vec<u8>,
    /// The bearer token.
    pub token: String,
}

impl Kubeconfig {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not a kubeconfig of ours", path.display()))
    }

    /// Reads the current context of a document (the first where none is named).
    pub fn parse(text: &str) -> Result<Self> {
        let document: Value = serde_saphyr::from_str(text)?;
        let named = |list: &str, name: &Value| -> Option<Value> {
            let items = document[list].as_array()?;
            items.iter().find(|item| name.is_null() || item["name"] == *name).cloned()
        };
        let context = named("contexts", &document["current-context"]).context("no context")?;
        let cluster = named("clusters", &context["context"]["cluster"]).context("no cluster")?;
        let user = named("users", &context["context"]["user"]).context("no user")?;
        let ca =
            cluster["cluster"]["certificate-authority-data"].as_str().context("no certificate authority")?;
        Ok(Kubeconfig {
            server: cluster["cluster"]["server"].as_str().context("no server")?.to_owned(),
            ca_pem: BASE64_STANDARD.decode(ca)?,
            token: user["user"]["token"].as_str().context("no token")?.to_owned(),
        })
    }
}
