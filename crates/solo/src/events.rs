//! Events (`v1`) about what the cluster does, as `kubectl describe` and the console show them. Only the newest are kept.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use grange_apimachinery::{Object, time};
use rand::RngExt as _;
use serde_json::json;

use crate::{
    client::{Client, Key},
    kinds,
};

/// Writes events and takes the oldest away.
pub(crate) struct Recorder {
    client: Client,
    kept: Mutex<VecDeque<Key>>,
    limit: usize,
}

impl Recorder {
    pub(crate) fn new(client: Client, limit: usize) -> Self {
        Recorder { client, kept: Mutex::new(VecDeque::new()), limit }
    }

    /// Takes account of the events of an earlier run.
    pub(crate) async fn adopt(&self) {
        match self.client.list(&kinds::EVENTS, "", "").await {
            Ok(events) => {
                let mut events: Vec<_> = (events.iter())
                    .map(|event| (event.text(&["metadata", "creationTimestamp"]).to_owned(), Key::of(event)))
                    .collect();
                events.sort();
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(events.into_iter().map(|(_, key)| key));
            }
            Err(error) => tracing::debug!(%error, "events of an earlier run"),
        }
    }

    /// Says that something happened to an object. A failure to say so is not worth failing over.
    pub(crate) async fn record(
        &self,
        about: &Object,
        warning: bool,
        reason: &str,
        message: &str,
        source: &str,
    ) {
        let now = time::now();
        let suffix: u64 = rand::rng().random();
        let namespace = if about.namespace().is_empty() { "default" } else { about.namespace() };
        let key = Key::new(namespace, &format!("{}.{suffix:016x}", about.name()));
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": key.name, "namespace": key.namespace},
            "involvedObject": {
                "apiVersion": about.api_version(), "kind": about.kind(), "name": about.name(),
                "namespace": about.namespace(), "uid": about.uid(),
                "resourceVersion": about.resource_version(),
            },
            "type": if warning { "Warning" } else { "Normal" },
            "reason": reason, "message": message,
            "source": {"component": source}, "reportingComponent": source, "reportingInstance": "",
            "firstTimestamp": now, "lastTimestamp": now, "count": 1,
        });
        let serde_json::Value::Object(event) = event else { return };
        if let Err(error) = self.client.create(&kinds::EVENTS, &Object(event)).await {
            return tracing::debug!(%error, reason, "event could not be recorded");
        }
        let oldest = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_back(key);
            if kept.len() > self.limit { kept.pop_front() } else { None }
        };
        if let Some(oldest) = oldest {
            let _ = self.client.delete(&kinds::EVENTS, &oldest, None).await;
        }
    }
}
