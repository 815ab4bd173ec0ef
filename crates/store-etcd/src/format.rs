//! What is stored, in which form: a key that the first server writes and every one reads.

use bytes::Bytes;
use grange_store::Revision;
use serde::{Deserialize, Serialize};

use crate::{
    OpenError,
    client::{Client, Repeat, compare, header},
    failure::Failure,
    keys::Keys,
    wire,
};

/// The one form there is so far.
const FORMAT: u32 = 1;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Format {
    format: u32,
    /// See [`Keys`].
    pub(crate) revision_offset: u64,
}

/// Reads the key, or writes it; the store's names from now on. A store that is new begins no earlier than `origin`.
pub(crate) async fn read_or_write(
    client: &Client,
    prefix: &str,
    origin: Revision,
) -> Result<Result<Keys, OpenError>, Failure> {
    let key = Keys::new(prefix, 0).format();
    let ask = wire::RangeRequest { key: key.clone(), count_only: true, ..wire::RangeRequest::default() };
    let answer: wire::RangeResponse = client.call(wire::RANGE, ask, Repeat::Harmless).await?;
    // A new store begins after what etcd has and after its origin.
    let here = u64::try_from(header(answer.header)?.revision).unwrap_or(0);
    let revision_offset = origin.0.saturating_sub(here);
    let ours = Format { format: FORMAT, revision_offset };
    let value = serde_json::to_vec(&ours).map_err(|error| Failure::Refused(error.to_string()))?;
    let put = wire::PutRequest { key: key.clone(), value: value.into(), ..wire::PutRequest::default() };
    let get = wire::RangeRequest { key: key.clone(), ..wire::RangeRequest::default() };
    let request = wire::TxnRequest {
        compare: vec![compare(&key, wire::CompareResult::Equal, wire::CompareValue::Version(0))],
        success: vec![wire::RequestOp { request: Some(wire::Request::Put(put)) }],
        failure: vec![wire::RequestOp { request: Some(wire::Request::Range(get)) }],
    };
    // Done twice it changes nothing: then the key is there.
    let answer: wire::TxnResponse = client.call(wire::TXN, request, Repeat::Harmless).await?;
    if answer.succeeded {
        return Ok(Ok(Keys::new(prefix, revision_offset)));
    }
    let found = answer.responses.into_iter().find_map(|response| match response.response? {
        wire::Response::Range(range) => range.kvs.into_iter().next(),
        _ => None,
    });
    let value = found.map(|kv| kv.value).unwrap_or_default();
    Ok(parse(&value).map(|format| Keys::new(prefix, format.revision_offset)).map_err(|reason| {
        OpenError::Foreign {
            endpoints: client.addresses(),
            key: String::from_utf8_lossy(&key).into_owned(),
            reason,
        }
    }))
}

fn parse(value: &Bytes) -> Result<Format, String> {
    let format: Format =
        serde_json::from_slice(value).map_err(|error| format!("it is no description of a store: {error}"))?;
    if format.format != FORMAT {
        return Err(format!("format {}; this Grange knows {FORMAT}: use the newer one", format.format));
    }
    Ok(format)
}

/// Whether a server of this version tells the progress of its watches rightly. Earlier ones may say that everything was
/// told before it was (etcd's issue 15220).
pub(crate) fn is_recent_enough(version: &str) -> bool {
    let mut numbers = version.split(['.', '-', '+']).map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    match (next(), next(), next()) {
        (3, 4, patch) => patch >= 31,
        (3, 5, patch) => patch >= 13,
        (major, minor, _) => (major, minor) >= (3, 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_tell_progress_wrongly_are_refused() {
        for good in ["3.4.31", "3.5.13", "3.5.21", "3.6.0", "3.6.0-rc.1", "3.7.2", "4.0.0"] {
            assert!(is_recent_enough(good), "{good}");
        }
        for bad in ["3.3.27", "3.4.23", "3.5.12", "2.3.8", "", "x"] {
            assert!(!is_recent_enough(bad), "{bad}");
        }
    }

    #[test]
    fn only_a_known_format_is_opened() {
        let parsed = parse(&Bytes::from_static(br#"{"format":1,"revisionOffset":7}"#));
        assert_eq!(parsed, Ok(Format { format: 1, revision_offset: 7 }));
        assert!(
            parse(&Bytes::from_static(br#"{"format":2,"revisionOffset":7}"#))
                .unwrap_err()
                .contains("format 2")
        );
        assert!(parse(&Bytes::from_static(b"hello")).is_err());
    }
}
