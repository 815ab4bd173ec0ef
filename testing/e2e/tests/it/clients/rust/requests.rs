//! One request at a time.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    core::v1::{ConfigMap, Event as CoreEvent, ServiceAccount},
    events::v1::Event as NewerEvent,
};
use kube::{
    Api, Client, Discovery, Error, Resource, ResourceExt,
    api::{
        DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
        Preconditions, ValidationDirective,
    },
    core::Status,
    discovery::{Scope, verbs},
    runtime::events::{Event, EventType, Recorder},
};
use serde_json::json;

use super::{Loom, MANAGER, NAMESPACE, loom};

/// Everything that needs no watch.
pub(super) async fn all(client: &Client) -> Result<()> {
    discovery(client).await.context("discovery")?;
    objects(client).await.context("objects")?;
    lists(client).await.context("lists")?;
    patches(client).await.context("patches")?;
    applies(client).await.context("applies")?;
    deletions(client).await.context("deletions")?;
    events(client).await.context("events")?;
    reviews(client).await.context("reviews")?;
    tokens(client).await.context("tokens")
}

fn looms(client: &Client) -> Api<Loom> {
    Api::namespaced(client.clone(), NAMESPACE)
}

/// The refusal that a request must meet.
fn refusal<T>(result: kube::Result<T>) -> Result<Box<Status>> {
    match result {
        Err(Error::Api(status)) => Ok(status),
        Err(other) => Err(other.into()),
        Ok(_) => anyhow::bail!("the server allowed it"),
    }
}

async fn discovery(client: &Client) -> Result<()> {
    let version = client.apiserver_version().await?;
    ensure!(version.major == "1", "{version:?}");
    let kind = GroupVersionKind::gvk("weaving.example", "v1", "Loom");
    let group_by_group = Discovery::new(client.clone()).run().await?;
    let aggregated = Discovery::new(client.clone()).run_aggregated().await?;
    for discovery in [group_by_group, aggregated] {
        for group in ["", "apiextensions.k8s.io", "rbac.authorization.k8s.io", "authorization.k8s.io"] {
            assert!(discovery.has_group(group), "the group {group:?} is missing");
        }
        let (resource, capabilities) = discovery.resolve_gvk(&kind).context("Loom is not discovered")?;
        assert_eq!((resource.plural.as_str(), &capabilities.scope), ("looms", &Scope::Namespaced));
        assert!(capabilities.supports_operation(verbs::WATCH));
        let mut parts: Vec<_> =
            capabilities.subresources.iter().map(|(part, _)| part.plural.as_str()).collect();
        parts.sort_unstable();
        assert!(parts.iter().any(|part| part.ends_with("scale")), "{parts:?}");
        assert!(parts.iter().any(|part| part.ends_with("status")), "{parts:?}");

        // What is discovered can be used: every list that is offered is answered.
        for (resource, capabilities) in discovery.groups().flat_map(|group| group.recommended_resources()) {
            if capabilities.supports_operation(verbs::LIST) {
                let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
                all.list(&ListParams::default().limit(1))
                    .await
                    .with_context(|| format!("listing {} of {}", resource.plural, resource.api_version))?;
            }
        }
    }
    let (resource, _) = kube::discovery::pinned_kind(client, &kind).await?;
    assert_eq!(resource.plural, "looms");
    Ok(())
}

async fn objects(client: &Client) -> Result<()> {
    let looms = looms(client);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let tried = looms.create(&dry, &loom("one", "twill", 4)).await?;
    assert!(tried.uid().is_some());
    assert!(looms.get_opt("one").await?.is_none(), "a dry run made it");

    let made = looms.create(&PostParams::default(), &loom("one", "twill", 4)).await?;
    assert_eq!((made.metadata.generation, made.spec.threads), (Some(1), 4));
    assert!(made.creation_timestamp().is_some() && made.status.is_none());
    let status = refusal(looms.create(&PostParams::default(), &loom("one", "twill", 4)).await)?;
    assert!(status.is_already_exists() && status.code == 409, "{status:?}");
    let status = refusal(looms.create(&PostParams::default(), &loom("none", "twill", 0)).await)?;
    assert!(status.is_invalid() && status.message.contains("spec.threads"), "{status:?}");

    let mut changed = made.clone();
    changed.spec.threads = 6;
    changed.annotations_mut().insert("example/note".into(), "warp".into());
    let replaced = looms.replace("one", &PostParams::default(), &changed).await?;
    assert_eq!((replaced.metadata.generation, replaced.spec.threads), (Some(2), 6));
    let status = refusal(looms.replace("one", &PostParams::default(), &changed).await)?;
    assert!(status.is_conflict(), "an old revision was written: {status:?}");

    // kube's own way of read, change and write.
    let entry = looms.entry("two").await?.or_insert(|| loom("two", "satin", 3));
    entry.and_modify(|loom| loom.spec.threads += 1).commit(&PostParams::default()).await?;
    let mut entry = looms
        .entry("two")
        .await?
        .and_modify(|loom| loom.spec.pattern = "plain".into())
        .or_insert(|| loom("two", "", 1));
    entry.commit(&PostParams::default()).await?;
    let two = looms.get("two").await?;
    assert_eq!((two.spec.pattern.as_str(), two.spec.threads), ("plain", 4));

    let metadata = looms.get_metadata("one").await?;
    assert_eq!(metadata.annotations()["example/note"], "warp");
    let status = refusal(looms.get("missing").await)?;
    assert!(status.is_not_found() && status.code == 404, "{status:?}");
    Ok(())
}

