//! Reading parts of a stored object without building a tree: the path of every list, watch and selector.
//!
//! Both readers rely on the stored form's invariant (see [`crate::object`]): metadata stands near the front, so they
//! start there and stop as soon as they have what they want. They do not check what lies behind.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{json::JsonError, object::OwnerReference};

/// What selectors, garbage collection and tables need of a stored object, borrowed from its bytes, without a tree.
#[derive(Debug, Default)]
pub struct StoredHeader<'a> {
    /// The metadata.
    pub metadata: HeaderMetadata<'a>,
}

/// The metadata of a [`StoredHeader`]; absent and `null` fields are empty, unknown ones are skipped.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderMetadata<'a> {
    /// The object's name.
    #[serde(borrow, deserialize_with = "text")]
    pub name: Cow<'a, str>,
    /// The object's namespace, or `""`.
    #[serde(borrow, deserialize_with = "text")]
    pub namespace: Cow<'a, str>,
    /// The object's uid.
    #[serde(borrow, deserialize_with = "text")]
    pub uid: Cow<'a, str>,
    /// The object's labels.
    #[serde(borrow, deserialize_with = "text_map")]
    pub labels: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// When the object was made.
    #[serde(borrow, deserialize_with = "optional_text")]
    pub creation_timestamp: Option<Cow<'a, str>>,
    /// When the object was asked to go.
    #[serde(borrow, deserialize_with = "optional_text")]
    pub deletion_timestamp: Option<Cow<'a, str>>,
    /// Who owns the object.
    #[serde(deserialize_with = "or_default")]
    pub owner_references: Vec<OwnerReference>,
    /// What keeps the object.
    #[serde(borrow, deserialize_with = "text_list")]
    pub finalizers: Vec<Cow<'a, str>>,
}

impl<'a> StoredHeader<'a> {
    /// Reads the header of a stored object. Only `metadata` is read: the rest, however large, costs nothing.
    pub fn parse(stored: &'a [u8]) -> Result<Self, JsonError> {
        let Some(metadata) = metadata_bytes(stored) else { return Ok(StoredHeader::default()) };
        let mut deserializer = serde_json::Deserializer::from_slice(metadata);
        Ok(StoredHeader { metadata: HeaderMetadata::deserialize(&mut deserializer)? })
    }
}

/// The value of a dotted field path (`metadata.name`, `status.phase`, `spec.nodeName`) of a stored object as text
/// (strings bare, numbers and booleans as written; absent, `null`, lists and objects as `""`), read without building a
/// tree.
pub fn stored_field(stored: &[u8], path: &str) -> String {
    let (start, path) = match path.strip_prefix("metadata.").zip(metadata_bytes(stored)) {
        Some((rest, metadata)) => (metadata, rest),
        None => (stored, path),
    };
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_slice(start);
    // The walk leaves the document as soon as it has found the field, which serde_json reports as an error; nothing
    // else can go wrong with bytes that we wrote ourselves, and then the field reads as absent.
    let _ = FieldWalk { path, found: &mut found }.deserialize(&mut deserializer);
    let text = found.unwrap_or_default();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).unwrap_or_default(),
        Some(b'{' | b'[' | b'n') => String::new(),
        _ => text.to_owned(),
    }
}

/// The bytes from the brace that opens `metadata`.
fn metadata_bytes(stored: &[u8]) -> Option<&[u8]> {
    let at = crate::object::splice_point(stored);
    stored.get(at.checked_sub(1)?..).filter(|rest| rest.first() == Some(&b'{'))
}

/// Descends along a dotted path and keeps the raw text of the value at its end.
struct FieldWalk<'path, 'found, 'de> {
    path: &'path str,
    found: &'found mut Option<&'de str>,
}

impl<'de> DeserializeSeed<'de> for FieldWalk<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FieldWalk<'_, '_, 'de> {
    type Value = ();
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (wanted, rest) =
            self.path.split_once('.').map_or((self.path, None), |(key, rest)| (key, Some(rest)));
        while let Some(Text(key)) = map.next_key()? {
            if key != wanted {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            match rest {
                Some(path) => map.next_value_seed(FieldWalk { path, found: self.found })?,
                None => *self.found = Some(map.next_value::<&RawValue>()?.get()),
            }
            return Ok(());
        }
        Ok(())
    }
}

