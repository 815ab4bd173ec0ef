//! The resources that come with the server, as data.
pub(crate) mod events;
pub(crate) mod schemas;
mod strategies;
pub(crate) mod validation;

use std::sync::Arc;

use grange_apimachinery::{Value, name::NameRule, schema::StructuralSchema, table::Column};

use self::strategies::{LeaseStrategy, Plain, SecretStrategy};
use crate::{
    Authorizer, Resource, Scope,
    namespaces::NamespaceStrategy,
    quota::{LimitRangeStrategy, ResourceQuotaStrategy},
    rbac::{self, RbacAuthorizer, RbacStrategy},
};

/// Compiles a schema of ours.
pub(crate) fn schema(document: &Value) -> Option<Arc<StructuralSchema>> {
    match StructuralSchema::compile(document) {
        Ok(schema) => Some(Arc::new(schema)),
        Err(error) => {
            tracing::error!(?error, "a built-in schema does not compile");
            None
        }
    }
}

fn age() -> Column {
    Column::new("Age", "date", ".metadata.creationTimestamp")
}

/// A built-in resource without status and generation.
fn plain(group: &str, kind: &str, plural: &str, scope: Scope, short_names: &[&str]) -> Resource {
    Resource {
        short_names: short_names.iter().map(|name| (*name).to_owned()).collect(),
        status_subresource: false,
        generation: false,
        ..Resource::new(group, "v1", kind, plural, scope)
    }
}

/// Every built-in resource.
pub(crate) fn resources(rbac: &Arc<RbacAuthorizer>, authorizer: &Arc<dyn Authorizer>) -> Vec<Resource> {
    let mut resources = core();
    resources.push(Resource {
        columns: vec![Column::new("Holder", "string", "text(.spec.holderIdentity)"), age()],
        schema: schema(&schemas::lease()),
        strategy: Arc::new(LeaseStrategy),
        ..plain("coordination.k8s.io", "Lease", "leases", Scope::Namespaced, &[])
    });
    let kinds = [
        ("Role", "roles", Scope::Namespaced),
        ("ClusterRole", "clusterroles", Scope::Cluster),
        ("RoleBinding", "rolebindings", Scope::Namespaced),
        ("ClusterRoleBinding", "clusterrolebindings", Scope::Cluster),
    ];
    for (kind, plural, scope) in kinds {
        let binding = kind.ends_with("Binding");
        resources.push(Resource {
            columns: if binding { binding_columns() } else { role_columns() },
            schema: schema(&match plural {
                "roles" => schemas::role(),
                "clusterroles" => schemas::cluster_role(),
                _ => schemas::binding(),
            }),
            name_rule: NameRule::PathSegment,
            strategy: Arc::new(RbacStrategy { rbac: rbac.clone(), authorizer: authorizer.clone(), plural }),
            ..plain(rbac::GROUP, kind, plural, scope, &[])
        });
    }
    resources
}

fn role_columns() -> Vec<Column> {
    vec![Column::new("Created At", "timestamp", ".metadata.creationTimestamp")]
}

fn binding_columns() -> Vec<Column> {
    vec![
        Column::new("Role", "string", "reference(.roleRef)"),
        age(),
        Column::new("Users", "string", "subjects(User)").wide(),
        Column::new("Groups", "string", "subjects(Group)").wide(),
        Column::new("ServiceAccounts", "string", "subjects(ServiceAccount)").wide(),
    ]
}

fn core() -> Vec<Resource> {
    let all = |resource: Resource, columns: Vec<Column>, document: Value| Resource {
        columns,
        schema: schema(&document),
        ..resource
    };
    vec![
        Resource {
            status_subresource: true,
            name_rule: NameRule::Label,
            selectable_fields: vec!["status.phase".into()],
            strategy: Arc::new(NamespaceStrategy),
            ..all(
                plain("", "Namespace", "namespaces", Scope::Cluster, &["ns"]),
                vec![Column::new("Status", "string", ".status.phase"), age()],
                schemas::namespace(),
            )
        },
        Resource {
            selectable_fields: vec!["type".into()],
            strategy: Arc::new(SecretStrategy),
            ..all(
                plain("", "Secret", "secrets", Scope::Namespaced, &[]),
                vec![
                    Column::new("Type", "string", ".type"),
                    Column::new("Data", "string", "count(.data)"),
                    age(),
                ],
                schemas::secret(),
            )
        },
        Resource {
            strategy: Arc::new(Plain::ConfigMap),
            ..all(
                plain("", "ConfigMap", "configmaps", Scope::Namespaced, &["cm"]),
                vec![Column::new("Data", "string", "count(.data,.binaryData)"), age()],
                schemas::config_map(),
            )
        },
        Resource {
            strategy: Arc::new(Plain::ServiceAccount),
            ..all(
                plain("", "ServiceAccount", "serviceaccounts", Scope::Namespaced, &["sa"]),
                vec![age()],
                schemas::service_account(),
            )
        },
        Resource {
            status_subresource: true,
            strategy: Arc::new(ResourceQuotaStrategy),
            ..all(
                plain("", "ResourceQuota", "resourcequotas", Scope::Namespaced, &["quota"]),
                vec![
                    Column::new("Request", "string", "usage(requests)"),
                    Column::new("Limit", "string", "usage(limits)"),
                    age(),
                ],
                schemas::resource_quota(),
            )
        },
        Resource {
            strategy: Arc::new(LimitRangeStrategy),
            ..all(
                plain("", "LimitRange", "limitranges", Scope::Namespaced, &["limits"]),
                vec![Column::new("Created At", "timestamp", ".metadata.creationTimestamp")],
                schemas::limit_range(),
            )
        },
        events::core(),
    ]
}
