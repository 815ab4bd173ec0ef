//! The present values, shared by every part.
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use arc_swap::ArcSwap;
use grange_resources::management;
use tokio::sync::watch;

use crate::{
    ServerUrl,
    definition::{self, CA_CERTIFICATES, DEFINITIONS, Definition, SERVER_URL, SERVER_VERSION, Writer},
};

/// `source` of a value that somebody set.
pub(crate) const FROM_STORE: &str = "db";
/// `source` of a value that the server was started with.
pub(crate) const FROM_START: &str = "env";
/// `source` while the default holds.
pub(crate) const FROM_DEFAULT: &str = "default";

/// What the server itself knows when it starts.
#[derive(Clone, Debug)]
pub struct Given {
    /// The address it goes by.
    pub server_url: ServerUrl,
    /// Whether somebody chose that address (`--server-url`). Then it holds, and the setting only shows it; otherwise it
    /// is a guess and holds until somebody sets another.
    pub is_server_url_chosen: bool,
    /// The CA certificates that clients need, PEM; empty when they need none.
    pub ca_pem: String,
    /// The version.
    pub version: String,
}

/// One setting as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// What holds.
    pub value: String,
    /// What holds while nothing is set.
    pub default: String,
    /// Whether somebody set it.
    pub customized: bool,
    /// Where the value comes from: `db`, `env` or `default`.
    pub source: String,
    /// The object's uid, once it is there.
    pub uid: Option<String>,
    /// When the object was made (RFC 3339).
    pub created: Option<String>,
}

/// All settings. Cheap to clone; all clones share one state.
#[derive(Clone)]
pub struct Settings(Arc<Shared>);

struct Shared {
    given: Given,
    stored: RwLock<BTreeMap<String, Setting>>,
    server_url: ArcSwap<ServerUrl>,
    changed: watch::Sender<()>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Settings").field("given", &self.0.given).finish_non_exhaustive()
    }
}

impl Settings {
    /// The settings of a server that has read no object yet.
    pub fn new(given: Given) -> Self {
        let server_url = ArcSwap::from_pointee(given.server_url.clone());
        let stored = RwLock::default();
        Settings(Arc::new(Shared { given, stored, server_url, changed: watch::channel(()).0 }))
    }
    /// The address people and clusters reach the server by.
    pub fn server_url(&self) -> Arc<ServerUrl> {
        self.0.server_url.load_full()
    }
    /// Resolves whenever something changed.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }
    /// A setting by name.
    pub fn get(&self, name: &str) -> Option<Setting> {
        self.stored().get(name).cloned().or_else(|| definition::find(name).map(|known| self.unset(known)))
    }
    /// All settings by name.
    pub fn all(&self) -> BTreeMap<String, Setting> {
        let mut all: BTreeMap<String, Setting> =
            DEFINITIONS.iter().map(|known| (known.name.to_owned(), self.unset(known))).collect();
        all.extend(self.stored().iter().map(|(name, setting)| (name.clone(), setting.clone())));
        all
    }
    /// A setting that is a time.
    pub fn duration(&self, name: &str) -> Duration {
        let held = self.get(name).and_then(|setting| definition::duration(&setting.value));
        let default = || definition::find(name).and_then(|known| definition::duration(known.default));
        held.or_else(default).unwrap_or_default()
    }
    /// Takes an object in, as the store now has it.
    pub fn apply(&self, object: &management::Setting) {
        let Some(name) = object.metadata.name.clone() else { return };
        let known = definition::find(&name);
        let mut fields = object.spec.clone();
        if let Some(Err(problem)) =
            known.filter(|_| !fields.value.is_empty()).map(|known| (known.check)(&fields.value))
        {
            tracing::warn!(setting = name, problem, "the stored value cannot be used; the default holds");
            fields.value.clear();
        }
        if let Some(known) = known {
            fields.default_value = self.default_of(known);
        }
        let setting = Setting {
            value: fields.effective().to_owned(),
            default: fields.default_value,
            customized: fields.customized,
            source: if fields.source.is_empty() { FROM_DEFAULT.to_owned() } else { fields.source },
            uid: object.metadata.uid.clone(),
            created: object.metadata.creation_timestamp.as_ref().map(|time| time.0.to_string()),
        };
        if name == SERVER_URL
            && !self.0.given.is_server_url_chosen
            && let Ok(url) = ServerUrl::parse(&setting.value)
            && *self.server_url() != url
        {
            tracing::info!(url = url.as_str(), "the server's address is set");
            self.0.server_url.store(Arc::new(url));
        }
        let before = self.write().insert(name, setting.clone());
        if before.as_ref() != Some(&setting) {
            self.0.changed.send_replace(());
        }
    }
    pub(crate) fn remove(&self, name: &str) {
        if self.write().remove(name).is_some() {
            self.0.changed.send_replace(());
        }
    }
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.write().retain(|name, _| keep(name));
    }
    /// The default of this server.
    pub(crate) fn default_of(&self, known: &Definition) -> String {
        match known.name {
            SERVER_URL if !self.0.given.is_server_url_chosen => self.0.given.server_url.as_str().to_owned(),
            _ => known.default.to_owned(),
        }
    }
    /// The value that the server itself gives, which nobody else may change.
    pub(crate) fn fixed(&self, known: &Definition) -> Option<(String, &'static str)> {
        let given = &self.0.given;
        match known.name {
            SERVER_URL if given.is_server_url_chosen => {
                Some((given.server_url.as_str().to_owned(), FROM_START))
            }
            CA_CERTIFICATES => Some((given.ca_pem.clone(), FROM_STORE)),
            SERVER_VERSION => Some((given.version.clone(), FROM_DEFAULT)),
            _ => None,
        }
    }
    /// Whether people cannot change it, and why.
    pub(crate) fn locked(&self, known: &Definition) -> Option<&'static str> {
        if known.writer == Writer::Server {
            return Some("it tells something of the server and cannot be set");
        }
        (known.name == SERVER_URL && self.0.given.is_server_url_chosen).then_some(
            "it is given when the server starts (--server-url or GRANGE_SERVER_URL); change it there",
        )
    }

    fn unset(&self, known: &Definition) -> Setting {
        let default = self.default_of(known);
        match self.fixed(known) {
            Some((value, source)) => Setting {
                value,
                default,
                source: source.to_owned(),
                customized: false,
                uid: None,
                created: None,
            },
            None => {
                Setting { value: default.clone(), default, source: FROM_DEFAULT.into(), ..Setting::default() }
            }
        }
    }
    fn stored(&self) -> RwLockReadGuard<'_, BTreeMap<String, Setting>> {
        self.0.stored.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Setting>> {
        self.0.stored.write().unwrap_or_else(PoisonError::into_inner)
    }
}
