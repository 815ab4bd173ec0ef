//! The memory engine against the suite.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, ready};
use grange_store::{Store, conformance::Harness, memory::MemoryStore};

struct Memory;

impl Harness for Memory {
    fn fresh(&mut self) -> BoxFuture<'_, Arc<dyn Store>> {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        ready(store).boxed()
    }

    fn reopen(&mut self, _: Arc<dyn Store>) -> BoxFuture<'_, Option<Arc<dyn Store>>> {
        ready(None).boxed()
    }
}

grange_store::conformance_tests!(Memory);
