//! What happens to our objects, as keys in the queue. Watches only wake controllers: what they act on is read anew.
use std::{collections::HashSet, fmt::Debug};

use futures::StreamExt;
use grange_resources::{
    management::{self, ClusterRegistrationToken, Project},
    names, provisioning,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Resource,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;

use crate::{error::chain, id, queue::Key, service::Context, tokens::object_key};

/// Follows all kinds until it is dropped.
pub(crate) async fn run(context: &Context) {
    tokio::join!(
        follow_provisioning(context),
        follow_management(context),
        follow_tokens(context),
        follow_projects(context),
        follow_namespaces(context),
    );
}

async fn follow_provisioning(context: &Context) {
    follow::<provisioning::Cluster>(context, |event| {
        if let Event::Apply(cluster) | Event::InitApply(cluster) | Event::Delete(cluster) = &event {
            let (namespace, name) = namespaced_name(cluster);
            context.queue.add(Key::provisioning(namespace, name));
            // When the provisioning object is gone, its other half may be waiting for that.
            if let (Event::Delete(_), Some(id)) =
                (&event, cluster.status.as_ref().and_then(|s| s.cluster_name.as_ref()))
            {
                context.queue.add(Key::management(id));
            }
        }
    })
    .await;
}

async fn follow_management(context: &Context) {
    let mut listed = HashSet::new();
    follow::<management::Cluster>(context, move |event| {
        match &event {
            Event::Init => listed.clear(),
            Event::InitApply(cluster) | Event::Apply(cluster) => {
                let name = namespaced_name(cluster).1;
                context.config.directory.put(name, &cluster.spec.display_name);
                let created = cluster.metadata.creation_timestamp.as_ref().map(|time| time.0);
                let stored = cluster.status.as_ref().and_then(|status| status.registration.as_ref());
                context.observations.remember(name, created, stored);
                if matches!(event, Event::InitApply(_)) {
                    listed.insert(name.to_owned());
                }
            }
            Event::Delete(cluster) => context.config.directory.remove(namespaced_name(cluster).1),
            Event::InitDone => {
                let listed = std::mem::take(&mut listed);
                context.config.directory.retain(|id| listed.contains(id));
            }
        }
        if let Event::InitApply(cluster) | Event::Apply(cluster) | Event::Delete(cluster) = &event {
            context.queue.add(Key::management(namespaced_name(cluster).1));
            if let Some((namespace, name)) = provisioned_by(cluster) {
                context.queue.add(Key::provisioning(namespace, name));
            }
        }
    })
    .await;
}

async fn follow_tokens(context: &Context) {
    let mut listed = HashSet::new();
    follow::<ClusterRegistrationToken>(context, move |event| match event {
        Event::Init => listed.clear(),
        Event::InitApply(token) => {
            listed.insert(object_key(&token));
            context.tokens.put(&token);
        }
        Event::Apply(token) => context.tokens.put(&token),
        Event::InitDone => {
            let listed = std::mem::take(&mut listed);
            context.tokens.retain(|key| listed.contains(key));
        }
        Event::Delete(token) => {
            context.tokens.remove(&token);
            context.queue.add(Key::management(namespaced_name(&token).0));
        }
    })
    .await;
}

/// A deleted project is made again if a cluster cannot be without it.
async fn follow_projects(context: &Context) {
    follow::<Project>(context, |event| {
        if let Event::Delete(project) = &event {
            context.queue.add(Key::management(namespaced_name(project).0));
        }
    })
    .await;
}

/// A removal waits until the cluster's namespace is gone.
async fn follow_namespaces(context: &Context) {
    follow::<Namespace>(context, |event| {
        if let Event::Delete(namespace) = &event {
            let name = namespaced_name(namespace).1;
            if id::is_cluster_id(name) {
                context.queue.add(Key::management(name));
            }
        }
    })
    .await;
}

async fn follow<K>(context: &Context, mut on_event: impl FnMut(Event<K>))
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let api: Api<K> = Api::all(context.client());
    let stream = watcher(api, watcher::Config::default()).default_backoff();
    futures::pin_mut!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => on_event(event),
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), error = chain(&error), "a watch broke off and is started again");
            }
        }
    }
}

fn namespaced_name<K: Resource>(object: &K) -> (&str, &str) {
    let metadata = object.meta();
    (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}

/// The provisioning object a management Cluster belongs to, as namespace and name.
pub(crate) fn provisioned_by(cluster: &management::Cluster) -> Option<(&str, &str)> {
    cluster.metadata.annotations.as_ref()?.get(names::PROVISIONED_BY_ANNOTATION)?.split_once('/')
}
