//! The file: settings, schema, loading, and the few statements that the writer needs.
//!
//! There is one table of content, the log: a row per write, by revision. Present values are the newest rows of their
//! keys; compaction deletes rows that nothing can see. So a write appends to the end of one B-tree, start-up reads it
//! from front to back, and no index has to be kept.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{ErrorKind, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use grange_store::{
    Event, Revision, StoreError,
    history::{History, Limits, Record},
};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::{OpenError, SqliteConfig};

/// "GRNG": marks the file as ours (`file(1)` and [`OpenError::Foreign`]).
const APPLICATION_ID: i64 = 0x4752_4e47;
const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE log (
        revision INTEGER PRIMARY KEY,
        create_revision INTEGER NOT NULL,
        key TEXT NOT NULL,
        value BLOB -- null: the key was deleted
    ) STRICT;
    INSERT INTO meta VALUES ('schema', 1), ('floor', 0);
";

/// With what every SQLite file begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const PAGE_BYTES: u64 = 4_096;
/// The write-ahead log is copied back at this size at the latest: 16 MiB, tens of milliseconds of work.
const CHECKPOINT_PAGES: i64 = 4_096;
/// To what a write-ahead log that had to grow (one huge batch, a reader that stayed) is cut back.
const WAL_KEEP_BYTES: i64 = 32 << 20;
/// How long a write waits for another program, such as a backup with `sqlite3`, that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Prepared statements kept.
const STATEMENT_CACHE: usize = 8;

/// The open database; owned by the writer thread.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
}

impl Database {
    pub(crate) fn open(config: &SqliteConfig) -> Result<Self, OpenError> {
        let path = &config.path;
        prepare_file(path)?;
        let explain = |error| explain(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(explain)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        connection.busy_timeout(BUSY_TIMEOUT).map_err(explain)?;
        let mut database = Database { connection };
        // Before anything is changed: a file of another program stays as it was.
        let fresh = database.identify(path)?;
        restrict(path)?;
        database.settings(config).map_err(explain)?;
        if fresh {
            database.create_schema(config.origin).map_err(explain)?;
        }
        Ok(database)
    }

    /// Reads everything into memory.
    pub(crate) fn load(&self, path: &Path, limits: Limits) -> Result<History, OpenError> {
        let corrupt =
            |error: StoreError| OpenError::Corrupt { path: path.to_owned(), reason: error.to_string() };
        let explain = |error| explain(path, error);
        let floor = self.meta("floor").map_err(explain)?.unwrap_or(0);
        let last: Option<i64> = self
            .connection
            .query_row("SELECT max(revision) FROM log", [], |row| row.get(0))
            .map_err(explain)?;
        let floor = revision(floor).map_err(corrupt)?;
        let newest = revision(last.unwrap_or(0)).map_err(corrupt)?.max(floor);
        let mut statement = self
            .connection
            .prepare("SELECT revision, create_revision, key, value FROM log ORDER BY revision")
            .map_err(explain)?;
        let mut failure = None;
        let mut last = floor;
        let rows = statement
            .query_map([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, {
                    let key: Arc<str> = Arc::from(row.get_ref(2)?.as_str()?);
                    (key, row.get_ref(3)?.as_blob_or_null()?.map(Bytes::copy_from_slice))
                }))
            })
            .map_err(explain)?;
        let records = rows.map(|row| match row {
            Ok((mod_revision, create_revision, (key, value))) => {
                let mod_revision = revision(mod_revision)?;
                // This engine is the only writer of its file: above the floor, a missing revision is a lost row.
                if mod_revision > floor && mod_revision.0 != last.0 + 1 {
                    return Err(StoreError::Internal(format!("revision {mod_revision} after {last}")));
                }
                last = last.max(mod_revision);
                Ok(Record { key, value, create_revision: revision(create_revision)?, mod_revision })
            }
            Err(error) => {
                let text = error.to_string();
                failure = Some(error);
                Err(StoreError::Internal(text))
            }
        });
        let history = History::restore(limits, floor, newest, records);
        match (failure, history) {
            (Some(error), _) => Err(explain(error)),
            (None, history) => history.map_err(corrupt),
        }
    }

    /// Stores events: all of them, durably, or none.
    pub(crate) fn append(&mut self, events: &[Event]) -> Result<(), rusqlite::Error> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO log (revision, create_revision, key, value) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for event in events {
                let entry = &event.entry;
                let value = (!event.deleted).then_some(&entry.value[..]);
                insert.execute(params![
                    number(entry.mod_revision),
                    number(entry.create_revision),
                    &*entry.key,
                    value
                ])?;
            }
        }
        transaction.commit()
    }

    /// Raises the floor and deletes rows that nothing can see.
    pub(crate) fn compact(&mut self, floor: Revision, rows: &[Revision]) -> Result<(), rusqlite::Error> {
        let transaction = self.connection.transaction()?;
        {
            let mut raise = transaction
                .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'floor' AND value < ?1")?;
            raise.execute([number(floor)])?;
            let mut delete = transaction.prepare_cached("DELETE FROM log WHERE revision = ?1")?;
            for row in rows {
                delete.execute([number(*row)])?;
            }
        }
        transaction.commit()
    }

    /// Copies the write-ahead log back, without waiting for readers.
    pub(crate) fn checkpoint(&self) -> Result<(), rusqlite::Error> {
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    fn meta(&self, name: &str) -> Result<Option<i64>, rusqlite::Error> {
        self.connection
            .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
            .optional()
    }

    /// Whether the file is new; an error if it is not ours.
    fn identify(&self, path: &Path) -> Result<bool, OpenError> {
        let explain = |error| explain(path, error);
        let integer = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let application = integer("PRAGMA application_id").map_err(explain)?;
        let tables = integer("SELECT count(*) FROM sqlite_schema").map_err(explain)?;
        if tables == 0 {
            return Ok(true);
        }
        if application != APPLICATION_ID {
            let reason = format!("it is a database of another program (application id {application:#x})");
            return Err(OpenError::Foreign { path: path.to_owned(), reason });
        }
        let found = self.meta("schema").map_err(explain)?.unwrap_or(0);
        if found > SCHEMA_VERSION {
            return Err(OpenError::NewerSchema { path: path.to_owned(), found, known: SCHEMA_VERSION });
        }
        Ok(false)
    }

    fn settings(&self, config: &SqliteConfig) -> Result<(), rusqlite::Error> {
        let connection = &self.connection;
        // A commit is one sequential write and one fsync.
        connection.pragma_update(None, "journal_mode", "wal")?;
        // The fsync is done at every commit; NORMAL would lose the last commits with the power.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", WAL_KEEP_BYTES)?;
        // Damage is found where it is, not where it leads to.
        connection.pragma_update(None, "cell_size_check", true)?;
        // A schema that someone changed cannot run anything.
        connection.pragma_update(None, "trusted_schema", false)?;
        if let Some(limit) = config.size_limit_bytes {
            let pages = i64::try_from(limit / PAGE_BYTES).unwrap_or(i64::MAX).max(1);
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        }
        Ok(())
    }

    fn create_schema(&mut self, origin: Revision) -> Result<(), rusqlite::Error> {
        let transaction = self.connection.transaction()?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute("UPDATE meta SET value = ?1 WHERE name = 'floor'", [number(origin)])?;
        transaction.commit()
    }
}

