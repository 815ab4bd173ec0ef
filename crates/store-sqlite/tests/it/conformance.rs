//! The suite that every engine passes.

use std::{path::PathBuf, sync::Arc};

use futures::future::{BoxFuture, FutureExt, ready};
use grange_store::{Store, conformance::Harness};
use grange_store_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

struct Sqlite {
    directory: TempDir,
    count: usize,
}

impl Sqlite {
    fn new() -> Self {
        Sqlite { directory: tempfile::tempdir().unwrap(), count: 0 }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(format!("store-{}.db", self.count))
    }

    fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(SqliteConfig::new(self.path())).unwrap())
    }
}

impl Harness for Sqlite {
    fn fresh(&mut self) -> BoxFuture<'_, Arc<dyn Store>> {
        self.count += 1;
        ready(self.open()).boxed()
    }

    fn reopen(&mut self, store: Arc<dyn Store>) -> BoxFuture<'_, Option<Arc<dyn Store>>> {
        drop(store);
        ready(Some(self.open())).boxed()
    }
}

grange_store::conformance_tests!(Sqlite::new());
