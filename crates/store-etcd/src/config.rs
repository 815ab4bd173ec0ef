//! Where etcd is, how to prove who we are, how much to keep, and why a store cannot be opened.

use std::{fmt, time::Duration};

use grange_store::{Revision, StoreError, history::Limits};

/// How long history stays in etcd at least, and how often older history is dropped; as a kube-apiserver has it.
pub const COMPACTION_INTERVAL: Duration = Duration::from_secs(300);
/// History younger than this stays in memory, within [`EtcdConfig::history`].
pub const KEEP_AGE: Duration = Duration::from_secs(300);
/// History of so many revisions stays in memory, however old, within [`EtcdConfig::history`].
pub const KEEP_REVISIONS: u64 = 10_000;
/// How long an opening store waits for an etcd that cannot be reached: both may just be starting.
pub const OPEN_DEADLINE: Duration = Duration::from_secs(30);
/// What every key begins with unless said otherwise.
pub const KEY_PREFIX: &str = "/grange/";
/// How many members can be named.
pub const ENDPOINT_LIMIT: usize = 16;

/// A secret that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub(crate) String);

impl Hidden {
    /// Hides a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Hidden(text.into())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// A user of etcd's own authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: Hidden,
}

/// What TLS needs beyond the addresses.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The authority that signed the members' certificates, PEM; without one, those of the operating system.
    pub ca_pem: Option<String>,
    /// A client certificate, PEM, and its key.
    pub identity: Option<(String, Hidden)>,
}

/// How to open a store in etcd.
#[derive(Clone, Debug)]
pub struct EtcdConfig {
    /// The members' client addresses, `http://…` or `https://…`; the first that answers is used, the others when it fails.
    pub endpoints: Vec<String>,
    /// For `https` endpoints.
    pub tls: Tls,
    /// If etcd asks for a user.
    pub credentials: Option<Credentials>,
    /// What every key begins with; ends with a slash. Stores with different prefixes share an etcd.
    pub key_prefix: String,
    /// How often etcd's history is dropped, up to where it stood one interval before. It is dropped for the whole of
    /// etcd; `None` leaves that to somebody else.
    pub compaction_interval: Option<Duration>,
    /// What may stay in memory.
    pub history: Limits,
    /// How long [`crate::EtcdStore::open`] waits for an etcd that cannot be reached.
    pub open_deadline: Duration,
    /// Where a new store begins at the least: one that is copied into it had come so far. Of no account for one that
    /// exists.
    pub origin: Revision,
}

impl EtcdConfig {
    /// The defaults for these members.
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        EtcdConfig {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            tls: Tls::default(),
            credentials: None,
            key_prefix: KEY_PREFIX.to_owned(),
            compaction_interval: Some(COMPACTION_INTERVAL),
            history: Limits::default(),
            open_deadline: OPEN_DEADLINE,
            origin: Revision(0),
        }
    }

    /// Checks what can be checked without asking etcd.
    ///
    /// # Errors
    /// [`OpenError::Config`].
    pub fn validate(&self) -> Result<(), OpenError> {
        let refuse = |why: String| Err(OpenError::Config(why));
        if self.endpoints.is_empty() {
            return refuse("no endpoint is named".to_owned());
        }
        if self.endpoints.len() > ENDPOINT_LIMIT {
            return refuse(format!("{} endpoints; at most {ENDPOINT_LIMIT}", self.endpoints.len()));
        }
        for endpoint in &self.endpoints {
            check_endpoint(endpoint).map_err(|why| OpenError::Config(format!("{endpoint:?}: {why}")))?;
        }
        if self.key_prefix.len() < 2 || !self.key_prefix.ends_with('/') {
            return refuse(format!("the key prefix {:?} must end with a slash", self.key_prefix));
        }
        if self.key_prefix.len() > PREFIX_LIMIT_BYTES {
            return refuse(format!("the key prefix is longer than {PREFIX_LIMIT_BYTES} bytes"));
        }
        Ok(())
    }
}

/// With keys of their own limit, a transaction stays below what it may need beside its value.
const PREFIX_LIMIT_BYTES: usize = 256;

/// An address has scheme, host and port, and nothing else: a password in it would end up in logs.
fn check_endpoint(text: &str) -> Result<(), &'static str> {
    let uri: http::Uri = text.parse().map_err(|_| "not a URL")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("the address begins with http:// or https://");
    }
    let authority = uri.authority().ok_or("no host")?;
    if authority.as_str().contains('@') {
        return Err("user and password have their own options");
    }
    if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
        return Err("an address ends with its port");
    }
    Ok(())
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What was asked for cannot be.
    #[error("etcd: {0}")]
    Config(String),
    /// No member answers as it should.
    #[error("etcd ({endpoints}): {source}{hint}")]
    Failed {
        /// Whom we asked.
        endpoints: String,
        /// What the last said.
        #[source]
        source: Box<StoreError>,
        /// What may be the matter, if that is not clear from what was said.
        hint: &'static str,
    },
    /// A member is too old to say how far its watches have come.
    #[error(
        "etcd ({endpoints}) is version {version}; needed is 3.4.31, 3.5.13, 3.6 or newer, whose watches tell their progress rightly"
    )]
    TooOld {
        /// Whom we asked.
        endpoints: String,
        /// What it is.
        version: String,
    },
    /// Written by a newer Grange, or by something else.
    #[error("etcd ({endpoints}) holds something else under {key}: {reason}")]
    Foreign {
        /// Whom we asked.
        endpoints: String,
        /// The key that says what is there.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_anything_is_asked() {
        for good in ["http://127.0.0.1:2379", "https://etcd-0.example:2379/", "http://[::1]:2379"] {
            assert_eq!(check_endpoint(good), Ok(()), "{good}");
        }
        for bad in ["", "127.0.0.1:2379", "ftp://a:1", "http://user:word@a:1", "http://a:1/path", "http://"] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
        let none: [&str; 0] = [];
        assert!(EtcdConfig::new(none).validate().is_err());
        let config = EtcdConfig { key_prefix: "grange".to_owned(), ..EtcdConfig::new(["http://a:1"]) };
        assert!(config.validate().is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials { user: "root".to_owned(), password: Hidden::new("open sesame") };
        assert!(!format!("{credentials:?}").contains("sesame"));
    }
}