/// Makes the file if there is none, readable by nobody else (its `-wal` and `-shm` inherit that), and refuses what is
/// plainly no database.
fn prepare_file(path: &Path) -> Result<(), OpenError> {
    let io_error = |source| OpenError::Io { path: path.to_owned(), source };
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io_error(error)),
    }
    let mut file = File::open(path).map_err(io_error)?;
    let metadata = file.metadata().map_err(io_error)?;
    let foreign = |reason: &str| OpenError::Foreign { path: path.to_owned(), reason: reason.to_owned() };
    if !metadata.is_file() {
        return Err(foreign("it is not a regular file"));
    }
    let mut start = [0; MAGIC.len()];
    match file.read_exact(&mut start) {
        _ if metadata.len() == 0 => {}
        Ok(()) if &start == MAGIC => {}
        Ok(()) => return Err(foreign("it does not begin as a database does")),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(foreign("it is too short for a database"));
        }
        Err(error) => return Err(io_error(error)),
    }
    Ok(())
}

/// Closes a file that was copied here with wider permissions.
fn restrict(path: &Path) -> Result<(), OpenError> {
    let io_error = |source| OpenError::Io { path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(io_error)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(io_error)?;
    }
    Ok(())
}

fn explain(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match (error.sqlite_error_code(), &error) {
        (Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt), _) => {
            OpenError::Corrupt { path, reason: error.to_string() }
        }
        // A table or column that is not there, a value of another type.
        (Some(ErrorCode::Unknown), _) | (None, _) => OpenError::Corrupt { path, reason: error.to_string() },
        _ => OpenError::Database { path, source: error },
    }
}

fn revision(number: i64) -> Result<Revision, StoreError> {
    u64::try_from(number)
        .map(Revision)
        .map_err(|_| StoreError::Internal(format!("{number} is not a revision")))
}

fn number(revision: Revision) -> i64 {
    i64::try_from(revision.0).expect("invariant: revisions count writes, which never reach 2^63")
}
