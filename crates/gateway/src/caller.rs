//! Who asks: a person with a credential of ours, or a service account of the management API.
use std::sync::Arc;

use grange_apiserver::UserInfo;
use grange_identity::{Identity, Secret};

/// Somebody who is known.
#[derive(Clone)]
pub(crate) enum Caller {
    /// A person, or a program with a person's token.
    Person(Identity),
    /// A service account.
    Account(Account),
}

/// A service account with its token.
#[derive(Clone)]
pub(crate) struct Account {
    /// What the management API is told.
    pub(crate) user: UserInfo,
    /// Names the account and the token, and may be logged.
    pub(crate) id: Arc<str>,
    /// The token itself: whether it still holds is asked again while a stream is open.
    pub(crate) token: Arc<Secret>,
}

impl Account {
    /// `user` is whom the management API takes the token for.
    pub(crate) fn new(user: UserInfo, token: Secret) -> Self {
        let credentials = user.extra.values().flatten().map(String::as_str);
        let id = std::iter::once(user.username.as_str()).chain(credentials).collect::<Vec<_>>().join(" ");
        Account { id: id.into(), token: Arc::new(token), user }
    }
}

impl Caller {
    /// What the management API is told.
    pub(crate) fn user(&self) -> &UserInfo {
        match self {
            Caller::Person(identity) => &identity.user,
            Caller::Account(account) => &account.user,
        }
    }
}
