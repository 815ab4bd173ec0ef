//! Reads everything at one revision, page by page.

use std::sync::Arc;

use bytes::Bytes;
use grange_store::{StoreError, history::Record};

use crate::{
    client::{Client, Repeat},
    failure::Failure,
    keys::Keys,
    wire,
};

/// The first page, and the least: what fits into one message however large the values are.
const PAGE_LEAST_KEYS: i64 = 32;
/// A page grows to this.
const PAGE_MOST_KEYS: i64 = 4_096;
/// A page is about so large: it must not hold up etcd's other business.
const PAGE_BYTES: usize = 4 << 20;

/// Everything at etcd's revision `at`, in rising revision.
pub(crate) async fn records(client: &Client, keys: &Keys, at: i64) -> Result<Vec<Record>, Failure> {
    let (mut start, end) = keys.all_data();
    let mut records = Vec::new();
    let mut limit = PAGE_LEAST_KEYS;
    loop {
        let request = wire::RangeRequest {
            key: start,
            range_end: end.clone(),
            limit,
            revision: at,
            ..wire::RangeRequest::default()
        };
        let page: wire::RangeResponse = client.call(wire::RANGE, request, Repeat::Harmless).await?;
        let Some(last) = page.kvs.last() else { break };
        // The least key after the last one.
        let mut next = last.key.to_vec();
        next.push(0);
        start = Bytes::from(next);
        let size_bytes: usize = page.kvs.iter().map(|kv| kv.key.len() + kv.value.len()).sum();
        limit = next_limit(page.kvs.len(), size_bytes, limit);
        records.extend(page.kvs.into_iter().filter_map(|kv| record(keys, kv, false)));
        if !page.more {
            break;
        }
    }
    records.sort_by_key(|record| record.mod_revision);
    Ok(records)
}

/// A page of [`PAGE_BYTES`], going by the last one; at most twice as many keys, because the next may be larger ones.
fn next_limit(keys: usize, size_bytes: usize, limit: i64) -> i64 {
    let fitting = PAGE_BYTES.saturating_mul(keys) / size_bytes.max(1);
    let fitting = i64::try_from(fitting).unwrap_or(PAGE_MOST_KEYS);
    fitting.min(limit * 2).clamp(PAGE_LEAST_KEYS, PAGE_MOST_KEYS)
}

/// What a key's value means to the history; `None` for a key that is not the user's.
///
/// The value is copied: it would otherwise keep the whole message in memory that it came in.
pub(crate) fn record(keys: &Keys, kv: wire::KeyValue, is_deleted: bool) -> Option<Record> {
    Some(Record {
        key: Arc::from(keys.user_key(&kv.key)?),
        value: (!is_deleted).then(|| Bytes::copy_from_slice(&kv.value)),
        create_revision: keys.revision(kv.create_revision),
        mod_revision: keys.revision(kv.mod_revision),
    })
}

/// An iterator as the history wants it.
pub(crate) fn fallible(records: Vec<Record>) -> impl Iterator<Item = Result<Record, StoreError>> {
    records.into_iter().map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_with_small_values_and_shrink_with_large_ones() {
        assert_eq!(next_limit(32, 32 * 2_000, 32), 64);
        assert_eq!(next_limit(4_096, 4_096 * 100, 4_096), PAGE_MOST_KEYS);
        assert_eq!(next_limit(4_096, 4_096 * 20_000, 4_096), 209);
        assert_eq!(next_limit(64, 64 << 20, 64), PAGE_LEAST_KEYS);
        assert_eq!(next_limit(1, 0, 32), 64);
    }
}
