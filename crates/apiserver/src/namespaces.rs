//! Namespaces: creation needs one, deletion empties it, every one gets a service account and the CA.
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use grange_apimachinery::{FieldError, Object, Status, Value, status::Cause, time};
use grange_store::{ListRequest, StoreError};
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    UserInfo,
    builtin::validation,
    controller::{Pages, keep_running},
    delete::{self, DeleteOptions},
    keys,
    limits::QUOTA_SETTLING,
    registry::Served,
    resource::Strategy,
    response::store_error,
    server::Inner,
    write::{self, WriteOptions},
};

/// The label that carries a namespace's own name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// Namespaces that may not be deleted.
const PROTECTED: &[&str] = &["default", "kube-system", "kube-public"];
/// The finalizer that the controller removes once a namespace is empty.
const FINALIZER: &str = "kubernetes";

/// Counts the creations under way in each namespace, so that none slips in between the last look at a terminating
/// namespace and its removal.
#[derive(Default)]
pub(crate) struct NamespaceGuards {
    creating: Arc<Mutex<HashMap<String, usize>>>,
    finished: Arc<Notify>,
}

/// Held while an object is being created in a namespace.
pub(crate) struct NamespaceGuard {
    namespace: String,
    creating: Arc<Mutex<HashMap<String, usize>>>,
    finished: Arc<Notify>,
}

impl NamespaceGuards {
    pub(crate) fn enter(&self, namespace: &str) -> NamespaceGuard {
        let mut creating = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        *creating.entry(namespace.to_owned()).or_default() += 1;
        NamespaceGuard {
            namespace: namespace.to_owned(),
            creating: self.creating.clone(),
            finished: self.finished.clone(),
        }
    }
    /// Waits until no creation is under way in a namespace; not for ever.
    pub(crate) async fn settled(&self, namespace: &str) {
        let settled = async {
            loop {
                let finished = self.finished.notified();
                if !self.is_busy(namespace) {
                    return;
                }
                finished.await;
            }
        };
        let _ = tokio::time::timeout(QUOTA_SETTLING, settled).await;
    }
    fn is_busy(&self, namespace: &str) -> bool {
        self.creating.lock().unwrap_or_else(PoisonError::into_inner).contains_key(namespace)
    }
}

impl Drop for NamespaceGuard {
    fn drop(&mut self) {
        let mut creating = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = creating.get_mut(&self.namespace) {
            *count -= 1;
            if *count == 0 {
                creating.remove(&self.namespace);
                self.finished.notify_waiters();
            }
        }
    }
}

impl Inner {
    /// The proof that objects may be created in a namespace now.
    pub(crate) async fn require_namespace(
        &self,
        served: &Served,
        namespace: &str,
        name: &str,
    ) -> Result<NamespaceGuard, Status> {
        let guard = self.namespaces.enter(namespace);
        let key =
            keys::object_key(&keys::resource_prefix("", "namespaces"), crate::Scope::Cluster, "", namespace);
        let Some(entry) = self.store.get(&key).await.map_err(store_error)? else {
            return Err(Status::not_found("", "namespaces", namespace));
        };
        let header = grange_apimachinery::StoredHeader::parse(&entry.value)
            .map_err(|error| Status::internal(format!("stored namespace cannot be read: {error}")))?;
        if header.metadata.deletion_timestamp.is_none() {
            return Ok(guard);
        }
        let resource = &served.resource;
        let mut status = Status::forbidden(
            &resource.group,
            &resource.plural,
            name,
            &format!("unable to create new content in namespace {namespace} because it is being terminated"),
        );
        if let Some(details) = &mut status.details {
            details.causes.push(Cause {
                reason: "NamespaceTerminating".into(),
                message: format!("namespace {namespace} is being terminated"),
                field: "metadata.namespace".into(),
            });
        }
        Err(status)
    }
}

/// The hooks of namespaces.
pub(crate) struct NamespaceStrategy;

