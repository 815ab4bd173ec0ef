//! Pods on the cluster's one node.
//!
//! A Pod whose image is Grange's own runs as a child process ([`process`]); any other image is not there, as in a
//! cluster without a way to its registry, and its Pod waits with `ImagePullBackOff`. Pods of virtual machines
//! belong to [`crate::machines`] and are left alone here.
//!
//! INVARIANT: a Pod that has a process carries [`RUNNER_FINALIZER`], which goes only after the process is gone: so a
//! deletion is seen as Terminating for as long as it takes, and no process outlives its Pod.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use grange_apimachinery::{Object, time};
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    client::{Client, ClientError, Key},
    events::Recorder,
    kinds,
    queue::{Outcome, Queue, Reconcile},
    registration::fetch::Fetcher,
};

mod environment;
mod files;
mod images;
pub(crate) mod logs;
mod process;
pub(crate) mod status;

use logs::LogBook;

/// The end of the repository path of Grange's own image, whatever its registry and tag.
pub(crate) const AGENT_IMAGE_PATH: &str = "grange/agent";
/// Keeps a Pod until its process has ended.
pub(crate) const RUNNER_FINALIZER: &str = "grange.io/pod-runner";
/// How long after a failed pull a real node looks again; nothing changes here, so only once.
const IMAGE_PULL_BACKOFF_DELAY: Duration = Duration::from_secs(2);

/// What the runner needs of its cluster.
pub(crate) struct Node {
    /// The node's name.
    pub(crate) name: String,
    /// Its address.
    pub(crate) address: String,
    /// Where the cluster's API is reached.
    pub(crate) api_host: String,
    /// Its port.
    pub(crate) api_port: u16,
    /// The certificate authority of that API.
    pub(crate) authority_pem: String,
    /// What is run for Grange's own image.
    pub(crate) agent_program: PathBuf,
    /// Asks registries for images.
    pub(crate) registries: Arc<Fetcher>,
    /// Where each Pod gets a folder; private to this user.
    pub(crate) folder: PathBuf,
}

/// The runner.
pub(crate) struct Runner {
    shared: Arc<Shared>,
    running: Mutex<HashMap<Key, Running>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// What each Pod's process task shares with the runner.
struct Shared {
    client: Client,
    api: grange_apiserver::Handle,
    recorder: Arc<Recorder>,
    logs: Arc<LogBook>,
    node: Node,
    queue: Queue<Key>,
}

struct Running {
    uid: String,
    stop: CancellationToken,
    done: CancellationToken,
}

impl Runner {
    pub(crate) fn new(
        client: Client,
        api: grange_apiserver::Handle,
        recorder: Arc<Recorder>,
        logs: Arc<LogBook>,
        node: Node,
        queue: Queue<Key>,
        shutdown: CancellationToken,
    ) -> Self {
        let shared = Arc::new(Shared { client, api, recorder, logs, node, queue });
        Runner { shared, running: Mutex::new(HashMap::new()), tasks: TaskTracker::new(), shutdown }
    }

    /// Waits until every process has ended; they end by themselves at shutdown.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The Pods that have a process: what to look at again when a watch may have missed something.
    pub(crate) fn known(&self) -> Vec<Key> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the process of a Pod to end; says whether there is none (any more).
    fn stop(&self, key: &Key) -> bool {
        let mut running = self.lock();
        let Some(process) = running.get(key) else { return true };
        process.stop.cancel();
        let ended = process.done.is_cancelled();
        if ended {
            running.remove(key);
        }
        ended
    }

    fn start(&self, key: &Key, pod: Object) {
        let mut running = self.lock();
        if running.contains_key(key) || self.shutdown.is_cancelled() {
            return;
        }
        let (stop, done) = (self.shutdown.child_token(), CancellationToken::new());
        let process = Running { uid: pod.uid().to_owned(), stop: stop.clone(), done: done.clone() };
        running.insert(key.clone(), process);
        let (shared, key) = (self.shared.clone(), key.clone());
        self.tasks.spawn(async move {
            let _guard = done.drop_guard();
            process::run(&shared, &pod, stop).await;
            shared.queue.add_after(key, Duration::from_millis(1));
        });
    }
}

impl Reconcile for Runner {
    type Key = Key;
    type Error = ClientError;
    const NAME: &'static str = "pods";

