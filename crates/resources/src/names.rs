//! Labels, annotations, namespaces and fixed names that clients of Rancher know, and the few of our own.

/// The namespace of clusters unless they say otherwise.
pub const FLEET_DEFAULT: &str = "fleet-default";
/// Namespaces that exist from the first start on, as in Rancher.
pub const STANDARD_NAMESPACES: [&str; 4] =
    [FLEET_DEFAULT, "cattle-system", "cattle-global-data", "cattle-local-user-passwords"];
/// The registration token that every cluster has.
pub const DEFAULT_TOKEN: &str = "default-token";

/// Label: what kind of cluster it is; decides where it is shown before it ever connected.
pub const PROVIDER_LABEL: &str = "provider.cattle.io";
/// The provider of Harvester clusters.
pub const PROVIDER_HARVESTER: &str = "harvester";
/// Label of objects made through `/v3`.
pub const CREATOR_LABEL: &str = "cattle.io/creator";
/// Label of a cluster's Default project.
pub const DEFAULT_PROJECT_LABEL: &str = "authz.management.cattle.io/default-project";
/// Label of a cluster's System project.
pub const SYSTEM_PROJECT_LABEL: &str = "authz.management.cattle.io/system-project";

/// Annotation: who created the object (a user's id).
pub const CREATOR_ID_ANNOTATION: &str = "field.cattle.io/creatorId";
/// Annotation: the description as the console shows it.
pub const DESCRIPTION_ANNOTATION: &str = "field.cattle.io/description";
/// Annotation: the management id a client asks for.
pub const MANAGEMENT_NAME_ANNOTATION: &str = "provisioning.cattle.io/management-cluster-name";
/// Annotation: the display name, written by the server.
pub const DISPLAY_NAME_ANNOTATION: &str = "provisioning.cattle.io/management-cluster-display-name";
/// Annotation: whether the provisioning object rules the management object; `"false"` for imported clusters.
pub const ADMINISTRATED_ANNOTATION: &str = "provisioning.cattle.io/administrated";
/// Annotation of a cluster's namespace.
pub const SYSTEM_NAMESPACE_ANNOTATION: &str = "management.cattle.io/system-namespace";
/// Annotation: which provisioning object a management object was made from (`namespace/name`).
pub const PROVISIONED_BY_ANNOTATION: &str = "clusters.grange/provisioned-by";

/// Finalizer of Grange on the clusters of its own store; never on an object of a managed cluster.
pub const CLUSTER_FINALIZER: &str = "clusters.grange/cluster-removal";
