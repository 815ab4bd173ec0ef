//! The objects an import brings into a cluster. The manifest creates them, the agent adopts and removes them: both
//! take the names from here.
//!
//! INVARIANT: every object listed in [`OWNED`] is owned by the ClusterRole [`CLUSTER_ROLE`] once the agent has
//! adopted it, so that deleting that one object removes all.

/// Where the agent lives. Every Harvester has this namespace, so it is neither created nor removed.
pub const NAMESPACE: &str = "cattle-system";
/// The Deployment's name; a Harvester's reset deletes exactly this one.
pub const DEPLOYMENT: &str = "cattle-cluster-agent";
/// The agent's ServiceAccount.
pub const SERVICE_ACCOUNT: &str = "grange-agent";
/// What the agent may do; the owner of everything else.
pub const CLUSTER_ROLE: &str = "grange-agent";
/// Binds [`SERVICE_ACCOUNT`] to [`CLUSTER_ROLE`].
pub const CLUSTER_ROLE_BINDING: &str = "grange-agent";
/// Binds the group of cluster owners to `cluster-admin`.
pub const CLUSTER_OWNER_BINDING: &str = "grange-cluster-owner";
/// The Secret with keys [`CREDENTIALS_URL_KEY`] and [`CREDENTIALS_TOKEN_KEY`], mounted at [`CREDENTIALS_DIRECTORY`].
pub const CREDENTIALS_SECRET: &str = "grange-agent-credentials";
/// The server's URL in [`CREDENTIALS_SECRET`].
pub const CREDENTIALS_URL_KEY: &str = "url";
/// The join token in [`CREDENTIALS_SECRET`].
pub const CREDENTIALS_TOKEN_KEY: &str = "token";
/// Where the Deployment mounts [`CREDENTIALS_SECRET`].
pub const CREDENTIALS_DIRECTORY: &str = "/cattle-credentials";
/// The Secret with the agent's key pair. The manifest brings it empty, the agent fills it.
pub const KEY_SECRET: &str = "grange-agent-key";

/// Environment variable with the server's URL.
pub const ENV_SERVER: &str = "CATTLE_SERVER";
/// Environment variable with the SHA-256 of the server's CA certificates (hexadecimal; empty: publicly valid).
pub const ENV_CA_CHECKSUM: &str = "CATTLE_CA_CHECKSUM";

/// One object of the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Kind, for people.
    pub kind: &'static str,
    /// Path of the collection in the Kubernetes API.
    pub collection: &'static str,
    /// Name.
    pub name: &'static str,
}

impl Object {
    /// Path of the object in the Kubernetes API.
    pub fn path(&self) -> String {
        format!("{}/{}", self.collection, self.name)
    }
}

/// The owner of all others.
pub const OWNER: Object = Object {
    kind: "ClusterRole",
    collection: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    name: CLUSTER_ROLE,
};

/// The Deployment.
pub const DEPLOYMENT_OBJECT: Object = Object {
    kind: "Deployment",
    collection: "/apis/apps/v1/namespaces/cattle-system/deployments",
    name: DEPLOYMENT,
};

/// The key Secret.
pub const KEY_OBJECT: Object =
    Object { kind: "Secret", collection: "/api/v1/namespaces/cattle-system/secrets", name: KEY_SECRET };

/// What the agent adopts after its first welcome, the Deployment last.
pub const OWNED: [Object; 6] = [
    Object {
        kind: "ServiceAccount",
        collection: "/api/v1/namespaces/cattle-system/serviceaccounts",
        name: SERVICE_ACCOUNT,
    },
    Object {
        kind: "Secret",
        collection: "/api/v1/namespaces/cattle-system/secrets",
        name: CREDENTIALS_SECRET,
    },
    KEY_OBJECT,
    Object {
        kind: "ClusterRoleBinding",
        collection: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        name: CLUSTER_ROLE_BINDING,
    },
    Object {
        kind: "ClusterRoleBinding",
        collection: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        name: CLUSTER_OWNER_BINDING,
    },
    DEPLOYMENT_OBJECT,
];
