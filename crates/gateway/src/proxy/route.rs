//! Which lane a request takes and whether its answer may take as long as it likes.

use grange_wire::Lane;
use http::{Request, Uri, header::CONTENT_LENGTH};

/// Bodies above this take the bulk lane.
const BULK_BODY_BYTES: u64 = 1024 * 1024;
/// Parts of paths and queries that mean a long transfer: images and disks going up or down.
const BULK_MARKS: [&str; 6] =
    ["action=upload", "link=download", "/download", "/upload", "uploadproxy", "/vmexport"];
/// Subresources that kube-apiserver itself treats as long-running.
const LONG_RUNNING: [&str; 5] = ["attach", "exec", "log", "portforward", "proxy"];

/// The lane for a request.
pub(crate) fn lane<B>(request: &Request<B>) -> Lane {
    let length =
        request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    if length.is_some_and(|length| length > BULK_BODY_BYTES)
        || BULK_MARKS.iter().any(|mark| target.contains(mark))
    {
        Lane::Bulk
    } else {
        Lane::Interactive
    }
}

/// Whether the answer may begin at any time: watches and what else kube-apiserver gives no deadline.
pub(crate) fn is_long_running(uri: &Uri) -> bool {
    let watches = uri.query().is_some_and(|query| {
        query.split('&').any(|pair| matches!(pair, "watch" | "watch=true" | "watch=1" | "follow=true"))
    });
    watches || uri.path().split('/').any(|segment| segment == "watch" || LONG_RUNNING.contains(&segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes() {
        let check = |target: &str, length: Option<&str>, expect: Lane| {
            let mut request = Request::get(target);
            if let Some(length) = length {
                request = request.header(CONTENT_LENGTH, length);
            }
            assert_eq!(lane(&request.body(()).unwrap()), expect, "{target} {length:?}");
        };
        check("/api/v1/pods", None, Lane::Interactive);
        check("/api/v1/pods", Some("1048576"), Lane::Interactive);
        check("/api/v1/pods", Some("1048577"), Lane::Bulk);
        check("/api/v1/pods", Some("garbage"), Lane::Interactive);
        check("/v1/harvester/harvesterhci.io.virtualmachineimages/default/i?action=upload", None, Lane::Bulk);
        check("/v1/harvester/harvesterhci.io.virtualmachineimages/default/i/download", None, Lane::Bulk);
    }

    #[test]
    fn long_running_requests() {
        let check = |target: &str, expect: bool| {
            assert_eq!(is_long_running(&target.parse().unwrap()), expect, "{target}");
        };
        check("/api/v1/pods", false);
        check("/api/v1/pods?watch=true", true);
        check("/api/v1/pods?a=b&watch=1", true);
        check("/api/v1/pods?watch=false", false);
        check("/api/v1/watch/pods", true);
        check("/api/v1/namespaces/a/pods/b/log?follow=true", true);
        check("/api/v1/namespaces/a/services/b/proxy/path", true);
    }
}
