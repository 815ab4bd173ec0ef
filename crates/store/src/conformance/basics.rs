//! One writer, one thing at a time.

use bytes::Bytes;

use crate::{
    Entry, ListRequest, Precondition, Revision, StoreError,
    history::{BATCH_LIMIT_EVENTS, KEY_LIMIT_BYTES, VALUE_LIMIT_BYTES},
};

use super::{Harness, after, next, origin, put, read_until};

/// Compare-and-set: what holds is written, what does not is refused with what is there, and takes no revision.
pub async fn preconditions(harness: &mut dyn Harness) {
    use Precondition::{Absent, ModRevision, None as Any, Present};
    let store = harness.fresh().await;
    let origin = origin(&*store).await;
    let value = Bytes::from_static(b"value");
    for refused in [Present, ModRevision(Revision(0)), ModRevision(after(origin))] {
        assert_refused(store.put("key", value.clone(), refused).await, None);
    }
    for refused in [Any, Present, Absent, ModRevision(Revision(0))] {
        assert_refused(store.delete("key", refused).await, None);
    }
    assert_eq!(store.revision().await.expect("revision"), origin);

    let first = store.put("key", value.clone(), Absent).await.expect("absent");
    assert!(first.mod_revision > origin);
    assert_eq!(first.create_revision, first.mod_revision);
    for refused in [Absent, ModRevision(Revision(0)), ModRevision(after(first.mod_revision))] {
        assert_refused(store.put("key", value.clone(), refused).await, Some(&first));
        assert_refused(store.delete("key", refused).await, Some(&first));
    }
    let wanted = ModRevision(first.mod_revision);
    let second = store.put("key", Bytes::new(), wanted).await.expect("same revision");
    assert!(second.mod_revision > first.mod_revision);
    assert_eq!(second.create_revision, first.create_revision);
    assert_eq!(store.get("key").await.expect("get").as_ref(), Some(&second));
    let third = store.put("key", value.clone(), Present).await.expect("present");

    let deleted = store.delete("key", ModRevision(third.mod_revision)).await.expect("delete");
    assert!(deleted.mod_revision > third.mod_revision);
    assert_eq!(deleted, Entry { mod_revision: deleted.mod_revision, ..third });
    assert_eq!(store.get("key").await.expect("get"), None);
    let again = store.put("key", value, Absent).await.expect("absent again");
    assert!(again.mod_revision > deleted.mod_revision);
    assert_eq!(again.create_revision, again.mod_revision);
}

/// Prefixes, pages, counts of what remains, and older revisions.
pub async fn lists_and_pages(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    let origin = origin(&*store).await;
    let mut written = Vec::new();
    for key in ["b/2", "a", "b/1", "b", "b/", "b0", "b/3", "c", "b/é", "b/\u{10ffff}"] {
        written.push(put(&*store, key, key).await.mod_revision.0);
    }
    let (second, last) = (written[1], written[9]);
    let listed = async |prefix, start_after, limit, revision| {
        let request = ListRequest { prefix, start_after, limit, revision, count: true };
        let page = store.list(request).await.expect("list");
        let keys: Vec<String> = page.entries.iter().map(|entry| entry.key.to_string()).collect();
        for entry in &page.entries {
            assert_eq!(entry.value, entry.key.as_bytes());
        }
        (keys.join(" "), page.remaining, page.revision.0)
    };
    let uncounted = async |limit| {
        let request = ListRequest { prefix: "b/", limit, ..ListRequest::default() };
        store.list(request).await.expect("list").remaining
    };
    assert_eq!((uncounted(0).await, uncounted(6).await, uncounted(2).await), (0, 0, 1));
    let all = ("b/ b/1 b/2 b/3 b/é b/\u{10ffff}".to_owned(), 0, last);
    assert_eq!(listed("b/", None, 0, None).await, all);
    assert_eq!(listed("b/", None, 6, None).await, all);
    assert_eq!(listed("b/", Some("a"), 0, None).await, all, "a start before the prefix");
    assert_eq!(listed("b/", None, 2, None).await, ("b/ b/1".to_owned(), 4, last));
    assert_eq!(listed("b/", Some("b/1"), 2, None).await, ("b/2 b/3".to_owned(), 2, last));
    assert_eq!(
        listed("b/", Some("b/11"), 1, None).await,
        ("b/2".to_owned(), 3, last),
        "a start between keys"
    );
    assert_eq!(listed("b/", Some("c"), 0, None).await, (String::new(), 0, last), "a start after the prefix");
    assert_eq!(listed("x", None, 5, None).await, (String::new(), 0, last));
    assert_eq!(listed("", None, 1, Some(Revision(second))).await, ("a".to_owned(), 1, second));
    assert_eq!(listed("", None, 0, Some(origin)).await, (String::new(), 0, origin.0));

    let deleted = store.delete("b/2", Precondition::None).await.expect("delete").mod_revision.0;
    assert_eq!(listed("b/", Some("b/"), 2, None).await, ("b/1 b/3".to_owned(), 2, deleted));
    assert_eq!(listed("b/", Some("b/"), 2, Some(Revision(last))).await, ("b/1 b/2".to_owned(), 3, last));
}

