//! Forgets old history: in memory what has aged here, and in etcd, by one of the servers that share it.
//!
//! Who compacts is settled by a key of etcd: in each interval every server tries to write the present revision there,
//! on condition that nobody has since it last looked. The one that succeeds drops what lies before the revision that
//! stood there, which by then is an interval old. So no server is needed, and none is waited for.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use grange_store::Revision;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    client::{Repeat, compare, header},
    config::{KEEP_AGE, KEEP_REVISIONS},
    failure::Failure,
    shared::Shared,
    wire,
};

/// How finely the age of history is known.
const MARK_INTERVAL: Duration = Duration::from_secs(10);

/// Works until it is dropped.
pub(crate) async fn run(shared: &Shared, compaction_interval: Option<Duration>) {
    tokio::join!(forget(shared), async {
        if let Some(every) = compaction_interval {
            compact(shared, every).await;
        }
    });
}

/// Raises the memory's floor.
async fn forget(shared: &Shared) {
    let history = &shared.history;
    let mut marks: VecDeque<(Instant, Revision)> = VecDeque::new();
    let mut ticks = every(MARK_INTERVAL);
    loop {
        let now = ticks.tick().await;
        marks.push_back((now, history.revision()));
        // The newest mark that has aged is needed; those before it are not.
        while marks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= KEEP_AGE) {
            marks.pop_front();
        }
        let aged = marks.front().filter(|(at, _)| now.duration_since(*at) >= KEEP_AGE);
        let by_age = aged.map_or(Revision(0), |(_, revision)| *revision);
        let by_count = Revision(history.revision().0.saturating_sub(KEEP_REVISIONS));
        // Starting over may have taken the history back behind the mark.
        if history.raise_floor(by_age.min(by_count)).is_ok() {
            while !history.prune().done {
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn compact(shared: &Shared, interval: Duration) {
    let mut ticks = every(interval);
    let mut last = Turn::default();
    loop {
        ticks.tick().await;
        match take_turn(shared, &mut last).await {
            Ok(Some(revision)) => tracing::debug!(revision, "compacted etcd"),
            Ok(None) => {}
            Err(failure) => tracing::warn!(%failure, "etcd was not compacted; its history grows meanwhile"),
        }
    }
}

/// What the key said when this server last looked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Turn {
    /// How often it was written.
    version: i64,
    /// Etcd's revision at the time of the last write.
    revision: i64,
}

/// Tries to be the one that compacts; the revision that it compacted to.
async fn take_turn(shared: &Shared, last: &mut Turn) -> Result<Option<i64>, Failure> {
    let key = shared.keys.compaction();
    let here = shared.keys.etcd(shared.history.revision());
    let put = wire::PutRequest {
        key: key.clone(),
        value: Bytes::from(here.to_string()),
        ..wire::PutRequest::default()
    };
    let get = wire::RangeRequest { key: key.clone(), ..wire::RangeRequest::default() };
    let request = wire::TxnRequest {
        compare: vec![compare(&key, wire::CompareResult::Equal, wire::CompareValue::Version(last.version))],
        success: vec![wire::RequestOp { request: Some(wire::Request::Put(put)) }],
        failure: vec![wire::RequestOp { request: Some(wire::Request::Range(get)) }],
    };
    let answer: wire::TxnResponse = shared.client.call(wire::TXN, request, Repeat::Never).await?;
    header(answer.header)?;
    if !answer.succeeded {
        *last = read_turn(answer.responses);
        return Ok(None);
    }
    let before = std::mem::replace(last, Turn { version: last.version + 1, revision: here });
    if before.revision <= 0 {
        return Ok(None);
    }
    let request = wire::CompactRequest { revision: before.revision };
    match shared.client.call::<_, wire::Empty>(wire::COMPACT, request, Repeat::Harmless).await {
        // Somebody else has, and further.
        Ok(_) | Err(Failure::Compacted) => Ok(Some(before.revision)),
        Err(failure) => Err(failure),
    }
}

fn read_turn(responses: Vec<wire::ResponseOp>) -> Turn {
    let found = responses.into_iter().find_map(|response| match response.response? {
        wire::Response::Range(range) => range.kvs.into_iter().next(),
        _ => None,
    });
    found.map_or_else(Turn::default, |kv| Turn {
        version: kv.version,
        revision: std::str::from_utf8(&kv.value).ok().and_then(|text| text.parse().ok()).unwrap_or(0),
    })
}

fn every(interval: Duration) -> tokio::time::Interval {
    let mut ticks = interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
