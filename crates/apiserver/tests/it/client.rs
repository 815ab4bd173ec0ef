//! kube's client over the loopback.
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use grange_apiserver::UserInfo;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::{
    Api, Client, ResourceExt as _,
    api::{
        ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
        PostParams,
    },
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::json;

use crate::support::{DEADLINE, start};

#[tokio::test]
async fn kube_works_without_a_socket() {
    let server = start().await;
    let client = Client::new(server.handle.loopback(UserInfo::loopback()), "default");
    assert_eq!(client.apiserver_version().await.expect("a version").git_version, "v1.36.0+grange");
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let made = maps
        .create(
            &PostParams::default(),
            &serde_json::from_value(json!({"metadata": {"generateName": "a-"}, "data": {"k": "v"}}))
                .expect("a map"),
        )
        .await
        .expect("created");
    let name = made.name_any();
    assert_eq!(name.len(), "a-".len() + 5);
    let patched = maps
        .patch(&name, &PatchParams::default(), &Patch::Merge(json!({"data": {"k": "w"}})))
        .await
        .expect("patched");
    assert_eq!(patched.data.expect("data")["k"], "w");
    let error = maps.get("missing").await.expect_err("missing");
    assert!(matches!(error, kube::Error::Api(status) if status.is_not_found()));
    assert_eq!(maps.list(&ListParams::default().limit(1)).await.expect("a list").items.len(), 1);
    maps.delete(&name, &DeleteParams::default()).await.expect("deleted");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    assert_eq!(namespaces.list_metadata(&ListParams::default()).await.expect("a list").items.len(), 4);
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client);
    accounts.get("default").await.ok();
}

#[tokio::test]
async fn kube_watches() {
    let server = start().await;
    let client = Client::new(server.handle.loopback(UserInfo::loopback()), "default");
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("example.io", "v1", "Widget"));
    let widgets: Api<DynamicObject> = Api::default_namespaced_with(client, &kind);
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut stream = watcher(widgets.clone(), config).default_backoff().applied_objects().boxed();
        let object = DynamicObject::new("w", &kind).data(json!({"spec": {"size": 1}}));
        widgets.create(&PostParams::default(), &object).await.expect("created");
        let next = tokio::time::timeout(DEADLINE, stream.try_next())
            .await
            .expect("in time")
            .expect("an event")
            .expect("more");
        assert_eq!(next.name_any(), "w");
        let status = Patch::Merge(json!({"status": {"phase": "Ready"}, "spec": {"size": 9}}));
        widgets.patch_status("w", &PatchParams::default(), &status).await.expect("patched");
        let next = tokio::time::timeout(DEADLINE, stream.try_next())
            .await
            .expect("in time")
            .expect("an event")
            .expect("more");
        assert_eq!(next.data["status"]["phase"], "Ready");
        assert_eq!(next.data["spec"]["size"], 1, "the status endpoint changes the status only");
        assert_eq!(next.metadata.generation, Some(1));
        widgets.delete("w", &DeleteParams::foreground().grace_period(0)).await.expect("deleted");
        server.until_gone("/apis/example.io/v1/namespaces/default/widgets/w").await;
    }
    tokio::time::timeout(Duration::from_secs(1), async {
        while server.handle.open_watches() > 0 {
            tokio::task::yield_now().await
        }
    })
    .await
    .expect("closed watches are given back");
}
