//! One of the two servers, as HTTP.
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use serde_json::Value;

use crate::case::{Person, Step};

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(120);
/// How long between two tries of a request that waits for a controller.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// Headers that are compared.
const COMPARED_HEADERS: &[&str] = &["content-type", "warning", "retry-after", "www-authenticate"];

/// An answer before or after masking.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
}

/// Where a server is, and its tokens.
#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) admin: String,
    pub(crate) user: String,
}

impl Side {
    /// Sends one request with its placeholders filled in.
    pub(crate) async fn send(&self, step: &Step, path: &str, body: &[u8]) -> Result<Answer> {
        let trying = async {
            loop {
                let answer = self.send_once(step, path, body).await?;
                if step.until.is_none_or(|code| code == answer.code) {
                    return Ok(answer);
                }
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        };
        match tokio::time::timeout(DEADLINE, trying).await {
            Ok(answer) => answer,
            Err(_) => bail!("no answer from {} in time", self.url),
        }
    }

    async fn send_once(&self, step: &Step, path: &str, body: &[u8]) -> Result<Answer> {
        let method = step.method.parse()?;
        let mut request = self.client.request(method, format!("{}{path}", self.url)).body(body.to_vec());
        request = match step.person {
            Person::Admin => request.bearer_auth(&self.admin),
            Person::User => request.bearer_auth(&self.user),
            Person::Anonymous => request,
            Person::Unknown => request.bearer_auth("nobody-issued-this"),
        };
        for (name, value) in &step.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.with_context(|| step.line())?;
        let headers = COMPARED_HEADERS.iter().map(|name| {
            let values = response.headers().get_all(*name).iter();
            let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
            (*name, values.join("\n"))
        });
        let headers: Vec<_> = headers.collect();
        let code = response.status().as_u16();
        let body = match step.events {
            Some(count) if code == 200 => events(response, count).await?,
            _ => {
                let yaml =
                    headers.iter().any(|(_, value): &(_, String)| value.starts_with("application/yaml"));
                let bytes = response.bytes().await?;
                if yaml { grange_apimachinery::yaml::parse(&bytes)?.value } else { parse(&bytes) }
            }
        };
        Ok(Answer { code, headers, body })
    }
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

/// The first events of a watch. Bookmarks come when a server likes; only the one that ends the initial events has a
/// place in the order.
async fn events(response: reqwest::Response, count: usize) -> Result<Value> {
    let mut events = Vec::new();
    let mut buffer = Vec::new();
    let mut stream = response.bytes_stream();
    while events.len() < count {
        let Some(chunk) = stream.next().await else { break };
        buffer.extend_from_slice(&chunk?);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            let mut event = parse(&line);
            if event["type"] == "BOOKMARK" {
                let metadata = &event["object"]["metadata"];
                if metadata["annotations"]["k8s.io/initial-events-end"] != "true" {
                    continue;
                }
                event["object"]["metadata"]["resourceVersion"] = "<bookmark's revision>".into();
            }
            if events.len() < count {
                events.push(event);
            }
        }
    }
    Ok(Value::Array(events))
}