/// Created, changed, deleted: what a watch says about each, and how others' writes show as progress.
pub async fn watch_contents(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    let origin = origin(&*store).await;
    let created = put(&*store, "w/a", "1").await;
    let mut watch = store.watch("w/", origin).await.expect("watch");
    let changed = put(&*store, "w/a", "2").await;
    let deleted = store.delete("w/a", Precondition::None).await.expect("delete");
    let elsewhere = put(&*store, "x", "1").await;

    let events = read_until(&mut *watch, origin, elsewhere.mod_revision).await;
    assert_eq!(events.len(), 3);
    assert_eq!((&events[0].entry, &events[0].previous, events[0].deleted), (&created, &None, false));
    assert_eq!((&events[1].entry, events[1].previous.as_ref()), (&changed, Some(&created)));
    assert_eq!((&events[2].entry, events[2].previous.as_ref()), (&deleted, Some(&changed)));
    assert!(events[2].deleted);

    // Nothing new: the watch waits, and giving up the wait loses nothing.
    assert!(futures::poll!(watch.next()).is_pending());
    let last = put(&*store, "w/b", "1").await;
    let batch = next(&mut *watch).await.expect("batch");
    assert_eq!((batch.events.len(), batch.revision), (1, last.mod_revision));

    let mut from_now = store.watch("w/", last.mod_revision).await.expect("watch from now");
    let unseen = put(&*store, "x", "2").await;
    let batch = next(&mut *from_now).await.expect("progress");
    assert_eq!((batch.events.len(), batch.revision), (0, unseen.mod_revision));
}

/// A backlog larger than a batch arrives whole.
pub async fn watch_large_backlog(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    let count = BATCH_LIMIT_EVENTS as u64 * 2 + 10;
    let writes = (0..count).map(|number| {
        let store = &store;
        async move { put(&**store, &format!("k/{number}"), "").await }
    });
    let written = futures::future::join_all(writes).await;
    let mut written: Vec<Revision> = written.iter().map(|entry| entry.mod_revision).collect();
    written.sort_unstable();
    let (start, last) = (written[4], written[written.len() - 1]);
    let mut watch = store.watch("k/", start).await.expect("watch");
    let events = read_until(&mut *watch, start, last).await;
    let told: Vec<Revision> = events.iter().map(|event| event.entry.mod_revision).collect();
    assert_eq!(told, written[5..]);
}