async fn lists(client: &Client) -> Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    for number in 0..7 {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("page-{number}"), "labels": {"parity": if number % 2 == 0 { "even" } else { "odd" }, "book": "one"}},
        });
        maps.create(&PostParams::default(), &serde_json::from_value(map)?).await?;
    }
    let mut parameters = ListParams::default().labels("book=one").limit(3);
    let (mut names, mut pages) = (Vec::new(), 0);
    loop {
        let page = maps.list(&parameters).await?;
        pages += 1;
        names.extend(page.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => break,
        }
    }
    assert_eq!((names.len(), pages), (7, 3), "{names:?}");
    assert!(names.is_sorted(), "{names:?}");
    let odd = maps.list(&ListParams::default().labels("parity in (odd),book")).await?;
    assert_eq!(odd.items.len(), 3);
    let one = maps.list(&ListParams::default().fields("metadata.name=page-4")).await?;
    assert_eq!(one.items.len(), 1);
    let metadata = maps.list_metadata(&ListParams::default().labels("book=one")).await?;
    assert_eq!(metadata.items.len(), 7);
    let plain = looms(client).list(&ListParams::default().fields("spec.pattern=plain")).await?;
    assert_eq!(plain.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["two"]);

    maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("book=one")).await?;
    assert!(maps.list(&ListParams::default().labels("book=one")).await?.items.is_empty());
    Ok(())
}

async fn patches(client: &Client) -> Result<()> {
    let looms = looms(client);
    let parameters = PatchParams::default();
    let merged =
        looms.patch("one", &parameters, &Patch::Merge(json!({"spec": {"pattern": "houndstooth"}}))).await?;
    assert_eq!((merged.spec.pattern.as_str(), merged.spec.threads), ("houndstooth", 6));
    let operations = serde_json::from_value(json!([
        {"op": "test", "path": "/spec/threads", "value": 6},
        {"op": "replace", "path": "/spec/threads", "value": 7},
    ]))?;
    let patched = looms.patch("one", &parameters, &Patch::Json::<()>(operations)).await?;
    assert_eq!(patched.spec.threads, 7);
    let status =
        refusal(looms.patch("one", &parameters, &Patch::Strategic(json!({"spec": {"threads": 8}}))).await)?;
    assert_eq!(status.code, 415, "custom resources take no strategic merge patch: {status:?}");

    let status = Patch::Merge(json!({"spec": {"threads": 1}, "status": {"woven": 5}}));
    let patched = looms.patch_status("one", &parameters, &status).await?;
    assert_eq!((patched.spec.threads, patched.status.map(|status| status.woven)), (7, Some(5)));
    assert_eq!(patched.metadata.generation, Some(4), "a status is no new generation");

    let mut scale = looms.get_scale("one").await?;
    assert_eq!(scale.status.as_ref().map(|status| status.replicas), Some(5));
    scale.spec.get_or_insert_default().replicas = Some(9);
    looms.replace_scale("one", &PostParams::default(), &scale).await?;
    looms.patch_scale("one", &parameters, &Patch::Merge(json!({"spec": {"replicas": 10}}))).await?;
    assert_eq!(looms.get("one").await?.spec.threads, 10);

    let strict =
        PatchParams { field_validation: Some(ValidationDirective::Strict), ..PatchParams::default() };
    let status = refusal(looms.patch("one", &strict, &Patch::Merge(json!({"spec": {"thread": 1}}))).await)?;
    assert!(status.message.contains("spec.thread"), "{status:?}");
    Ok(())
}