/// A string that is borrowed where the JSON has no escapes; `null` reads as empty. (serde borrows a bare `Cow` field
/// on request, but never one inside a list or a map.)
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed("")))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    Ok(Text::deserialize(deserializer)?.0)
}

fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    Ok(Some(text(deserializer)?).filter(|text| !text.is_empty()))
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn text_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cow<'de, str>>, D::Error> {
    struct ListVisitor;
    impl<'de> Visitor<'de> for ListVisitor {
        type Value = Vec<Cow<'de, str>>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list of strings")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut texts = Vec::new();
            while let Some(Text(text)) = list.next_element()? {
                texts.push(text);
            }
            Ok(texts)
        }
    }
    deserializer.deserialize_any(ListVisitor)
}

fn text_map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Cow<'de, str>, Cow<'de, str>>, D::Error> {
    struct MapVisitor;
    impl<'de> Visitor<'de> for MapVisitor {
        type Value = BTreeMap<Cow<'de, str>, Cow<'de, str>>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a map of strings")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut texts = BTreeMap::new();
            while let Some((Text(key), Text(value))) = map.next_entry()? {
                texts.insert(key, value);
            }
            Ok(texts)
        }
    }
    deserializer.deserialize_any(MapVisitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: &[u8] = br#"{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"a":"b"},"deletionTimestamp":null,"finalizers":["x/y"],"labels":{"app":"web","e":"a\"b","n":null},"managedFields":[{"x":[1,{}]}],"name":"a","namespace":"ns","ownerReferences":[{"apiVersion":"v1","extra":1,"kind":"Node","name":"n","uid":"u"}],"uid":"u1"},"spec":{"hostNetwork":true,"nodeName":"node-1","priority":-5,"ratio":1.50},"status":{"phase":"Run\u006eing","x":null}}"#;

    #[test]
    fn the_header_borrows_and_skips_what_it_does_not_know() {
        let header = StoredHeader::parse(STORED).unwrap().metadata;
        assert_eq!((&*header.name, &*header.namespace, &*header.uid), ("a", "ns", "u1"));
        assert!(matches!(header.labels["app"], Cow::Borrowed("web")));
        assert_eq!(header.labels["e"], "a\"b");
        assert_eq!(header.labels["n"], "");
        assert_eq!(header.finalizers, ["x/y"]);
        assert_eq!(header.deletion_timestamp, None);
        assert_eq!(header.owner_references[0].uid, "u");
    }

    #[test]
    fn nulls_and_missing_metadata_read_as_empty() {
        let nulls = br#"{"metadata":{"name":null,"labels":null,"finalizers":null,"ownerReferences":null}}"#;
        let header = StoredHeader::parse(nulls).unwrap().metadata;
        assert!(header.name.is_empty() && header.labels.is_empty() && header.finalizers.is_empty());
        assert!(StoredHeader::parse(b"{}").unwrap().metadata.name.is_empty());
        assert!(StoredHeader::parse(br#"{"metadata":{"name":1}}"#).is_err());
    }

    #[test]
    fn fields_are_read_as_text() {
        for (path, expect) in [
            ("metadata.name", "a"),
            ("metadata.labels.app", "web"),
            ("spec.nodeName", "node-1"),
            ("spec.hostNetwork", "true"),
            ("spec.priority", "-5"),
            ("spec.ratio", "1.50"),
            ("status.phase", "Running"),
            ("status.x", ""),
            ("status", ""),
            ("metadata.finalizers", ""),
            ("spec.none", ""),
            ("none.at.all", ""),
            ("kind", "Pod"),
            ("kind.deeper", ""),
            ("", ""),
        ] {
            assert_eq!(stored_field(STORED, path), expect, "{path}");
        }
        assert_eq!(stored_field(b"garbage", "a.b"), "");
    }
}
