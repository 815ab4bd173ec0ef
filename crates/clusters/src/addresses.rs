//! Registration tokens lead to the server's present address, also when that changes.
//!
//! Only what is shown changes: the token stays, and agents that are in keep the address they were given.
use std::time::Duration;

use grange_resources::management::ClusterRegistrationToken;
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Map, Value, json};

use crate::{Error, commands::commands, error::chain, error::is_not_found, service::Context};

/// Tokens read at a time.
const PAGE: u32 = 500;
/// How long to wait before a failed round is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until it is dropped. The first round is at the start: the server may have been away when its address changed.
pub(crate) async fn run(context: &Context) {
    let mut changes = context.config.settings.subscribe();
    let mut told = None;
    loop {
        let address = context.config.settings.server_url();
        if told.as_ref() != Some(&address) {
            if let Err(error) = tell_all(context).await {
                tracing::warn!(
                    error = chain(&error),
                    "registration tokens cannot be given the server's address yet"
                );
                tokio::time::sleep(RETRY).await;
                continue;
            }
            told = Some(address);
        }
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

async fn tell_all(context: &Context) -> Result<(), Error> {
    let all: Api<ClusterRegistrationToken> = Api::all(context.client());
    let mut parameters = ListParams::default().limit(PAGE);
    loop {
        let page = all.list(&parameters).await?;
        for token in &page.items {
            tell(context, token).await?;
        }
        match page.metadata.continue_ {
            Some(next) if !next.is_empty() => {
                parameters = ListParams::default().limit(PAGE).continue_token(&next)
            }
            _ => return Ok(()),
        }
    }
}

async fn tell(context: &Context, object: &ClusterRegistrationToken) -> Result<(), Error> {
    let (Some(name), Some(namespace)) = (&object.metadata.name, &object.metadata.namespace) else {
        return Ok(());
    };
    let status = object.status.as_ref();
    let Some(token) = status.and_then(|status| status.token.as_deref()) else { return Ok(()) };
    let config = &context.config;
    let wanted =
        commands(&config.settings.server_url(), &config.ca_checksum, token, &object.spec.cluster_name);
    let present: Map<String, Value> = match serde_json::to_value(status) {
        Ok(Value::Object(map)) => map,
        _ => return Ok(()),
    };
    if wanted.iter().all(|(field, text)| present.get(field) == Some(text)) {
        return Ok(());
    }
    let api: Api<ClusterRegistrationToken> = Api::namespaced(context.client(), namespace);
    match api.patch_status(name, &PatchParams::default(), &Patch::Merge(json!({ "status": wanted }))).await {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