async fn applies(client: &Client) -> Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let wanted = |data: serde_json::Value| {
        Patch::Apply(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}, "data": data}),
        )
    };
    let mine = PatchParams::apply(MANAGER);
    let theirs = PatchParams::apply("dyer");
    maps.patch("shared", &mine, &wanted(json!({"warp": "linen", "weft": "wool"}))).await?;
    maps.patch("shared", &theirs, &wanted(json!({"colour": "madder"}))).await?;
    let status =
        refusal(maps.patch("shared", &theirs, &wanted(json!({"colour": "madder", "weft": "silk"}))).await)?;
    assert!(status.is_conflict() && status.message.contains(MANAGER), "{status:?}");
    let causes = status.details.as_ref().map(|details| details.causes.clone()).unwrap_or_default();
    assert_eq!(
        causes.iter().map(|cause| cause.field.as_str()).collect::<Vec<_>>(),
        [".data.weft"],
        "{status:?}"
    );
    maps.patch("shared", &theirs.clone().force(), &wanted(json!({"colour": "madder", "weft": "silk"})))
        .await?;
    // What one manager no longer applies, and no other has, goes.
    let settled = maps.patch("shared", &mine, &wanted(json!({}))).await?.data.context("data")?;
    assert_eq!(
        settled.into_iter().collect::<Vec<_>>(),
        [("colour".into(), "madder".into()), ("weft".into(), "silk".into())] as [(String, String); 2]
    );
    Ok(())
}

async fn deletions(client: &Client) -> Result<()> {
    let looms = looms(client);
    let other =
        Preconditions { uid: Some("00000000-0000-0000-0000-000000000000".into()), resource_version: None };
    let status = refusal(looms.delete("one", &DeleteParams::default().preconditions(other)).await)?;
    assert!(status.is_conflict(), "{status:?}");
    let uid = looms.get("one").await?.uid();
    let this = Preconditions { uid: uid.clone(), resource_version: None };
    // A Status where nothing holds it back.
    let answer = looms.delete("one", &DeleteParams::background().preconditions(this)).await?;
    let status = answer.right().context("a Status")?;
    assert_eq!(status.details.map(|details| details.uid), uid, "of another object");
    looms.delete("two", &DeleteParams::foreground()).await?;
    tokio::time::timeout(super::LIMIT, async {
        while looms.get_opt("two").await?.is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    })
    .await
    .context("foreground deletion does not end")?
}

/// kube's recorder writes events of the newer group, and counts what it tells again.
async fn events(client: &Client) -> Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let about = maps.get("shared").await?.object_ref(&());
    let recorder = Recorder::new(client.clone(), MANAGER.into());
    let event = Event {
        type_: EventType::Normal,
        reason: "Dyed".into(),
        note: Some("with madder".into()),
        action: "Dye".into(),
        secondary: None,
    };
    for _ in 0..3 {
        recorder.publish(&event, &about).await?;
    }
    let newer: Api<NewerEvent> = Api::namespaced(client.clone(), NAMESPACE);
    let told = newer.list(&ListParams::default().fields("regarding.name=shared,reason=Dyed")).await?;
    assert_eq!(told.items.len(), 1);
    assert_eq!(told.items[0].series.as_ref().map(|series| series.count), Some(3));
    // Where people look.
    let core: Api<CoreEvent> = Api::namespaced(client.clone(), NAMESPACE);
    let told = core.list(&ListParams::default().fields("involvedObject.name=shared,reason=Dyed")).await?;
    assert_eq!(told.iter().map(|event| event.message.as_deref()).collect::<Vec<_>>(), [Some("with madder")]);
    Ok(())
}

async fn reviews(client: &Client) -> Result<()> {
    let review = |verb: &str| SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(NAMESPACE.to_owned()),
                group: Some("weaving.example".to_owned()),
                resource: Some("looms".to_owned()),
                verb: Some(verb.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review("delete")).await?;
    assert!(answer.status.context("a status")?.allowed);
    Ok(())
}

async fn tokens(client: &Client) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    accounts
        .create(&PostParams::default(), &serde_json::from_value(json!({"metadata": {"name": "spinner"}}))?)
        .await?;
    let request = TokenRequest {
        spec: Some(TokenRequestSpec { expiration_seconds: Some(3600), ..TokenRequestSpec::default() }),
        ..TokenRequest::default()
    };
    let issued = accounts.create_token_request("spinner", &PostParams::default(), &request).await?;
    let token = issued.status.context("a status")?.token.context("a token")?;
    assert_eq!(token.split('.').count(), 3, "no JSON web token");
    Ok(())
}
