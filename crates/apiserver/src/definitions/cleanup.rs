//! Emptying a kind whose definition is being deleted.
use std::sync::Arc;

use grange_apimachinery::{
    Object, StoredHeader,
    definition::{self, CLEANUP_FINALIZER, Condition, ConditionStatus, condition_is_true},
};
use grange_store::StoreError;

use crate::{
    UserInfo,
    controller::Pages,
    delete::{self, DeleteOptions},
    keys,
    registry::Served,
    server::Inner,
    write,
};

/// What emptying came to.
enum Outcome {
    /// Objects are left, or still being made.
    Waiting,
    /// This many could not be deleted.
    Failed(String),
    Done(&'static str, &'static str),
}

/// Deletes the objects of a kind; once none is left, lets its definition go.
pub(super) async fn advance(
    inner: &Inner,
    definitions: &Arc<Served>,
    object: &Object,
) -> Result<(), StoreError> {
    let key = definitions.key("", object.name());
    let (plural, group) = object.name().split_once('.').unwrap_or((object.name(), ""));
    let kind = inner.registry.load().storage(group, plural).cloned();
    let outcome = match &kind {
        Some(kind) if kind.life.is_none() => Outcome::Done(
            "OverlappingBuiltInResource",
            "instances overlap with built-in resources in storage",
        ),
        _ if !condition_is_true(object, Condition::Established) => {
            Outcome::Done("NeverEstablished", "resource was never established")
        }
        Some(kind) => {
            report(
                inner,
                definitions,
                &key,
                "InstanceDeletionInProgress",
                "CustomResource deletion is in progress",
            )
            .await?;
            empty(inner, kind).await?
        }
        None => Outcome::Done("InstanceDeletionCompleted", "removed all instances"),
    };
    match outcome {
        Outcome::Waiting => Ok(()),
        Outcome::Failed(why) => {
            let message = format!("could not issue all deletes: {why}");
            report(inner, definitions, &key, "InstanceDeletionFailed", &message).await
        }
        Outcome::Done(reason, message) => release(inner, definitions, &key, reason, message).await,
    }
}

fn terminating(status: bool, reason: &'static str, message: &str) -> ConditionStatus {
    ConditionStatus { kind: Condition::Terminating, status, reason, message: message.to_owned() }
}

async fn report(
    inner: &Inner,
    definitions: &Arc<Served>,
    key: &str,
    reason: &'static str,
    message: &str,
) -> Result<(), StoreError> {
    write::mutate(inner, definitions, key, |object| {
        object.is_terminating() && definition::set_condition(object, &terminating(true, reason, message))
    })
    .await
}

async fn release(
    inner: &Inner,
    definitions: &Arc<Served>,
    key: &str,
    reason: &'static str,
    message: &str,
) -> Result<(), StoreError> {
    write::mutate(inner, definitions, key, |object| {
        let rest: Vec<String> = object
            .finalizers()
            .into_iter()
            .filter(|finalizer| *finalizer != CLEANUP_FINALIZER)
            .map(str::to_owned)
            .collect();
        if !object.is_terminating() || rest.len() == object.finalizers().len() {
            return false;
        }
        delete::set_finalizers(object, rest);
        definition::set_condition(object, &terminating(false, reason, message));
        true
    })
    .await
}

/// Asks every object to go.
async fn empty(inner: &Inner, kind: &Arc<Served>) -> Result<Outcome, StoreError> {
    // Looked at first: whoever was let in before has written by now what is listed below.
    let closed = kind.life.as_ref().is_some_and(|life| life.gate.is_empty());
    let mut left = 0_usize;
    let mut failure = None;
    let mut pages = Pages::new(inner.store.as_ref(), &kind.prefix);
    while let Some(page) = pages.next().await? {
        for entry in &page.entries {
            let object = entry.key.strip_prefix(kind.prefix.as_str()).unwrap_or_default();
            let (_, name) = keys::split_object(object);
            let terminating = StoredHeader::parse(&entry.value)
                .is_ok_and(|header| header.metadata.deletion_timestamp.is_some());
            if terminating {
                left += 1;
                continue;
            }
            let options = DeleteOptions::default();
            match delete::delete(inner, kind, &UserInfo::loopback(), &entry.key, name, &options).await {
                Ok(delete::Deleted::Gone(_)) => {}
                Ok(delete::Deleted::Pending(_)) => left += 1,
                Err(status) if status.code == 404 => {}
                Err(status) => failure = Some(status.message),
            }
        }
    }
    Ok(match failure {
        Some(why) => Outcome::Failed(why),
        None if left > 0 || !closed => Outcome::Waiting,
        None => Outcome::Done("InstanceDeletionCompleted", "removed all instances"),
    })
}
