//! The files that the programs and their clients read: keys, certificates,
//! tokens and kubeconfigs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::certificates::{self, ADMIN_GROUP, ADMIN_NAME};
use crate::{USER_GROUP, USER_NAME};

/// How long a client waits for an answer. Watches are not made with it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Where they are, and of some what is in them. Tokens are made for one
/// cluster and end with it.
pub(crate) struct Files {
    pub(crate) authority: PathBuf,
    pub(crate) authority_key: PathBuf,
    pub(crate) authority_pem: String,
    pub(crate) server_certificate: PathBuf,
    pub(crate) server_key: PathBuf,
    pub(crate) service_accounts_public_key: PathBuf,
    pub(crate) service_accounts_key: PathBuf,
    pub(crate) tokens: PathBuf,
    pub(crate) admin_token: String,
    pub(crate) user_token: String,
    pub(crate) admin_kubeconfig: PathBuf,
    pub(crate) certificate_kubeconfig: PathBuf,
    pub(crate) user_kubeconfig: PathBuf,
    admin_certificate: PathBuf,
    admin_key: PathBuf,
}

// Without the tokens.
impl std::fmt::Debug for Files {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Files")
            .field("admin_kubeconfig", &self.admin_kubeconfig)
            .finish_non_exhaustive()
    }
}

impl Files {
    /// Makes everything that does not depend on the ports, in `folder`.
    pub(crate) fn write(folder: &Path) -> Result<Self> {
        let made = certificates::generate()?;
        let admin_token = Uuid::new_v4().simple().to_string();
        let user_token = Uuid::new_v4().simple().to_string();
        // Lines of: token, user, UID, "group,group".
        let tokens = format!(
            "{admin_token},{ADMIN_NAME},{ADMIN_NAME}-uid,\"{ADMIN_GROUP}\"\n\
             {user_token},{USER_NAME},{USER_NAME}-uid,\"{USER_GROUP}\"\n"
        );
        let save = |name: &str, content: &str| -> Result<PathBuf> {
            let path = folder.join(name);
            fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
            Ok(path)
        };
        Ok(Self {
            authority: save("ca.crt", &made.authority.certificate_pem)?,
            authority_key: save("ca.key", &made.authority.key_pem)?,
            server_certificate: save("server.crt", &made.server.certificate_pem)?,
            server_key: save("server.key", &made.server.key_pem)?,
            service_accounts_public_key: save(
                "service-accounts.pub",
                &made.service_accounts.certificate_pem,
            )?,
            service_accounts_key: save("service-accounts.key", &made.service_accounts.key_pem)?,
            tokens: save("tokens.csv", &tokens)?,
            admin_kubeconfig: folder.join("admin.kubeconfig"),
            certificate_kubeconfig: folder.join("certificate.kubeconfig"),
            user_kubeconfig: folder.join("user.kubeconfig"),
            admin_certificate: save("admin.crt", &made.admin.certificate_pem)?,
            admin_key: save("admin.key", &made.admin.key_pem)?,
            authority_pem: made.authority.certificate_pem,
            admin_token,
            user_token,
        })
    }

    /// Writes the kubeconfigs of the API server at `url`.
    pub(crate) fn write_kubeconfigs(&self, url: &str) -> Result<()> {
        let by_certificate = json!({
            "client-certificate": self.admin_certificate,
            "client-key": self.admin_key,
        });
        let kubeconfigs = [
            (&self.admin_kubeconfig, ADMIN_NAME, json!({"token": self.admin_token})),
            (&self.certificate_kubeconfig, ADMIN_NAME, by_certificate),
            (&self.user_kubeconfig, USER_NAME, json!({"token": self.user_token})),
        ];
        for (path, user, credentials) in kubeconfigs {
            // JSON is YAML.
            let text = format!("{:#}\n", self.kubeconfig(url, user, &credentials));
            fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }

    fn kubeconfig(&self, url: &str, user: &str, credentials: &Value) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": self.authority}}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        })
    }

    /// A client that trusts this authority and no other.
    pub(crate) fn client(&self, token: Option<&str>) -> Result<reqwest::Client> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let mut value =
                HeaderValue::try_from(format!("Bearer {token}")).context("a token as a header")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let authority =
            reqwest::Certificate::from_pem(self.authority_pem.as_bytes()).context("reading the authority")?;
        reqwest::Client::builder()
            .tls_certs_only([authority])
            .default_headers(headers)
            .no_proxy()
            .timeout(REQUEST_TIMEOUT)
            .build()
            .context("making a client")
    }
}
