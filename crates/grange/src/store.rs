//! Which storage engine, with what, and how it is opened.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use grange_store::{Revision, Store};
use grange_store_etcd::{Credentials, EtcdConfig, EtcdStore, Hidden, Tls};
use grange_store_sqlite::{SqliteConfig, SqliteStore};

use crate::{arguments::Etcd, exit::Refusal};

/// The database's name in a data folder.
const DATABASE: &str = "grange.db";
/// The largest certificate or password file that is read.
const FILE_LIMIT_BYTES: u64 = 1 << 20;

/// One side of a copy: an engine, and the folder it is in if it is in one.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) engine: Engine,
    pub(crate) data_dir: PathBuf,
}

impl Place {
    /// Reads `sqlite:FOLDER` or `etcd=URL,URL`.
    pub(crate) fn parse(flag: &str, text: &str, etcd: &Etcd) -> anyhow::Result<Self> {
        if let Some(folder) = text.strip_prefix("sqlite:").filter(|folder| !folder.is_empty()) {
            return Ok(Place { engine: Engine::Sqlite, data_dir: folder.into() });
        }
        if text.starts_with("etcd=") {
            return Ok(Place { engine: Engine::parse(text, etcd)?, data_dir: PathBuf::new() });
        }
        Err(Refusal::usage(format!("{flag} {text:?}: use sqlite:FOLDER or etcd=URL,URL")))
    }

    /// Whether a database is there, for a place in a folder.
    pub(crate) fn exists(&self) -> bool {
        self.engine.is_shared() || self.data_dir.join(DATABASE).is_file()
    }
}

/// The engine that was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Engine {
    /// Embedded, in the data folder; one server.
    Sqlite,
    /// Shared by several servers.
    Etcd(Box<EtcdConfig>),
}

impl Engine {
    /// Reads `--store` and the flags that go with it.
    pub(crate) fn parse(text: &str, etcd: &Etcd) -> anyhow::Result<Self> {
        if text == "sqlite" {
            if etcd.is_given() {
                return Err(Refusal::usage("--etcd-… options go with --store etcd=URL,URL"));
            }
            return Ok(Engine::Sqlite);
        }
        let endpoints = text.strip_prefix("etcd=").filter(|endpoints| !endpoints.is_empty());
        let Some(endpoints) = endpoints else {
            return Err(Refusal::usage(format!("--store {text:?}: use sqlite or etcd=URL,URL")));
        };
        let mut config = EtcdConfig::new(endpoints.split(',').map(str::trim));
        config.tls = tls(etcd)?;
        config.credentials = credentials(etcd)?;
        config.validate().map_err(|error| Refusal::usage(format!("--store: {error}")))?;
        Ok(Engine::Etcd(Box::new(config)))
    }

    /// Opens it as the target of a copy: if it is new, it begins at `origin`.
    pub(crate) async fn open_at(
        mut self,
        data_dir: &Path,
        origin: Revision,
    ) -> anyhow::Result<Arc<dyn Store>> {
        if let Engine::Etcd(config) = &mut self {
            config.origin = origin;
        }
        self.open_with(data_dir, origin).await
    }

    /// Opens it.
    pub(crate) async fn open(self, data_dir: &Path) -> anyhow::Result<Arc<dyn Store>> {
        self.open_with(data_dir, Revision(0)).await
    }

    /// Whether other servers may have it open too.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Engine::Etcd(_))
    }

    async fn open_with(self, data_dir: &Path, origin: Revision) -> anyhow::Result<Arc<dyn Store>> {
        match self {
            Engine::Sqlite => {
                let config = SqliteConfig { origin, ..SqliteConfig::new(data_dir.join(DATABASE)) };
                let opening = tokio::task::spawn_blocking(move || SqliteStore::open(config));
                Ok(Arc::new(opening.await.context("opening the store")??))
            }
            Engine::Etcd(config) => Ok(Arc::new(EtcdStore::open(*config).await?)),
        }
    }
}

