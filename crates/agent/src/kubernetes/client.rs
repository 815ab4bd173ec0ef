//! The agent's own few calls to its apiserver, as JSON.

use std::time::Duration;

use bytes::Bytes;
use grange_tunnel::Body;
use http::{
    HeaderValue, Method, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::pool::{Pool, PoolError};

/// How long one of the agent's own calls may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest answer to one of them.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
const MERGE_PATCH: &str = "application/merge-patch+json";
const JSON: &str = "application/json";

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// No answer.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// No answer in time.
    #[error("the apiserver did not answer {path} within {} s", CALL_TIMEOUT.as_secs())]
    TimedOut {
        /// Of which path.
        path: String,
    },
    /// An answer that says no.
    #[error("the apiserver answered {path} with {status}: {message}")]
    Refused {
        /// Of which path.
        path: String,
        /// The status.
        status: StatusCode,
        /// `message` of its `Status`, or its text.
        message: String,
    },
    /// An answer that is no JSON.
    #[error("the apiserver's answer to {path} is not the JSON it should be")]
    Nonsense {
        /// Of which path.
        path: String,
    },
}

impl KubernetesError {
    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, KubernetesError::Refused { status, .. } if *status == StatusCode::NOT_FOUND)
    }

    /// Whether the object exists already or changed meanwhile.
    pub fn is_conflict(&self) -> bool {
        matches!(self, KubernetesError::Refused { status, .. } if *status == StatusCode::CONFLICT)
    }
}

/// Calls as the agent itself. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pool: Pool,
}

impl Client {
    /// A client over these connections.
    pub fn new(pool: Pool) -> Self {
        Client { pool }
    }

    /// Reads an object or a list.
    pub async fn get(&self, path: &str) -> Result<Value, KubernetesError> {
        self.call(Method::GET, path, None).await
    }

    /// Creates an object in a collection.
    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, KubernetesError> {
        self.call(Method::POST, path, Some((JSON, object))).await
    }

    /// Applies a JSON merge patch.
    pub async fn patch(&self, path: &str, patch: &Value) -> Result<Value, KubernetesError> {
        self.call(Method::PATCH, path, Some((MERGE_PATCH, patch))).await
    }

    /// Deletes an object; what it owns goes in the background.
    pub async fn delete(&self, path: &str) -> Result<(), KubernetesError> {
        let options = serde_json::json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
        });
        self.call(Method::DELETE, path, Some((JSON, &options))).await.map(|_| ())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, &Value)>,
    ) -> Result<Value, KubernetesError> {
        let nonsense = || KubernetesError::Nonsense { path: path.to_owned() };
        let mut request = Request::new(Body::Empty);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| nonsense())?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.pool.access().authority().clone());
        headers.insert(ACCEPT, HeaderValue::from_static(JSON));
        headers.insert(USER_AGENT, HeaderValue::from_static("grange-agent"));
        if let Some(value) = self.pool.access().authorization().map_err(PoolError::from)? {
            headers.insert(AUTHORIZATION, value);
        }
        if let Some((content_type, value)) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            *request.body_mut() = serde_json::to_vec(value).map_err(|_| nonsense())?.into();
        }
        let exchange = async {
            let response = self.pool.send(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
                .collect()
                .await
                .map_err(|_| nonsense())?
                .to_bytes();
            Ok((status, body))
        };
        let (status, body) = timeout(CALL_TIMEOUT, Box::pin(exchange))
            .await
            .unwrap_or_else(|_| Err(KubernetesError::TimedOut { path: path.to_owned() }))?;
        if !status.is_success() {
            return Err(KubernetesError::Refused {
                path: path.to_owned(),
                status,
                message: message_of(&body),
            });
        }
        serde_json::from_slice(&body).map_err(|_| nonsense())
    }
}

/// What a failure's body says, shortened.
fn message_of(body: &Bytes) -> String {
    let status: Option<Value> = serde_json::from_slice(body).ok();
    let message = status.as_ref().and_then(|status| status["message"].as_str());
    match message {
        Some(message) => message.chars().take(256).collect(),
        None => String::from_utf8_lossy(&body[..body.len().min(256)]).trim().to_owned(),
    }
}
