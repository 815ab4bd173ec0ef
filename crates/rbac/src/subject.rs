//! Whom a binding is about.

use serde::{Deserialize, Serialize};

/// What a service account's user name starts with; `<namespace>:<name>` follows.
pub const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// `rbac.authorization.k8s.io/v1` `Subject`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// What the name means.
    pub kind: SubjectKind,
    /// `rbac.authorization.k8s.io` for users and groups, `""` for service accounts; Kubernetes fills it in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_group: String,
    /// The name of the user, group or service account.
    pub name: String,
    /// The service account's namespace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// The kind of a [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectKind {
    /// A person or a machine, by user name.
    User,
    /// Everyone in a group.
    Group,
    /// A service account of a namespace.
    ServiceAccount,
}

impl Subject {
    /// Whether the subject is this user, or a group of theirs. `binding_namespace` is that of a RoleBinding (`""` for a
    /// ClusterRoleBinding): a service account without a namespace lives there.
    pub fn is<G: AsRef<str>>(&self, user: &str, groups: &[G], binding_namespace: &str) -> bool {
        match self.kind {
            SubjectKind::User => self.name == user,
            SubjectKind::Group => groups.iter().any(|group| group.as_ref() == self.name),
            SubjectKind::ServiceAccount => {
                let namespace = if self.namespace.is_empty() { binding_namespace } else { &self.namespace };
                let account = user.strip_prefix(SERVICE_ACCOUNT_PREFIX).and_then(|rest| rest.split_once(':'));
                !namespace.is_empty() && account == Some((namespace, self.name.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn subjects_are_users_groups_or_service_accounts() {
        let user = "system:serviceaccount:ns:robot";
        for (subject, binding_namespace, expect) in [
            (json!({"kind": "User", "name": user}), "", true),
            (json!({"kind": "User", "name": "robot"}), "ns", false),
            (json!({"kind": "Group", "name": "staff", "apiGroup": "rbac.authorization.k8s.io"}), "", true),
            (json!({"kind": "Group", "name": user}), "", false),
            (json!({"kind": "ServiceAccount", "name": "robot", "namespace": "ns"}), "", true),
            (json!({"kind": "ServiceAccount", "name": "robot", "namespace": "other"}), "ns", false),
            (json!({"kind": "ServiceAccount", "name": "robot"}), "ns", true),
            (json!({"kind": "ServiceAccount", "name": "robot"}), "", false),
            (json!({"kind": "ServiceAccount", "name": "ns:robot"}), "", false),
        ] {
            let subject: Subject = serde_json::from_value(subject).unwrap();
            assert_eq!(subject.is(user, &["staff"], binding_namespace), expect, "{subject:?}");
        }
        assert!(serde_json::from_value::<Subject>(json!({"kind": "Robot", "name": "x"})).is_err());
    }
}
