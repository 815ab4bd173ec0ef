//! The process that is killed: several tasks write as fast as they can and print each acknowledged write.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use grange_store::{Precondition, Store};
use grange_store_sqlite::SqliteStore;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{store_config, value};

/// How many write at once: as many writes may be under way, unacknowledged, at the kill.
pub(crate) const TASKS: u64 = 8;
const KEYS_EACH: u64 = 12;
/// Far more than are written before the kill, unless the machine is very slow.
pub(crate) const WRITES_EACH: u64 = 200;
/// How long a child that has written everything waits for its kill; an orphan ends then.
const LINGER: Duration = Duration::from_secs(60);

pub(crate) fn run(directory: &Path, run: u64) {
    let store = Arc::new(SqliteStore::open(store_config(directory)).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> =
            (0..TASKS).map(|task| tokio::spawn(write(Arc::clone(&store), run, task))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    std::thread::sleep(LINGER);
}

async fn write(store: Arc<SqliteStore>, run: u64, task: u64) {
    let mut random = StdRng::seed_from_u64(run << 8 | task);
    for number in 0..WRITES_EACH {
        let key = format!("task-{task}/key-{}", random.random_range(0..KEYS_EACH));
        let present = store.get(&key).await.unwrap();
        let (entry, tag) = if present.is_some() && random.random_ratio(1, 4) {
            (store.delete(&key, Precondition::Present).await.unwrap(), None)
        } else {
            let tag = format!("{run}-{task}-{number}");
            let size_bytes = match random.random_range(0..100) {
                0 => random.random_range(10_000..150_000),
                1..=19 => 0,
                _ => random.random_range(0..5_000),
            };
            let content = Bytes::from(value::make(&tag, size_bytes));
            (store.put(&key, content, Precondition::None).await.unwrap(), Some(tag))
        };
        // One write to the pipe a line, so the parent sees whole lines or a last one without its end.
        println!("{} {key} {}", entry.mod_revision, tag.as_deref().unwrap_or("-"));
    }
}