/// The past that is gone and the future that is not there are told apart.
pub async fn compaction_and_the_future(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    let origin = origin(&*store).await;
    let mut written = Vec::new();
    for value in ["1", "2", "3", "4"] {
        written.push(put(&*store, "a", value).await.mod_revision);
        written.push(put(&*store, "gone", value).await.mod_revision);
        let deleted = store.delete("gone", Precondition::None).await.expect("delete");
        written.push(deleted.mod_revision);
    }
    let (third, seventh, floor, newest) = (written[2], written[6], written[7], written[11]);
    let at = |revision| ListRequest { revision: Some(revision), ..ListRequest::default() };
    for ahead in [after(newest), Revision(u64::MAX)] {
        assert!(matches!(store.list(at(ahead)).await, Err(StoreError::Future { .. })));
        assert!(matches!(store.watch("", ahead).await.err(), Some(StoreError::Future { .. })));
        assert!(matches!(store.compact(ahead).await, Err(StoreError::Future { .. })));
    }
    store.compact(floor).await.expect("compact");
    store.compact(third).await.expect("what is gone already may be asked for again");
    for gone in [origin, seventh] {
        let list = store.list(at(gone)).await.map(|page| page.revision);
        assert!(matches!(list, Err(StoreError::Compacted { oldest, .. }) if oldest == floor), "{list:?}");
        let watch = store.watch("", gone).await.err();
        assert!(matches!(watch, Some(StoreError::Compacted { oldest, .. }) if oldest == floor), "{watch:?}");
    }
    let page = store.list(at(floor)).await.expect("the floor itself is kept");
    let content: Vec<_> = page.entries.iter().map(|entry| (&*entry.key, &entry.value[..])).collect();
    assert_eq!(content, [("a", &b"3"[..]), ("gone", b"3")]);
    let mut watch = store.watch("", floor).await.expect("watch after the floor");
    let events = read_until(&mut *watch, floor, newest).await;
    assert_eq!(events.len(), 4);
    assert_eq!(events[0].previous.as_ref().map(|entry| &entry.value[..]), Some(&b"3"[..]));

    store.compact(newest).await.expect("compact all");
    assert_eq!(store.get("a").await.expect("get").expect("kept").value, "4");
    assert_eq!(store.get("gone").await.expect("get"), None);
    assert_eq!(store.revision().await.expect("revision"), newest);
    let again = put(&*store, "gone", "5").await;
    assert!(again.mod_revision > newest);
    assert_eq!(again.create_revision, again.mod_revision);
}

/// Values and keys of every size come back as they were; beyond the limits they are refused.
pub async fn sizes(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    let every_byte: Vec<u8> = (0..=255).cycle().take(VALUE_LIMIT_BYTES).collect();
    let long_key = "k".repeat(KEY_LIMIT_BYTES);
    for (key, size_bytes) in [("a", 0), ("a", 1), ("b", 5_000), (&*long_key, VALUE_LIMIT_BYTES)] {
        let value = Bytes::copy_from_slice(&every_byte[..size_bytes]);
        store.put(key, value.clone(), Precondition::None).await.expect("put");
        assert_eq!(store.get(key).await.expect("get").expect("stored").value, value);
    }
    let revision = store.revision().await.expect("revision");
    let huge = Bytes::from(vec![0; VALUE_LIMIT_BYTES + 1]);
    let refused = store.put("a", huge, Precondition::None).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { limit_bytes: VALUE_LIMIT_BYTES, .. })));
    for key in [String::new(), "k".repeat(KEY_LIMIT_BYTES + 1)] {
        assert!(store.put(&key, Bytes::new(), Precondition::None).await.is_err());
    }
    assert_eq!(store.revision().await.expect("revision"), revision);
}

/// A restart changes nothing that a user can see.
pub async fn reopening(harness: &mut dyn Harness) {
    let store = harness.fresh().await;
    let mut written = Vec::new();
    for round in 0..3 {
        for key in ["a", "b", "c"] {
            written.push(put(&*store, key, &format!("{key}{round}")).await.mod_revision);
        }
        written.push(store.delete("b", Precondition::None).await.expect("delete").mod_revision);
    }
    let (gone, kept) = (written[4], &written[5..]);
    let (floor, newest) = (written[5], written[11]);
    store.compact(floor).await.expect("compact");
    let mut pages = Vec::new();
    for revision in kept {
        let request = ListRequest { revision: Some(*revision), ..ListRequest::default() };
        pages.push(store.list(request).await.expect("list").entries);
    }
    let mut watch = store.watch("", floor).await.expect("watch");
    let events = read_until(&mut *watch, floor, newest).await;
    drop(watch);
    let Some(store) = harness.reopen(store).await else { return };
    for (revision, page) in kept.iter().zip(pages) {
        let request = ListRequest { revision: Some(*revision), ..ListRequest::default() };
        assert_eq!(store.list(request).await.expect("list").entries, page);
    }
    let mut watch = store.watch("", floor).await.expect("watch");
    assert_eq!(read_until(&mut *watch, floor, newest).await, events);
    assert!(matches!(store.watch("", gone).await.err(), Some(StoreError::Compacted { .. })));
    assert!(put(&*store, "d", "1").await.mod_revision > newest);
}

#[track_caller]
fn assert_refused(result: Result<Entry, StoreError>, there: Option<&Entry>) {
    match result {
        Err(StoreError::PreconditionFailed { key, current }) => {
            assert_eq!((&*key, current.as_ref()), ("key", there));
        }
        other => panic!("expected a failed precondition, got {other:?}"),
    }
}
