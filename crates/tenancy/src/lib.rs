//! What a person is in an imported cluster. Pure: the caller asks the management API's authorizer, this crate turns
//! the answers into the identity that the cluster's own RBAC then judges.
//!
//! Membership never leaves the server: an imported cluster holds a few static bindings to groups, and which of those
//! groups a person carries is decided here, per request.
//!
//! INVARIANT: a user name or group that begins with `system:` reaches a cluster only from the fixed list in this file.

use std::collections::BTreeMap;

use grange_apiserver::{Attributes, Authorizer, UserInfo};

/// The API group of clusters in the management API.
pub const CLUSTERS_GROUP: &str = "management.cattle.io";
/// Their plural.
pub const CLUSTERS_RESOURCE: &str = "clusters";
/// The groups that every authenticated person carries in every cluster they may see.
pub const FIXED_GROUPS: [&str; 2] = ["system:authenticated", "system:cattle:authenticated"];
/// The group that an import binds to `cluster-admin` in the cluster.
pub const CLUSTER_OWNER_GROUP: &str = "grange:cluster:cluster-owner";
/// The extras that are passed on, beside `principalid`, which is made here.
const PASSED_EXTRAS: [&str; 2] = ["username", "requesttokenid"];

/// What the management API's authorizer says about one person and one cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterAccess {
    /// May they see it? Without this they have nothing to look for there.
    pub may_get: bool,
    /// May they change it? Then they own it.
    pub may_update: bool,
}

impl ClusterAccess {
    /// Asks the authorizer; `update` only when `get` is allowed.
    pub fn ask(authorizer: &dyn Authorizer, user: &UserInfo, cluster: &str) -> Self {
        let may = |verb| {
            let attributes = Attributes {
                user,
                verb,
                group: CLUSTERS_GROUP,
                version: "v3",
                resource: CLUSTERS_RESOURCE,
                subresource: "",
                namespace: "",
                name: cluster,
                path: "",
            };
            authorizer.authorize(&attributes).allowed
        };
        let may_get = may("get");
        ClusterAccess { may_get, may_update: may_get && may("update") }
    }
}

/// Who a person is in an imported cluster; becomes the `Impersonate-*` headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownstreamIdentity {
    /// `Impersonate-User`: the user's id.
    pub user: String,
    /// `Impersonate-Group`.
    pub groups: Vec<String>,
    /// `Impersonate-Extra-<key>`.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The identity `user` has in a cluster, or `None` when they may not even see it.
pub fn downstream_identity(user: &UserInfo, access: ClusterAccess) -> Option<DownstreamIdentity> {
    if !access.may_get || user.username.is_empty() || is_system(&user.username) {
        return None;
    }
    let mut groups: Vec<String> = FIXED_GROUPS.iter().map(|group| (*group).to_owned()).collect();
    if access.may_update {
        groups.push(CLUSTER_OWNER_GROUP.to_owned());
    }
    let mut extra = BTreeMap::new();
    for key in PASSED_EXTRAS {
        if let Some(values) = user.extra.get(key) {
            extra.insert(key.to_owned(), values.clone());
        }
    }
    extra.insert("principalid".to_owned(), vec![format!("local://{}", user.username)]);
    Some(DownstreamIdentity { user: user.username.clone(), groups, extra })
}

fn is_system(name: &str) -> bool {
    name.starts_with("system:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> UserInfo {
        UserInfo {
            username: "user-abcde".into(),
            uid: "user-abcde".into(),
            groups: vec!["system:masters".into(), "grange:cluster:cluster-owner".into()],
            extra: [
                ("username".to_owned(), vec!["alice".to_owned()]),
                ("requesttokenid".to_owned(), vec!["token-xyz".to_owned()]),
                ("principalid".to_owned(), vec!["local://somebody-else".to_owned()]),
                ("scopes".to_owned(), vec!["all".to_owned()]),
            ]
            .into(),
        }
    }
    const VIEW: ClusterAccess = ClusterAccess { may_get: true, may_update: false };
    const OWN: ClusterAccess = ClusterAccess { may_get: true, may_update: true };

    #[test]
    fn who_may_not_see_a_cluster_is_nobody_there() {
        assert_eq!(downstream_identity(&person(), ClusterAccess::default()), None);
    }

    #[test]
    fn groups_come_from_the_decision_and_never_from_the_caller() {
        let viewer = downstream_identity(&person(), VIEW).expect("may see it");
        assert_eq!(viewer.groups, FIXED_GROUPS);
        let owner = downstream_identity(&person(), OWN).expect("may see it");
        assert_eq!(owner.groups, [FIXED_GROUPS[0], FIXED_GROUPS[1], CLUSTER_OWNER_GROUP]);
    }

    #[test]
    fn the_extras_are_ours() {
        let extra = downstream_identity(&person(), VIEW).expect("may see it").extra;
        assert_eq!(extra["principalid"], ["local://user-abcde"]);
        assert_eq!(extra["username"], ["alice"]);
        assert_eq!(extra["requesttokenid"], ["token-xyz"]);
        assert!(!extra.contains_key("scopes"));
    }

    #[test]
    fn kubernetes_own_names_never_pass() {
        for name in ["system:apiserver", "system:masters", ""] {
            let user = UserInfo { username: name.into(), ..UserInfo::default() };
            assert_eq!(downstream_identity(&user, OWN), None, "{name}");
        }
    }
}
