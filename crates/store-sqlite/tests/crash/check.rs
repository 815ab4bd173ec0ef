//! What must hold after a kill.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use futures::future::FutureExt;
use grange_store::{Event, ListRequest, Revision, Store};
use grange_store_sqlite::SqliteStore;

use super::{child::TASKS, store_config, value};

/// A key and the tag of its new value; no tag is a deletion.
type Write = (String, Option<String>);

/// What was found to be right so far.
#[derive(Default)]
pub(crate) struct Checked {
    newest: Revision,
    content: BTreeMap<String, (Revision, String)>,
    pub(crate) acknowledged: u64,
    pub(crate) unacknowledged: u64,
    pub(crate) compacted: u64,
}

impl Checked {
    pub(crate) fn check(&mut self, directory: &Path, run: u32, lines: &[String]) {
        let store = SqliteStore::open(store_config(directory))
            .unwrap_or_else(|error| panic!("after kill {run} the store does not open: {error}"));
        let before = self.newest;
        let mut acknowledged: HashMap<Revision, Write> = HashMap::new();
        for line in lines {
            let (revision, write) = parse(line);
            assert!(revision > before, "kill {run}: revision {revision} was given out before ({before})");
            let twice = acknowledged.insert(revision, write);
            assert!(twice.is_none(), "kill {run}: revision {revision} was given out twice");
        }
        self.acknowledged += acknowledged.len() as u64;

        let mut unacknowledged = 0;
        for event in events(&store, before) {
            let revision = event.entry.mod_revision;
            assert_eq!(revision.0, self.newest.0 + 1, "kill {run}: revisions rise one by one");
            self.newest = revision;
            let key = event.entry.key.to_string();
            let tag = value::tag(&event.entry.value);
            let tag = tag.unwrap_or_else(|| panic!("kill {run}: the value of {key} at {revision} is torn"));
            if event.deleted {
                self.content.remove(&key);
            } else {
                self.content.insert(key.clone(), (revision, tag.to_owned()));
            }
            match acknowledged.remove(&revision) {
                Some(write) => assert_eq!(
                    write,
                    (key, (!event.deleted).then(|| tag.to_owned())),
                    "kill {run}: revision {revision} is another write than the one acknowledged"
                ),
                None => unacknowledged += 1,
            }
        }
        assert!(acknowledged.is_empty(), "kill {run}: acknowledged and lost: {acknowledged:?}");
        assert!(unacknowledged <= TASKS, "kill {run}: {unacknowledged} writes of nobody");
        self.unacknowledged += unacknowledged;
        self.compacted = store.history().floor().0;

        let page = store.list(ListRequest::default()).now_or_never().unwrap().unwrap();
        assert_eq!(page.revision, self.newest);
        let content: BTreeMap<_, _> = page
            .entries
            .iter()
            .map(|entry| {
                let tag = value::tag(&entry.value).expect("a whole value");
                (entry.key.to_string(), (entry.mod_revision, tag.to_owned()))
            })
            .collect();
        assert_eq!(content, self.content, "kill {run}: the content is not what the history adds up to");
    }
}

/// `REVISION KEY TAG`, or `-` for the tag of a deletion.
fn parse(line: &str) -> (Revision, Write) {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_else(|| panic!("not a line of the child: {line:?}"));
    let revision = Revision(word().parse().unwrap());
    let key = word().to_owned();
    let tag = word();
    (revision, (key, (tag != "-").then(|| tag.to_owned())))
}

fn events(store: &SqliteStore, after: Revision) -> Vec<Event> {
    let newest = store.history().revision();
    let mut watch = store.watch("", after).now_or_never().unwrap().unwrap();
    let mut events = Vec::new();
    let mut cursor = after;
    while cursor < newest {
        let batch = watch.next().now_or_never().expect("the history is there").unwrap();
        cursor = batch.revision;
        events.extend(batch.events);
    }
    events
}