fn tls(etcd: &Etcd) -> anyhow::Result<Tls> {
    let ca_pem = etcd.etcd_ca.as_deref().map(|path| read("--etcd-ca", path)).transpose()?;
    let identity = match (&etcd.etcd_cert, &etcd.etcd_key) {
        (Some(certificate), Some(key)) => {
            Some((read("--etcd-cert", certificate)?, Hidden::new(read("--etcd-key", key)?)))
        }
        (None, None) => None,
        _ => return Err(Refusal::usage("--etcd-cert and --etcd-key go together")),
    };
    Ok(Tls { ca_pem, identity })
}

fn credentials(etcd: &Etcd) -> anyhow::Result<Option<Credentials>> {
    let password = match (&etcd.etcd_password, &etcd.etcd_password_file) {
        (Some(_), Some(_)) => {
            return Err(Refusal::usage("--etcd-password and --etcd-password-file exclude each other"));
        }
        (Some(password), None) => Some(password.clone()),
        (None, Some(path)) => {
            Some(read("--etcd-password-file", path)?.trim_end_matches(['\r', '\n']).to_owned())
        }
        (None, None) => None,
    };
    match (&etcd.etcd_user, password) {
        (Some(user), Some(password)) => {
            Ok(Some(Credentials { user: user.clone(), password: Hidden::new(password) }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(Refusal::usage("--etcd-user needs --etcd-password-file (or GRANGE_ETCD_PASSWORD)"))
        }
        (None, Some(_)) => Err(Refusal::usage("a password for etcd needs --etcd-user")),
    }
}

fn read(flag: &str, path: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;
    let refused = |why: &dyn std::fmt::Display| Refusal::usage(format!("{flag}: {}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| refused(&error))?;
    let mut text = String::new();
    file.take(FILE_LIMIT_BYTES + 1).read_to_string(&mut text).map_err(|error| refused(&error))?;
    if text.len() as u64 > FILE_LIMIT_BYTES {
        return Err(refused(&format_args!("larger than {FILE_LIMIT_BYTES} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(store: &str, etcd: &Etcd) -> String {
        Engine::parse(store, etcd).expect_err("refused").to_string()
    }

    #[test]
    fn engines_and_their_options_are_checked_before_anything_is_opened() {
        let none = Etcd::default();
        assert!(matches!(Engine::parse("sqlite", &none), Ok(Engine::Sqlite)));
        let Ok(Engine::Etcd(config)) = Engine::parse("etcd=http://a:2379, http://b:2379", &none) else {
            panic!("etcd with two members")
        };
        assert_eq!(config.endpoints, ["http://a:2379", "http://b:2379"]);
        for (store, wrong) in
            [("etcd", "use sqlite"), ("etcd=", "use sqlite"), ("etcd=a:1", "http"), ("x", "use sqlite")]
        {
            assert!(refusal(store, &none).contains(wrong), "{store}");
        }
        let user = Etcd { etcd_user: Some("root".into()), ..Etcd::default() };
        assert!(refusal("etcd=http://a:1", &user).contains("--etcd-password-file"));
        assert!(refusal("sqlite", &user).contains("--store etcd"));
        let certificate = Etcd { etcd_cert: Some("a.pem".into()), ..Etcd::default() };
        assert!(refusal("etcd=https://a:1", &certificate).contains("go together"));
        let missing = Etcd { etcd_ca: Some("/nowhere/ca.pem".into()), ..Etcd::default() };
        assert!(refusal("etcd=https://a:1", &missing).contains("--etcd-ca: /nowhere/ca.pem"));
    }

    #[test]
    fn a_password_file_may_end_with_a_newline_and_is_not_shown() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "open sesame\n").expect("written");
        let etcd = Etcd {
            etcd_user: Some("root".into()),
            etcd_password_file: Some(file.path().to_owned()),
            ..Etcd::default()
        };
        let engine = Engine::parse("etcd=http://a:1", &etcd).expect("an engine");
        assert!(!format!("{engine:?}").contains("sesame"));
        let Engine::Etcd(config) = engine else { panic!("etcd") };
        let expected = Credentials { user: "root".into(), password: Hidden::new("open sesame") };
        assert_eq!(config.credentials, Some(expected));
    }
}
