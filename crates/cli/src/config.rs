//! What is remembered between commands: `$XDG_CONFIG_HOME/grange/config.json`, readable by its owner only.
use std::{
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A login. No `Debug`: it holds a token.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Connection {
    /// The server's address.
    pub(crate) server: String,
    /// `name:secret`.
    pub(crate) token: String,
    /// The login name.
    pub(crate) username: String,
    /// The server's own CA; empty when its certificate is publicly valid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) ca_pem: String,
    /// Whether the certificate is not checked at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) insecure_skip_tls_verify: bool,
}

pub(crate) fn path() -> Result<PathBuf, Error> {
    let variable = |key: &str| std::env::var_os(key).map(PathBuf::from).filter(|path| path.is_absolute());
    variable("XDG_CONFIG_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".config")))
        .map(|base| base.join("grange/config.json"))
        .ok_or_else(|| Error::Usage("set HOME or XDG_CONFIG_HOME: there is nowhere to keep the login".into()))
}

/// The last login, if there is one.
pub(crate) fn read() -> Result<Option<Connection>, Error> {
    let path = path()?;
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(file(&path, source)),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Error::Remembered { path: path.display().to_string(), reason: error.to_string() })
}

pub(crate) fn write(connection: &Connection) -> Result<(), Error> {
    let path = path()?;
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| file(folder, source))?;
    }
    let text = serde_json::to_string_pretty(connection).map_err(|error| file(&path, error.into()))?;
    write_private(&path, &format!("{text}\n"))
}

/// Writes a file whole or not at all, readable by its owner only.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let _ = std::fs::remove_file(&temporary);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|source| file(path, source))
}

fn file(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}
