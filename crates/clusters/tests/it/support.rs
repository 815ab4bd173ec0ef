//! A running management API with the controllers of this crate.
use std::{fmt::Debug, net::IpAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use grange_apimachinery::Status;
use grange_apiserver::{TokenAuthenticator, UserInfo};
use grange_clusters::{Config, Directory, Handle, HooksConfig, ManifestError, Service, definitions};
use grange_resources::{
    Condition, condition::find, management, management::ClusterRegistrationToken, provisioning,
};
use grange_settings::{Given, ServerUrl, Settings};
use grange_store::{Store, memory::MemoryStore};
use grange_tunnel::Registry;
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything may take before a test gives up.
pub const DEADLINE: Duration = Duration::from_secs(20);
pub const SERVER_URL: &str = "https://grange.example:8443";
pub const FROM: &str = "192.0.2.7";

struct Nobody;
impl TokenAuthenticator for Nobody {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<UserInfo>, Status>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

pub struct Server {
    pub clusters: Handle,
    pub registry: Registry,
    /// Acts as an administrator.
    pub admin: Client,
    pub store: Arc<dyn Store>,
    stop: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub async fn start() -> Server {
    start_on(Arc::new(MemoryStore::default())).await
}

pub async fn start_on(store: Arc<dyn Store>) -> Server {
    let directory = Directory::default();
    let settings = Settings::new(Given {
        server_url: ServerUrl::parse(SERVER_URL).unwrap(),
        is_server_url_chosen: false,
        ca_pem: String::new(),
        version: "test".into(),
    });
    let hooks = HooksConfig {
        settings: settings.clone(),
        ca_checksum: "c0ffee".into(),
        directory: directory.clone(),
    };
    let mut config = grange_apiserver::Config::new(store.clone(), Arc::new(Nobody));
    config.definitions = definitions(&hooks).unwrap();
    config.definitions.extend(grange_settings::definitions(&settings).unwrap());
    let (api, handle) = grange_apiserver::Service::new(config);
    let stop = CancellationToken::new();
    let mut running = vec![tokio::spawn(api.run(stop.clone()))];
    tokio::time::timeout(DEADLINE, handle.ready()).await.expect("the API is ready in time");
    let admin = UserInfo {
        username: "user-admin".into(),
        groups: vec!["system:masters".into(), "system:authenticated".into()],
        ..UserInfo::default()
    };
    let registry = Registry::new("test");
    let system = Client::new(handle.loopback(UserInfo::loopback()), "default");
    let (setting_service, mut is_set) = grange_settings::Service::new(system.clone(), settings.clone());
    running.push(tokio::spawn(setting_service.run(stop.clone())));
    is_set.wait_for(|ready| *ready).await.unwrap();
    let (service, clusters) = Service::new(Config {
        client: system,
        registry: registry.clone(),
        directory,
        settings,
        ca_checksum: "c0ffee".into(),
        agent_image: "grange/agent:test".into(),
        peers: None,
    });
    running.push(tokio::spawn(service.run(stop.clone())));
    let admin = Client::new(handle.loopback(admin), "default");
    let server = Server { clusters, registry, admin, store, stop, running };
    server
        .until("fleet-default exists", async || {
            let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(server.admin.clone());
            api.get_opt("cattle-local-user-passwords").await.unwrap().is_some()
        })
        .await;
    server
}

impl Server {
    /// Stops everything but the store; from then on nothing is written.
    pub async fn stop(mut self) -> Arc<dyn Store> {
        self.stop.cancel();
        for task in std::mem::take(&mut self.running) {
            task.await.unwrap();
        }
        self.store.clone()
    }

    /// Waits for a condition.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, waiting).await.is_err() {
            panic!("not within {DEADLINE:?}: {what}; clusters: {:#?}", self.clusters_as_text().await);
        }
    }

    async fn clusters_as_text(&self) -> Vec<String> {
        let list = self.management().list(&ListParams::default()).await.unwrap();
        list.iter().map(|cluster| serde_json::to_string(cluster).unwrap()).collect()
    }

    pub fn management(&self) -> Api<management::Cluster> {
        Api::all(self.admin.clone())
    }

    pub fn provisioning(&self) -> Api<provisioning::Cluster> {
        Api::namespaced(self.admin.clone(), "fleet-default")
    }

    pub fn tokens(&self, id: &str) -> Api<ClusterRegistrationToken> {
        Api::namespaced(self.admin.clone(), id)
    }

    /// Creates a provisioning Cluster as the documented flow does; its id.
    pub async fn create(&self, name: &str) -> String {
        let created = self.provisioning().create(&PostParams::default(), &harvester(name)).await.unwrap();
        created.status.unwrap().cluster_name.unwrap()
    }

    /// The same, and waits until its default token is there; id and token.
    pub async fn create_with_token(&self, name: &str) -> (String, String) {
        let id = self.create(name).await;
        let token = self.token(&id).await.status.unwrap().token.unwrap();
        (id, token)
    }

    pub async fn token(&self, id: &str) -> ClusterRegistrationToken {
        let api = self.tokens(id);
        self.until("default-token exists", async || api.get_opt("default-token").await.unwrap().is_some())
            .await;
        api.get("default-token").await.unwrap()
    }

    pub async fn cluster(&self, id: &str) -> management::Cluster {
        self.management().get(id).await.unwrap()
    }

    pub async fn conditions(&self, id: &str) -> Vec<Condition> {
        let cluster = self.management().get_opt(id).await.unwrap();
        cluster.and_then(|cluster| cluster.status).map(|status| status.conditions).unwrap_or_default()
    }

    /// Waits until the controllers have looked at a cluster after now: they repair what is deleted under them.
    pub async fn until_reconciled(&self, id: &str) {
        let api: Api<management::Project> = Api::namespaced(self.admin.clone(), id);
        let label = grange_resources::names::DEFAULT_PROJECT_LABEL;
        let list = async || api.list(&ListParams::default().labels(label)).await.unwrap().items;
        let old = list().await.remove(0).metadata;
        api.delete(old.name.as_deref().unwrap(), &Default::default()).await.unwrap();
        self.until("the Default project is made again", async || {
            list().await.iter().any(|project| project.metadata.uid != old.uid)
        })
        .await;
    }

    pub async fn condition(&self, id: &str, kind: &str) -> Condition {
        find(&self.conditions(id).await, kind).cloned().unwrap_or_default()
    }

    pub async fn until_condition(&self, id: &str, kind: &str, status: &str) -> Condition {
        self.until(&format!("{kind} of {id} is {status}"), async || {
            self.condition(id, kind).await.status == status
        })
        .await;
        self.condition(id, kind).await
    }

    pub async fn manifest(&self, file: &str) -> Result<String, ManifestError> {
        let from: IpAddr = FROM.parse().unwrap();
        let bytes = self.clusters.manifest(file, from, "Go-http-client/1.1").await?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Every object of every kind, as `kind namespace/name`, sorted.
    pub async fn everything(&self) -> Vec<String> {
        let mut kinds: Vec<(String, String, String, String)> =
            grange_resources::custom_resource_definitions()
                .iter()
                .filter(|definition| !matches!(definition.spec.names.plural.as_str(), "users" | "tokens"))
                .map(|definition| {
                    let (spec, names) = (&definition.spec, &definition.spec.names);
                    (
                        spec.group.clone(),
                        spec.versions[0].name.clone(),
                        names.kind.clone(),
                        names.plural.clone(),
                    )
                })
                .collect();
        for (kind, plural) in [
            ("Namespace", "namespaces"),
            ("Secret", "secrets"),
            ("ConfigMap", "configmaps"),
            ("ServiceAccount", "serviceaccounts"),
            ("Event", "events"),
        ] {
            kinds.push((String::new(), "v1".into(), kind.into(), plural.into()));
        }
        let mut all = Vec::new();
        for (group, version, kind, plural) in kinds {
            let resource =
                ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(&group, &version, &kind), &plural);
            let api: Api<DynamicObject> = Api::all_with(self.admin.clone(), &resource);
            for object in api.list(&ListParams::default()).await.unwrap() {
                let metadata = object.metadata;
                all.push(format!(
                    "{kind}.{group} {}/{}",
                    metadata.namespace.unwrap_or_default(),
                    metadata.name.unwrap_or_default()
                ));
            }
        }
        all.sort();
        all
    }
}

pub fn harvester(name: &str) -> provisioning::Cluster {
    typed(json!({
        "apiVersion": "provisioning.cattle.io/v1", "kind": "Cluster",
        "metadata": {"name": name, "namespace": "fleet-default",
            "labels": {"provider.cattle.io": "harvester"},
            "annotations": {"field.cattle.io/description": "The lab"}},
        "spec": {"agentEnvVars": []}
    }))
}

pub fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// The code and the fields at fault of a refused call.
pub fn refused<T: Debug>(result: kube::Result<T>) -> (u16, Vec<String>) {
    match result {
        Err(kube::Error::Api(status)) => {
            let causes = status.details.as_ref().map(|details| details.causes.clone()).unwrap_or_default();
            (status.code, causes.into_iter().map(|cause| cause.field).collect())
        }
        other => panic!("not refused: {other:?}"),
    }
}
