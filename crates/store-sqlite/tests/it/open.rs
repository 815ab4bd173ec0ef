//! What is refused at the door, and how it is said.

use std::{error::Error, fs, os::unix::fs::PermissionsExt, path::Path};

use grange_store_sqlite::{OpenError, SqliteConfig, SqliteStore};

use super::{open, put};

fn refused(path: &Path) -> (OpenError, String) {
    let error = SqliteStore::open(SqliteConfig::new(path)).expect_err("must be refused");
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    assert!(text.contains(&path.display().to_string()), "{text}");
    (error, text)
}

#[test]
fn a_second_opener_is_refused_and_told_by_whom() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let (error, text) = refused(&directory.path().join("store.db"));
    assert!(matches!(error, OpenError::InUse { holder: Some(holder), .. } if holder == std::process::id()));
    assert!(text.contains("in use by process"), "{text}");
    drop(store);
    open(directory.path());
}

#[test]
fn a_lock_file_left_behind_does_not_block() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("store.db.lock"), "4242\n").unwrap();
    open(directory.path());
}

#[test]
fn other_files_are_named_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in [("text", "not a database, but long enough for a header"), ("short", "x")] {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        assert!(matches!(refused(&path).0, OpenError::Foreign { .. }));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    let path = directory.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)").unwrap();
    drop(other);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(refused(&path).0, OpenError::Foreign { .. }));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert!(matches!(refused(&directory.path().join("missing/store.db")).0, OpenError::Io { .. }));
}

#[tokio::test]
async fn damage_is_reported_as_damage() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(directory.path());
    for number in 0..200 {
        put(&store, &format!("key-{number}"), vec![7; 1_000]).await.unwrap();
    }
    drop(store);
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    for page in damaged.chunks_mut(4_096).skip(4).step_by(3) {
        page[..64].fill(0xa5);
    }
    fs::write(&path, &damaged).unwrap();
    assert!(matches!(refused(&path).0, OpenError::Corrupt { .. }));
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(refused(&path).0, OpenError::Corrupt { .. }));

    fs::write(&path, &whole).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("DELETE FROM log WHERE revision = 100", []).unwrap();
    drop(connection);
    let (error, text) = refused(&path);
    assert!(matches!(error, OpenError::Corrupt { .. }));
    assert!(text.contains("revision 101 after 99"), "{text}");
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(open(directory.path()));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE meta SET value = 99 WHERE name = 'schema'", []).unwrap();
    drop(connection);
    let (error, _) = refused(&path);
    assert!(matches!(error, OpenError::NewerSchema { found: 99, known: 1, .. }));
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put(&store, "a", "secret").await.unwrap();
    let mut names = Vec::new();
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["store.db", "store.db-shm", "store.db-wal", "store.db.lock"]);
    drop(store);
    let path = directory.path().join("store.db");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    open(directory.path());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
