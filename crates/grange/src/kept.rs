//! What the servers on one store share beside the management API's objects, outside of what any role can read: made once,
//! by whoever comes first.
use bytes::Bytes;
use grange_store::{Precondition, Store, StoreError};

/// What is under a key.
pub(crate) struct Kept {
    /// The value.
    pub(crate) value: Bytes,
    /// Whether it was put there just now.
    pub(crate) is_new: bool,
}

/// What is under `key`; if that is nothing, what `make` makes is put there.
pub(crate) async fn kept(
    store: &dyn Store,
    key: &str,
    make: impl FnOnce() -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Kept> {
    if let Some(entry) = store.get(key).await? {
        return Ok(Kept { value: entry.value, is_new: false });
    }
    let value = Bytes::from(make()?);
    match store.put(key, value.clone(), Precondition::Absent).await {
        Ok(_) => Ok(Kept { value, is_new: true }),
        // Another server was first.
        Err(StoreError::PreconditionFailed { current: Some(entry), .. }) => {
            Ok(Kept { value: entry.value, is_new: false })
        }
        Err(error) => Err(error.into()),
    }
}
