//! The controller of `provisioning.cattle.io/v1 Cluster`: makes its management object and tells how that is.
use std::{collections::BTreeMap, time::Duration};

use grange_resources::{
    condition::find,
    management::{self, ClusterSpec},
    names,
    provisioning::{Cluster, ClusterStatus},
};
use jiff::Timestamp;
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    Error, conditions,
    error::{already_exists, is_not_found},
    id,
    patch::{remove_finalizer, write_status},
    service::Context,
    watches::provisioned_by,
};

/// Copied to no other object: it is what kubectl remembers about this one.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The steps whose sentences explain why a cluster is not ready, in the order of an import.
const STEPS: [&str; 7] = [
    "BackingNamespaceCreated",
    "DefaultProjectCreated",
    "SystemProjectCreated",
    "ManifestFetched",
    "AgentEnrolled",
    "Connected",
    "Ready",
];

pub(crate) async fn reconcile(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<Duration>, Error> {
    if !context.leads() {
        return Ok(None);
    }
    let api: Api<Cluster> = Api::namespaced(context.client(), namespace);
    let Some(cluster) = api.get_opt(name).await? else { return Ok(None) };
    let clusters: Api<management::Cluster> = Api::all(context.client());
    let id = cluster.status.as_ref().and_then(|status| status.cluster_name.clone());
    let managed = match &id {
        Some(id) => clusters.get_opt(id).await?,
        None => None,
    };
    let own = managed.as_ref().filter(|managed| belongs(managed, namespace, name));
    if cluster.metadata.deletion_timestamp.is_some() {
        return remove(&api, &clusters, &cluster, own).await;
    }
    let Some(id) = id else {
        return assign_id(context, &api, name).await;
    };
    match (&managed, own) {
        (Some(_), None) => taken(context, &api, &cluster, &id).await,
        (Some(_), Some(managed)) => {
            tell(&api, &cluster, Some(managed)).await?;
            Ok(None)
        }
        (None, _) => {
            match clusters.create(&PostParams::default(), &to_management(&cluster, &id)).await {
                Ok(managed) => tell(&api, &cluster, Some(&managed)).await?,
                // Somebody else's object: the next round looks whose.
                Err(error) if already_exists(&error) => return Ok(Some(Duration::ZERO)),
                Err(error) => return Err(error.into()),
            }
            tracing::info!(cluster = id, name, namespace, "cluster created");
            Ok(None)
        }
    }
}

/// Whether the management object was made from this provisioning object, or this from it (path A).
fn belongs(managed: &management::Cluster, namespace: &str, name: &str) -> bool {
    match provisioned_by(managed) {
        Some(by) => by == (namespace, name),
        None => managed.metadata.name.as_deref() == Some(name),
    }
}

/// Both halves go together; this one goes last.
async fn remove(
    api: &Api<Cluster>,
    clusters: &Api<management::Cluster>,
    cluster: &Cluster,
    own: Option<&management::Cluster>,
) -> Result<Option<Duration>, Error> {
    match own {
        Some(managed) if managed.metadata.deletion_timestamp.is_none() => {
            let name = managed.metadata.name.as_deref().unwrap_or_default();
            match clusters.delete(name, &DeleteParams::default()).await {
                Ok(_) => Ok(None),
                Err(error) if is_not_found(&error) => Ok(Some(Duration::ZERO)),
                Err(error) => Err(error.into()),
            }
        }
        Some(_) => Ok(None),
        None => {
            remove_finalizer(api, cluster).await?;
            Ok(None)
        }
    }
}

/// Objects that came around the hook (restored ones) get their id here.
async fn assign_id(context: &Context, api: &Api<Cluster>, name: &str) -> Result<Option<Duration>, Error> {
    let drawn = std::iter::repeat_with(id::management_id)
        .find(|drawn| !context.config.directory.has_id(drawn))
        .unwrap_or_default();
    let patch = json!({ "status": { "clusterName": drawn } });
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(None)
}

/// The id belongs to another cluster: a drawn one is drawn anew, one that was asked for cannot be had.
async fn taken(
    context: &Context,
    api: &Api<Cluster>,
    cluster: &Cluster,
    id: &str,
) -> Result<Option<Duration>, Error> {
    let name = cluster.metadata.name.as_deref().unwrap_or_default();
    let annotations = cluster.metadata.annotations.as_ref();
    if annotations.is_none_or(|annotations| !annotations.contains_key(names::MANAGEMENT_NAME_ANNOTATION)) {
        return assign_id(context, api, name).await;
    }
    let message = format!(
        "The id {id}, asked for by annotation {}, belongs to another cluster; create this one again with another id",
        names::MANAGEMENT_NAME_ANNOTATION
    );
    let old = cluster.status.clone().unwrap_or_default();
    let mut status = old.clone();
    let now = Timestamp::now();
    conditions::set(&mut status.conditions, "Stalled", "True", "IdTaken", &message, now);
    conditions::set(&mut status.conditions, "Reconciling", "False", "", "", now);
    conditions::set(&mut status.conditions, "Ready", "False", "IdTaken", &message, now);
    write_status(api, name, &old, &status).await?;
    Ok(None)
}

/// The management object in the words of its provisioning object.
fn to_management(cluster: &Cluster, id: &str) -> management::Cluster {
    let metadata = &cluster.metadata;
    let (namespace, name) =
        (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default());
    let mut annotations: BTreeMap<String, String> = metadata.annotations.clone().unwrap_or_default();
    annotations.remove(LAST_APPLIED);
    let description = annotations.get(names::DESCRIPTION_ANNOTATION).cloned();
    annotations.insert(names::ADMINISTRATED_ANNOTATION.to_owned(), "false".to_owned());
    annotations.insert(names::PROVISIONED_BY_ANNOTATION.to_owned(), format!("{namespace}/{name}"));
    let spec = ClusterSpec {
        display_name: name,
        description,
        fleet_workspace_name: Some(namespace),
        agent_env_vars: cluster.spec.agent_env_vars.clone(),
        imported_config: Some(json!({})),
        cluster_agent_deployment_customization: cluster.spec.cluster_agent_deployment_customization.clone(),
        enable_network_policy: cluster.spec.enable_network_policy,
        local_cluster_auth_endpoint: cluster.spec.local_cluster_auth_endpoint.clone(),
        ..ClusterSpec::default()
    };
    management::Cluster {
        metadata: ObjectMeta {
            name: Some(id.to_owned()),
            labels: metadata.labels.clone(),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        spec,
        status: None,
    }
}

/// Status from the management object.
async fn tell(
    api: &Api<Cluster>,
    cluster: &Cluster,
    managed: Option<&management::Cluster>,
) -> Result<(), Error> {
    let old = cluster.status.clone().unwrap_or_default();
    let mut status = old.clone();
    describe(&mut status, cluster, managed, Timestamp::now());
    write_status(api, cluster.metadata.name.as_deref().unwrap_or_default(), &old, &status).await
}

fn describe(
    status: &mut ClusterStatus,
    cluster: &Cluster,
    managed: Option<&management::Cluster>,
    now: Timestamp,
) {
    status.fleet_workspace_name.clone_from(&cluster.metadata.namespace);
    status.observed_generation = cluster.metadata.generation;
    let empty = Vec::new();
    let below =
        managed.and_then(|managed| managed.status.as_ref()).map_or(&empty, |status| &status.conditions);
    let is_true = |kind: &str| find(below, kind).is_some_and(|condition| condition.is_true());
    let ready = is_true("Ready");
    status.ready = Some(ready);
    status.agent_deployed = Some(is_true("AgentDeployed"));
    let waits_for = STEPS
        .iter()
        .filter_map(|step| find(below, step))
        .find(|condition| !condition.is_true())
        .and_then(|condition| condition.message.clone())
        .unwrap_or_else(|| "Waiting for the cluster's objects to be created".to_owned());
    let conditions = &mut status.conditions;
    conditions::set(conditions, "Created", "True", "", "", now);
    conditions::set(conditions, "Stalled", "False", "", "", now);
    if ready {
        conditions::set(conditions, "Reconciling", "False", "", "", now);
        conditions::set(conditions, "Ready", "True", "", "", now);
    } else {
        conditions::set(conditions, "Reconciling", "True", "Reconciling", &waits_for, now);
        let below = find(below, "Ready");
        let (state, reason) = below.map_or(("Unknown", ""), |condition| {
            (condition.status.as_str(), condition.reason.as_deref().unwrap_or_default())
        });
        conditions::set(conditions, "Ready", state, reason, &waits_for, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Cluster {
        serde_json::from_value(json!({
            "apiVersion": "provisioning.cattle.io/v1", "kind": "Cluster",
            "metadata": {"name": "harv1", "namespace": "fleet-default", "generation": 2,
                "labels": {"provider.cattle.io": "harvester", "site": "north"},
                "annotations": {"field.cattle.io/description": "The lab", (LAST_APPLIED): "{}"}},
            "spec": {"agentEnvVars": [{"name": "HTTPS_PROXY", "value": "http://p"}]},
            "status": {"clusterName": "c-m-abcdefgh"}
        }))
        .unwrap()
    }

    #[test]
    fn the_management_object_says_the_same() {
        let managed = to_management(&cluster(), "c-m-abcdefgh");
        assert_eq!(managed.metadata.name.as_deref(), Some("c-m-abcdefgh"));
        assert_eq!(managed.metadata.labels, cluster().metadata.labels);
        let annotations = managed.metadata.annotations.clone().unwrap();
        assert_eq!(annotations["provisioning.cattle.io/administrated"], "false");
        assert!(!annotations.contains_key(LAST_APPLIED));
        assert_eq!(managed.spec.display_name, "harv1");
        assert_eq!(managed.spec.description.as_deref(), Some("The lab"));
        assert_eq!(managed.spec.fleet_workspace_name.as_deref(), Some("fleet-default"));
        assert_eq!(managed.spec.agent_env_vars, cluster().spec.agent_env_vars);
        assert!(belongs(&managed, "fleet-default", "harv1"));
        assert!(!belongs(&managed, "fleet-default", "harv2"));
    }

    #[test]
    fn status_follows_the_management_object() {
        let mut managed = to_management(&cluster(), "c-m-abcdefgh");
        let mut status = ClusterStatus::default();
        let now = Timestamp::now();
        let condition = |kind: &str, state: &str, message: &str| json!({"type": kind, "status": state, "message": message});
        let set = |managed: &mut management::Cluster, list: serde_json::Value| {
            managed.status = serde_json::from_value(json!({ "conditions": list })).unwrap();
        };
        set(
            &mut managed,
            json!([condition("Connected", "False", "Waiting for X"), condition("Ready", "Unknown", "Y")]),
        );
        describe(&mut status, &cluster(), Some(&managed), now);
        assert_eq!((status.ready, status.observed_generation), (Some(false), Some(2)));
        let reconciling = find(&status.conditions, "Reconciling").unwrap();
        assert_eq!(
            (reconciling.status.as_str(), reconciling.message.as_deref()),
            ("True", Some("Waiting for X"))
        );
        set(
            &mut managed,
            json!([
                condition("Connected", "True", ""),
                condition("Ready", "True", ""),
                condition("AgentDeployed", "True", "")
            ]),
        );
        describe(&mut status, &cluster(), Some(&managed), now);
        assert_eq!((status.ready, status.agent_deployed), (Some(true), Some(true)));
        assert!(find(&status.conditions, "Ready").unwrap().is_true());
        assert_eq!(find(&status.conditions, "Reconciling").unwrap().status, "False");
    }
}
