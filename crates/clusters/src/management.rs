//! The controller of `management.cattle.io/v3 Cluster`: makes what stands around a cluster and tells how it is.
use std::{collections::BTreeMap, time::Duration};

use grange_resources::{
    condition::find,
    management::{
        Cluster, ClusterRegistrationToken, ClusterRegistrationTokenSpec, ClusterRoleTemplateBinding,
        ClusterRoleTemplateBindingFields, ClusterStatus, Project, ProjectSpec, Registration, Subject,
    },
    names, provisioning,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Resource,
    api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    Error,
    conditions::{self, Known, Link, Setup},
    duty::{Duty, Question},
    error::{already_exists, chain},
    observation::{Observation, overlay},
    patch::write_status,
    removal,
    service::Context,
    watches::provisioned_by,
};

/// After a start agents get this long to come back before their clusters are called disconnected.
const SETTLING: Duration = Duration::from_secs(10);
/// How long to wait before the standard namespaces are tried again.
const NAMESPACE_RETRY: Duration = Duration::from_secs(1);
/// Projects of one cluster that are looked at to find its two own; they are the oldest.
const MAX_PROJECTS: u32 = 500;
/// The binding that makes a cluster's creator its owner, as Rancher names it.
const CREATOR_BINDING: &str = "creator-cluster-owner";
/// The role template of owners.
const OWNER_ROLE_TEMPLATE: &str = "cluster-owner";
/// Annotation that asks for no such binding.
const NO_CREATOR_ANNOTATION: &str = "field.cattle.io/no-creator-rbac";

/// Makes the namespaces that clients of Rancher expect.
pub(crate) async fn create_standard_namespaces(context: &Context) {
    let api: Api<Namespace> = Api::all(context.client());
    for name in names::STANDARD_NAMESPACES {
        while let Err(error) = create_namespace(&api, name, BTreeMap::new()).await {
            tracing::warn!(namespace = name, error = chain(&error), "a namespace cannot be created yet");
            tokio::time::sleep(NAMESPACE_RETRY).await;
        }
    }
}

pub(crate) async fn reconcile(context: &Context, id: &str) -> Result<Option<Duration>, Error> {
    let api: Api<Cluster> = Api::all(context.client());
    let Some(cluster) = api.get_opt(id).await? else {
        context.forget(id);
        return Ok(None);
    };
    let old = cluster.status.clone().unwrap_or_default();
    let mut observation = context.observations.of(id);
    // The object may be newer than what the watch brought.
    observation.registration =
        overlay(&old.registration.clone().unwrap_or_default(), &observation.registration);
    let has_news = observation.registration != old.registration.clone().unwrap_or_default();
    let duty = duty(context, id, &old, has_news);
    if duty == Duty::Others {
        return Ok(None);
    }
    if cluster.metadata.deletion_timestamp.is_some() {
        if duty == Duty::Ours {
            removal::reconcile(context, &api, &cluster).await?;
        }
        return Ok(None);
    }
    add_finalizer(&api, &cluster).await?;
    create_provisioning(context, &api, &cluster, id).await?;
    let setup = set_up(context, &cluster, id).await;
    let (link, again) = match duty {
        Duty::Ours => link(context, id, &old),
        // Of the connection only the other knows.
        Duty::Tell | Duty::Others => (Link::Unsettled, None),
    };
    let mut status = old.clone();
    let (image, server_url) = (context.agent_image(&cluster.spec), context.config.settings.server_url());
    let known = Known {
        id,
        image: &image,
        server_url: server_url.as_str(),
        setup: &setup,
        observation: &observation,
        link: &link,
    };
    let now = Timestamp::now();
    conditions::update(&mut status.conditions, &known, now);
    if observation.registration != Registration::default() {
        status.registration = Some(observation.registration.clone());
    }
    let again = again.or_else(|| conditions::next_look(&status.conditions, &observation.registration, now));
    describe(&mut status, context, &cluster, &observation, &link);
    write_status(&api, id, &old, &status).await?;
    match setup.obstacle() {
        Some(obstacle) => Err(Error::State(obstacle)),
        None => Ok(again),
    }
}

impl Setup {
    fn obstacle(&self) -> Option<String> {
        [&self.namespace, &self.token, &self.default_project, &self.system_project, &self.creator]
            .into_iter()
            .find_map(|step| step.as_ref().err().cloned())
    }
}

