//! What the import brought into the cluster: adopting it, so that one deletion takes all of it, and that deletion.
//!
//! The owner is the ClusterRole, because every other object can hang on it and the cluster's own garbage collector
//! then does the work, even after the agent itself is gone.

use grange_wire::{
    Removal,
    names::{self, Object},
};
use serde_json::{Value, json};

use crate::kubernetes::{Client, KubernetesError};

/// The owner reference to the import's ClusterRole; `None` when that is gone or going.
pub(crate) async fn owner_reference(client: &Client) -> Result<Option<Value>, KubernetesError> {
    let owner = match client.get(&names::OWNER.path()).await {
        Ok(owner) => owner,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = &owner["metadata"];
    let Some(uid) = metadata["uid"].as_str().filter(|_| metadata["deletionTimestamp"].is_null()) else {
        return Ok(None);
    };
    Ok(Some(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": names::OWNER.kind,
        "name": names::OWNER.name,
        "uid": uid,
    })))
}

/// What became of each object.
#[derive(Debug, Default)]
pub(crate) struct Adoption {
    pub(crate) adopted: Vec<Object>,
    pub(crate) failed: Vec<(Object, KubernetesError)>,
}

/// Hangs every object of the import on its ClusterRole. Objects that do not exist are left out; without a ClusterRole
/// nothing happens.
pub(crate) async fn adopt(client: &Client) -> Result<Adoption, KubernetesError> {
    match owner_reference(client).await? {
        Some(owner) => Ok(adopt_for(client, &owner).await),
        None => Ok(Adoption::default()),
    }
}

async fn adopt_for(client: &Client, owner: &Value) -> Adoption {
    let patch = json!({ "metadata": { "ownerReferences": [owner] } });
    let mut adoption = Adoption::default();
    for object in names::OWNED {
        match client.patch(&object.path(), &patch).await {
            Ok(_) => adoption.adopted.push(object),
            Err(error) if error.is_not_found() => {}
            Err(error) => adoption.failed.push((object, error)),
        }
    }
    adoption
}

/// Removes everything the import brought; resolves when the cluster has taken the deletion.
pub(crate) async fn remove(client: &Client) -> Result<Removal, KubernetesError> {
    let mut removed = Vec::new();
    let mut by_hand = Vec::new();
    match owner_reference(client).await? {
        Some(owner) => {
            let adoption = adopt_for(client, &owner).await;
            // What could not be adopted goes first: deleting the ClusterRole takes our own rights.
            by_hand.extend(adoption.failed.into_iter().map(|(object, _)| object));
            removed.extend(adoption.adopted);
        }
        None => by_hand.push(names::KEY_OBJECT),
    }
    for object in by_hand {
        if delete(client, object).await? {
            removed.push(object);
        }
    }
    if delete(client, names::OWNER).await? {
        removed.push(names::OWNER);
    }
    Ok(Removal { removed: removed.iter().map(|object| format!("{} {}", object.kind, object.name)).collect() })
}

/// Whether the object was there.
async fn delete(client: &Client, object: Object) -> Result<bool, KubernetesError> {
    match client.delete(&object.path()).await {
        Ok(()) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the agent's Deployment is gone or going: then this stop is the end of the import.
pub(crate) async fn is_deployment_gone(client: &Client) -> Result<bool, KubernetesError> {
    match client.get(&names::DEPLOYMENT_OBJECT.path()).await {
        Ok(deployment) => Ok(!deployment["metadata"]["deletionTimestamp"].is_null()),
        Err(error) if error.is_not_found() => Ok(true),
        Err(error) => Err(error),
    }
}
