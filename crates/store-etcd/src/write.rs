//! A write as one transaction: the precondition, the write, and what is there if it does not hold.

use bytes::Bytes;
use grange_store::{Entry, Precondition, StoreError, history::Change};

use crate::{
    client::{Repeat, compare, header},
    failure::Failure,
    keys::Keys,
    shared::Shared,
    wire,
};

/// Writes or deletes a key.
pub(crate) async fn write(
    shared: &Shared,
    key: &str,
    change: Change,
    precondition: Precondition,
) -> Result<Entry, StoreError> {
    let name = shared.keys.data(key);
    let value = match &change {
        Change::Put(value) => Some(value.clone()),
        Change::Delete => None,
    };
    let operation = match value.clone() {
        Some(value) => wire::Request::Put(wire::PutRequest { key: name.clone(), value, prev_kv: true }),
        None => wire::Request::Delete(wire::DeleteRequest { key: name.clone(), prev_kv: true }),
    };
    let get = wire::RangeRequest { key: name.clone(), ..wire::RangeRequest::default() };
    let request = wire::TxnRequest {
        compare: conditions(&shared.keys, &name, precondition, value.is_none()),
        success: vec![wire::RequestOp { request: Some(operation) }],
        failure: vec![wire::RequestOp { request: Some(wire::Request::Range(get)) }],
    };
    let answer: wire::TxnResponse = shared.client.call(wire::TXN, request, Repeat::Never).await?;
    let revision = header(answer.header)?.revision;
    let before = before(answer.responses).map(|kv| entry(&shared.keys, key, kv));
    if !answer.succeeded {
        return Err(StoreError::PreconditionFailed { key: key.to_owned(), current: before });
    }
    let mod_revision = shared.keys.revision(revision);
    match (value, before) {
        (Some(value), before) => Ok(Entry {
            key: before.as_ref().map_or_else(|| key.into(), |entry| entry.key.clone()),
            value,
            create_revision: before.map_or(mod_revision, |entry| entry.create_revision),
            mod_revision,
        }),
        (None, Some(last)) => Ok(Entry { mod_revision, ..last }),
        (None, None) => Err(Failure::Refused("it deleted a key and does not say which".to_owned()).into()),
    }
}

/// Of a key that does not exist, etcd compares the revision 0.
fn conditions(
    keys: &Keys,
    name: &Bytes,
    precondition: Precondition,
    is_deletion: bool,
) -> Vec<wire::Compare> {
    use wire::{CompareResult, CompareValue::ModRevision};
    let mut conditions = Vec::new();
    let exists = || compare(name, CompareResult::Greater, ModRevision(0));
    match precondition {
        Precondition::None => {}
        Precondition::Absent => conditions.push(compare(name, CompareResult::Equal, ModRevision(0))),
        Precondition::Present => conditions.push(exists()),
        Precondition::ModRevision(revision) => {
            conditions.push(compare(name, CompareResult::Equal, ModRevision(keys.etcd(revision))));
            // Revision 0 is no key's.
            conditions.push(exists());
        }
    }
    if is_deletion && matches!(precondition, Precondition::None | Precondition::Absent) {
        conditions.push(exists());
    }
    conditions
}

/// The value before: of a write that happened, or what kept it from happening.
fn before(responses: Vec<wire::ResponseOp>) -> Option<wire::KeyValue> {
    responses.into_iter().find_map(|response| match response.response? {
        wire::Response::Range(range) => range.kvs.into_iter().next(),
        wire::Response::Put(put) => put.prev_kv,
        wire::Response::Delete(delete) => delete.prev_kvs.into_iter().next(),
    })
}

fn entry(keys: &Keys, key: &str, kv: wire::KeyValue) -> Entry {
    Entry {
        key: key.into(),
        value: kv.value,
        create_revision: keys.revision(kv.create_revision),
        mod_revision: keys.revision(kv.mod_revision),
    }
}
