//! Random sequences of everything a store can do, each step compared with the model. A failing sequence is shrunk and
//! printed by proptest.

use bytes::Bytes;
use proptest::{
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
    test_runner::{Config, TestRunner},
};

use crate::{Entry, ListRequest, Precondition, Revision, Store, StoreError, Watch, model::Model};

use super::{Harness, after, check_batch, next, origin};

/// How many sequences a run tries; `PROPTEST_CASES` does not raise it, because every case opens an engine.
const CASES: u32 = 96;
/// How long a sequence is at most.
const STEPS: usize = 60;
/// How many watches a sequence holds at most.
const WATCHES: usize = 4;

const KEYS: [&str; 7] = ["a", "a/", "a/b", "a/c", "ab", "b", "b/x/y"];
const PREFIXES: [&str; 6] = ["", "a", "a/", "b", "b/x/", "zzz"];

#[derive(Clone, Debug)]
enum Wanted {
    Nothing,
    Absent,
    Present,
    /// The key's present revision, minus this much.
    Revision(u64),
}

/// `back` counts revisions from the newest; one beyond those of this store is the future.
#[derive(Clone, Debug)]
enum Step {
    Put { key: &'static str, value: u8, wanted: Wanted },
    Delete { key: &'static str, wanted: Wanted },
    Get { key: &'static str },
    List { prefix: &'static str, start_after: Option<&'static str>, limit: usize, back: Option<u64> },
    Watch { prefix: &'static str, back: u64 },
    Read { watch: usize },
    Compact { back: u64 },
    Elsewhere,
    Reopen,
}

struct Watching {
    watch: Box<dyn Watch>,
    prefix: &'static str,
    cursor: Revision,
}

/// Compares an engine with the model over random sequences. Runs its own runtime, so it is not async.
pub fn random_histories(harness: &mut dyn Harness) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let harness = std::cell::RefCell::new(harness);
    let outcome = TestRunner::new(config).run(&proptest::collection::vec(step(), 1..STEPS), |steps| {
        runtime.block_on(run(&mut **harness.borrow_mut(), &steps));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn step() -> impl Strategy<Value = Step> {
    let key = || select(&KEYS[..]);
    let prefix = || select(&PREFIXES[..]);
    let wanted = || {
        prop_oneof![
            4 => Just(Wanted::Nothing),
            1 => Just(Wanted::Absent),
            1 => Just(Wanted::Present),
            2 => (0..2_u64).prop_map(Wanted::Revision),
        ]
    };
    let back = || 0..14_u64;
    prop_oneof![
        8 => (key(), any::<u8>(), wanted()).prop_map(|(key, value, wanted)| Step::Put { key, value, wanted }),
        4 => (key(), wanted()).prop_map(|(key, wanted)| Step::Delete { key, wanted }),
        2 => key().prop_map(|key| Step::Get { key }),
        4 => (prefix(), proptest::option::of(key()), 0..4_usize, proptest::option::of(back())).prop_map(
            |(prefix, start_after, limit, back)| Step::List { prefix, start_after, limit, back }
        ),
        2 => (prefix(), back()).prop_map(|(prefix, back)| Step::Watch { prefix, back }),
        3 => (0..WATCHES).prop_map(|watch| Step::Read { watch }),
        1 => back().prop_map(|back| Step::Compact { back }),
        1 => Just(Step::Elsewhere),
        1 => Just(Step::Reopen),
    ]
}

async fn run(harness: &mut dyn Harness, steps: &[Step]) {
    let mut store = harness.fresh().await;
    let mut begin = origin(&*store).await;
    let mut model = Model::new(begin);
    let mut watches: Vec<Watching> = Vec::new();
    for step in steps {
        match step {
            Step::Reopen => {
                watches.clear();
                match harness.reopen(store).await {
                    Some(reopened) => store = reopened,
                    None => {
                        store = harness.fresh().await;
                        begin = origin(&*store).await;
                        model = Model::new(begin);
                    }
                }
            }
            Step::Elsewhere => {
                harness.write_elsewhere().await;
                model.advance(store.revision().await.expect("revision"));
            }
            _ => take(&*store, &mut model, &mut watches, begin, step).await,
        }
        assert_eq!(store.revision().await.expect("revision"), model.revision());
    }
    for mut watching in watches {
        read(&mut watching, &model).await;
    }
}

async fn take(
    store: &dyn Store,
    model: &mut Model,
    watches: &mut Vec<Watching>,
    begin: Revision,
    step: &Step,
) {
    let revision = |model: &Model, back| revision(model, begin, back);
    match step {
        Step::Put { key, value, wanted } => {
            let wanted = precondition(model, key, wanted);
            let value = Bytes::from(vec![*value; usize::from(*value)]);
            let written = store.put(key, value.clone(), wanted).await;
            let at = at(&written, model);
            same(written, model.put(key, value, wanted, at));
        }
        Step::Delete { key, wanted } => {
            let wanted = precondition(model, key, wanted);
            let deleted = store.delete(key, wanted).await;
            let at = at(&deleted, model);
            same(deleted, model.delete(key, wanted, at));
        }
        Step::Get { key } => assert_eq!(store.get(key).await.expect("get"), model.get(key)),
        Step::List { prefix, start_after, limit, back } => {
            let revision = back.map(|back| revision(model, back));
            let request =
                ListRequest { prefix, start_after: *start_after, limit: *limit, revision, count: true };
            let parts = |page: crate::ListPage| (page.entries, page.revision, page.remaining);
            same(store.list(request.clone()).await.map(parts), model.list(&request).map(parts));
        }
        Step::Watch { prefix, back } => {
            let cursor = revision(model, *back);
            let opened = store.watch(prefix, cursor).await;
            same(opened.as_ref().map(|_| ()).map_err(Clone::clone), model.watch(cursor));
            if let Ok(watch) = opened
                && watches.len() < WATCHES
            {
                watches.push(Watching { watch, prefix, cursor });
            }
        }
        Step::Read { watch } => {
            if let Some(watching) = watches.get_mut(*watch)
                && !read(watching, model).await
            {
                watches.remove(*watch);
            }
        }
        Step::Compact { back } => {
            let before = revision(model, *back);
            same(store.compact(before).await, model.compact(before));
        }
        Step::Elsewhere | Step::Reopen => unreachable!("done by the caller"),
    }
}

/// Reads a watch up to the newest revision; `false` says that compaction ended it, rightly.
async fn read(watching: &mut Watching, model: &Model) -> bool {
    while watching.cursor < model.revision() {
        let batch = match next(&mut *watching.watch).await {
            Ok(batch) => batch,
            Err(StoreError::Compacted { .. }) if watching.cursor < model.floor() => return false,
            Err(other) => panic!("watch at {} failed: {other}", watching.cursor),
        };
        check_batch(&batch, watching.cursor);
        assert!(batch.revision <= model.revision());
        assert_eq!(batch.events, model.events(watching.prefix, watching.cursor, batch.revision));
        watching.cursor = batch.revision;
    }
    assert!(futures::poll!(watching.watch.next()).is_pending(), "nothing more to tell");
    true
}

fn precondition(model: &Model, key: &str, wanted: &Wanted) -> Precondition {
    match wanted {
        Wanted::Nothing => Precondition::None,
        Wanted::Absent => Precondition::Absent,
        Wanted::Present => Precondition::Present,
        Wanted::Revision(minus) => {
            let present = model.get(key).map_or(0, |entry: Entry| entry.mod_revision.0);
            Precondition::ModRevision(Revision(present.saturating_sub(*minus)))
        }
    }
}

/// Which revision a write took; if it was refused, one that it might have taken.
fn at(written: &Result<Entry, StoreError>, model: &Model) -> Revision {
    written.as_ref().map_or(after(model.revision()), |entry| entry.mod_revision)
}

fn revision(model: &Model, begin: Revision, back: u64) -> Revision {
    let newest = model.revision().0;
    // One before the beginning is tried too, where there is one.
    let past = newest.checked_sub(back).filter(|past| past + 1 >= begin.0);
    Revision(past.unwrap_or(newest + back))
}

/// The same value, or an error of the same kind with the same facts.
#[track_caller]
fn same<T: PartialEq + std::fmt::Debug>(engine: Result<T, StoreError>, model: Result<T, StoreError>) {
    match (&engine, &model) {
        (Ok(engine), Ok(model)) => assert_eq!(engine, model),
        (Err(engine), Err(model)) => assert_eq!(format!("{engine:?}"), format!("{model:?}")),
        _ => panic!("the engine says {engine:?}, the model {model:?}"),
    }
}
