//! Requests to the server.
use std::time::Duration;

use reqwest::{Certificate, Method, Response};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    config::{self, Connection},
    error::Error,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// How the server is trusted.
pub(crate) enum Trust<'a> {
    /// By the machine's own CAs.
    Public,
    /// By this CA alone.
    Pinned(&'a str),
    /// Not at all.
    Nothing,
}

/// A server one may talk to.
pub(crate) struct Remote {
    http: reqwest::Client,
    server: String,
    token: String,
}

impl Remote {
    /// The server of the last login.
    pub(crate) fn remembered() -> Result<Self, Error> {
        let connection = config::read()?.ok_or(Error::NotLoggedIn)?;
        Self::of(&connection)
    }
    pub(crate) fn of(connection: &Connection) -> Result<Self, Error> {
        let trust = if connection.insecure_skip_tls_verify {
            Trust::Nothing
        } else if connection.ca_pem.is_empty() {
            Trust::Public
        } else {
            Trust::Pinned(&connection.ca_pem)
        };
        Self::new(&connection.server, trust, &connection.token)
    }
    pub(crate) fn new(server: &str, trust: Trust<'_>, token: &str) -> Result<Self, Error> {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(true)
            .user_agent(concat!("grange/", env!("CARGO_PKG_VERSION")));
        let builder = match trust {
            Trust::Public => builder,
            Trust::Nothing => builder.tls_danger_accept_invalid_certs(true),
            Trust::Pinned(pem) => {
                let bundle = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| {
                    Error::Untrusted(format!("the CA of {server} cannot be read: {error}"))
                })?;
                builder.tls_certs_only(bundle)
            }
        };
        let http = builder
            .build()
            .map_err(|error| Error::Unexpected { server: server.into(), reason: chain(&error) })?;
        Ok(Remote { http, server: server.into(), token: token.into() })
    }
    pub(crate) fn server(&self) -> &str {
        &self.server
    }
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Error> {
        self.send(Method::GET, path, None).await
    }
    /// `None` where the server says 404.
    pub(crate) async fn find(&self, path: &str) -> Result<Option<Value>, Error> {
        match self.get(path).await {
            Ok(value) => Ok(Some(value)),
            Err(Error::Refused { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.send(Method::POST, path, Some(body)).await
    }
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Error> {
        self.send(Method::DELETE, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let mut request =
            self.http.request(method, format!("{}{path}", self.server)).header("accept", "application/json");
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request
            .send()
            .await
            .map_err(|error| Error::Unreachable { server: self.server.clone(), reason: chain(&error) })?;
        let code = response.status();
        let bytes = self.read(response).await?;
        let value: Option<Value> =
            if bytes.is_empty() { Some(Value::Null) } else { serde_json::from_slice(&bytes).ok() };
        if code.is_success() {
            return value.ok_or_else(|| Error::Unexpected {
                server: self.server.clone(),
                reason: format!("no JSON at {path}"),
            });
        }
        if code.as_u16() == 401 && !self.token.is_empty() {
            return Err(Error::SessionEnded { server: self.server.clone() });
        }
        let message = value
            .as_ref()
            .and_then(|value| value["message"].as_str())
            .map_or_else(|| format!("{} answered {code}", self.server), str::to_owned);
        Err(Error::Refused { code: code.as_u16(), message })
    }
    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let fail = |reason: String| Error::Unexpected { server: self.server.clone(), reason };
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| fail(chain(&error)))? {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(fail("the answer is too large".into()));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// SHA-256 of a CA as agents and `--ca-checksum` take it: the trimmed PEM with one newline.
pub(crate) fn ca_checksum(pem: &str) -> String {
    let digest = Sha256::new().chain_update(pem.trim().as_bytes()).chain_update(b"\n").finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An error with its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = error.to_string();
        // reqwest repeats the address, which the caller names anyway.
        if !part.starts_with("error sending request") && !text.contains(&part) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&part);
        }
        next = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}