impl Strategy for NamespaceStrategy {
    fn complete(&self, object: &mut Object) {
        let name = object.name().to_owned();
        if !name.is_empty() {
            object.set(&["metadata", "labels", NAME_LABEL], name);
        }
    }
    fn prepare_create(&self, _: &UserInfo, object: &mut Object) -> Result<(), Status> {
        object.set(&["spec", "finalizers"], vec![FINALIZER]);
        object.set(&["status"], json!({"phase": "Active"}));
        // A generated name is known only now.
        self.complete(object);
        Ok(())
    }
    fn validate(&self, old: Option<&Object>, new: &Object) -> Vec<FieldError> {
        validation::namespace(old, new)
    }
    fn check_delete(&self, _: &UserInfo, object: &Object) -> Result<(), Status> {
        if PROTECTED.contains(&object.name()) {
            return Err(Status::forbidden(
                "",
                "namespaces",
                object.name(),
                "this namespace may not be deleted",
            ));
        }
        Ok(())
    }
}

/// Runs the controllers of namespaces.
pub(crate) async fn run(inner: &Inner) {
    keep_running("the namespace controller", || follow(inner)).await;
}

/// Looks at every namespace once, then at those that something happened in.
async fn follow(inner: &Inner) -> Result<(), StoreError> {
    let Ok(served) = inner.builtin("", "namespaces") else { return Ok(()) };
    let request = ListRequest { prefix: &served.prefix, ..ListRequest::default() };
    let page = inner.store.list(request).await?;
    let mut terminating = HashSet::new();
    for entry in &page.entries {
        let name = entry.key.strip_prefix(served.prefix.as_str()).unwrap_or_default();
        if sync(inner, &served, name).await? {
            terminating.insert(name.to_owned());
        }
    }
    let mut watch = inner.store.watch(keys::ROOT, page.revision).await?;
    loop {
        let finished = inner.namespaces.finished.notified();
        let mut touched: HashSet<String> = HashSet::new();
        tokio::select! {
            batch = watch.next() => {
                for event in batch?.events {
                    let Some((group, plural, object)) = keys::parse_key(&event.entry.key) else { continue };
                    let (namespace, name) = keys::split_object(object);
                    if group.is_empty() && plural == "namespaces" {
                        touched.insert(name.to_owned());
                    } else if terminating.contains(namespace)
                        || (event.deleted && group.is_empty() && matches!(plural, "serviceaccounts" | "configmaps"))
                    {
                        touched.insert(namespace.to_owned());
                    }
                }
            }
            () = finished => touched.extend(terminating.iter().cloned()),
        }
        for name in touched {
            if sync(inner, &served, &name).await? {
                terminating.insert(name);
            } else {
                terminating.remove(&name);
            }
        }
    }
}

/// Brings one namespace forward; says whether it is terminating.
async fn sync(inner: &Inner, served: &Arc<Served>, name: &str) -> Result<bool, StoreError> {
    let Some(entry) = inner.store.get(&served.key("", name)).await? else { return Ok(false) };
    let Ok(object) = served.entry_object(&entry) else { return Ok(false) };
    if !object.is_terminating() {
        furnish(inner, name).await;
        return Ok(false);
    }
    let finalizers =
        object.get(&["spec", "finalizers"]).and_then(Value::as_array).cloned().unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(true);
    }
    let left = empty(inner, name).await?;
    if !left.is_empty() {
        report(inner, served, name, &left).await?;
        return Ok(true);
    }
    if inner.namespaces.is_busy(name) {
        return Ok(true);
    }
    // A creation that saw the namespace before it terminated has finished by now; look once more.
    if !empty(inner, name).await?.is_empty() {
        return Ok(true);
    }
    let key = served.key("", name);
    write::mutate(inner, served, &key, |object| {
        let Some(finalizers) = object.get(&["spec", "finalizers"]).and_then(Value::as_array) else {
            return false;
        };
        let rest: Vec<Value> =
            finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).cloned().collect();
        object.set(&["spec", "finalizers"], rest);
        true
    })
    .await?;
    Ok(true)
}

