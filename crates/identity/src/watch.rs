//! Keeps the index in step with the management API.
use std::{collections::HashSet, fmt::Debug, sync::Arc};

use futures::{StreamExt as _, pin_mut};
use kube::{
    Api, Client,
    core::{ApiResource, DynamicObject},
    runtime::{WatchStreamExt as _, watcher, watcher::Event},
};
use tokio::sync::watch;

use crate::{
    index::Index,
    objects::{self, TokenRecord, UserRecord},
};

/// What a watch does with objects.
trait Sink: Send {
    fn apply(&self, object: &DynamicObject);
    fn remove(&self, name: &str);
    fn retain(&self, listed: &HashSet<String>);
}

struct Users(Arc<Index>);
impl Sink for Users {
    fn apply(&self, object: &DynamicObject) {
        if let Some(record) = UserRecord::read(object) {
            self.0.apply_user(record);
        }
    }
    fn remove(&self, name: &str) {
        self.0.remove_user(name);
    }
    fn retain(&self, listed: &HashSet<String>) {
        self.0.retain_users(listed);
    }
}

struct Tokens(Arc<Index>);
impl Sink for Tokens {
    fn apply(&self, object: &DynamicObject) {
        if let Some(record) = TokenRecord::read(object) {
            self.0.apply_token(record, false);
        }
    }
    fn remove(&self, name: &str) {
        self.0.remove_token(name);
    }
    fn retain(&self, listed: &HashSet<String>) {
        self.0.retain_tokens(listed);
    }
}

/// Runs both watches for ever; `ready` becomes true when both have listed once.
pub(crate) async fn run(client: Client, index: Arc<Index>, ready: watch::Sender<bool>) {
    let (users_ready, mut users_listed) = watch::channel(false);
    let (tokens_ready, mut tokens_listed) = watch::channel(false);
    let both = async {
        let _ = users_listed.wait_for(|listed| *listed).await;
        let _ = tokens_listed.wait_for(|listed| *listed).await;
        ready.send_replace(true);
        std::future::pending::<()>().await;
    };
    tokio::join!(
        follow(client.clone(), objects::user_kind(), Users(index.clone()), users_ready),
        follow(client, objects::token_kind(), Tokens(index), tokens_ready),
        both,
    );
}

async fn follow(client: Client, kind: ApiResource, sink: impl Sink, listed_once: watch::Sender<bool>) {
    let api: Api<DynamicObject> = Api::all_with(client, &kind);
    let events = watcher(api, watcher::Config::default()).default_backoff();
    pin_mut!(events);
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object)) => {
                sink.apply(&object);
                listed.extend(object.metadata.name);
            }
            Ok(Event::InitDone) => {
                sink.retain(&listed);
                listed = HashSet::new();
                listed_once.send_replace(true);
            }
            Ok(Event::Apply(object)) => sink.apply(&object),
            Ok(Event::Delete(object)) => sink.remove(object.metadata.name.as_deref().unwrap_or_default()),
            Err(error) => log_failure(&kind, &error),
        }
    }
}

fn log_failure(kind: &ApiResource, error: &dyn Debug) {
    tracing::warn!(kind = %kind.plural, ?error, "watch failed; it is restarted");
}