/// Whether this server is the one to act on a cluster, of those that share the state.
fn duty(context: &Context, id: &str, status: &ClusterStatus, has_news: bool) -> Duty {
    let Some(peers) = &context.config.peers else { return Duty::Ours };
    peers.duty(Question {
        server: status.server.as_deref(),
        is_connected: is_connected(status),
        is_here: context.config.registry.is_connected(id),
        has_news,
    })
}

/// What the status says of the tunnel.
fn is_connected(status: &ClusterStatus) -> bool {
    find(&status.conditions, "Connected").is_some_and(|condition| condition.is_true())
}

/// The cluster's tunnel now, and when to look again.
fn link(context: &Context, id: &str, status: &ClusterStatus) -> (Link, Option<Duration>) {
    if context.config.registry.is_connected(id) {
        return (Link::Up, None);
    }
    if let Some(absence) = context.config.registry.absence(id) {
        let since = Timestamp::try_from(absence.since).unwrap_or_else(|_| Timestamp::now());
        return (Link::Down { lost: Some((since, absence.reason)) }, None);
    }
    let was_connected = is_connected(status);
    let left = SETTLING.saturating_sub(context.started.elapsed());
    if was_connected && !left.is_zero() {
        return (Link::Unsettled, Some(left));
    }
    let peers = context.config.peers.as_ref();
    if was_connected && peers.is_some_and(|peers| peers.is_gone(status.server.as_deref())) {
        let reason = "the server that it was connected to is gone".to_owned();
        return (Link::Down { lost: Some((Timestamp::now(), reason)) }, None);
    }
    (Link::Down { lost: None }, None)
}

/// The fields of status beside the conditions.
fn describe(
    status: &mut ClusterStatus,
    context: &Context,
    cluster: &Cluster,
    observation: &Observation,
    link: &Link,
) {
    let spec = &cluster.spec;
    let label = cluster.metadata.labels.as_ref().and_then(|labels| labels.get(names::PROVIDER_LABEL));
    if let Some(provider) = label {
        status.provider = Some(provider.clone());
    }
    if observation.registration.manifest_fetched.is_some() {
        status.agent_image = Some(context.agent_image(spec));
        status.applied_agent_env_vars.clone_from(&spec.agent_env_vars);
    }
    if *link == Link::Up {
        status.driver = Some("imported".to_owned());
        status.server = context.config.peers.as_ref().map(|peers| peers.identity.clone());
    }
    if let Some(probe) = &observation.probe {
        if let Some(version) = &probe.version {
            status.version = Some(version.clone());
        }
        if let Some(endpoint) = &probe.api_endpoint {
            status.api_endpoint = Some(endpoint.clone());
        }
        if let Some(nodes) = &probe.nodes {
            status.node_count = Some(nodes.count);
            status.linux_worker_count = Some(nodes.linux_workers);
            status.capacity.clone_from(&nodes.capacity);
            status.allocatable.clone_from(&nodes.allocatable);
            if nodes.is_harvester {
                status.provider = Some(names::PROVIDER_HARVESTER.to_owned());
            }
        }
    }
    let info = status.info.get_or_insert_default();
    info.machine_provider.clone_from(&status.provider);
    info.kubernetes_version = status.version.as_ref().map(|version| version.git_version.clone());
    info.node_count = status.node_count;
    if let Some(nodes) = observation.probe.as_ref().and_then(|probe| probe.nodes.as_ref()) {
        info.arch.clone_from(&nodes.architecture);
    }
}