/// Deletes what is in a namespace; returns what is left, as `resource: count`.
async fn empty(inner: &Inner, namespace: &str) -> Result<Vec<(String, usize)>, StoreError> {
    let registry = inner.registry.load_full();
    let mut left = Vec::new();
    let options =
        DeleteOptions { propagation: Some(delete::Propagation::Background), ..DeleteOptions::default() };
    for served in registry.all_stored().filter(|served| served.namespaced()) {
        let prefix = keys::list_prefix(&served.prefix, namespace);
        let mut count = 0;
        let mut pages = Pages::new(inner.store.as_ref(), &prefix);
        while let Some(page) = pages.next().await? {
            for entry in &page.entries {
                let name = entry.key.strip_prefix(prefix.as_str()).unwrap_or_default();
                let terminating = grange_apimachinery::StoredHeader::parse(&entry.value)
                    .is_ok_and(|header| header.metadata.deletion_timestamp.is_some());
                if terminating {
                    count += 1;
                    continue;
                }
                match delete::delete(inner, served, &UserInfo::loopback(), &entry.key, name, &options).await {
                    Ok(delete::Deleted::Gone(_)) => {}
                    Ok(delete::Deleted::Pending(_)) => count += 1,
                    Err(status) if status.code == 404 => {}
                    Err(status) => {
                        tracing::debug!(%status, key = %entry.key, "an object of a terminating namespace stays");
                        count += 1;
                    }
                }
            }
        }
        if count > 0 {
            let resource = &served.resource;
            left.push((format!("{}.{}", resource.plural, resource.group), count));
        }
    }
    Ok(left)
}

/// Says in the namespace's conditions what still holds it.
async fn report(
    inner: &Inner,
    served: &Arc<Served>,
    name: &str,
    left: &[(String, usize)],
) -> Result<(), StoreError> {
    let items: Vec<String> =
        left.iter().map(|(resource, count)| format!("{resource} has {count} resource instances")).collect();
    let message = format!("Some resources are remaining: {}", items.join(", "));
    write::mutate(inner, served, &served.key("", name), |object| {
        let present = object
            .get(&["status", "conditions"])
            .and_then(Value::as_array)
            .is_some_and(|list| list.iter().any(|condition| condition["message"] == message.as_str()));
        if present || !object.is_terminating() {
            return false;
        }
        object.set(
            &["status", "conditions"],
            json!([{
                "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
                "lastTransitionTime": time::now(), "message": message,
            }]),
        );
        true
    })
    .await
}

/// What every namespace has: the service account `default`, and the CA where one is configured.
async fn furnish(inner: &Inner, namespace: &str) {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    create(inner, "serviceaccounts", namespace, account).await;
    if let Some(ca) = &inner.ca_pem {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": ca},
            "metadata": {
                "name": "kube-root-ca.crt",
                "annotations": {"kubernetes.io/description": "The CA certificates by which this API server is known."},
            },
        });
        create(inner, "configmaps", namespace, map).await;
    }
}

/// Creates a built-in object unless it is there.
pub(crate) async fn create(inner: &Inner, plural: &str, namespace: &str, object: Value) {
    let Ok(served) = inner.builtin("", plural) else { return };
    let Value::Object(map) = object else { return };
    let object = Object(map);
    let key = served.key(namespace, object.name());
    if !matches!(inner.store.get(&key).await, Ok(None)) {
        return;
    }
    let user = UserInfo::loopback();
    match write::create(inner, &served, &user, namespace, object, &[], &WriteOptions::INTERNAL).await {
        Ok(_) => {}
        Err(status) if matches!(status.code, 403 | 404 | 409) => {}
        Err(status) => tracing::warn!(%status, plural, namespace, "cannot create"),
    }
}
