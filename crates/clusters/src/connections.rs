//! Follows which clusters are connected, and asks each of those how it is: one task a cluster, none waits for another.
use std::{collections::HashMap, sync::Arc, time::Duration};

use grange_tunnel::Event;
use grange_wire::Lane;
use tokio::{
    sync::broadcast::error::RecvError,
    task::{AbortHandle, JoinSet},
};

use crate::{probe::probe, queue::Key, service::Context};

/// How often a healthy cluster is asked.
const PROBE_INTERVAL: Duration = Duration::from_secs(15);
/// How soon a cluster that is not healthy is asked again at first; the wait doubles up to [`PROBE_INTERVAL`].
const FIRST_PROBE_RETRY: Duration = Duration::from_millis(500);

/// Runs until it is dropped.
pub(crate) async fn run(context: &Arc<Context>) {
    let mut events = context.config.registry.subscribe();
    let mut tasks = JoinSet::new();
    let mut probes: HashMap<Arc<str>, AbortHandle> = HashMap::new();
    resync(context, &mut tasks, &mut probes);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(Event::Connected { cluster }) => connected(context, &mut tasks, &mut probes, cluster),
                Ok(Event::Disconnected { cluster, .. }) => disconnected(context, &mut probes, &cluster),
                Err(RecvError::Lagged(_)) => resync(context, &mut tasks, &mut probes),
                Err(RecvError::Closed) => return,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

fn connected(
    context: &Arc<Context>,
    tasks: &mut JoinSet<()>,
    probes: &mut HashMap<Arc<str>, AbortHandle>,
    cluster: Arc<str>,
) {
    context.queue.add(Key::management(&cluster));
    let task = tasks.spawn(probe_for_ever(context.clone(), cluster.clone()));
    if let Some(old) = probes.insert(cluster, task) {
        old.abort();
    }
}

fn disconnected(context: &Context, probes: &mut HashMap<Arc<str>, AbortHandle>, cluster: &Arc<str>) {
    if let Some(task) = probes.remove(cluster) {
        task.abort();
    }
    context.observations.probed(cluster, None);
    context.queue.add(Key::management(cluster));
}

/// Starts from what is connected now, at the beginning and when events were missed.
fn resync(context: &Arc<Context>, tasks: &mut JoinSet<()>, probes: &mut HashMap<Arc<str>, AbortHandle>) {
    let live: std::collections::HashSet<Arc<str>> =
        context.config.registry.sessions().into_iter().map(|session| session.cluster).collect();
    let gone: Vec<Arc<str>> = probes.keys().filter(|cluster| !live.contains(*cluster)).cloned().collect();
    for cluster in gone {
        disconnected(context, probes, &cluster);
    }
    for cluster in live {
        if !probes.contains_key(&cluster) {
            connected(context, tasks, probes, cluster);
        }
    }
}

async fn probe_for_ever(context: Arc<Context>, cluster: Arc<str>) {
    let mut retry = FIRST_PROBE_RETRY;
    loop {
        let mut wait = retry;
        if let Some(session) = context.config.registry.session(&cluster, Lane::Interactive) {
            let answer = probe(&session).await;
            if answer.health.is_ok() && answer.nodes.is_some() {
                (wait, retry) = (PROBE_INTERVAL, FIRST_PROBE_RETRY);
            } else {
                retry = retry.saturating_mul(2).min(PROBE_INTERVAL);
            }
            if context.observations.probed(&cluster, Some(answer)) {
                context.queue.add(Key::management(&cluster));
            }
        }
        tokio::time::sleep(wait).await;
    }
}
