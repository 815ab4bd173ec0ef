//! The first start: an administrator, bound to `cluster-admin`, and a marker that it happened.
//!
//! Safe to be interrupted: everything before the marker is found again and completed by the next start.
use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace},
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    Error, Handle, Secret, UserProfile, objects,
    password::MIN_LENGTH,
    secret::{GENERATED_PASSWORD_LENGTH, random_symbols},
    service::{is_status, owner},
};

/// Namespace of our own bookkeeping (Rancher's name).
const SYSTEM_NAMESPACE: &str = "cattle-system";
/// While this ConfigMap exists no administrator is made (Rancher's name).
const MARKER: &str = "admincreated";
const ADMIN_USERNAME: &str = "admin";

/// What the first start did.
pub enum BootstrapOutcome {
    /// It happened earlier.
    AlreadyDone,
    /// Users existed without the marker (restored data): nothing was made.
    UsersExist,
    /// The administrator was made.
    Created {
        /// The login name.
        username: String,
        /// The generated password, to be shown once; `None` if it was given.
        generated_password: Option<Secret>,
    },
}

pub(crate) async fn run(handle: &Handle, password: Option<Secret>) -> Result<BootstrapOutcome, Error> {
    let markers = markers(handle);
    if is_done(handle).await? {
        return Ok(BootstrapOutcome::AlreadyDone);
    }
    for name in [SYSTEM_NAMESPACE, objects::PASSWORD_NAMESPACE] {
        let api: Api<Namespace> = Api::all(handle.client().clone());
        ensure(&api, json!({"metadata": {"name": name}})).await?;
    }
    let listed = handle.users().list(&ListParams::default().limit(2)).await?;
    let is_resumed = listed.items.iter().any(|user| {
        user.metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(objects::BOOTSTRAP_LABEL))
            .map(String::as_str)
            == Some(objects::BOOTSTRAP_ADMIN)
    });
    let outcome = if listed.items.is_empty() || (is_resumed && listed.items.len() == 1) {
        create_admin(handle, password).await?
    } else {
        BootstrapOutcome::UsersExist
    };
    ensure(&markers, json!({"metadata": {"name": MARKER, "namespace": SYSTEM_NAMESPACE}})).await?;
    Ok(outcome)
}

/// Whether it happened.
pub(crate) async fn is_done(handle: &Handle) -> Result<bool, Error> {
    Ok(markers(handle).get_opt(MARKER).await?.is_some())
}

fn markers(handle: &Handle) -> Api<ConfigMap> {
    Api::namespaced(handle.client().clone(), SYSTEM_NAMESPACE)
}

async fn create_admin(handle: &Handle, given: Option<Secret>) -> Result<BootstrapOutcome, Error> {
    let (password, is_generated) = match given {
        Some(password) => (password, false),
        None => (Secret::generate(GENERATED_PASSWORD_LENGTH), true),
    };
    let is_weak = password.expose().chars().count() < MIN_LENGTH || password.expose() == ADMIN_USERNAME;
    handle.ready().await;
    let admin = match handle.index().user_id(ADMIN_USERNAME).and_then(|id| handle.user(&id)) {
        Some(admin) => admin,
        None => {
            handle
                .create_user_object(json!({
                    "metadata": {
                        "name": format!("user-{}", random_symbols(5)),
                        "labels": {objects::BOOTSTRAP_LABEL: objects::BOOTSTRAP_ADMIN},
                    },
                    "username": ADMIN_USERNAME,
                    "displayName": "Default Admin",
                    "mustChangePassword": is_generated || is_weak,
                    "enabled": true,
                }))
                .await?
        }
    };
    handle.store_password(&admin, password.clone()).await?;
    bind_to_cluster_admin(handle, &admin).await?;
    Ok(BootstrapOutcome::Created {
        username: admin.username,
        generated_password: is_generated.then_some(password),
    })
}

async fn bind_to_cluster_admin(handle: &Handle, admin: &UserProfile) -> Result<(), Error> {
    let roles: Api<ClusterRole> = Api::all(handle.client().clone());
    ensure(
        &roles,
        json!({
            "metadata": {"name": "cluster-admin"},
            "rules": [
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["*"]},
            ],
        }),
    )
    .await?;
    let bindings: Api<ClusterRoleBinding> = Api::all(handle.client().clone());
    ensure(
        &bindings,
        json!({
            "metadata": {
                "name": format!("globaladmin-{}", admin.id),
                "labels": {objects::BOOTSTRAP_LABEL: objects::BOOTSTRAP_ADMIN},
                "ownerReferences": owner(admin),
            },
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": admin.id}],
        }),
    )
    .await
}

/// Creates the object unless it exists.
async fn ensure<K>(api: &Api<K>, object: serde_json::Value) -> Result<(), Error>
where
    K: Serialize + DeserializeOwned + Clone + std::fmt::Debug,
{
    let object: K =
        serde_json::from_value(object).map_err(|error| Error::from(kube::Error::SerdeError(error)))?;
    match api.create(&PostParams::default(), &object).await {
        Err(error) if !is_status(&error, 409) => Err(error.into()),
        _ => Ok(()),
    }
}
