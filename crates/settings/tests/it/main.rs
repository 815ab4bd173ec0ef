//! The settings over a real API server and a store that outlives it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]
use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use grange_apimachinery::Status;
use grange_apiserver::{TokenAuthenticator, UserInfo};
use grange_resources::management::Setting;
use grange_settings::{Given, ServerUrl, Service, Settings};
use grange_store::{Store, memory::MemoryStore};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(20);
const GUESS: &str = "https://10.0.0.7:8443";

struct Nobody;
impl TokenAuthenticator for Nobody {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<UserInfo>, Status>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

struct Server {
    settings: Settings,
    admin: Api<Setting>,
    stop: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

impl Server {
    /// With a chosen address, or one that was guessed.
    async fn start(store: &Arc<dyn Store>, chosen: Option<&str>) -> Server {
        let settings = Settings::new(Given {
            server_url: ServerUrl::parse(chosen.unwrap_or(GUESS)).unwrap(),
            is_server_url_chosen: chosen.is_some(),
            ca_pem: "PEM".into(),
            version: "1.2.3".into(),
        });
        let mut config = grange_apiserver::Config::new(store.clone(), Arc::new(Nobody));
        config.definitions = grange_settings::definitions(&settings).unwrap();
        let (api, handle) = grange_apiserver::Service::new(config);
        let stop = CancellationToken::new();
        let mut running = vec![tokio::spawn(api.run(stop.clone()))];
        tokio::time::timeout(DEADLINE, handle.ready()).await.unwrap();
        let client = |user| Client::new(handle.loopback(user), "default");
        let (service, mut is_known) = Service::new(client(UserInfo::loopback()), settings.clone());
        running.push(tokio::spawn(service.run(stop.clone())));
        tokio::time::timeout(DEADLINE, is_known.wait_for(|known| *known)).await.unwrap().unwrap();
        let admin = UserInfo {
            username: "user-admin".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..UserInfo::default()
        };
        Server { settings, admin: Api::all(client(admin)), stop, running }
    }
    async fn stop(self) {
        self.stop.cancel();
        for task in self.running {
            task.await.unwrap();
        }
    }
    async fn set(&self, name: &str, value: &str) -> kube::Result<Setting> {
        self.admin.patch(name, &PatchParams::default(), &Patch::Merge(json!({"value": value}))).await
    }
    async fn until_address(&self, url: &str) {
        let mut changes = self.settings.subscribe();
        let waiting = async {
            while self.settings.server_url().as_str() != url {
                changes.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(DEADLINE, waiting).await;
        assert!(waited.is_ok(), "the address is {:?}, not {url}", self.settings.server_url());
    }
}

#[tokio::test]
async fn an_address_that_was_set_survives_restarts_and_a_chosen_one_goes_before_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let server = Server::start(&store, None).await;
    let object = server.admin.get("server-url").await.unwrap().spec;
    assert_eq!((object.value.as_str(), object.default_value.as_str()), ("", GUESS));
    let set = server.set("server-url", "https://grange.example.org/").await.unwrap().spec;
    assert_eq!((set.value.as_str(), set.source.as_str()), ("https://grange.example.org", "db"));
    server.until_address("https://grange.example.org").await;
    server.stop().await;

    let again = Server::start(&store, None).await;
    again.until_address("https://grange.example.org").await;
    again.stop().await;

    let chosen = Server::start(&store, Some("https://chosen.example.org")).await;
    chosen.until_address("https://chosen.example.org").await;
    let object = chosen.admin.get("server-url").await.unwrap().spec;
    assert_eq!((object.value.as_str(), object.source.as_str()), ("https://chosen.example.org", "env"));
    let refused = chosen.set("server-url", "https://other.example.org").await.unwrap_err().to_string();
    assert!(refused.contains("--server-url"), "{refused}");
    chosen.set("server-url", "https://chosen.example.org").await.expect("the same again is no change");
    chosen.stop().await;

    let without = Server::start(&store, None).await;
    without.until_address(GUESS).await;
    let object = without.admin.get("server-url").await.unwrap().spec;
    assert_eq!((object.value.as_str(), object.source.as_str()), ("", "default"));
    without.stop().await;
}

#[tokio::test]
async fn what_got_past_the_rules_is_not_used() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let server = Server::start(&store, None).await;
    let name = "auth-user-session-ttl-minutes";
    let object: Setting =
        serde_json::from_value(json!({"metadata": {"name": name}, "value": "soon", "default": "960"}))
            .unwrap();
    server.settings.apply(&object);
    assert_eq!(server.settings.duration(name), Duration::from_secs(960 * 60));
    assert_eq!(server.settings.get(name).unwrap().value, "960");
    server.stop().await;
}
