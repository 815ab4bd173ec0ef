//! A user as others see them.
use grange_apiserver::UserInfo;

use crate::objects::UserRecord;

/// Every authenticated person's groups.
pub const GROUPS: [&str; 2] = ["system:authenticated", "system:cattle:authenticated"];

/// A user as shown to people.
#[derive(Clone, Debug, PartialEq)]
pub struct UserProfile {
    /// The User object's name.
    pub id: String,
    /// The User object's uid.
    pub uid: String,
    /// The login name.
    pub username: String,
    /// The name for people.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Whether the password has to be changed.
    pub must_change_password: bool,
    /// `local://…` and what external providers know the user as.
    pub principal_ids: Vec<String>,
    /// Whether this is the administrator of the first start.
    pub is_bootstrap_admin: bool,
    /// When the object was created.
    pub created: String,
}

impl UserRecord {
    /// Whom the management API and imported clusters are told when this user presents a token.
    pub(crate) fn info(&self, token_name: &str) -> UserInfo {
        UserInfo {
            username: self.name.clone(),
            uid: self.name.clone(),
            groups: GROUPS.iter().map(|group| (*group).to_owned()).collect(),
            extra: [
                ("principalid".to_owned(), vec![format!("local://{}", self.name)]),
                ("requesttokenid".to_owned(), vec![token_name.to_owned()]),
                ("username".to_owned(), vec![self.username.clone()]),
            ]
            .into(),
        }
    }
    /// The user as shown to people.
    pub(crate) fn profile(&self) -> UserProfile {
        UserProfile {
            id: self.name.clone(),
            uid: self.uid.clone(),
            username: self.username.clone(),
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            enabled: self.enabled,
            must_change_password: self.must_change_password,
            principal_ids: self.principal_ids.clone(),
            is_bootstrap_admin: self.is_bootstrap_admin,
            created: self.created.clone(),
        }
    }
}
