//! Letting a cluster go: its agent removes what the import brought, then the server forgets it.
//!
//! A cluster that cannot be reached is removed at once all the same; then condition `Removed` and the log list exactly
//! what stays behind in it, and the commands that remove that. Each step may be done twice.
use std::time::Duration;

use grange_resources::{
    condition::find,
    management::{Cluster, ClusterStatus},
    names, provisioning,
};
use grange_wire::{Lane, Refusal, RefusalCode};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Resource, api::DeleteParams};
use serde::de::DeserializeOwned;

use crate::{
    Error, conditions, enrolment,
    error::{is_conflict, is_not_found},
    patch::{remove_finalizer, write_status},
    service::Context,
    watches::provisioned_by,
};

/// How long the agent may take to remove what the import brought.
const UNINSTALL_WAIT: Duration = Duration::from_secs(10);
/// The condition that tells of the removal.
const REMOVED: &str = "Removed";

pub(crate) async fn reconcile(context: &Context, api: &Api<Cluster>, cluster: &Cluster) -> Result<(), Error> {
    let id = cluster.metadata.name.as_deref().unwrap_or_default();
    let finalizers = cluster.metadata.finalizers.as_deref().unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == names::CLUSTER_FINALIZER) {
        return Ok(());
    }
    delete_provisioning(context, cluster, id).await?;
    let status = cluster.status.clone().unwrap_or_default();
    // Once told of, the agent's part is over: what was there to ask has gone.
    if find(&status.conditions, REMOVED).is_none() {
        let (reason, message) = remove_agent(context, id, &status).await;
        let mut told = status.clone();
        conditions::set(&mut told.conditions, REMOVED, "Unknown", reason, &message, Timestamp::now());
        write_status(api, id, &status, &told).await?;
    }
    let refusal = Refusal::new(RefusalCode::ClusterDeleted, "the cluster was deleted on the server");
    context.config.registry.close(id, refusal).await;
    enrolment::release_identity(context, id).await?;
    if delete_namespace(context, id).await? {
        // The watch on namespaces brings us back when everything in it is gone.
        return Ok(());
    }
    // Read anew: status was written a moment ago.
    if let Some(cluster) = api.get_opt(id).await? {
        remove_finalizer(api, &cluster).await?;
        tracing::info!(cluster = id, display_name = cluster.spec.display_name, "cluster removed");
    }
    context.forget(id);
    Ok(())
}

async fn delete_provisioning(context: &Context, cluster: &Cluster, id: &str) -> Result<(), Error> {
    let Some((namespace, name)) = provisioned_by(cluster) else { return Ok(()) };
    let api: Api<provisioning::Cluster> = Api::namespaced(context.client(), namespace);
    let Some(other) = api.get_opt(name).await? else { return Ok(()) };
    let is_ours = other.status.as_ref().and_then(|status| status.cluster_name.as_deref()) == Some(id);
    if is_ours && other.metadata.deletion_timestamp.is_none() {
        delete(&api, name).await?;
    }
    Ok(())
}

/// Has the agent remove what the import brought. Reason and sentence for the condition.
async fn remove_agent(context: &Context, id: &str, status: &ClusterStatus) -> (&'static str, String) {
    let is_true = |kind: &str| find(&status.conditions, kind).is_some_and(|condition| condition.is_true());
    let obstacle = match context.config.registry.session(id, Lane::Interactive) {
        Some(session) => match tokio::time::timeout(UNINSTALL_WAIT, session.uninstall()).await {
            Ok(Ok(removal)) => {
                tracing::info!(cluster = id, removed = ?removal.removed, "the agent removed itself");
                let message = format!("The agent removed from the cluster: {}", removal.removed.join(", "));
                return ("AgentRemoved", message);
            }
            Ok(Err(error)) => format!("its agent could not remove itself: {error}"),
            Err(_) => format!("its agent did not answer within {} s", UNINSTALL_WAIT.as_secs()),
        },
        None if !is_true("ManifestFetched") && !is_true("AgentDeployed") => {
            return (
                "NothingInstalled",
                "The manifest was never fetched, so nothing was installed".to_owned(),
            );
        }
        None => "its agent is not connected".to_owned(),
    };
    let message = leftovers(&obstacle);
    tracing::warn!(cluster = id, "{message}");
    ("Unreachable", message)
}

/// What stays in a cluster whose agent cannot be asked, and how to remove it.
fn leftovers(obstacle: &str) -> String {
    use grange_wire::names::{NAMESPACE, OWNED, OWNER};
    let all: Vec<_> = OWNED.iter().chain([&OWNER]).collect();
    let listed: Vec<String> = all.iter().map(|object| format!("{} {}", object.kind, object.name)).collect();
    let (inside, outside): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|object| object.collection.contains("/namespaces/"));
    let arguments = |objects: Vec<&grange_wire::names::Object>| {
        let names: Vec<String> =
            objects.iter().map(|object| format!("{}/{}", object.kind.to_lowercase(), object.name)).collect();
        names.join(" ")
    };
    format!(
        "The cluster was removed from the server, but {obstacle}. Left in the cluster (namespace {NAMESPACE}): {}. \
         Remove them there with: kubectl -n {NAMESPACE} delete --ignore-not-found {}; \
         kubectl delete --ignore-not-found {}",
        listed.join(", "),
        arguments(inside),
        arguments(outside)
    )
}

/// Whether the cluster's namespace is still there; asks for its end.
async fn delete_namespace(context: &Context, id: &str) -> Result<bool, Error> {
    let api: Api<Namespace> = Api::all(context.client());
    let Some(namespace) = api.get_opt(id).await? else { return Ok(false) };
    if namespace.metadata.deletion_timestamp.is_none() {
        delete(&api, id).await?;
        // It may have been empty and gone at once.
        return Ok(api.get_opt(id).await?.is_some());
    }
    Ok(true)
}

async fn delete<K>(api: &Api<K>, name: &str) -> Result<(), Error>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    match api.delete(name, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) || is_conflict(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_named_with_the_commands_that_remove_them() {
        let text = leftovers("its agent is not connected");
        assert!(
            text.ends_with(
                "Remove them there with: kubectl -n cattle-system delete --ignore-not-found \
                 serviceaccount/grange-agent secret/grange-agent-credentials secret/grange-agent-key \
                 deployment/cattle-cluster-agent; kubectl delete --ignore-not-found \
                 clusterrolebinding/grange-agent clusterrolebinding/grange-cluster-owner clusterrole/grange-agent"
            ),
            "{text}"
        );
    }
}
