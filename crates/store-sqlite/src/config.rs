//! How an embedded store is opened, and why that may fail.

use std::{io, path::PathBuf, time::Duration};

use grange_store::{Revision, StoreError, history::Limits};

/// How many revisions are always kept, however old: what a restarted server can still serve to watches.
pub const KEEP_REVISIONS: u64 = 10_000;
/// How long history is kept when more than [`KEEP_REVISIONS`] are written; as long as a kube-apiserver keeps it.
pub const KEEP_AGE: Duration = Duration::from_secs(300);

/// Where the store is and how much it keeps.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The database file. Beside it lie `…-wal`, `…-shm` and `…lock`.
    pub path: PathBuf,
    /// History of so many revisions is kept, and
    pub keep_revisions: u64,
    /// history younger than this. Beyond both it is forgotten in small steps; `history` bounds it in any case.
    pub keep_age: Duration,
    /// What may stay in memory.
    pub history: Limits,
    /// The size the database file may reach; `None` is what the disk holds.
    pub size_limit_bytes: Option<u64>,
    /// How long the writer waits for company before it commits. Zero: whatever queued up while the last commit was on
    /// its way goes into the next, which is group commit without delay.
    pub group_wait: Duration,
    /// Where a new database begins: a store that is copied into it had come so far. Of no account for one that exists.
    pub origin: Revision,
}

impl SqliteConfig {
    /// The defaults for a database at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        SqliteConfig {
            path: path.into(),
            keep_revisions: KEEP_REVISIONS,
            keep_age: KEEP_AGE,
            history: Limits::default(),
            size_limit_bytes: None,
            group_wait: Duration::ZERO,
            origin: Revision(0),
        }
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by {}; only one server may use a data directory", path.display(), holder_text(*holder))]
    InUse {
        /// The database.
        path: PathBuf,
        /// The process that has it open, if it left its number.
        holder: Option<u32>,
    },
    /// Not a database of ours.
    #[error("{} is not a Grange store: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// Ours, but damaged.
    #[error("{} is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Written by a newer Grange.
    #[error("{} has schema {found}, this Grange knows up to {known}: use the newer Grange that wrote it", path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The file system refused.
    #[error("cannot open {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database engine refused.
    #[error("cannot open {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |process| format!("process {process}"))
}

/// Says what a failed write means to its caller.
pub(crate) fn write_error(error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        // A full disk reaches SQLite as either, depending on which file met it.
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied,
        ) => StoreError::NoSpace(error.to_string()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable(format!("another program holds the database: {error}"))
        }
        _ => StoreError::Internal(error.to_string()),
    }
}