    async fn reconcile(&self, key: &Key) -> Result<Outcome, ClientError> {
        let client = &self.shared.client;
        let Some(pod) = client.get(&kinds::PODS, key).await? else {
            self.stop(key);
            return Ok(Outcome::Done);
        };
        if pod.label("kubevirt.io") == Some("virt-launcher") {
            return Ok(Outcome::Done);
        }
        let other = self.lock().get(key).is_some_and(|running| running.uid != pod.uid());
        if other && !self.stop(key) {
            return Ok(Outcome::Done);
        }
        if pod.is_terminating() {
            if self.stop(key) && pod.finalizers().contains(&RUNNER_FINALIZER) {
                self.shared.logs.forget(pod.uid());
                let others: Vec<_> =
                    pod.finalizers().into_iter().filter(|name| *name != RUNNER_FINALIZER).collect();
                client.patch(&kinds::PODS, key, "", &json!({"metadata": {"finalizers": others}})).await?;
            }
            return Ok(Outcome::Done);
        }
        if pod.text(&["spec", "nodeName"]).is_empty() {
            let patch = json!({"spec": {"nodeName": self.shared.node.name}});
            client.patch(&kinds::PODS, key, "", &patch).await?;
            return Ok(Outcome::Done);
        }
        if !is_agent_image(image(&pod)) {
            return self.refuse_image(&pod).await;
        }
        if !pod.finalizers().contains(&RUNNER_FINALIZER) {
            let mut finalizers: Vec<Value> = pod.finalizers().into_iter().map(Value::from).collect();
            finalizers.push(RUNNER_FINALIZER.into());
            client.patch(&kinds::PODS, key, "", &json!({"metadata": {"finalizers": finalizers}})).await?;
            return Ok(Outcome::Done);
        }
        self.start(key, pod);
        Ok(Outcome::Done)
    }
}

impl Runner {
    async fn refuse_image(&self, pod: &Object) -> Result<Outcome, ClientError> {
        let statuses = pod.get(&["status", "containerStatuses"]);
        let reason = statuses
            .and_then(|statuses| statuses.pointer("/0/state/waiting/reason"))
            .and_then(Value::as_str)
            .unwrap_or("");
        let image = image(pod);
        let (waiting, event, next) = match reason {
            "ImagePullBackOff" => return Ok(Outcome::Done),
            "ErrImagePull" => (
                json!({"reason": "ImagePullBackOff", "message": format!("Back-off pulling image \"{image}\"")}),
                ("BackOff", format!("Back-off pulling image \"{image}\"")),
                Outcome::Done,
            ),
            _ => {
                let why = images::why_not(&self.shared.client, &self.shared.node.registries, image).await;
                let why = format!("failed to pull and unpack image \"{image}\": {why}");
                (
                    json!({"reason": "ErrImagePull", "message": why.clone()}),
                    ("Failed", format!("Failed to pull image \"{image}\": {why}")),
                    Outcome::Again(IMAGE_PULL_BACKOFF_DELAY),
                )
            }
        };
        let state = status::Container { state: json!({"waiting": waiting}), ..status::Container::default() };
        let status = status::of(pod, &self.shared.node, &state, &time::now());
        self.shared.client.patch_status(&kinds::PODS, &Key::of(pod), &status).await?;
        self.shared.recorder.record(pod, true, event.0, &event.1, "kubelet").await;
        Ok(next)
    }
}

/// The image of a Pod's first container.
pub(crate) fn image(pod: &Object) -> &str {
    pod.get(&["spec", "containers"])
        .and_then(|containers| containers.pointer("/0/image"))
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// Whether an image is Grange's own.
pub(crate) fn is_agent_image(image: &str) -> bool {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let repository = match name.rsplit_once(':') {
        // A colon before a slash belongs to the registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    };
    repository == AGENT_IMAGE_PATH
        || repository.strip_suffix(AGENT_IMAGE_PATH).is_some_and(|before| before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_image_is_known_by_its_path() {
        for (image, expected) in [
            ("grange/agent", true),
            ("grange/agent:v1", true),
            ("registry.lab:5000/grange/agent", true),
            ("10.0.0.1:8443/some/grange/agent:1.2@sha256:00", true),
            ("rancher/rancher-agent:v2", false),
            ("registry:5000/agent", false),
            ("x/notgrange/agent:v1", false),
            ("grange/agent/other", false),
            ("", false),
        ] {
            assert_eq!(is_agent_image(image), expected, "{image}");
        }
    }
}
