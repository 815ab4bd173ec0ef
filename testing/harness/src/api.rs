//! A plain client of a Kubernetes-style API: JSON in, status code and JSON out.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use reqwest::{Method, header};
use serde_json::Value;

use crate::Kubeconfig;

/// Longest wait for one answer; far above anything promised, so that a hang becomes a failure.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status code.
    pub code: u16,
    /// Headers.
    pub headers: header::HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The JSON body of a 2xx answer, anything else as an error with its text.
    pub fn success(self) -> Result<Value> {
        if !(200..300).contains(&self.code) {
            bail!("{} {}", self.code, self.text);
        }
        Ok(self.json())
    }
}

/// A client of one address with one identity.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    /// A client as a kubeconfig describes it.
    pub fn new(kubeconfig: &Kubeconfig) -> Result<Self> {
        let client = reqwest::Client::builder()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&kubeconfig.ca_pem)?)
            .no_proxy()
            .build()?;
        Ok(Api {
            client,
            base: kubeconfig.server.trim_end_matches('/').to_owned(),
            token: kubeconfig.token.clone(),
        })
    }

    /// The same identity at a path below, such as `/k8s/clusters/<id>`.
    pub fn below(&self, path: &str) -> Self {
        Api { base: format!("{}{path}", self.base), ..self.clone() }
    }

    /// The same address with another token; `""` sends none.
    pub fn with_token(&self, token: &str) -> Self {
        Api { token: token.to_owned(), ..self.clone() }
    }

    /// The address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request under construction, for what the short forms do not cover.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let response = request.timeout(REQUEST_TIMEOUT).send().await?;
        let (code, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { code, headers, text: response.text().await? })
    }

    /// GET, whatever the answer.
    pub async fn try_get(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// GET that must succeed.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.try_get(path).await?.success().with_context(|| format!("GET {path}"))
    }

    /// POST that must succeed.
    pub async fn create(&self, path: &str, object: &Value) -> Result<Value> {
        let answer = self.send(self.request(Method::POST, path).json(object)).await?;
        answer.success().with_context(|| format!("POST {path}"))
    }

    /// Merge patch that must succeed.
    pub async fn merge_patch(&self, path: &str, patch: &Value) -> Result<Value> {
        let request = self
            .request(Method::PATCH, path)
            .header(header::CONTENT_TYPE, "application/merge-patch+json")
            .body(patch.to_string());
        self.send(request).await?.success().with_context(|| format!("PATCH {path}"))
    }

    /// DELETE that must succeed.
    pub async fn delete(&self, path: &str) -> Result<Value> {
        self.send(self.request(Method::DELETE, path))
            .await?
            .success()
            .with_context(|| format!("DELETE {path}"))
    }

    /// Opens a watch (or any streamed answer) and hands over one JSON line after another.
    pub async fn lines(&self, path: &str) -> Result<Lines> {
        let response = self.request(Method::GET, path).send().await?;
        let code = response.status().as_u16();
        if code != 200 {
            bail!("GET {path}: {code} {}", response.text().await?);
        }
        Ok(Lines { stream: response.bytes_stream().boxed(), buffer: Vec::new() })
    }
}

/// The JSON lines of a streamed answer.
pub struct Lines {
    stream: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: Vec<u8>,
}

impl Lines {
    /// The next line, `None` at the end of the stream.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            match self.stream.next().await {
                Some(chunk) => self.buffer.extend_from_slice(&chunk?),
                None => return Ok(None),
            }
        }
    }
}
