//! Where things lie in etcd, and how its revisions become the store's.
//!
//! `<prefix>data/<key>` holds the store's keys; `<prefix>meta/…` what the engine keeps for itself. Both are below one
//! prefix, so that one watch tells of both and one role in etcd's authentication covers both.

use bytes::Bytes;
use grange_store::Revision;

/// The names of one store in etcd.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    root: String,
    data: String,
    /// What is added to etcd's revision. Not 0 in a store that was copied from one that had come further, so that
    /// revisions never fall for its clients.
    offset: u64,
}

impl Keys {
    pub(crate) fn new(prefix: &str, offset: u64) -> Self {
        Keys { root: prefix.to_owned(), data: format!("{prefix}data/"), offset }
    }

    /// Everything of the store: first key and end.
    pub(crate) fn everything(&self) -> (Bytes, Bytes) {
        range(&self.root)
    }

    /// Every key of the store's user: first key and end.
    pub(crate) fn all_data(&self) -> (Bytes, Bytes) {
        range(&self.data)
    }

    pub(crate) fn data(&self, key: &str) -> Bytes {
        Bytes::from(format!("{}{key}", self.data))
    }

    /// The key as its user knows it; `None` is one of the engine's own, or one that another program left.
    pub(crate) fn user_key<'a>(&self, key: &'a [u8]) -> Option<&'a str> {
        std::str::from_utf8(key.strip_prefix(self.data.as_bytes())?).ok().filter(|key| !key.is_empty())
    }

    /// Says what is stored here, in which form.
    pub(crate) fn format(&self) -> Bytes {
        Bytes::from(format!("{}meta/format", self.root))
    }

    /// Written by whoever compacts next.
    pub(crate) fn compaction(&self) -> Bytes {
        Bytes::from(format!("{}meta/compaction", self.root))
    }

    /// The store's revision for one of etcd's.
    pub(crate) fn revision(&self, etcd: i64) -> Revision {
        Revision(u64::try_from(etcd).unwrap_or(0) + self.offset)
    }

    /// Etcd's revision for one of the store's; one that etcd cannot have becomes one that it never reaches.
    pub(crate) fn etcd(&self, revision: Revision) -> i64 {
        i64::try_from(revision.0.saturating_sub(self.offset)).unwrap_or(i64::MAX)
    }
}

/// The range of everything that begins with `prefix`, which ends with a slash: so its end differs in the last byte.
fn range(prefix: &str) -> (Bytes, Bytes) {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    (Bytes::copy_from_slice(prefix.as_bytes()), end.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_revisions_translate_both_ways() {
        let keys = Keys::new("/grange/", 100);
        assert_eq!(keys.user_key(&keys.data("/registry/core/pods/a")), Some("/registry/core/pods/a"));
        assert_eq!(keys.user_key(&keys.format()), None);
        assert_eq!(keys.user_key(b"/grange/data/"), None);
        assert_eq!(keys.everything(), (Bytes::from("/grange/"), Bytes::from("/grange0")));
        assert_eq!((keys.revision(7), keys.etcd(Revision(107))), (Revision(107), 7));
        assert_eq!(keys.etcd(Revision(3)), 0);
    }
}
