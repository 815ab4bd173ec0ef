//! Many writers and readers at once.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;

use crate::{Entry, Event, ListRequest, Precondition, Revision, Store, StoreError, model::Model};

use super::{Harness, check_batch, next, origin, put, read_until};

const WRITERS: usize = 8;
const WRITES_EACH: usize = 60;

/// Of several creators of a key, exactly one succeeds, and the others see its entry.
pub async fn one_creator_wins(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    let origin = origin(&*store).await;
    for round in 0..20 {
        let key = format!("key-{round}");
        let tries = (0..WRITERS).map(|writer| {
            let (store, key) = (Arc::clone(&store), key.clone());
            tokio::spawn(async move {
                store.put(&key, Bytes::from(writer.to_string()), Precondition::Absent).await
            })
        });
        let mut winners: Vec<Entry> = Vec::new();
        let mut seen = Vec::new();
        for attempt in tries.collect::<Vec<_>>() {
            match attempt.await.expect("writer") {
                Ok(entry) => winners.push(entry),
                Err(StoreError::PreconditionFailed { current, .. }) => seen.push(current),
                Err(other) => panic!("unexpected: {other}"),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert!(seen.iter().all(|current| current.as_ref() == Some(&winners[0])), "{seen:?}");
    }
    let newest = store.revision().await.expect("revision");
    let mut watch = store.watch("", origin).await.expect("watch");
    assert_eq!(read_until(&mut *watch, origin, newest).await.len(), 20, "what is refused is no event");
}

/// Compare-and-set from many sides loses no step.
pub async fn counters_lose_nothing(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    put(&*store, "counter", "0").await;
    let writers = (0..WRITERS).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..WRITES_EACH {
                while !step(&*store).await {}
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("writer");
    }
    let entry = store.get("counter").await.expect("get").expect("there");
    assert_eq!(entry.value, (WRITERS * WRITES_EACH).to_string());
}

async fn step(store: &dyn Store) -> bool {
    let entry = store.get("counter").await.expect("get").expect("there");
    let count: usize = String::from_utf8_lossy(&entry.value).parse().expect("a number");
    let value = Bytes::from((count + 1).to_string());
    match store.put("counter", value, Precondition::ModRevision(entry.mod_revision)).await {
        Ok(_) => true,
        Err(StoreError::PreconditionFailed { .. }) => false,
        Err(other) => panic!("unexpected: {other}"),
    }
}

/// Watches under load deliver every revision once, in order, with exactly what the writers were told.
pub async fn watches_neither_skip_nor_repeat(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    let origin = origin(&*store).await;
    let last: Arc<OnceLock<Revision>> = Arc::default();
    let watchers: Vec<_> = ["", "even/", "odd/", "odd/3", "none/"]
        .into_iter()
        .map(|prefix| {
            let (store, last) = (Arc::clone(&store), Arc::clone(&last));
            let watcher = tokio::spawn(async move { follow(&*store, prefix, origin, &last).await });
            (prefix, watcher)
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { write_some(&*store, writer).await })
        })
        .collect();
    let mut told = Vec::new();
    for writer in writers {
        told.extend(writer.await.expect("writer"));
    }
    told.sort_by_key(|(entry, _)| entry.mod_revision);
    assert!(
        told.windows(2).all(|pair| pair[0].0.mod_revision < pair[1].0.mod_revision),
        "a revision a write"
    );
    let newest = store.revision().await.expect("revision");
    last.set(newest).expect("set once");
    // Wakes the watches that are past it already.
    put(&*store, "end", "").await;
    for (prefix, watcher) in watchers {
        let events = watcher.await.expect("watcher");
        let seen: Vec<_> = events.iter().map(|event| (event.entry.clone(), event.deleted)).collect();
        let expected: Vec<_> =
            told.iter().filter(|(entry, _)| entry.key.starts_with(prefix)).cloned().collect();
        assert_eq!(seen, expected, "watch of {prefix:?}");
    }
}

/// Everything that a watch tells from `cursor` until `last` is known and reached.
async fn follow(
    store: &dyn Store,
    prefix: &str,
    mut cursor: Revision,
    last: &OnceLock<Revision>,
) -> Vec<Event> {
    let mut watch = store.watch(prefix, cursor).await.expect("watch");
    let mut events = Vec::new();
    loop {
        let batch = next(&mut *watch).await.expect("the watch goes on");
        check_batch(&batch, cursor);
        cursor = batch.revision;
        events.extend(batch.events);
        if let Some(last) = last.get().filter(|last| cursor >= **last) {
            events.retain(|event: &Event| event.entry.mod_revision <= *last);
            return events;
        }
    }
}

/// Puts and deletes on a few keys that others write too; what the store said about each, and whether it was a deletion.
async fn write_some(store: &dyn Store, writer: usize) -> Vec<(Entry, bool)> {
    let mut told = Vec::new();
    while told.len() < WRITES_EACH {
        let number = (told.len() * 7 + writer) % 5;
        let key = if number.is_multiple_of(2) { format!("even/{number}") } else { format!("odd/{number}") };
        if told.len() % 4 == 3
            && let Ok(entry) = store.delete(&key, Precondition::Present).await
        {
            told.push((entry, true));
            continue;
        }
        let entry = put(store, &key, &format!("{writer}-{}", told.len())).await;
        told.push((entry, false));
    }
    told
}

/// Pages read one after another while others write add up to one moment's list.
pub async fn pages_are_stable_under_writes(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    let origin = origin(&*store).await;
    for number in 0..200 {
        put(&*store, &format!("p/{number:03}"), "start").await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        tokio::spawn(async move {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                let key = format!("p/{:03}", number * 37 % 230);
                if number % 3 == 0 {
                    let _ = store.delete(&key, Precondition::None).await;
                } else {
                    put(&*store, &key, &number.to_string()).await;
                }
                number += 1;
            }
        })
    };
    let mut lists: Vec<(Revision, Vec<Entry>)> = Vec::new();
    for _ in 0..5 {
        lists.push(read_pages(&*store).await);
        // The writer must have got in between, else nothing was tested.
        let mut watch = store.watch("", lists[lists.len() - 1].0).await.expect("watch");
        super::next(&mut *watch).await.expect("a write meanwhile");
    }
    done.store(true, Ordering::Relaxed);
    writer.await.expect("writer");
    let newest = store.revision().await.expect("revision");
    let mut watch = store.watch("", origin).await.expect("watch");
    let mut model = Model::replay(read_until(&mut *watch, origin, newest).await);
    model.advance(newest);
    for (revision, entries) in lists {
        let request = ListRequest { prefix: "p/", revision: Some(revision), ..ListRequest::default() };
        assert_eq!(entries, model.list(&request).expect("model").entries);
    }
}

async fn read_pages(store: &dyn Store) -> (Revision, Vec<Entry>) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut revision = None;
    let mut expected_remaining = None;
    loop {
        let after = entries.last().map(|entry| Arc::clone(&entry.key));
        let request =
            ListRequest { prefix: "p/", start_after: after.as_deref(), limit: 7, revision, count: true };
        let page = store.list(request).await.expect("page");
        assert_eq!(page.revision, revision.unwrap_or(page.revision));
        revision = Some(page.revision);
        let left = page.entries.len() as u64 + page.remaining;
        assert_eq!(left, expected_remaining.unwrap_or(left), "what remains is counted at the same revision");
        expected_remaining = Some(page.remaining);
        entries.extend(page.entries);
        if page.remaining == 0 {
            return (page.revision, entries);
        }
        tokio::task::yield_now().await;
    }
}