/// Hooks add the finalizer; this is for objects that came around them.
async fn add_finalizer(api: &Api<Cluster>, cluster: &Cluster) -> Result<(), Error> {
    let mut finalizers = cluster.metadata.finalizers.clone().unwrap_or_default();
    if finalizers.iter().any(|finalizer| finalizer == names::CLUSTER_FINALIZER) {
        return Ok(());
    }
    finalizers.push(names::CLUSTER_FINALIZER.to_owned());
    let patch = json!({
        "metadata": { "finalizers": finalizers, "resourceVersion": cluster.metadata.resource_version }
    });
    let name = cluster.metadata.name.as_deref().unwrap_or_default();
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Path A: the client made the management object; its other half gets the id as its name.
async fn create_provisioning(
    context: &Context,
    api: &Api<Cluster>,
    cluster: &Cluster,
    id: &str,
) -> Result<(), Error> {
    if provisioned_by(cluster).is_some() {
        return Ok(());
    }
    let workspace = cluster.spec.fleet_workspace_name.as_deref().filter(|name| !name.is_empty());
    let workspace = workspace.unwrap_or(names::FLEET_DEFAULT);
    let provisioning: Api<provisioning::Cluster> = Api::namespaced(context.client(), workspace);
    match provisioning.create(&PostParams::default(), &to_provisioning(cluster, id)).await {
        Ok(_) => {}
        Err(error) if already_exists(&error) => {}
        Err(error) => return Err(error.into()),
    }
    let patch = json!({ "metadata": { "annotations": {
        names::PROVISIONED_BY_ANNOTATION: format!("{workspace}/{id}"),
        names::ADMINISTRATED_ANNOTATION: "false"
    } } });
    api.patch(id, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

fn to_provisioning(cluster: &Cluster, id: &str) -> provisioning::Cluster {
    let metadata = &cluster.metadata;
    // What Rancher itself wrote there means something only there; the provider is what people look for.
    let own = |map: &Option<BTreeMap<String, String>>| -> BTreeMap<String, String> {
        let is_copied = |key: &String| {
            (!key.contains("cattle.io") && !key.contains("kubectl.kubernetes.io"))
                || key == names::PROVIDER_LABEL
        };
        map.iter().flatten().filter(|(key, _)| is_copied(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let mut annotations = own(&metadata.annotations);
    annotations.insert(names::MANAGEMENT_NAME_ANNOTATION.to_owned(), id.to_owned());
    annotations.insert(names::DISPLAY_NAME_ANNOTATION.to_owned(), cluster.spec.display_name.clone());
    for key in [names::CREATOR_ID_ANNOTATION, names::DESCRIPTION_ANNOTATION] {
        if let Some(value) = metadata.annotations.as_ref().and_then(|annotations| annotations.get(key)) {
            annotations.insert(key.to_owned(), value.clone());
        }
    }
    provisioning::Cluster {
        metadata: ObjectMeta {
            name: Some(id.to_owned()),
            labels: Some(own(&metadata.labels)),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        spec: provisioning::ClusterSpec {
            agent_env_vars: cluster.spec.agent_env_vars.clone(),
            ..provisioning::ClusterSpec::default()
        },
        status: None,
    }
}

/// Makes what is missing around a cluster.
async fn set_up(context: &Context, cluster: &Cluster, id: &str) -> Setup {
    let namespace = in_words("namespace", create_cluster_namespace(context, id).await);
    if namespace.is_err() {
        let waiting = Err(format!("Waiting for namespace {id}"));
        return Setup {
            namespace,
            creator: waiting.clone(),
            default_project: waiting.clone(),
            system_project: waiting.clone(),
            token: waiting,
        };
    }
    let (token, projects, creator) = tokio::join!(
        create_token(context, id),
        create_projects(context, id),
        create_owner_binding(context, cluster, id)
    );
    let (default_project, system_project) = projects;
    Setup {
        namespace,
        token: in_words("ClusterRegistrationToken default-token", token),
        default_project: in_words("project Default", default_project),
        system_project: in_words("project System", system_project),
        creator: in_words("the creator's role binding", creator),
    }
}

fn in_words(what: &str, result: Result<(), Error>) -> Result<(), String> {
    result.map_err(|error| format!("Waiting for {what}: {error}"))
}

async fn create_cluster_namespace(context: &Context, id: &str) -> Result<(), Error> {
    let api: Api<Namespace> = Api::all(context.client());
    let annotation = (names::SYSTEM_NAMESPACE_ANNOTATION.to_owned(), "true".to_owned());
    create_namespace(&api, id, BTreeMap::from([annotation])).await
}

async fn create_namespace(
    api: &Api<Namespace>,
    name: &str,
    annotations: BTreeMap<String, String>,
) -> Result<(), Error> {
    if let Some(existing) = api.get_opt(name).await? {
        return match existing.metadata.deletion_timestamp {
            None => Ok(()),
            Some(_) => Err(Error::State(format!("namespace {name} is being deleted"))),
        };
    }
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    };
    create(api, &Namespace { metadata, ..Namespace::default() }).await
}

async fn create_token(context: &Context, id: &str) -> Result<(), Error> {
    let api: Api<ClusterRegistrationToken> = Api::namespaced(context.client(), id);
    if api.get_opt(names::DEFAULT_TOKEN).await?.is_some() {
        return Ok(());
    }
    let spec = ClusterRegistrationTokenSpec {
        cluster_name: id.to_owned(),
        ..ClusterRegistrationTokenSpec::default()
    };
    create(&api, &ClusterRegistrationToken::new(names::DEFAULT_TOKEN, spec)).await
}

async fn create_projects(context: &Context, id: &str) -> (Result<(), Error>, Result<(), Error>) {
    let api: Api<Project> = Api::namespaced(context.client(), id);
    let list = match api.list(&ListParams::default().limit(MAX_PROJECTS)).await {
        Ok(list) => list,
        Err(error) => return (Err(error.into()), Err(Error::State("projects cannot be listed".to_owned()))),
    };
    let has = |label: &str| {
        list.iter()
            .any(|project| project.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(label)))
    };
    let make = async |label: &str, display_name: &str| -> Result<(), Error> {
        if has(label) {
            return Ok(());
        }
        let project = Project {
            metadata: ObjectMeta {
                generate_name: Some("p-".to_owned()),
                labels: Some(BTreeMap::from([(label.to_owned(), "true".to_owned())])),
                ..ObjectMeta::default()
            },
            spec: ProjectSpec {
                cluster_name: id.to_owned(),
                display_name: display_name.to_owned(),
                description: Some(format!("{display_name} project created for the cluster")),
                ..ProjectSpec::default()
            },
            status: None,
        };
        create(&api, &project).await
    };
    (make(names::DEFAULT_PROJECT_LABEL, "Default").await, make(names::SYSTEM_PROJECT_LABEL, "System").await)
}

async fn create_owner_binding(context: &Context, cluster: &Cluster, id: &str) -> Result<(), Error> {
    let annotations = cluster.metadata.annotations.as_ref();
    let annotation = |key: &str| annotations.and_then(|annotations| annotations.get(key));
    let Some(creator) = annotation(names::CREATOR_ID_ANNOTATION) else { return Ok(()) };
    if annotation(NO_CREATOR_ANNOTATION).is_some_and(|value| value == "true") {
        return Ok(());
    }
    let api: Api<ClusterRoleTemplateBinding> = Api::namespaced(context.client(), id);
    if api.get_opt(CREATOR_BINDING).await?.is_some() {
        return Ok(());
    }
    let fields = ClusterRoleTemplateBindingFields {
        cluster_name: id.to_owned(),
        role_template_name: OWNER_ROLE_TEMPLATE.to_owned(),
        subject: Subject { user_name: creator.clone(), ..Subject::default() },
        ..ClusterRoleTemplateBindingFields::default()
    };
    create(&api, &ClusterRoleTemplateBinding::new(CREATOR_BINDING, fields)).await
}

/// Creates an object; one that is there already is as good.
async fn create<K>(api: &Api<K>, object: &K) -> Result<(), Error>
where
    K: Resource + Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    match api.create(&PostParams::default(), object).await {
        Ok(_) => Ok(()),
        Err(error) if already_exists(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provisioning_object_of_path_a_is_named_like_the_id() {
        let cluster: Cluster = serde_json::from_value(json!({
            "apiVersion": "management.cattle.io/v3", "kind": "Cluster",
            "metadata": {"name": "c-abcde", "labels": {
                "provider.cattle.io": "harvester", "cattle.io/creator": "norman", "site": "north"},
                "annotations": {"field.cattle.io/creatorId": "user-abcde", "lifecycle.cattle.io/create.x": "true"}},
            "spec": {"displayName": "Harv", "agentEnvVars": [{"name": "A", "value": "b"}]}
        }))
        .unwrap();
        let made = to_provisioning(&cluster, "c-abcde");
        assert_eq!(made.metadata.name.as_deref(), Some("c-abcde"));
        let labels = made.metadata.labels.unwrap();
        assert_eq!(labels.keys().collect::<Vec<_>>(), ["provider.cattle.io", "site"]);
        let annotations = made.metadata.annotations.unwrap();
        assert_eq!(annotations[names::MANAGEMENT_NAME_ANNOTATION], "c-abcde");
        assert_eq!(annotations[names::DISPLAY_NAME_ANNOTATION], "Harv");
        assert_eq!(annotations[names::CREATOR_ID_ANNOTATION], "user-abcde");
        assert!(!annotations.contains_key("lifecycle.cattle.io/create.x"));
        assert_eq!(made.spec.agent_env_vars, cluster.spec.agent_env_vars);
    }
}
