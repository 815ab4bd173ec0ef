//! Who is who: users, passwords, tokens, sessions, login throttling, the first administrator.
//!
//! Users and tokens are objects of the management API (`management.cattle.io/v3` User and Token), so that kubectl can
//! see, disable and revoke them; passwords are Secrets. This crate watches those objects and answers
//! [`Handle::authenticate`] from memory: one hash and one map look-up, no store access.
//!
//! Knows nothing of HTTP routes and of clusters. Start reading at [`service`], then [`index`].
//!
//! INVARIANT: no clear secret is ever stored or logged; types that hold one have no `Debug`.

pub mod index;
pub mod password;
pub mod resources;
pub mod secret;
pub mod service;
pub mod sessions;
pub mod throttle;
pub mod token;
pub mod user;

mod accounts;
mod bootstrap;
mod objects;
mod sweep;
mod watch;

pub use bootstrap::BootstrapOutcome;
pub use index::{Identity, Index, Revoked};
pub use secret::Secret;
pub use service::{Config, Handle, LoginRequest, Service};
pub use sessions::{IssuedToken, TokenRequest, TokenSummary};
pub use token::TokenKind;
pub use user::UserProfile;

/// The management API's status when its disk is full.
const NO_SPACE: u16 = 507;

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user does not exist or the password is wrong; which of both is never said.
    #[error("authentication failed")]
    Refused,
    /// The password is right, but the user may not log in.
    #[error("user is disabled")]
    Disabled,
    /// Too many failures from this address or for this account.
    #[error("too many failed logins; try again in {retry_after_seconds} seconds")]
    Throttled {
        /// When to come back.
        retry_after_seconds: u32,
    },
    /// More logins at once than passwords can be checked.
    #[error("too many logins at once; try again")]
    Busy,
    /// The new password breaks a rule.
    #[error("{0}")]
    PasswordRule(&'static str),
    /// No such user.
    #[error("user {0} does not exist")]
    NoSuchUser(String),
    /// A password could not be hashed or its stored form cannot be read.
    #[error("password hash: {0}")]
    PasswordHash(String),
    /// The management API can write nothing now; the sentence says why.
    #[error("{0}")]
    NoSpace(String),
    /// The management API refused or failed.
    #[error("management API: {0}")]
    Api(#[source] Box<kube::Error>),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == NO_SPACE => Error::NoSpace(status.message.clone()),
            error => Error::Api(Box::new(error)),
        }
    }
}
